// Package sim plays whole worlds of Sentinels, Redis servers and clients in
// virtual time, lets everything go wrong in them that may go wrong, and checks
// after every single step whether a Sentinel has broken a promise.
//
// The Sentinels are real: each one is a [monitor.Core], the same code that the
// daemon runs. Everything around it is a model: the network, the disks, the
// Redis servers, the clients, other Sentinels that behave like stock
// redis-sentinel, and the people who operate all that. Nothing waits, so years
// pass in minutes.
//
// # A run
//
// A [Scenario] says everything about a run: the [Options] of the world, the
// faults with their times, and a seed for what is left to chance. [Draw] makes
// one out of a number, [ParseScenario] reads one from text.
//
//	s := sim.Draw(4711, nil)                     // options and faults of seed 4711
//	r := sim.Run(s, func(line string) { fmt.Println(line) })
//	if r.Failed() {
//		fmt.Println(r.Violation)                 // which promise, when, by whom
//		fmt.Print(sim.Minimise(r, nil, nil).Scenario) // the same with less around it
//	}
//
// A run has three parts. In the calm part all come up and get to know each
// other. Then faults happen: processes crash, stall and lose their disks,
// messages are delayed and held back in one direction or both, writes fail,
// operators interfere at the worst moment. At last everything is healed, and
// order must come back within a time that can be computed: all Sentinels agree
// on one master, it is one, all others follow it, none is in the middle of
// anything, and the clients write. If not, the reasons are the violation.
//
// # Determinism
//
// [Run] is a pure function. There is one queue of events, ordered by time and
// then by the order of planning, and one generator of random numbers. No
// goroutine, no clock, no order of a map: package lint checks the source, and
// the tests play seeds twice and compare a hash of everything that happened.
//
// # What is checked
//
// The invariants S1 to S19 of the state machine in their strong form, after
// every step of every core and for every effect that leaves one. The checker
// keeps its own record of what a Sentinel was told and what it said; it does not
// ask the core what it believes it has done. Further that every event has its
// cause, every queue its bound and everything that must happen by itself a timer
// ([monitor.Core.Audit]), and after healing that order returns (liveness), that
// hellos and INFO go on (traffic), and that no loop turns in a storm. See
// [Invariants] for the list.
//
// Some worlds permit what is forbidden elsewhere. Two Sentinels with one id vote
// twice, whatever they do; after a RESET two majorities need not meet. The
// checker knows these cases and holds the Sentinels to what they can still keep.
//
// # The parts
//
//	world.go queue.go run.go virtual time: one queue of events; the course of a run
//	scenario.go fault.go     what a run is made of, and its text form
//	fault_kinds.go           every kind of fault, by group
//	fault_switchover.go      those around a planned switchover
//	fault_zone.go            those of many masters at once
//	fault_draw.go            the faults of a seed
//	fault_inject.go          when a fault happens, and to what
//	net.go gossip.go         TCP connections as ordered streams, cuts, delays; gossip
//	server.go info.go        the Redis server, and what it says about itself
//	replication.go pause.go  its links to others; CLIENT PAUSE
//	storage.go               what a restart leaves of its data
//	sentinel.go node.go      a Sentinel process: a core, its loop, its links
//	disk.go                  what survives a crash
//	stock.go ...             a model of redis-sentinel with its known flaws
//	client.go meter.go       users, and what they notice
//	incident.go stats.go     times from a fault on; scenarios to compare Sentinels
//	invariants.go            the list of what is checked
//	check.go watch.go        the checks, and what is remembered for them
//	switchover.go            the checks of a planned switchover, and of the data
//	isolation.go             the checks of the isolation fence
//	causes.go liveness.go    causes of events; the order after healing
//	minimise.go trace.go     smaller failing scenarios; lines that people read
//
// jepsen/cmd/sim is the command line, which plays many seeds on all cores;
// jepsen/README.md explains how to read what it prints.
package sim
