// Command bench measures Sentinels as real processes.
//
//	go run ./jepsen/cmd/bench                   lists the subcommands
//	go run ./jepsen/cmd/bench failover -h       lists the flags of one
//
// # failover
//
//	go run ./jepsen/cmd/bench failover -runs 20 -sentinel bin/gosentinel -sentinel redis-sentinel
//
// It measures how long a failover takes. With -sentinel given twice, runs of both
// programs alternate.
//
// # planned
//
//	go run ./jepsen/cmd/bench planned -runs 20 -sentinel bin/gosentinel -sentinel redis-sentinel
//	go run ./jepsen/cmd/bench planned -rows both -runs 1 -repeat 100
//
// It measures what SENTINEL FAILOVER of a sound master costs its clients: writes that
// were acknowledged and are gone, how long clients wait, for how long the old master
// goes on taking writes, full resynchronisations. Each row is another load or set-up;
// -h lists them. There is one version of redis-server to measure with. What older ones
// lack is forbidden to the Sentinels by an ACL, or the embedded server imitates them.
//
// # promote
//
//	go run ./jepsen/cmd/bench promote -runs 200 -limits -sentinel bin/gosentinel
//
// It tries to have a replica promoted that lacks the data: right after REPLICAOF, a
// restart, or in a full resynchronisation, by SENTINEL FAILOVER and by the death of the
// master. Tries differ in the instant, which the seed decides.
//
// # returns
//
//	go run ./jepsen/cmd/bench returns -clients 20 -away 5s -sentinel bin/gosentinel -sentinel redis-sentinel
//	go run ./jepsen/cmd/bench returns -all -sentinel bin/gosentinel
//
// It measures what an old master accepts that comes back after a failover, from clients
// that know nothing but its address; and, with -all, how long writes to a rightful master
// wait when everything was restarted at once.
//
// # proxy
//
//	go run ./jepsen/cmd/bench proxy -runs 5 -sentinel bin/gosentinel
//
// It measures throughput, latency and memory of gosentinel proxy beside HAProxy, nutcracker
// and the direct connection, in turn, and what clients of gosentinel proxy notice of a
// planned switchover and of a killed master.
//
// # agreement
//
//	go run ./jepsen/cmd/bench agreement -runs 50 -sentinels 5
//
// It measures how fast gosentinels agree, with gossip and without it.
//
// # mixed
//
//	go run ./jepsen/cmd/bench mixed -sentinel bin/gosentinel
//
// It proves that stock redis-sentinels and gosentinels can share a quorum. It runs
// the experiments of package mixed (jepsen/mixed) at length and prints what happened
// as tables. Experiments run side by side (-parallel), but the replacement of
// processes, which counts every failed write, has the machine to itself.
//
// # table
//
//	go run ./jepsen/cmd/bench table -write docs -sentinel bin/gosentinel -sentinel redis-sentinel
//	go run ./jepsen/cmd/bench table -rows links,idle -runs 9 -sentinel A -sentinel B -sentinel redis-sentinel
//
// It measures what a Sentinel costs and how quick it is with many clients, masters and
// failures, and compares each figure with its goal; -h lists the rows. The servers are
// fakes, thousands in a process. -write makes docs/benchmarks.md of it, and -results
// keeps the figures of rows that were measured in other runs.
//
// # Exit codes
//
// 1 means that a limit was exceeded, that something happened that must not, or that
// something could not be measured; 2 that the command line is wrong. After Ctrl-C the
// runs up to then are summed up, and the exit code is 1.
package main
