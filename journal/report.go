package journal

import (
	"log/slog"
	"slices"
	"time"
)

// Report is what one Sentinel knows about one attempt to move a master. It is a
// snapshot that belongs to its receiver. The zero value says nothing.
//
// Two Sentinels that report the same failover agree on Master, Epoch, From and To;
// what each has seen of the rest differs, and so do their clocks.
type Report struct {
	// ID is the number of this report in the journal of its Sentinel: when it began, in
	// milliseconds since 1970, or the next free number after that. Later reports have
	// greater ones.
	ID uint64 `json:"id"`
	// Master is the name of the master.
	Master string `json:"master"`
	// Kind is what sort of attempt it was.
	Kind Kind `json:"kind"`
	// Cause is why it began, and Detail says more in words.
	Cause  Cause  `json:"cause"`
	Detail string `json:"detail,omitempty"`
	// Led says that the Sentinel which tells of the attempt led it, or tried to.
	Led bool `json:"led"`
	// Leader led the attempt, as far as that is known; the zero value when it is not.
	// Of an attempt that it watches, a Sentinel knows for whom it voted and who told
	// it the outcome: where both are one Sentinel, that is taken to be the leader. It can
	// be another, when the votes were split.
	Leader Sentinel `json:"leader,omitzero"`
	// Epoch is the epoch of the last election of the attempt, which the new
	// configuration then carries; 0 when there was none.
	Epoch uint64 `json:"epoch,omitempty"`
	// From is the address of the master when the attempt began, as "host:port", and To
	// the one that took its place; "" when none did, or none is known.
	From string `json:"from"`
	To   string `json:"to,omitempty"`
	// Begun and Ended are times of the wall clock of the Sentinel. Ended is zero while
	// the attempt goes on.
	Begun time.Time `json:"begun"`
	Ended time.Time `json:"ended,omitzero"`
	// Outcome is how the attempt ended, [Open] before; Reason says more in words.
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason,omitempty"`
	// Held says why the Sentinel which tells of the attempt did not begin it at once
	// although it could have: a veto or a delay of the embedding program, or a pause. The
	// last reason counts, and the phase [PhaseHeld] says for how long. "": it was not held.
	Held string `json:"held,omitempty"`
	// Quorum is how many Sentinels had to say that the master was down, Down who did.
	Quorum int          `json:"quorum,omitempty"`
	Down   []Accusation `json:"down,omitempty"`
	// Votes are the answers to the vote requests of an attempt that was led, and of a
	// watched one the vote of this Sentinel.
	Votes []Vote `json:"votes,omitempty"`
	// Candidates are the replicas as they were when the one to promote was chosen, or
	// when none could be. Only the leader knows them.
	Candidates []Candidate `json:"candidates,omitempty"`
	// Phases are the parts of the attempt in order, each until the next begins.
	Phases []Phase `json:"phases,omitempty"`
	// Lost is what is known of writes that the new master lacks.
	Lost Loss `json:"lost,omitzero"`
	// Notes are what else happened, in order.
	Notes []Note `json:"notes,omitempty"`
	// Omitted counts entries that were left out of the lists because there were too
	// many.
	Omitted int `json:"omitted,omitempty"`
}

// Sentinel names a Sentinel.
type Sentinel struct {
	ID   string `json:"id"`
	Addr string `json:"addr,omitempty"` // "host:port"; "" when it is not known
}

// Accusation is a Sentinel's word that a master is down.
type Accusation struct {
	By Sentinel `json:"by"`
	// Self marks the Sentinel that tells of it.
	Self bool      `json:"self,omitempty"`
	At   time.Time `json:"at"` // when it was seen, or heard
}

// Vote is what a Sentinel answered to a vote request.
type Vote struct {
	By   Sentinel `json:"by"`
	Self bool     `json:"self,omitempty"` // the Sentinel that tells of it
	// For is the id of the candidate; "" when no vote was given, and when no answer
	// came.
	For   string `json:"for,omitempty"`
	Epoch uint64 `json:"epoch,omitempty"` // at which it was given
	// Silent says that no answer came before the election ended.
	Silent bool `json:"silent,omitempty"`
}

// Candidate is a replica at the moment of the choice.
type Candidate struct {
	Addr  string `json:"addr"` // "host:port"
	RunID string `json:"run_id,omitempty"`
	// Chosen says that it was promoted, or was to be.
	Chosen bool `json:"chosen,omitempty"`
	// Verdict says in words why it was chosen or was not, for example "30 s without
	// its master", "never synchronised" or "priority 0".
	Verdict string `json:"verdict"`
	// Priority is its replica-priority, where a lower number is better and 0 means
	// never.
	Priority int `json:"priority"`
	// Offset is up to where it had applied the stream of its master, in bytes.
	Offset uint64 `json:"offset"`
	// LinkDown is for how long its link to the master had been down; 0 while that is
	// up, negative when it was never synchronised.
	LinkDown time.Duration `json:"-"`
	// Heard is how old its last INFO was; negative when there was none.
	Heard time.Duration `json:"-"`
	// Data says how much of the data of the master it had, in a word of
	// state-machine.md §6.12, Lineage: "successor", "whole", "replaced", "strange",
	// "reading", "stale" or "empty".
	Data string `json:"data,omitempty"`
}

