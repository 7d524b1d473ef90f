package monitor

import (
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/election"
)

// plannedChoice returns the replica that a planned switchover of m promotes: one
// that is in sync with it (state-machine.md §6.13, Switchover). With named it is
// that one or none, and its priority may be 0. When there is none, wait says that
// one is being synchronised with this master right now, so that there may be one
// soon; why says in words what is missing, or waited for.
//
// It judges by the last INFO of each, which should be fresh.
func (c *Core) plannedChoice(now Instant, m *master, named *replica) (best *replica, wait bool, why string) {
	rules, cs := c.rules(now, m), c.candidates(now, m)
	var fit []election.Replica
	var fitting []*replica
	var reasons, awaited []string
	for k, r := range m.replicas {
		if named != nil && r != named {
			continue
		}
		if named != nil {
			cs[k].Priority = max(cs[k].Priority, 1)
		}
		unfit, soon := rules.Reject(cs[k]), false
		switch {
		case unfit != "":
		case r.heldBack(now):
			unfit, soon = heldBackWhy, true
		default:
			unfit, soon = c.follower(now, m, r, named != nil).Unfit(m.instance.data())
		}
		switch {
		case unfit == "":
			fit, fitting = append(fit, cs[k]), append(fitting, r)
		case soon:
			awaited = append(awaited, r.name+": "+unfit)
		}
		reasons = append(reasons, r.name+": "+unfit)
	}
	if k := election.Select(rules, fit); k >= 0 {
		return fitting[k], false, ""
	}
	switch {
	case len(awaited) > 0:
		return nil, true, someOf(awaited)
	case len(reasons) == 0:
		return nil, false, "no replica is known"
	case m.info != nil && m.info.Loading:
		return nil, false, "the master is loading its data, and no replica can be in sync with it before it has (" + someOf(reasons) + ")"
	}
	return nil, false, someOf(reasons)
}

// follower describes r as a planned switchover of m must know it.
func (c *Core) follower(now Instant, m *master, r *replica, named bool) election.Follower {
	f := election.Follower{
		Data: r.data(), Master: r.role == RoleMaster, Names: c.follows(r, m.addr), LinkUp: r.masterLinkUp,
		Priority: r.priority, Named: named, Writable: r.info != nil && r.info.Writable,
		Unheard: now.Sub(m.infoRefresh) > freshInfo && r.unlinkedSince(now) > m.infoRefresh, Awaited: m.switchover.told,
	}
	if m.info == nil {
		return f
	}
	for _, a := range m.info.Attached {
		if addr, err := c.addrOf(a.At.Host, a.At.Port); err == nil && addr.Same(r.addr) {
			f.Listed, f.Online, f.Lag = true, a.Online, a.Lag
		}
	}
	return f
}

// freshInfo is how old what a master says of its replicas may be. One that has begun
// to follow it since is not refused before the master was asked.
const freshInfo = time.Second

// unlinkedSince returns since when r may have been without a link to the master that
// it names: it was told to follow it, was started, or lost the link.
func (r *replica) unlinkedSince(now Instant) Instant {
	since := max(r.confChange, r.runIDSince)
	if r.masterLinkDown > 0 {
		since = max(since, now.Add(-r.masterLinkDown-time.Second)) // it counts whole seconds
	}
	return since
}

// maxReasons bounds how many replicas one line speaks of.
const maxReasons = 4

func someOf(reasons []string) string {
	more := ""
	if n := len(reasons) - maxReasons; n > 0 {
		reasons, more = reasons[:maxReasons], "; and "+strconv.Itoa(n)+" more"
	}
	return strings.Join(reasons, "; ") + more
}
