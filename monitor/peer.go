package monitor

// hello processes a hello message (state-machine.md §3.2): it makes peers
// known, carries epochs, and spreads the outcome of failovers. It does so in
// TILT as well.
func (c *Core) hello(now Instant, in *HelloReceived) {
	if l := c.conns[in.Conn]; l != nil {
		l.pubsubActivity = now
	}
	h := &in.Hello
	m := c.byName[h.MasterName]
	if m == nil || !c.plausible(h) {
		return
	}
	if h.RunID == c.opts.MyID {
		c.ownHello(now, m, h)
		return
	}
	p := c.meet(now, m, h)
	c.learnEpoch(m, h)
	if p != nil {
		p.lastHello = now
		c.heed(now, m, p, h)
	}
}

func (c *Core) plausible(h *Hello) bool {
	return h.RunID.Valid() && h.CurrentEpoch.Plausible(c.epoch) && h.ConfigEpoch.Plausible(c.epoch)
}

// learnEpoch takes over the epoch of another Sentinel if it is higher.
//
// A config epoch above our current epoch would make every later failover of m
// produce an older configuration than the one that is known: it would be aborted
// after the replica was promoted. No honest hello has one above its own current
// epoch.
func (c *Core) learnEpoch(m *master, h *Hello) {
	if epoch := max(h.CurrentEpoch, h.ConfigEpoch); epoch > c.epoch {
		c.epoch = epoch
		c.emit(&m.instance, NewEpoch{c.epoch}) // others know it already: no promise of ours
		c.changed()
		c.touch(m)
	}
}

// heed takes over the configuration that p told, if it is newer.
func (c *Core) heed(now Instant, m *master, p *peer, h *Hello) {
	if h.ConfigEpoch > m.configEpoch {
		c.adoptConfig(now, m, p, h)
	}
}

// meet returns the peer that a hello comes from, adding or moving it as needed,
// or nil when its address cannot be used. An unusable address leaves a known
// peer as it is.
func (c *Core) meet(now Instant, m *master, h *Hello) *peer {
	p := m.peerByID(h.RunID)
	if p != nil && p.announcedAt(h) {
		p.link.moved.here = now
		return p
	}
	addr, ok := c.addrOf(h.IP, h.Port)
	if !ok || h.Port < 1 || h.Port > 65535 {
		c.logOnce("peer:"+string(h.RunID), LevelWarning, "Sentinel "+string(h.RunID)+" announces the host name "+
			h.IP+": set 'sentinel resolve-hostnames yes' to use it")
		return nil
	}
	if p != nil && p.addr.Same(addr) {
		p.link.moved.here = now
		return p
	}
	if p != nil && c.settled(now, p, addr) {
		return p
	}
	if p != nil {
		c.emit(&m.instance, SentinelAddressSwitch{c.ref(&m.instance), c.shown(addr), h.RunID})
		c.movePeer(now, p, addr)
		c.changed()
		return p
	}
	for _, q := range m.peers {
		if q.addr.Same(addr) {
			c.emit(&q.instance, SentinelInvalidAddr{c.ref(&q.instance)})
			c.forgetPeer(q.runID)
			break
		}
	}
	p = c.addPeer(now, m, addr, h.RunID)
	if p == nil {
		return nil
	}
	c.emit(&p.instance, SentinelAdded{c.ref(&p.instance)})
	c.changed()
	return p
}

// announcedAt reports whether a hello repeats the address of p to the letter, as
// nearly all do, so that it need not be parsed.
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
		q := c.members[o.id].(*peer)
		q.clear(FlagMasterDown)
		q.votedFor, q.lastHello = "", now
	}
	c.closeLink(p.link)
	p.link.cmd.redial()
	c.resolve(&p.instance)
	c.ready(&p.link.timer)
	if others > 0 {
		c.emit(&p.instance, SentinelAddressUpdate{c.ref(&p.instance), others})
	}
}

// forgetPeer removes a Sentinel id everywhere, because another Sentinel lives
// at its address now.
func (c *Core) forgetPeer(id RunID) {
	l := c.peerLinks[id]
	if l == nil {
		return
	}
	for _, o := range append([]*instance(nil), l.owners...) {
		c.touch(o.master)
		c.removePeer(c.members[o.id].(*peer))
	}
}

// adoptConfig takes over a configuration with a higher epoch.
func (c *Core) adoptConfig(now Instant, m *master, p *peer, h *Hello) {
	addr, ok := c.addrOf(h.MasterIP, h.MasterPort)
	if !ok || h.MasterPort < 1 || h.MasterPort > 65535 {
		return // an address that cannot be used must not raise the epoch either
	}
	m.configEpoch = h.ConfigEpoch
	m.configSeq = c.disk.next()
	c.changed()
	from := m.current()
	if addr.Same(from) {
		if a := &m.attempt; a.InProgress() && !a.Published() && a.Epoch <= m.configEpoch {
			// What this attempt would publish is outdated before it exists.
			c.abort(now, m, FailoverAbortNotElected{c.ref(&m.instance)})
		}
		return
	}
	c.emit(&p.instance, ConfigUpdateFrom{c.ref(&p.instance)})
	c.emit(&m.instance, SwitchMaster{m.cfg.Name, c.shown(from), HostPort{h.MasterIP, h.MasterPort}, m.configEpoch})
	c.switchTo(now, m, addr)
	c.reconfScript(m, "observer", from, addr)
}
