package election

import (
	"strings"
	"time"
)

// Replica holds what the choice of the replica to promote depends on.
type Replica struct {
	SDown     bool
	Foreign   bool // it belongs to another group
	Connected bool
	LastAvail Instant // last acceptable PING reply
	LastInfo  Instant // last INFO reply; 0 when never
	Priority  int     // 0: never promote
	// LinkDown is how long its link to the master has been down; negative when
	// it has never been synchronised.
	LinkDown time.Duration
	Data
	Keys    bool // it has keys
	Master  bool // it says that it is a master
	InSync  bool // it was in sync with its master earlier, as far as this Sentinel has seen
	Latest  bool // its link to the master was up with this history, which the master is not known to have left
	Direct  bool // it follows the master, and no other replica of it
	Rank    int  // its place in the order that the program around the core wants, if all have one
	Refused bool // it refused to be promoted, and not long ago
	RunID   RunID
}

// Rules are the limits that a replica must meet to be promoted
// (state-machine.md §6.2, Replica selection).
type Rules struct {
	Now         Instant
	MaxPingAge  time.Duration
	MaxInfoAge  time.Duration
	MaxLinkDown time.Duration // where it is not known what the master had
	Lineage     Lineage       // of the master
}

// Reject says why a replica must not be promoted, or "" when it may be.
func (r Rules) Reject(c Replica) string {
	switch {
	case c.SDown:
		return "it is subjectively down"
	case !c.Connected:
		return "this Sentinel is not connected to it"
	case c.Foreign:
		return "it belongs to another group"
	case c.Priority == 0:
		return "its replica-priority is 0"
	case r.Now.Sub(c.LastAvail) > r.MaxPingAge:
		return "it has not answered PING for too long"
	case c.LastInfo == 0 || r.Now.Sub(c.LastInfo) > r.MaxInfoAge:
		return "its last INFO reply is too old"
	case r.overdue(c) && !r.Lineage.reached(c):
		return "it has been cut off from its master for too long"
	}
	return ""
}

// overdue reports whether the link of a replica has been down for so long that it must
// be taken to lack data.
func (r Rules) overdue(c Replica) bool { return c.LinkDown > r.MaxLinkDown }

// reached reports whether a replica is known to have all that l tells of. How long its
// link has been down says nothing then: a Sentinel that was started long after the
// death of the master does not know since when it may be.
func (l Lineage) reached(c Replica) bool {
	return l.ReplID != "" && c.ReplID != "" && l.Standing(c) >= Whole && (c.ReplID != l.ReplID || c.Offset >= l.Offset)
}

// Select returns the index of the best acceptable replica, or -1. The order is
// lower priority number, larger offset, smaller run id without regard to case.
//
// Two rules come before these. Who has more of the master's data, by its
// [Standing], is better: stock Sentinel lets an empty replica with a better
// priority win, and the data of all others is then flushed. And one that refused to
// be promoted comes after those that did not, but not after one with less data:
// data weigh more than time. Whether the best one is good enough is not said here.
func Select(rules Rules, replicas []Replica) int {
	end := furthest(rules, replicas)
	if end == 0 {
		end = rules.Lineage.Offset
	}
	best, standing := -1, Empty
	for i, c := range replicas {
		if rules.Reject(c) != "" || rules.overdue(c) && c.ReplID == rules.Lineage.ReplID && c.Offset < end {
			continue // what is saved of the offset may be old: another one has more
		}
		if s := rules.Lineage.standing(c, end); best < 0 || s > standing || s == standing && better(s, c, replicas[best]) {
			best, standing = i, s
		}
	}
	return best
}

// furthest returns how far the history of the master reaches that acceptable replicas
// still have; 0 when none has any. A successor must have that. What none has is lost
// in any case.
func furthest(rules Rules, replicas []Replica) (offset uint64) {
	for _, c := range replicas {
		if rules.Lineage.Covers(c.Data) && !c.Loading && !rules.Lineage.before(c, 0) && rules.Reject(c) == "" {
			offset = max(offset, c.Offset)
		}
	}
	return offset
}

// better compares replicas of one standing. Where the histories of both are not that of
// the master, their offsets say nothing: the one whose history the master has left is older.
func better(s Standing, a, b Replica) bool {
	switch {
	case s == Strange && a.Latest != b.Latest:
		return a.Latest
	case a.Refused != b.Refused:
		return b.Refused
	case a.Rank != b.Rank:
		return a.Rank < b.Rank
	case a.Priority != b.Priority:
		return a.Priority < b.Priority
	case a.Offset != b.Offset:
		return a.Offset > b.Offset
	case a.Direct != b.Direct:
		return a.Direct
	case a.RunID == "" || b.RunID == "":
		return a.RunID != "" && b.RunID == ""
	}
	return strings.ToLower(string(a.RunID)) < strings.ToLower(string(b.RunID))
}
