// Package server is the RESP front end of a Sentinel. It reads the commands of
// clients, operators and other Sentinels, checks permissions, converts the
// commands to queries and operations for the loop, and writes replies and events.
//
//	srv := server.New(server.Config{...}, loop, bus)
//	go srv.Serve(ln) // for each listener
//	...
//	srv.Close() // ends all connections
//
// Start with server.go, which accepts a connection, and serve.go, which handles its
// commands and cleans up after it. On Linux, poller.go waits for plain TCP
// connections; others have a goroutine each. [Engine], in engine.go, is all that the
// package knows of the loop that owns the core. commands.go has the table of all
// commands and dispatch.go the checks that each must pass; backlog.go has replies that
// come later, and events.go writes to subscribers. A file cmd_*.go holds one group of
// commands; those for INFO, Pub/Sub, CLIENT PAUSE and CLIENT TRACKING stand in the
// files of these names.
//
// Nothing here makes a decision about masters, and nothing that a client sends
// can block the loop: while on the loop, commands only copy what they need.
package server
