package server

import (
	"sync/atomic"
	"testing"

	"github.com/gosentinel/sentinel/pubsub"

	"github.com/gosentinel/sentinel/monitor"
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

// TestConfigSetIsAllOrNothing: the level of the log changes with the other
// parameters only. Where just saving fails, all of them stand.
func TestConfigSetIsAllOrNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		fake func(*fakeEngine)
		want string
	}{
		{"accepted", func(*fakeEngine) {}, "debug"},
		{"not saved", func(f *fakeEngine) { f.result.Err = monitor.ErrSave }, "debug"},
		{"refused", func(f *fakeEngine) { f.result.Err = monitor.ErrNoSuchMaster }, "notice"},
		{"stopping", func(f *fakeEngine) { f.stopping = true }, "notice"},
	} {
		f := newFakeEngine()
		c.fake(f)
		var level atomic.Value // set by whoever serves the connection
		level.Store("notice")
		cfg := Config{LogLevel: func() string { return level.Load().(string) }, SetLogLevel: func(l string) { level.Store(l) }}
		ts := startServer(t, cfg, f, pubsub.Limits{})
		ts.dial(t).Do("SENTINEL CONFIG SET loglevel debug announce-port 7")
		if got := level.Load(); got != c.want {
			t.Errorf("%s: the level is %s, want %s", c.name, got, c.want)
		}
	}
}
