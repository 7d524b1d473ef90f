// Package filelock keeps a second user away from a file, in this process and in others
// of the machine. The system gives a lock back when the process ends, however it ends.
package filelock
