package server

import (
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// debugParam is one parameter of SENTINEL DEBUG: a duration of the core or of
// the script runner.
type debugParam struct {
	name   string
	core   func(*monitor.Tunables) *time.Duration
	script func(ScriptQueue) time.Duration
	set    func(ScriptQueue, time.Duration)
}

// debugParams is in the order of SENTINEL DEBUG.
var debugParams = []debugParam{
	{name: "INFO-PERIOD", core: func(t *monitor.Tunables) *time.Duration { return &t.InfoPeriod }},
	{name: "PING-PERIOD", core: func(t *monitor.Tunables) *time.Duration { return &t.PingPeriod }},
	{name: "ASK-PERIOD", core: func(t *monitor.Tunables) *time.Duration { return &t.AskPeriod }},
	{name: "PUBLISH-PERIOD", core: func(t *monitor.Tunables) *time.Duration { return &t.PublishPeriod }},
	{name: "DEFAULT-DOWN-AFTER", core: func(t *monitor.Tunables) *time.Duration { return &t.DefaultDownAfter }},
	{name: "DEFAULT-FAILOVER-TIMEOUT", core: func(t *monitor.Tunables) *time.Duration { return &t.DefaultFailoverTimeout }},
	{name: "TILT-TRIGGER", core: func(t *monitor.Tunables) *time.Duration { return &t.TiltTrigger }},
	{name: "TILT-PERIOD", core: func(t *monitor.Tunables) *time.Duration { return &t.TiltPeriod }},
	{name: "SLAVE-RECONF-TIMEOUT", core: func(t *monitor.Tunables) *time.Duration { return &t.ReconfTimeout }},
	{name: "MIN-LINK-RECONNECT-PERIOD", core: func(t *monitor.Tunables) *time.Duration { return &t.MinLinkReconnect }},
	{name: "ELECTION-TIMEOUT", core: func(t *monitor.Tunables) *time.Duration { return &t.ElectionTimeout }},
	{name: "SCRIPT-MAX-RUNTIME", script: ScriptQueue.MaxRuntime, set: ScriptQueue.SetMaxRuntime},
	{name: "SCRIPT-RETRY-DELAY", script: ScriptQueue.RetryDelay, set: ScriptQueue.SetRetryDelay},
}

// maxMillis is the longest period that an operator may set, ten years. Beyond
// it the sums of instants and multiples of the period would overflow, and what
// was meant as "never" would be due at once.
const maxMillis = 10 * 365 * 24 * 60 * 60 * 1000

// parseMillis reads a number of milliseconds that is at least min.
func parseMillis(s string, min int64) (time.Duration, bool) {
	ms, ok := parseInteger(s)
	if !ok || ms < min || ms > maxMillis {
		return 0, false
	}
	return time.Duration(ms) * time.Millisecond, true
}

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
	var f fields
	for _, p := range debugParams {
		if p.core != nil {
			f.age(p.name, *p.core(&tun))
		} else {
			f.age(p.name, p.script(r.server.cfg.Scripts))
		}
	}
	r.fields(&f)
}

// debugSet applies what stands before the first mistake and then answers with
// that (wire.md §3.8).
func (r *request) debugSet() {
	var changes []func(*monitor.Tunables)
	var bad error
	for i := 2; i < len(r.args) && bad == nil; i += 2 {
		typed := r.arg(i)
		p := findDebug(typed)
		if p == nil || i+1 == len(r.args) {
			bad = setError("Unknown option or number of arguments for SENTINEL DEBUG '%s'", typed)
			break
		}
		d, ok := parseMillis(r.arg(i+1), 1)
		switch {
		case !ok:
			bad = setError("Invalid argument '%s' for SENTINEL DEBUG '%s'", r.arg(i+1), typed)
		case p.core != nil:
			changes = append(changes, func(t *monitor.Tunables) { *p.core(t) = d })
		default:
			p.set(r.server.cfg.Scripts, d)
		}
	}
	result, ok := r.server.engine.Call(monitor.DebugOp{Apply: func(t *monitor.Tunables) {
		for _, change := range changes {
			change(t)
		}
	}})
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

func findDebug(name string) *debugParam {
	for i := range debugParams {
		if strings.EqualFold(debugParams[i].name, name) {
			return &debugParams[i]
		}
	}
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

// cmdSimulateFailure replaces the set of simulated failures by what the words
// say up to the first that is unknown or asks for help (wire.md §3.5).
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
	if _, ok := r.server.engine.Call(monitor.SimulateOp{Failures: failures}); !ok {
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
