package monitor

import "github.com/gosentinel/sentinel/election"

// The vocabulary of election is also the vocabulary of monitor.
type (
	// Epoch is a Sentinel logical clock value; see [election.Epoch].
	Epoch = election.Epoch
	// RunID is the identity of a Sentinel or server; see [election.RunID].
	RunID = election.RunID
	// Instant is a point in monotonic time; see [election.Instant].
	Instant = election.Instant
)

// Never is later than every instant that a clock can show.
const Never = election.Never
