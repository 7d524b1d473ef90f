// Package scripts runs the programs that an operator has configured: the
// notification script for each warning event, and the client reconfiguration
// script when a master has moved (state-machine.md §7, Events, scripts; wire.md
// §11, Scripts).
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
// # The states of a job
//
//	                 room among 16 running
//	Run ─► scheduled ─────────────────────► running ─┬─► exit 0: done
//	           ▲                                     ├─► exit 2 or more: -script-error
//	           │ 30 s, 60 s, 120 s, ... later        ├─► longer than 60 s: -script-timeout, SIGKILL
//	           └─────────────────────────────────────┴─► exit 1 or a signal; the 10th time: -script-error
//
// A script that cannot be executed counts as one that exited with 2, so it is not
// retried. If no process can be created, for lack of memory, process slots or
// file descriptors, that is reported as signal 99 and retried soon.
//
// The queue holds 256 jobs, including running ones. If it is full, the oldest job
// that is not running is dropped: when scripts cannot keep up, new events matter
// more than old ones. Unlike in redis-sentinel, that is logged.
//
// # Shutdown
//
// redis-sentinel exits without waiting, and a script that still runs becomes an
// orphan that is not killed after 60 seconds. A library cannot do that: its
// process may live on and would collect zombies. So [Runner.Close] lets running
// scripts continue until its context ends, and then kills and reaps them.
package scripts
