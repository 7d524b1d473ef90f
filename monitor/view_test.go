package monitor

import "testing"

func TestCheckQuorum(t *testing.T) {
	for _, c := range []struct {
		usable, others, quorum int
		quorumOK, majorityOK   bool
	}{
		{1, 0, 1, true, true},
		{2, 2, 2, true, true},
		{1, 2, 2, false, false},
		{1, 2, 1, true, false},
		{3, 4, 4, false, true},
		{2, 3, 2, true, false}, // two of four are no majority
		{1, 0, 0, true, true},  // a quorum below 1 counts as 1
	} {
		v := MasterView{UsableSentinels: c.usable, OtherSentinels: c.others, Quorum: c.quorum}
		if q, m := v.CheckQuorum(); q != c.quorumOK || m != c.majorityOK {
			t.Errorf("%+v: quorum %v, majority %v", c, q, m)
		}
	}
}
