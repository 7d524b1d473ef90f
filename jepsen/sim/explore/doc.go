// Package explore plays every election that is possible in a small world. The
// simulator draws worlds and meets a state by luck; here nothing is left to luck:
// [Explore] visits all states that a few Sentinels can come to, in every order of
// everything that can happen to them, and looks in each whether a promise is
// broken. What it does not find within its bounds does not exist.
//
// # The world
//
// The Sentinels are real: each is a [monitor.Core], and a step of one is a Step
// of it. All know each other and see all masters down from the start, which have
// no replicas: the election is what is explored, from the wish to stand up to the
// won election of a leader, who then finds no replica and gives up, and on to
// the next one. [Config] sets the numbers and what can go wrong.
//
// Time does not exist. Every wait that time ends in a Sentinel (before a
// candidacy, between two attempts, for the votes, between questions and hellos,
// before an election is repeated, for a replica; with the options also the
// validity of answers, and of the patience with a disk) may end at any moment, in
// any order ([monitor.Core.Expire]). So every order that some clocks and some
// configured periods could bring about is among those explored, and more.
//
// The network is the set of all messages ever sent. Each may be delivered at any
// moment, again, after later ones, or never, and also to a process that was
// started after it was sent: that is loss, duplication, reordering and delay. An
// answer may reach any Sentinel, not only the one that asked.
//
// A write to the disk ends at any moment after it has begun. A process may crash
// at any moment: before a write, and after it but before anything that waited for
// it has left. A crash in the middle of what waited is a crash after it with some
// messages lost. A Sentinel that crashed starts again at once; to be away is to
// get no message.
//
// # The promises
//
//   - S1: the current epoch never falls; an epoch that is told is on disk.
//   - S2: the epoch of the last vote never falls nor exceeds the current one, and a
//     vote is given at the current epoch.
//   - S3: one vote for each Sentinel, master and epoch, also after a crash; it is on
//     disk before it is told, before it is asked for more, and before it is counted.
//   - S4: one leader for each master and epoch.
//
// # One Sentinel alone
//
// The states of a world multiply with every Sentinel, master and epoch. So large
// worlds are explored in another way ([Config].Alone, alone.go): one Sentinel, to
// which anything may be told at any moment that some message of the world can
// say, whether it was said or not. Each history that a Sentinel can have in
// the world is among those that it leads here, however the others behave, and so
// are many that it can not.
//
// S1 to S3 are promises of each Sentinel by itself. S4 is one of all together, and
// follows: at every election that is won it is checked that a majority of
// Sentinels, each by a message of its own or by the winner's own vote, has voted
// for the winner at that epoch. Had two been elected, one Sentinel would have voted
// for both, against S3. The masters are independent of each other but for the
// epoch, which all of them raise, and the disk, which all of them write to; with
// [Config].Others both can happen at any time, and one master stands for any
// number of them.
//
// The tests demand that every state of a Sentinel which a search of the whole
// comes to is one that it comes to alone, and that with two masters no election is
// in a state that is not among those of one master with others.
//
// # Promises of the isolation fence
//
// Those are about time, so [ExploreLeases] has some: it plays one Sentinel in steps of 50 ms
// (lease.go), with a master that only it reaches and with two others that promise, do not, know a later
// configuration or have voted, and ask for promises and votes, at any moment or never, and
// with crashes and stalls of the process and of its machine, whose clock may stand too.
//
// # What is not explored
//
// Connections stay up and no Sentinel holds another for down: that only decides
// how soon a split election is repeated. No Sentinel sees a master up again: a
// candidacy that can begin at any moment covers a master that is down later. No
// manual failover, TILT, change of membership, promotion or configuration: the
// simulator has those. Epochs beyond the last one are cut off. A loop that takes
// several inputs before it writes differs from one that writes after each only in
// that more is lost together, which two crashes do as well.
//
// # Why it is feasible
//
// Few states of one Sentinel exist compared with those of the world, so the core
// takes each different step once and the outcome is remembered (local.go). A
// state of one Sentinel is what [monitor.Core.AppendElection] encodes. Then these
// reductions, none of which loses a violation:
//
// Exchange. The Sentinels are alike, and so are the masters: states that differ
// by an exchange are one (facts.go). The ids decide the length of waits only.
//
// Silence. No peer sees what a Sentinel does until it says something new. What it
// does before can be done right before that: messages do not disappear. So the
// world only moves when a Sentinel says something (advance in search.go), and a state
// of the world is the set of what was said, with the states that each Sentinel
// can be in for having said its part, no more and no less. Of these the ones that
// are led to by others in silence are dropped.
//
// Repetition. What a Sentinel can say without any change to itself it says at
// once: one message more takes no possibility away (extend).
//
// The past. At an epoch that every disk knows of a vote at, or of a later epoch,
// no Sentinel can vote or count again; what was said about it is forgotten when states
// are compared (relevant). That none does is part of S2, which is checked at
// every step of a core.
//
// The tests compare searches with and without the reductions, and check that
// cores which are equal by their encoding behave alike whatever happens next.
// States are compared by fingerprints of 64 bits: among a million states one is
// lost with a probability of 1 to 30 million.
package explore
