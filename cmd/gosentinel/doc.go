// Command gosentinel is the Sentinel daemon. It takes the command line and the
// configuration file of redis-sentinel and can stand in its place.
//
// Package sentinel does the work. What is here makes a process of it, with the
// habits that start scripts and supervisors rely on:
//
//   - args.go: the command line of redis-sentinel;
//   - report.go: how a failed start is told;
//   - daemonize.go: going into the background;
//   - supervise.go: readiness and watchdog of systemd, readiness of upstart;
//   - pidfile.go, signals.go: the rest of a process's life;
//   - check.go, convert.go: the two tools for configuration files.
package main