// Phase is a part of an attempt.
type Phase struct {
	Name  string    `json:"name"`
	Begun time.Time `json:"begun"`
	// Took is how long it lasted; 0 for one that has not ended.
	Took time.Duration `json:"-"`
}

// The names of phases, in the order in which an attempt passes through them. Not
// every attempt has all.
const (
	PhaseSilence     = "silence"         // the master does not answer, and does not yet count as down
	PhaseAgreement   = "agreement"       // this Sentinel takes it to be down, and asks the others
	PhaseCandidacy   = "candidacy"       // enough agree; who is to stand for election?
	PhaseHeld        = "held"            // an operator has paused failovers, or the embedding program holds it back
	PhasePreparation = "preparation"     // a planned switchover waits for a replica that is ready
	PhaseElection    = "election"        // votes are asked for
	PhaseChoice      = "choice"          // of the replica to promote
	PhasePause       = "pause"           // the writes of the old master are being paused
	PhaseCatchUp     = "catch-up"        // the replica applies what was written before
	PhaseDemotion    = "demotion"        // the old master is told to take no more writes
	PhaseSettling    = "settling"        // the replica applies the rest
	PhasePromotion   = "promotion"       // the replica is told to be the master, until it says that it is
	PhaseReconf      = "reconfiguration" // the other replicas are pointed at the new master
	PhaseVoted       = "voted"           // another Sentinel has the vote of this one, and acts
)

// Loss is what is known of writes that the old master had and the new one lacks.
type Loss struct {
	// Known says that the rest means something: both have told their offsets, in one
	// history.
	Known bool `json:"known"`
	// Bytes of the replication stream are possibly lost: what the old master had when
	// it was last heard, less what the new one had when it was promoted. What the old
	// master took after it was last heard is not counted, since nobody knows of it.
	Bytes uint64 `json:"bytes"`
	// MasterOffset and PromotedOffset are the two offsets.
	MasterOffset   uint64 `json:"master_offset,omitempty"`
	PromotedOffset uint64 `json:"promoted_offset,omitempty"`
	// Heard is when the old master told its offset; zero when that is not known.
	Heard time.Time `json:"heard,omitzero"`
	// Why says why nothing is known.
	Why string `json:"why,omitempty"`
}

// Note is one thing that happened in an attempt.
type Note struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// Over reports whether the attempt has ended.
func (r Report) Over() bool { return r.Outcome != Open }

// Duration returns how long the attempt took, from the first sign to its end; 0 while
// it goes on.
func (r Report) Duration() time.Duration {
	if r.Ended.IsZero() {
		return 0
	}
	return r.Ended.Sub(r.Start())
}

// Start returns when the first phase began: before [Report.Begun] by the time that
// passed until the master counted as down.
func (r Report) Start() time.Time {
	if len(r.Phases) > 0 && r.Phases[0].Begun.Before(r.Begun) {
		return r.Phases[0].Begun
	}
	return r.Begun
}

// Promoted reports whether the master has moved.
func (r Report) Promoted() bool { return r.Outcome == Promoted }

// Clone returns a copy that shares nothing with r.
func (r Report) Clone() Report {
	r.Down, r.Votes, r.Candidates = slices.Clone(r.Down), slices.Clone(r.Votes), slices.Clone(r.Candidates)
	r.Phases, r.Notes = slices.Clone(r.Phases), slices.Clone(r.Notes)
	return r
}

// LogValue implements [slog.LogValuer] with what a line can hold: the report without
// its lists, each phase as how long it took, and the sentence of [Report.String] as "text".
func (r Report) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.Uint64("id", r.ID), slog.String("master", r.Master), slog.Any("kind", r.Kind), slog.Any("cause", r.Cause),
		slog.Any("outcome", r.Outcome), slog.Bool("led", r.Led), slog.Uint64("epoch", r.Epoch),
		slog.String("from", r.From), slog.String("to", r.To), slog.Duration("took", r.Duration()),
	}
	for _, text := range []struct{ key, value string }{
		{"detail", r.Detail}, {"reason", r.Reason}, {"held", r.Held}, {"leader", r.Leader.ID}, {"leader_addr", r.Leader.Addr},
	} {
		if text.value != "" {
			attrs = append(attrs, slog.String(text.key, text.value))
		}
	}
	if r.Quorum > 0 {
		attrs = append(attrs, slog.Int("quorum", r.Quorum), slog.Int("down", len(r.Down)))
	}
	if r.Promoted() && r.Lost.Known {
		attrs = append(attrs, slog.Uint64("lost_bytes", r.Lost.Bytes))
	}
	if phases := r.phaseAttrs(); len(phases) > 0 {
		attrs = append(attrs, slog.Attr{Key: "phases", Value: slog.GroupValue(phases...)})
	}
	return slog.GroupValue(append(attrs, slog.String("text", r.String()))...)
}

// phaseAttrs returns how long each phase took, those of one name together.
func (r *Report) phaseAttrs() (attrs []slog.Attr) {
	took := map[string]time.Duration{}
	for _, p := range r.Phases {
		if _, known := took[p.Name]; !known {
			attrs = append(attrs, slog.Attr{Key: p.Name})
		}
		took[p.Name] += p.Took
	}
	for k := range attrs {
		attrs[k].Value = slog.DurationValue(took[attrs[k].Key])
	}
	return attrs
}
