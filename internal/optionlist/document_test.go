package optionlist

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/internal/option"
)

var write = flag.Bool("write", false, "write docs/options.md anew instead of comparing it")

const document = "../../docs/options.md"

// TestDocument keeps docs/options.md true.
func TestDocument(t *testing.T) {
	if *write {
		if err := os.WriteFile(document, []byte(Document()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != Document() {
		t.Error("docs/options.md is not what the tables say; write it anew with: go test ./internal/optionlist -write")
	}
}

// TestRows: names are unique in what they belong to, in lower case, and explained.
func TestRows(t *testing.T) {
	total := 0
	for _, s := range All() {
		seen := map[string]bool{}
		for _, d := range s.Options {
			total++
			for _, name := range append([]string{d.Name}, d.Aliases...) {
				if name == "" || name != strings.ToLower(name) || seen[name] {
					t.Errorf("%q is no good name for an option, or the second of that name", name)
				}
				seen[name] = true
			}
			if d.Doc == "" || !strings.HasSuffix(d.Doc, ".") {
				t.Errorf("%s is not explained: %q", d.Name, d.Doc)
			}
			if d.Kind == option.Duration && d.Unit == 0 {
				t.Errorf("%s has no unit", d.Name)
			}
			if d.Hi != 0 && d.Hi < d.Lo {
				t.Errorf("%s must be between %d and %d", d.Name, d.Lo, d.Hi)
			}
			if (s.Scope == OfPeriods) != (d.Where == option.ByDebug) {
				t.Errorf("%s can be set in the wrong way: %b", d.Name, d.Where)
			}
		}
	}
	if total < 80 {
		t.Errorf("only %d options are listed", total)
	}
}
