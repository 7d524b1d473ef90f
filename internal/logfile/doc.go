// Package logfile writes the log of a Sentinel: to standard output or to a
// file, in the line format that log parsers made for Redis understand:
//
//	4711:X 21 Nov 2026 08:12:03.482 # +sdown master mymaster 127.0.0.1 6380
//
// That is the process id, X for the Sentinel role, local time with an English
// month, one character for the level (. debug, - verbose, * notice, # warning)
// and the text (wire.md §8.1). [Config] has the other forms that releases of
// Valkey know, logfmt above all.
//
//	log, err := logfile.New(logfile.Config{Path: "/var/log/sentinel.log", Threshold: logfile.Notice})
//	...
//	log.Log(monitor.LevelNotice, "Sentinel new configuration saved on disk")
//	log.Event(event)
//	...
//	err = log.Close(ctx)
//
// # It does not make its caller wait
//
// The caller is the loop that judges whether masters are alive. If it stood in
// a write to a full disk, a hung network file system or a terminal stopped with
// Ctrl-S, it would see no answers meanwhile and declare healthy masters down. So
// a line goes into a bounded queue and one goroutine writes. When the queue is
// full, lines are dropped, and at the place of the gap a line says how many.
// The same holds for lines that could not be written, as soon as writing works
// again; until then Config.OnError has been told.
//
// # Rotation
//
// The file is opened anew for each batch of lines, which is each single line
// unless they come fast. A log rotator therefore only has to rename it: no
// signal and no copying is needed, and no line is lost or torn.
//
// # One line is one line
//
// Text may contain what a stranger sent, for example a host name in a hello
// message or the error text of a server. Line breaks, escape sequences and
// everything else that does not print is written as an escape such as \n or
// \x1b, so that nobody can forge a line or play tricks on a terminal.
package logfile
