package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// demo is one run of the demonstration.
type demo struct {
	options
	screen  *screen
	line    timeline
	about   string // describes the servers, for the screen
	command []string
	c       *cluster.Cluster
	g       cluster.Group
	// writes is a client that writes all the time.
	writes *writer

	silence time.Duration // down-after
	killed  time.Time
}

func (d *demo) onEvent(ev cluster.Event) { d.line.event(ev) }

// play runs the chapters in order and stops at the first that fails.
func (d *demo) play(ctx context.Context) error {
	d.line.screen = d.screen
	if d.proxy {
		return d.playProxy(ctx)
	}
	d.g.Master = masterName
	defer func() {
		if d.writes != nil {
			d.writes.close()
		}
	}()
	if err := d.setUp(ctx); err != nil {
		return fmt.Errorf("the set-up did not come up: %w", err)
	}
	if err := d.write(ctx); err != nil {
		return fmt.Errorf("writing did not begin: %w", err)
	}
	master, err := d.kill(ctx, "SEGV", syscall.SIGSEGV)
	if err != nil {
		return fmt.Errorf("the failover did not happen: %w", err)
	}
	back, err := d.restartMaster(ctx, master)
	if err != nil {
		return fmt.Errorf("the old master did not come back as a replica: %w", err)
	}
	return d.summarize(ctx, master, back)
}

// limit bounds one chapter, so that a failure is reported instead of waited for.
func limit(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d, fmt.Errorf("not within %v", d))
}

func (d *demo) setUp(ctx context.Context) error {
	ctx, cancel := limit(ctx, 40*time.Second)
	defer cancel()
	d.screen.line("%s", d.screen.paint(bold, "One master, two replicas, three Sentinels; the master is killed."))
	d.screen.line("")
	d.screen.line("  servers    %s", d.about)
	d.screen.line("  Sentinels  %s", strings.Join(d.command, " "))
	d.screen.line("  files      %s/node1..3, as in the tutorial", d.c.Dir())
	ports, err := d.ports()
	if err != nil {
		return err
	}
	d.screen.chapter(1, "Start")
	began := time.Now()
	if err := d.startServers(ctx, ports); err != nil {
		return err
	}
	if err := d.startSentinels(ctx, ports); err != nil {
		return err
	}
	if err := d.g.WaitViews(ctx); err != nil {
		return err
	}
	d.screen.line("   %s after %.1f s every Sentinel knows 2 replicas and 2 other Sentinels",
		d.screen.paint(green, "ok"), time.Since(began).Seconds())
	return d.query(ctx)
}

// ports reserves the tutorial's ports and returns a replacement for each one that
// is taken.
func (d *demo) ports() (instead map[int]int, err error) {
	instead = map[int]int{}
	for _, first := range []int{firstServerPort, firstSentinelPort} {
		for i := range nodes {
			taken := d.c.ReservePort(first + i)
			if taken == nil {
				continue
			}
			port, err := d.c.Port()
			if err != nil {
				return nil, err
			}
			instead[first+i] = port
			d.screen.line("  %s       %v: using %d instead", d.screen.paint(yellow, "note"), taken, port)
		}
	}
	if d.downAfter != 0 {
		d.screen.line("  %s       down-after-milliseconds is %d, by -down-after", d.screen.paint(yellow, "note"), d.downAfter.Milliseconds())
	}
	return instead, nil
}

// use returns the port that replaces one of the tutorial's, or that port itself.
func use(instead map[int]int, port int) int {
	if other, ok := instead[port]; ok {
		return other
	}
	return port
}

