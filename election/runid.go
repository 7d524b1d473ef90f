package election

// RunID is the 40 character identity of a Sentinel or of a Redis server.
// The zero value means "not known".
type RunID string

// RunIDLen is the length of every well-formed RunID.
const RunIDLen = 40

// Valid reports whether the id has the length that the protocol demands.
// Only the length is checked: that is all that other Sentinels check.
func (id RunID) Valid() bool { return len(id) == RunIDLen }
