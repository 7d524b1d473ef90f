package check

import (
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/gosentinel/sentinel/jepsen/history"
	"github.com/gosentinel/sentinel/jepsen/schedule"
)

// Verdict is what came of a run, or of one question about it.
type Verdict string

// The verdicts.
const (
	Valid   Verdict = "valid"
	Invalid Verdict = "invalid"
	Unknown Verdict = "unknown"
)

// Marks that divide a run into phases.
const (
	MarkFaults  = "faults"  // the phase of faults begins
	MarkHealed  = "healed"  // nothing is broken any more
	MarkSettled = "settled" // order has returned
	MarkOver    = "over"    // clients have stopped
	// MarkCrash begins a mark that says which process crashed by itself.
	MarkCrash = "crash: "
	// MarkUnsettled begins a mark that says what was missing when the deadline came.
	MarkUnsettled = "not settled: "
)

// Run is what is judged.
type Run struct {
	Schedule schedule.Schedule
	History  history.History
	// Deadline is how long order may take to return after everything is healed.
	Deadline time.Duration
}

// Result is the answer to one question.
type Result struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	// Findings are what was broken, or why nothing is known.
	Findings []string `json:"findings,omitempty"`
	// Figures are what was measured; the unit ends the name.
	Figures map[string]float64 `json:"figures,omitempty"`
	// Notes are worth knowing and no violations.
	Notes []string `json:"notes,omitempty"`
}

// maxFindings is how many findings are kept of a checker: the first ones tell how it began.
const maxFindings = 20

// broken adds a violation.
func (r *Result) broken(format string, args ...any) {
	r.Verdict = Invalid
	r.say(fmt.Sprintf(format, args...))
}

// unclear says why nothing is known. A violation that was found stays.
func (r *Result) unclear(format string, args ...any) {
	if r.Verdict == Valid {
		r.Verdict = Unknown
	}
	r.say(fmt.Sprintf(format, args...))
}

func (r *Result) say(text string) {
	switch {
	case len(r.Findings) < maxFindings:
		r.Findings = append(r.Findings, text)
	case len(r.Findings) == maxFindings:
		r.Findings = append(r.Findings, "and more")
	}
}

func (r *Result) note(format string, args ...any) {
	if len(r.Notes) < maxFindings {
		r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
	}
}

func (r *Result) figure(name string, value float64) {
	if r.Figures == nil {
		r.Figures = map[string]float64{}
	}
	r.Figures[name] = value
}

// Report is the judgement of a run.
type Report struct {
	Verdict Verdict  `json:"verdict"`
	Results []Result `json:"results"`
}

// checker answers one question.
type checker struct {
	name string
	// timing: what it finds may be the fault of a machine that was busy.
	timing bool
	check  func(Run, *Result)
}

// checkers are all questions, in the order of the report.
var checkers = []checker{
	{name: starvation, check: starved},
	{name: "faults happened", check: faultsHappened},
	{name: "convergence", timing: true, check: convergence},
	{name: "one leader in each epoch", check: leaders},
	{name: "epochs never fall", check: epochs},
	{name: "one master in each epoch", check: agreement},
	{name: "told is shown", check: told},
	{name: "all say the same at the end", check: finally},
	{name: "events", check: events},
	{name: "no crash", check: crashes},
	{name: "lists", check: lists},
	{name: "bank", check: bank},
	{name: "unavailability", check: unavailability},
	{name: "split brain", check: splitBrain},
}

const starvation = "this program was not starved"

// patience bounds each checker.
const patience = time.Minute

// Judge has all checkers look at a run.
func Judge(run Run) Report { return judge(run, checkers, patience) }

func judge(run Run, list []checker, patience time.Duration) Report {
	rep := Report{Verdict: Valid}
	hungry := false
	for _, c := range list {
		r := attempt(c, run, patience)
		if c.name == starvation {
			hungry = r.Verdict != Valid
		}
		if hungry && c.timing && r.Verdict == Invalid {
			r.Verdict = Unknown
			r.note("the machine was busy, which may be the reason")
		}
		rep.Results = append(rep.Results, r)
		rep.Verdict = worse(rep.Verdict, r.Verdict)
	}
	return rep
}

// worse returns what two verdicts come to.
func worse(a, b Verdict) Verdict {
	rank := func(v Verdict) int { return slices.Index([]Verdict{Valid, Unknown, Invalid}, v) }
	if rank(b) > rank(a) {
		return b
	}
	return a
}

// attempt runs one checker. One that does not come to an end goes on in the background:
// the process ends soon.
func attempt(c checker, run Run, patience time.Duration) Result {
	done := make(chan Result, 1)
	go func() {
		r := Result{Name: c.name, Verdict: Valid}
		defer func() {
			if p := recover(); p != nil {
				r.unclear("the checker failed: %v\n%s", p, debug.Stack())
			}
			done <- r
		}()
		c.check(run, &r)
	}()
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case r := <-done:
		return r
	case <-t.C:
		return Result{Name: c.name, Verdict: Unknown, Findings: []string{fmt.Sprintf("the checker did not finish within %v", patience)}}
	}
}

// mark returns when a phase began, and whether it did.
func (run Run) mark(what string) (time.Duration, bool) {
	for _, m := range run.History.Marks {
		if m.What == what {
			return m.At, true
		}
	}
	return 0, false
}

// seconds is for texts.
func seconds(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) }

// Name returns the name of a process by its address or id, or else what it was given.
func (run Run) Name(of string) string {
	for _, p := range run.History.Places {
		if p.Addr == of || p.ID == of && of != "" {
			return p.Name
		}
	}
	return of
}
