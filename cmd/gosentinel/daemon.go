package main

import (
	"context"
	"os"
	"runtime/debug"
	"sync"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/console"
	"github.com/gosentinel/sentinel/internal/listen"
	"github.com/gosentinel/sentinel/internal/node"
	"github.com/gosentinel/sentinel/internal/scripts"
	"github.com/gosentinel/sentinel/monitor"
)

// open reads the configuration, and raises the limit of open files as far as that
// needs.
func open(inv invocation) (*node.Node, error) {
	return node.Open(inv.path, node.Process{FitFiles: listen.FitFiles, Exit: os.Exit, Console: console.New}, inv.overrides...)
}

// daemon is a Sentinel that runs as a process of its own.
type daemon struct {
	*node.Node
	supervisor supervisor
	background *background // nil in the foreground
	pidfile    string      // "" for none

	notices []string // for the log, once it is open

	work sync.WaitGroup
}

// serve runs the Sentinel until a signal or a client's command ends it.
func (d *daemon) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer d.work.Wait()
	defer cancel(nil)
	d.SetHooks(node.Hooks{
		Ready:    func() { d.ready(ctx) },
		Stopping: func() { d.supervisor.stopping(d.Log) },
		Stopped:  func() { removePidFile(d.pidfile, d.Log) },

		Supervisor: d.supervisor.kind.name(),
	})
	d.catchCrashes()
	endRecord := d.startRecord()
	defer endRecord()
	stop := d.handleSignals(cancel)
	defer stop()
	d.work.Go(func() { scripts.ReapOrphans(ctx) })
	return d.Run(ctx)
}

// ready notifies the starter and the supervisor that the Sentinel works.
func (d *daemon) ready(ctx context.Context) {
	d.logNotices()
	writePidFile(d.pidfile, d.Log)
	d.catchCrashes() // again, because the log file exists now
	if err := d.background.done(); err != nil {
		d.Log(monitor.LevelWarning, "The terminal cannot be left: "+err.Error())
	}
	d.supervisor.ready(d.Log)
	if every := d.supervisor.watchdog; every > 0 {
		d.work.Go(func() { watch(ctx, every, d.Alive, d.supervisor.ping) })
	}
}

// catchCrashes makes the Go runtime write the trace of a crash to the log file as
// well. In the background, standard error goes nowhere.
func (d *daemon) catchCrashes() {
	set := d.Settings()
	path := configrewrite.InDir(set.Dir, set.LogFile)
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return // it does not exist yet; Run reports it if it cannot be created
	}
	defer f.Close() // the runtime keeps a duplicate
	if err := debug.SetCrashOutput(f, debug.CrashOptions{}); err != nil {
		d.Log(monitor.LevelWarning, "A crash would not be logged: "+err.Error())
	}
}
