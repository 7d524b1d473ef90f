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
	Offset   uint64 // replication offset
	RunID    RunID
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
// One rule comes before these: a replica that has never been synchronised is
// taken only when there is no other. Stock Sentinel lets an empty replica with
// a better priority win, and the data of all others is then flushed.
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
	if x, y := a.LinkDown < 0, b.LinkDown < 0; x != y {
		return y
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
