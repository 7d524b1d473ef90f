// Package respguard stands between a listening socket and a RESP server that
// trusts its input too much.
//
// The parser of redcon v1.6.2, which serves our commands, can be killed by any
// stranger: the length in "*1\r\n$9223372036854775807\r\n" overflows and panics
// in a goroutine that nobody recovers, and "*9223372036854775807\r\n" makes it
// count to that number. It also reads a pending command again from its start
// whenever bytes arrive, so that one byte a packet costs quadratic time.
//
// A [Conn] therefore reads the stream first. It checks every header the moment
// it is complete, keeps an unfinished command to itself, and hands on nothing
// but whole commands in one canonical form:
//
//	*2\r\n$4\r\nPING\r\n$2\r\nhi\r\n
//
// Inline commands ("PING hi\r\n") are split by the quoting rules of stock
// Redis and handed on in that form too; empty commands ("\r\n", "*0\r\n")
// vanish. What the server behind sees is hence always valid and never partial,
// except for a command that is larger than the buffer it reads into.
//
//	socket ──► Conn.Read ──► scanner ──► whole canonical commands ──► redcon
//	                            │
//	                            └─ violation: error reply, FIN, close
//
// When a rule is broken, the commands before it are still handed on and
// answered, then the client gets the error line of stock Redis and the
// connection ends. The verdict depends on the bytes alone, never on how the
// network cut them into packets.
//
// A [Guard] also holds what concerns all connections together: how many there
// may be, how much memory their large commands may take, and the pause after a
// failed accept, without which a process out of file descriptors spins.
//
// # Limits
//
// See [Limits] for each bound and for where it is tighter than stock Redis,
// which is built to store values of 512 MiB. A Sentinel stores none: its longest
// legitimate command is a few hundred bytes long.
package respguard
