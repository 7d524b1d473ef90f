package proxy

import (
	"strings"
	"testing"
	"time"
)

// TestSlowlog: what took long is told, with how it begins and nothing that may be secret,
// and no more is kept than is configured.
func TestSlowlog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.SlowMost = 3 })
		defer r.stop()
		r.servers["a"].delay = func(w []string) time.Duration {
			if strings.HasPrefix(w[len(w)-1], "slow") {
				return 20 * time.Millisecond
			}
			return 0
		}
		r.view.set("a")
		p := r.connect()
		p.send("CLIENT SETNAME me", "GET fast", "SET k slow-secret")
		p.want("+OK", "+GET fast", "+OK")
		p.send("GET slow")
		p.want("+GET slow")
		p.send("BLPOP l slow")
		p.want("+BLPOP l slow")
		p.send("PROXY SLOWLOG LEN", "PROXY SLOWLOG GET")
		p.want(":2")
		got := p.next()
		for _, want := range []string{":20000 [$GET $slow] $front $me]", ":20000 [$SET $k $... (1 more arguments)] $"} {
			if !strings.Contains(got, want) {
				t.Errorf("the slow log %s lacks %s", got, want)
			}
		}
		if strings.Contains(got, "secret") || strings.Contains(got, "fast") || strings.Contains(got, "BLPOP") {
			t.Errorf("the slow log says %s", got)
		}
		long := "GET slow" + strings.Repeat("x", 100)
		p.send(long, "GET slow3", "GET slow4")
		p.want("+"+long, "+GET slow3", "+GET slow4")
		p.send("PROXY SLOWLOG GET 1", "PROXY SLOWLOG GET -1", "PROXY SLOWLOG RESET", "PROXY SLOWLOG LEN", "PROXY SLOWLOG GET x", "PROXY SLOWLOG", "PROXY SLOWLOG GET 1 2")
		if got := p.next(); !strings.Contains(got, "$slow4") || strings.Contains(got, "$slow3") {
			t.Errorf("the last one is %s", got)
		}
		if got := p.next(); strings.Count(got, "$GET") != 3 || !strings.Contains(got, "(40 more bytes)") {
			t.Errorf("the last three are %s", got)
		}
		p.want("+OK", ":0", "-ERR count should...", "-ERR unknown subcommand...", "-ERR unknown subcommand...")
		// What was held was slow too.
		r.servers["a"].kill()
		p.send("GET held")
		time.Sleep(time.Second)
		r.view.set("b")
		p.want("+GET held")
		p.send("PROXY SLOWLOG GET")
		if got := p.next(); !strings.Contains(got, "[$GET $held]") {
			t.Errorf("the slow log is %s", got)
		}
	})
}

// TestSlowlogBounds: the ring is right at every length, also when its limit changes.
func TestSlowlogBounds(t *testing.T) {
	var s slowlog
	for i, most := range []int{3, 3, 3, 3, 3, 5, 5, 5, 2, 0, 2} {
		s.add(most, slowRequest{})
		s.mu.Lock()
		list := s.last(100)
		s.mu.Unlock()
		for k, r := range list {
			if r.id != int64(i-len(list)+1+k) {
				t.Errorf("after %d: %v", i, list)
			}
		}
		if want := []int{1, 2, 3, 3, 3, 4, 5, 5, 2, 0, 1}[i]; len(list) != want {
			t.Errorf("after %d there are %d, want %d", i, len(list), want)
		}
	}
}
