package monitor

import "github.com/gosentinel/sentinel/internal/valid"

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

func (t *RenameTable) size() int {
	if t == nil {
		return 0
	}
	return len(t.entries)
}

// Map returns the word to send for command word cmd.
func (t *RenameTable) Map(cmd string) string {
	if t != nil {
		for _, e := range t.entries {
			if valid.SameCommand(e.From, cmd) {
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
		if !valid.SameCommand(e.From, from) {
			kept = append(kept, e)
		}
	}
	if !valid.SameCommand(from, to) {
		kept = append(kept, Renamed{from, to})
	}
	return NewRenameTable(kept...)
}
