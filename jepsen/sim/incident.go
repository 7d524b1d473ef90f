package sim

import (
	"slices"
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

// Incident is one time that a master was not well, from the fault that caused it
// to the return of order. A fault that hits while it goes on belongs to it.
//
// Times are counted from the fault. Zero means that it did not come to that, at
// the latest until everything was healed.
type Incident struct {
	Kind      string        // of the fault; "" when none had happened before
	Master    string        // its name
	At        time.Duration // of the fault, since the beginning of the world
	DownAfter time.Duration // that the Sentinels were started with

	ODown     time.Duration // to the first +odown
	Promotion time.Duration // to the first +promoted-slave: clients are told the new address
	// Convergence is the time until, for good, all Sentinels that can reach it
	// name one master, it takes writes, and all servers that can reach it follow
	// it. Without Promotion the old master has come back by itself.
	Convergence time.Duration

	since     Instant
	converged Instant
}

// cause is the last fault.
type cause struct {
	kind string
	at   Instant
}

// fault is told of every fault before it happens, and what it returns is called
// afterwards. A master that was well before and is not any more has an incident.
func (m *meter) fault(kind string) (done func()) {
	if !m.watching {
		return func() {}
	}
	m.last = cause{kind, m.w.now}
	var well []*server
	for _, g := range m.w.groups {
		if s := g.master(); m.isHealthy(s) {
			well = append(well, s)
		}
	}
	return func() {
		for _, s := range well {
			if !m.isHealthy(s) {
				m.open(s.group)
			}
		}
	}
}

// isHealthy reports whether a server is a master in service which most of the
// Sentinels reach.
func (m *meter) isHealthy(s *server) bool {
	if s.role != monitor.RoleMaster || s.dead || s.hung || s.busy || s.isLoading() || s.lag > m.w.opts.DownAfter {
		return false
	}
	reach, all := 0, 0
	for _, n := range m.w.nodes {
		if p := n.base(); p.alive {
			all++
			if m.connected(p.hostID, s.id) {
				reach++
			}
		}
	}
	return reach > all/2
}

func (m *meter) connected(a, b hostID) bool { return !m.w.net.isCut(a, b) && !m.w.net.isCut(b, a) }

func (m *meter) open(g *group) {
	if m.groups[g.index].open != nil || m.w.healed {
		return
	}
	at := m.last.at
	if m.last.kind == "" {
		at = m.w.now
	}
	i := &Incident{Kind: m.last.kind, Master: g.name, At: at.Sub(origin), DownAfter: m.w.opts.DownAfter, since: at}
	m.groups[g.index].open = i
	m.incidents = append(m.incidents, i)
}

// progress notes how far an incident has come. Where no fault made a master
// unwell at once, as with the order of an operator, it begins with the reaction
// of the Sentinels and is counted from the last fault.
func (m *meter) progress(e monitor.Event) {
	named, ok := e.(interface{ MasterName() string })
	if !ok {
		return
	}
	k := slices.IndexFunc(m.w.groups, func(g *group) bool { return g.name == named.MasterName() })
	if k < 0 {
		return
	}
	var stamp func(*Incident) *time.Duration
	switch e.(type) {
	case event.ODown:
		stamp = func(i *Incident) *time.Duration { return &i.ODown }
	case event.PromotedReplica:
		stamp = func(i *Incident) *time.Duration { return &i.Promotion }
	case event.TryFailover:
	default:
		return
	}
	m.open(m.w.groups[k])
	if i := m.groups[k].open; stamp != nil && *stamp(i) == 0 {
		*stamp(i) = m.w.now.Sub(i.since)
	}
}

// follow looks whether an incident is over.
func (m *meter) follow(g *group) {
	i := m.groups[g.index].open
	if m.w.healed {
		m.groups[g.index].open = nil
		return
	}
	if !slices.ContainsFunc(g.servers, m.isAgreed) {
		i.converged = 0
		return
	}
	if i.converged == 0 {
		i.converged = m.w.now
	}
	if m.isQuiet(g) {
		i.Convergence = i.converged.Sub(i.since)
		m.groups[g.index].open = nil
	}
}

// isAgreed reports whether a server is the master that all name and follow who
// can reach it.
func (m *meter) isAgreed(s *server) bool {
	if !m.isHealthy(s) || !s.isWritable() {
		return false
	}
	for _, n := range m.w.nodes {
		p := n.base()
		if !p.alive || p.gone || !m.connected(p.hostID, s.id) {
			continue
		}
		if at, _ := n.masterAddr(s.group.name); at != s.addr {
			return false
		}
	}
	for _, o := range s.group.servers {
		if o == s || o.dead || o.hung || o.isLoading() || !m.connected(o.id, s.id) {
			continue
		}
		if o.role != monitor.RoleReplica || o.following != s.addr || !o.linkUp {
			return false
		}
	}
	return true
}

// isQuiet reports whether no Sentinel that most others reach is in the middle of
// something.
func (m *meter) isQuiet(g *group) bool {
	for _, n := range m.w.nodes {
		p := n.base()
		if !p.alive || p.gone || m.isIsolated(p) {
			continue
		}
		if b, known := n.state(g.name); known && b.trouble != "" {
			return false
		}
	}
	return true
}

func (m *meter) isIsolated(p *process) bool {
	reach := 0
	for _, n := range m.w.nodes {
		if m.connected(n.base().hostID, p.hostID) {
			reach++
		}
	}
	return reach <= len(m.w.nodes)/2
}
