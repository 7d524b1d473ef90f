// Package promote tries to have a replica promoted that lacks the data.
//
// Each try starts a master with keys, a replica and Sentinels, puts the replica into a
// state in which it lacks some or all of the data ([Moment]), and at a random instant of
// that either has a Sentinel fail over or kills the master. In half of the tries there is
// another replica, which is in sync and sometimes of a lower rank. The master keeps an append-only file,
// and is started again a while after it was killed.
//
// In the end the keys and the acknowledged writes are counted. When the master is
// killed, clients have stopped before and a replica in sync has everything, so that what
// is gone was not lost on the way.
package promote
