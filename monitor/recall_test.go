package monitor

import "testing"

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
