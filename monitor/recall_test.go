package monitor

import (
	"testing"

	"github.com/gosentinel/sentinel/election"
)

// TestMonitorIsNoWayAroundListening: a script that starts a Sentinel with an id
// alone, and has it monitor its master afterwards, gets no second vote either.
func TestMonitorIsNoWayAroundListening(t *testing.T) {
	for _, lost := range []bool{false, true} {
		s := oneMaster()
		cfg := s.Masters[0].MasterConfig
		s.Masters, s.EpochsUnknown = nil, lost
		c, err := New(origin, Params{State: s})
		if err != nil {
			t.Fatal(err)
		}
		c.Step(origin+1, Call{From: 1, Op: MonitorOp{Master: cfg}})
		c.Step(origin+2, Ask{From: 2, IP: cfg.Addr.IP, Port: cfg.Addr.Port, Epoch: 1, RunID: paddedID("p1")})
		m := c.masters[0]
		if voted := m.ledger.Epoch == 1; voted == lost {
			t.Errorf("epochs lost %t: voted %t", lost, voted)
		}
		if c.State().Masters[0].VoteUnknown != lost {
			t.Errorf("epochs lost %t: the file would say that the vote is unknown: %t", lost, !lost)
		}
	}
}

// TestListeningToWhoCannotBeReached: the others may all announce addresses that
// nobody can use. They ask for votes all the same, and their hellos tell the epochs.
func TestListeningToWhoCannotBeReached(t *testing.T) {
	s := oneMaster()
	s.Masters[0].VoteUnknown, s.Masters[0].Sentinels, s.EpochsUnknown = true, nil, true
	c, err := New(origin, Params{State: s})
	if err != nil {
		t.Fatal(err)
	}
	m := c.masters[0]
	h := Hello{IP: "0.0.0.0", Port: 26379, RunID: paddedID("p1"), CurrentEpoch: 3, MasterName: m.cfg.Name, MasterIP: m.addr.IP, MasterPort: m.addr.Port}
	c.Step(origin+1, HelloReceived{Hello: h})
	if len(m.distant) != 1 {
		t.Fatalf("%d Sentinels that cannot be reached", len(m.distant))
	}
	c.Step(origin.Add(c.listen())+2, Ask{From: 2, IP: m.addr.IP, Port: m.addr.Port, Epoch: 4, RunID: h.RunID})
	if want := (election.Ledger{Epoch: 4, For: h.RunID}); m.ledger != want {
		t.Errorf("the ledger is %+v, want %+v", m.ledger, want)
	}
}
