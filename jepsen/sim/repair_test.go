package sim

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestOneCorrection: after a failover that an operator asked for, all Sentinels
// see the old master at the same instants. One of them demotes it, and the others
// find it done: each order would disconnect the clients of that server.
func TestOneCorrection(t *testing.T) {
	for _, sentinels := range []int{3, 5} {
		for seed := range uint64(20) {
			s := scripted()
			s.Seed, s.Options.Sentinels, s.Options.Chaos = seed, sentinels, 15*time.Second
			s.Options.Delay, s.Options.Jitter = 100*time.Microsecond, time.Duration(seed)*time.Millisecond
			s.Faults = []Fault{{At: 3 * time.Second, Kind: "failover", A: int(seed)}}
			orders, master := 0, ""
			r := Run(s, func(line string) {
				if _, to, ok := strings.Cut(line, "+switch-master m0 "); ok && master == "" {
					master = strings.Fields(to)[0]
				}
				if master != "" && strings.Contains(line, fmt.Sprintf("=> %s SLAVEOF", master)) {
					orders++
				}
			})
			if r.Failed() || orders != 1 {
				t.Errorf("%d Sentinels, seed %d: the old master %s got %d orders; %s", sentinels, seed, master, orders, r.Violation)
			}
		}
	}
}
