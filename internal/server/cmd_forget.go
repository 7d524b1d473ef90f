package server

import (
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// cmdForget is FORGET <m> <replica host:port | Sentinel id> [FORCE]. Another Sentinel that
// passes it on adds for how long that still holds, its version, and the id of the Sentinel
// that the operator told.
func cmdForget(r *request) {
	op, rest := monitor.ForgetOp{Name: r.arg(2)}, r.args[4:]
	if what := r.arg(3); strings.Contains(what, ":") {
		host, port, _ := net.SplitHostPort(what)
		op.At.Host = host
		op.At.Port, _ = strconv.Atoi(port) // 0 is refused by the core
	} else if op.ID = monitor.RunID(what); what == "" {
		op.ID = "-"
	}
	if len(rest) > 0 && strings.EqualFold(string(rest[0]), "force") {
		op.Force, rest = true, rest[1:]
	}
	switch len(rest) {
	case 0:
		r.call(op)
	case 3:
		ms, _ := strconv.ParseInt(string(rest[0]), 10, 64)
		op.For = time.Duration(max(min(ms, monitor.TombstoneTime.Milliseconds()), 0)) * time.Millisecond
		version, err := strconv.ParseUint(string(rest[1]), 10, 64)
		if err != nil || version == 0 {
			r.fail("ERR", "Invalid version of a FORGET that a Sentinel passes on")
			return
		}
		op.Version, op.By = version, monitor.RunID(rest[2])
		r.call(op)
	default:
		r.fail("ERR", "After the member, SENTINEL FORGET takes FORCE and nothing else")
	}
}
