// Command jepsen plays schedules of faults against real processes, and judges what came
// of it. docs/jepsen.md says how to use it.
package main
