// Package planned measures planned switchovers: SENTINEL FAILOVER while the master is
// sound and applications write.
//
// Each run starts servers and Sentinels as real processes, lets clients of package
// traffic write, has a Sentinel switch over, waits until all servers replicate from the
// new master, and reads back every write that was acknowledged. It reports
//
//   - what was lost, of clients that follow the master and of those that stick to the
//     old one;
//   - gap: the longest time without an acknowledgement to any client that follows, from
//     the command until a second after all Sentinels name the new master, and the same in
//     the second before the command, which is what the machine itself adds;
//   - stall: the longest wait of one of those clients until all is in order;
//   - takes: for how long the old master took writes, counted from the first command of
//     the switchover to any server. This is known to 2 ms, and never said too short;
//   - full: full resynchronisations;
//   - errors of one connection, and of one client, that follows.
//
// A [Row] is a set-up with a load. Programs alternate in each, so that whatever else the
// machine does falls on all of them alike. With a number of repetitions, the master goes
// to and fro in one cluster, under the same load.
package planned
