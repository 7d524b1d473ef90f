package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/monitor"
)

// pidPath returns the path of the pid file, or "" for none.
func pidPath(set configrewrite.Settings, background bool, f flavour) string {
	switch {
	case set.PidFile != "":
		return configrewrite.InDir(set.Dir, set.PidFile)
	case background && f == asValkey:
		return "/var/run/valkey.pid"
	case background:
		return "/var/run/redis.pid"
	}
	return ""
}

// writePidFile is called only once the ports are open, so that starting a second
// Sentinel by mistake does not overwrite the first one's file. A Sentinel without
// a pid file is better than none, so a failure is only logged.
func writePidFile(path string, log func(monitor.Level, string)) {
	if path == "" {
		return
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		log(monitor.LevelWarning, fmt.Sprintf("Failed to write PID file: %v", err))
	}
}

// removePidFile removes the pid file if it still names this process.
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
