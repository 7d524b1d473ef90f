package sentinel

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/internal/node"
	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

// Monitor starts monitoring a master, as SENTINEL MONITOR does, with all of its
// configuration. It returns after that is saved. If Addr names a host, it is
// resolved first. The error joins every mistake in cfg, or is [ErrMasterExists],
// [ErrNotSaved], [ErrNotRunning] or that of ctx.
func (s *Sentinel) Monitor(ctx context.Context, cfg MasterConfig) error {
	m, err := cfg.core(true)
	if err != nil {
		return err
	}
	port := m.Addr.Port
	if m.Addr, err = s.node.Resolve(ctx, m.Addr.Host); err != nil {
		return fmt.Errorf("sentinel: master %q: %w", cfg.Name, err)
	}
	m.Addr.Port = port
	return s.call(ctx, cfg.Name, monitor.MonitorOp{Master: m})
}

// Update changes the configuration of a master, as SENTINEL SET does: change is
// called once with the present one, and what it changed is applied. It must not call
// Update itself. Update returns after that is saved. Other changes that are made
// meanwhile stand, except to the same options. Name and Addr cannot be changed: Remove
// the master and Monitor it anew.
func (s *Sentinel) Update(ctx context.Context, name string, change func(*MasterConfig)) error {
	select { // one at a time
	case s.updating <- struct{}{}:
		defer func() { <-s.updating }()
	case <-ctx.Done():
		return ctx.Err()
	}
	before, err := ask(ctx, s, name, func(c *monitor.Core, _ monitor.Instant) (monitor.MasterConfig, bool) {
		return c.MasterConfig(name)
	})
	if err != nil {
		return err
	}
	was := masterConfig(before)
	cfg := masterConfig(before)
	change(&cfg)
	if cfg.Name != was.Name || cfg.Addr != was.Addr {
		return fmt.Errorf("sentinel: master %q: Update cannot change Name and Addr: Remove the master and Monitor it anew", name)
	}
	after, err := cfg.core(true)
	if err != nil {
		return err
	}
	op := monitor.SetOp{Name: name, Changes: changes(before, after.WithDefaults()), Own: true}
	if len(op.Changes) == 0 {
		return nil
	}
	return s.call(ctx, name, op)
}

// Remove stops monitoring a master, as SENTINEL REMOVE does. It returns after that is
// saved.
func (s *Sentinel) Remove(ctx context.Context, name string) error {
	return s.call(ctx, name, monitor.RemoveOp{Name: name})
}

// Reset forgets the replicas and the other Sentinels of a master, as SENTINEL RESET
// does, and learns anew which there are. It returns after that is saved.
func (s *Sentinel) Reset(ctx context.Context, name string) error {
	r, err := s.node.Call(ctx, monitor.ResetOp{Pattern: globQuote.Replace(name)})
	switch {
	case err != nil:
		return err
	case r.Err != nil:
		return refusal(name, r.Err)
	case r.Count == 0:
		return refusal(name, monitor.ErrNoSuchMaster)
	}
	return nil
}

// globQuote makes a pattern that matches one name only.
var globQuote = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// call carries out an operator's command about a master.
func (s *Sentinel) call(ctx context.Context, name string, op monitor.Op) error {
	r, err := s.node.Call(ctx, op)
	if err == nil && r.Err != nil {
		err = refusal(name, r.Err)
	}
	return err
}

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

// Health returns nil, or a [*HealthError] with the first thing that keeps this
// Sentinel from doing its work. It waits at most two seconds.
func (s *Sentinel) Health(ctx context.Context) error {
	check, reason, err := s.node.Health(ctx)
	switch {
	case ctx.Err() != nil && check == node.CheckLoop:
		return ctx.Err()
	case check == "":
		return nil
	}
	return &HealthError{Check: check, Reason: reason, err: err}
}
