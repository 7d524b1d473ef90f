package doctor

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Finding is something that will not work, or not as expected.
type Finding struct {
	Kind   string   `json:"kind"`
	Level  Level    `json:"level"`
	Master string   `json:"master,omitempty"`
	Where  []string `json:"where,omitempty"` // addresses, or a line of a file
	What   string   `json:"what"`
	Mend   []string `json:"mend,omitempty"` // commands, or lines to write, one after the other
}

// Report is what was found.
type Report struct {
	Findings  []Finding `json:"findings"`
	Looked    []string  `json:"looked"` // at what, in words
	NotLooked []string  `json:"not_looked,omitempty"`
}

// add adds a finding with the level of its kind. One that differs from an earlier one only in the
// place is put together with it.
func (r *Report) add(f Finding) {
	if f.Level == "" {
		f.Level = kinds[rank[f.Kind]].Level
	}
	for k := range r.Findings {
		g := &r.Findings[k]
		if g.Kind == f.Kind && g.Master == f.Master && g.What == f.What && g.Level == f.Level {
			g.Where = union(g.Where, f.Where)
			g.Mend = union(g.Mend, f.Mend)
			return
		}
	}
	r.Findings = append(r.Findings, f)
}

func union(a, b []string) []string {
	for _, x := range b {
		if !slices.Contains(a, x) {
			a = append(a, x)
		}
	}
	return a
}

var levels = []Level{Danger, Warning, Note}

// Sort puts the most dangerous findings first.
func (r *Report) Sort() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(slices.Index(levels, a.Level)-slices.Index(levels, b.Level), rank[a.Kind]-rank[b.Kind],
			strings.Compare(a.Master, b.Master), slices.Compare(a.Where, b.Where))
	})
}

// Count returns how many findings have a level.
func (r *Report) Count(l Level) (n int) {
	for _, f := range r.Findings {
		if f.Level == l {
			n++
		}
	}
	return n
}

// Status is the exit status: 2 if anything is dangerous, 1 if there is a warning, else 0.
func (r *Report) Status() int {
	switch {
	case r.Count(Danger) > 0:
		return 2
	case r.Count(Warning) > 0:
		return 1
	}
	return 0
}

// JSON writes the report for programs.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if r.Findings == nil {
		r.Findings = []Finding{}
	}
	return e.Encode(struct {
		Status int `json:"status"`
		*Report
	}{r.Status(), r})
}

// mostAlike is how many findings of one kind are printed for people.
const mostAlike = 5

// Print writes the report for people. What others said in it cannot steer a terminal.
func (r *Report) Print(w io.Writer) error {
	var b strings.Builder
	alike := 0
	for k, f := range r.Findings {
		if alike++; k == 0 || f.Kind != r.Findings[k-1].Kind || f.Level != r.Findings[k-1].Level {
			alike = 1
		}
		if alike > mostAlike {
			if last := k+1 == len(r.Findings) || r.Findings[k+1].Kind != f.Kind || r.Findings[k+1].Level != f.Level; last {
				fmt.Fprintf(&b, "   and %d more like it, which --json has\n\n", alike-mostAlike)
			}
			continue
		}
		fmt.Fprintf(&b, "%d. %s  %s", k+1, strings.ToUpper(string(f.Level)), f.Kind)
		if f.Master != "" {
			fmt.Fprintf(&b, "  master %s", f.Master)
		}
		if len(f.Where) > 0 {
			fmt.Fprintf(&b, "  at %s", some(f.Where))
		}
		b.WriteString("\n" + fold(f.What, "   "))
		for _, m := range f.Mend {
			fmt.Fprintf(&b, "     > %s\n", m)
		}
		b.WriteString("\n")
	}
	for _, l := range r.Looked {
		b.WriteString("Looked at: " + l + "\n")
	}
	for k, l := range r.NotLooked {
		if k == 10 {
			fmt.Fprintf(&b, "Not looked at: %d more (all are in --json)\n", len(r.NotLooked)-k)
			break
		}
		b.WriteString("Not looked at: " + l + "\n")
	}
	b.WriteString(r.summary() + "\n")
	_, err := io.WriteString(w, Printable(b.String()))
	return err
}

func (r *Report) summary() string {
	var parts []string
	for _, l := range levels {
		switch n := r.Count(l); n {
		case 0:
		case 1:
			parts = append(parts, "1 "+string(l))
		default:
			parts = append(parts, fmt.Sprintf("%d %ss", n, l))
		}
	}
	switch {
	case len(parts) == 0:
		return "Nothing to mend."
	case r.Status() == 0:
		return "Nothing to mend; " + strings.Join(parts, ", ") + "."
	}
	return "Found: " + strings.Join(parts, ", ") + "."
}

// some lists a few words.
func some(list []string) string {
	if len(list) > 5 {
		return strings.Join(list[:5], ", ") + fmt.Sprintf(" and %d more", len(list)-5)
	}
	return strings.Join(list, ", ")
}

// fold breaks a text into lines of up to 96 columns.
func fold(text, indent string) string {
	var b strings.Builder
	n := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case n == 0:
			b.WriteString(indent + word)
			n = len(indent) + len(word)
			continue
		case n+1+len(word) > 96:
			b.WriteString("\n" + indent + word)
			n = len(indent) + len(word)
			continue
		}
		b.WriteString(" " + word)
		n += 1 + len(word)
	}
	return b.String() + "\n"
}

// Printable returns a text without characters that steer a terminal, line ends apart.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// plainWord needs no quotes; a word in angle brackets is for the reader to replace.
var plainWord = regexp.MustCompile(`^([A-Za-z0-9_@%+=:,./-]+|<[a-z ]+>)$`)

// shell returns a command line.
func shell(words ...string) string {
	quoted := make([]string, len(words))
	for k, w := range words {
		if quoted[k] = w; !plainWord.MatchString(w) {
			quoted[k] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// cli returns the command line that says something to a Sentinel or server.
func cli(addr string, words ...string) string {
	host, port, _ := net.SplitHostPort(addr)
	return shell(append([]string{"redis-cli", "-h", host, "-p", port}, words...)...)
}
