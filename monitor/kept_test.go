package monitor

import (
	"fmt"
	"testing"
	"time"
)

// manyMasters returns a state with masters of one replica and no peer each.
func manyMasters(n int) State {
	st := State{Options: Options{MyID: paddedID("me")}}
	for k := range n {
		at := func(part int) Addr {
			a, _ := IPAddr(fmt.Sprintf("10.%d.%d.%d", part, k>>8, k&255), 6379)
			return a
		}
		st.Masters = append(st.Masters, &MasterState{
			MasterConfig: MasterConfig{Name: fmt.Sprintf("m%d", k), Addr: at(0), Quorum: 1}, Replicas: []Addr{at(1)},
			Lineage: Lineage{Heard: true, ReplID: replidA, Offset: 1},
		})
	}
	return st
}

// saved has the core save its state, and returns that.
func saved(t *testing.T, c *Core, now Instant) State {
	t.Helper()
	var out Effects
	c.Drain(&out)
	if out.Persist == nil {
		t.Fatal("nothing is saved")
	}
	if err := c.AuditSave(*out.Persist); err != nil {
		t.Fatal(err)
	}
	c.Step(now, Persisted{Seq: out.Persist.Seq})
	return out.Persist.State
}

// TestSavesShareWhatHasNotChanged: a master is copied for a save when it has changed
// since the last one; of offsets, which grow all the time, only so many are taken
// along.
func TestSavesShareWhatHasNotChanged(t *testing.T) {
	const n = 3 * maxAged
	c := newCore(t, manyMasters(n))
	now := origin
	flush := func() State {
		now = now.Add(time.Millisecond)
		c.Step(now, Call{From: 1, Op: FlushOp{}})
		return saved(t, c, now)
	}
	changed := func(was, is State) (list []string) {
		for k := range is.Masters {
			if was.Masters[k] != is.Masters[k] {
				list = append(list, is.Masters[k].Name)
			}
		}
		return list
	}
	first := flush()
	if second := flush(); len(changed(first, second)) != 0 {
		t.Fatalf("%v changed", changed(first, second))
	}
	c.Step(now, Ask{From: 2, IP: "10.0.0.7", Port: 6379, Epoch: 5, RunID: paddedID("other")})
	second := saved(t, c, now)
	if list := changed(first, second); len(list) != 1 || list[0] != "m7" || second.Masters[7].LeaderEpoch != 5 || first.Masters[7].LeaderEpoch != 0 {
		t.Fatalf("after a vote about m7, %v changed, from %v to %v", list, first.Masters[7], second.Masters[7])
	}
	c.Step(now, Call{From: 3, Op: RemoveOp{Name: "m0"}})
	if third := saved(t, c, now); len(third.Masters) != n-1 || third.Masters[6] != second.Masters[7] {
		t.Fatal("the masters behind one that was removed were copied")
	}
	for _, m := range c.masters {
		l := m.lineage
		l.Offset = 100
		c.takeLineage(m, l)
	}
	if c.disk.dirty {
		t.Error("an offset alone is written")
	}
	for k := 1; ; k++ {
		fresh := 0
		for _, m := range flush().Masters {
			if m.Lineage.Offset == 100 {
				fresh++
			}
		}
		if want := min(k*maxAged, n-1); fresh != want {
			t.Fatalf("save %d has %d new offsets, want %d", k, fresh, want)
		} else if want == n-1 {
			break
		}
	}
}

// BenchmarkState measures what a save costs the loop.
func BenchmarkState(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c, err := New(origin, Params{State: manyMasters(n)})
			if err != nil {
				b.Fatal(err)
			}
			c.toSave()
			b.ReportAllocs()
			for b.Loop() {
				c.masters[7].outdated()
				c.toSave()
			}
		})
	}
}
