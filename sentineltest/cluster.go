package sentineltest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel"
	"github.com/gosentinel/sentinel/internal/server"
	"github.com/gosentinel/sentinel/internal/valid"
	"github.com/gosentinel/sentinel/monitor"
)

// NoReplicas is a ClusterOptions.Replicas for a master alone.
const NoReplicas = -1

// ClusterOptions says what [NewCluster] starts. The zero value is one master, two
// replicas and three Sentinels on free ports of 127.0.0.1, without passwords.
type ClusterOptions struct {
	// Name is the name of the master. "" means "mymaster".
	Name string
	// Replicas is how many replicas the master has, at most 32. 0 means 2; see NoReplicas.
	Replicas int
	// Sentinels is how many Sentinels there are, at most 32. 0 means 3.
	Sentinels int
	// Quorum is how many of them must agree that the master is down. 0 means a
	// majority.
	Quorum int

	// DownAfter is how long a server may be silent before it counts as down. 0 means
	// 20 milliseconds, and that is also how long a failover takes, give or take. The
	// Sentinels' clock stands still while the process gets no CPU, so a busy machine
	// does not cause one.
	DownAfter time.Duration
	// FailoverTimeout is the failover-timeout of the master. 0 means 50 times
	// DownAfter.
	FailoverTimeout time.Duration

	// Password is required by the servers, and SentinelPassword by the Sentinels.
	Password, SentinelPassword string

	// Network is where the cluster is. nil means real sockets on 127.0.0.1, on ports
	// that the system chooses.
	Network *Network
	// Seed makes another course of events than the default, 0: other identities and
	// other random delays.
	Seed uint64
	// Logger receives the logs of all nodes; nil discards them. With t.Output() as
	// its destination they go to the log of the test.
	Logger *slog.Logger
}

// maxNodes bounds the nodes of a kind: each Sentinel connects to every other one.
const maxNodes = 32

// complete returns the options with their defaults. The error joins all mistakes.
func (o ClusterOptions) complete() (ClusterOptions, error) {
	setDefault(&o.Name, "mymaster")
	setDefault(&o.Replicas, 2)
	setDefault(&o.Sentinels, 3)
	setDefault(&o.Quorum, o.Sentinels/2+1)
	setDefault(&o.DownAfter, 20*time.Millisecond)
	setDefault(&o.FailoverTimeout, 50*max(o.DownAfter, time.Millisecond))
	setDefault(&o.Seed, defaultSeed)
	if o.Replicas == NoReplicas {
		o.Replicas = 0
	}
	if o.Network == nil {
		o.Network = newLoopback()
	}
	var wrong []error
	if err := valid.MasterName(o.Name); err != nil {
		wrong = append(wrong, fmt.Errorf("Name %q: %w", o.Name, err))
	}
	for _, c := range []struct {
		ok   bool
		text string
	}{
		{o.Replicas >= 0 && o.Replicas <= maxNodes, fmt.Sprintf("Replicas %d: give a number from 1 to %d, 0 for two, or NoReplicas", o.Replicas, maxNodes)},
		{o.Sentinels >= 1 && o.Sentinels <= maxNodes, fmt.Sprintf("Sentinels %d: give a number from 1 to %d, or 0 for three", o.Sentinels, maxNodes)},
		{o.Quorum >= 1, fmt.Sprintf("Quorum %d: give a number above 0, or 0 for a majority", o.Quorum)},
		{o.Quorum <= max(o.Sentinels, 1), fmt.Sprintf("Quorum %d: there are only %d Sentinels", o.Quorum, o.Sentinels)},
		{o.DownAfter >= time.Millisecond, fmt.Sprintf("DownAfter %v: give a millisecond or more, or 0 for 20ms", o.DownAfter)},
		{o.FailoverTimeout >= time.Millisecond, fmt.Sprintf("FailoverTimeout %v: give a millisecond or more, or 0 for 50 times DownAfter", o.FailoverTimeout)},
	} {
		if !c.ok {
			wrong = append(wrong, errors.New(c.text))
		}
	}
	return o, errors.Join(wrong...)
}

// beat is how often WaitStable looks. The clock of the Sentinels goes on half as often.
func (o ClusterOptions) beat() time.Duration {
	return min(max(o.DownAfter/20, time.Millisecond), 50*time.Millisecond)
}

func setDefault[T comparable](p *T, value T) {
	if *p == *new(T) {
		*p = value
	}
}

