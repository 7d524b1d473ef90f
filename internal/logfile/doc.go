// Package logfile writes the log of a Sentinel, to standard output or to a file,
// in the line format that log parsers for Redis understand:
//
//	4711:X 21 Nov 2026 08:12:03.482 # +sdown master mymaster 127.0.0.1 6380
//
// That is the process id, X for the Sentinel role, local time with an English
// month, one character for the level (. debug, - verbose, * notice, # warning)
// and the text (wire.md §8.1, Lines). [Config] has the other forms that releases
// of Valkey offer, logfmt above all.
//
//	log, err := logfile.New(logfile.Config{Path: "/var/log/sentinel.log", Threshold: logfile.Notice})
//	...
//	log.Log(monitor.LevelNotice, "Sentinel new configuration saved on disk")
//	log.Event(event)
//	...
//	err = log.Close(ctx)
//
// # It does not block its caller
//
// The caller is the loop that decides whether masters are alive. If it were
// blocked in a write to a full disk, a hung network file system or a terminal
// stopped with Ctrl-S, it would see no replies in the meantime and declare
// healthy masters down. So lines go into a bounded queue, and one goroutine
// writes them. When the queue is full, lines are dropped, and a line in their
// place says how many. The same is logged about lines that could not be written,
// as soon as writing works again; until then, only Config.OnError is called.
//
// # Rotation
//
// The file is opened anew for each batch of lines, which is a single line unless
// they come fast. A log rotator therefore only has to rename it: no signal and no
// copying is needed, and no line is lost or torn.
//
// # One line is one line
//
// Text may contain what a remote sent, for example a host name in a hello message
// or the error text of a server. Line breaks, escape sequences and other
// unprintable characters are escaped, such as \n or \x1b, so that a remote can
// neither forge a line nor manipulate a terminal.
package logfile
