package scale

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/fleet"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// stage is where one program is measured once.
type stage struct {
	c       *cluster.Cluster
	o       Options
	program trial.Program

	fleet     *fleet.Fleet
	sentinels []*cluster.Sentinel
}

// span returns the long time, which options may limit, or the short one of a short run.
func (s *stage) span(long, short time.Duration) time.Duration {
	switch {
	case s.o.Short:
		return short
	case s.o.Most > 0:
		return min(long, s.o.Most)
	}
	return long
}

// downAfter returns d, or the shorter time that a short run waits for.
func (s *stage) downAfter(d time.Duration) time.Duration {
	if s.o.Short {
		return min(d, 2*time.Second)
	}
	return d
}

// size returns the large number, or the small one of a short run.
func (s *stage) size(large, small int) int {
	if s.o.Short {
		return small
	}
	return large
}

// setting is what Sentinels are to watch.
type setting struct {
	fleet.Layout
	sentinels int           // 0: one
	quorum    int           // 0: the majority of these
	downAfter time.Duration // 0: the default
	toml      bool
	lines     []string // further ones, of a sentinel.conf
}

// enter starts a fleet and Sentinels that know its masters, and waits until each Sentinel
// has found all replicas and all other Sentinels.
func (s *stage) enter(ctx context.Context, set setting) error {
	set.sentinels = max(1, set.sentinels)
	if err := s.launch(ctx, set); err != nil {
		return err
	}
	for i := range set.sentinels {
		n, err := s.startSentinel(i, set)
		if err != nil {
			return err
		}
		s.sentinels = append(s.sentinels, n)
	}
	for _, n := range s.sentinels {
		if err := n.WaitReady(ctx); err != nil {
			return err
		}
	}
	for _, n := range s.sentinels {
		if err := s.settled(ctx, n, set); err != nil {
			return err
		}
	}
	return nil
}

// launch starts the fleet alone.
func (s *stage) launch(ctx context.Context, set setting) (err error) {
	s.fleet, err = fleet.Start(ctx, s.c, s.o.Fleet, set.Layout, max(1, set.sentinels))
	return err
}

func (s *stage) startSentinel(i int, set setting) (*cluster.Sentinel, error) {
	port, err := s.c.Port()
	if err != nil {
		return nil, err
	}
	spec := cluster.NodeSpec{Name: fmt.Sprintf("sentinel-%d", i), Port: port, Conf: s.conf(port, set)}
	n, err := s.c.AddSentinel(spec)
	if err != nil {
		return nil, err
	}
	return n, n.Start()
}

// conf returns a sentinel.conf. maxclients is large enough for the event loop of
// redis-sentinel, whose size it decides, and which the links share with the clients.
func (s *stage) conf(port int, set setting) string {
	var b strings.Builder
	quorum := cmp.Or(set.quorum, set.sentinels/2+1)
	links := 4*set.Masters*(1+set.Replicas)/2 + 1000
	fmt.Fprintf(&b, "port %d\nprotected-mode no\nmaxclients %d\n", port, max(10000, min(links, MaxFiles()-100)))
	if s.program.Name == "gosentinel" || strings.HasSuffix(s.program.Name, ":gosentinel") {
		b.WriteString("gossip-port 0\n") // what is compared is the way of the original
	}
	for i := range set.Masters {
		host, masterPort := s.fleet.Master(i)
		fmt.Fprintf(&b, "sentinel monitor m%d %s %d %d\n", i, host, masterPort, quorum)
		if set.downAfter > 0 {
			fmt.Fprintf(&b, "sentinel down-after-milliseconds m%d %d\n", i, set.downAfter.Milliseconds())
		}
	}
	for _, line := range set.lines {
		b.WriteString(line + "\n")
	}
	return b.String()
}

// settled waits until INFO shows every master sound and complete, and the Sentinel is not
// in TILT: the original often enters it at the start, while it saves what it finds, and
// for half a minute it then fails nothing over.
func (s *stage) settled(ctx context.Context, n *cluster.Sentinel, set setting) error {
	want := fmt.Sprintf("slaves=%d,sentinels=%d", set.Replicas, set.sentinels)
	what := fmt.Sprintf("%s to know %d masters with %s", n.Name(), set.Masters, want)
	return cluster.WaitFor(ctx, what, func(ctx context.Context) (string, bool) {
		text, err := n.Client().Info(ctx, "sentinel").Result()
		if err != nil {
			return err.Error(), false
		}
		sound := 0
		for line := range strings.Lines(text) {
			if strings.Contains(line, "status=ok") && strings.HasSuffix(strings.TrimSpace(line), want) {
				sound++
			}
		}
		tilt := strings.Contains(text, "sentinel_tilt:1")
		return fmt.Sprintf("%d masters are, tilt %t", sound, tilt), sound == set.Masters && !tilt
	})
}

// longestStall returns for how long the loop of a Sentinel was held up at most, in
// milliseconds. The original does not tell.
func longestStall(ctx context.Context, n *cluster.Sentinel) (float64, error) {
	us, err := field(ctx, n, "sentinel", "sentinel_loop_stall_max_us")
	if us == unknown {
		return us, err
	}
	return us / 1000, err
}

// unknown is the value of a figure that a program does not tell.
const unknown = -1e9

// field returns a field of INFO as a number; unknown when it is missing.
func field(ctx context.Context, n *cluster.Sentinel, section, name string) (float64, error) {
	text, err := n.Client().Info(ctx, section).Result()
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return unknown, nil
}

// spend measures what a Sentinel uses in a while.
func (s *stage) spend(ctx context.Context, n *cluster.Sentinel, while time.Duration) (usage, error) {
	before, err := usageOf(n.PID())
	if err != nil {
		return usage{}, err
	}
	if err := rest(ctx, while); err != nil {
		return usage{}, err
	}
	after, err := usageOf(n.PID())
	return after.since(before), err
}

// rest lets a span of the measurement pass.
func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// MaxFiles is how many files a process may open here.
func MaxFiles() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 1024
	}
	return int(min(l.Max, 1<<20))
}

// fitting returns how many masters with a replica each one Sentinel has descriptors
// for, and not more than wanted.
func fitting(wanted int) int { return min(wanted, (MaxFiles()-200)/4) }
