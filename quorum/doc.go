// Package quorum is the arithmetic by which Sentinels agree: total functions
// on numbers and slices, without state, clock, or any other package of this
// module.
//
// # Two conditions, two purposes
//
// The operator chooses a quorum: how many Sentinels must hold a master to be
// down before that is acted on (objectively down, ODOWN). The number of voters,
// which is every known Sentinel whether alive or not, fixes a second number: the
// majority. A Sentinel may fail a master over only when it has been elected by
// both numbers; [Needed] is the larger of the two. Neither can stand in for the
// other:
//
// Without the majority, two leaders. Five Sentinels A-E, quorum 2, and a network
// cut between {A, B} and {C, D, E}:
//
//  1. Each side sees two votes for "down", so both sides start a failover.
//  2. On the left A gets the votes of A and B: 2 of 2, enough for the quorum.
//  3. On the right C gets three votes, enough as well.
//  4. A promotes one replica and C another. Both accept writes, and when the
//     cut heals one of the two histories is thrown away.
//
// With the majority, 3 of 5, step 2 fails. It cannot succeed anywhere while
// step 3 does: two sets of three out of five share a voter, and a voter votes
// once in an epoch.
//
// Without the quorum, failovers that the operator ruled out. Five Sentinels,
// quorum 4, because three of them stand in one rack and must not be able to
// decide by themselves. If that rack loses its uplink, its three Sentinels are a
// majority of five. The majority alone would let them elect a leader; the
// quorum makes them wait for one voice from outside.
//
// For the declaration of ODOWN only the quorum counts ([Reached]), because
// being down is an observation: it may be wrong without harm, since the election
// that follows needs both conditions. A quorum below the majority makes
// detection more sensitive, never the election less safe.
//
// # Counting an election
//
//	votes := []RunID{me, me, rival} // one entry for each vote cast in this epoch
//	need := quorum.Needed(voters, q)
//	if leader, n, ok := quorum.Winner(votes, need); ok {
//		// leader has n votes: more than any other, and enough
//	} else if !quorum.CanStillWin(votes, voters-len(votes), need) {
//		// the vote is split for certain: waiting cannot help
//	}
//
// The caller puts only votes of one and the same epoch into the slice, at most
// one for each voter. Votes of different epochs added together elect two
// leaders: one voter may stand in two such tallies, once for each of its votes,
// and the argument about shared voters fails.
//
// The rules are those of state-machine.md §4.2, ODOWN, and §5.3, Counting,
// except that the outcome never depends on the order of the votes.
package quorum
