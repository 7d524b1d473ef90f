package election

import "github.com/gosentinel/sentinel/internal/valid"

// RunID is the 40 character identity of a Sentinel or of a Redis server.
// The zero value means "not known".
type RunID string

// RunIDLen is the length of every well-formed RunID.
const RunIDLen = valid.IDLen

// Valid reports whether the id has the length that the protocol demands, and only
// characters that messages, events and files can carry.
func (id RunID) Valid() bool { return valid.ID(string(id)) == nil }
