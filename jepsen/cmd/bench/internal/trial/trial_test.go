package trial

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

func TestQuantile(t *testing.T) {
	v := []float64{1, 2, 3, 10}
	for q, want := range map[float64]float64{0: 1, 0.5: 2.5, 1: 10, 0.9: 7.9} {
		if got := Quantile(v, q); got < want-1e-9 || got > want+1e-9 {
			t.Errorf("quantile %v = %v, want %v", q, got, want)
		}
	}
	if got := Quantile([]float64{7}, 0.99); got != 7 {
		t.Errorf("quantile of one = %v", got)
	}
	if got := Quantile([]time.Duration{time.Second, 2 * time.Second}, 0.5); got != 1500*time.Millisecond {
		t.Errorf("quantile of durations = %v", got)
	}
}

// TestAlternate: the sides take turns until one fails, and what they have shown so
// far stays.
func TestAlternate(t *testing.T) {
	bad := errors.New("bad")
	n := 0
	measure := func(context.Context) (int, error) {
		n++
		if n == 4 {
			return 0, bad
		}
		return n, nil
	}
	sides := []Side[int]{{Name: "a", Measure: measure}, {Name: "b", Measure: measure}}
	if Measured(sides) {
		t.Error("nothing was measured yet")
	}
	var rows string
	err := Alternate(t.Context(), 3, sides, func(run int, name string, r int) { rows += fmt.Sprint(run, name, r, ";") })
	if !errors.Is(err, bad) || err.Error() != "run 2 of b: bad" || rows != "1a1;1b2;2a3;" {
		t.Errorf("%v after %s", err, rows)
	}
	if got := fmt.Sprint(sides[0].Results, sides[1].Results); got != "[1 3] [2]" || !Measured(sides) {
		t.Errorf("results %s", got)
	}
}

// TestInterrupted: Ctrl-C is no fault of the cluster that was running.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	sides := []Side[int]{{Name: "a", Measure: func(context.Context) (int, error) {
		cancel(errors.New("interrupt"))
		return 0, errors.New("pages of logs")
	}}}
	if err := Alternate(ctx, 1, sides, nil); err == nil || err.Error() != "run 1 of a: interrupt" {
		t.Errorf("got %v", err)
	}
}

func TestQuorum(t *testing.T) {
	for n, want := range map[int]int{1: 1, 2: 2, 3: 2, 5: 3} {
		if got := (Setup{Sentinels: n}).Quorum(); got != want {
			t.Errorf("quorum of %d Sentinels: %d, want %d", n, got, want)
		}
	}
}

func TestAborted(t *testing.T) {
	abort, swtch := cluster.Event{Name: "-failover-abort-no-good-slave"}, cluster.Event{Name: "+switch-master"}
	if _, ok := aborted([]cluster.Event{abort}); !ok {
		t.Error("an abort was not seen")
	}
	if ev, ok := aborted([]cluster.Event{{Name: "-switchover-abort", Text: "m #why"}}); !ok || ev.Text != "m #why" {
		t.Error("the end of a switchover was not seen")
	}
	if _, ok := aborted([]cluster.Event{abort, swtch}); ok {
		t.Error("a switch was taken for an abort")
	}
}
