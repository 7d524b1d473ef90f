package sim

import (
	"fmt"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// switchoverFaults are what a planned switchover must stand: who drives it sleeps or
// dies, others pause and disconnect clients meanwhile, clocks jump, and servers
// refuse a pause, are slow, or have lost their data.
var switchoverFaults = []kind{
	{"switchover", "switchover", func(w *world, f Fault) (string, func()) {
		o := operation{op: "failover"}
		switch f.B / 8 % 4 {
		case 1:
			o.mode = monitor.FailoverCoordinated
		case 2:
			servers := w.group(f.B).servers
			o.mode, o.to = monitor.FailoverCoordinated, servers[f.B/32%len(servers)].addr
		}
		return w.command(f, o), nil
	}},
	{"force", "switchover", func(w *world, f Fault) (string, func()) {
		return w.command(f, operation{op: "failover", mode: monitor.FailoverForced}), nil
	}},
	{"sleep", "switchover", func(w *world, f Fault) (string, func()) {
		n := w.driver(f.A)
		d := []time.Duration{300 * time.Millisecond, 1200 * time.Millisecond, 2500 * time.Millisecond, 6 * time.Second, 13 * time.Second}[f.B%5]
		n.stall(d)
		return fmt.Sprintf("%s sleeps for %v", n.base().name, d), nil
	}},
	{"driver-dies", "switchover", func(w *world, f Fault) (string, func()) {
		n := w.driver(f.A)
		n.crash(f.B%4 == 0)
		return fmt.Sprintf("%s dies", n.base().name), func() { w.boot(n) }
	}},
	{"pause-by-hand", "switchover", func(w *world, f Fault) (string, func()) {
		s := w.masterOr(f)
		d := max(f.D, 100*time.Millisecond)
		if !s.dead && !s.hung {
			s.pauseFor(d, f.B%4 == 1)
		}
		return fmt.Sprintf("%s is paused by hand for %v", s.name, d), nil
	}},
	{"unpause-by-hand", "switchover", func(w *world, f Fault) (string, func()) {
		s := w.masterOr(f)
		if !s.dead && !s.hung {
			s.unpause()
		}
		return s.name + " is unpaused by hand", nil
	}},
	{"kill-clients", "switchover", func(w *world, f Fault) (string, func()) {
		s := w.masterOr(f)
		if !s.dead && !s.hung {
			s.killClients(nil, f.B%4 == 1)
		}
		return "clients of " + s.name + " are disconnected by hand", nil
	}},
	{"server-clock", "switchover", func(w *world, f Fault) (string, func()) {
		s := w.masterOr(f)
		by := 50 * time.Millisecond << (f.B / 4 % 14)
		if f.B%4 >= 2 {
			by = -by
		}
		s.setClock(by)
		return fmt.Sprintf("the clock of %s jumps by %v", s.name, by), nil
	}},
	{"forbid-pause", "switchover", func(w *world, f Fault) (string, func()) {
		s := w.server(f.A)
		s.noPause = either(f.B%2 == 0, "ERR syntax error", "NOPERM this user has no permissions to run the 'client|pause' command")
		return s.name + " refuses a pause", func() { s.noPause = "" }
	}},
	{"slow-apply", "switchover", func(w *world, f Fault) (string, func()) {
		s := w.server(f.A)
		d := time.Duration(20*(f.B+1)) * time.Millisecond
		s.applySlowly(d)
		return fmt.Sprintf("%s applies nothing of its stream for %v", s.name, d), nil
	}},
	{"refill-replica", "switchover", func(w *world, f Fault) (string, func()) {
		s := w.server(f.A)
		if s.role != monitor.RoleReplica {
			return s.name + " is no replica that could be filled anew", nil
		}
		usual := s.syncTime
		s.crash(false)
		s.start(loseAll)
		s.syncTime = time.Duration(100*(f.B+1)) * time.Millisecond
		return s.name + " is filled anew", func() { s.syncTime = usual }
	}},
}

// driver returns a Sentinel that is in the middle of something, or the k-th.
func (w *world) driver(k int) sentinel {
	for j := range w.nodes {
		n, ok := w.node(k + j).(*node)
		if !ok || !n.alive {
			continue
		}
		for _, g := range w.groups {
			if b, known := n.state(g.name); known && b.leads {
				return n
			}
		}
	}
	return w.node(k)
}

// masterOr returns the master of a group, or for some faults any server.
func (w *world) masterOr(f Fault) *server {
	if f.B%4 == 3 {
		return w.server(f.A)
	}
	return w.group(f.A).master()
}

// The commands of a switchover, as moments that a fault can wait for.
const (
	onPause   = "client-pause"
	onDemote  = "slaveof-itself"
	onPromote = "slaveof-no-one"
	onRetire  = "slaveof-new-master"
	onUnpause = "client-unpause"
)

// momentOf returns the moment at which a command leaves, or "".
func momentOf(cmd monitor.Command) string {
	switch cmd := cmd.(type) {
	case monitor.PauseWrites:
		return onPause
	case monitor.Unpause:
		return onUnpause
	case monitor.SlaveOf:
		switch {
		case !cmd.Bare:
		case cmd.Host == "":
			return onPromote
		case cmd.Host == "127.0.0.1" || cmd.Host == "::1":
			return onDemote
		default:
			return onRetire
		}
	}
	return ""
}
