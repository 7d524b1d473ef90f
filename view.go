package sentinel

import (
	"context"
	"time"

	"github.com/gosentinel/sentinel/internal/node"
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/quorum"
)

// Status is how a server or another Sentinel looks from here.
type Status struct {
	// DownSince is since when it counts as down, in this Sentinel's opinion. Zero
	// while it does not.
	DownSince time.Time `json:",omitzero"`
	// LastReply is when it last gave a valid answer, or since when it is known.
	LastReply time.Time `json:",omitzero"`
	// Trouble says why a connection to it fails, or what is refused on it, since
	// TroubleSince. "" while all is well.
	Trouble      string    `json:",omitempty"`
	TroubleSince time.Time `json:",omitzero"`
}

// Down reports whether it counts as down, in this Sentinel's opinion.
func (s Status) Down() bool { return !s.DownSince.IsZero() }

// Server is what a Redis server says about itself in INFO.
type Server struct {
	Addr  string // "host:port"
	RunID string // "" before the first INFO
	Role  string // "master" or "replica"; what was expected before the first INFO
	// RoleSince is since when it reports this role, and InfoAt when it last did.
	RoleSince time.Time `json:",omitzero"`
	InfoAt    time.Time `json:",omitzero"`
	Status
}

// Master is what a Sentinel knows about a master. It is a snapshot that belongs to
// the caller.
type Master struct {
	Name string
	// Server is the server that clients should use: the promoted replica as soon as
	// its promotion is confirmed. The rest of it is about the last one until then.
	Server
	// Epoch numbers the addresses of the master: the higher one is newer, on every
	// Sentinel.
	Epoch uint64
	// AgreedDownSince is since when enough Sentinels agree that it is down. Zero while
	// they do not.
	AgreedDownSince time.Time `json:",omitzero"`
	// Failover is how far the failover has come that this Sentinel is making; "" for none.
	Failover Phase `json:",omitempty"`
	// Paused says until when its failovers are paused, and why. The zero value while
	// they are not.
	Paused   Pause  `json:",omitzero"`
	Replicas int    // how many there are
	Quorum   Quorum // what CheckQuorum says
	// Config is the configuration as it is now, without AuthPass.
	Config MasterConfig
}

// Quorum is how many Sentinels there are for a master.
type Quorum struct {
	Usable int // this Sentinel, and all others that answer
	Known  int // all Sentinels, this one included
	Needed int // how many votes lead a failover: a majority, or the quorum if that is more
}

// Replica is what a Sentinel knows about a replica. It is a snapshot that belongs to
// the caller.
type Replica struct {
	Server
	Master        string    // "host:port" of the server that it follows; "" if it does not say
	LinkUp        bool      // whether its connection to that server is up
	LinkDownSince time.Time `json:",omitzero"` // since when it is not
	Priority      int       // replica-priority: the lowest is promoted first, 0 never
	Offset        uint64    // how much of the master's stream it has, in bytes
	Announced     bool      // false: replica-announced no, clients are not told of it
}

// Peer is what a Sentinel knows about another one. It is a snapshot that belongs to
// the caller.
type Peer struct {
	ID        string
	Addr      string    // "host:port"
	LastHello time.Time `json:",omitzero"` // when it last announced itself
	Software  string    // "gosentinel", "redis-sentinel" or "unknown"
	Version   string    `json:",omitempty"` // of a gosentinel
	VotedFor  string    `json:",omitempty"` // the id of whom it last voted for, as far as is known,
	VoteEpoch uint64    `json:",omitempty"` // and in which epoch
	Status
}

// Masters returns all masters, in the order in which they were configured or added.
func (s *Sentinel) Masters(ctx context.Context) ([]Master, error) {
	list, err := node.Ask(ctx, s.node, func(c *monitor.Core, now monitor.Instant) []Master {
		views := c.Masters(now)
		list := make([]Master, len(views))
		for i := range views {
			list[i] = s.master(c, now, &views[i])
		}
		return list
	})
	return list, err
}

// Master returns one master.
func (s *Sentinel) Master(ctx context.Context, name string) (Master, error) {
	return ask(ctx, s, name, func(c *monitor.Core, now monitor.Instant) (Master, bool) {
		v, ok := c.Master(now, name)
		if !ok {
			return Master{}, false
		}
		return s.master(c, now, &v), true
	})
}

// Replicas returns the replicas of a master, also those that are down.
func (s *Sentinel) Replicas(ctx context.Context, name string) ([]Replica, error) {
	return ask(ctx, s, name, func(c *monitor.Core, now monitor.Instant) ([]Replica, bool) {
		views, ok := c.Replicas(now, name)
		list := make([]Replica, len(views))
		for i := range views {
			list[i] = s.replica(now, &views[i])
		}
		return list, ok
	})
}

// Peers returns the other Sentinels of a master, also those that are down.
func (s *Sentinel) Peers(ctx context.Context, name string) ([]Peer, error) {
	return ask(ctx, s, name, func(c *monitor.Core, now monitor.Instant) ([]Peer, bool) {
		views, ok := c.Sentinels(now, name)
		list := make([]Peer, len(views))
		for i := range views {
			list[i] = s.peer(now, &views[i])
		}
		return list, ok
	})
}

