package sim

import (
	"testing"
	"time"
)

// TestIncidentTimes: what is measured of one fault is in order, and begins with
// the fault.
func TestIncidentTimes(t *testing.T) {
	for _, stocked := range []bool{false, true} {
		for seed := range uint64(4) {
			s := DrawOne(seed, "crash-master")
			if stocked {
				s = s.Stocked()
			}
			m := Measure(s)
			if m.Failed() || m.Disorder != "" {
				t.Fatalf("seed %d: %s%s", seed, m.Violation, m.Disorder)
			}
			if len(m.Incidents) == 0 {
				t.Fatalf("seed %d: a dead master is no incident", seed)
			}
			i := m.Incidents[0]
			if i.Kind != "crash-master" || i.Master != "m0" || i.At != s.Faults[0].At || i.DownAfter != s.Options.DownAfter {
				t.Errorf("seed %d: not the fault that was injected: %+v", seed, i)
			}
			soonest := i.DownAfter - time.Second // a stock Sentinel may count from the PING before the fault
			if refused := s.Options.Refused; refused > 0 && !stocked {
				soonest = refused
			}
			if i.ODown < soonest || i.Promotion <= i.ODown || i.Convergence < i.Promotion || i.Convergence > Aftermath {
				t.Errorf("seed %d: out of order: %+v", seed, i)
			}
		}
	}
}

// TestIncidentKinds: a fault that interrupts nothing is none; an order is one,
// from when it was given; what never ends has no end.
func TestIncidentKinds(t *testing.T) {
	if m := Measure(DrawOne(1, "crash-sentinel")); len(m.Incidents) != 0 {
		t.Errorf("the crash of a Sentinel: %+v", m.Incidents)
	}
	m := Measure(DrawOne(1, "failover"))
	if len(m.Incidents) != 1 || m.Incidents[0].ODown != 0 || m.Incidents[0].Promotion <= 0 || m.Incidents[0].Promotion > time.Second {
		t.Errorf("SENTINEL FAILOVER: %+v", m.Incidents)
	}
	s := DrawOne(1, "crash-master")
	s.Options.Quorum = 9
	s.Faults[0].D = 0
	m = Measure(s)
	if len(m.Incidents) != 1 || m.Incidents[0].ODown != 0 || m.Incidents[0].Promotion != 0 || m.Incidents[0].Convergence != 0 {
		t.Errorf("a quorum out of reach: %+v", m.Incidents)
	}
	m = Measure(DrawOne(1, "split-client"))
	if m.Lost == 0 || m.SplitBrain < time.Second {
		t.Errorf("a master that is cut off with a client loses %d writes in %v", m.Lost, m.SplitBrain)
	}
}

// TestStockedWorldsAreTheSame: nothing but the Sentinels differs.
func TestStockedWorldsAreTheSame(t *testing.T) {
	for seed := range uint64(20) {
		s := DrawFor(seed, nil)
		a, b := newWorld(s, nil), newWorld(s.Stocked(), nil)
		if len(a.nodes) != len(b.nodes) || len(a.servers) != len(b.servers) || len(a.clients) != len(b.clients) {
			t.Fatalf("seed %d: different numbers of processes", seed)
		}
		for k, x := range a.servers {
			if y := b.servers[k]; x.runID != y.runID || x.syncTime != y.syncTime || x.replID != y.replID || x.id != y.id {
				t.Errorf("seed %d: server %s is another one", seed, x.name)
			}
		}
		for k, x := range a.clients {
			if y := b.clients[k]; x.think != y.think || x.follows != y.follows || x.sentinels != y.sentinels || x.id != y.id {
				t.Errorf("seed %d: client %s is another one", seed, x.name)
			}
		}
		for k, x := range a.nodes {
			if _, ok := b.nodes[k].(*stock); !ok || x.base().hostID != b.nodes[k].base().hostID {
				t.Errorf("seed %d: Sentinel %d has no counterpart", seed, k)
			}
		}
	}
}

// TestMeasuringChangesNothing: a run is the same when incidents are followed.
func TestMeasuringChangesNothing(t *testing.T) {
	for seed := range uint64(3) {
		s := DrawFor(seed, []string{"net"})
		run, m := Run(s, nil), Measure(s)
		if run.Acked != m.Acked || run.Lost != m.Lost || run.Steps != m.Steps || run.Checked != m.Checked || run.Elected != m.Elected {
			t.Errorf("seed %d: %d acknowledged, %d steps, measured %d and %d", seed, run.Acked, run.Steps, m.Acked, m.Steps)
		}
	}
}