func (d *demo) startServers(ctx context.Context, instead map[int]int) error {
	for node := 1; node <= nodes; node++ {
		conf, err := tutorialFile(node, "redis.conf")
		if err != nil {
			return err
		}
		s, err := d.c.StartServer(cluster.NodeSpec{
			Name: serverName(node), Dir: fmt.Sprintf("node%d", node), Port: use(instead, firstServerPort+node-1), Conf: withPorts(conf, instead),
			// By default Redis 7 waits 5 s for further replicas before it starts
			// a sync.
			Args: []string{"--repl-diskless-sync-delay", "0", "--save", ""},
		})
		if err != nil {
			return err
		}
		if err := s.WaitReady(ctx); err != nil {
			return err
		}
		d.g.Servers = append(d.g.Servers, s)
	}
	for _, s := range d.g.Servers[1:] {
		if err := s.WaitReplicaOf(ctx, d.g.Servers[0]); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) startSentinels(ctx context.Context, instead map[int]int) error {
	for node := 1; node <= nodes; node++ {
		conf, err := tutorialFile(node, "sentinel.conf")
		if err != nil {
			return err
		}
		conf = withDownAfter(withPorts(conf, instead), d.downAfter)
		if d.silence, err = downAfterOf(conf); err != nil {
			return err
		}
		s, err := d.c.StartSentinel(cluster.NodeSpec{
			Name: sentinelName(node), Dir: fmt.Sprintf("node%d", node), Command: d.command,
			Port: use(instead, firstSentinelPort+node-1), Conf: conf,
		})
		if err != nil {
			return err
		}
		if err := s.WaitReady(ctx); err != nil {
			return err
		}
		id, err := s.MyID(ctx)
		if err != nil {
			return err
		}
		d.line.addPeer(id, node)
		d.g.Sentinels = append(d.g.Sentinels, s)
		role := "master "
		if node > 1 {
			role = "replica"
		}
		d.screen.line("   node%d  %s %5d (pid %d)   Sentinel %d %5d (pid %d)", node,
			role, d.g.Servers[node-1].Port(), d.g.Servers[node-1].PID(), node, s.Port(), s.PID())
	}
	return nil
}

// query shows what a client that asks for the master is told.
func (d *demo) query(ctx context.Context) error {
	s := d.g.Sentinels[nodes-1]
	port, err := s.MasterPort(ctx, masterName)
	if err != nil {
		return err
	}
	d.screen.line("")
	d.screen.line("   %s", d.screen.paint(dim, fmt.Sprintf("$ redis-cli -p %d sentinel get-master-addr-by-name %s", s.Port(), masterName)))
	d.screen.line(`   1) "127.0.0.1"`)
	d.screen.line(`   2) "%d"`, port)
	return nil
}

func (d *demo) write(ctx context.Context) error {
	ctx, cancel := limit(ctx, 15*time.Second)
	defer cancel()
	d.screen.chapter(2, "Write")
	var addrs []string
	for _, s := range d.g.Sentinels {
		addrs = append(addrs, s.Addr())
	}
	if err := d.begin(ctx, askingSentinels(addrs)); err != nil {
		return err
	}
	d.screen.line("   a go-redis client that asks the Sentinels writes a key every %d ms", writeEvery.Milliseconds())
	return nil
}

// begin has a client write, and returns when it has for a while.
func (d *demo) begin(ctx context.Context, client *redis.Client) error {
	d.writes = startWriter(client, func(at time.Time, err error, gap time.Duration) {
		if err != nil {
			d.line.note(at, red, fmt.Sprintf("%.50s", "writer: writes fail, "+cause(err)))
			return
		}
		d.line.note(at, green, fmt.Sprintf("writer: writes again after %.3f s", gap.Seconds()))
	})
	const enough = 100
	return cluster.WaitFor(ctx, "the first writes", func(context.Context) (string, bool) {
		n := d.writes.acks()
		return fmt.Sprintf("%d acknowledged", n), n >= enough
	})
}

// cause returns the last part of a network error: "i/o timeout" of "read tcp
// 127.0.0.1:45678->127.0.0.1:6380: i/o timeout".
func cause(err error) string {
	parts := strings.Split(err.Error(), ": ")
	return parts[len(parts)-1]
}

// kill kills the master by a signal and returns its successor.
func (d *demo) kill(ctx context.Context, name string, signal syscall.Signal) (*cluster.Server, error) {
	ctx, cancel := limit(ctx, d.silence+30*time.Second)
	defer cancel()
	old := d.g.Servers[0]
	d.screen.chapter(3, fmt.Sprintf("Kill the master: kill -%s %d", name, old.PID()))
	d.killed = time.Now()
	d.line.start(d.killed)
	if err := old.Signal(signal); err != nil {
		return nil, err
	}
	master, err := d.g.WaitNewMaster(ctx, old)
	if err != nil {
		return nil, err
	}
	for _, s := range d.g.Sentinels {
		if _, err := d.c.Events().Wait(ctx, s.Name()+" to announce the switch", d.after(s, "+switch-master")); err != nil {
			return nil, err
		}
	}
	if err := d.writesGoOn(ctx, 1); err != nil {
		return nil, err
	}
	return master, d.query(ctx)
}

// writesGoOn waits for so many further writes.
func (d *demo) writesGoOn(ctx context.Context, n int) error {
	acked := d.writes.acks()
	return cluster.WaitFor(ctx, "the writer to go on", func(context.Context) (string, bool) {
		more := d.writes.acks() - acked
		return fmt.Sprintf("%d acknowledged since the switch", more), more >= n
	})
}

// after matches events of that name from one Sentinel since the kill.
func (d *demo) after(s *cluster.Sentinel, name string) func(cluster.Event) bool {
	return func(ev cluster.Event) bool {
		return ev.Sentinel == s.Name() && ev.Name == name && ev.At.After(d.killed)
	}
}

// restartMaster restarts the old master, which still takes itself for the master,
// and returns how long it took to become a replica in sync.
func (d *demo) restartMaster(ctx context.Context, master *cluster.Server) (time.Duration, error) {
	ctx, cancel := limit(ctx, time.Minute)
	defer cancel()
	old := d.g.Servers[0]
	d.screen.chapter(4, "Start the old master again")
	d.screen.line("   it says \"master\" until a Sentinel has seen that for 8 s, in case it is right")
	d.screen.line("")
	began := time.Now()
	if err := old.Restart(ctx); err != nil {
		return 0, err
	}
	if err := old.WaitReplicaOf(ctx, master); err != nil {
		return 0, err
	}
	took := time.Since(began)
	d.line.note(time.Now(), green, fmt.Sprintf("%d replicates from %d", old.Port(), master.Port()))
	return took, d.g.WaitViews(ctx)
}

// errDirty means that the failover succeeded, but not with a single election.
var errDirty = errors.New("the failover was not clean")

func (d *demo) summarize(ctx context.Context, master *cluster.Server, back time.Duration) error {
	ctx, cancel := limit(ctx, 15*time.Second)
	defer cancel()
	s := d.writes.close()
	missing, err := lost(ctx, master.Client(), s.acked)
	if err != nil {
		return fmt.Errorf("reading the written keys back: %w", err)
	}
	p, err := phasesOf(d.c.Events().Since(d.killed), d.killed, nodes)
	if err != nil {
		return err
	}
	d.screen.chapter(5, "Summary")
	for _, line := range p.lines(d.silence) {
		d.screen.line("   %s", line)
	}
	d.screen.line("")
	d.screen.line("   writer      %d writes acknowledged, %d failed, longest gap %.3f s", len(s.acked), s.errors, s.longest.Seconds())
	d.screen.line("   lost        %d of the acknowledged writes (replication is asynchronous)", missing)
	d.screen.line("   old master  back as replica %.1f s after its restart", back.Seconds())
	if d.keep {
		d.screen.line("   files       %s", d.c.Dir())
	}
	if p.leaders != 1 {
		return fmt.Errorf("%w: %d leaders were elected", errDirty, p.leaders)
	}
	return nil
}
