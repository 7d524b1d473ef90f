package monitor

import "time"

// Tunables are the periods and limits of state-machine.md §0, and those of the
// waits that this implementation shortens (§12.2). The first group is what
// SENTINEL DEBUG shows. Every duration must be positive.
type Tunables struct {
	InfoPeriod             time.Duration
	PingPeriod             time.Duration
	AskPeriod              time.Duration
	PublishPeriod          time.Duration
	DefaultDownAfter       time.Duration
	DefaultFailoverTimeout time.Duration
	TiltTrigger            time.Duration
	TiltPeriod             time.Duration
	ReconfTimeout          time.Duration // slave-reconf-timeout
	MinLinkReconnect       time.Duration
	ElectionTimeout        time.Duration

	// InfoFast is the INFO period of replicas whose master is in trouble.
	InfoFast time.Duration
	// InfoPoll is the INFO period of a replica that is just being promoted or
	// reconfigured: its answer is what the failover waits for.
	InfoPoll time.Duration
	// PingFloor bounds PING from below: a master is pinged every tenth of its
	// down-after period, but not more often than this.
	PingFloor time.Duration
	// AskFast is the gap between questions to a peer while the master is
	// subjectively but not yet objectively down, or an election is running.
	AskFast time.Duration
	// DialTimeout is how long a connection may take to be established.
	DialTimeout time.Duration
	// CandidacySlot is the unit of desynchronisation before a candidacy; see
	// [election.CandidacyDelay].
	CandidacySlot time.Duration
	// Desync is the exclusive bound of the random part of an attempt's start.
	Desync time.Duration
	// SelectWait bounds the wait for fresh INFO replies before the choice of a
	// replica, SelectPatience the wait for any acceptable replica at all.
	SelectWait     time.Duration
	SelectPatience time.Duration
	// ForceGrace is how long a manual failover asks for votes before it goes on
	// without them.
	ForceGrace time.Duration
	// PersistRetry is the pause before a failed save is tried again.
	PersistRetry time.Duration
	// PersistStall is how long a save may take before it counts as failed.
	PersistStall time.Duration
	// Heartbeat is the longest time between two steps of an idle core. It must
	// be well below TiltTrigger, because a longer gap means a stalled process.
	Heartbeat time.Duration
}
