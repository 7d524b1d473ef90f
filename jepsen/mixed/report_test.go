package mixed

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

func TestSideBySide(t *testing.T) {
	var n atomic.Int32
	fine := func(context.Context) error { n.Add(1); return nil }
	if err := sideBySide(t.Context(), 2, []func(context.Context) error{fine, fine, fine}); err != nil || n.Load() != 3 {
		t.Errorf("%d jobs done, %v", n.Load(), err)
	}
	bad := errors.New("bad")
	failing := func(context.Context) error { return bad }
	never := func(context.Context) error { t.Error("a job began after another had failed"); return nil }
	if err := sideBySide(t.Context(), 1, []func(context.Context) error{failing, never}); !errors.Is(err, bad) {
		t.Errorf("got %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sideBySide(ended, 1, []func(context.Context) error{never}); !errors.Is(err, context.Canceled) {
		t.Errorf("nothing was done, and the error is %v", err)
	}
}

func TestVerdict(t *testing.T) {
	o := Experiments{Runs: 4, Ratios: []Ratio{{Stock: 2, Ours: 1}}}
	stock, ours := Run{Ratio: o.Ratios[0], Led: Stock}, Run{Ratio: o.Ratios[0], Led: Ours}
	if err := judgeRuns(o, []Run{stock, ours}); err != nil {
		t.Errorf("both kinds led, nothing happened: %v", err)
	}
	if err := judgeRuns(o, []Run{stock}); err == nil || !strings.Contains(err.Error(), "led by ours") {
		t.Errorf("only one kind led: %v", err)
	}
	ours.Violations = []string{"two leaders"}
	if err := judgeRuns(o, []Run{stock, ours}); err == nil || !strings.Contains(err.Error(), "two leaders") {
		t.Errorf("a violation: %v", err)
	}
}

func TestReport(t *testing.T) {
	var out bytes.Buffer
	p := &printer{w: &out}
	r := Ratio{Stock: 2, Ours: 1}
	o := Experiments{DownAfter: 2 * time.Second, Ratios: []Ratio{r}, Masters: 5, PerSecond: 1000}
	run := Run{
		Ratio: r, N: 1, Fault: syscall.SIGSTOP, HeadStart: Stock, Led: Stock, Agreed: 3300 * time.Millisecond,
		Failover: cluster.Failover{Epoch: "4", SecondLeader: true}, Violations: []string{"two leaders"},
	}
	p.failoverHeader(o)
	p.run(run)
	p.failoverSummary(o, []Run{run})
	p.tourHeader(o)
	p.step(1, Step{N: 2, Node: "sentinel1", From: Ours, To: Stock, Slow: true, Away: 2500 * time.Millisecond})
	p.tour(1, Rolled{Written: Written{Acked: 30000, Elapsed: 30 * time.Second}, Polls: 900})
	p.burstHeader(o)
	round := Round{
		Ratio: r, N: 3, Late: 150 * time.Millisecond, Attempts: map[Kind]int{Stock: 7, Ours: 2},
		Violations: []string{"derailed"}, Elections: []string{"how"},
	}
	p.round(round)
	p.burstSummary([]Ratio{r}, []Round{round})
	for _, want := range []string{
		"2+1     1 stop  stock      stock     4", "VIOLATION: two leaders", "stock   -, 3300",
		"sentinel1  ours  stock   2500   yes", "30000 writes in 30.0 s (1000/s), 0 failed",
		"2+1       3   150", "7/2", "VIOLATION: derailed", "how", "1 bursts, attempts 7/2",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, &out)
		}
	}
}

func TestMedian(t *testing.T) {
	ms := time.Millisecond
	for want, list := range map[string][]time.Duration{"-": nil, "3": {3 * ms}, "4": {5 * ms, 3 * ms}, "5": {9 * ms, 5 * ms, 1 * ms}} {
		if got := medianMS(list); got != want {
			t.Errorf("median of %v is %s, want %s", list, got, want)
		}
	}
}
