package sim

import (
	"testing"

	"github.com/gosentinel/sentinel/monitor"
)

// TestMembershipSplit: order may only be missing for want of an operator when a
// Sentinel that was made to forget shares no server with the others, and neither
// knows where the other is.
func TestMembershipSplit(t *testing.T) {
	const oldMaster, newMaster = 0, 1
	for _, c := range []struct {
		what   string
		forgot [3]bool
		server int    // that the first Sentinel knows; the others know the new master
		peer   string // the host at which it knows the second one; "" when it does not
		split  bool
	}{
		{"the file of the first was made anew", [3]bool{true, false, false}, oldMaster, "", true},
		{"those of the others were", [3]bool{false, true, true}, oldMaster, "", true},
		{"it knows where another was", [3]bool{false, true, true}, oldMaster, "10.1.0.77", true},
		{"it knows where another is", [3]bool{false, true, true}, oldMaster, sentinelAddr(1).Host, false},
		{"they know one server", [3]bool{true, true, true}, newMaster, "", false},
		{"nobody was made to forget", [3]bool{}, oldMaster, "", false},
	} {
		s := newScene(t, Liveness)
		for k, n := range s.w.nodes {
			n.crash(false)
			p, st := n.base(), s.w.freshState(n.base().id)
			st.Masters[0].Addr = s.addr(newMaster)
			if k == 0 {
				st.Masters[0].Addr = s.addr(c.server)
				if at, ok := monitor.IPAddr(c.peer, sentinelAddr(1).Port); ok {
					st.Masters[0].Sentinels = []monitor.KnownSentinel{{Addr: at, ID: s.w.nodes[1].base().id}}
				}
			}
			p.forgot, p.disk.durable, p.disk.pending = c.forgot[k], st, nil
			s.w.boot(n)
		}
		if got := s.w.membershipSplit(); got != c.split {
			t.Errorf("%s: split %t, want %t", c.what, got, c.split)
		}
	}
}
