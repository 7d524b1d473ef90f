package monitor

import "testing"

// TestLongestDelay: a policy cannot put a failover off for ever, and what is told of that
// is what happens.
func TestLongestDelay(t *testing.T) {
	c := newCore(t, oneMaster())
	a := c.verdict(c.masters[0], PolicyAnswer{Verdict: PolicyDelay, For: 1<<63 - 1})
	if a.For != MaxFailoverPause || a.Failed != "" {
		t.Errorf("the verdict is %+v, want a delay of %v", a, MaxFailoverPause)
	}
}
