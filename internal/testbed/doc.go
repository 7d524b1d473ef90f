// Package testbed lets the package sentineltest set up in a Sentinel what no other
// program may: its clock, its random numbers and its periods; and see into the
// running one.
//
// A [Setup] travels in the context of Run. It is no part of the public API, and
// nothing of it is shared between the Sentinels of a process.
package testbed