// Cluster is a master with replicas and Sentinels. Its methods are for the goroutine
// of the test, except Name, Addrs and DialContext, which may be called by any.
type Cluster struct {
	t         testing.TB
	opt       ClusterOptions
	net       *Network
	set       *ReplicaSet
	sentinels []*Sentinel
	clock     *clock
	history   history
	partition partition
}

// NewCluster starts a cluster and returns when its Sentinels know each other and all
// servers. It ends with the test; if the test has failed by then, the log says what
// the cluster looked like.
func NewCluster(t testing.TB, opt ClusterOptions) *Cluster {
	t.Helper()
	opt, err := opt.complete()
	if err != nil {
		t.Fatalf("sentineltest: ClusterOptions has mistakes:\n%v", err)
	}
	c := &Cluster{t: t, opt: opt, net: opt.Network, set: &ReplicaSet{t: t, net: opt.Network}}
	c.history.begin()
	c.net.use(t)
	if err := c.start(); err != nil {
		t.Fatalf("sentineltest: the cluster cannot be started: %v", err)
	}
	c.WaitStable()
	if c.net.virtual {
		c.clock.set(full)
	}
	t.Cleanup(func() { // the first of its cleanups: while the nodes are as the test left them
		if t.Failed() {
			t.Logf("sentineltest: at the end of the test\n%s", c.describe())
		}
	})
	return c
}

func (c *Cluster) start() error {
	if err := c.startClock(); err != nil {
		return err
	}
	if err := c.set.start(c.opt.Replicas, redisConfig{password: c.opt.Password, log: c.opt.Logger, stir: c.stir}, c.opt.Seed); err != nil {
		return err
	}
	wait(c.t, c.net, wallTime(), "replicating", c.set.unstable, c.set.describe)
	for i := range c.opt.Sentinels {
		s, err := newSentinel(c, len(c.set.servers)+i)
		if err != nil {
			return err
		}
		c.sentinels = append(c.sentinels, s)
	}
	for _, s := range c.sentinels {
		if err := s.start(); err != nil {
			return err
		}
	}
	c.clock.set(starting) // now that each of them can answer the others
	return nil
}

func (c *Cluster) startClock() error {
	travel, stop, err := c.net.echo()
	if err != nil {
		return err
	}
	c.clock = newClock(2*c.opt.beat(), travel)
	c.t.Cleanup(func() {
		c.clock.close()
		stop()
	})
	return nil
}

// master is what the configuration of every Sentinel says.
func (c *Cluster) master() sentinel.MasterConfig {
	return sentinel.MasterConfig{
		Name: c.opt.Name, Addr: c.set.servers[0].Addr(), Quorum: c.opt.Quorum, DownAfter: c.opt.DownAfter,
		FailoverTimeout: c.opt.FailoverTimeout, ParallelSyncs: max(c.opt.Replicas, 1), AuthPass: c.opt.Password,
	}
}

// introduce tells a new Sentinel who else there is, so that it need not find out.
func (c *Cluster) introduce(s *Sentinel, m *monitor.MasterState) {
	for _, r := range c.set.servers[1:] {
		m.Replicas = append(m.Replicas, addrOf(r.Addr()))
	}
	for _, p := range c.sentinels {
		if p != s {
			m.Sentinels = append(m.Sentinels, monitor.KnownSentinel{Addr: addrOf(p.Addr()), ID: p.id})
		}
	}
}

// Name returns the name of the master, which clients ask for.
func (c *Cluster) Name() string { return c.opt.Name }

// Addrs returns the addresses of all Sentinels, as "ip:port", for a client.
func (c *Cluster) Addrs() []string {
	var list []string
	for _, s := range c.sentinels {
		list = append(list, s.Addr())
	}
	return list
}

// Sentinels returns all Sentinels, in the order in which they were made, whatever
// their state.
func (c *Cluster) Sentinels() []*Sentinel { return slices.Clone(c.sentinels) }

// Servers returns all servers, in the order in which they were made, whatever their
// role and state. The first was the master at the start.
func (c *Cluster) Servers() []*Redis { return c.set.Servers() }

// Master returns the server that most of the running Sentinels name. The test fails
// if they do not agree.
func (c *Cluster) Master() *Redis {
	c.t.Helper()
	votes, asked := map[string]int{}, 0
	for _, s := range c.sentinels {
		s.view(func(r server.Reader, _ monitor.Instant) {
			asked++
			addr, _ := r.MasterAddr(c.opt.Name)
			votes[addr.String()]++
		})
	}
	for _, r := range c.set.servers {
		if 2*votes[r.Addr()] > asked {
			return r
		}
	}
	why := "the Sentinels do not agree on the master"
	if asked == 0 {
		why = "no Sentinel is running"
	}
	c.t.Fatalf("sentineltest: %s\n%s", why, c.describe())
	return nil
}

