// Package respguard protects a RESP server that trusts its input too much. It
// reads each connection before the server does.
//
// The parser of redcon v1.6.2, which serves our commands, can be crashed by any
// client: the length in "*1\r\n$9223372036854775807\r\n" overflows and causes a
// panic in a goroutine without recover, and "*9223372036854775807\r\n" makes it
// count to that number. It also parses a pending command again from its start
// whenever bytes arrive, so that one byte per packet costs quadratic time.
//
// A [Conn] therefore reads the stream first. It checks every header as soon as it
// is complete, holds back an unfinished command, and passes on only whole
// commands in one canonical form:
//
//	*2\r\n$4\r\nPING\r\n$2\r\nhi\r\n
//
// Inline commands ("PING hi\r\n") are split by Redis's quoting rules and passed
// on in that form too; empty commands ("\r\n", "*0\r\n") are dropped. So the
// server's input is always valid and never partial, except for a command that is
// larger than the buffer it reads into.
//
//	socket ──► Conn.Read ──► scanner ──► whole canonical commands ──► redcon
//	                            │
//	                            └─ violation: error reply, FIN, close
//
// When a rule is broken, the commands before it are still passed on and answered.
// Then the client gets redis-sentinel's error line and the connection is closed.
// The verdict depends on the bytes alone, never on how the network splits them
// into packets.
//
// A [Guard] holds what concerns all connections together: how many there may be,
// how much memory their large commands may take, and the pause after a failed
// accept, without which a process out of file descriptors would spin.
//
// # Limits
//
// See [Limits] for each bound and for where it is tighter than in Redis, which is
// built to store values of 512 MiB. A Sentinel stores none: its longest
// legitimate command is a few hundred bytes long.
package respguard
