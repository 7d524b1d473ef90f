package monitor

import (
	"errors"
	"slices"
	"time"

	"github.com/gosentinel/sentinel/internal/valid"
)

// Some Sentinels are heard and cannot be reached: what they announce is 0.0.0.0, a
// host name that is not resolved here, or an address that is taken. Such a Sentinel
// gives no votes to this one, but it is a voter: left out of the count, each of
// several could take itself for the majority. And what it announces about a master
// counts, since it may be the leader of a failover.

var errNamesOff = errors.New("host names are not resolved here: set 'sentinel resolve-hostnames yes'")

// addrOf makes an address of a host that INFO or a hello message reports, or says
// why it is none.
func (c *Core) addrOf(host string, port int) (Addr, error) {
	if err := valid.Announced(host); err != nil {
		return Addr{}, err
	}
	if a, literal := IPAddr(host, port); literal {
		return a, nil
	}
	if !c.opts.ResolveHostnames {
		return Addr{}, errNamesOff
	}
	a := Addr{Host: host, Port: port}
	if ips := c.names[host].ips; len(ips) > 0 {
		a.IP = ips[0]
	}
	return a, nil
}

// peerAddr returns where the sender of a hello can be reached.
//
// Of several Sentinels that announce one address, at most one answers there. One of
// them stays until it is silent, or until another says that it is the one. Stock
// Sentinel has each of their hellos push out the one before, and saves its file each
// time.
func (c *Core) peerAddr(now Instant, m *master, h *Hello) (Addr, error) {
	addr, err := c.addrOf(h.IP, h.Port)
	switch {
	case err != nil:
		return addr, err
	case h.Port < 1 || h.Port > 65535:
		return addr, valid.ErrUnusable
	}
	q, known := m.peerAt(addr), m.peerByID(h.RunID) != nil
	switch {
	case q != nil && !known && q.link.gossip.answers == h.RunID:
		return addr, nil // it has said so itself
	case c.announcesToo(now, addr):
		if h.IP != c.opts.AnnounceIP || q != nil || known {
			return addr, errOwnAddr
		}
		c.logShared(h)
	case q != nil && q.runID != h.RunID && c.holdsAddr(now, q, known):
		return addr, errTaken
	}
	return addr, nil
}

// logShared tells that a Sentinel is looked for at the address that this one announces
// too. All may have the file of one, in which its announce-ip stands; then the others
// can ask that one, and a failover is possible as with stock Sentinels.
func (c *Core) logShared(h *Hello) {
	c.logStrange("peer:"+string(h.RunID)+errOwnAddr.Error(), "Sentinel "+string(h.RunID)+" announces the address "+HostPort{h.IP, h.Port}.String()+
		": "+errOwnAddr.Error()+". Its vote counts only if it says itself that it is there; correct the 'sentinel announce-ip' of both")
}

// holdsAddr reports whether q keeps its address although another id announces it. A
// new id takes the place of the old one at once, as with stock: a Sentinel has lost
// its file. But one that is heard stays if the other id is known elsewhere, if it has
// said itself who it is, or if the address has changed hands lately: then several
// share it.
func (c *Core) holdsAddr(now Instant, q *peer, known bool) bool {
	l := q.link
	if now >= q.lastHello.Add(3*c.tun.PublishPeriod) {
		return false
	}
	proven := known || l.cmd.up && l.gossip.kind == PeerGosentinel && !l.wrongID()
	if l.takenAt != 0 && now < l.takenAt.Add(flapWindow) {
		l.takenAt = now // as long as they go on
		return true
	}
	return proven
}

var (
	errOwnAddr = errors.New("this Sentinel announces it too")
	errTaken   = errors.New("another Sentinel announces it too")
)

func (m *master) peerAt(addr Addr) *peer {
	for _, p := range m.peers {
		if p.addr.Same(addr) {
			return p
		}
	}
	return nil
}

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
	d := distant{h.RunID, HostPort{h.IP, h.Port}, now, Never}
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
	c.logStrange("peer:"+string(h.RunID)+why.Error(), "Sentinel "+string(h.RunID)+" announces the address "+HostPort{h.IP, h.Port}.String()+
		": "+why.Error()+peerHint(why))
}

// reportBadHello reports, once for each, hellos that cannot be read. Their sender
// announces itself in vain, and sees no fault.
func (c *Core) reportBadHello(l *link, reason string) {
	if reason != "" {
		c.logStrange("hello:"+reason, "A hello message at "+c.shown(l.owners[0].addr).String()+" is ignored: "+reason+
			". If a Sentinel sent it, the others do not know that one: correct its 'sentinel announce-ip' or the name of the master")
	}
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

// voters is how many Sentinels m has, as far as is known: this one, its peers and
// those that cannot be reached.
func (m *master) voters() int { return 1 + len(m.peers) + len(m.distant) }

// sender describes the Sentinel that sent a hello, for an event.
func (c *Core) sender(m *master, h *Hello) Instance {
	if p := m.peerByID(h.RunID); p != nil {
		return c.ref(&p.instance)
	}
	return Instance{
		Kind: KindSentinel, Name: string(h.RunID), Addr: HostPort{h.IP, h.Port},
		Master: m.cfg.Name, MasterAddr: c.shown(m.addr),
	}
}

// replicaHint says why a replica that a master reports is ignored.
func replicaHint(err error) string {
	if err == errNamesOff {
		return " has a host name: set 'sentinel resolve-hostnames yes' to use it"
	}
	return ": " + err.Error() + "; it is ignored: correct its replica-announce-ip"
}
