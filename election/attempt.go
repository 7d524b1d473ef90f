package election

import (
	"fmt"
	"time"
)

// Phase is the state of a failover attempt (state-machine.md §6, Failover state
// machine).
type Phase uint8

// The phases in the order in which an attempt passes through them.
const (
	None Phase = iota
	WaitStart
	SelectReplica
	SendReplicaOfNoOne
	WaitPromotion
	ReconfReplicas
	UpdateConfig
)

var phaseNames = [...]string{
	"none", "wait_start", "select_slave", "send_slaveof_noone",
	"wait_promotion", "reconf_slaves", "update_config",
}

// String returns the text of field failover-state.
func (p Phase) String() string {
	if int(p) < len(phaseNames) {
		return phaseNames[p]
	}
	return "unknown"
}

// Attempt is the failover of one master by this Sentinel. The zero value is "no
// attempt is running, and none was ever made".
type Attempt struct {
	phase Phase

	// Epoch is the epoch at which votes are asked for and counted, and which
	// the new configuration will carry.
	Epoch Epoch
	// Begun is when the attempt was started; zero when there is none.
	Begun Instant
	// VotesAsked is when the election was begun or last repeated.
	VotesAsked Instant
	// Start is the base of the election deadline and of the wait before the
	// next attempt. It includes a random part, and it also moves when a vote is
	// given to another Sentinel. It outlives the attempt.
	Start Instant
	// Changed is when the phase was entered, or its election repeated.
	Changed Instant
	// Chosen is when the first replica of this attempt was chosen for promotion;
	// zero before.
	Chosen Instant
	// Forced marks a manual failover, which needs neither a master that is down
	// nor a majority.
	Forced bool
	// Restarts counts how often the election of this attempt was repeated at a
	// higher epoch.
	Restarts int
}

// Phase returns the current phase.
func (a *Attempt) Phase() Phase { return a.phase }

// InProgress reports whether an attempt is running.
func (a *Attempt) InProgress() bool { return a.phase != None }

// Published reports whether the promotion is confirmed, so that the promoted
// replica's address is the one to tell and the attempt cannot be aborted.
func (a *Attempt) Published() bool { return a.phase >= ReconfReplicas }

// Begin starts an attempt at epoch. The random desync postpones the abort and
// the next attempt, not this one (state-machine.md §5.2, Starting an attempt).
func (a *Attempt) Begin(now Instant, epoch Epoch, desync time.Duration, forced bool) {
	a.mustBeIn(None)
	*a = Attempt{phase: WaitStart, Epoch: epoch, Begun: now, VotesAsked: now, Start: now.Add(desync), Changed: now, Forced: forced}
}

// Restart repeats the election of a running attempt at a higher epoch. Begun and
// Start are unchanged (state-machine.md §12.2, What may be shortened: cautions).
func (a *Attempt) Restart(now Instant, epoch Epoch) {
	a.mustBeIn(WaitStart)
	if epoch <= a.Epoch {
		panic(fmt.Sprintf("election: attempt restarted at epoch %d, not above %d", epoch, a.Epoch))
	}
	a.Epoch, a.Changed, a.VotesAsked = epoch, now, now
	a.Restarts++
}

// Advance enters the next phase. It panics when to is not the phase that
// follows: phases are never skipped or repeated (invariant S17).
func (a *Attempt) Advance(to Phase, now Instant) {
	a.mustBeIn(to - 1)
	a.phase, a.Changed = to, now
	if to == SendReplicaOfNoOne && a.Chosen == 0 {
		a.Chosen = now
	}
}

// Reselect goes back to the choice of the replica, because the chosen one has
// refused. It must be certain that nothing was promoted.
func (a *Attempt) Reselect(now Instant) {
	a.mustBeIn(WaitPromotion)
	a.phase, a.Changed = SelectReplica, now
}

// Abort ends an attempt whose promotion is not confirmed yet. Start is kept, so
// that the next attempt is at least twice the failover timeout away.
func (a *Attempt) Abort(now Instant) {
	if a.phase == None || a.Published() {
		panic("election: abort in phase " + a.phase.String())
	}
	a.phase, a.Changed, a.Forced, a.Begun, a.VotesAsked, a.Chosen, a.Restarts = None, now, false, 0, 0, 0, 0
}

// Allow permits the next attempt at once, because the last one has changed nothing
// and those who voted for it are free.
func (a *Attempt) Allow() {
	a.mustBeIn(None)
	a.Start = 0
}

// Clear forgets everything, as a reset or a switch to a new address does.
func (a *Attempt) Clear() { *a = Attempt{} }

// Postpone records that a vote was given to another Sentinel: the next attempt
// of this one waits as if its last one had started at until.
func (a *Attempt) Postpone(until Instant) { a.Start = until }

// NextAllowed returns when the next automatic attempt may start: twice the
// failover timeout after the last one, at once if there was none.
func (a *Attempt) NextAllowed(failoverTimeout time.Duration) Instant {
	if a.Start == 0 {
		return 0
	}
	return a.Start.Add(2 * failoverTimeout)
}

// ElectionDeadline returns when a candidate that was not elected gives up.
func (a *Attempt) ElectionDeadline(failoverTimeout, electionTimeout time.Duration) Instant {
	return a.Start.Add(min(failoverTimeout, electionTimeout))
}

// PhaseDeadline returns when the current phase has lasted the failover timeout.
func (a *Attempt) PhaseDeadline(failoverTimeout time.Duration) Instant {
	return a.Changed.Add(failoverTimeout)
}

// PromotionDeadline returns when a promotion that is not confirmed is given up.
// Replicas that refuse one after the other do not put it off without end.
func (a *Attempt) PromotionDeadline(failoverTimeout time.Duration) Instant {
	return min(a.PhaseDeadline(failoverTimeout), a.Chosen.Add(2*failoverTimeout))
}

func (a *Attempt) mustBeIn(p Phase) {
	if a.phase != p {
		panic("election: attempt is in phase " + a.phase.String() + ", not in " + p.String())
	}
}
