package monitor

// PlannedFailover says how a failover is done that someone asks for while the master
// is well. The zero value is PlannedSafe.
type PlannedFailover uint8

// The ways to do a planned failover.
const (
	PlannedSafe  PlannedFailover = iota // the old master takes no write once the new one may
	PlannedStock                        // as the original does: promote first, demote later
)

var plannedWords = []string{"safe", "stock"} // in the order of the constants

// String returns the word that stands for p in a file.
func (p PlannedFailover) String() string { return plannedWords[p] }
