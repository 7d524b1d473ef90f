// Command mutants proves that the tests of the core can fail. It builds the
// simulator and the explorer once for each mutation of package mutants, with the
// fault in place, and lets the one that is to notice it look for it. It prints
// who noticed what, after how many seeds and how long. If one mutation survives,
// or if the core without any does not pass, the exit code is 1.
//
//	go run ./jepsen/cmd/mutants
//	go run ./jepsen/cmd/mutants -run "TILT|quorum" -v
//
// It needs the go command and the source tree, and about a quarter of an hour
// on two cores.
package main
