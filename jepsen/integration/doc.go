// Package integration holds the tests in which real Sentinel daemons guard real
// Redis servers, one process each, and processes are killed, stopped, starved
// of disk and memory, and given false answers.
//
// The daemon is built from this module with the race detector, once for a run.
// To put the same questions to another implementation:
//
//	GOSENTINEL_UNDER_TEST=/usr/bin/redis-sentinel go test ./jepsen/integration
//
// Tests of promises that only gosentinel makes do not run then.
//
// No test judges how long something took, because the machine may be busy with
// anything; they wait for conditions, with generous limits. How fast a failover
// is gets measured by jepsen/cmd/bench.
package integration
