// Package node runs one Sentinel: the pure core of package monitor, and around it
// everything that a core needs to work in the world.
//
// [New] makes a Node for the library (the root package), [Open] makes one from a
// configuration file for the daemon. [Node.Run] opens the sockets, builds the
// parts, and works until it is told to end:
//
//	loop.go     one goroutine feeds the core and carries out its effects
//	run.go      builds the loop and what it works with, and ends them in order
//	gossip.go   decides whether and how to gossip, and owns the transport
//	resolve.go  looks host names up
//
// Connections to servers are made by monitor/link, RESP clients are served by
// internal/server, events are handed out by pubsub, files are written by
// configrewrite.
package node
