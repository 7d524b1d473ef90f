package node

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosentinel/sentinel/internal/logfile"
	"github.com/gosentinel/sentinel/monitor"
)

// Policy is the say that the program has in failovers. Hooks that are nil are not asked;
// the zero value has none.
type Policy struct {
	Allow  func(context.Context, monitor.PolicyAttempt) monitor.PolicyAnswer
	Choose func(context.Context, monitor.PolicyAttempt, []monitor.PolicyCandidate) monitor.ChoiceAnswer
	Phase  func(monitor.PolicyPhase)

	Timeout time.Duration // 0: monitor.DefaultPolicyTimeout
	Refuse  bool          // no answer counts as a veto
}

func (p *Policy) core() monitor.Policy {
	return monitor.Policy{Allow: p.Allow != nil, Choose: p.Choose != nil, Phases: p.Phase != nil, Timeout: p.Timeout, Refuse: p.Refuse}
}

// Limits of what hooks can cost.
const (
	hooksAtOnce   = 64  // questions that a hook has not answered yet; further ones get no answer
	phasesWaiting = 256 // phases that wait for the hook; further ones are dropped
	hooksPatience = time.Second
)

// policyShell asks the hooks. What they do cannot hold up the loop: each question has a
// goroutine of its own, and the core goes on without those that do not answer.
type policyShell struct {
	policy  Policy
	ctx     context.Context
	cancel  context.CancelFunc
	deliver func(monitor.Input)
	log     logfile.Sink
	running chan struct{}
	phases  chan monitor.PolicyPhase
	work    sync.WaitGroup
	behind  atomic.Bool // phases are being dropped
}

func newPolicyShell(ctx context.Context, p Policy, deliver func(monitor.Input), log logfile.Sink) *policyShell {
	if p.Timeout <= 0 {
		p.Timeout = monitor.DefaultPolicyTimeout
	}
	s := &policyShell{policy: p, deliver: deliver, log: log, running: make(chan struct{}, hooksAtOnce), phases: make(chan monitor.PolicyPhase, phasesWaiting)}
	s.ctx, s.cancel = context.WithCancel(ctx)
	if p.Phase != nil {
		s.work.Go(s.tellPhases)
	}
	return s
}

// do carries out an effect that concerns the policy. It does not block.
func (s *policyShell) do(e monitor.Effect) {
	switch e := e.(type) {
	case monitor.AskPolicy:
		s.ask("Allow", func(ctx context.Context) monitor.Input {
			a := s.policy.Allow(ctx, e.Attempt)
			a.Seq = e.Seq
			return a
		}, func(why string) monitor.Input { return monitor.PolicyAnswer{Seq: e.Seq, Failed: why} })
	case monitor.AskChoice:
		s.ask("Choose", func(ctx context.Context) monitor.Input {
			a := s.policy.Choose(ctx, e.Attempt, e.Candidates)
			a.Seq = e.Seq
			return a
		}, func(why string) monitor.Input { return monitor.ChoiceAnswer{Seq: e.Seq, Failed: why} })
	case monitor.PolicyPhase:
		select {
		case s.phases <- e:
			s.behind.Store(false)
		default:
			if !s.behind.Swap(true) {
				s.log.Log(monitor.LevelWarning, "The hook for phases of failovers does not return: it is not told of all of them")
			}
		}
	}
}

// ask calls a hook in a goroutine of its own, and delivers what it returns.
func (s *policyShell) ask(name string, hook func(context.Context) monitor.Input, failed func(why string) monitor.Input) {
	select {
	case s.running <- struct{}{}:
	default:
		s.log.Log(monitor.LevelWarning, fmt.Sprintf("%d calls of the hooks for failovers have not returned: %s is not called", hooksAtOnce, name))
		return // the core goes on without an answer
	}
	s.work.Go(func() {
		defer func() { <-s.running }()
		ctx, cancel := context.WithTimeout(s.ctx, s.policy.Timeout)
		defer cancel()
		in := failed(name + " did not return")
		defer func() { s.deliver(in) }() // also where the hook ends its goroutine
		s.guard(name, func() { in = hook(ctx) })
	})
}

func (s *policyShell) tellPhases() {
	ended := false
	defer func() {
		if !ended { // the hook has ended its goroutine
			s.work.Go(s.tellPhases)
		}
	}()
	for {
		select {
		case e := <-s.phases:
			s.guard("Phase", func() { s.policy.Phase(e) })
		case <-s.ctx.Done():
			ended = true
			return
		}
	}
}

// guard calls a hook, and logs it if that panics.
func (s *policyShell) guard(name string, hook func()) {
	defer func() {
		if r := recover(); r != nil {
			s.log.Log(monitor.LevelWarning, fmt.Sprintf("The hook %s panicked: %.200s (%s)", name, fmt.Sprint(r), panicked()))
		}
	}()
	hook()
}

// panicked returns file and line of the code that panicked. It is called by the function
// that recovers.
func panicked() string {
	callers := make([]uintptr, 16)
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers)])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") {
			return fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}

// close ends what runs. A hook that does not return in time is left behind.
func (s *policyShell) close() {
	s.cancel()
	ended := make(chan struct{})
	go func() { s.work.Wait(); close(ended) }()
	timer := time.NewTimer(hooksPatience)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		s.log.Log(monitor.LevelWarning, "A hook for failovers does not return although its context has ended; it is left behind")
	}
}
