package monitor

import (
	"math/rand/v2"
	"testing"
)

// TestTable compares the table with a map while ids come and go, some for long
// and most of them soon, so that the ones that stay meet others in their cells.
func TestTable(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var tab table[ConnID, int]
		want := map[ConnID]int{}
		last := ConnID(0)
		for range 3000 {
			switch id := last - ConnID(rng.IntN(int(min(last, 400))+1)); rng.IntN(5) {
			case 0, 1:
				last++
				tab.put(last, int(last))
				want[last] = int(last)
			case 2, 3:
				tab.remove(id)
				delete(want, id)
			default:
				if want[id] != 0 {
					tab.put(id, -int(id))
					want[id] = -int(id)
				}
			}
			if tab.n != len(want) {
				t.Fatalf("seed %d: %d are in it, want %d", seed, tab.n, len(want))
			}
		}
		for id := range last + 10 {
			if got := tab.get(id); id != 0 && got != want[id] {
				t.Fatalf("seed %d: %d is %d, want %d", seed, id, got, want[id])
			}
		}
	}
}
