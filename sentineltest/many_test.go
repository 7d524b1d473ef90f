package sentineltest_test

import (
	"testing"
	"time"

	"github.com/gosentinel/sentinel/sentineltest"
)

// TestHundredSentinels has a hundred Sentinels in one process, which start, fail over
// and end. They share nothing: each group of five has a master of its own under the
// same name, and TestMain finds what is left of them.
func TestHundredSentinels(t *testing.T) {
	var groups []*sentineltest.Cluster
	for i := range 20 {
		groups = append(groups, sentineltest.NewCluster(t, sentineltest.ClusterOptions{
			Sentinels: 5, Replicas: 1, DownAfter: time.Second, Seed: uint64(i + 1),
		}))
	}
	running := 0
	for _, c := range groups {
		running += len(c.Sentinels())
		c.Master().Kill()
	}
	if running != 100 {
		t.Errorf("%d Sentinels", running)
	}
	for _, c := range groups {
		c.WaitStable()
		if c.Master() != c.Servers()[1] {
			t.Errorf("the master of a group is %v", c.Master())
		}
	}
}
