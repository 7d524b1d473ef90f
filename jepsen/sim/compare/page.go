package compare

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Page is the generated part of the documentation, as Markdown.
func (r *Results) Page() string {
	var b strings.Builder
	heading := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n\n", args...) }
	heading("Seeds %d to %d, each with gosentinel and with the model of stock Sentinel: %d runs, %.0f hours of virtual time.",
		r.first, r.first+r.seeds-1, r.runs(), r.played().Hours())
	heading("### One fault: how long it takes")
	heading("![Times from the fault to +odown, promotion and convergence](img/%s)", timesFile)
	heading("From the fault, less down-after where the Sentinels had to wait for it; p50, p90 and p99 are quantiles of all failovers.")
	heading("%s", strings.TrimSpace(times.render(failing(r.singles))))
	heading("### One fault: what it costs")
	heading("![Lost writes and time with two masters](img/%s)", damageFile)
	heading("Of each run, to the end: also what happens when everything is healed counts.")
	heading("%s", strings.TrimSpace(damage.render(r.singles)))
	heading("### Many faults at once")
	heading("Times less down-after, from the fault that took the master out of service, whatever else was going on.")
	heading("%s", strings.TrimSpace(everything.render(r.mixed)))
	return strings.TrimSpace(b.String()) + "\n"
}

// The files below the documentation.
const (
	pageFile   = "simulation.md"
	timesFile  = "simulation-times.svg"
	damageFile = "simulation-damage.svg"
)

// The generated part of pageFile lies between these lines.
const (
	beginMark = "<!-- What follows is written by make sim-stats. -->\n"
	endMark   = "<!-- Here ends what make sim-stats writes. -->\n"
)

// Write writes the page of r and its pictures into dir, anew.
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
	if err := os.MkdirAll(filepath.Join(dir, "img"), 0o755); err != nil {
		return err
	}
	for file, content := range map[string]string{
		name:                                  text,
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
