package monitor

import (
	"strings"
	"testing"
	"time"
)

// TestDeparted: of what may happen to the link to a Sentinel that has the vote of this one,
// only this tells that its process has ended: the other side ended the connection, and the
// last attempt since, begun after the vote, was refused.
func TestDeparted(t *testing.T) {
	const other = RunID("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb")
	for steps, want := range map[string]bool{
		"up vote end refuse":         true,
		"up vote end":                false,
		"up vote end up":             false, // it was reset, and goes on
		"up vote end refuse up":      false, // another process has the port, or the same address
		"up vote end silence":        false,
		"up vote end refuse silence": false,
		"up end refuse vote":         false, // it was away before it stood
		"up end refuse vote refuse":  true,
		"vote refuse":                false, // nobody knows whether it was there
		"up vote idle refuse":        false, // this side ended it, because of a firewall
		"up vote end refuse vote":    false,
	} {
		t.Run(steps, func(t *testing.T) {
			r := newNamesRig(t, func(s *State) {
				s.Options.ResolveHostnames = false
				m := s.Masters[0]
				m.Addr, _ = IPAddr("10.0.0.1", 6379)
				at, _ := IPAddr("10.0.0.9", 26379)
				m.Sentinels = []KnownSentinel{{Addr: at, ID: other}}
			})
			m := r.c.masters[0]
			link := m.peers[0].link
			epoch := Epoch(0)
			for step := range strings.FieldsSeq(steps) {
				for step != "end" && step != "vote" && step != "idle" && link.cmd.id == 0 {
					r.later(100 * time.Millisecond)
				}
				id := link.cmd.id
				switch step {
				case "up":
					r.step(LinkUp{Conn: id, LocalIP: "10.9.9.9"})
				case "vote":
					epoch++
					r.step(Ask{IP: "10.0.0.1", Port: 6379, Epoch: epoch, RunID: other})
					if m.ledger.For != other {
						t.Fatal("it has no vote")
					}
				case "end":
					r.step(LinkDown{Conn: id, Reason: "closed by the other side"})
				case "idle":
					r.later(time.Minute)
				case "refuse", "silence":
					loss := LossRefused
					if step == "silence" {
						loss = LossOther
					}
					r.step(LinkDown{Conn: id, Reason: step, Loss: loss})
				}
			}
			if got := r.c.leftByVoted(m); got != want {
				t.Errorf("departed is %v, want %v", got, want)
			}
			if got := r.c.nextAllowed(m) == 0; got != want {
				t.Errorf("allowed at once is %v, want %v", got, want)
			}
		})
	}
}
