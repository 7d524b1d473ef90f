package proxies

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, clustertest.Programs()) }

// TestShort measures every row once, as short as can be. What it took is for the
// measurement to judge, on a machine with nothing else to do; what must not happen at all
// is judged here too.
func TestShort(t *testing.T) {
	t.Parallel()
	o := Options{
		Setup:    trial.Setup{Runs: 1, Replicas: 1, Sentinels: 1, DownAfter: 500 * time.Millisecond, Timeout: time.Minute},
		Requests: 2000, Span: 50 * time.Millisecond, Idle: 20, Rate: 500, Gosentinel: []string{clustertest.Daemon(t)},
	}
	for _, name := range []string{"haproxy", "nutcracker", "redis-benchmark"} {
		if _, err := os.Stat(find(name)); err != nil {
			if _, err := exec.LookPath(name); err != nil {
				t.Fatal(name + " is missing: make deps")
			}
		}
	}
	var err error
	if o.Rows, err = Named("all"); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Run(t.Context(), o, &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{"GET -P 1 ", "SET -P 16 ", "mix, 16 in a row", "p99", "for 20 clients", "switchover at 500", "kill, inflight = retry-idempotent", "errors 0, lost 0 of"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q", want)
		}
	}
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, "at most one per connection") && !strings.Contains(line, "met:") {
			t.Errorf("the proxy does what it must not: %s", line)
		}
	}
	t.Logf("\n%s", &out)
}

// TestReplies: replies are counted in whatever pieces they arrive.
func TestReplies(t *testing.T) {
	stream := []byte("+OK\r\n$5\r\na\r\nbc\r\n-ERR no\r\n$-1\r\n:12\r\n$0\r\n\r\n")
	for cut := range stream {
		var r replies
		a, err1 := r.count(slices.Clone(stream[:cut]))
		b, err2 := r.count(slices.Clone(stream[cut:]))
		if a+b != 6 || r.errors != 1 || err1 != nil || err2 != nil {
			t.Errorf("cut at %d: %d and %d replies, %d errors, %v, %v", cut, a, b, r.errors, err1, err2)
		}
	}
	var r replies
	if _, err := r.count([]byte("HTTP/1.1\r\n")); err == nil {
		t.Error("garbage was counted")
	}
}

func TestVerdicts(t *testing.T) {
	ms := time.Millisecond
	ways := []way{{name: "direct"}, {name: "gosentinel"}, {name: "haproxy"}, {name: "nutcracker"}}
	for want, show := range map[string]func(*report){
		"":                      func(r *report) { r.shares("GET", ways, [][]float64{{100}, {90}, {60}, {99}}, 1) },
		"GET: the goal is 0.85": func(r *report) { r.shares("GET", ways, [][]float64{{100}, {80}, {60}, {70}}, 1) },
		"above haproxy":         func(r *report) { r.shares("GET", ways, [][]float64{{100}, {90}, {95}, {70}}, 1) },
		"above both":            func(r *report) { r.shares("GET", ways, [][]float64{{100}, {95}, {60}, {96}}, 16) },
		"p99": func(r *report) {
			r.latency(1, ways, [][]percentiles{{{ms, ms}}, {{ms, 3 * ms}}, {{ms, ms}}, {{ms, ms}}})
		},
		"150 MB":        func(r *report) { r.idle(ways[1:], []size{{1, 1, 151 << 20}, {1, 1, 1}, {1, 1, 1}}) },
		"at most 100ms": func(r *report) { r.strike(Options{}, switchovers[0], []struck{{longest: 101 * ms}}) },
		"is none":       func(r *report) { r.strike(Options{}, switchovers[0], []struck{{lost: 1}}) },
		"150ms":         func(r *report) { r.strike(Options{}, kills[0], []struck{{longest: 151 * ms}}) },
		"one per":       func(r *report) { r.strike(Options{}, kills[0], []struck{{perConn: 2}}) },
		"reads":         func(r *report) { r.strike(Options{}, kills[1], []struck{{perConn: 1, readErrors: 1}}) },
	} {
		var out bytes.Buffer
		r := &report{out: &out}
		show(r)
		switch {
		case want == "" && len(r.missed) > 0:
			t.Errorf("a good measurement was rejected: %v", r.missed)
		case want != "" && (len(r.missed) != 1 || !strings.Contains(r.missed[0].Error(), want)):
			t.Errorf("verdict on %q: %v", want, r.missed)
		}
	}
}
