package server

import (
	"testing"

	"github.com/gosentinel/sentinel/pubsub"
)

// TestOneVisit: a command that changes something asks the loop once, whatever it
// changes. What it found out in a visit before might not be true any more.
func TestOneVisit(t *testing.T) {
	fake := newFakeEngine()
	c := startServer(t, Config{}, fake, pubsub.Limits{}).dial(t)
	for _, line := range []string{
		"SENTINEL SET mymaster quorum 2", "SENTINEL SET mymaster notification-script /bin/sh quorum x", "SENTINEL SET mymaster nonsense 1",
		"SENTINEL CONFIG SET announce-port 5 loglevel debug", "SENTINEL DEBUG info-period 5 script-max-runtime 5", "SENTINEL RESET *",
		"SENTINEL REMOVE mymaster", "SENTINEL MONITOR new 10.0.0.7 6379 2",
	} {
		fake.mu.Lock()
		before := fake.visits
		fake.mu.Unlock()
		answer := c.Do(line)
		fake.mu.Lock()
		if n := fake.visits - before; n != 1 {
			t.Errorf("%s: %d visits, answer %q", line, n, answer)
		}
		fake.mu.Unlock()
	}
}
