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

	sampled Instant // the last time

	watching  bool // incidents are followed; see Measure
	incidents []*Incident
	last      cause

	heard func(sentinel, monitor.Event) // for tests; may be nil
}

// groupMeter is the meter of one master.
type groupMeter struct {
	acks      []uint32      // in the order of their acknowledgement
	lastAck   Instant       // 0: none yet
	longest   time.Duration // without an acknowledgement
	outage    time.Duration // sum of the gaps above unavailable
	splitTime time.Duration // with two masters that take writes
	lost      int
	open      *Incident // nil: all is well
}

// unavailable is the gap between two acknowledgements from which on a master
// counts as unavailable; clients think for less.
const unavailable = 500 * time.Millisecond

// How often the meter looks for two writable masters, and in an incident whether
// it is over.
const (
	sampling     = 20 * time.Millisecond
	fineSampling = 2 * time.Millisecond
)

func newMeter(w *world) *meter { return &meter{w: w} }

func (m *meter) start() {
	m.groups = make([]groupMeter, len(m.w.groups))
	m.sampled = m.w.now
	m.w.at(m.w.now, m, 0)
}

// fire takes a sample.
func (m *meter) fire(int) {
	since := m.w.now.Sub(m.sampled)
	m.sampled = m.w.now
	next := sampling
	for k, g := range m.w.groups {
		writable := 0
		for _, s := range g.servers {
			if s.isWritable() {
				writable++
			}
		}
		if writable > 1 {
			m.groups[k].splitTime += since
		}
		if m.groups[k].open != nil {
			m.follow(g)
			next = fineSampling
		}
	}
	m.w.at(m.w.now.Add(next), m, 0)
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

func (m *meter) event(by sentinel, e monitor.Event) {
	if m.heard != nil {
		m.heard(by, e)
	}
	if m.watching && !m.w.healed {
		m.progress(e)
	}
}
