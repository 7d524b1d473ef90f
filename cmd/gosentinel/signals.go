package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/gosentinel/sentinel/monitor"
)

// stopTexts are logged, and are the cause of the end.
var stopTexts = map[os.Signal]error{
	syscall.SIGTERM: errors.New("Received SIGTERM scheduling shutdown..."),
	syscall.SIGINT:  errors.New("Received SIGINT scheduling shutdown..."),
}

// handleSignals reacts to signals until the function that it returns is called.
func (d *daemon) handleSignals(cancel context.CancelCauseFunc) (stop func()) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, append([]os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP}, reopenSignals...)...)
	// Without this a Sentinel would die with the program that collects its log.
	// Ignoring the signal instead would be inherited by scripts.
	pipes := make(chan os.Signal, 1)
	signal.Notify(pipes, syscall.SIGPIPE)
	ended := make(chan struct{})
	d.work.Go(func() {
		ending := false
		for {
			select {
			case sig := <-signals:
				if ending && sig == syscall.SIGINT {
					d.insist()
				}
				ending = ending || stopTexts[sig] != nil
				d.react(sig, cancel)
			case <-ended:
				return
			}
		}
	})
	return func() {
		signal.Stop(signals)
		signal.Stop(pipes)
		close(ended)
	}
}

func (d *daemon) react(sig os.Signal, cancel context.CancelCauseFunc) {
	if why := stopTexts[sig]; why != nil {
		cancel(why)
		return
	}
	// Log lines are written to the file that has the name at that moment, so that
	// nothing is left to be reopened but the place for crashes.
	d.catchCrashes()
	name := "SIGUSR1"
	if sig == syscall.SIGHUP {
		name = "SIGHUP"
		_ = d.ReloadTLS() // success and failure are logged there
	}
	d.Log(monitor.LevelNotice, "Received "+name+", log reopened")
}

// insist ends the process because somebody does not want to wait.
func (d *daemon) insist() {
	d.Log(monitor.LevelWarning, "You insist... exiting now.")
	removePidFile(d.pidfile, d.Log)
	os.Exit(1)
}
