package integration

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// refusing is a set-up in which nothing but refusals makes a master that dies count as
// down within a test.
func refusing(after string) cluster.Topology {
	top := usual
	top.DownAfter = 10 * time.Minute
	top.SentinelConf = []string{"sentinel down-after-refused-milliseconds mymaster " + after}
	return top
}

// TestProcessIsGone: the process of a master is killed. Nothing but refusals tells of it,
// and it is replaced; when it is back it follows.
func TestProcessIsGone(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	e := newEnv(t)
	g := e.start(refusing("150"))
	old := g.Servers[0]
	e.fill(old, 2)
	e.signal(old, syscall.SIGKILL)
	master := e.newMaster(g, old)
	e.event("the guard to tell why", func(ev cluster.Event) bool {
		return ev.Name == "+guard" && strings.Contains(ev.Text, "#refusal-detection count it as down: its process has ended")
	})
	e.complete(master)
	e.must(old.Restart(e.ctx))
	e.must(old.WaitReplicaOf(e.ctx, master))
	e.oneLeaderPerEpoch()
}

// TestProcessIsThere: what is refused, or ends connections, for another reason is not
// taken for the end of a process.
func TestProcessIsThere(t *testing.T) {
	onlyGosentinel(t)
	if os.Getenv(insideEnv) == "" {
		t.Parallel()
	}
	if !ownNetwork(t) {
		return
	}
	for name, c := range map[string]struct {
		begin, end func(*refusalRig)
		link       string // what a Sentinel says of its link meanwhile
	}{
		"firewall resets":  {func(r *refusalRig) { r.wall.reject("with tcp reset", r.port) }, (*refusalRig).open, "refused"},
		"firewall rejects": {func(r *refusalRig) { r.wall.reject("", r.port) }, (*refusalRig).open, "refused"},
		"packets lost":     {func(r *refusalRig) { r.wall.drop("tcp dport %d", r.port) }, (*refusalRig).open, "no answer"},
		"port closed":      {(*refusalRig).closePort, (*refusalRig).openPort, "refused"},
		"no room":          {(*refusalRig).fillUp, (*refusalRig).makeRoom, "max number of clients"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			r := &refusalRig{env: e, wall: newWall(t, strings.ReplaceAll(name, " ", "_")), group: e.start(refusing("100"))}
			r.master = r.group.Servers[0]
			r.port = r.master.Port()
			c.begin(r)
			r.meets(c.link)
			c.end(r)
			e.until("all Sentinels are connected again", func(ctx context.Context) (string, bool) { return r.links("") })
			r.quiet()
		})
	}
}

// refusalRig is a group whose master is refused.
type refusalRig struct {
	*env
	wall   wall
	group  *cluster.Group
	master *cluster.Server
	port   int
	reopen func()
	hogs   []net.Conn
}

func (r *refusalRig) open() { r.wall.open() }

// closePort has the master listen elsewhere, and cuts its clients off.
func (r *refusalRig) closePort() {
	other, err := r.c.Port()
	r.must(err)
	admin := r.master.Client().Conn()
	r.must(admin.Do(r.ctx, "CONFIG", "SET", "port", other).Err())
	r.must(admin.Do(r.ctx, "CLIENT", "KILL", "TYPE", "normal").Err())
	r.must(admin.Do(r.ctx, "CLIENT", "KILL", "TYPE", "pubsub").Err())
	r.must(admin.Do(r.ctx, "CONFIG", "SET", "timeout", 0).Err())
	r.Cleanup(func() { admin.Close() })
	r.reopen = func() { r.must(admin.Do(r.ctx, "CONFIG", "SET", "port", r.port).Err()) }
}

func (r *refusalRig) openPort() { r.reopen() }

// reject adds a rule: what is sent to a port is refused.
func (w wall) reject(how string, port int) {
	w.t.Helper()
	args := append([]string{"add", "rule", "inet", "test", w.chain, "tcp", "dport", fmt.Sprint(port), "reject"}, strings.Fields(how)...)
	command(w.t, "nft", args...)
}

// fillUp takes all the room that the master has for clients, and cuts the others off.
func (r *refusalRig) fillUp() {
	admin := r.master.Client().Conn()
	r.Cleanup(func() { admin.Close() })
	r.must(admin.Do(r.ctx, "CONFIG", "SET", "maxclients", 1).Err())
	r.must(admin.Do(r.ctx, "CLIENT", "KILL", "TYPE", "normal").Err())
	r.must(admin.Do(r.ctx, "CLIENT", "KILL", "TYPE", "pubsub").Err())
	r.reopen = func() { r.must(admin.Do(r.ctx, "CONFIG", "SET", "maxclients", 10000).Err()) }
}

func (r *refusalRig) makeRoom() { r.reopen() }

// links reports whether all Sentinels say this of their link to the master; "" for one
// that is whole.
func (r *refusalRig) links(text string) (string, bool) {
	var seen []string
	all := true
	for _, s := range r.group.Sentinels {
		v, err := s.Do(r.ctx, "SENTINEL", "MASTER", r.group.Master, "EXTENDED")
		list, ok := v.([]any)
		if err != nil || !ok {
			return fmt.Sprint(v, err), false
		}
		says := ""
		for k := 0; k+1 < len(list); k += 2 {
			if list[k] == "link-error" {
				says = fmt.Sprint(list[k+1])
			}
		}
		seen = append(seen, says)
		all = all && (text == "" && says == "" || text != "" && strings.Contains(says, text))
	}
	return fmt.Sprintf("link errors %q", seen), all
}

