package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gosentinel/sentinel/internal/mock"
)

// The table stands between these lines of the document.
const (
	tableBegin = "<!-- written by go test ./jepsen/clients -write -->\n"
	tableEnd   = "<!-- end -->\n"
)

// document is docs/clients.md, with the table as it is and as it was seen.
type document struct {
	path, before, after string
	versions            []string            // of the table, by library
	rows                map[string][]string // of the table: by script, a cell for each library

	mu   sync.Mutex
	seen map[int]column
}

type column struct {
	version string
	cells   []string // in the order of scripts
}

func readDocument(t *testing.T) *document {
	t.Helper()
	d := &document{path: filepath.Join("..", "..", "docs", "clients.md"), rows: map[string][]string{}, seen: map[int]column{}}
	text, err := os.ReadFile(d.path)
	if err != nil {
		t.Fatal(err)
	}
	var found [2]bool
	var table string
	d.before, table, found[0] = strings.Cut(string(text), tableBegin)
	table, d.after, found[1] = strings.Cut(table, tableEnd)
	if !found[0] || !found[1] {
		t.Fatalf("%s has no lines %q and %q", d.path, tableBegin, tableEnd)
	}
	d.versions = make([]string, len(libraries))
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case len(cells) != len(libraries)+1:
		case cells[0] == "script":
			for i, l := range libraries {
				d.versions[i] = strings.TrimPrefix(cells[i+1], l.name+" ")
			}
		default:
			d.rows[strings.Trim(cells[0], "`")] = cells[1:]
		}
	}
	return d
}

// byChance is the script that a library passes in some runs and fails in others: which
// of two messages that are under way at once it takes first decides.
var byChance = map[string]string{"rueidis": "lost-subscription"}

// cell is what the table says of a verdict.
func cell(v mock.Verdict) string {
	if v.Result == mock.Pass {
		return "passes"
	}
	return "**fails**"
}

// compare compares what a library did with its column of the table.
func (d *document) compare(t *testing.T, library int, version string, verdicts []mock.Verdict) {
	t.Helper()
	seen := column{version: version}
	for i, v := range verdicts {
		if byChance[libraries[library].name] == scripts()[i] {
			seen.cells = append(seen.cells, "by chance")
		} else {
			seen.cells = append(seen.cells, cell(v))
		}
	}
	d.mu.Lock()
	d.seen[library] = seen
	d.mu.Unlock()
	switch {
	case *write:
		return
	case version != d.versions[library]:
		t.Logf("release %s is not the one of the table, %s", version, d.versions[library])
		return
	}
	for i, name := range scripts() {
		row := d.rows[name]
		if row == nil {
			t.Errorf("%s has no row for %s: go test ./jepsen/clients -write", d.path, name)
		} else if row[library] != seen.cells[i] {
			t.Errorf("%s: it %s: line %d: %s; %s says that it %s", name, seen.cells[i], verdicts[i].Line, verdicts[i].Reason, d.path, row[library])
		}
	}
}

// write writes the document with a new table.
func (d *document) write(t *testing.T) {
	t.Helper()
	head, line := "| script |", "|---|"
	for i, l := range libraries {
		if _, played := d.seen[i]; !played {
			t.Fatalf("%s was not played, so the table cannot be written", l.name)
		}
		head += fmt.Sprintf(" %s %s |", l.name, d.seen[i].version)
		line += "---|"
	}
	rows := []string{head, line}
	for i, name := range slices.Sorted(slices.Values(scripts())) {
		row := "| `" + name + "` |"
		for j := range libraries {
			row += " " + d.seen[j].cells[i] + " |"
		}
		rows = append(rows, row)
	}
	text := d.before + tableBegin + strings.Join(rows, "\n") + "\n" + tableEnd + d.after
	if err := os.WriteFile(d.path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
