// Package atomicfile replaces files such that a crash at any instant leaves the
// whole old or the whole new content: temporary file in the same directory,
// write, sync, rename, sync of the directory.
//
// [WriteFile] is for a file of the machine. [Replace] does the same on any
// [FileSystem], so that tests can make every step fail; package memdisk is one
// that does.
package atomicfile
