// Package election holds the rules by which Sentinels elect the one that may
// fail over a master, and the state machine of a failover attempt. It is pure:
// every function is determined by its arguments, time is an argument, and
// nothing here touches a network, a file or a clock.
//
// The parts, and the section of state-machine.md that each follows:
//
//   - [Epoch] orders attempts and configurations; [Ledger] remembers the last
//     vote and [Ledger.Vote] is the only function that gives one (§5.1, Vote
//     rule). One vote per master and epoch makes two leaders of one epoch
//     impossible, as long as votes are durable before they leave the Sentinel.
//   - [CandidacyDelay] spreads the moments at which Sentinels that detect a
//     failure together ask for votes (§12.2, What may be shortened: "keep
//     desynchronisation").
//   - [Attempt] is the failover of one master: the phases, their legal order and
//     their deadlines (§6, Failover state machine).
//   - [Rules] and [Select] choose the replica to promote (§6.2, Replica
//     selection).
//
// Package monitor drives all of this with inputs; the arithmetic of majorities
// is in package quorum.
package election
