// Package lint holds no code, only tests: they read the source of the whole
// module and fail when it breaks a promise that no compiler checks.
//
// # The core is pure
//
// quorum, election and monitor decide; everything else only carries bytes to and
// from them. What they decide must follow from their inputs alone, or a
// simulation could not be repeated: a failure found with some seed would not
// show again with the same seed, and could not be understood. In these
// packages the tests forbid
//
//   - imports beyond a short list of packages without input, output, locks,
//     clock or chance, and any package of the shell;
//   - reading the clock or the time zone, sleeping and timers: the time is an
//     argument;
//   - chance without a seed;
//   - goroutines, channels and select, because their order is chosen anew each time;
//   - ranging over a map, for the same reason; maps are for looking things up;
//   - code for one platform only, and links into the runtime.
//
// The same holds for gossip/session, and for the few packages below internal that
// the core is written with.
//
// What goes into the core is data: no function, channel or interface that does
// something can be reached from monitor.Input, so that every input can be written
// down and given to another core.
//
// # The rest
//
//   - Each package imports only what lies below it.
//   - The library leaves what a process has only one of to cmd: its end, its signals,
//     its working directory, its limits.
//   - What a file sim_*.go exports is called by jepsen and tests alone: a daemon
//     that looked into its core as a simulator does could differ from what was
//     simulated.
//   - Each package has a doc.go that says what it is for.
//   - Each package that starts goroutines proves in its tests that none is left.
//   - No file names a place on somebody's machine, or says that it is unfinished.
//   - Sections of the specification that a comment or document cites exist, under
//     the heading that it gives them.
//   - Links, commands and source files that a document shows exist.
//   - docs/architecture.md names every package, and THIRD_PARTY_NOTICES every module
//     that is linked into the daemon.
//
// Every rule is also tried on sources that break it: a check that cannot fail
// would be worth nothing.
package lint