// meets waits until all Sentinels have met what is in the way, for ten times as long as
// refusals have to last.
func (r *refusalRig) meets(text string) {
	r.Helper()
	var since time.Time
	r.until("all Sentinels to meet "+text+" for a second", func(context.Context) (string, bool) {
		seen, all := r.links(text)
		switch {
		case !all:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		}
		return seen, all && time.Since(since) > time.Second
	})
}

// quiet checks that no Sentinel took the process for gone.
func (r *refusalRig) quiet() {
	r.Helper()
	for _, s := range r.group.Sentinels {
		log, err := s.Log()
		r.must(err)
		for _, word := range []string{"+guard", "+sdown master"} {
			if strings.Contains(log, word) {
				r.Errorf("%s says %s", s.Name(), word)
			}
		}
	}
}

// stormFor is how long TestRefusalStorm goes on.
var stormFor = flag.Duration("storm", 5*time.Second, "how long a master is restarted, reloaded and overrun with connections")

// TestRefusalStorm: a master is restarted, reloaded and overrun with connections while all
// CPUs are busy. Each time that a Sentinel takes its process for gone, somebody who tries
// to connect all the time must have found nobody for as long. The long run is
//
//	go test ./jepsen/integration -run TestRefusalStorm -storm 30m -timeout 40m
func TestRefusalStorm(t *testing.T) {
	onlyGosentinel(t)
	e := newEnvFor(t, cluster.Config{Sentinel: underTest(t)}, *stormFor+2*time.Minute)
	top := refusing("500")
	top.SentinelConf = append(top.SentinelConf, "sentinel can-failover mymaster no")
	g := e.start(top)
	master := g.Servers[0]
	e.fill(master, 2)
	ctx, stop := context.WithCancel(e.ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	for range 2 * runtime.NumCPU() {
		running.Go(func() { burn(ctx) })
	}
	seen := &witness{addr: master.Addr()}
	running.Go(func() { seen.watch(ctx) })
	disturbances := []func(){
		func() { e.signal(master, syscall.SIGKILL); e.must(master.Restart(e.ctx)) },
		func() { e.signal(master, syscall.SIGTERM); e.must(master.Restart(e.ctx)) },
		func() { _ = master.Client().Do(e.ctx, "DEBUG", "RELOAD").Err() },
		func() { _ = master.Client().Do(e.ctx, "CLIENT", "KILL", "TYPE", "pubsub").Err() },
		func() { _ = master.Client().Do(e.ctx, "CLIENT", "KILL", "TYPE", "normal").Err() },
		func() { storm(ctx, master.Addr(), 2000) },
	}
	rounds, rng := 0, e.rand()
	for start := time.Now(); time.Since(start) < *stormFor; rounds++ {
		disturbances[rng.IntN(len(disturbances))]()
		e.must(master.WaitRole(e.ctx, "master"))
	}
	stop()
	running.Wait()
	wrong := 0
	for _, ev := range e.c.Events().All() {
		if ev.Name == "+guard" && strings.Contains(ev.Text, "#refusal-detection") && seen.longest(ev.At) < 500*time.Millisecond {
			wrong++
			t.Errorf("%s took the process for gone at %v, and it was there", ev.Sentinel, ev.At)
		}
	}
	t.Logf("%d disturbances in %v: the process was wrongly taken for gone %d times", rounds, *stormFor, wrong)
}

// burn keeps a CPU busy.
func burn(ctx context.Context) {
	for n := uint64(1); ctx.Err() == nil; {
		for range 1 << 20 {
			n = n*6364136223846793005 + 1
		}
	}
}

// storm opens many connections at once and drops them.
func storm(ctx context.Context, addr string, n int) {
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			var d net.Dialer
			if nc, err := d.DialContext(ctx, "tcp", addr); err == nil {
				nc.Close()
			}
		})
	}
	all.Wait()
}

// witness tries to connect to a server all the time.
type witness struct {
	addr string

	mu   sync.Mutex
	gaps []gap // in which every attempt failed
}

type gap struct{ from, to time.Time }

func (w *witness) watch(ctx context.Context) {
	open := time.Now()
	often := time.NewTicker(2 * time.Millisecond)
	defer often.Stop()
	for ctx.Err() == nil {
		<-often.C
		nc, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", w.addr)
		now := time.Now()
		if err == nil {
			nc.Close()
			w.mu.Lock()
			w.gaps = append(w.gaps, gap{open, now})
			w.mu.Unlock()
			open = now
		}
	}
}

// longest returns the longest time without a connection that had begun by an instant and
// reaches to the last second before it.
func (w *witness) longest(at time.Time) (d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, g := range w.gaps {
		if g.from.Before(at) && g.to.After(at.Add(-time.Second)) {
			d = max(d, g.to.Sub(g.from))
		}
	}
	return d
}
