package sentinel

import (
	"context"
	"fmt"
	"time"

	"github.com/gosentinel/sentinel/internal/node"
	"github.com/gosentinel/sentinel/monitor"
)

// Policy is the say of a control plane in the failovers that this Sentinel makes. It
// can hold one back and say which replica it prefers. It cannot bring a failover about,
// nor have a replica promoted that lacks data which another one has. The zero value
// says nothing and costs nothing.
//
// Hooks are called outside of all that a Sentinel decides, and may take their time, up
// to Timeout; several can run at once. What one returns later, or with an error, or as
// it panics, does not count, and the log says so.
//
// It concerns this Sentinel only. To keep all of them from a failover, use
// [Sentinel.Pause].
type Policy struct {
	// Allow is asked before a failover begins: by itself, or because somebody asks for
	// it, unless that one forces it. It is asked again when a delay is over, and 10 s
	// after a veto, as long as the failover is wanted.
	Allow func(context.Context, Attempt) (Decision, error)

	// Choose returns the candidates that it prefers, the best one first. It is asked
	// where there are several that could be promoted, and its order takes the place of
	// replica-priority: who has more of the master's data comes first in any case. Those
	// that it leaves out come last.
	Choose func(context.Context, Attempt, []Candidate) ([]Candidate, error)

	// Phase is told which phase a failover has reached. The calls come one at a time and
	// in order; those that a slow hook does not keep up with are dropped.
	Phase func(Attempt, Phase)

	// Timeout is how long Allow and Choose may take, at most 24 hours; 0: 2 s.
	Timeout time.Duration

	// VetoByDefault makes a failover wait where Allow does not decide. Without it the
	// failover goes ahead.
	VetoByDefault bool
}

// Attempt is a failover of one master.
type Attempt struct {
	Master  string
	Addr    string // "host:port" of the master
	Ordered bool   // somebody asks for it, and it is not the Sentinel's own
	Planned bool   // the master serves: no write will be lost
	Epoch   uint64 // of the election; 0 before votes are asked for
}

// Candidate is a replica that might be promoted.
type Candidate struct {
	Addr     string // "host:port"
	RunID    string
	Verdict  string        // why it must not be promoted; "" when it may be
	Priority int           // replica-priority
	Offset   uint64        // how far it has come in its history
	Behind   uint64        // by how many bytes another one has more of the same history
	LinkDown time.Duration // for how long its link to the master has been down; negative: it was never synchronised
	Data     string        // how much it has of the master's data: "whole", "successor", "empty" and others
	Zone     string        // availability-zone of Valkey; "" when the server does not tell one
}

// Decision is what Allow decides. The zero value lets the failover go.
type Decision struct {
	verdict monitor.PolicyVerdict
	delay   time.Duration
	reason  string
}

// Go lets a failover begin.
func Go() Decision { return Decision{} }

// Delay has Allow be asked again after d, which must be positive; more than 24 hours count
// as 24 hours. The reason is shown to operators: a line of at most 256 bytes, or "".
func Delay(d time.Duration, reason string) Decision {
	return Decision{verdict: monitor.PolicyDelay, delay: d, reason: reason}
}

// Veto keeps a failover from beginning. The reason is as with [Delay].
func Veto(reason string) Decision { return Decision{verdict: monitor.PolicyVeto, reason: reason} }

// Phase is how far a failover has come.
type Phase string

// The phases in their order. PhaseOver follows the last one, and an abort in any phase.
const (
	PhasePreparation Phase = "preparation" // a planned one waits for a replica that is ready; hooks are not told
	PhaseElection    Phase = "election"    // votes are asked for
	PhaseChoice      Phase = "choice"      // the replica is chosen
	PhasePromotion   Phase = "promotion"   // it is told to be the master
	PhaseWait        Phase = "wait"        // it has been told, and has not confirmed it
	PhaseReconf      Phase = "reconf"      // it is the master; the other replicas are told to follow it
	PhaseOver        Phase = "over"
)

// phases are those by the names that SENTINEL MASTER shows.
var phases = map[string]Phase{
	"wait_start": PhaseElection, "select_slave": PhaseChoice, "send_slaveof_noone": PhasePromotion,
	"wait_promotion": PhaseWait, "reconf_slaves": PhaseReconf, "none": PhaseOver,
}

// VetoError says that [Policy.Allow] does not want a failover that was asked for.
type VetoError struct {
	Master string
	Reason string // in words: a veto or a delay, and why
}

// Error returns all of it.
func (e *VetoError) Error() string {
	return fmt.Sprintf("sentinel: master %q: the failover is not wanted: %s", e.Master, e.Reason)
}

// node returns the hooks in the form of the core.
func (p Policy) node() node.Policy {
	n := node.Policy{Timeout: p.Timeout, Refuse: p.VetoByDefault}
	if p.Allow != nil {
		n.Allow = func(ctx context.Context, a monitor.PolicyAttempt) monitor.PolicyAnswer {
			d, err := p.Allow(ctx, attempt(a))
			return monitor.PolicyAnswer{Verdict: d.verdict, For: d.delay, Reason: d.reason, Failed: failure(ctx, err)}
		}
	}
	if p.Choose != nil {
		n.Choose = func(ctx context.Context, a monitor.PolicyAttempt, list []monitor.PolicyCandidate) monitor.ChoiceAnswer {
			candidates := make([]Candidate, len(list))
			known := map[string]monitor.HostPort{}
			for i, c := range list {
				candidates[i] = Candidate{
					Addr: c.Addr.String(), RunID: string(c.RunID), Verdict: c.Verdict, Priority: c.Priority, Offset: c.Offset,
					Behind: c.Behind, LinkDown: c.LinkDown, Data: c.Data, Zone: c.Zone,
				}
				known[candidates[i].Addr] = c.Addr
			}
			chosen, err := p.Choose(ctx, attempt(a), candidates)
			answer := monitor.ChoiceAnswer{Failed: failure(ctx, err)}
			for _, c := range chosen[:min(len(chosen), len(list))] {
				at, ok := known[c.Addr]
				if !ok {
					at = monitor.HostPort{Host: c.Addr} // the core says that it is none
				}
				answer.Order = append(answer.Order, at)
			}
			return answer
		}
	}
	if p.Phase != nil {
		n.Phase = func(e monitor.PolicyPhase) {
			if phase, ok := phases[e.Phase.String()]; ok {
				p.Phase(attempt(e.Attempt), phase)
			}
		}
	}
	return n
}

func attempt(a monitor.PolicyAttempt) Attempt {
	return Attempt{Master: a.Master, Addr: a.Addr.String(), Ordered: a.Ordered, Planned: a.Planned, Epoch: uint64(a.Epoch)}
}

// failure says why a hook has failed; "" when it has not.
func failure(ctx context.Context, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case ctx.Err() != nil:
		return "it answered after its time"
	}
	return ""
}
