package monitor

import "time"

// Tunables are the periods and limits of state-machine.md §0, Constants, and
// those of the waits that this implementation shortens (§12.2, What may be
// shortened). What each is for, and its default, is in its row of
// [TunableOptions]. Every duration must be positive.
type Tunables struct {
	// Those that SENTINEL DEBUG shows.
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

	// Those for tests and simulations.
	InfoFast       time.Duration
	InfoPoll       time.Duration // the failover waits for this answer
	PingFloor      time.Duration // a master is pinged every tenth of its down-after, but not more often
	AskFast        time.Duration
	DialTimeout    time.Duration
	FenceDial      time.Duration // see fence
	CandidacySlot  time.Duration // see [election.CandidacyDelay]
	Desync         time.Duration // exclusive
	SelectWait     time.Duration
	SelectPatience time.Duration
	ForceGrace     time.Duration
	PersistRetry   time.Duration
	PersistStall   time.Duration
	Heartbeat      time.Duration // well below TiltTrigger: a longer gap means a stalled process
}
