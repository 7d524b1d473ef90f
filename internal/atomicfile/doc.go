// Package atomicfile writes files such that a crash at any instant leaves the whole
// old or the whole new content: temporary file in the same directory, write, sync,
// rename, sync of the directory. A file that cannot be replaced like that is written
// in place, behind a copy of the new content from which [Recover] restores it.
//
// [WriteFile] is for a file of the machine. A [Writer] does the same on any
// [FileSystem], so that tests can make every step fail; package memdisk is one
// that does.
package atomicfile
