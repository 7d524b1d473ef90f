package monitor

import "github.com/gosentinel/sentinel/election"

// Package monitor uses these types of package election in its own API.
type (
	// Epoch is a Sentinel logical clock value; see [election.Epoch].
	Epoch = election.Epoch
	// RunID is the identity of a Sentinel or server; see [election.RunID].
	RunID = election.RunID
	// Instant is a point in monotonic time; see [election.Instant].
	Instant = election.Instant
	// Lineage is what a master had when it was last heard; see [election.Lineage].
	Lineage = election.Lineage
)

// Never is later than every instant of a clock; see [election.Never].
const Never = election.Never
