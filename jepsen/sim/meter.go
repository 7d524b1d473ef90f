package sim

import (
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// meter measures what users of the masters notice.
type meter struct {
	w      *world
	writes uint32
	groups []groupMeter
	unseen int // reads that did not see an own, acknowledged write

	// The instants of the first failover after mark, for the statistics.
	marked              Instant
	sdown, odown, voted Instant
	promotedAt, settled Instant
	attempts, switches  int
}

// groupMeter is the meter of one master.
type groupMeter struct {
	acks      []uint32      // in the order of their acknowledgement
	lastAck   Instant       // 0: none yet
	longest   time.Duration // without an acknowledgement
	outage    time.Duration // sum of the gaps above unavailable
	splitTime time.Duration // with two masters that take writes
	lost      int
}

// unavailable is the gap between two acknowledgements from which on a master
// counts as unavailable; clients think for less.
const unavailable = 500 * time.Millisecond

// sampling is how often the meter looks for two writable masters.
const sampling = 20 * time.Millisecond

func newMeter(w *world) *meter { return &meter{w: w} }

func (m *meter) start() {
	m.groups = make([]groupMeter, len(m.w.groups))
	m.w.at(m.w.now, m, 0)
}

func (m *meter) fire(int) {
	for k, g := range m.w.groups {
		writable := 0
		for _, s := range g.servers {
			if s.isWritable() {
				writable++
			}
		}
		if writable > 1 {
			m.groups[k].splitTime += sampling
		}
	}
	m.w.at(m.w.now.Add(sampling), m, 0)
}

func (m *meter) newWrite(*group) uint32 {
	m.writes++
	return m.writes
}

func (m *meter) acked(c *client, id uint32) {
	g := &m.groups[c.group.index]
	g.acks = append(g.acks, id)
	g.gap(m.w.now)
	g.lastAck = m.w.now
}

func (g *groupMeter) gap(now Instant) {
	if g.lastAck == 0 {
		return
	}
	d := now.Sub(g.lastAck)
	g.longest = max(g.longest, d)
	if d > unavailable {
		g.outage += d
	}
}

// finish counts which acknowledged writes are not on the master that is left.
func (m *meter) finish() {
	for k, group := range m.w.groups {
		g := &m.groups[k]
		g.gap(m.w.now)
		have := map[uint32]bool{}
		for _, id := range group.master().log {
			have[id] = true
		}
		for _, id := range g.acks {
			if !have[id] {
				g.lost++
			}
		}
	}
}

// mark starts the clocks of the statistics.
func (m *meter) mark() {
	m.marked = m.w.now
	m.sdown, m.odown, m.voted, m.promotedAt, m.settled = 0, 0, 0, 0, 0
	m.attempts, m.switches = 0, 0
	for k := range m.groups {
		m.groups[k].longest, m.groups[k].outage, m.groups[k].splitTime = 0, 0, 0
	}
}

func (m *meter) event(_ sentinel, e monitor.Event) {
	first := func(at *Instant) {
		if *at == 0 {
			*at = m.w.now
		}
	}
	switch e := e.(type) {
	case monitor.SDown:
		if e.Kind == monitor.KindMaster {
			first(&m.sdown)
		}
	case monitor.ODown:
		first(&m.odown)
	case monitor.TryFailover:
		m.attempts++
	case monitor.ElectedLeader:
		first(&m.voted)
	case monitor.PromotedReplica:
		first(&m.promotedAt)
	case monitor.SwitchMaster:
		m.switches++
	}
}
