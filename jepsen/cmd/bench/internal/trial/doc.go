// Package trial repeats a measurement with several sides in turn, each time in a
// new cluster of real processes. As the sides alternate, whatever else the machine
// does falls on all of them alike.
package trial
