// Package nemesis carries out the faults of a schedule against the processes of an arena,
// and undoes them.
//
// A fault that was ordered has not yet happened. Each leaves a record with what showed
// that it did: the process has ended, the kernel has it stopped, the packet filter has
// lost so many packets. One without such a sign makes the run worth nothing, and the
// checkers say so.
package nemesis
