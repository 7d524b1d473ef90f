package quorum

// Majority returns the smallest number of voters that is more than half of all
// of them. Two groups of that size always share a voter, so two candidates
// cannot both have one in the same epoch.
//
// Voters are all known Sentinels, this one included, alive or not. Fewer than
// one voter is treated as none, and then no number of votes that can be cast
// is enough: the result is 1.
func Majority(voters int) int {
	return max(voters, 0)/2 + 1
}

// Needed returns the number of votes that makes a leader: the majority of the
// voters or the quorum, whichever is larger (state-machine.md §5.3, Counting).
// It may exceed voters; then no leader can be elected until the operator lowers
// the quorum.
func Needed(voters, quorum int) int {
	return max(Majority(voters), quorum)
}

// Reached reports whether votes are enough for quorum, which is the condition
// of ODOWN (state-machine.md §4.2, ODOWN). A quorum below 1 is treated as 1:
// with no vote a master is never down, whatever the configuration file
// contains.
func Reached(votes, quorum int) bool {
	return votes >= max(quorum, 1)
}

// Winner counts votes, one entry for each vote cast in one epoch, this
// Sentinel's own included.
//
// ok reports that id has strictly more votes than any other candidate, and at
// least needed. If ok is false, id and count tell the front runner: of several
// with equally many votes the one that comes first in votes. With no votes at
// all that is the zero ID and 0, and ok is false even if needed is not
// positive.
//
// The time is linear in len(votes).
func Winner[ID comparable](votes []ID, needed int) (id ID, count int, ok bool) {
	// Any client that can publish hello messages decides how many voters there
	// are. Comparing all pairs would let a flood of hellos stall the process.
	counts := make(map[ID]int, len(votes))
	for _, v := range votes {
		counts[v]++
	}
	// The order comes from the slice: that of a map differs from run to run,
	// and so would the front runner.
	tied := false
	for _, v := range votes {
		switch n := counts[v]; {
		case n > count:
			id, count, tied = v, n, false
		case n == count && v != id:
			tied = true
		}
	}
	return id, count, count > 0 && !tied && count >= needed
}

// CanStillWin reports whether [Winner] can become true when up to outstanding
// more votes arrive, for a candidate that has votes already or for a new one.
// Once it is false, the vote is split and only a new epoch can help.
//
// A negative outstanding counts as 0: there are more votes than voters when a
// voter was removed during the election, and no further vote can be expected.
func CanStillWin[ID comparable](votes []ID, outstanding, needed int) bool {
	_, count, ok := Winner(votes, needed)
	if ok || outstanding <= 0 {
		return ok
	}
	// The best that can happen is that all the votes go to a front runner, who is
	// then strictly ahead. The subtraction cannot overflow; a sum could.
	return outstanding >= max(needed, 1)-count
}

// Check reports whether usable Sentinels out of voters would be enough to
// declare a master ODOWN (quorumOK) and to authorise a failover (majorityOK),
// as SENTINEL CKQUORUM reports it (wire.md §3.2, Read commands). A failover
// needs both. Usable are this Sentinel and every other one that is not
// subjectively down.
func Check(usable, voters, quorum int) (quorumOK, majorityOK bool) {
	return Reached(usable, quorum), usable >= Majority(voters)
}