// Replicas returns the running servers except the master, in the order in which they
// were made.
func (c *Cluster) Replicas() []*Redis {
	c.t.Helper()
	master := c.Master()
	var list []*Redis
	for _, r := range c.set.servers {
		if _, state := r.now(); state == running && r != master {
			list = append(list, r)
		}
	}
	return list
}

// DialContext connects as a client does; the parameter network is "tcp". On a
// [Network] it is the dialer that clients need; on real sockets any will do.
func (c *Cluster) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return c.net.DialContext(ctx, network, addr)
}

// Failover makes a planned failover, as SENTINEL FAILOVER does, and returns when the
// cluster is stable with another master.
func (c *Cluster) Failover() {
	c.t.Helper()
	old := c.Master()
	c.net.settle()
	c.stir()
	leader := c.anySentinel()
	if _, err := leader.Instance().Failover(c.t.Context(), c.opt.Name, sentinel.FailoverOptions{Wait: true}); err != nil {
		c.t.Fatalf("sentineltest: sentinel %s makes no failover: %v\n%s", leader.Addr(), err, c.describe())
	}
	c.wait("failed over", func() string {
		if why := c.unstable(); why != "" {
			return why
		}
		if c.Master() == old {
			return "the master is still " + old.Addr()
		}
		return ""
	})
	c.rest()
}

// anySentinel returns the first Sentinel that runs.
func (c *Cluster) anySentinel() *Sentinel {
	for _, s := range c.sentinels {
		if _, state := s.now(); state == running {
			return s
		}
	}
	panic("unreachable: Master has found one")
}

// Partition divides the network: the given nodes are on one side, all others of the
// cluster on the other, and nothing gets across. Connections stay open and silent. It
// takes the place of the partition before. Clients reach both sides, unless Clients
// is among the nodes: then they reach only that side.
func (c *Cluster) Partition(side ...Node) {
	c.t.Helper()
	c.stir()
	c.partition.divide(c.t, c.net, c.nodes(), side)
}

// Heal ends the partition: what was sent meanwhile arrives.
func (c *Cluster) Heal() {
	c.stir()
	c.partition.heal(c.net, c.nodes())
}

// nodes returns the servers and the Sentinels.
func (c *Cluster) nodes() []Node {
	all := c.set.nodes()
	for _, s := range c.sentinels {
		all = append(all, s)
	}
	return all
}

// WaitStable waits until every running node sees the cluster as it is: one running
// master, which all Sentinels name at one config epoch; running replicas that have
// received all its data; connections between all Sentinels; and who does not run is
// known to be down. While the network is divided, it looks at the side with the most
// Sentinels. The test fails if that takes more than ten seconds and 20 times DownAfter.
func (c *Cluster) WaitStable() {
	c.t.Helper()
	c.wait("stable", c.unstable)
	c.rest()
}

// rest makes the clock calm, now that everything has been noticed. Virtual time does
// not need that.
func (c *Cluster) rest() {
	if !c.net.virtual {
		c.clock.set(calm)
	}
}

// stir ends the calm, because the test is about to do something, or a Sentinel has
// noticed something.
func (c *Cluster) stir() { c.clock.stir() }

func (c *Cluster) wait(what string, missing func() string) {
	c.t.Helper()
	wait(c.t, c.net, c.patience(), what, missing, c.describe)
}

// patience is by the clock of the Sentinels, as is what they do: on a busy machine it
// lasts longer.
func (c *Cluster) patience() patience {
	return patience{10*time.Second + 20*c.opt.DownAfter, c.opt.beat(), c.clock.now}
}

// describe says what every node is and what happened last.
func (c *Cluster) describe() string {
	var b strings.Builder
	b.WriteString(c.set.describe())
	for _, s := range c.sentinels {
		fmt.Fprintf(&b, "  %v\n", s)
	}
	if c.partition.side != nil {
		fmt.Fprintf(&b, "  partition: %v\n", c.partition.side)
	}
	c.history.describe(&b)
	return b.String()
}

func addrOf(addr string) monitor.Addr {
	h := hostPort(addr)
	return monitor.Addr{Host: h.Host, IP: h.Host, Port: h.Port}
}
