package election

import (
	"strings"
	"time"
)

// Replica holds what the choice of the replica to promote depends on.
type Replica struct {
	SDown     bool
	Connected bool
	LastAvail Instant // last acceptable PING reply
	LastInfo  Instant // last INFO reply; 0 when never
	Priority  int     // 0: never promote
	// LinkDown is how long its link to the master has been down; negative when
	// it has never been synchronised.
	LinkDown time.Duration
	Syncing  bool   // a full resynchronisation is replacing its data
	Loading  bool   // it is reading its data from the disk, or those of a resynchronisation
	Refused  bool   // it refused to be promoted, and not long ago
	Offset   uint64 // replication offset; 0 when it has none
	RunID    RunID
}

// completeness compares how much of the master's data a replica can hold: what
// is in the middle of being filled, or never was, comes behind what has no
// offset, as a server that was a master since its start has none.
func (r *Replica) completeness() int {
	switch {
	case r.LinkDown < 0 || r.Syncing || r.Loading:
		return 0
	case r.Offset == 0:
		return 1
	}
	return 2
}

// Rules are the limits that a replica must meet to be promoted
// (state-machine.md §6.2, Replica selection).
type Rules struct {
	Now         Instant
	MaxPingAge  time.Duration
	MaxInfoAge  time.Duration
	MaxLinkDown time.Duration
}

// Reject says why a replica must not be promoted, or "" when it may be.
func (r Rules) Reject(c Replica) string {
	switch {
	case c.SDown:
		return "it is subjectively down"
	case !c.Connected:
		return "its link is down"
	case c.Priority == 0:
		return "its replica-priority is 0"
	case r.Now.Sub(c.LastAvail) > r.MaxPingAge:
		return "it has not answered PING for too long"
	case c.LastInfo == 0 || r.Now.Sub(c.LastInfo) > r.MaxInfoAge:
		return "its last INFO reply is too old"
	case c.LinkDown > r.MaxLinkDown:
		return "it has been cut off from its master for too long"
	}
	return ""
}

// Select returns the index of the best acceptable replica, or -1. The order is
// lower priority number, larger offset, smaller run id without regard to case.
//
// Two rules come before these. A replica that has never been synchronised, or is
// loading or in a full resynchronisation, is taken only when there is no other.
// Stock Sentinel lets an empty replica with a better priority win, and the data
// of all others is then flushed. And one that refused to be promoted comes after
// those that did not, but not after empty ones: data weigh more than time.
func Select(rules Rules, replicas []Replica) int {
	best := -1
	for i, c := range replicas {
		if rules.Reject(c) == "" && (best < 0 || better(c, replicas[best])) {
			best = i
		}
	}
	return best
}

func better(a, b Replica) bool {
	if x, y := a.completeness(), b.completeness(); x != y {
		return x > y
	}
	if a.Refused != b.Refused {
		return b.Refused
	}
	if a.Priority != b.Priority {
		return a.Priority < b.Priority
	}
	if a.Offset != b.Offset {
		return a.Offset > b.Offset
	}
	if a.RunID == "" || b.RunID == "" {
		return a.RunID != "" && b.RunID == ""
	}
	return strings.ToLower(string(a.RunID)) < strings.ToLower(string(b.RunID))
}
