package sim

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

// measured are times of 28 failovers of redis-sentinel 7.0.15 with real servers,
// in ms: 3 Sentinels, quorum 2, 2 replicas, down-after 2 s, loopback; half of the
// masters crashed, half were stopped (state-machine.md §12).
var measured = []struct {
	stage          string
	failovers      int
	min, mean, max float64
}{
	{"crash-master to first +sdown, less down-after", 14, 11, 48, 81},
	{"crash-master to second +sdown, less down-after", 14, 26, 76, 123},
	{"crash-master to third +sdown, less down-after", 14, 72, 96, 126},
	{"hang-master to first +sdown, less down-after", 14, 55, 258, 605},
	{"hang-master to second +sdown, less down-after", 14, 107, 566, 926},
	{"hang-master to third +sdown, less down-after", 14, 485, 834, 1051},
	{"second +sdown to +odown", 28, 54, 72, 102},
	{"+odown to +elected-leader", 28, 52, 68, 101},
	{"+elected-leader to +selected-slave", 28, 52, 72, 101},
	{"+selected-slave to SLAVEOF NO ONE", 28, 53, 75, 101},
	{"SLAVEOF NO ONE to +promoted-slave", 28, 3, 791, 890},
	{"+odown to +promoted-slave", 28, 229, 1008, 1085},
	{"+promoted-slave to +switch-master of another", 28, 53, 70, 102},
	{"+promoted-slave to +slave-reconf-sent", 28, 50, 66, 99},
	{"+slave-reconf-sent to +slave-reconf-done", 28, 904, 966, 1025},
	{"+promoted-slave to +switch-master of the leader", 28, 1057, 1110, 1173},
}

// stockWorld is the world of those measurements.
func stockWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	s, err := ParseScenario(`sentinels 0
stock 3
masters 1
replicas 2
clients 1
quorum 2
down-after 2s
failover-timeout 20s
parallel-syncs 1
delay 50µs
jitter 50µs
disk-latency 2ms
repl-timeout 60s
`)
	if err != nil {
		t.Fatal(err)
	}
	s.Seed = seed
	return newWorld(s, nil)
}

// TestStockTimes plays the same with the model of stock Sentinel and demands that
// the measured means could be those of as many of its failovers, and that most
// of its times lie in the measured range.
func TestStockTimes(t *testing.T) {
	times := map[string][]float64{}
	for seed := range uint64(64) {
		stockStages(t, seed, []string{"crash-master", "hang-master"}[seed%2], times)
	}
	for _, m := range measured {
		v := times[m.stage]
		if len(v) < 30 {
			t.Errorf("%s: only %d times", m.stage, len(v))
			continue
		}
		slices.Sort(v)
		mean, deviation := meanOf(v)
		low, high := v[len(v)/10], v[len(v)-1-len(v)/10]
		t.Logf("%-48s %4.0f %4.0f %4.0f ms, measured %4.0f %4.0f %4.0f", m.stage, low, mean, high, m.min, m.mean, m.max)
		if off := math.Abs(mean - m.mean); off > 3*deviation/math.Sqrt(float64(m.failovers)) {
			t.Errorf("%s: the mean is %.0f ms, measured were %.0f ms", m.stage, mean, m.mean)
		}
		// Ten of a hundred times may lie beyond what fourteen have shown.
		if slack := 0.1*(m.max-m.min) + 10; low < m.min-slack || high > m.max+slack {
			t.Errorf("%s: from %.0f to %.0f ms, measured were %.0f to %.0f ms", m.stage, low, high, m.min, m.max)
		}
	}
}

// meanOf leaves out the slowest of fifty: a connection that had just been tried
// costs a whole second, and is rare.
func meanOf(sorted []float64) (mean, deviation float64) {
	v := sorted[:len(sorted)-len(sorted)/50]
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		deviation += (x - mean) * (x - mean) / float64(len(v)-1)
	}
	return mean, math.Sqrt(deviation)
}

// stockStages plays one failover and adds the time of each stage.
func stockStages(t *testing.T, seed uint64, kind string, times map[string][]float64) {
	w := stockWorld(t, seed)
	const calm = 30 * time.Second
	at := calm + w.between(0, 10*time.Second) // anywhere in the period of INFO
	events := map[string][]time.Duration{}
	switches := map[string]time.Duration{}
	leader := ""
	w.meter.heard = func(by sentinel, e monitor.Event) {
		now := w.uptime() - at
		switch e := e.(type) {
		case event.SDown:
			if e.Kind != monitor.KindMaster {
				return
			}
		case event.ElectedLeader:
			leader = by.base().name
		case event.SwitchMaster:
			switches[by.base().name] = now
		}
		events[e.Name()] = append(events[e.Name()], now)
	}
	w.begin()
	for _, n := range w.nodes {
		n.stall(w.between(0, time.Second)) // they were not started at the same instant
	}
	w.schedule([]Fault{{At: at, Kind: kind}})
	w.advance(at + 10*time.Second)
	first := func(name string) time.Duration {
		if len(events[name]) == 0 {
			t.Fatalf("seed %d, %s: no %s", seed, kind, name)
		}
		return events[name][0]
	}
	add := func(stage string, d time.Duration) { times[stage] = append(times[stage], float64(d)/1e6) }
	promoted := first("+promoted-slave")
	down := events["+sdown"]
	for k, which := range []string{"first", "second", "third"} {
		add(kind+" to "+which+" +sdown, less down-after", down[k]-w.opts.DownAfter)
	}
	add("second +sdown to +odown", first("+odown")-down[1])
	add("+odown to +elected-leader", first("+elected-leader")-first("+odown"))
	add("+elected-leader to +selected-slave", first("+selected-slave")-first("+elected-leader"))
	add("+selected-slave to SLAVEOF NO ONE", first("+failover-state-wait-promotion")-first("+selected-slave"))
	add("SLAVEOF NO ONE to +promoted-slave", promoted-first("+failover-state-wait-promotion"))
	add("+odown to +promoted-slave", promoted-first("+odown"))
	add("+promoted-slave to +slave-reconf-sent", first("+slave-reconf-sent")-promoted)
	add("+slave-reconf-sent to +slave-reconf-done", first("+slave-reconf-done")-first("+slave-reconf-sent"))
	for _, n := range w.nodes {
		switch name := n.base().name; name {
		case leader:
			add("+promoted-slave to +switch-master of the leader", switches[name]-promoted)
		default:
			add("+promoted-slave to +switch-master of another", switches[name]-promoted)
		}
	}
}

