// Package conformance holds the tests that prove gosentinel to be a drop-in for
// redis-sentinel: the same things are done to both, and what a client, a
// subscriber, a reader of the log or of the configuration file sees is compared.
//
//	go test ./jepsen/conformance            # part of make test
//	make conformance                        # the long run; writes docs/compatibility.md anew
//
// # What is compared
//
//   - Replies: every line of the table in lines_test.go is sent to both, as
//     RESP2, as RESP3, inline, and as one pipeline, in the same state of the same
//     topology (own servers each).
//   - Events, log lines and calls of both scripts in scripted scenarios, as one
//     sequence for each instance that they are about: a monitored master, a
//     failover on demand and one after a crash, SENTINEL SET, RESET, REMOVE,
//     simulated failures.
//   - Flags over time: what a Sentinel shows of a master, its replicas and
//     another Sentinel while a password or permission is missing, and while one of
//     them is stopped, killed or busy, from before to after, state by state.
//   - Files: random valid sentinel.conf files are loaded by both, changed by the
//     same commands, saved by both, compared as sets of directives, and loaded
//     again by the other one.
//
// Before the comparison, what cannot be the same is replaced by a name: ids,
// ports, times, counters (normal_test.go).
//
// # What may differ
//
// Nothing but what stands in the one table of differences_test.go, each entry
// with its reason: a newer version of Redis behaves so, Valkey calls it so, or
// it is a defect that gosentinel does not share. An entry says exactly how the
// reply differs, not merely that it does; and an entry that nothing needs any
// more is a failure as well. docs/compatibility.md is written from this table
// and must be up to date.
package conformance
