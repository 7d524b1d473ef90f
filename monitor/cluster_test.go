package monitor

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/event"
)

var (
	clusterSeed = flag.Uint64("cluster.seed", 0, "play only this seed, with a log of its faults and events")
	clusterRuns = flag.Int("cluster.runs", 25, "number of seeds to play")
)

// TestCluster plays whole clusters of real Cores over model servers, disks and
// networks, with everything going wrong that may go wrong, and checks the
// invariants at every step. Then everything is healed, and they must agree.
//
//	go test ./monitor -run TestCluster -cluster.runs=2000
//	go test ./monitor -run TestCluster -cluster.seed=17 -v
func TestCluster(t *testing.T) {
	if *clusterSeed != 0 {
		r := newRun(*clusterSeed, healthy)
		r.log = func(format string, args ...any) { t.Logf("%10v "+format, append([]any{r.w.uptime()}, args...)...) }
		r.play()
		r.report(t)
		return
	}
	elected, switches, faults := 0, 0, 0
	for seed := range uint64(*clusterRuns) {
		r := newRun(seed+1, healthy)
		r.play()
		r.report(t)
		elected, switches, faults = elected+r.w.check.elected, switches+r.w.check.switches, faults+r.faults
	}
	t.Logf("%d runs: %d faults, %d elections won, %d switches", *clusterRuns, faults, elected, switches)
	if elected < *clusterRuns/4 {
		t.Errorf("only %d elections were won in %d runs: the faults do not test anything", elected, *clusterRuns)
	}
}

// TestClusterRepeats demands that a seed determines a run to the last effect:
// a choice that depends on map order or on a real clock would show here.
func TestClusterRepeats(t *testing.T) {
	trace := func(seed uint64) string {
		var b strings.Builder
		r := newRun(seed, healthy)
		next := r.w.onEffect
		r.w.onEffect = func(n *node, e Effect) {
			next(n, e)
			if s, ok := e.(Emit); ok {
				fmt.Fprintf(&b, "%d %s %s\n", r.w.now, n.name, eventText(s.Event))
			}
		}
		r.play()
		return b.String()
	}
	for seed := range uint64(3) {
		a, b := trace(seed+1), trace(seed+1)
		if a != b || a == "" {
			t.Errorf("seed %d gives two different runs", seed+1)
		}
	}
}

// TestHealthyFailover has the master of an otherwise healthy cluster on a fast
// network die, or hang. Nothing may go wrong then: one Sentinel stands for election, is
// elected, and the new master is announced a short time after down-after. The
// cluster stays with it.
func TestHealthyFailover(t *testing.T) {
	var after [2][]time.Duration
	for seed := range uint64(40) {
		r := newRun(seed+1, healthy)
		hang := seed % 2
		after[hang] = append(after[hang], r.failOver(t, hang == 1))
	}
	for hang, limit := range []time.Duration{50 * time.Millisecond, 250 * time.Millisecond} {
		slices.Sort(after[hang])
		median, worst := after[hang][len(after[hang])/2], after[hang][len(after[hang])-1]
		t.Logf("master that %s: promotion after down-after plus %v in the median, %v at worst", []string{"dies", "hangs"}[hang], median, worst)
		if worst > limit {
			t.Errorf("that is more than %v", limit)
		}
	}
}

