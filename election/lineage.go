package election

// Data is what a server has, as it says itself: a history of writes, and how far
// it has come in it (state-machine.md §6.12, Lineage). The zero value has nothing.
type Data struct {
	ReplID  string // names the history; "" when it is not told
	ReplID2 string // of the history before the last promotion; "" when there is none
	Second  uint64 // offset from which on ReplID2 is not its history any more; 0: there is none
	Offset  uint64 // up to which the history is applied
	Loading bool   // it is reading its data, from a disk or from its master
	Syncing bool   // all its data are being replaced
}

// Has reports whether all of a history up to, and with, an offset is there.
func (d Data) Has(id string, offset uint64) bool {
	switch {
	case id == "" || d.Loading:
		return false
	case d.ReplID == id:
		return d.Offset >= offset
	}
	return d.ReplID2 == id && offset < d.Second
}
