package monitor

import (
	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/internal/valid"
)

// switchToPromoted ends a failover that this Sentinel led.
func (c *Core) switchToPromoted(now Instant, m *master) {
	to := m.promoted.addr
	c.emit(&m.instance, event.SwitchMaster{Master: m.cfg.Name, From: c.shown(m.addr), To: c.shown(to), Epoch: m.configEpoch})
	c.switchTo(now, m, to)
}

// server is a master or replica while its record is replaced.
type server struct {
	addr Addr
	link *link
	belonging
}

// switchTo makes addr the address of m, with the old master and the other
// replicas as its replicas (state-machine.md §9.2, Reset-and-change-address).
// The links stay open and pass to the new records: the new master is watched
// without a gap, and nothing is dialled again.
//
// Every conclusion about the old address is dropped, including what peers said
// about it. Stock Sentinel keeps their answers for five seconds, and its
// reconnection clock. With a down-after of one second it therefore fails over a
// healthy new master after about one in twenty failovers.
func (c *Core) switchTo(now Instant, m *master, addr Addr) {
	c.inherit(m, m.replicaAt(addr))
	servers := []server{}
	for _, r := range m.replicas {
		servers = append(servers, server{r.addr, r.link, r.belonging})
		c.unregister(&r.instance)
	}
	servers = append(servers, server{m.addr, m.link, m.belonging})
	m.replicas = nil
	c.noteExMaster(now, m, addr)
	m.cold = cold{} // a pause goes on at what is a former master now

	c.dig(m, addr) // who is the master was not to be forgotten
	c.unindex(m)
	m.addr, m.cfg.Addr = addr, addr
	m.outdated()
	c.index(m)
	c.resetMaster(now, m)
	m.lease = lease{}     // of a driver that has ended its work, or lost it
	m.promise = promise{} // about the old address
	m.configSeq = c.disk.next()
	c.changed()

	m.link = nil
	for _, s := range servers {
		// Two can match when two names resolve to one address.
		if s.addr.Same(addr) && m.link == nil {
			c.reuseLink(now, s.link, &m.instance)
			m.belonging = s.belonging
		}
	}
	if m.link == nil {
		c.attach(c.newLink(now, true), &m.instance)
		c.resolve(&m.instance)
	}
	for _, s := range servers {
		if s.link == m.link {
			continue
		}
		if r := c.addReplica(now, m, s.addr, s.link); r != nil {
			c.reuseLink(now, s.link, &r.instance)
			r.belonging = s.belonging
			c.emit(&r.instance, event.ReplicaAdded{Instance: c.ref(&r.instance)})
		} else {
			c.closeLink(s.link)
			c.stopTimer(&s.link.timer)
		}
	}
	c.wake(&m.instance)
	c.touch(m)
}

// reuseLink gives an open link to a new record and restarts its clocks.
func (c *Core) reuseLink(now Instant, l *link, i *instance) {
	l.owners = l.owners[:0]
	c.attach(l, i)
	l.lastAvail, l.lastPong, l.pubsubActivity = now, now, now
	l.unansweredSince = 0
	if !l.cmd.up || l.pingPending {
		l.unansweredSince = now
	}
	l.cmd.allowRedial()
	l.pubsub.allowRedial()
	c.ready(&l.timer)
}

// adoptIfNewer adopts the configuration that another Sentinel announced, if it is
// newer.
func (c *Core) adoptIfNewer(now Instant, m *master, h *Hello) {
	if h.ConfigEpoch > m.configEpoch {
		if c.keepsOrder(now, m, h) {
			return
		}
		c.adoptConfig(now, m, h)
	}
}

// adoptConfig adopts a configuration with a higher epoch.
func (c *Core) adoptConfig(now Instant, m *master, h *Hello) {
	addr, err := c.addrOf(h.MasterIP, h.MasterPort)
	if err == nil && (h.MasterPort < 1 || h.MasterPort > 65535) {
		err = valid.ErrUnusable
	}
	if err != nil {
		c.logStrange("master:"+string(h.RunID)+err.Error(), "Sentinel "+string(h.RunID)+" announces that master "+m.cfg.Name+" is at "+
			HostPort{Host: h.MasterIP, Port: h.MasterPort}.String()+": "+err.Error()+"; this is ignored")
		return // an unusable address must not raise the epoch either
	}
	from := m.current()
	if addr.Same(from) && !c.surelySame(m, addr, from) {
		return // the next hello finds the name looked up
	}
	m.configEpoch = h.ConfigEpoch
	m.outdated()
	m.configSeq = c.disk.next()
	c.changed()
	if addr.Same(from) {
		if a := &m.attempt; a.InProgress() && !a.Published() && a.Epoch <= m.configEpoch {
			// What this attempt would publish is outdated already.
			c.abort(now, m, event.FailoverAbortNotElected{Instance: c.ref(&m.instance)})
		}
		return
	}
	c.emit(&m.instance, event.ConfigUpdateFrom{Instance: c.sender(m, h)})
	c.emit(&m.instance, event.SwitchMaster{Master: m.cfg.Name, From: c.shown(from), To: HostPort{Host: h.MasterIP, Port: h.MasterPort}, Epoch: m.configEpoch})
	c.switchTo(now, m, addr)
	m.hasListed = false // it may have replicas that its predecessor did not have
	c.reconfScript(m, "observer", from, addr)
}

// sender describes the Sentinel that sent a hello, for an event.
func (c *Core) sender(m *master, h *Hello) Instance {
	if p := m.peerByID(h.RunID); p != nil {
		return c.ref(&p.instance)
	}
	return Instance{
		Kind: KindSentinel, Name: string(h.RunID), Addr: HostPort{Host: h.IP, Port: h.Port},
		Master: m.cfg.Name, MasterAddr: c.shown(m.addr),
	}
}