// failOver plays one failover in a healthy cluster and returns how long after
// the end of down-after the new master was announced.
func (r *run) failOver(t *testing.T, hang bool) time.Duration {
	w := r.w
	r.healed = true
	w.delay = func() time.Duration { return time.Duration(50+w.rng.IntN(250)) * time.Microsecond }
	attempts, promoted := 0, Instant(0)
	w.onEffect = func(_ *node, e Effect) {
		if e, ok := e.(Emit); ok {
			switch e.Event.(type) {
			case event.TryFailover:
				attempts++
			case event.PromotedReplica:
				promoted = w.now
			}
		}
	}
	for _, n := range w.nodes {
		n.disk.latency = func() time.Duration { return time.Duration(1+w.rng.IntN(4)) * time.Millisecond }
		if err := n.boot(); err != nil {
			t.Fatal(err)
		}
	}
	w.advance(time.Duration(5000+w.rng.IntN(1000))*time.Millisecond, w.check.failed)
	begun := w.now
	old := w.servers[0]
	if old.hung = hang; !hang {
		old.crash()
	}
	w.advance(5*time.Second, w.check.failed)
	if old.resume(); !hang {
		old.start(false)
	}
	w.advance(20*time.Second, w.check.failed)
	r.stuck = r.pending()
	r.report(t)
	if want := len(w.nodes); attempts != 1 || w.check.switches != want {
		t.Errorf("seed %d: %d attempts and %d switches, want 1 and %d (%s)", r.seed, attempts, w.check.switches, want, r.setup)
	}
	return promoted.Sub(begun) - w.nodes[0].core.masters[0].cfg.DownAfter
}

// TestCheckerFindsBugs breaks the world on purpose and demands that the checker
// sees it: a check that cannot fail proves nothing.
func TestCheckerFindsBugs(t *testing.T) {
	for _, m := range []struct {
		name      string
		bug       mutation
		invariant string
	}{
		{"replies are not gated on the disk", ungatedReplies, "S3"},
		{"and Sentinels that crash then vote twice", ungatedCrashes, "S3"},
		{"the disk forgets what it acknowledged", lossyDisk, "S1"},
		{"votes of another epoch are counted", mixedEpochs, "S4"},
		{"the ledger forgets a vote", secondVote, "S3"},
		{"the pause between attempts is forgotten", noPause, "S11"},
		{"a config epoch falls", staleConfig, "S6"},
	} {
		t.Run(m.name, func(t *testing.T) {
			for seed := range uint64(300) {
				r := newRun(seed+1, m.bug)
				r.w.check.only = m.invariant
				r.play()
				if r.w.check.failed() {
					t.Logf("seed %d: %s", seed+1, r.w.check.violation)
					return
				}
			}
			t.Errorf("no violation of %s was found in 300 runs", m.invariant)
		})
	}
}

// mutation is a deliberate bug.
type mutation int

const (
	healthy mutation = iota
	ungatedReplies
	ungatedCrashes
	lossyDisk
	mixedEpochs
	secondVote
	noPause
	staleConfig
)

// run is one play of a cluster; its seed decides everything.
type run struct {
	w       *world
	bug     mutation
	seed    uint64
	faults  int
	stuck   string
	setup   string
	masters []string
	rates   []int // of the faults, one for each
	healed  bool
	log     func(format string, args ...any)
	ft      time.Duration
}

func newRun(seed uint64, bug mutation) *run {
	r := &run{w: newWorld(seed), bug: bug, seed: seed, log: func(string, ...any) {}}
	rng := r.w.rng
	nodes, replicas := 3+rng.IntN(3), 1+rng.IntN(3)
	spread := 1 + rng.IntN(20)
	r.w.delay = func() time.Duration { return time.Duration(100+rng.IntN(1000*spread)) * time.Microsecond }
	var masters []*MasterState
	for k := range 1 + rng.IntN(2) { // two masters disturb each other through the current epoch
		cfg := MasterConfig{
			Name:            fmt.Sprintf("m%d", k),
			Quorum:          1 + rng.IntN(nodes/2+1),
			DownAfter:       time.Duration(300+rng.IntN(1500)) * time.Millisecond,
			FailoverTimeout: time.Duration(2000+rng.IntN(6000)) * time.Millisecond,
			ParallelSyncs:   1 + rng.IntN(2),
		}
		r.addServers(&cfg, k, replicas)
		masters = append(masters, &MasterState{MasterConfig: cfg})
		r.masters = append(r.masters, cfg.Name)
		r.ft = max(r.ft, cfg.FailoverTimeout)
		r.setup += fmt.Sprintf("%s: quorum %d, down-after %v, failover-timeout %v; ", cfg.Name, cfg.Quorum, cfg.DownAfter, cfg.FailoverTimeout)
	}
	r.setup += fmt.Sprintf("%d Sentinels, %d replicas, delays up to %d ms", nodes, replicas, spread)
	for k := range nodes {
		r.addNode(k, nodes, masters)
	}
	for range r.faultKinds() {
		r.rates = append(r.rates, rng.IntN(4)) // some faults do not happen at all in a run
	}
	r.w.check.lenient = bug == ungatedCrashes || bug == lossyDisk
	r.w.onEffect = r.effect
	r.w.onSave = r.save
	return r
}

