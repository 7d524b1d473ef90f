package monitor

import (
	"fmt"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/election"
)

// TestForcedFailoverAtTheEpochOfAnother: however often it was overtaken, a failover
// that an operator ordered does not go on at an epoch at which another Sentinel was
// elected. It does go on where nobody was.
func TestForcedFailoverAtTheEpochOfAnother(t *testing.T) {
	for _, another := range []bool{false, true} {
		s := oneMaster()
		for k := range 2 {
			p, _ := IPAddr(fmt.Sprintf("10.0.1.%d", k+1), 26379)
			s.Masters[0].Sentinels = append(s.Masters[0].Sentinels, KnownSentinel{p, paddedID(fmt.Sprintf("p%d", k+1))})
		}
		c, err := New(origin, Params{State: s})
		if err != nil {
			t.Fatal(err)
		}
		m := c.masters[0]
		c.startAttempt(origin, m, true)
		m.voteSeq, m.attempt.Restarts = 0, maxRestarts // the vote is saved
		if another {
			for _, p := range m.peers {
				p.votedFor, p.votedEpoch = m.peers[0].runID, m.attempt.Epoch
			}
		}
		c.elect(origin.Add(time.Second), m)
		want := election.SelectReplica
		if another {
			want = election.WaitStart
		}
		if got := m.attempt.Phase(); got != want {
			t.Errorf("another was elected %t: the state is %s, want %s", another, got, want)
		}
	}
}
