// Package scripts runs the programs that an operator wants to be called: the
// notification script for each warning event, and the client reconfiguration
// script when a master has moved (state-machine.md §7, wire.md §11).
//
//	runner := scripts.New(scripts.Config{Emit: publish, Log: log.Log})
//	...
//	runner.Run(monitor.RunScript{Path: "/usr/local/bin/notify", Args: []string{"+sdown", "master m 10.0.0.1 6379"}})
//	...
//	err := runner.Close(ctx)
//
// A script is executed directly, without a shell. It inherits the environment,
// the working directory, standard input, output and error, and no other
// descriptor (see [SealDescriptors]).
//
// # What becomes of a job
//
//	                 room among 16 running
//	Run ─► scheduled ─────────────────────► running ─┬─► exit 0: done
//	           ▲                                     ├─► exit 2 or more: -script-error
//	           │ 30 s, 60 s, 120 s, ... later        ├─► longer than 60 s: -script-timeout, SIGKILL
//	           └─────────────────────────────────────┴─► exit 1 or a signal; the 10th time: -script-error
//
// A script that cannot be executed at all counts as one that exited with 2, so
// it is not retried. A process that cannot be made, for want of memory, process
// slots or descriptors, is reported as signal 99 and tried again soon.
//
// The queue holds 256 jobs, running ones included. One more drops the oldest
// that is not running: when scripts cannot keep up, news is worth more than
// history. That is logged, unlike in stock Sentinels.
//
// # The end
//
// Stock Sentinels exit without waiting, and a script that still runs goes on as
// an orphan which nobody kills after 60 seconds. That is no choice for a library:
// its process may live on, and would collect zombies. So [Runner.Close] gives
// running scripts as long as its context, and then kills and reaps them.
package scripts