func clusterAddr(k int) Addr {
	a, _ := IPAddr(fmt.Sprintf("10.0.1.%d", k+1), 26379)
	return a
}

func (r *run) addServers(cfg *MasterConfig, k, replicas int) {
	at := func(n int) HostPort { return HostPort{Host: fmt.Sprintf("10.0.0.%d", 10*k+n), Port: 6379} }
	cfg.Addr, _ = IPAddr(at(1).Host, at(1).Port)
	r.w.addServer(cfg.Name, at(1), HostPort{})
	for n := range replicas {
		s := r.w.addServer(cfg.Name, at(n+2), at(1))
		s.syncTime = time.Duration(r.w.rng.IntN(800)) * time.Millisecond
	}
}

// addNode adds a Sentinel that knows the others from the start: with differing
// voter sets no election is safe, and that is not what is tested here.
func (r *run) addNode(k, of int, masters []*MasterState) {
	s := State{}
	for _, of1 := range masters {
		m := *of1
		for o := range of {
			if o != k {
				m.Sentinels = append(m.Sentinels, KnownSentinel{clusterAddr(o), paddedID(fmt.Sprintf("n%d", o))})
			}
		}
		s.Masters = append(s.Masters, &m)
	}
	name := fmt.Sprintf("n%d", k)
	s.Options.MyID = paddedID(name)
	n := r.w.addNode(name, clusterAddr(k), s)
	n.seed = r.w.rng.Uint64()
	slow := 1 + r.w.rng.IntN(30)
	n.disk.latency = func() time.Duration { return time.Duration(100+r.w.rng.IntN(1000*slow)) * time.Microsecond }
	n.disk.ungated = r.bug == ungatedReplies || r.bug == ungatedCrashes
	n.disk.lossy = r.bug == lossyDisk
}

// play lets things go wrong for a while, heals everything and waits for order.
func (r *run) play() {
	w := r.w
	for _, n := range w.nodes {
		if err := n.boot(); err != nil {
			w.check.violation = err.Error()
			return
		}
	}
	w.advance(2*time.Second, w.check.failed)
	for end := w.now.Add(time.Minute); w.now < end && !w.check.failed(); {
		r.fault()
		r.mutate()
		w.advance(time.Duration(w.rng.IntN(2000))*time.Millisecond, w.check.failed)
	}
	r.healAll()
	r.waitForOrder()
}

// mutate injects the bugs that live in the state of a core.
func (r *run) mutate() {
	for _, n := range r.w.nodes {
		for _, m := range n.core.masters {
			switch {
			case r.bug == noPause && !m.attempt.InProgress():
				m.attempt.Start = 0
			case r.bug == staleConfig && m.durable.epoch > 1:
				m.configEpoch--
				m.durable.epoch--
			}
		}
	}
}

// fault does one thing that an unkind world does.
func (r *run) fault() {
	kinds := r.faultKinds()
	k := r.w.rng.IntN(len(kinds))
	if r.w.rng.IntN(4) < r.rates[k] {
		r.faults++
		r.log("FAULT %s", kinds[k]())
	}
}

func (r *run) faultKinds() []func() string {
	return []func() string{
		r.crashMaster, r.crashServer, r.startServers, r.hangServer, r.resumeServers,
		r.crashNode, r.bootNodes, r.stallNode, r.cutHost, r.cutPair, r.healNet,
		r.breakDisk, r.slowDisk, r.mendDisks, r.operate, r.misconfigure,
	}
}

func (r *run) anyServer() *redis { return r.w.servers[r.w.rng.IntN(len(r.w.servers))] }
func (r *run) anyNode() *node    { return r.w.nodes[r.w.rng.IntN(len(r.w.nodes))] }

