package monitor

// A Sentinel that observes watches and reports, for trying it beside a quorum in
// production. It announces itself to nobody, so the others do not know it and count it
// into no majority; should one know it from before, it gets neither an opinion nor a vote.
// It sends servers nothing but PING, INFO and what subscribes to hellos
// (state-machine.md §9.8, Observers).

// ErrObserves is the answer to an operator who wants an observer to act.
var ErrObserves = &CallError{"OBSERVES", "This Sentinel only observes (sentinel observe yes): ask another one"}

// acts reports whether an op would have this Sentinel act on servers or on others.
func (op FailoverOp) acts() bool { return true }
func (op PauseOp) acts() bool    { return true }
func (op ForgetOp) acts() bool   { return true }

// refusedByObserver reports whether an op is refused because this Sentinel observes.
func (c *Core) refusedByObserver(op Op) bool {
	a, ok := op.(interface{ acts() bool })
	return c.opts.Observe && ok && a.acts()
}
