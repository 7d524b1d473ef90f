package monitor

import "time"

// periodic drives the traffic of one instance: INFO and hello messages, and for
// replicas and Sentinels the check of S_DOWN. Masters are judged by master.run.
type periodic struct{ *instance }

func (p periodic) run(c *Core, now Instant) Instant {
	i := p.instance
	next := Never
	if i.kind != KindMaster && !c.tilt {
		next = c.checkSDown(now, i)
	}
	if !i.link.connected() {
		return next
	}
	if i.kind != KindSentinel {
		next = min(next, c.infoIfDue(now, i))
	}
	return min(next, c.helloIfDue(now, i))
}

// infoIfDue sends INFO when its period is over and none is in flight.
func (c *Core) infoIfDue(now Instant, i *instance) Instant {
	if i.infoPending {
		return Never
	}
	if due := i.infoSent.Add(c.infoPeriod(i)); i.infoSent != 0 && now < due {
		return due
	}
	c.requestInfo(now, i)
	return Never
}

// requestInfo sends INFO now unless one is in flight already.
func (c *Core) requestInfo(now Instant, i *instance) {
	if i.infoPending || !i.link.connected() {
		return
	}
	i.infoPending, i.infoSent = true, now
	c.sendFor(i, InfoRequest{})
}

// earlyDays is how long after it was reached a master without replicas is asked
// for them more often. One that never gets any should not cost more for ever.
const earlyDays = 30 * time.Second

// infoPeriod is the INFO period of i at the moment. What a failover waits for
// is polled fast, because the wait for the next periodic INFO is two thirds of
// the time that a stock Sentinel needs (state-machine.md §12).
func (c *Core) infoPeriod(i *instance) time.Duration {
	period := c.tun.InfoPeriod
	m := i.master
	if i.infoRefresh == 0 {
		period = min(period, c.tun.InfoFast) // never answered with INFO: try again soon
	}
	if i.kind == KindMaster && len(m.replicas) == 0 && c.now < i.link.cmd.upAt.Add(earlyDays) {
		return min(period, c.tun.InfoFast) // its replicas may be on their way: a failover needs them known
	}
	if i.kind != KindReplica {
		return period
	}
	r := c.members[i.id].(*replica)
	switch {
	case m.promoted == r && !m.attempt.Published() && m.attempt.InProgress(),
		r.has(FlagReconfSent | FlagReconfInProg):
		return c.tun.InfoPoll
	case m.has(FlagODown), m.attempt.InProgress(), r.masterLinkDown != 0, r.role == RoleMaster:
		return min(period, c.tun.InfoFast)
	}
	return period
}

// helloIfDue publishes a hello message about the instance's master.
func (c *Core) helloIfDue(now Instant, i *instance) Instant {
	if i.helloPending {
		return Never
	}
	if now < i.helloDue {
		return i.helloDue
	}
	c.sendHello(now, i)
	return Never
}

func (c *Core) sendHello(now Instant, i *instance) {
	i.helloPending = true
	i.helloDue = now.Add(c.tun.PublishPeriod)
	h := c.helloOf(i.master, i.link)
	c.announcing(now, &h)
	c.sendFor(i, i.master.publishing(h))
}

// publishing returns the command that publishes h. Nearly every hello repeats the
// one before, so the command is kept, and no effect can change it.
func (m *master) publishing(h Hello) Command {
	if m.publish == nil || m.hello != h {
		m.hello, m.publish = h, PublishHello{h}
	}
	return m.publish
}

// helloOf is what is announced about m over l: the own address as the other end
// of l sees it, unless one is configured.
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

// published returns the configuration of m that may be told to others: the
// newest durable one. Were a newer one announced and then forgotten in a crash,
// two Sentinels could hold different addresses for one config epoch.
func (c *Core) published(m *master) published {
	if c.mayAnnounce(m) {
		m.durable = published{m.current(), m.configEpoch}
	}
	return m.durable
}

// forceHello announces m's configuration to everybody at once.
func (c *Core) forceHello(now Instant, m *master) {
	announce := func(i *instance) {
		if i.link.connected() {
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
	c.wake(i)
}