// begun returns the world with all in touch, and a way to find events.
func begun(t *testing.T, seed uint64) (w *world, events map[string][]time.Duration) {
	w = stockWorld(t, seed)
	events = map[string][]time.Duration{}
	w.meter.heard = func(_ sentinel, e monitor.Event) { events[e.Name()] = append(events[e.Name()], w.uptime()) }
	w.begin()
	w.advance(30 * time.Second)
	return w, events
}

// TestStockVotesWithoutSaving: a stock Sentinel tells its vote although the save
// has failed, and has forgotten it after a crash.
func TestStockVotesWithoutSaving(t *testing.T) {
	w, events := begun(t, 1)
	for _, n := range w.nodes {
		n.base().disk.broken = "no space left on device"
	}
	w.inject(Fault{Kind: "crash-master"})
	w.advance(10 * time.Second)
	if len(events["+promoted-slave"]) != 1 {
		t.Fatalf("promotions: %v, want one in spite of the disks", events["+promoted-slave"])
	}
	for _, n := range w.nodes {
		s := n.(*stock)
		if s.masters[0].voteEpoch != 1 {
			t.Errorf("%s voted at epoch %d, want 1", s.name, s.masters[0].voteEpoch)
		}
		s.crash(false)
		w.boot(s)
		if s.masters[0].voteEpoch != 0 || s.epoch != 0 {
			t.Errorf("%s knows epoch %d and a vote at %d, which it could not save", s.name, s.epoch, s.masters[0].voteEpoch)
		}
	}
}

// TestStockHangsWithItsDisk: a save that does not end stops everything, and what
// was said meanwhile is said afterwards.
func TestStockHangsWithItsDisk(t *testing.T) {
	w, events := begun(t, 1)
	voter := w.nodes[0].(*stock)
	voter.disk.hung = true
	voter.save()
	w.inject(Fault{Kind: "crash-master"})
	w.advance(5 * time.Second)
	if voter.masters[0].sdown || voter.epoch != 0 {
		t.Fatal("it goes on although a save does not end")
	}
	if len(events["+promoted-slave"]) != 1 {
		t.Fatalf("promotions: %v, want one by the two others", events["+promoted-slave"])
	}
	voter.disk.hung = false
	w.advance(time.Second)
	if voter.epoch != 1 || !voter.tilt || voter.masters[0].current() == w.groups[0].servers[0].addr {
		t.Errorf("afterwards: epoch %d, TILT %t, master at %s", voter.epoch, voter.tilt, voter.masters[0].current())
	}
}

// TestStockCountsMixedEpochs: votes of others count at the current epoch, the own
// one at the epoch of the attempt, so that two can win the same epoch.
func TestStockCountsMixedEpochs(t *testing.T) {
	w, _ := begun(t, 1)
	s := w.nodes[0].(*stock)
	m := s.masters[0]
	m.sdown, m.odown = true, true
	s.begin(m)
	s.vote(m, m.foEpoch, s.id)
	s.epoch++ // a hello of another master
	m.peers[0].votedFor, m.peers[0].votedEpoch = s.id, s.epoch
	if s.leader(m) != s.id {
		t.Errorf("a vote at %d and the own one at %d do not elect it", s.epoch, m.foEpoch)
	}
	m.peers[0].votedEpoch = m.foEpoch
	if s.leader(m) == s.id {
		t.Errorf("a vote of another at the epoch of the attempt elects it at a later one")
	}
}

// TestStockDemotesLate: an old master is converted at the first INFO later than
// 8 s after the first one that says so, which with a period of 10 s is about 10 s.
func TestStockDemotesLate(t *testing.T) {
	for seed := range uint64(5) {
		w, events := begun(t, seed)
		w.inject(Fault{Kind: "crash-master", D: 20 * time.Second})
		w.advance(20 * time.Second)
		back := w.uptime()
		w.advance(20 * time.Second)
		told := events["+convert-to-slave"]
		if len(told) == 0 {
			t.Fatalf("seed %d: the old master was never demoted", seed)
		}
		if late := told[0] - back; late < 8*time.Second || late > 13*time.Second {
			t.Errorf("seed %d: the old master was demoted after %v, want 8 to 13 s", seed, late)
		}
	}
}

// TestStockTilt: a stall of more than two seconds suspends all judgement for 30 s.
func TestStockTilt(t *testing.T) {
	w, _ := begun(t, 1)
	s := w.nodes[0].(*stock)
	s.stall(2500 * time.Millisecond)
	w.advance(3 * time.Second)
	if !s.tilt {
		t.Fatal("a stall of 2.5 s is not noticed")
	}
	w.inject(Fault{Kind: "crash-master"})
	w.advance(25 * time.Second)
	if s.masters[0].sdown {
		t.Error("it judges in TILT")
	}
	w.advance(5 * time.Second)
	if s.tilt {
		t.Error("TILT does not end after 30 s")
	}
}