func (r *run) crashMaster() string {
	for _, s := range r.w.servers {
		if s.role == RoleMaster && !s.down {
			s.crash()
			return "master " + s.addr.String() + " crashes"
		}
	}
	return "no master to crash"
}

func (r *run) crashServer() string {
	s := r.anyServer()
	if !s.down {
		s.crash()
	}
	return s.addr.String() + " crashes"
}

func (r *run) startServers() string {
	for _, s := range r.w.servers {
		if s.down {
			s.start(r.w.rng.IntN(4) == 0)
		}
	}
	return "dead servers start"
}

func (r *run) hangServer() string {
	s := r.anyServer()
	s.hung = !s.down
	return s.addr.String() + " hangs"
}

func (r *run) resumeServers() string {
	for _, s := range r.w.servers {
		if s.hung {
			s.resume()
		}
	}
	return "hung servers resume"
}

func (r *run) crashNode() string {
	n := r.anyNode()
	if n.alive {
		n.crash()
	}
	return n.name + " crashes"
}

func (r *run) bootNodes() string {
	for _, n := range r.w.nodes {
		if !n.alive {
			if err := n.boot(); err != nil {
				r.w.check.fail(n, "restart", "%v", err)
				continue
			}
			if r.bug == ungatedCrashes {
				for _, m := range n.core.masters {
					m.lease = lease{} // which mostly outlasts the election, and hides the bug
				}
			}
		}
	}
	return "dead Sentinels start"
}

func (r *run) stallNode() string {
	n := r.anyNode()
	d := time.Duration(r.w.rng.IntN(3000)) * time.Millisecond
	n.paused = r.w.now.Add(d)
	return fmt.Sprintf("%s stalls for %v", n.name, d)
}

func (r *run) hosts() []string {
	var hs []string
	for _, s := range r.w.servers {
		hs = append(hs, s.addr.Host)
	}
	for _, n := range r.w.nodes {
		hs = append(hs, n.addr.Host)
	}
	return hs
}

func (r *run) cutHost() string {
	hs := r.hosts()
	h := hs[r.w.rng.IntN(len(hs))]
	for _, o := range hs {
		if o != h {
			r.w.cutBoth(h, o)
		}
	}
	return h + " is cut off"
}

// cutPair cuts one direction only, half of the time.
func (r *run) cutPair() string {
	hs := r.hosts()
	a, b := hs[r.w.rng.IntN(len(hs))], hs[r.w.rng.IntN(len(hs))]
	r.w.cut(a, b)
	if r.w.rng.IntN(2) == 0 {
		r.w.cut(b, a)
	}
	return a + " cannot reach " + b
}

func (r *run) healNet() string {
	r.w.heal()
	return "the network heals"
}

func (r *run) breakDisk() string {
	n := r.anyNode()
	n.disk.broken = "no space left on device"
	return "the disk of " + n.name + " fails"
}

func (r *run) slowDisk() string {
	n := r.anyNode()
	d := time.Duration(r.w.rng.IntN(1500)) * time.Millisecond
	n.disk.latency = func() time.Duration { return d }
	return fmt.Sprintf("the disk of %s takes %v", n.name, d)
}

func (r *run) mendDisks() string {
	for _, n := range r.w.nodes {
		n.disk.broken = ""
		n.disk.latency = func() time.Duration { return time.Millisecond }
	}
	return "the disks are fine again"
}

// operate has an operator do something. RESET is not among it: it forgets
// voters, after which no election is safe, as its documentation says.
func (r *run) operate() string {
	n := r.anyNode()
	name := r.masters[r.w.rng.IntN(len(r.masters))]
	n.input(Call{From: 1, Op: FailoverOp{Name: name}})
	return "failover of " + name + " by hand on " + n.name
}

