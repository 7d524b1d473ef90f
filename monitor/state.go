package monitor

import (
	"fmt"
	"time"
)

// Defaults of a monitored master (wire.md §12, Constants).
const (
	DefaultDownAfter       = 30 * time.Second
	DefaultFailoverTimeout = 180 * time.Second
	DefaultParallelSyncs   = 1
)

// State is everything that must survive a restart: what the operator configured
// and what this Sentinel promised or learned. The core hands out a fresh State
// with every [Persist]; a file codec turns it into bytes and back.
//
// A State is a value: its receiver may keep it, and must not change it or what it
// points to. A master that has not changed is the same pointer in the next State.
type State struct {
	Options      Options
	CurrentEpoch Epoch
	// EpochsUnknown says that the file has an id but no current epoch, so that
	// votes may be lost also about masters that are monitored later. The core
	// never sets it: what it saves has an epoch.
	EpochsUnknown bool
	Masters       []*MasterState // in the order in which they were configured
}

// Options are the process-wide settings that the core acts on and that can be
// changed at run time. The zero value is the default of every field, except
// that a State read from a file has a MyID or gets one before it is used.
type Options struct {
	MyID                 RunID
	AnnounceIP           string // "": use the local address of each link
	AnnouncePort         int    // 0: use the listening port
	ResolveHostnames     bool
	AnnounceHostnames    bool
	SentinelUser         string // AUTH towards other Sentinels; "" = none
	SentinelPass         string // "" = none (requirepass is used if set)
	Observe              bool   // watch and report only
	AllowScriptsReconfig bool   // the inverse of deny-scripts-reconfig, whose default is yes
	Guards               Guards // of masters that do not say otherwise
}

// MasterConfig is what an operator says about one master.
type MasterConfig struct {
	Name                 string
	Addr                 Addr // the current master address, also after a failover
	Quorum               int
	DownAfter            time.Duration // 0: DefaultDownAfter
	FailoverTimeout      time.Duration // 0: DefaultFailoverTimeout
	ParallelSyncs        int           // 0: DefaultParallelSyncs
	AuthUser             string
	AuthPass             string
	NotificationScript   string
	ClientReconfigScript string
	RebootDownAfter      time.Duration // 0: rule off
	NeverLead            bool          // "can-failover no": vote, but never start a failover
	Rename               *RenameTable  // nil: no command is renamed
	PlannedFailover      PlannedFailover
	// EmptyPromotionGrace is how long no replica without keys is promoted after a
	// master that had some went down. 0: without end if that master keeps its data
	// on disk, else 10 s.
	EmptyPromotionGrace time.Duration
	// HoldUnconfirmed has a master that was restarted while this Sentinel did not run held
	// back until a majority confirms that it is the master, however long that takes. Without
	// it, it is held for a second at most.
	HoldUnconfirmed bool
	// AcceptEmpty has the lineage guard take a master as it is, once, that comes back
	// without its data.
	AcceptEmpty bool
	Guards      Guards
	// DownAfterRefused is for how long the host of the master must refuse connections
	// after its process has ended, until that counts as down; 0: until DownAfter is over.
	DownAfterRefused time.Duration
	// ReplicaExpire is for how long a replica must be down, and not be named by its
	// master, until it is forgotten; 0: for ever.
	ReplicaExpire time.Duration
}

// MasterState is one master with everything learned about it.
type MasterState struct {
	MasterConfig
	ConfigEpoch Epoch
	// LeaderEpoch is the epoch of the last vote given for this master. The
	// candidate is not saved: after a restart no second vote can be given in
	// that epoch anyway.
	LeaderEpoch Epoch
	// VoteUnknown says that the file has an id or an epoch but no leader-epoch
	// line for this master, so that a vote may have been lost. The core then
	// treats every epoch up to the current one as voted in, and gives no vote
	// before it has heard the epochs of other Sentinels (invariant S3).
	VoteUnknown bool
	// Lineage is what the master had when it was last heard. After a restart while it
	// is down, the choice of a replica depends on it (state-machine.md §6.12, Lineage).
	Lineage Lineage
	// RunID is that of the process that was the master when it was last heard; "": not known.
	RunID RunID
	// ExMasters are its predecessors that do not follow it yet, the oldest first.
	ExMasters []ExMaster
	// Pause is what an operator has said last about failovers of this master.
	Pause FailoverPause
	// Tombstones are of the members that operators have had forgotten lately, in the order
	// in which this Sentinel has heard of that.
	Tombstones []Tombstone
	// Fenced is how many Sentinels there were when this one paused the writes of the
	// master, which may be isolated; 0: it has not.
	Fenced    int
	Replicas  []Addr
	Sentinels []KnownSentinel
}

// KnownSentinel is a peer of this Sentinel for one master.
type KnownSentinel struct {
	Addr Addr
	ID   RunID
}

// String returns the state of the master as a line of text for people. It has its
// passwords.
func (m *MasterState) String() string {
	type plain MasterState // without this method
	return fmt.Sprintf("%+v", plain(*m))
}

// State returns everything that must survive a restart, as it is now.
func (c *Core) State() State {
	s := State{Options: c.opts, CurrentEpoch: c.epoch, Masters: make([]*MasterState, len(c.masters))}
	for k, m := range c.masters {
		s.Masters[k] = m.state()
	}
	return s
}

// kept is what has been saved of a master, so that a save takes time only for what has
// changed since.
type kept struct {
	state *MasterState // nil: nothing yet
	stale bool         // the state has changed
	aged  bool         // nothing but the offset in its lineage has
}

// outdated notes that the state of m has changed. A line that forgets to call it would
// keep a vote out of the file.
func (m *master) outdated() { m.kept.stale = true }

// maxAged bounds for how many masters a save also takes an offset that is not worth a
// write: offsets grow all the time, of all masters.
const maxAged = 32

// toSave is State for the next save.
func (c *Core) toSave() State {
	s := State{Options: c.opts, CurrentEpoch: c.epoch, Masters: make([]*MasterState, len(c.masters))}
	aged := 0
	for k, m := range c.masters {
		if m.kept.aged && aged < maxAged {
			aged++
			m.kept.stale = true
		}
		if m.kept.stale || m.kept.state == nil {
			m.kept = kept{state: m.state()}
		}
		s.Masters[k] = m.kept.state
	}
	return s
}

// state is what is saved about one master. From the confirmation of a promotion
// on, the promoted address is the master and the old master takes its place
// among the replicas, so that a restart in the middle of a failover starts with
// the right roles.
func (m *master) state() *MasterState {
	ms := &MasterState{MasterConfig: m.cfg, ConfigEpoch: m.configEpoch, LeaderEpoch: m.ledger.Epoch}
	ms.Pause = m.pause.FailoverPause
	ms.RunID = m.knownRunID()
	for _, e := range m.exMasters {
		ms.ExMasters = append(ms.ExMasters, e.ExMaster)
	}
	ms.Tombstones = m.savedTombstones()
	ms.Fenced = m.isolation.saved(m.current())
	ms.Lineage = m.lineage
	ms.Lineage.Keys = m.hadKeys
	ms.VoteUnknown = m.recall.lost && m.voteSeq == 0 // a vote for itself must be saved
	ms.Addr = m.current()
	for _, r := range m.replicas {
		if r == m.promoted && m.attempt.Published() {
			ms.Replicas = append(ms.Replicas, m.addr)
		} else {
			ms.Replicas = append(ms.Replicas, r.addr)
		}
	}
	for _, p := range m.peers {
		ms.Sentinels = append(ms.Sentinels, KnownSentinel{Addr: p.addr, ID: p.runID})
	}
	return ms
}
