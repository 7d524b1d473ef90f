package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/monitor"
)

// pidPath returns the path of the file for the process id, or "" for none.
func pidPath(set configrewrite.Settings, background bool, f flavour) string {
	switch {
	case set.PidFile != "" && filepath.IsAbs(set.PidFile):
		return set.PidFile
	case set.PidFile != "":
		return filepath.Join(set.Dir, set.PidFile)
	case background && f == asValkey:
		return "/var/run/valkey.pid"
	case background:
		return "/var/run/redis.pid"
	}
	return ""
}

// writePidFile is called when the ports are open, so that a second start by
// mistake does not overwrite the file of the first. A file that cannot be
// written is no reason to do without a Sentinel.
func writePidFile(path string, log func(monitor.Level, string)) {
	if path == "" {
		return
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		log(monitor.LevelWarning, fmt.Sprintf("Failed to write PID file: %v", err))
	}
}

// removePidFile removes the file if it is still that of this process.
func removePidFile(path string, log func(monitor.Level, string)) {
	if path == "" {
		return
	}
	text, err := os.ReadFile(path)
	if err != nil || strings.TrimSpace(string(text)) != strconv.Itoa(os.Getpid()) {
		return
	}
	log(monitor.LevelNotice, "Removing the pid file.")
	if err := os.Remove(path); err != nil {
		log(monitor.LevelWarning, fmt.Sprintf("Failed to remove the PID file: %v", err))
	}
}
