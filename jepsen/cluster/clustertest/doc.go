// Package clustertest is what the tests of a package share that run the real
// daemon: it is built once, in a directory that every user can reach, and what it
// wrote to its logs is judged in the end.
package clustertest
