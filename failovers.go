package sentinel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

// FailoverMode is how a failover is made that somebody asks for.
type FailoverMode int

const (
	// FailoverPlain loses no write while the master serves, and fails over at once
	// while it does not.
	FailoverPlain FailoverMode = iota
	// FailoverCoordinated loses no write, and is refused while the master does not
	// serve.
	FailoverCoordinated
	// FailoverForced promotes a replica even where data are lost by it.
	FailoverForced
)

// FailoverOptions say how a failover is made. The zero value is plain, chooses the
// replica, and does not wait.
type FailoverOptions struct {
	To   string // "host:port" of the replica to promote; "" leaves the choice to the Sentinel
	Mode FailoverMode
	// Wait makes Failover return when the failover is over, and not when it has
	// begun.
	Wait bool
}

// Failover fails a master over, which need not be down, as SENTINEL FAILOVER does.
// The error is [ErrInProgress], [ErrPaused], a [*VetoError], [ErrNoGoodReplica],
// [ErrNotSaved], another refusal in words, or, with opts.Wait, [ErrFailoverAborted] or a
// [*QuorumError]. If it is that of ctx, the failover may go on.
//
// The report tells of the failover as far as it has come: with opts.Wait, all of it,
// also when it was given up. It is the zero value of one that was refused.
func (s *Sentinel) Failover(ctx context.Context, name string, opts FailoverOptions) (journal.Report, error) {
	id, err := s.nextID(ctx, name)
	if err != nil {
		return journal.Report{}, err
	}
	err = s.failover(ctx, name, opts)
	if err != nil && !errors.Is(err, ErrFailoverAborted) && !errors.As(err, new(*QuorumError)) {
		return journal.Report{}, err
	}
	return s.reportSince(ctx, name, id), err
}

func (s *Sentinel) failover(ctx context.Context, name string, opts FailoverOptions) error {
	op := monitor.FailoverOp{Name: name, Program: true}
	switch opts.Mode {
	case FailoverPlain:
	case FailoverCoordinated:
		op.Mode = monitor.FailoverCoordinated
	case FailoverForced:
		op.Mode = monitor.FailoverForced
	default:
		return fmt.Errorf("sentinel: there is no failover mode %d", opts.Mode)
	}
	if opts.To != "" {
		to, err := parseAddr(opts.To, true)
		if err != nil {
			return fmt.Errorf("sentinel: FailoverOptions.To: %w", err)
		}
		addr, err := s.node.Resolve(ctx, to.Host)
		if err != nil {
			return fmt.Errorf("sentinel: FailoverOptions.To: %w", err)
		}
		op.To = monitor.HostPort{Host: addr.IP, Port: to.Port}
	}
	if !opts.Wait {
		return s.call(ctx, name, op)
	}
	watch, stop := context.WithCancel(ctx)
	defer stop()
	events := s.Events(watch, OfMaster(name)) // before the failover begins
	before, err := s.Master(ctx, name)
	if err != nil {
		return err
	}
	if err := s.call(ctx, name, op); err != nil {
		return err
	}
	last := ""
	for ev := range events {
		if text := abortReason(ev.Body); text != "" {
			last = text
		}
		now, err := s.Master(ctx, name)
		switch {
		case err != nil:
			return err
		case now.Failover != "":
		case now.Addr != before.Addr:
			return nil
		default:
			return s.aborted(ctx, name, last)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return ErrNotRunning
}

// abortReason returns why a failover ended, if ev says so.
func abortReason(ev any) string {
	switch ev := ev.(type) {
	case event.FailoverAbortNotElected:
		return "this Sentinel was not elected to lead it"
	case event.FailoverAbortNoGoodReplica:
		return "no replica can be promoted"
	case event.FailoverAbortReplicaTimeout:
		return "the chosen replica did not become a master in time"
	case event.SwitchoverAborted:
		return ev.Reason
	}
	return ""
}

// aborted returns the error for a failover that has ended without a new master.
func (s *Sentinel) aborted(ctx context.Context, name, reason string) error {
	var few *QuorumError
	if _, err := s.CheckQuorum(ctx, name); errors.As(err, &few) {
		return err
	}
	if reason == "" {
		reason = "it has ended without a new master"
	}
	return &opError{kind: ErrFailoverAborted, text: fmt.Sprintf("sentinel: master %q: the failover was given up: %s", name, reason)}
}

// Pause says for how long no failover of a master is made, and why.
type Pause struct {
	// Until is when the pause ends by itself: later than now, and by 24 hours at most.
	Until time.Time
	// Reason is shown to whoever asks for a failover meanwhile: one line of at most 256
	// bytes, or "".
	Reason string
}

// Pause pauses the failovers of a master, as SENTINEL PAUSE-FAILOVER does: this
// Sentinel, and all other gosentinels, which it tells, begin none and vote for none.
// [Sentinel.Failover] returns [ErrPaused] meanwhile unless it is forced. A pause takes
// the place of the one before. It returns after that is saved.
func (s *Sentinel) Pause(ctx context.Context, name string, p Pause) error {
	left := time.Until(p.Until).Truncate(time.Millisecond)
	switch {
	case left <= 0:
		return fmt.Errorf("sentinel: Pause.Until: %v is not in the future", p.Until)
	case left > monitor.MaxFailoverPause:
		return fmt.Errorf("sentinel: Pause.Until: %v is more than %v away", p.Until, monitor.MaxFailoverPause)
	}
	return s.call(ctx, name, monitor.PauseOp{Name: name, For: left, Reason: p.Reason})
}

// Resume ends a pause of the failovers of a master, whoever has begun it. It returns
// after that is saved.
func (s *Sentinel) Resume(ctx context.Context, name string) error {
	return s.call(ctx, name, monitor.PauseOp{Name: name, Resume: true})
}

// Failovers returns why and how the last failovers of a master happened, newest first:
// at most n of them, or all that are kept if n is 0. One that goes on is told as far as
// it has come. They belong to the caller. The error is [ErrNoSuchMaster],
// [ErrNotRunning], or that of ctx.
//
// Reports are kept in a file beside StateFile, or in memory without one, and
// Limits.JournalBytes bounds them.
func (s *Sentinel) Failovers(ctx context.Context, name string, n int) ([]journal.Report, error) {
	list, ok, err := s.node.Failovers(ctx, name, max(n, 0))
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, refusal(name, monitor.ErrNoSuchMaster)
	}
	return list, nil
}

// nextID returns the least id that a report of an attempt which is about to begin can
// have: that of one that goes on, which an order may join, or a later one.
func (s *Sentinel) nextID(ctx context.Context, name string) (uint64, error) {
	list, err := s.Failovers(ctx, name, 1)
	switch {
	case err != nil || len(list) == 0:
		return 0, err
	case list[0].Over():
		return list[0].ID + 1, nil
	}
	return list[0].ID, nil
}

// reportSince returns the first report about a master, from an id on, of an attempt
// that this Sentinel led; the zero value when there is none.
func (s *Sentinel) reportSince(ctx context.Context, name string, id uint64) (found journal.Report) {
	list, err := s.Failovers(ctx, name, 0)
	if err != nil {
		return journal.Report{}
	}
	for _, r := range list { // newest first
		if r.ID >= id && r.Led {
			found = r
		}
	}
	return found
}
