// Command simstats compares this Sentinel with a model of stock redis-sentinel
// in the simulator: how long a failover takes, counted from the fault that
// caused it, how many acknowledged writes it costs, and how long there are two
// masters. Both play the same seeds: the same servers, clients, network and
// faults. Package sim (jepsen/sim) explains the worlds and the model.
//
//	go run ./jepsen/sim/compare                  tables on standard output
//	go run ./jepsen/sim/compare -write docs      docs/simulation.md and docs/img anew
//	go run ./jepsen/sim/compare -kind crash-master -seed 17 -seeds 1 -scenario
//	                                              the scenario of one seed, for jepsen/cmd/sim
//
// The output depends on the flags and the code alone, to the last byte.
//
// The exit code is 0 if nothing was violated, 1 if a real Sentinel broke a
// promise or the output could not be written, 2 if the command line is wrong.
package main
