// Package memdisk is a file system in memory for tests: it can fail at any step,
// and lose power between any two.
package memdisk
