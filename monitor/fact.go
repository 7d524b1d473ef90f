package monitor

import "time"

// Fact is what a [Note] tells. The set is closed: every fact is a type of this file.
// Facts are data that may be kept and shared.
type Fact interface{ isFact() }

// DownCause is why a master counts as down.
type DownCause uint8

// The causes. DownRole: the server says that it is a replica. DownNoData: it is back
// without data that a replica has. DownRestart: it was restarted, and
// reboot-down-after says that this is enough. DownRefused: a connection to it is
// refused. DownGone: its process has ended, as refusals prove.
const (
	DownSilent DownCause = iota
	DownRefused
	DownRole
	DownNoData
	DownRestart
	DownGone
)

// DownFact tells why a master counts as down, right before [SDown].
type DownFact struct {
	Cause  DownCause
	Detail string // in words; "" when there is no more to say
	// Since is when the first sign of it was seen, such as the PING that was not
	// answered.
	Since Instant
	// Offset is how far the master had come in its history when it was heard last, at
	// OffsetAt; 0: never.
	Offset   uint64
	OffsetAt Instant
}

// OpinionFact tells that another Sentinel has begun, or ceased, to say that the
// master is down.
type OpinionFact struct {
	ID   RunID
	Addr HostPort
	Down bool
}

// AttemptKind is how an attempt has come about.
type AttemptKind uint8

// The kinds. AttemptForced was ordered by an operator, without a switchover;
// AttemptStock is one of a master that serves, in the way of stock.
const (
	AttemptAutomatic AttemptKind = iota
	AttemptForced
	AttemptStock
	AttemptSwitchover
	AttemptTakeover
)

// HeldFact tells that no failover of a master that is down is begun, because an operator
// has paused them. Where the program around the core holds one back, [event.FailoverHeld]
// tells it.
type HeldFact struct{ Reason string }

// PrepareFact tells that a switchover which somebody asked for is being prepared. No
// votes are asked for before [AttemptFact].
type PrepareFact struct {
	Stock   bool
	Program bool // the program around the core asked for it
}

// AttemptFact tells that an election was begun, or repeated at a higher epoch.
type AttemptFact struct {
	Kind    AttemptKind
	Program bool // the program around the core asked for it
	Epoch   Epoch
	Quorum  int
	Voters  []Voter // the other Sentinels
}

// Voter is another Sentinel that has a vote.
type Voter struct {
	ID        RunID
	Addr      HostPort
	Reachable bool
}

// VoteFact tells what another Sentinel has answered to a vote request.
type VoteFact struct {
	ID    RunID
	Addr  HostPort
	For   RunID // "" when it gave none
	Epoch Epoch
}

// GrantFact tells that this Sentinel gives its vote to another, before
// [VoteForLeader] tells that the vote is on disk.
type GrantFact struct {
	For     RunID
	Addr    HostPort // the zero value when it is not known
	Epoch   Epoch
	Planned bool // it leads a switchover
	// Patience is for how long an outcome can be waited for.
	Patience time.Duration
}

// CandidatesFact tells what was known of the replicas when one was chosen, or when
// none could be.
type CandidatesFact struct{ Replicas []CandidateFact }

// CandidateFact is a replica as the choice saw it.
type CandidateFact struct {
	Addr     HostPort
	RunID    RunID
	Chosen   bool
	Verdict  string // in words: why it was chosen, or was not
	Priority int
	Offset   uint64
	LinkDown time.Duration // of its link to the master; negative: never synchronised
	Heard    Instant       // its last INFO; 0: never
	Data     string        // how much of the data of the master it has
}

// StageFact tells how far a switchover has come between the choice and the promotion.
type StageFact struct{ Stage string }

// LossFact tells how far the old master had come in its history when it was heard
// last, and from where on the new one has another.
type LossFact struct {
	Promoted   bool // the new one was promoted by this Sentinel
	Comparable bool // they share a history; else the rest means nothing
	Had        uint64
	Took       uint64
}

func (DownFact) isFact()       {}
func (OpinionFact) isFact()    {}
func (HeldFact) isFact()       {}
func (PrepareFact) isFact()    {}
func (AttemptFact) isFact()    {}
func (VoteFact) isFact()       {}
func (GrantFact) isFact()      {}
func (CandidatesFact) isFact() {}
func (StageFact) isFact()      {}
func (LossFact) isFact()       {}
