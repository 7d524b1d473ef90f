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
	const ring = buckets << bucketBits
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var q queue
		var want []planned
		now, added := origin, 0
		for range 2000 {
			for range rng.IntN(2 + 60*rng.IntN(2)*rng.IntN(2)) {
				reach := []int64{1, 1e3, 1e6, ring, 2 * ring, 1e9}[rng.IntN(6)]
				p := planned{now + Instant(rng.Int64N(reach)), named(added)}
				if at := p.at / 1e6 * 1e6; rng.IntN(2) == 0 && at > now {
					p.at = at // so that some fall together, also with what was far when it was planned
				}
				q.add(p.at, now, p.who, added)
				want = append(want, p)
				added++
			}
			slices.SortStableFunc(want, func(a, b planned) int { return cmp.Compare(a.at, b.at) })
			for range rng.IntN(20) {
				if len(want) == 0 {
					break
				}
				if e, ok := q.pop(now, want[0].at-1); ok {
					t.Fatalf("seed %d: the event of %d came out early", seed, e.at)
				}
				e, ok := q.pop(now, want[0].at+Instant(rng.IntN(2)))
				if !ok || e.at != want[0].at || e.who != want[0].who {
					t.Fatalf("seed %d: %v at %d came out (%t), want %v", seed, e.who, e.at, ok, want[0])
				}
				now, want = e.at, want[1:]
			}
		}
		for range want {
			e, _ := q.pop(now, monitor.Never)
			now = e.at
		}
		if e, ok := q.pop(now, monitor.Never); ok {
			t.Errorf("seed %d: %v is left", seed, e)
		}
		free := 1
		for k := q.free; k != 0; k = q.slots[k].next {
			free++
		}
		if free != len(q.slots) {
			t.Errorf("seed %d: %d of %d slots are free", seed, free, len(q.slots))
		}
	}
}
