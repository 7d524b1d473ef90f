// Package mixed puts stock redis-sentinels and gosentinels into one quorum, as
// real processes, and checks whether clients or peers can see a difference between them.
//
// There are three experiments:
//
//   - [Failovers] kills or stops the master of one set again and again. After
//     each failover everything that the Sentinels say is compared, Sentinel with
//     Sentinel and field by field ([Set.Settle]).
//   - [Roll] replaces the processes of a set one at a time, there and back, on
//     the same ports and files, while a client writes.
//   - [Burst] kills several masters at once. Then elections for different
//     masters raise one common epoch, which is where a Sentinel that is faster
//     than its peers could spoil their elections.
//
// An experiment returns what it saw together with the violations of what was
// promised; an error means that it could not be carried out. None of them judges
// how long something took. [Experiments] runs all three at length and prints
// tables; jepsen/integration has short versions among its tests.
package mixed
