package compare

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Page is the generated part of pageFile, as Markdown: pictures, and the figures
// by which the two are compared at a glance.
func (r *Results) Page() string {
	var b strings.Builder
	paragraph := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n\n", args...) }
	paragraph("%s", r.summary())
	paragraph("In the tables the first figure is that of gosentinel, the second that of the stock model. [The appendix](%s) has all figures.", tablesFile)
	paragraph("### One fault")
	paragraph("![Times from the fault to +odown, promotion and convergence](img/%s)", timesFile)
	paragraph("![Lost writes and time with two masters](img/%s)", damageFile)
	paragraph("%s", strings.TrimSpace(glance.renderPairs(r.singles)))
	paragraph("### Many faults at once")
	paragraph("%s", strings.TrimSpace(mixesAtAGlance.renderPairs(r.mixed)))
	return strings.TrimSpace(b.String()) + "\n"
}

// Tables is the text of tablesFile: all figures.
func (r *Results) Tables() string {
	var b strings.Builder
	paragraph := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n\n", args...) }
	paragraph("# In the simulator, all figures")
	paragraph("<!-- Written by make sim-stats. Do not edit. -->")
	paragraph("%s [simulation.md](../%s) explains what is compared.", r.summary(), pageFile)
	paragraph("## One fault: how long it takes")
	paragraph("From the fault, less down-after where the Sentinels had to wait for it; p50, p90 and p99 are quantiles of all failovers.")
	paragraph("%s", strings.TrimSpace(times.render(failing(r.singles))))
	paragraph("## One fault: what it costs")
	paragraph("Of each run, to the end: also what happens when everything is healed counts.")
	paragraph("%s", strings.TrimSpace(damage.render(r.singles)))
	paragraph("## Many faults at once")
	paragraph("Times less down-after, from the fault that took the master out of service, whatever else was going on.")
	paragraph("%s", strings.TrimSpace(everything.render(r.mixed)))
	return strings.TrimSpace(b.String()) + "\n"
}

func (r *Results) summary() string {
	return fmt.Sprintf("Seeds %d to %d, each with gosentinel and with the model of stock Sentinel: %d runs, %.0f hours of virtual time.",
		r.first, r.first+r.seeds-1, r.runs(), r.played().Hours())
}

// The files below the documentation.
const (
	pageFile   = "simulation.md"
	tablesFile = "appendix/simulation-tables.md"
	timesFile  = "simulation-times.svg"
	damageFile = "simulation-damage.svg"
)

// The generated part of pageFile lies between these lines.
const (
	beginMark = "<!-- What follows is written by make sim-stats. -->\n"
	endMark   = "<!-- Here ends what make sim-stats writes. -->\n"
)

// Write writes the page of r, its tables and its pictures into dir, anew.
func (r *Results) Write(dir string) error {
	name := filepath.Join(dir, pageFile)
	old, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	text, err := replaced(string(old), r.Page())
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, sub := range []string{"img", filepath.Dir(tablesFile)} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	for file, content := range map[string]string{
		name:                                  text,
		filepath.Join(dir, tablesFile):        r.Tables(),
		filepath.Join(dir, "img", timesFile):  chart("How long a failover takes, from the fault, less down-after", timePanels, failing(r.singles)),
		filepath.Join(dir, "img", damageFile): chart("What a fault costs", damagePanels, r.singles),
	} {
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// divide separates into what lies before, in and behind the generated part.
func divide(page string) (before, generated, after string, err error) {
	before, rest, begins := strings.Cut(page, beginMark)
	generated, after, ends := strings.Cut(rest, endMark)
	if !begins || !ends {
		return "", "", "", fmt.Errorf("there is no generated part: want it between the lines %q and %q", strings.TrimSpace(beginMark), strings.TrimSpace(endMark))
	}
	return before, generated, after, nil
}

func replaced(page, generated string) (string, error) {
	before, _, after, err := divide(page)
	return before + beginMark + "\n" + generated + "\n" + endMark + after, err
}