// misconfigure changes a role without the Sentinels, as an operator might.
func (r *run) misconfigure() string {
	s, o := r.anyServer(), r.anyServer()
	if s.down || s == o || s.of != o.of || s.role == RoleMaster {
		return "nobody changes a role"
	}
	if r.w.rng.IntN(2) == 0 {
		s.follow(HostPort{})
		return s.addr.String() + " is made a master by hand"
	}
	s.follow(o.addr)
	return s.addr.String() + " is made to follow " + o.addr.String() + " by hand"
}

// save lets some processes die around the end of a write: before it, so that it
// may be lost, or after it, when others have been told already.
func (r *run) save(n *node, p *Persist) {
	often := 20
	if r.bug == ungatedCrashes {
		often = 4
	}
	if r.healed || r.w.rng.IntN(often) != 0 {
		return
	}
	life := n.life
	r.w.after(time.Duration(r.w.rng.IntN(8000))*time.Microsecond, func() {
		if n.alive && n.life == life {
			r.faults++
			r.log("FAULT %s crashes around a write of epoch %d", n.name, p.State.CurrentEpoch)
			n.crash()
			r.w.after(time.Duration(r.w.rng.IntN(1000))*time.Millisecond, func() { r.bootNodes() })
		}
	})
}

// effect watches a run for its log and injects bugs on the way.
func (r *run) effect(n *node, e Effect) {
	switch e := e.(type) {
	case Emit:
		r.log("%s %s", n.name, eventText(e.Event))
	case Reply:
		for _, m := range n.core.masters {
			if r.bug == secondVote && m.ledger.For == e.Leader && m.ledger.Epoch == e.Epoch && e.Epoch > 0 {
				m.ledger.Epoch--
			}
		}
	case Send:
		if cmd, ok := e.Cmd.(SlaveOf); ok {
			r.log("%s => %s SLAVEOF %s %d", n.name, n.wires[e.Conn].host, cmd.Host, cmd.Port)
		}
		if _, ok := e.Cmd.(AskMasterDown); ok && r.bug == mixedEpochs {
			r.mixEpochs(n)
		}
	}
}

// mixEpochs makes the votes that a candidate was given at any epoch look like
// votes at the epoch of its attempt.
func (r *run) mixEpochs(n *node) {
	for _, m := range n.core.masters {
		for _, p := range m.peers {
			if m.electing() && p.votedFor != "" {
				p.votedFor, p.votedEpoch = n.id, m.attempt.Epoch
			}
		}
	}
}

func (r *run) healAll() {
	r.healed = true
	r.bootNodes()
	r.mendDisks()
	r.resumeServers()
	for _, s := range r.w.servers {
		if s.down {
			s.start(false)
		}
		s.priority = 100
	}
	r.w.heal()
	r.log("HEALED")
}

// waitForOrder demands that a healed cluster agrees on one master that all
// others follow. The time for it: TILT ends, a failure is detected, several
// attempts with their pauses, the old master's return, the repair of replicas.
func (r *run) waitForOrder() {
	w := r.w
	limit := DefaultTunables().TiltPeriod + 6*(2*r.ft+DefaultTunables().ElectionTimeout) + 90*time.Second
	for _, n := range w.nodes {
		n.runs = 0
	}
	begun, calm := w.now, 0
	for end := w.now.Add(limit); w.now < end && !w.check.failed(); {
		w.advance(time.Second, w.check.failed)
		if r.stuck = r.pending(); r.stuck == "" {
			calm++
		} else {
			calm = 0
		}
		if calm == 20 {
			break
		}
	}
	if w.check.failed() {
		return
	}
	for _, n := range w.nodes {
		w.check.traffic(n, w.now.Sub(begun))
	}
}

func (r *run) pending() string {
	for _, name := range r.masters {
		if why := r.w.check.pending(name); why != "" {
			return name + ": " + why
		}
	}
	return ""
}

func (r *run) report(t *testing.T) {
	t.Helper()
	if r.w.check.failed() {
		t.Errorf("seed %d: %s\n(%s)", r.seed, r.w.check.violation, r.setup)
	} else if r.stuck != "" {
		t.Errorf("seed %d: no order after %v: %s\n(%s)", r.seed, r.w.uptime(), r.stuck, r.setup)
	}
}
