package monitor

import (
	"fmt"
	"testing"
)

// TestToldReplicas: a voter tells a candidate which replicas it knows, but no more than
// an answer may hold.
func TestToldReplicas(t *testing.T) {
	c := newCore(t, oneMaster())
	m := c.masters[0]
	for k := range MaxToldReplicas + 3 {
		at, _ := IPAddr(fmt.Sprintf("10.0.2.%d", k), 6379)
		c.addReplica(origin, m, at, nil)
		if n := len(c.toldReplicas(m)); n != min(k+1, MaxToldReplicas) {
			t.Fatalf("of %d replicas, %d are told", k+1, n)
		}
	}
}
