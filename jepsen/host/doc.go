// Package host holds tests in which real daemons meet what hosts do to them:
// filters of system calls, files mounted on their own, process namespaces and
// limits of memory. docs/containers.md says what holds there, and every statement
// of that page is a test here or names its test.
//
// The daemon is built as users build it, without the race detector, because the
// detector makes system calls of its own and needs several times the memory.
//
// Tests that need root or a feature of the kernel are skipped where it is missing,
// and say what it is.
package host
