// Package sweep plays many seeds of the simulator on all cores and adds up what
// they have covered. It makes the scenario of a seed that fails smaller and writes
// it to a file, which the tests of package sim replay from then on.
//
// Nothing it prints about a seed depends on the others or on how many are played
// at once.
package sweep
