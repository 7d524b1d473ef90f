package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gosentinel/sentinel/internal/recorder"
	"github.com/gosentinel/sentinel/monitor"
)

// recordEnv names a directory. A daemon that finds it in its environment records
// there what its core is told and what the core does, for `sim replay`.
const recordEnv = "GOSENTINEL_RECORD"

// startRecord begins a record, if one is asked for. The function that it returns
// ends it. A record holds passwords, so the file is for its owner alone.
//
// A Sentinel that cannot be recorded still works, so errors are logged, once Run
// has opened the log, and that is all.
func (d *daemon) startRecord() (end func()) {
	dir := os.Getenv(recordEnv)
	os.Unsetenv(recordEnv) // scripts must not inherit it
	if dir == "" {
		return func() {}
	}
	path := filepath.Join(dir, fmt.Sprintf("gosentinel-%d.record", os.Getpid()))
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		d.notices = append(d.notices, fmt.Sprintf("Nothing is recorded: %v (%s)", err, recordEnv))
		return func() {}
	}
	d.notices = append(d.notices, fmt.Sprintf("Recording to %s, passwords included (%s)", path, recordEnv))
	d.Record(f, recorder.DefaultLimit)
	return func() { f.Close() }
}

// logNotices logs what was found before the log was open.
func (d *daemon) logNotices() {
	for _, text := range d.notices {
		d.Log(monitor.LevelWarning, text)
	}
}
