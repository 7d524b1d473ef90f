package overview

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gosentinel/sentinel/internal/doctor"
)

// Table writes a line for each master.
func (o *Overview) Table(w io.Writer) error {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "MASTER\tADDRESS\tSTATE\tREPLICAS\tSENTINELS\tQUORUM\tEPOCH")
	for _, g := range o.Groups {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d of %d up\t%d of %d\t%d\t%d\n", cell(g.Name), cell(g.Addr), g.State, g.Up, len(g.Servers)-1, g.Usable, g.Known, g.Quorum, g.Epoch)
	}
	t.Flush()
	_, err := io.WriteString(w, doctor.Printable(b.String()))
	return err
}

// cell keeps what others have named from breaking the table.
func cell(s string) string { return strings.NewReplacer("\t", "?", "\n", "?").Replace(s) }

// Tree writes the members of each master, and what is wrong with it.
func (o *Overview) Tree(w io.Writer) error {
	var b strings.Builder
	for k, g := range o.Groups {
		if k > 0 {
			b.WriteString("\n")
		}
		g.tree(&b)
	}
	_, err := io.WriteString(w, doctor.Printable(b.String()))
	return err
}

func (g *Group) tree(b *strings.Builder) {
	fmt.Fprintf(b, "%s  %s  %s\n", cell(g.Name), cell(g.Addr), g.State)
	var lines strings.Builder
	t := tabwriter.NewWriter(&lines, 0, 0, 2, ' ', 0)
	for _, s := range g.Servers {
		var more []string
		if s.Behind >= 0 {
			more = append(more, fmt.Sprintf("%d bytes behind", s.Behind))
		}
		if s.Priority != "" {
			more = append(more, "priority "+s.Priority)
		}
		if s.RTT > 0 {
			more = append(more, fmt.Sprintf("%.1f ms away", float64(s.RTT)/float64(time.Millisecond)))
		}
		if s.Version != "" {
			more = append(more, s.Version)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", s.Role, cell(s.Addr), cell(strings.Join(append([]string{s.State}, more...), ", ")))
	}
	for _, s := range g.Sentinels {
		more := ""
		if s.Software != "" {
			more = ", " + s.Software
		}
		fmt.Fprintf(t, "sentinel\t%s\t%s\n", cell(s.Addr), cell(s.Thinks+more))
	}
	t.Flush()
	all := strings.Split(strings.TrimRight(lines.String(), "\n"), "\n")
	for k, l := range all {
		branch := "├─ "
		if k == len(all)-1 {
			branch = "└─ "
		}
		b.WriteString(branch + strings.TrimRight(l, " ") + "\n")
	}
	for _, f := range g.Findings {
		if f.Level != doctor.Note {
			fmt.Fprintf(b, "   %s%s: %s\n", f.Level, at(f.Where), f.What)
		}
	}
}

func at(where []string) string {
	if len(where) == 0 {
		return ""
	}
	return " at " + strings.Join(where, ", ")
}

// Rest writes what is wrong beside the masters, and where more is said.
func (o *Overview) Rest(w io.Writer) error {
	var b strings.Builder
	for _, f := range o.Other {
		if f.Level != doctor.Note {
			fmt.Fprintf(&b, "%s%s: %s\n", f.Level, at(f.Where), f.What)
		}
	}
	if o.Status > 0 {
		b.WriteString("What mends it: gosentinel doctor, with the same arguments.\n")
	}
	_, err := io.WriteString(w, doctor.Printable(b.String()))
	return err
}

// JSON writes all of it for programs.
func (o *Overview) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if o.Groups == nil {
		o.Groups = []Group{}
	}
	return e.Encode(o)
}
