package ecosystem

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The table stands between these lines of the document.
const (
	libraryTableBegin = "<!-- written by go test ./jepsen/ecosystem -run TestClientLibraries -long -write -->\n"
	libraryTableEnd   = "<!-- end of the libraries -->\n"
)

// libraryTable is the table of docs/clients.md, as it is and as it was seen.
type libraryTable struct {
	path, before, text, after string

	mu       sync.Mutex
	versions map[string]string             // by library
	outages  map[string]map[where][]outage // by library
}

// where is a cell of a row.
type where struct{ setup, strike string }

func readLibraryTable(t *testing.T) *libraryTable {
	t.Helper()
	d := &libraryTable{
		path:     filepath.Join("..", "..", "docs", "clients.md"),
		versions: map[string]string{}, outages: map[string]map[where][]outage{},
	}
	d.read(t)
	return d
}

func (d *libraryTable) read(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(d.path)
	if err != nil {
		t.Fatal(err)
	}
	var begins, ends bool
	d.before, d.text, begins = strings.Cut(string(text), libraryTableBegin)
	d.text, d.after, ends = strings.Cut(d.text, libraryTableEnd)
	if !begins || !ends {
		t.Fatalf("%s has no lines %q and %q", d.path, libraryTableBegin, libraryTableEnd)
	}
}

// add notes what a library met.
func (d *libraryTable) add(library, release string, s setup, strike string, o outage) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.versions[library] = release
	if d.outages[library] == nil {
		d.outages[library] = map[where][]outage{}
	}
	cell := where{s.name, strike}
	d.outages[library][cell] = append(d.outages[library][cell], o)
	seen.row(s.name+", "+strike, library+" "+release, "it writes on",
		fmt.Sprintf("after %d ms, %d calls failed, %d lost %.300q", o.gap.Milliseconds(), o.failed, o.lost, o.errors))
}

// compare fails the test when the document misses a library. A new release and other
// figures are no failures.
func (d *libraryTable) compare(t *testing.T) {
	t.Helper()
	for _, l := range clientLibraries {
		if !strings.Contains(d.text, "\n| "+l.name+" |") && !*write {
			t.Errorf("%s has no row for %s: go test ./jepsen/ecosystem -run TestClientLibraries -long -write", d.path, l.name)
		}
	}
}

// write writes the document with a new table.
func (d *libraryTable) write(t *testing.T) {
	t.Helper()
	head, line := "| library | release | it needs |", "|---|---|---|"
	for _, s := range setups {
		for _, strike := range strikes {
			head += fmt.Sprintf(" %s: %s |", s.name, strike.name)
			line += "---:|"
		}
	}
	rows := []string{head, line}
	for _, l := range clientLibraries {
		row := fmt.Sprintf("| %s | %s, %s | %s |", l.name, d.versions[l.name], l.from, l.needs)
		for _, s := range setups {
			for _, strike := range strikes {
				row += " " + d.cell(t, l, s, strike.name) + " |"
			}
		}
		rows = append(rows, row)
	}
	d.read(t) // minutes have passed, and somebody may have edited it
	text := d.before + libraryTableBegin + strings.Join(rows, "\n") + "\n" + libraryTableEnd + d.after
	if err := os.WriteFile(d.path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// cell has the medians of the gaps in ms, of the failed calls and of the lost writes, or why
// there are none.
func (d *libraryTable) cell(t *testing.T, l library, s setup, strike string) string {
	t.Helper()
	if why := l.cannot[s.name]; why != "" {
		return why
	}
	outages := d.outages[l.name][where{s.name, strike}]
	if len(outages) == 0 {
		t.Fatalf("%s was not tried with %s, so the table cannot be written", l.name, s.name)
	}
	gap := median(outages, func(o outage) int64 { return o.gap.Milliseconds() })
	if l.conversation != "" {
		return fmt.Sprint(gap)
	}
	text := fmt.Sprintf("%d (%d)", gap, median(outages, func(o outage) int64 { return int64(o.failed) }))
	if lost := median(outages, func(o outage) int64 { return o.lost }); lost > 0 {
		text += fmt.Sprintf(", **%d lost**", lost)
	}
	return text
}

func median(outages []outage, of func(outage) int64) int64 {
	var all []int64
	for _, o := range outages {
		all = append(all, of(o))
	}
	slices.Sort(all)
	return all[len(all)/2]
}
