// Package mock plays scripts in which Sentinels and servers misbehave, and judges
// what a client makes of it. Authors of clients use it by `gosentinel mock` or
// sentineltest.Serve; docs/mock.md explains the language.
//
//	title   The master moves
//	right   A right client follows.
//	server a
//	server b of a
//	sentinel s1 s2 s3
//	step the client works
//	  wait 3 writes on a
//	step b takes over
//	  failover b
//	  expect 3 writes on b within 10s
//
// # What is real and what is not
//
// The servers are real: each is an internal/fakeredis with data, roles and
// replication, so a write to a replica is refused and a promoted replica has what
// its master had. A hook between it and its clients counts commands, and answers
// otherwise where the script says so.
//
// The Sentinels are not real. None watches anything; each says what the script
// makes it say, which may be old, wrong, half or nothing. They speak RESP2 and
// RESP3, have Pub/Sub and passwords, and all that clients ask of a Sentinel. What
// they send has the order and form of wire.md §4, Instance maps.
//
// # How it works
//
// Parse makes data of a script and finds every mistake in it. Start starts the
// nodes, does what stands above the first step, and plays the rest in one
// goroutine. Everything that clients do is counted under one lock, Mock.mu; what
// is forbidden is noticed there at once. Only one action happens at a time,
// whether it comes from the script or from outside. Nothing that waits holds the
// lock.
//
// What clients send passes internal/respguard first. Connections, subscriptions
// and replies that nobody reads are bounded.
package mock
