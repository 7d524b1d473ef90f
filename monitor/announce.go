package monitor

// helloIfDue publishes a hello message about the instance's master.
func (c *Core) helloIfDue(now Instant, i *instance) Instant {
	if i.helloPending {
		return Never
	}
	if due := max(slotted(i.helloDue, c.tun.PublishPeriod), c.heldUntil(i)); now < due {
		return due
	}
	if !c.pingAlong(now, i.link) {
		c.sendHello(now, i)
	}
	return Never
}

func (c *Core) sendHello(now Instant, i *instance) {
	i.helloPending = true
	i.helloDue = now.Add(c.tun.PublishPeriod)
	h := c.helloOf(i.master, i.link)
	c.rememberOwnAddr(now, &h)
	c.sendFor(i, i.master.publishCommand(h))
}

// publishCommand returns the command that publishes h. Nearly every hello repeats
// the one before, so the command is reused. It is immutable.
func (m *master) publishCommand(h Hello) Command {
	if m.lastPublish == nil || m.hello != h {
		m.hello, m.lastPublish = h, PublishHello{h}
	}
	return m.lastPublish
}

// helloOf returns what is announced about m over l. The sender's address is
// this Sentinel's end of l, unless announce-ip is set.
func (c *Core) helloOf(m *master, l *link) Hello {
	ip := c.opts.AnnounceIP
	if ip == "" {
		ip = l.cmd.localIP
	}
	known := c.published(m)
	return Hello{
		IP: ip, Port: c.announcedPort(), RunID: c.opts.MyID, CurrentEpoch: c.durableEpoch,
		MasterName: m.cfg.Name, MasterIP: known.addr.Shown(c.opts.AnnounceHostnames),
		MasterPort: known.addr.Port, ConfigEpoch: known.epoch,
	}
}

func (c *Core) announcedPort() int {
	if c.opts.AnnouncePort != 0 {
		return c.opts.AnnouncePort
	}
	return c.port
}

// published returns the configuration of m that may be announced: the newest
// durable one. If a newer one were announced and then lost in a crash, two
// Sentinels could hold different addresses for one config epoch.
func (c *Core) published(m *master) published {
	if c.mayAnnounce(m) {
		m.durable = published{m.current(), m.configEpoch}
	}
	return m.durable
}

// forceHello announces the configuration of m to all its members at once.
func (c *Core) forceHello(now Instant, m *master) {
	announce := func(i *instance) {
		if i.link.connected() && now >= c.heldUntil(i) {
			c.sendHello(now, i)
		}
	}
	if c.gossip {
		c.free(ShareConfig{c.helloOf(m, m.link)})
	}
	announce(&m.instance)
	for _, p := range m.peers {
		announce(&p.instance)
	}
	for _, r := range m.replicas {
		announce(&r.instance)
	}
}

func (c *Core) publishReply(now Instant, in PublishReply) {
	l := c.replyOn(in.Conn)
	mem := c.members[in.Token.Instance]
	if l == nil || mem == nil || mem.base().link != l {
		return
	}
	i := mem.base()
	i.helloPending = false
	if in.OK {
		l.works(StepPublish)
	}
	c.wake(i)
}

// mayAnnounce reports whether the configuration of m may be announced: when it
// is durable. While the disk fails, the outcome of a failover led by this
// Sentinel is announced nevertheless. The new master is serving already, and
// silence would let the others promote a second one. This is safe: the epoch
// was won with a durable vote, so no Sentinel can make another configuration
// with it. Neither can this one after a crash; it would learn its own
// configuration back from the others.
func (c *Core) mayAnnounce(m *master) bool {
	return c.isDurable(m.configSeq) || c.disk.failing && m.attempt.Published()
}
