package integration

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var long = flag.Bool("long", false, "strike at every step of a switchover with every fault, try all mixes of Sentinels, and all clients behind the proxy")

// steps are the commands of a switchover that can be struck at, with the server.
var steps = []string{
	"pause old", "demote old", "promote other", "follow old", "unpause old",
	"kill normal old", "kill pubsub old", "rewrite old", "rewrite other", "follow other",
}

// round is one switchover that something happens to.
type round struct {
	*gated
	driver, old, other int
}

// blow is what happens at a step, before the command arrives. It returns what mends
// it.
type blow struct {
	name  string
	lossy bool // a server dies, and with it what it had acknowledged last
	do    func(*round, order) (mend func())
}

// actFor is longer than a driver may act.
const actFor = 2500 * time.Millisecond

var blows = []blow{
	{"the driver is stopped", false, func(r *round, _ order) func() {
		s := r.sentinels[r.driver]
		r.signal(s, syscall.SIGSTOP)
		return func() {
			r.pause(actFor)
			r.signal(s, syscall.SIGCONT)
		}
	}},
	{"the driver is killed", false, func(r *round, _ order) func() {
		s := r.sentinels[r.driver]
		s.Kill()
		r.mu.Lock()
		clear(r.paused) // the next process knows of no pause
		r.mu.Unlock()
		return func() { r.must(s.Restart(r.ctx)) }
	}},
	{"the command is late", false, func(r *round, _ order) func() {
		r.pause(actFor)
		return func() {}
	}},
	{"the master is killed", true, func(r *round, _ order) func() {
		s := r.servers[r.old]
		s.Kill()
		return func() { r.must(s.Restart(r.ctx)) }
	}},
	{"the new master is killed", true, func(r *round, o order) func() {
		s := r.servers[r.target(o)]
		s.Kill()
		return func() { r.must(s.Restart(r.ctx)) }
	}},
	{"the disk of the driver fails", false, func(r *round, _ order) func() {
		s := r.sentinels[r.driver]
		r.must(os.Chmod(s.Conf(), 0o444))
		r.must(os.Chmod(s.Dir(), 0o555))
		return func() {
			r.must(os.Chmod(s.Conf(), 0o644))
			r.must(os.Chmod(s.Dir(), 0o755))
		}
	}},
	{"an operator pauses writes", false, func(r *round, _ order) func() { return r.operatorPauses("WRITE") }},
	{"an operator pauses everything", false, func(r *round, _ order) func() { return r.operatorPauses("ALL") }},
}

// target is the replica that the switchover is to, as far as it is known by now.
func (r *round) target(o order) int {
	if o.server != r.old {
		return o.server
	}
	return r.other
}

// operatorPauses pauses the old master, for less than it takes to be down.
func (r *round) operatorPauses(what string) func() {
	s := r.servers[r.old]
	r.until("an operator to pause "+s.Name(), func(ctx context.Context) (string, bool) {
		err := s.Client().Do(ctx, "CLIENT", "PAUSE", 1000, what).Err()
		return fmt.Sprint(err), err == nil // CLIENT KILL may have cut the connection
	})
	return func() {}
}

// TestSwitchoverSteps strikes at steps of a switchover. However it ends, there is one
// master then, no write was acknowledged by two servers, none is lost that a server
// which lives has acknowledged, and nothing stays paused.
//
// With -long that is every fault at every step. Without, it is one driver that sleeps
// while its order to promote arrives, and another whose order is on its way for longer
// than it may act.
func TestSwitchoverSteps(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	if !*long {
		w, writes := newSteps(t)
		w.strikeAt(writes, 0, "promote other", blows[0])
		w.strikeAt(writes, 1, "demote old", blows[2])
		w.allowed()
		return
	}
	for _, b := range blows {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			w, writes := newSteps(t)
			for k, step := range steps {
				w.strikeAt(writes, k%len(w.sentinels), step, b)
			}
			w.allowed()
		})
	}
}

func newSteps(t *testing.T) (*gated, *writes) {
	e := newEnvAs(t, nobody()) // for whom a disk can fail
	w := newGated(e, setting{downAfter: 1500 * time.Millisecond, failoverTimeout: 3 * time.Second})
	return w, e.writeTo(w.servers)
}

// allowed fails the test if a Sentinel did what none may do.
func (w *gated) allowed() {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, text := range w.faults {
		w.Errorf("not allowed: %s", text)
	}
}

// strikeAt plays one round.
func (w *gated) strikeAt(writes *writes, driver int, step string, b blow) {
	w.Helper()
	w.hurry()
	r := &round{gated: w, driver: driver, old: w.settled()}
	r.other = (r.old + 1) % len(w.servers)
	what := fmt.Sprintf("%s, %s (server %d is the master, Sentinel %d drives)", step, b.name, r.old, driver)
	begun := writes.count()
	struck, pass := w.stopAt(r, step)
	var at order
	w.until(what+": the step", func(ctx context.Context) (string, bool) {
		// It is refused while a promise to another Sentinel binds the driver.
		err := w.sentinels[driver].Client().Do(ctx, "SENTINEL", "FAILOVER", "mymaster", "TO", "127.0.0.1", w.gates[r.other].port()).Err()
		select {
		case at = <-struck:
			return "", true
		default:
			return fmt.Sprint(err, "; ", w.stepsSeen()), false
		}
	})
	mend := b.do(r, at)
	pass(true)
	acked := writes.count()
	w.until(what+": a write to be acknowledged", func(context.Context) (string, bool) {
		n := writes.count()
		return fmt.Sprintf("%d writes; %s", n, w.stepsSeen()), n > acked+5
	})
	if b.lossy {
		// What was the master may be it again when its successor died. And one that
		// returns takes writes until it is corrected.
		w.oneMaster(what+", before", writes.since(begun)[:acked-begun])
		w.oneMaster(what+", after", writes.since(acked))
	}
	mend()
	master, acks := w.settled(), writes.since(begun)
	if b.lossy {
		return
	}
	w.oneMaster(what, acks)
	w.until(what+": the master to have all writes", func(ctx context.Context) (string, bool) {
		n, err := lost(ctx, w.servers[master], acks)
		if n > 0 {
			w.Errorf("%s: %d of %d acknowledged writes are lost; %s", what, n, len(acks), w.stepsSeen())
		}
		return fmt.Sprint(n, err), err == nil
	})
}

// stopAt has a command of the driver wait at its gate. The order arrives on struck.
// pass lets the command go on, or lets it be lost.
func (w *gated) stopAt(r *round, step string) (struck chan order, pass func(arrives bool)) {
	struck, goOn := make(chan order, 1), make(chan bool, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.old, w.orders = r.old, nil
	w.strike = func(o order) bool {
		if o.sentinel != r.driver || o.step != step {
			return false
		}
		w.mu.Lock()
		first := w.strike != nil
		w.strike = nil
		w.mu.Unlock()
		if !first {
			return false
		}
		struck <- o
		select {
		case arrives := <-goOn:
			return !arrives
		case <-w.ctx.Done():
			return true
		}
	}
	return struck, func(arrives bool) { goOn <- arrives }
}

func (w *gated) oneMaster(what string, acks []ack) {
	w.Helper()
	if text := twoMasters(acks); text != "" {
		w.Errorf("%s: %s; %s", what, text, w.stepsSeen())
	}
}

// stepsSeen are the steps of the round so far.
func (w *gated) stepsSeen() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var seen []string
	for _, o := range w.orders {
		seen = append(seen, fmt.Sprintf("%d: %s", o.sentinel, o.step))
	}
	return strings.Join(slices.Compact(seen), ", ")
}
