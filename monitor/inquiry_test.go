package monitor

import (
	"testing"
	"time"
)

// TestManyInquirers has many operators ask at once for a failover that is refused. Each
// gets one answer, and the servers are asked once. A stall of the process, after which
// nothing is judged for a while, does not keep the answers back.
func TestManyInquirers(t *testing.T) {
	const callers = maxInquirers + 10
	for _, stalled := range []bool{false, true} {
		answers, asked := map[PeerRef]int{}, 0
		w, n := small(t, func(e Effect) {
			switch e := e.(type) {
			case CallResult:
				if err, ok := e.Err.(*CallError); !ok || err.Code != "NOGOODSLAVE" {
					t.Errorf("the answer is %v", e.Err)
				}
				answers[e.To]++
			case Send:
				if _, ok := e.Cmd.(InfoRequest); ok {
					asked++
				}
			}
		})
		for _, s := range w.servers[1:] {
			s.priority = 0
		}
		w.advance(15*time.Second, func() bool { return false })
		for _, s := range w.servers {
			s.slowInfo = time.Hour
		}
		asked = 0
		for k := range callers {
			n.input(Call{From: PeerRef(k + 1), Op: FailoverOp{Name: "mymaster"}})
		}
		w.advance(time.Millisecond, func() bool { return false })
		if asked > len(w.servers) {
			t.Errorf("INFO was sent %d times to %d servers", asked, len(w.servers))
		}
		if len(answers) != callers-maxInquirers {
			t.Errorf("%d of %d are answered at once, want those above %d", len(answers), callers, maxInquirers)
		}
		if stalled {
			n.paused = w.now.Add(5 * time.Second)
			w.advance(5100*time.Millisecond, func() bool { return false })
			if tilt, _ := n.core.Tilt(w.now); !tilt {
				t.Error("the core is not in TILT")
			}
		} else {
			w.advance(inquiryTime, func() bool { return false })
		}
		for k := range callers {
			if got := answers[PeerRef(k+1)]; got != 1 {
				t.Errorf("stalled %t: caller %d has %d answers", stalled, k+1, got)
			}
		}
	}
}
