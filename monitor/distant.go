package monitor

import (
	"slices"
	"time"
)

// Some Sentinels are heard and cannot be reached: what they announce is 0.0.0.0, a
// host name that is not resolved here, or an address that is taken. Such a Sentinel
// gives no votes to this one, but it is a voter: left out of the count, each of
// several could take itself for the majority. And what it announces about a master
// counts, since it may be the leader of a failover.

// distant is a Sentinel that was heard and cannot be reached.
type distant struct {
	id    RunID
	at    HostPort // announced
	heard Instant  // last hello
	until Instant  // it counts until then
}

// unreachable notes that the sender of a hello cannot be reached. p is its record,
// nil if it has none.
//
// It counts until SENTINEL RESET, like a peer that is down. Only where its address
// is taken it has to go on announcing itself. A Sentinel that is restarted again and
// again without its file has a new id each time: a new id takes the place of one that
// is silent at the same address, so that the majority does not grow out of reach.
func (c *Core) unreachable(now Instant, m *master, p *peer, h *Hello, why error) {
	d := distant{h.RunID, HostPort{Host: h.IP, Port: h.Port}, now, Never}
	if why == errTaken {
		d.until = now.Add(takenWindow)
	}
	known := m.isUnreachable(h.RunID)
	m.forgetDistant(now, h.RunID)
	if p == nil && !known {
		m.forgetPredecessor(d.at, now.Add(-3*c.tun.PublishPeriod))
	}
	if p == nil && len(m.peers)+len(m.distant) < maxSentinels {
		m.distant = append(m.distant, d)
	}
	c.touch(m)
	c.logStrange("peer:"+string(h.RunID)+why.Error(), "Sentinel "+string(h.RunID)+" announces the address "+HostPort{Host: h.IP, Port: h.Port}.String()+
		": "+why.Error()+peerHint(why))
}

// peerHint says what follows from an address that cannot be used, and what to do.
func peerHint(why error) string {
	if why == errNamesOff {
		return ". Until then its vote cannot be asked for"
	}
	return ". Its vote cannot be asked for; correct its 'sentinel announce-ip' and 'sentinel announce-port'"
}

// takenWindow is how long a Sentinel counts that has announced an address at which
// another one is.
const takenWindow = time.Minute

func (m *master) isUnreachable(id RunID) bool {
	return slices.ContainsFunc(m.distant, func(d distant) bool { return d.id == id })
}

// forgetDistant takes a Sentinel, and all that count no longer, out of those that
// cannot be reached.
func (m *master) forgetDistant(now Instant, id RunID) {
	m.distant = slices.DeleteFunc(m.distant, func(d distant) bool { return d.id == id || now >= d.until })
}

// forgetPredecessor forgets one Sentinel that announced this address and was not heard
// since then. It is one only, so that the count does not fall.
func (m *master) forgetPredecessor(at HostPort, since Instant) {
	silent := func(d distant) bool { return d.at == at && d.heard < since }
	if k := slices.IndexFunc(m.distant, silent); k >= 0 {
		m.distant = slices.Delete(m.distant, k, k+1)
	}
}

// voters is how many Sentinels m has, as far as is known: this one, its peers, those
// that cannot be reached, and those that are awaited.
func (m *master) voters() int { return 1 + len(m.peers) + len(m.distant) + m.stillAwaited() }
