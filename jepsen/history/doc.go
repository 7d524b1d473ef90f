// Package history is what was seen during a run, as data: what clients asked and were
// told, what Sentinels and servers said of themselves, the events of Sentinels, the faults
// that were seen to happen, and how late this program was itself. Checkers need nothing
// else, so that a history can be judged again later, or by somebody else.
//
// All times count from the beginning of the run, on the monotonic clock of one process.
// A [Recorder] takes records from any goroutine; a file has one JSON object a line.
package history
