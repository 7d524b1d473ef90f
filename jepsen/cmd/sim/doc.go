// Command sim plays worlds of Sentinels in virtual time and reports the first
// promise that one of them breaks. Package sim (jepsen/sim) explains the worlds;
// jepsen/README.md explains how to read what is printed.
//
//	go run ./jepsen/cmd/sim                                  lists the subcommands
//	go run ./jepsen/cmd/sim run -h                           lists the flags of one
//
// # run
//
//	go run ./jepsen/cmd/sim run -seeds 1000                  many seeds of the default mix
//	go run ./jepsen/cmd/sim run -seeds 1000 -faults net,disk only these groups of faults
//	go run ./jepsen/cmd/sim run -duration 10m -faults every  every mix in turn
//	go run ./jepsen/cmd/sim run -seed 4711 -seeds 1 -v       one seed with its trace
//	go run ./jepsen/cmd/sim run -v jepsen/sim/testdata/x.txt one scenario with its trace
//	go run ./jepsen/cmd/sim run -bench                       how fast it is
//
// A seed that fails is made smaller and written as a scenario script, which the
// tests of package sim replay from then on. Ctrl-C ends a run and prints what it
// has covered and the seed with which the next one can go on.
//
// # stats
//
//	go run ./jepsen/cmd/sim stats                  tables on standard output
//	go run ./jepsen/cmd/sim stats -write docs      docs/simulation.md and docs/img anew
//	go run ./jepsen/cmd/sim stats -kind crash-master -seed 17 -seeds 1 -scenario
//	                                               the scenario of one seed, for sim run
//
// Package compare (jepsen/sim/compare) says what is compared.
//
// # explore
//
//	go run ./jepsen/cmd/sim explore                # a list of worlds, in minutes
//	go run ./jepsen/cmd/sim explore -mixed         # the flaw of stock Sentinels, found and told
//	go run ./jepsen/cmd/sim explore -sentinels 3 -masters 2 -epochs 1 -disk-faults
//	go run ./jepsen/cmd/sim explore -alone -others -sentinels 4 -epochs 3
//
// It visits every state of elections in small worlds; package explore
// (jepsen/sim/explore) says exactly what that covers. The exit code is also 1 when a
// search was not complete, or if no leader was elected in it.
//
// # mutants
//
//	go run ./jepsen/cmd/sim mutants
//	go run ./jepsen/cmd/sim mutants -run "TILT|quorum" -v
//
// It builds this program once for each mutation of package mutants
// (jepsen/mutants), with the fault in place, and prints who noticed what, after how
// many seeds and how long. If one mutation survives, or if the core without any does
// not pass, the exit code is 1. It needs the go command and the source tree, and
// about five minutes on two idle cores.
//
// # replay
//
//	go run ./jepsen/cmd/sim replay record          what happened, input by input
//	go run ./jepsen/cmd/sim replay -quiet record   only whether it happens again
//
// It plays what a Sentinel has recorded; package recorder (internal/recorder) says
// what a record is. The exit code is 1 if a core of this release does not do what
// the recorded one did.
//
// # Subcommands
//
// A command line always names the subcommand. None is taken for granted: a name
// that is misspelt would be read as that of a scenario script.
//
// The exit code is 0 if nothing was violated, 1 if something was, 2 if the
// command line or a script is wrong.
package main
