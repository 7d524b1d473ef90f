package nemesis

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/jepsen/arena"
	"github.com/gosentinel/sentinel/jepsen/history"
	"github.com/gosentinel/sentinel/jepsen/schedule"
)

// Nemesis carries out one schedule.
type Nemesis struct {
	arena *arena.Arena
	to    *history.Recorder
	// leader is the name of the Sentinel that was elected last; empty: none.
	leader func() string
	// begun has the state files of Sentinels at the beginning, by name.
	begun map[string][]byte

	mu     sync.Mutex
	clocks map[string]reading // what the clocks of Sentinels were told, by name
}

// New prepares for the faults of a schedule. leader returns the name of the Sentinel that
// was elected last, or "".
func New(a *arena.Arena, to *history.Recorder, leader func() string) (*Nemesis, error) {
	n := &Nemesis{arena: a, to: to, leader: leader, begun: map[string][]byte{}, clocks: map[string]reading{}}
	for _, s := range a.Sentinels() {
		b, err := os.ReadFile(s.Conf())
		if err != nil {
			return nil, err
		}
		n.begun[s.Name()] = b
	}
	return n, nil
}

// act is what carries out one kind of fault. It returns as soon as the fault is there,
// with what shows that.
type act func(ctx context.Context, n *Nemesis, f schedule.Fault, t targets) (deed, error)

// deed is a fault that is there.
type deed struct {
	// seen is what shows it, if that is known at once.
	seen string
	// undo ends it, and returns what shows that it was there, if that is known only now.
	// Nil: there is nothing to undo.
	undo func(ctx context.Context) (seen string, err error)
}

var acts = map[schedule.Kind]act{
	schedule.Kill:      kill,
	schedule.Stop:      stop,
	schedule.Partition: partition,
	schedule.Deaf:      deaf,
	schedule.Mute:      mute,
	schedule.Flap:      flap,
	schedule.Loss:      lose,
	schedule.Switch:    switchOver,
	schedule.Delay:     delay,
	schedule.Suspend:   suspend,
	schedule.Wipe:      wipe,
	schedule.Truncate:  truncate,
	schedule.Old:       old,
	schedule.Empty:     empty,
	schedule.Join:      join,
	schedule.Leave:     leave,
	schedule.Roll:      roll,
	schedule.Failovers: failovers,
	schedule.Resets:    resets,
	schedule.Monitors:  monitors,
	schedule.DiskFull:  diskFull,
	schedule.DiskSlow:  diskSlow,
	schedule.DiskFail:  diskFail,
	schedule.Jump:      jump,
	schedule.Skew:      skew,
}

// undoLimit bounds the end of one fault, which ends even when the run is given up.
const undoLimit = 20 * time.Second

// Run carries out the faults, each at its time from now on, and returns when the phase of
// faults is over and each of them undone. When ctx ends, that is at once.
func (n *Nemesis) Run(ctx context.Context, s schedule.Schedule) {
	ctx, cancel := context.WithTimeout(ctx, s.Length.Of())
	defer cancel()
	var all sync.WaitGroup
	for i, f := range s.Faults {
		all.Go(func() {
			if wait(ctx, f.At.Of()) {
				n.to.Fault(n.strike(ctx, i, f))
			}
		})
	}
	all.Wait()
	<-ctx.Done()
}

// wait returns false when ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// strike carries out one fault from its beginning to its end.
func (n *Nemesis) strike(ctx context.Context, i int, f schedule.Fault) history.Fault {
	h := history.Fault{Number: i, What: f.String()}
	t, err := n.choose(ctx, f)
	h.Begin = n.to.Now()
	h.End = h.Begin
	for _, node := range t.nodes {
		h.Targets = append(h.Targets, node.Name())
	}
	h.Targets = append(h.Targets, t.beside...)
	if err != nil {
		h.Error = err.Error()
		return h
	}
	d, err := acts[f.Kind](ctx, n, f, t)
	h.Seen = d.seen
	if err == nil && d.undo != nil {
		wait(ctx, f.For.Of())
		undoing, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoLimit)
		defer cancel()
		var seen string
		if seen, err = d.undo(undoing); seen != "" {
			h.Seen = seen
		}
	}
	if err != nil {
		h.Error = err.Error()
	}
	h.End = n.to.Now()
	return h
}

// Heal has every process run.
func (n *Nemesis) Heal() error {
	var errs []error
	for _, node := range n.arena.Nodes() {
		errs = append(errs, revive(node))
	}
	return errors.Join(errs...)
}

// revive starts a process that has ended and continues one that was stopped.
func revive(node arena.Node) error {
	if !node.Running() {
		return node.Start()
	}
	if err := node.Signal(syscall.SIGCONT); err != nil && node.Running() {
		return fmt.Errorf("continuing %s: %w", node.Name(), err)
	}
	return nil
}
