package server

import (
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// cmdPauseFailover is PAUSE-FAILOVER <m> <ms> [reason]. Another Sentinel that passes a
// pause on adds its version, and the id of the Sentinel that the operator told.
func cmdPauseFailover(r *request) {
	op := monitor.PauseOp{Name: r.arg(2), For: r.pauseTime(3)}
	if len(r.args) > 4 {
		op.Reason = r.arg(4)
	}
	switch len(r.args) {
	case 4, 5:
		r.call(op)
	case 7:
		r.callPassed(op, 5, oneWord)
	default:
		r.fail("ERR", oneWord)
	}
}

const oneWord = "The reason of a pause is one word: put a text with blanks into quotes"

// cmdResumeFailover is RESUME-FAILOVER <m>. Another Sentinel adds for how long that is
// to be remembered, and version and id as above.
func cmdResumeFailover(r *request) {
	op := monitor.PauseOp{Name: r.arg(2), Resume: true}
	switch len(r.args) {
	case 3:
		r.call(op)
	case 6:
		op.For = r.pauseTime(3)
		r.callPassed(op, 4, "Invalid version of a pause")
	default:
		r.wrongArity()
	}
}

// callPassed carries out what another Sentinel passes on, with the version and the id
// in word i and the one after it; mistake is the answer when that is no version.
func (r *request) callPassed(op monitor.PauseOp, i int, mistake string) {
	version, err := strconv.ParseUint(r.arg(i), 10, 64)
	if err != nil || version == 0 {
		r.fail("ERR", mistake)
		return
	}
	op.Version, op.By = version, monitor.RunID(r.arg(i+1))
	r.call(op)
}

// pauseTime reads milliseconds; what is none becomes 0, which the core refuses.
func (r *request) pauseTime(i int) time.Duration {
	ms, ok := r.number(i)
	if !ok || ms < 1 || ms > monitor.MaxFailoverPause.Milliseconds() {
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}
