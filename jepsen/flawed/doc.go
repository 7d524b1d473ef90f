// Package flawed has builds of gosentinel with a fault, which runs with real processes
// must find: a harness that finds nothing proves something only if it would have found
// something.
//
// The faults are put in as package mutants does it, by an overlay of the compiler: nothing
// in the daemon knows of them. Each has a scenario in which it shows, and names the check
// that must see it.
package flawed
