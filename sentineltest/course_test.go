package sentineltest_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gosentinel/sentinel/sentineltest"
)

// course plays a failover, a restart and a planned failover in virtual time, and
// returns what happened when.
func course(t *testing.T, seed uint64) (lines []string) {
	synctest.Test(t, func(t *testing.T) {
		c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{Network: sentineltest.NewNetwork(), Seed: seed})
		old := c.Master()
		old.Kill()
		c.WaitStable()
		old.Restart()
		c.WaitStable()
		c.Failover()
		lines = c.Course()
	})
	// What happens at one instant has no order: a Sentinel may hear of something from
	// this or from that one, or find it out before it hears of it.
	lines = slices.DeleteFunc(lines, func(line string) bool {
		event := strings.Fields(line)[2]
		return !slices.Contains([]string{"+sdown", "-sdown", "+odown", "+try-failover", "+elected-leader", "+selected-slave",
			"+promoted-slave", "+failover-end", "+switch-master", "+convert-to-slave"}, event)
	})
	slices.Sort(lines)
	return lines
}

// TestSameSeedSameCourse: in virtual time a test sees the same events at the same
// times whenever it runs, and others with another seed.
func TestSameSeedSameCourse(t *testing.T) {
	first := course(t, 1)
	if len(first) < 20 {
		t.Fatalf("only %q", first)
	}
	if again := course(t, 1); !slices.Equal(first, again) {
		t.Errorf("the second run differs:\n%q\n%q", first, again)
	}
	if other := course(t, 2); slices.Equal(first, other) {
		t.Error("another seed makes no difference")
	}
}
