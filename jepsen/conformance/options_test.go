package conformance

import (
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/internal/option"
	"github.com/gosentinel/sentinel/internal/optionlist"
)

// TestEveryOptionIsCompared: an option that a command sets stands in the table of
// command lines, and one that both implementations save in the random files.
func TestEveryOptionIsCompared(t *testing.T) {
	var lines, files strings.Builder
	for _, g := range groups() {
		for _, line := range g.lines {
			lines.WriteString(strings.ToLower(line) + "\n")
		}
	}
	for seed := range uint64(200) {
		for _, line := range newPlan(seed).lines {
			files.WriteString(strings.ToLower(strings.TrimSpace(line)) + "\n")
		}
	}
	for _, s := range optionlist.All() {
		for _, d := range s.Options {
			compared := func(where option.Where, command string) {
				for _, name := range append([]string{d.Name}, d.Aliases...) {
					if d.Where.Has(where) && !mentions(lines.String(), command, " "+name+" ") {
						t.Errorf("no line compares %s of %s", command, name)
					}
				}
			}
			compared(option.BySet, "sentinel set ")
			compared(option.ByConfigSet, "sentinel config set ")
			compared(option.ByDebug, "sentinel debug ")
			// originals of today refuse can-failover, and all that is only here
			if s.Scope <= optionlist.Global && d.Where.Has(option.InConf) && d.Name != "can-failover" && d.Since != "gosentinel" &&
				!mentions(files.String(), "sentinel ", d.Name+" ") {
				t.Errorf("no file compares %s", d.Name)
			}
		}
	}
}

// mentions reports whether a line of text begins with a command and holds a word.
func mentions(text, command, word string) bool {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), command); ok && strings.Contains(" "+rest+" ", word) {
			return true
		}
	}
	return false
}
