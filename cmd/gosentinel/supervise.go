package main

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

type supervision int

const (
	unsupervised supervision = iota
	byUpstart
	bySystemd
)

// name is the supervisor's name in INFO; "" is none.
func (k supervision) name() string {
	return [...]string{unsupervised: "", byUpstart: "upstart", bySystemd: "systemd"}[k]
}

// supervisor is the program that started this process and monitors it.
type supervisor struct {
	kind     supervision
	socket   string        // systemd's NOTIFY_SOCKET
	watchdog time.Duration // between two pings; 0 means that none are expected
	problem  string        // why there is no supervision although it was requested
	detected string
}

// findSupervisor determines the supervisor from the supervised directive and the
// environment that supervisors set.
func findSupervisor(directive string, env func(string) string) supervisor {
	var s supervisor
	if directive == "auto" {
		switch {
		case env("UPSTART_JOB") != "":
			directive, s.detected = "upstart", "Upstart supervision detected."
		case env("NOTIFY_SOCKET") != "":
			directive, s.detected = "systemd", "Systemd supervision detected."
		}
	}
	switch directive {
	case "upstart":
		if env("UPSTART_JOB") == "" {
			s.problem = "upstart supervision requested, but UPSTART_JOB not found!"
			return s
		}
		s.kind = byUpstart
	case "systemd":
		if s.socket = env("NOTIFY_SOCKET"); s.socket == "" {
			s.problem = "systemd supervision error: NOTIFY_SOCKET not found!"
			return s
		}
		s.kind, s.watchdog = bySystemd, watchdogGap(env)
	}
	return s
}

// watchdogGap returns half of the time after which systemd considers a silent
// service hung (sd_watchdog_enabled(3)), or 0 without a watchdog.
func watchdogGap(env func(string) string) time.Duration {
	if pid := env("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	const longest = 1 << 40 // microseconds; two weeks
	usec, err := strconv.ParseUint(env("WATCHDOG_USEC"), 10, 64)
	if err != nil || usec == 0 || usec > longest {
		return 0
	}
	return max(time.Duration(usec)*time.Microsecond/2, time.Millisecond)
}

// ready notifies the supervisor that the Sentinel serves.
func (s *supervisor) ready(log func(monitor.Level, string)) {
	if s.detected != "" {
		log(monitor.LevelVerbose, s.detected)
	}
	if s.problem != "" {
		log(monitor.LevelWarning, s.problem)
	}
	switch s.kind {
	case byUpstart:
		log(monitor.LevelNotice, "supervised by upstart, will stop to signal readiness.")
		os.Unsetenv("UPSTART_JOB")
		if err := stopSelf(); err != nil {
			log(monitor.LevelWarning, "upstart cannot be told of the readiness: "+err.Error())
		}
	case bySystemd:
		log(monitor.LevelNotice, "Supervised by systemd. Please make sure you set appropriate values for "+
			"TimeoutStartSec and TimeoutStopSec in your service unit.")
		s.tell(log, "STATUS=Ready to accept connections\nREADY=1\n")
	}
}

func (s *supervisor) stopping(log func(monitor.Level, string)) {
	if s.kind == bySystemd {
		s.tell(log, "STOPPING=1\n")
	}
}

// ping sends a watchdog ping. An error is not logged, because it would recur with
// every ping, and systemd notices by itself.
func (s *supervisor) ping() { _ = notify(s.socket, "WATCHDOG=1\n") }

func (s *supervisor) tell(log func(monitor.Level, string), text string) {
	if err := notify(s.socket, text); err != nil {
		log(monitor.LevelWarning, "systemd supervision error: sd_notify: "+err.Error())
	}
}

// notifyTimeout bounds the wait for a supervisor that does not read its socket.
const notifyTimeout = time.Second

// notify sends one message of sd_notify(3). A socket that begins with "@" is in
// the abstract namespace, which the net package writes in the same way.
func notify(socket, text string) error {
	if socket == "" {
		return errors.New("no socket")
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(notifyTimeout)); err != nil {
		return err
	}
	_, err = conn.Write([]byte(text))
	return err
}

// watch pings as long as alive returns true. A ping must not only prove that this
// goroutine runs: alive asks the goroutine that makes the decisions, and blocks
// while that one is stuck. Then the pings stop, and the supervisor restarts a
// Sentinel that would otherwise monitor nothing and give no votes.
func watch(ctx context.Context, every time.Duration, alive func() bool, ping func()) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if alive() {
			ping()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
