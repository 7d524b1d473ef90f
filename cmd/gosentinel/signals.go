package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/gosentinel/sentinel/monitor"
)

// stopTexts are the causes of a shutdown by signal, which Run logs.
var stopTexts = map[os.Signal]error{
	syscall.SIGTERM: errors.New("Received SIGTERM scheduling shutdown..."),
	syscall.SIGINT:  errors.New("Received SIGINT scheduling shutdown..."),
}

// handleSignals handles signals until the function that it returns is called.
func (d *daemon) handleSignals(cancel context.CancelCauseFunc) (stop func()) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, append([]os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP}, reopenSignals...)...)
	// Without this, the Sentinel would die with the program that reads its log.
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
					d.exitNow()
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
	// Log lines always go to the file that has the name at that moment, so only
	// the crash output has to be reopened.
	d.catchCrashes()
	name := "SIGUSR1"
	if sig == syscall.SIGHUP {
		name = "SIGHUP"
		_ = d.ReloadTLS() // it logs both success and failure
	}
	d.Log(monitor.LevelNotice, "Received "+name+", log reopened")
}

// exitNow exits at once because a second SIGINT came.
func (d *daemon) exitNow() {
	d.Log(monitor.LevelWarning, "You insist... exiting now.")
	removePidFile(d.pidfile, d.Log)
	os.Exit(1)
}
