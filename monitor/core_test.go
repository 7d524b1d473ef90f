package monitor

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// oneMaster is the state of a Sentinel that monitors one master.
func oneMaster() State {
	addr, _ := IPAddr("10.0.0.1", 6379)
	return State{
		Options: Options{MyID: paddedID("me")},
		Masters: []*MasterState{{MasterConfig: MasterConfig{Name: "mymaster", Addr: addr, Quorum: 2}}},
	}
}

func TestNewRefusesBadParams(t *testing.T) {
	twice := oneMaster()
	twice.Masters = append(twice.Masters, twice.Masters[0])
	nobody := oneMaster()
	nobody.Options.MyID = "short"
	for _, c := range []struct {
		now   Instant
		state State
		want  string
	}{
		{0, oneMaster(), "clock"},
		{1, nobody, "own id"},
		{1, twice, "configured twice"},
	} {
		if _, err := New(c.now, Params{State: c.state}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("New: %v, want an error about %q", err, c.want)
		}
	}
}

// TestStateRoundTrip demands that a core hands back the state that it was given,
// and that a missing vote epoch counts as a vote in every epoch so far.
func TestStateRoundTrip(t *testing.T) {
	s := oneMaster()
	s.CurrentEpoch = 9
	m := s.Masters[0]
	m.ConfigEpoch, m.LeaderEpoch = 7, 8
	m.Lineage = Lineage{ReplID: replidA, Offset: 6, Keys: true, Persistent: true, Heard: true}
	m.DownAfter, m.FailoverTimeout, m.ParallelSyncs = time.Second, time.Minute, 3
	for k := range 3 {
		r, _ := IPAddr(fmt.Sprintf("10.0.0.%d", k+2), 6379)
		p, _ := IPAddr(fmt.Sprintf("10.0.1.%d", k+1), 26379)
		m.Replicas = append(m.Replicas, r)
		m.Sentinels = append(m.Sentinels, KnownSentinel{p, paddedID(fmt.Sprintf("p%d", k+1))})
	}
	c, err := New(1, Params{State: s})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprintf("%+v", c.State()), fmt.Sprintf("%+v", s); got != want {
		t.Errorf("state\n %s\nbecame\n %s", want, got)
	}
	m.LeaderEpoch, m.VoteUnknown = 0, true
	if c, err = New(1, Params{State: s}); err != nil || c.State().Masters[0].LeaderEpoch != 9 {
		t.Errorf("an unknown vote counts as one at epoch %d (%v), want 9", c.State().Masters[0].LeaderEpoch, err)
	}
}

// TestStrangersCannotGrowTheCore floods a core whose disk hangs with vote
// requests at ever higher epochs, hellos of invented Sentinels, and INFO with
// invented replicas. Every question is answered once, and every queue ends.
func TestStrangersCannotGrowTheCore(t *testing.T) {
	const flood = 20000
	c, err := New(origin, Params{State: oneMaster()})
	if err != nil {
		t.Fatal(err)
	}
	var out Effects
	answers, saves, now := map[PeerRef]int{}, []*Persist{}, origin
	drain := func() {
		c.Drain(&out)
		for _, e := range out.Free {
			if r, ok := e.(Reply); ok {
				answers[r.To]++
			}
		}
		if out.Persist != nil {
			saves = append(saves, out.Persist)
		}
	}
	for k := range flood {
		now += Instant(10 * time.Microsecond)
		id := paddedID(fmt.Sprintf("x%d", k))
		c.Step(now, Ask{From: PeerRef(k + 1), IP: "10.0.0.1", Port: 6379, Epoch: Epoch(2*k + 1), RunID: id})
		c.Step(now, HelloReceived{Hello: Hello{
			IP: fmt.Sprintf("10.%d.%d.9", k>>8, k&255), Port: 1, RunID: id, CurrentEpoch: Epoch(2*k + 2),
			MasterName: "mymaster", MasterIP: "10.0.0.1", MasterPort: 6379,
		}})
		c.Step(now, HelloReceived{Hello: Hello{IP: "name", Port: 1, RunID: id, MasterName: "mymaster", MasterIP: "10.0.0.1", MasterPort: 6379}})
		drain()
	}
	m := c.masters[0]
	for what, n := range map[string]int{
		"gated effects": len(c.disk.gated), "waiting masters": len(c.disk.waiting), "logged conditions": len(c.logged),
		"peers": len(m.peers), "members": len(c.members), "queued timers": len(c.queue), "connections": len(c.conns),
	} {
		if n > 5000 {
			t.Errorf("%d %s", n, what)
		}
	}
	if len(saves) != 1 {
		t.Fatalf("%d writes are under way, want 1", len(saves))
	}
	c.Step(now, Persisted{Seq: saves[0].Seq, Err: "input/output error"})
	drain()
	for k := range flood {
		if n := answers[PeerRef(k+1)]; n != 1 {
			t.Fatalf("question %d was answered %d times", k+1, n)
		}
	}
	if m.ledger.Epoch == 0 || c.PersistFailing() == "" {
		t.Error("the flood did not reach the votes")
	}
}
