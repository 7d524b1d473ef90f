package sentineltest

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// ReplicaSet is a master with its replicas. Its methods are for the goroutine of the
// test.
type ReplicaSet struct {
	t       testing.TB
	net     *Network
	servers []*Redis

	partition partition
}

// NewReplicaSet starts a master and n replicas without a password, on free ports of
// 127.0.0.1, and returns when the replicas are synchronised. They end with the test.
func NewReplicaSet(t testing.TB, n int) *ReplicaSet {
	t.Helper()
	return newLoopback().NewReplicaSet(t, n)
}

// NewReplicaSet starts a master and replicas on this network. Otherwise it is the
// function of that name.
func (n *Network) NewReplicaSet(t testing.TB, replicas int) *ReplicaSet {
	t.Helper()
	if replicas < 0 || replicas > maxNodes {
		t.Fatalf("sentineltest: NewReplicaSet with %d replicas: give a number from 0 to %d", replicas, maxNodes)
	}
	n.use(t)
	set := &ReplicaSet{t: t, net: n}
	if err := set.start(replicas, redisConfig{stir: func() {}}, defaultSeed); err != nil {
		t.Fatalf("sentineltest: %v", err)
	}
	set.WaitStable()
	return set
}

func (s *ReplicaSet) start(replicas int, cfg redisConfig, seed uint64) error {
	for i := range replicas + 1 {
		cfg.ids = newIDs(seed, i)
		r, err := s.net.startRedis(s.t, cfg)
		if err != nil {
			return err
		}
		cfg.replicaOf = s.first(r).Addr()
		s.servers = append(s.servers, r)
	}
	return nil
}

// first returns the first server, which may be r.
func (s *ReplicaSet) first(r *Redis) *Redis {
	if len(s.servers) > 0 {
		return s.servers[0]
	}
	return r
}

// Servers returns all servers, in the order in which they were made, whatever their
// role and state.
func (s *ReplicaSet) Servers() []*Redis { return slices.Clone(s.servers) }

// Master returns the server that is a master and runs. The test fails if that is
// none, or several.
func (s *ReplicaSet) Master() *Redis {
	s.t.Helper()
	list := s.inRole(true)
	if len(list) != 1 {
		s.t.Fatalf("sentineltest: %d running servers are masters\n%s", len(list), s.describe())
	}
	return list[0]
}

// Replicas returns the servers that are replicas and run, in the order in which they
// were made.
func (s *ReplicaSet) Replicas() []*Redis { return s.inRole(false) }

func (s *ReplicaSet) inRole(master bool) (list []*Redis) {
	for _, r := range s.servers {
		if server, state := r.now(); state == running && (server.Status().Master == "") == master {
			list = append(list, r)
		}
	}
	return list
}

// Failover makes the first of the replicas the master and the others its replicas,
// the old master too, and returns when all are synchronised.
func (s *ReplicaSet) Failover() {
	s.t.Helper()
	s.WaitStable()
	replicas := s.Replicas()
	if len(replicas) == 0 {
		s.t.Fatalf("sentineltest: Failover without a replica that runs\n%s", s.describe())
	}
	next := replicas[0]
	old := s.Master()
	for _, r := range append([]*Redis{next, old}, replicas[1:]...) {
		to := next.Addr()
		if r == next {
			to = ""
		}
		server, _ := r.now()
		if err := server.Follow(to); err != nil {
			s.t.Fatalf("sentineltest: %v", err)
		}
	}
	s.WaitStable()
}

// Partition divides the network: the given servers are on one side, all others on the
// other, and nothing gets across. See [Cluster.Partition].
func (s *ReplicaSet) Partition(side ...Node) {
	s.t.Helper()
	s.partition.divide(s.t, s.net, s.nodes(), side)
}

// Heal ends the partition: what was sent meanwhile arrives.
func (s *ReplicaSet) Heal() { s.partition.heal(s.net, s.nodes()) }

func (s *ReplicaSet) nodes() []Node {
	var all []Node
	for _, r := range s.servers {
		all = append(all, r)
	}
	return all
}

// WaitStable waits until one running server is the master and all other running
// servers are its replicas, synchronised and at its offset. While the network is
// divided, it looks at the side of the master. The test fails if that takes more than
// ten seconds.
func (s *ReplicaSet) WaitStable() {
	s.t.Helper()
	wait(s.t, s.net, wallTime(), "stable", s.unstable, s.describe)
}

// unstable says what is not as WaitStable wants it; "" if all is.
func (s *ReplicaSet) unstable() string {
	masters := s.inRole(true)
	if len(masters) == 0 {
		return noMaster
	}
	var beside []*Redis
	for _, r := range s.servers {
		if s.partition.named(r) == s.partition.named(masters[0]) {
			beside = append(beside, r)
		}
	}
	return unstableServers(beside)
}

const noMaster = "no running server is a master"

// unstableServers looks at those that run.
func unstableServers(servers []*Redis) string {
	var master *Redis
	var offset int64
	for _, r := range servers {
		server, state := r.now()
		if st := server.Status(); state == running && st.Master == "" {
			if master != nil {
				return "both " + master.Addr() + " and " + r.Addr() + " are masters"
			}
			master, offset = r, st.Offset
		}
	}
	if master == nil {
		return noMaster
	}
	for _, r := range servers {
		server, state := r.now()
		switch st := server.Status(); {
		case state != running || r == master:
		case st.Master != master.Addr():
			return "replica " + r.Addr() + " does not follow the master " + master.Addr()
		case !st.LinkUp:
			return "replica " + r.Addr() + " has no link to the master"
		case st.Offset < offset:
			return "replica " + r.Addr() + " has not received everything"
		}
	}
	return ""
}

func (s *ReplicaSet) describe() string {
	var b strings.Builder
	for _, r := range s.servers {
		b.WriteString("  " + r.String() + "\n")
	}
	return b.String()
}

// DialContext connects as a client does; the parameter network is "tcp". On the
// network of the test it is the only way, otherwise any dialer will do.
func (s *ReplicaSet) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return s.net.DialContext(ctx, network, addr)
}

// patience is how long and how often a condition is looked at.
type patience struct {
	limit, period time.Duration
	now           func() time.Duration // the time since some moment before
}

// wallTime is the patience of those without Sentinels, and so without their clock.
func wallTime() patience {
	start := time.Now()
	return patience{10 * time.Second, time.Millisecond, func() time.Duration { return time.Since(start) }}
}

// wait waits for a condition, which says what is missing. The test fails if that
// takes longer than its patience.
func wait(t testing.TB, n *Network, p patience, what string, missing func() string, describe func() string) {
	t.Helper()
	start := p.now()
	tick := time.NewTicker(p.period)
	defer tick.Stop()
	for {
		n.settle()
		why := missing()
		if why == "" {
			return
		}
		if took := p.now() - start; took > p.limit {
			t.Fatalf("sentineltest: not %s after %v: %s\n%s", what, took, why, describe())
		}
		<-tick.C
	}
}
