package election

// Lineage is what a master had when it was last heard (state-machine.md §6.12,
// Lineage). The zero value says that it was never heard.
type Lineage struct {
	ReplID string // of its history; "" when it is not known
	Offset uint64 // how far it had come in it
	Keys   bool   // it had keys
	// Persistent says that it writes its data to a disk, so that it has them again
	// after a restart.
	Persistent bool
	Heard      bool // it has answered INFO

	// What ReplID has grown out of: at the promotion of the master, or at its restart,
	// it went on under another id. It is the same history below Second.
	ReplID2 string // "" when there is none
	Second  uint64 // 0 when there is none
}

// Standing says how much of the data of a master a replica has after the master
// has failed. What has more is greater.
type Standing uint8

// The standings. A replica that is Empty never had anything of the master, or has
// lost all. One that is Stale was restarted with keys of before, and nothing tells of
// when. One that is Reading will show what it has when it has read it. What is
// Strange has other data, or data from which the master has departed: it was in
// sync with a master since its start. Past has what the master had before its last
// promotion: it was restarted from an RDB of then. Replaced has the data of the master, with
// gaps: it was being filled anew. Whole has them as far as they had come. A Successor has what the master had, and
// what was written after it: it was promoted, or follows one that was.
const (
	Empty Standing = iota
	Stale
	Reading
	Strange
	Past
	Replaced
	Whole
	Successor
)

var standingNames = [...]string{"empty", "stale", "reading", "strange", "past", "replaced", "whole", "successor"}

// String returns the word for s.
func (s Standing) String() string { return standingNames[s] }

// Standing returns how much a replica has of what l tells of its master.
func (l Lineage) Standing(c Replica) Standing { return l.standing(c, l.Offset) }

// standing is how much a replica has where the end of the history that is left is at
// the given offset.
func (l Lineage) standing(c Replica, end uint64) Standing {
	switch {
	case c.Loading:
		return Reading
	case l.ReplID == "" || c.ReplID == "":
		return c.unlabelled()
	case l.Covers(c.Data) && l.placed(c) && !l.before(c, end):
		switch {
		case c.ReplID != l.ReplID:
			return Past
		case c.Syncing:
			return Replaced
		}
		return Whole
	case c.ReplID2 == l.ReplID && end < c.Second && (c.Keys || !c.Syncing):
		if c.Syncing {
			return Replaced
		}
		return Successor
	case !c.Keys:
		// Many a replica has no history but its own, which it makes up at its start.
		return Empty
	case c.ReplID2 == l.ReplID, c.LinkDown >= 0 && !c.Master && (c.InSync || !c.Syncing):
		// While it is being filled for the first time, it has the data of nobody knows
		// whom.
		return Strange
	case c.InSync:
		return Stale // a restart from an AOF gives it another history
	}
	return Empty
}

// Covers reports whether all data that a server has are of this history, which may go
// further: it names it, or the one before and has not come to its end.
func (l Lineage) Covers(d Data) bool {
	return d.ReplID != "" && (d.ReplID == l.ReplID || d.ReplID == l.ReplID2 && d.Offset < l.Second)
}

// placed reports whether the offset of a replica says how far it has come. At 1 it has lost
// its place in the stream. At 0 it was filled at the beginning of a history, by a master
// that was restarted and read its data itself; without a link since its start it says
// nothing.
func (l Lineage) placed(c Replica) bool {
	return c.Offset > 1 || l.Offset <= 1 || c.Offset == 0 && c.LinkDown >= 0 && !c.Master
}

// before reports whether a replica has come only to where the master had no key yet,
// as one that was restarted from an RDB of then. One that has no key because all were
// deleted or have expired has come as far as the master.
func (l Lineage) before(c Replica, end uint64) bool {
	return l.Keys && !c.Keys && c.Offset < max(l.Offset, end)
}

// unlabelled is the standing of a replica where histories have no names: servers
// before 4.0 tell none, and a master that was never heard has told none.
func (c *Replica) unlabelled() Standing {
	filled := c.LinkDown >= 0 && !c.Syncing
	switch {
	case c.Master || filled && c.Offset == 0:
		return Strange // its offset, or that it has none, says nothing about the master
	case filled:
		return Whole
	case c.Offset > 1:
		return Replaced
	}
	return Empty
}
