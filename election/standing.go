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
}

// Standing says how much of the data of a master a replica has after the master
// has failed. What has more is greater.
type Standing uint8

// The standings. A replica that is Empty never had anything of the master, or has
// lost all. One that is Stale was restarted with keys of before, and nothing tells of
// when. One that is Reading will show what it has when it has read it. What is
// Strange has other data, or data from which the master has departed: it was in
// sync with a master since its start. Replaced has the data of the master, with gaps: it was
// being filled anew. Whole has them as far as they had come. A Successor has what the master had, and
// what was written after it: it was promoted, or follows one that was.
const (
	Empty Standing = iota
	Stale
	Reading
	Strange
	Replaced
	Whole
	Successor
)

// Standing returns how much a replica has of what l tells of its master.
func (l Lineage) Standing(c Replica) Standing {
	switch {
	case c.Loading:
		return Reading
	case l.ReplID == "" || c.ReplID == "":
		return c.unlabelled()
	case c.ReplID == l.ReplID && (c.Offset > 1 || l.Offset <= 1) && !l.before(c): // 1: it has lost its place in the stream
		if c.Syncing {
			return Replaced
		}
		return Whole
	case c.ReplID2 == l.ReplID && l.Offset < c.Second:
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

// before reports whether a replica was restarted from an RDB that was written before
// the master had its first key.
func (l Lineage) before(c Replica) bool {
	return l.Keys && !c.Keys && c.LinkDown < 0 && c.Offset < l.Offset
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
