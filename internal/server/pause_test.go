package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/resptest"
	"github.com/gosentinel/sentinel/pubsub"
)

// waitPaused waits until commands of n clients are paused.
func (ts *testServer) waitPaused(t *testing.T, n int) {
	t.Helper()
	resptest.Eventually(t, fmt.Sprintf("%d commands wait", n), func() bool {
		waiting := 0
		for _, c := range ts.snapshot() {
			c.mu.Lock()
			if c.paused {
				waiting++
			}
			c.mu.Unlock()
		}
		return waiting == n
	})
}

func TestPauseHoldsCommandsBack(t *testing.T) {
	ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
	a, b := ts.dial(t), ts.dial(t)
	b.Send("PING before\r\n")
	if v, err := b.Value(); v != "$6\nbefore\n" {
		t.Fatalf("%q, %v", v, err)
	}
	a.Send("CLIENT PAUSE 3600000\r\n")
	if v, err := a.Value(); v != "+OK\n" {
		t.Fatalf("%q, %v", v, err)
	}
	// What precedes the paused command in the pipeline has already been answered.
	b.Send("PING held\r\nPING after\r\n")
	ts.waitPaused(t, 1)
	a.Send("CLIENT UNPAUSE\r\nPING a\r\n")
	for c, want := range map[*resptest.Conn][]string{a: {"+OK\n", "$1\na\n"}, b: {"$4\nheld\n", "$5\nafter\n"}} {
		for _, w := range want {
			if v, err := c.Value(); v != w || err != nil {
				t.Errorf("got %q, %v; want %q", v, err, w)
			}
		}
	}
	a.Send("CLIENT PAUSE 1 all\r\nPING\r\n") // ends by itself
	for _, w := range []string{"+OK\n", "+PONG\n"} {
		if v, err := a.Value(); v != w || err != nil {
			t.Errorf("got %q, %v; want %q", v, err, w)
		}
	}
}

func TestPauseWrite(t *testing.T) {
	ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
	a, b, c := ts.dial(t), ts.dial(t), ts.dial(t)
	for _, step := range []struct{ cmd, want string }{
		{"CLIENT PAUSE 3600000 write", "+OK\n"},
		{"CLIENT PAUSE 1 write", "+OK\n"}, // does not shorten the pause
		{"PING x", "$1\nx\n"},
	} {
		if got := a.Do(step.cmd); got != step.want {
			t.Errorf("%s: %q", step.cmd, got)
		}
	}
	b.Send("PUBLISH __sentinel__:hello x\r\n")
	c.Send("PUBLISH __sentinel__:hello y\r\n")
	ts.waitPaused(t, 2)
	list := a.Do("CLIENT LIST ID 2")
	if !strings.Contains(list, " flags=b ") || !strings.Contains(list, " cmd=publish ") {
		t.Errorf("a waiting client: %s", list)
	}
	if got := a.Do("CLIENT KILL ID 2"); got != ":1\n" {
		t.Errorf("kill: %q", got)
	}
	if v, err := b.Value(); !resptest.Closed(err) {
		t.Errorf("the killed client got %q, %v", v, err)
	}
	if got := a.Do("CLIENT UNPAUSE"); got != "+OK\n" {
		t.Errorf("unpause: %q", got)
	}
	if v, err := c.Value(); v != ":1\n" {
		t.Errorf("after the pause: %q, %v", v, err)
	}
}

// TestCloseEndsPause: a pause of a year does not delay Close.
func TestCloseEndsPause(t *testing.T) {
	ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
	a := ts.dial(t)
	a.Send(fmt.Sprintf("CLIENT PAUSE %d\r\nPING\r\n", (365 * 24 * time.Hour).Milliseconds()))
	ts.waitPaused(t, 1)
	ts.Close()
	if v, err := a.Value(); v != "+OK\n" {
		t.Errorf("%q, %v", v, err)
	}
	if v, err := a.Value(); !resptest.Closed(err) {
		t.Errorf("%q, %v", v, err)
	}
}
