package server

import (
	"testing"

	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/pubsub"
)

// TestQuestionsAboutQuietMasters: the loop is not asked about a master that is surely
// not seen as down, unless there is a vote to give.
func TestQuestionsAboutQuietMasters(t *testing.T) {
	inBothForms(t, func(t *testing.T) {
		b := newFakeEngine()
		b.quiet = monitor.HostPort{Host: "10.0.0.1", Port: 6379}
		ts := startServer(t, Config{}, b, pubsub.Limits{})
		c := ts.dial(t)
		for _, q := range []struct {
			words, want string
			asks        int
		}{
			{"10.0.0.1 6379 5 *", "*3\n:0\n$1\n*\n:0\n", 0},
			{"10.0.0.1 6379 x *", "-ERR value is not an integer or out of range\n", 0},
			{"10.0.0.1 6380 5 *", "*3\n:0\n$1\n*\n:0\n", 1},
			{"10.0.0.1 6379 5 " + idA, "*3\n:1\n$40\n" + idA + "\n:5\n", 1},
			{"10.0.0.1 6379 5 * PROMISE 10", "*6\n:1\n$1\n*\n:0\n$7\npromise\n:10\n:4\n", 1},
			{"10.0.0.1 6379 5 * PROMISE 10001", "-ERR Invalid promise: a number of milliseconds from 1 to 10000 is expected\n", 0},
			{"10.0.0.1 6379 5 * LEASE 10", "*4\n:1\n$1\n*\n:0\n:30\n", 1},
		} {
			before := len(b.log())
			if got := c.Do("SENTINEL IS-MASTER-DOWN-BY-ADDR " + q.words); got != q.want {
				t.Errorf("%s: %q, want %q", q.words, got, q.want)
			}
			if asks := len(b.log()) - before; asks != q.asks {
				t.Errorf("%s: the loop was asked %d times, want %d", q.words, asks, q.asks)
			}
		}
	})
}

// TestAddrs: what was shown of a master goes with it.
func TestAddrs(t *testing.T) {
	var a Addrs
	at := func(port int) monitor.HostPort { return monitor.HostPort{Host: "10.0.0.1", Port: port} }
	quiet := func(port string) bool { return a.isQuiet([]byte("10.0.0.1"), []byte(port)) }
	a.Set(monitor.Shown{Name: "m", Known: true, Addr: at(1), Quiet: at(1)})
	if text, ok := a.Find([]byte("m")); string(text) != "*2\r\n$8\r\n10.0.0.1\r\n$1\r\n1\r\n" || !ok || !quiet("1") || quiet("2") {
		t.Errorf("%q, %v", text, ok)
	}
	a.Set(monitor.Shown{Name: "m", Known: true, Addr: at(2), Quiet: at(2)})
	if quiet("1") || !quiet("2") {
		t.Error("an address that the master has left is still said to be quiet, or the new one is not")
	}
	a.Set(monitor.Shown{Name: "m", Known: true, Addr: at(2)})
	if quiet("2") {
		t.Error("a master that is down is quiet")
	}
	a.Set(monitor.Shown{Name: "m", Known: true, Addr: at(2), Quiet: at(2)})
	a.Set(monitor.Shown{Name: "m"})
	if text, ok := a.Find([]byte("m")); text != nil || !ok || quiet("2") {
		t.Errorf("of a master that is gone: %q, %v", text, ok)
	}
	a.Set(monitor.Shown{Name: "m", Known: true, Addr: at(2), Quiet: at(2)})
	a.End()
	if _, ok := a.Find([]byte("m")); ok || quiet("2") {
		t.Error("there are answers after the end")
	}
}
