package sim

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gosentinel/sentinel/monitor"
)

// named is a handler that a test recognises.
type named int

func (named) fire(int) {}

// TestQueueOrder adds and takes out events at random, near and far, one by one
// and in bursts, and compares with a list that is sorted before every look.
func TestQueueOrder(t *testing.T) {
	type planned struct {
		at  Instant
		who named
	}
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var q queue
		var want []planned
		now, added := origin, 0
		for range 2000 {
			for range rng.IntN(2 + 60*rng.IntN(2)*rng.IntN(2)) {
				reach := []int64{1, 1e3, nearby, 2 * nearby, 1e9}[rng.IntN(5)]
				p := planned{now + Instant(rng.Int64N(reach)), named(added)}
				q.add(p.at, now, p.who, added)
				want = append(want, p)
				added++
			}
			slices.SortStableFunc(want, func(a, b planned) int { return cmp.Compare(a.at, b.at) })
			for range rng.IntN(20) {
				if len(want) == 0 {
					break
				}
				if q.next() != want[0].at {
					t.Fatalf("seed %d: the next event is at %d, want %d", seed, q.next(), want[0].at)
				}
				e, s := q.pop()
				if e.at != want[0].at || s != (slot{want[0].who, int(want[0].who)}) {
					t.Fatalf("seed %d: %v at %d came out, want %v", seed, s, e.at, want[0])
				}
				now, want = e.at, want[1:]
			}
		}
		for range want {
			q.pop()
		}
		if q.next() != monitor.Never || len(q.unused) != len(q.slots) {
			t.Errorf("seed %d: something is left: next %d, %d of %d slots are free", seed, q.next(), len(q.unused), len(q.slots))
		}
	}
}
