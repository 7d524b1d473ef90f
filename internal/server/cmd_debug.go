package server

import (
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/internal/option"
	"github.com/gosentinel/sentinel/internal/scripts"
	"github.com/gosentinel/sentinel/monitor"
)

// cmdDebug shows or changes periods: those of the core, and behind them those of
// the script runner.
func cmdDebug(r *request) {
	if len(r.args) == 2 {
		r.debugGet()
		return
	}
	r.debugSet()
}

func (r *request) debugGet() {
	var tun monitor.Tunables
	if !r.read(func(c Reader, _ monitor.Instant) { tun = c.Tunables() }) {
		return
	}
	periods := r.server.cfg.Scripts.Periods()
	var f fields
	core, script := monitor.TunableOptions().Select(option.ByDebug), scripts.PeriodOptions()
	for k := range core {
		f.text(strings.ToUpper(core[k].Name), core[k].Text(&tun))
	}
	for k := range script {
		f.text(strings.ToUpper(script[k].Name), script[k].Text(&periods))
	}
	r.fields(&f)
}

// debugSet applies what stands before the first mistake and then answers with
// that (wire.md §3.8).
func (r *request) debugSet() {
	var op monitor.DebugOp
	var bad error // about a period of the script runner; the core finds those about its own
	for i := 2; i < len(r.args) && bad == nil; i += 2 {
		change := monitor.Change{Option: r.arg(i)}
		if i+1 < len(r.args) {
			change.Values = []string{r.arg(i + 1)}
		}
		o := scripts.PeriodOptions().Find(option.ByDebug, strings.ToLower(change.Option))
		if o == nil || change.Values == nil {
			op.Changes = append(op.Changes, change)
			if monitor.SetTunable(&monitor.Tunables{}, change) != nil {
				break
			}
			continue
		}
		bad = r.setPeriod(o, change)
	}
	result, ok := r.server.engine.Call(op).Wait()
	switch {
	case !ok:
		r.stopping()
	case bad != nil:
		r.error(bad)
	case result.Err != nil:
		r.error(result.Err)
	default:
		r.ok()
	}
}

// setPeriod changes a period of the script runner.
func (r *request) setPeriod(o *option.Row[scripts.Periods], change monitor.Change) error {
	if o.SetCommand(&scripts.Periods{}, change.Values) != option.Good {
		return &monitor.CallError{Code: "ERR", Text: "Invalid argument '" + change.Values[0] + "' for SENTINEL DEBUG '" + change.Option + "'"}
	}
	r.server.cfg.Scripts.Adjust(func(p *scripts.Periods) { o.SetCommand(p, change.Values) })
	return nil
}

// simulations are the words of SENTINEL SIMULATE-FAILURE.
var simulations = []struct {
	name    string
	failure monitor.Failures
}{
	{"crash-after-election", monitor.CrashAfterElection},
	{"crash-after-promotion", monitor.CrashAfterPromotion},
}

// cmdSimulateFailure replaces the set of simulated failures by those named before
// the first word that is unknown or asks for help (wire.md §3.5).
func cmdSimulateFailure(r *request) {
	var failures monitor.Failures
	answer := r.ok
words:
	for i := 2; i < len(r.args); i++ {
		if r.is(i, "help") {
			answer = func() { r.bulks([]string{simulations[0].name, simulations[1].name}) }
			break
		}
		for _, s := range simulations {
			if r.is(i, s.name) {
				failures |= s.failure
				continue words
			}
		}
		answer = func() { r.fail("ERR", "Unknown failure simulation specified") }
		break
	}
	if _, ok := r.server.engine.Call(monitor.SimulateOp{Failures: failures}).Wait(); !ok {
		r.stopping()
		return
	}
	answer()
}

func cmdPendingScripts(r *request) {
	jobs := r.server.cfg.Scripts.Pending()
	r.array(len(jobs))
	for _, j := range jobs {
		r.mapping(5)
		r.bulk("argv")
		r.bulks(j.Argv)
		state, timeName, t := "scheduled", "run-delay", j.RunDelay
		if j.Running {
			state, timeName, t = "running", "run-time", j.RunTime
		}
		for _, s := range []string{
			"flags", state, "pid", strconv.Itoa(j.PID), timeName, strconv.FormatInt(t.Milliseconds(), 10), "retry-num", strconv.Itoa(j.Starts),
		} {
			r.bulk(s)
		}
	}
}
