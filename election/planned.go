package election

import "time"

// Follower is a replica as a planned switchover must know it
// (state-machine.md §6.13, Switchover).
type Follower struct {
	Data
	Master   bool          // it says that it is a master
	Names    bool          // it names the master as the one that it follows
	LinkUp   bool          // its link to whom it follows is up
	Listed   bool          // the master lists it
	Online   bool          // ... as one that gets all that is written
	Lag      time.Duration // ... and since when it has acknowledged nothing
	Unheard  bool          // the master was not asked lately: it may list it by now
	Priority int           // 0: to be promoted only by name
	Named    bool          // the operator has named it
	Writable bool          // clients may write to it
	Awaited  bool          // a switchover waits for it, or for another one, already
}

// MaxLag is how long the replica of a planned switchover may have acknowledged
// nothing. Replicas do so each second.
const MaxLag = time.Second

// Unfit says why a replica is not in sync with a master that has the given data, or
// "" when it is. Soon says that it is being synchronised with that master right now,
// so that waiting may help.
//
// That it has all which the master has written is not asked here: that changes with
// each write.
func (f Follower) Unfit(master Data) (why string, soon bool) {
	mine := f.Listed || f.Names
	switch {
	case f.Priority == 0 && !f.Named:
		return "its replica-priority is 0", false
	case f.Master:
		return "it says that it is a master", false
	case f.Writable:
		return "clients may write to it (replica-read-only no), so that it may have other data than its master", false
	case f.Loading:
		return "it is loading its data", mine
	case f.Syncing, !f.LinkUp && f.Listed && !f.Online:
		return "it is being synchronised", mine
	case !f.LinkUp:
		// Between two steps, such as loading and synchronising, it looks like that for
		// a second. Who has waited until then goes on.
		return "its link to the master is down", f.Names && f.Unheard || mine && f.Awaited
	case master.ReplID != "" && f.ReplID != "" && f.ReplID != master.ReplID:
		return "its data are not those of the master (it has replication id " + f.ReplID + ", the master " + master.ReplID + ")", false
	case f.Listed && !f.Online:
		return "the master does not send it all that is written yet", true
	case f.Listed && f.Lag > MaxLag:
		return "it has acknowledged nothing for " + f.Lag.String(), false
	case !mine && (master.ReplID == "" || f.ReplID == ""):
		return "it follows another server", false
	}
	return "", false
}
