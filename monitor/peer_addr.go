package monitor

import (
	"errors"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/internal/valid"
)

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
	c.logStrange("peer:"+string(h.RunID)+errOwnAddr.Error(), "Sentinel "+string(h.RunID)+" announces the address "+HostPort{Host: h.IP, Port: h.Port}.String()+
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

// knownAddr returns the address of a Sentinel that is new to one master, announced
// at addr. All masters share one link to it: where another master knows it
// elsewhere, it stays there while it is heard there, or moves for all of them.
// Otherwise the record would show one address, and the link lead to another.
func (c *Core) knownAddr(now Instant, id RunID, addr Addr) Addr {
	l := c.peerLinks[id]
	if l == nil || l.owners[0].addr.Same(addr) {
		return addr
	}
	known := c.members[l.owners[0].id].(*peer)
	if c.keepsAddress(now, known, addr) {
		return known.addr
	}
	c.movePeer(now, known, addr)
	return addr
}

// announcedAt reports whether a hello repeats the address of p literally.
// Nearly all do, and need no parsing.
func (p *peer) announcedAt(h *Hello) bool {
	return h.IP != "" && h.IP == p.addr.IP && h.Port > 0 && h.Port == p.addr.Port
}

// movePeer gives a known Sentinel a new address, under every master that knows
// it, and dials it there.
func (c *Core) movePeer(now Instant, p *peer, addr Addr) {
	others := 0
	for _, o := range p.link.owners {
		if o != &p.instance && !o.addr.Same(addr) {
			others++
		}
		o.addr = addr
		o.master.outdated()
		q := c.members[o.id].(*peer)
		c.peerSays(q, false)
		q.votedFor, q.lastHello = "", now
	}
	c.closeLink(p.link)
	p.link.cmd.allowRedial()
	c.resolve(&p.instance)
	c.ready(&p.link.timer)
	if others > 0 {
		c.emit(&p.instance, event.SentinelAddressUpdate{Instance: c.ref(&p.instance), Count: others})
	}
}