// CheckQuorum returns how many Sentinels there are for a master. The error is a
// [*QuorumError] if they are too few for a failover.
func (s *Sentinel) CheckQuorum(ctx context.Context, name string) (Quorum, error) {
	type answer struct {
		Quorum
		trouble string
	}
	a, err := ask(ctx, s, name, func(c *monitor.Core, now monitor.Instant) (answer, bool) {
		v, ok := c.Master(now, name)
		return answer{quorumOf(&v), v.QuorumTrouble()}, ok
	})
	if err != nil {
		return Quorum{}, err
	}
	if a.trouble != "" {
		err = &QuorumError{Usable: a.Usable, Known: a.Known, Needed: a.Needed, Reason: name + ": " + a.trouble}
	}
	return a.Quorum, err
}

// ask asks the core something about a master.
func ask[T any](ctx context.Context, s *Sentinel, name string, f func(*monitor.Core, monitor.Instant) (T, bool)) (T, error) {
	type answer struct {
		value T
		ok    bool
	}
	a, err := node.Ask(ctx, s.node, func(c *monitor.Core, now monitor.Instant) (a answer) {
		a.value, a.ok = f(c, now)
		return a
	})
	if err == nil && !a.ok {
		err = refusal(name, monitor.ErrNoSuchMaster)
	}
	return a.value, err
}

func (s *Sentinel) master(c *monitor.Core, now monitor.Instant, v *monitor.MasterView) Master {
	cfg, _ := c.MasterConfig(v.Name)
	m := Master{
		Name: v.Name, Server: s.server(now, &v.InstanceView), Epoch: uint64(v.ConfigEpoch),
		Replicas: v.Replicas, Quorum: quorumOf(v), Config: masterConfig(cfg),
	}
	m.Addr, m.Config.AuthPass = v.Current.String(), ""
	if v.Flags.Has(monitor.FlagODown) {
		m.AgreedDownSince = s.before(now, v.ODownTime)
	}
	if v.PauseLeft > 0 && !v.Pause.Resumed {
		m.Paused = Pause{Until: time.UnixMilli(v.Pause.Until), Reason: v.Pause.Reason}
	}
	if v.Flags.Has(monitor.FlagFailoverInProgress) {
		if m.Failover = phases[v.FailoverState]; m.Failover == PhaseOver {
			m.Failover = PhasePreparation // its attempt has not begun
		}
	}
	return m
}

func quorumOf(v *monitor.MasterView) Quorum {
	known := v.OtherSentinels + v.Unreachable + 1
	return Quorum{Usable: v.UsableSentinels, Known: known, Needed: quorum.Needed(known, v.Quorum)}
}

func (s *Sentinel) replica(now monitor.Instant, v *monitor.ReplicaView) Replica {
	r := Replica{
		Server: s.server(now, &v.InstanceView), LinkUp: v.MasterLinkUp,
		Priority: v.Priority, Offset: v.Offset, Announced: v.Announced,
	}
	if v.MasterHost != "" {
		r.Master = monitor.HostPort{Host: v.MasterHost, Port: v.MasterPort}.String()
	}
	if !v.MasterLinkUp && !r.InfoAt.IsZero() {
		r.LinkDownSince = r.InfoAt.Add(-v.MasterLinkDown)
	}
	return r
}

func (s *Sentinel) peer(now monitor.Instant, v *monitor.SentinelView) Peer {
	return Peer{
		ID: string(v.RunID), Addr: v.Addr.String(), LastHello: s.before(now, v.LastHello), Software: v.Software.String(),
		Version: v.Gossip.Version, VotedFor: string(v.VotedLeader), VoteEpoch: uint64(v.VotedLeaderEpoch),
		Status: s.status(now, &v.InstanceView),
	}
}

func (s *Sentinel) server(now monitor.Instant, v *monitor.InstanceView) Server {
	server := Server{
		Addr: v.Addr.String(), RunID: string(v.RunID), Role: "replica", RoleSince: s.before(now, v.RoleReportedTime),
		Status: s.status(now, v),
	}
	if v.RoleReported == monitor.RoleMaster {
		server.Role = "master"
	}
	if v.Info != "" {
		server.InfoAt = s.before(now, v.InfoRefresh)
	}
	return server
}

func (s *Sentinel) status(now monitor.Instant, v *monitor.InstanceView) Status {
	st := Status{LastReply: s.before(now, v.LastOKPingReply), Trouble: v.LinkError}
	if v.Flags.Has(monitor.FlagSDown) {
		st.DownSince = s.before(now, v.SDownTime)
	}
	if v.LinkError != "" {
		st.TroubleSince = s.before(now, v.LinkErrorSince)
	}
	return st
}

// before returns the time of day some time before now.
func (s *Sentinel) before(now monitor.Instant, ago time.Duration) time.Time {
	return s.node.Wall(now).Add(-ago)
}
