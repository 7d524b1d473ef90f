package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/check"
	"github.com/gosentinel/sentinel/jepsen/schedule"
)

// Write writes all files of a report into a directory.
func Write(dir string, run check.Run, rep check.Report) error {
	b, err := json.MarshalIndent(Verdict{rep.Verdict, Programs(run), run.Schedule, rep.Results}, "", "  ")
	write := func(name, text string) error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644) }
	page, drawn := Page(run, rep)
	return errors.Join(err, drawn, write("report.html", string(page)), write("verdict.json", string(b)+"\n"), write("verdict.txt", Text(run, rep)), write("timeline.txt", Timeline(run)))
}

// Programs returns what each Sentinel ran at the beginning.
func Programs(run check.Run) (names []string) {
	for _, p := range run.History.Places {
		if p.Program != "" {
			names = append(names, p.Program)
		}
	}
	return names
}

// Verdict is what verdict.json holds.
type Verdict struct {
	Verdict  check.Verdict     `json:"verdict"`
	Programs []string          `json:"programs"`
	Schedule schedule.Schedule `json:"schedule"`
	Results  []check.Result    `json:"results"`
}

// Text returns the verdict for a person.
func Text(run check.Run, rep check.Report) string {
	var b strings.Builder
	s := run.Schedule
	fmt.Fprintf(&b, "%s: mix %s, seed %d\n", strings.ToUpper(string(rep.Verdict)), s.Mix, s.Seed)
	fmt.Fprintf(&b, "%d servers; Sentinels: %s; quorum %d, down-after %v, failover-timeout %v",
		s.Group.Servers, strings.Join(Programs(run), ", "), s.Group.Quorum, s.Group.DownAfter.Of(), s.Group.FailoverTimeout.Of())
	if s.Group.MinReplicas > 0 {
		fmt.Fprintf(&b, ", min-replicas-to-write %d", s.Group.MinReplicas)
	}
	if s.Group.Wait {
		b.WriteString(", WAIT 1")
	}
	b.WriteString("\n\nFaults\n")
	for _, f := range run.History.Faults {
		fmt.Fprintf(&b, "  %9.3f s  %-40s %s: %s\n", f.Begin.Seconds(), f.What, strings.Join(f.Targets, " "), cmp.Or(f.Error, f.Seen, "NOT SEEN"))
	}
	b.WriteString("\nChecks\n")
	for _, r := range rep.Results {
		fmt.Fprintf(&b, "  %-8s %s%s\n", r.Verdict, r.Name, figures(r.Figures))
		for _, line := range r.Findings {
			fmt.Fprintf(&b, "           ! %s\n", line)
		}
		for _, line := range r.Notes {
			fmt.Fprintf(&b, "             %s\n", line)
		}
	}
	return b.String()
}

func figures(m map[string]float64) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		list = append(list, fmt.Sprintf("%s %.4g", name, m[name]))
	}
	if len(list) == 0 {
		return ""
	}
	return " (" + strings.Join(list, ", ") + ")"
}

// happening is a line of a timeline.
type happening struct {
	at   time.Duration
	text string
}

// Timeline returns what happened, in the order of time: phases, faults, the events that
// Sentinels logged, and the times in which clients could not write.
func Timeline(run check.Run) string {
	var list []happening
	add := func(at time.Duration, format string, args ...any) {
		list = append(list, happening{at, fmt.Sprintf(format, args...)})
	}
	h := run.History
	for _, m := range h.Marks {
		add(m.At, "== %s", m.What)
	}
	for _, f := range h.Faults {
		add(f.Begin, "FAULT %d: %s: %s", f.Number+1, f.What, strings.Join(f.Targets, " "))
		add(f.End, "FAULT %d is over: %s", f.Number+1, cmp.Or(f.Error, f.Seen, "nothing shows that it happened"))
	}
	for _, e := range h.Events {
		if e.Logged {
			add(e.At, "%s %s %s", e.Sentinel, e.Name, e.Text)
		}
	}
	for _, g := range check.Gaps(run) {
		add(g.From, "%s: the last write for %.3f s", g.Client, (g.To - g.From).Seconds())
	}
	for _, l := range h.Lates {
		add(l.At, "this program was %v late", l.By.Round(time.Millisecond))
	}
	role := map[string]string{}
	for _, r := range h.Roles {
		if now := strings.TrimSpace(r.Role + " " + run.Name(r.Master) + " " + r.Link); now != role[r.Server] {
			add(r.Return, "%s says %s", run.Name(r.Server), now)
			role[r.Server] = now
		}
	}
	slices.SortStableFunc(list, func(a, b happening) int { return cmp.Compare(a.at, b.at) })
	var b strings.Builder
	for _, l := range list {
		fmt.Fprintf(&b, "%9.3f  %s\n", l.at.Seconds(), l.text)
	}
	return b.String()
}
