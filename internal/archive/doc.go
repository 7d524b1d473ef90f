// Package archive keeps the reports of failovers: in memory, and in a file that
// survives the process.
//
// Whoever adds a report never waits. One goroutine writes; its queue is bounded, and a
// disk that is full, dead or asleep costs nothing but the file, which is written anew
// from memory when the disk works again. What goes wrong is said once.
package archive
