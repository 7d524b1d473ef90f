package server

import "github.com/gosentinel/sentinel/monitor"

// cmdFailover is FAILOVER <m> [COORDINATED|FORCE] [TO <host> <port>]. The words are
// checked before the core is asked; whether the target is a replica, it knows.
func cmdFailover(r *request) {
	op := monitor.FailoverOp{Name: r.arg(2)}
	next := 3
	if len(r.args) > next {
		switch {
		case r.is(next, "COORDINATED"):
			op.Mode = monitor.FailoverCoordinated
			next++
		case r.is(next, "FORCE"):
			op.Mode = monitor.FailoverForced
			next++
		}
	}
	if len(r.args) == next {
		r.call(op)
		return
	}
	if !r.is(next, "TO") {
		r.fail("ERR", "Unknown failover option specified: after the name, COORDINATED or FORCE is allowed, and TO <host> <port>")
		return
	}
	if len(r.args) != next+3 {
		r.wrongArity()
		return
	}
	to, ok := r.target(next + 1)
	if ok {
		op.To = to
		r.call(op)
	}
}

// target returns the numeric address that the words i and i+1 name. If it returns
// false, it has already replied.
func (r *request) target(i int) (monitor.HostPort, bool) {
	port, isPort := r.number(i + 1)
	if !isPort || port < 1 || port > 65535 {
		r.fail("ERR", "Invalid port number.")
		return monitor.HostPort{}, false
	}
	addr, ok := r.resolve(r.arg(i))
	if !ok {
		r.fail("ERR", "Invalid IP address or hostname specified")
		return monitor.HostPort{}, false
	}
	return monitor.HostPort{Host: addr.IP, Port: int(port)}, true
}
