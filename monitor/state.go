package monitor

import "time"

// Defaults of a monitored master (wire.md §12).
const (
	DefaultDownAfter       = 30 * time.Second
	DefaultFailoverTimeout = 180 * time.Second
	DefaultParallelSyncs   = 1
)

// State is everything that must survive a restart: what the operator asked
// for and what this Sentinel promised or learned. The core hands out a fresh
// State with every [Persist]; a file codec turns it into bytes and back.
//
// A State is a value: whoever receives one may keep it, and nobody changes it.
type State struct {
	Options      Options
	CurrentEpoch Epoch
	Masters      []MasterState // in the order in which they were configured
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
	AllowScriptsReconfig bool   // the inverse of deny-scripts-reconfig, whose default is yes
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
}

// MasterState is one master with everything learned about it.
type MasterState struct {
	MasterConfig
	ConfigEpoch Epoch
	// LeaderEpoch is the epoch of the last vote given for this master. Whom the
	// vote went to is not saved: after a restart no second vote can be given in
	// that epoch anyway.
	LeaderEpoch Epoch
	// VoteUnknown says that the file has no leader-epoch line for this master,
	// so that a vote may have been forgotten. The core then treats every epoch
	// up to the current one as voted in (invariant S3).
	VoteUnknown bool
	Replicas    []Addr
	Sentinels   []KnownSentinel
}

// KnownSentinel is a peer of this Sentinel for one master.
type KnownSentinel struct {
	Addr Addr
	ID   RunID
}

// Renamed is one entry of a [RenameTable]: the command word From is sent as To.
type Renamed struct{ From, To string }

// RenameTable maps command words to the names that the servers of one master
// know them by (rename-command). It is immutable: a change makes a new table.
// The nil table renames nothing.
type RenameTable struct{ entries []Renamed }

// NewRenameTable returns a table of the given entries, in that order, or nil
// when there are none. Command words are compared without regard to case.
func NewRenameTable(entries ...Renamed) *RenameTable {
	if len(entries) == 0 {
		return nil
	}
	return &RenameTable{entries: append([]Renamed(nil), entries...)}
}

// Entries returns a copy of the table.
func (t *RenameTable) Entries() []Renamed {
	if t == nil {
		return nil
	}
	return append([]Renamed(nil), t.entries...)
}

// Map returns the word to send for command word cmd.
func (t *RenameTable) Map(cmd string) string {
	if t != nil {
		for _, e := range t.entries {
			if equalFoldASCII(e.From, cmd) {
				return e.To
			}
		}
	}
	return cmd
}

// With returns a table in which from is sent as to. Equal words remove the
// mapping, as SENTINEL SET rename-command documents.
func (t *RenameTable) With(from, to string) *RenameTable {
	var kept []Renamed
	for _, e := range t.Entries() {
		if !equalFoldASCII(e.From, from) {
			kept = append(kept, e)
		}
	}
	if !equalFoldASCII(from, to) {
		kept = append(kept, Renamed{from, to})
	}
	return NewRenameTable(kept...)
}

func equalFoldASCII(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		x, y := a[i], b[i]
		if 'A' <= x && x <= 'Z' {
			x += 'a' - 'A'
		}
		if 'A' <= y && y <= 'Z' {
			y += 'a' - 'A'
		}
		if x != y {
			return false
		}
	}
	return true
}
