package monitor

import (
	"testing"

	"github.com/gosentinel/sentinel/event"
)

// TestGuardModes: a master's own word counts, then that of all, then the default of the
// guard, which is careful beside a stock Sentinel.
func TestGuardModes(t *testing.T) {
	const g, fence = LineageGuard, IsolationFence
	for _, c := range []struct {
		own, all  GuardMode
		peer      PeerKind
		want      GuardMode
		wantFence GuardMode
	}{
		{peer: PeerGosentinel, want: GuardOn, wantFence: GuardOff},
		{peer: PeerUnknown, want: GuardOn, wantFence: GuardOff},
		{peer: PeerStock, want: GuardReport, wantFence: GuardOff},
		{all: GuardOff, peer: PeerGosentinel, want: GuardOff, wantFence: GuardOff},
		{all: GuardReport, peer: PeerGosentinel, want: GuardReport, wantFence: GuardReport},
		{all: GuardOn, peer: PeerStock, want: GuardOn, wantFence: GuardOn},
		{own: GuardOff, all: GuardOn, peer: PeerGosentinel, want: GuardOff, wantFence: GuardOff},
		{own: GuardReport, all: GuardOn, peer: PeerGosentinel, want: GuardReport, wantFence: GuardReport},
		{own: GuardOn, all: GuardOff, peer: PeerStock, want: GuardOn, wantFence: GuardOn},
	} {
		st := oneMaster()
		peer, _ := IPAddr("10.0.0.9", 26379)
		st.Masters[0].Sentinels = []KnownSentinel{{Addr: peer, ID: paddedID("p1")}}
		k := newCore(t, st)
		m := k.masters[0]
		m.peers[0].link.gossip.kind = c.peer
		for _, g := range []Guard{g, fence} {
			*m.cfg.Guards.of(g), *k.opts.Guards.of(g) = c.own, c.all
		}
		if got := k.guardMode(m, g); got != c.want {
			t.Errorf("%+v: the mode is %v", c, got)
		}
		if got := k.guardMode(m, fence); got != c.wantFence {
			t.Errorf("%+v: the mode of the fence is %v", c, got)
		}
	}
}

// TestGuardTellsOnce: a guard that acts, and one that only reports, tell of each cause
// once, and are counted; one that is off is silent.
func TestGuardTellsOnce(t *testing.T) {
	for _, c := range []struct {
		mode   GuardMode
		acts   bool
		event  string
		counts GuardCounts
	}{
		{GuardOff, false, "", GuardCounts{}},
		{GuardReport, false, "+guard-report", GuardCounts{Reported: 3}},
		{GuardOn, true, "+guard", GuardCounts{Acted: 3}},
	} {
		k := newCore(t, oneMaster())
		m := k.masters[0]
		m.cfg.Guards.Lineage = c.mode
		var told []string
		act := func(why string) {
			var e Effects
			k.Drain(&e)
			if got := k.guards(&m.instance, LineageGuard, "replace it", why); got != c.acts {
				t.Errorf("%v: acts is %v", c.mode, got)
			}
			k.Drain(&e)
			for _, eff := range e.Free {
				if emit, ok := eff.(Emit); ok {
					told = append(told, emit.Event.Name()+" "+emit.Event.(event.GuardActs).Reason)
				}
			}
		}
		act("it is empty")
		act("it is empty")
		act("it is behind")
		k.guardOver(&m.instance, LineageGuard)
		act("it is behind")
		want := []string{c.event + " it is empty", c.event + " it is behind", c.event + " it is behind"}
		if c.event == "" {
			want = nil
		}
		if len(told) != len(want) {
			t.Fatalf("%v: told %q, want %q", c.mode, told, want)
		}
		for i := range want {
			if told[i] != want[i] {
				t.Errorf("%v: told %q, want %q", c.mode, told[i], want[i])
			}
		}
		if k.GuardCounts() != c.counts {
			t.Errorf("%v: counted %+v", c.mode, k.GuardCounts())
		}
	}
}

// TestGuardNotesEnd: what was told of a server does not outlive its record.
func TestGuardNotesEnd(t *testing.T) {
	k := newCore(t, oneMaster())
	k.guards(&k.masters[0].instance, LineageGuard, "replace it", "it is empty")
	if len(k.guarded) != 1 {
		t.Fatalf("notes: %v", k.guarded)
	}
	k.unregister(&k.masters[0].instance)
	if len(k.guarded) != 0 {
		t.Errorf("notes that are left: %v", k.guarded)
	}
}
