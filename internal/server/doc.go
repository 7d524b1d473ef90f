// Package server is the RESP front end of a Sentinel: it reads the commands of
// clients, operators and other Sentinels, checks who may run them, turns them
// into questions and operations for the loop, and writes the replies and the
// events.
//
//	srv := server.New(server.Config{...}, loop, bus)
//	go srv.Serve(ln) // for each listener
//	...
//	srv.Close() // ends all connections
//
// Start with server.go: a connection is accepted, its commands are handled, it
// is gone. [Engine], in engine.go, is all that the package knows of the loop
// that owns the core. commands.go has the table of all commands and dispatch.go
// the checks that each passes; a file cmd_*.go holds the commands of one group.
//
// Nothing here decides anything about masters, and nothing that a client sends
// can hold up the loop: commands only copy what they need while they are on it.
package server
