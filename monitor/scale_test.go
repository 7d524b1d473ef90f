package monitor

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestManyMastersFailTogether: 1,000 of 10,000 masters fail at one moment, and three
// candidates for each ask for a vote while a write is under way. Each request is answered
// with a vote, none is lost because too much waits, and one save serves all.
func TestManyMastersFailTogether(t *testing.T) {
	const masters, failing, candidates = 10000, 1000, 3
	c := newCore(t, manyMasters(masters))
	var out Effects
	c.Step(origin, Call{From: 1, Op: FlushOp{}})
	c.Drain(&out)
	first := out.Persist
	ref := PeerRef(1)
	for n := range candidates {
		for k := range failing {
			ref++
			c.Step(origin, Ask{
				From: ref, IP: fmt.Sprintf("10.0.%d.%d", k>>8, k&255), Port: 6379, Epoch: Epoch(n*failing + k + 1), RunID: paddedID(fmt.Sprint("c", n)),
			})
		}
	}
	waiting := len(c.disk.gated)
	c.Drain(&out)
	for _, e := range out.Free {
		if r, ok := e.(Reply); ok {
			t.Fatalf("a request was answered at once: %+v", r)
		}
	}
	if out.Persist != nil || waiting <= minGated {
		t.Fatalf("only %d effects wait for the disk", waiting)
	}
	c.Step(origin.Add(time.Millisecond), Persisted{Seq: first.Seq})
	c.Drain(&out)
	if out.Persist == nil {
		t.Fatal("the votes are not saved")
	}
	votes := 0
	for _, e := range out.Persist.Then {
		if r, ok := e.(Reply); ok && r.Leader == paddedID(fmt.Sprint("c", (int(r.To)-2)/failing)) {
			votes++
		}
	}
	if votes != candidates*failing || c.disk.refused+c.disk.dropped != 0 {
		t.Errorf("%d of %d requests got the vote, %d were refused, and %d events dropped", votes, candidates*failing, c.disk.refused, c.disk.dropped)
	}
}

// TestFullQueueIsTold: what is refused because too much waits for the disk is said when
// it begins and when it is over.
func TestFullQueueIsTold(t *testing.T) {
	c := newCore(t, manyMasters(1))
	var out Effects
	for k := range 2 * minGated {
		c.Step(origin, Ask{From: PeerRef(k + 1), IP: "10.0.0.0", Port: 6379, Epoch: Epoch(k + 1), RunID: paddedID("x")})
	}
	said := func() (lines []string, refused int) {
		c.Drain(&out)
		for _, e := range out.Free {
			switch e := e.(type) {
			case Reply:
				refused++
			case Log:
				lines = append(lines, e.Text)
			}
		}
		return lines, refused
	}
	lines, refused := said()
	if refused == 0 || len(lines) != 1 {
		t.Fatalf("%d requests were refused, and the log says %q", refused, lines)
	}
	c.Step(origin.Add(time.Second), Persisted{Seq: out.Persist.Seq})
	if lines, _ = said(); len(lines) != 1 || !strings.HasPrefix(lines[0], fmt.Sprint(refused, " requests were refused")) {
		t.Errorf("%d requests were refused, and at the end the log says %q", refused, lines)
	}
	if c.disk.refused+c.disk.dropped != 0 {
		t.Error("the next time would not be told")
	}
}
