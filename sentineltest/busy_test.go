package sentineltest_test

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/sentineltest"
)

// TestBusyProcess: where others take the CPU for many times DownAfter, the Sentinels
// make no failover of a master that is only slow.
func TestBusyProcess(t *testing.T) {
	c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{})
	deadline := time.Now().Add(200 * time.Millisecond)
	var work sync.WaitGroup
	for range 4 * runtime.GOMAXPROCS(0) {
		work.Go(func() {
			for n := 0; n%1000 != 0 || time.Now().Before(deadline); n++ {
			}
		})
	}
	work.Wait()
	c.WaitStable()
	for _, line := range c.Course() {
		if strings.Contains(line, "+try-failover") || strings.Contains(line, "+switch-master") {
			t.Error(line)
		}
	}
}
