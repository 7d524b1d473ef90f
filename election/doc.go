// Package election holds the rules by which Sentinels agree on who may fail
// over a master, and the shape of a failover attempt. It is pure: every
// function is determined by its arguments, time is an argument, and nothing
// here touches a network, a file or a clock.
//
// The parts, and the document section (state-machine.md) that each follows:
//
//   - [Epoch] orders attempts and configurations; [Ledger] remembers the last
//     vote and [Ledger.Vote] is the only function that changes it (§5.1). One
//     vote per master and epoch is what makes two leaders of one epoch
//     impossible, as long as votes are durable before they are told to anybody.
//   - [CandidacyDelay] spreads the moments at which Sentinels that detect a
//     failure together ask for votes (§12.2, "keep desynchronisation").
//   - [Attempt] is the failover of one master as a state machine: the phases,
//     their legal order and their deadlines (§6).
//   - [Rules] and [Select] choose the replica to promote (§6.2).
//
// Package monitor drives all of this with inputs; the arithmetic of majorities
// is in package quorum.
package election
