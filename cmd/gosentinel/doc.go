// Command gosentinel is the Sentinel daemon. It accepts the command line and the
// configuration file of redis-sentinel and is a drop-in replacement for it.
//
// Package sentinel does the work. This package turns it into a process, with the
// behaviour that start scripts and supervisors rely on:
//
//   - args.go: the command line of redis-sentinel;
//   - report.go: how a failed start is reported;
//   - daemonize.go: going into the background;
//   - supervise.go: readiness and watchdog of systemd, readiness of upstart;
//   - pidfile.go, signals.go: the pid file and the reaction to signals;
//   - check.go, convert.go: the two tools for configuration files;
//   - verbs.go: the commands that redis-sentinel does not have, and what completes them;
//   - doctor.go, status.go, top.go, switchover.go, forget.go: the commands of those names;
//   - reach.go: how these find Sentinels and servers, and log in;
//   - history.go, mock.go, proxy.go, agent.go: the commands of those names;
//   - agentold.go: the flags and the log lines of the agent that existed before.
package main
