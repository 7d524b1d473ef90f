package monitor

import "time"

// MasterCount returns how many masters are monitored.
func (c *Core) MasterCount() int { return len(c.masters) }

// MasterNames returns the names of the masters, in the order of configuration.
func (c *Core) MasterNames() []string {
	names := make([]string, len(c.masters))
	for k, m := range c.masters {
		names[k] = m.name
	}
	return names
}

// Masters returns a view of every master, in the order of configuration.
func (c *Core) Masters(now Instant) []MasterView {
	views := make([]MasterView, len(c.masters))
	for k, m := range c.masters {
		views[k] = c.masterView(now, m)
	}
	return views
}

// Master returns a view of one master.
func (c *Core) Master(now Instant, name string) (MasterView, bool) {
	m := c.byName[name]
	if m == nil {
		return MasterView{}, false
	}
	return c.masterView(now, m), true
}

// Replicas returns a view of every replica of one master, including those with
// replica-announced no.
func (c *Core) Replicas(now Instant, name string) ([]ReplicaView, bool) {
	m := c.byName[name]
	if m == nil {
		return nil, false
	}
	views := make([]ReplicaView, len(m.replicas))
	for k, r := range m.replicas {
		views[k] = ReplicaView{
			InstanceView:   c.instanceView(now, &r.instance),
			MasterLinkDown: r.masterLinkDown, MasterLinkUp: r.masterLinkUp,
			MasterHost: r.masterHost, MasterPort: r.masterPort,
			Priority: r.priority, Offset: r.offset, Announced: r.announced && !r.foreign,
		}
	}
	return views, true
}

// Sentinels returns a view of every other Sentinel of one master.
func (c *Core) Sentinels(now Instant, name string) ([]SentinelView, bool) {
	m := c.byName[name]
	if m == nil {
		return nil, false
	}
	views := make([]SentinelView, len(m.peers))
	for k, p := range m.peers {
		views[k] = SentinelView{
			InstanceView: c.instanceView(now, &p.instance),
			LastHello:    now.Sub(p.lastHello), VotedLeader: p.votedFor, VotedLeaderEpoch: p.votedEpoch,
			Software: p.link.gossip.kind, Gossip: p.link.gossip.endpoint,
		}
	}
	return views, true
}

// MasterAddr returns the address that clients of a master should use: the
// promoted replica's as soon as its promotion is confirmed.
func (c *Core) MasterAddr(name string) (HostPort, bool) {
	m := c.byName[name]
	if m == nil {
		return HostPort{}, false
	}
	return c.shown(m.current()), true
}

// MasterConfig returns the configuration of one master as it is now.
func (c *Core) MasterConfig(name string) (MasterConfig, bool) {
	m := c.byName[name]
	if m == nil {
		return MasterConfig{}, false
	}
	return m.cfg, true
}

// Options returns the global options as they are now.
func (c *Core) Options() Options { return c.opts }

// SaveTrouble says why states cannot be saved, as far as this core knows; "" while
// they can.
func (c *Core) SaveTrouble() string {
	if !c.disk.failing {
		return ""
	}
	return c.disk.reason
}

// CurrentEpoch returns the highest epoch known.
func (c *Core) CurrentEpoch() Epoch { return c.epoch }

// Tilt reports whether the core is in TILT, and for how long.
func (c *Core) Tilt(now Instant) (active bool, since time.Duration) {
	if !c.tilt {
		return false, 0
	}
	return true, now.Sub(c.tiltSince)
}

// Tilts returns how often the core has entered TILT.
func (c *Core) Tilts() uint64 { return c.tilts }

func (c *Core) masterView(now Instant, m *master) MasterView {
	v := MasterView{
		InstanceView:  c.instanceView(now, &m.instance),
		FailoverState: m.attempt.Phase().String(),
		ConfigEpoch:   m.configEpoch,
		Replicas:      m.ownReplicas(), OtherSentinels: len(m.peers), Unreachable: len(m.distant),
		Quorum: m.cfg.Quorum, FailoverTimeout: m.cfg.FailoverTimeout, ParallelSyncs: m.cfg.ParallelSyncs,
		NotificationScript: m.cfg.NotificationScript, ClientReconfigScript: m.cfg.ClientReconfigScript,
		Pause: m.pause.FailoverPause, PauseLeft: max(m.pause.until.Sub(now), 0),
		PlannedFailover: m.cfg.PlannedFailover, EmptyPromotionGrace: m.cfg.EmptyPromotionGrace, AcceptEmpty: m.cfg.AcceptEmpty,
		DownAfterRefused: m.cfg.DownAfterRefused, ReplicaExpire: m.cfg.ReplicaExpire,
		Isolation:       c.isolationView(now, m),
		Guards:          c.guardViews(m),
		Current:         c.shown(m.current()),
		UsableSentinels: 1,
	}
	if v.Observes = c.opts.Observe; v.Observes {
		v.UsableSentinels = 0
	}
	if m.attempt.InProgress() || m.switchover.active() {
		v.Flags |= FlagFailoverInProgress
	}
	if m.attempt.Forced {
		v.Flags |= FlagForceFailover
	}
	for _, p := range m.peers {
		switch {
		case p.has(FlagSDown), !p.link.counts():
		case p.deaf():
			v.DeafSentinels++
		default:
			v.UsableSentinels++
		}
	}
	return v
}

func (c *Core) instanceView(now Instant, i *instance) InstanceView {
	l := i.link
	v := InstanceView{
		Name: i.name, Addr: c.shown(i.addr), RunID: i.runID, Flags: i.flags,
		CommandsUp: l.connected(), PendingCommands: l.pending, LinkRefs: len(l.owners),
		LastOKPingReply: now.Sub(l.lastAvail), LastPingReply: now.Sub(l.lastPong),
		SDownTime: now.Sub(i.sdownSince), ODownTime: now.Sub(i.odownSince),
		RoundTrip: l.roundTrip, DownAfter: i.downAfter, RoleReported: i.role, RoleReportedTime: now.Sub(i.roleSince),
	}
	if len(l.troubles) > 0 {
		v.LinkError, v.LinkErrorSince = l.troubles[0].text, now.Sub(l.troubles[0].since)
	}
	switch i.kind {
	case KindMaster:
		v.Flags |= FlagMaster
	case KindReplica:
		v.Flags |= FlagReplica
	case KindSentinel:
		v.Flags |= FlagSentinel
	}
	if !l.whole() {
		v.Flags |= FlagDisconnected
	}
	if l.unansweredSince != 0 {
		v.LastPingSent = now.Sub(l.unansweredSince)
	}
	if i.infoRefresh != 0 {
		v.InfoRefresh = now.Sub(i.infoRefresh)
	}
	if i.info != nil {
		v.Info, v.Details = i.info.Text, &i.info.Details
	}
	return v
}
