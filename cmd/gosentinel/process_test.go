package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestLogForMachines: with log-format json each line is an object, from the first to the
// last, and an event has its fields.
func TestLogForMachines(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "log-format json").start().serving()
	p.signal(syscall.SIGTERM)
	p.status()
	lines, monitored := strings.Split(strings.TrimSuffix(p.stdout.String(), "\n"), "\n"), false
	for _, line := range lines {
		var got struct {
			Timestamp                 time.Time
			Level, Message, Role      string
			PID                       int
			Event, Master, Kind, Addr string
			Quorum                    int
		}
		if err := json.Unmarshal([]byte(line), &got); err != nil || got.Timestamp.IsZero() || got.Level == "" || got.Message == "" || got.Role != "sentinel" || got.PID != p.Process.Pid {
			t.Errorf("%v: %s", err, line)
		}
		monitored = monitored || got.Event == "+monitor" && got.Master == "m" && got.Kind == "master" && got.Addr == "127.0.0.1:1" && got.Quorum == 2
	}
	if !monitored || !strings.Contains(lines[0], "just started") || !strings.Contains(lines[len(lines)-1], "bye bye") {
		t.Errorf("log:\n%s", p.stdout.String())
	}
}

// TestForeground is an ordinary run: the log is on standard output and nothing is
// on standard error, the process stays the same, and the first SIGTERM or SIGINT
// ends it with status 0 and the log lines of redis-sentinel.
func TestForeground(t *testing.T) {
	for _, sig := range []struct {
		syscall.Signal
		name string
	}{{syscall.SIGTERM, "SIGTERM"}, {syscall.SIGINT, "SIGINT"}} {
		t.Run(sig.name, func(t *testing.T) {
			t.Parallel()
			p := newProcess(t, "pidfile s.pid", "unixsocket s.sock", "unixsocketperm 700").start().serving()
			if pid := readPid(t, filepath.Join(p.dir, "s.pid")); pid != p.Process.Pid {
				t.Errorf("pid file of %d, started was %d", pid, p.Process.Pid)
			}
			sock := filepath.Join(p.dir, "s.sock")
			if info, err := os.Stat(sock); err != nil || info.Mode() != os.ModeSocket|0o700 {
				t.Errorf("socket: %v, %v", info, err)
			}
			if nc, err := net.Dial("unix", sock); err != nil {
				t.Error(err)
			} else {
				nc.Close()
			}
			p.signal(sig.Signal)
			if status := p.status(); status != 0 {
				t.Errorf("status %d", status)
			}
			if text := p.stderr.String(); text != "" {
				t.Errorf("standard error: %s", text)
			}
			want := fmt.Sprintf(`(?s)^%[1]d:X .* \* Running mode=sentinel, port=%[2]d\.\n.*\* Sentinel ID is [0-9a-f]{40}\n.*# \+monitor master m 127\.0\.0\.1 1 quorum 2\n`+
				`.*# Received %[3]s scheduling shutdown\.\.\.\n[^\n]*\* User requested shutdown\.\.\.\n.*\* Removing the pid file\.\n[^\n]*# Sentinel is now ready to exit, bye bye\.\.\.\n$`,
				p.Process.Pid, p.port, sig.name)
			if log := p.stdout.String(); !regexp.MustCompile(want).MatchString(log) {
				t.Errorf("log does not match\n%s\n%s", want, log)
			}
			for _, name := range []string{"s.pid", "s.sock"} {
				if _, err := os.Stat(filepath.Join(p.dir, name)); !os.IsNotExist(err) {
					t.Errorf("%s is left behind: %v", name, err)
				}
			}
		})
	}
}

// TestSecondStart: a second start fails because the port is taken, and touches
// neither the configuration nor the pid file of the first.
func TestSecondStart(t *testing.T) {
	t.Parallel()
	first := newProcess(t, "pidfile s.pid").start().serving()
	pid := readPid(t, filepath.Join(first.dir, "s.pid"))
	second := newProcess(t, "pidfile "+filepath.Join(first.dir, "s.pid"))
	conf := fmt.Sprintf("port %d\nbind 127.0.0.1\nsentinel monitor m 127.0.0.1 1 2\npidfile %s/s.pid\n", first.port, first.dir)
	writeFile(t, second.dir, "s.conf", conf)
	second.start()
	if status := second.status(); status != 1 {
		t.Errorf("status %d", status)
	}
	want := fmt.Sprintf(`# Warning: Could not create server TCP listening socket 127\.0\.0\.1:%[1]d: bind: Address already in use\n`+
		`.*# Failed listening on port %[1]d \(TCP\), aborting\.\n$`, first.port)
	if log := second.stdout.String(); !regexp.MustCompile(want).MatchString(log) || second.stderr.String() != "" {
		t.Errorf("log %s\nstderr %s", log, second.stderr.String())
	}
	if text, _ := os.ReadFile(second.conf); string(text) != conf {
		t.Errorf("the configuration was changed:\n%s", text)
	}
	if readPid(t, filepath.Join(first.dir, "s.pid")) != pid {
		t.Error("the pid file was changed")
	}
}

// TestSecondInterrupt: a second Ctrl-C ends the process even if its log cannot be
// written.
func TestSecondInterrupt(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.Stdout = blockedPipe(t)
	p.start().serving()
	p.signal(syscall.SIGTERM)
	await(t, "the end", func() bool {
		p.Process.Signal(syscall.SIGINT) // it may have exited by now
		select {
		case <-p.done:
			return true
		default:
			return false
		}
	})
	if status := p.status(); status != 1 {
		t.Errorf("status %d", status)
	}
}

// TestLogReaderGone: the process survives when the reader of its log is gone.
func TestLogReaderGone(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Stdout = w
	p.start()
	w.Close()
	r.Close()
	p.serving()
	p.signal(syscall.SIGUSR1) // makes it log a line
	await(t, "the complaint", func() bool { return strings.Contains(p.stderr.String(), "log lines are being lost") })
	p.serving()
	p.signal(syscall.SIGTERM)
	if status := p.status(); status != 0 {
		t.Errorf("status %d", status)
	}
}

// TestLogRotation: after a rename, lines go to a new file, with and without the
// signals that log rotators send. (Those signals end redis-sentinel.)
func TestLogRotation(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "logfile s.log").start().serving()
	for i, sig := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGHUP} {
		if err := os.Rename(filepath.Join(p.dir, "s.log"), filepath.Join(p.dir, fmt.Sprint("s.log.", i))); err != nil {
			t.Fatal(err)
		}
		p.signal(sig)
		p.logged("s.log", fmt.Sprintf("Received %s, log reopened", []string{"SIGUSR1", "SIGHUP"}[i]))
	}
	if p.stdout.String() != "" || p.stderr.String() != "" {
		t.Errorf("with a log file, stdout %q, stderr %q", p.stdout.String(), p.stderr.String())
	}
}

// TestCrashIsLogged: the trace of a crash goes to the log file as well, even
// after a rotation.
func TestCrashIsLogged(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "logfile s.log").start().serving()
	if err := os.Rename(filepath.Join(p.dir, "s.log"), filepath.Join(p.dir, "s.log.1")); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP)
	p.logged("s.log", "log reopened") // creates the file
	p.signal(syscall.SIGHUP)          // opens it for crashes
	await(t, "the second signal", func() bool {
		log, _ := os.ReadFile(filepath.Join(p.dir, "s.log"))
		return strings.Count(string(log), "log reopened") == 2
	})
	p.signal(syscall.SIGSEGV)
	if status := p.status(); status == 0 {
		t.Error("status 0 after a crash")
	}
	log, err := os.ReadFile(filepath.Join(p.dir, "s.log"))
	if err != nil || !strings.Contains(string(log), "SIGSEGV") || !strings.Contains(string(log), "goroutine ") {
		t.Errorf("%v, log:\n%s", err, log)
	}
}

// TestDirectories: the configuration's path is relative to the directory of the
// start, and the paths in it are relative to dir.
func TestDirectories(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "pidfile s.pid", "logfile s.log", "dir sub")
	if err := os.Mkdir(filepath.Join(p.dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.start().serving()
	readPid(t, filepath.Join(p.dir, "sub", "s.pid"))
	p.logged("sub/s.log", "Sentinel ID is")
	text, err := os.ReadFile(p.conf)
	if err != nil || !strings.Contains(string(text), "sentinel myid") || !strings.Contains(string(text), `dir "`+p.dir+`/sub"`) {
		t.Errorf("%v, the state is not in\n%s", err, text)
	}
	if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", p.Process.Pid)); err == nil && cwd != filepath.Join(p.dir, "sub") {
		t.Errorf("working directory %s", cwd)
	}
}

// TestStandardInput: lines on standard input take precedence over the file.
func TestStandardInput(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	other := freePort(t)
	p.Args = append(p.Args, "-")
	p.Stdin = strings.NewReader(fmt.Sprintf("# from a secret store\nport %d", other))
	p.port = other
	p.start().serving()
}

// inBackground starts the daemon with daemonize and returns its process id.
func (p *process) inBackground() int {
	p.t.Helper()
	p.start()
	if status := p.status(); status != 0 {
		p.t.Fatalf("status %d", status)
	}
	// The starter exits only when the daemon is ready, so there is nothing to
	// wait for.
	if !ping(p.port) {
		p.t.Error("the daemon does not answer although its starter has exited")
	}
	pid := readPid(p.t, filepath.Join(p.dir, "s.pid"))
	p.t.Cleanup(func() { syscall.Kill(pid, syscall.SIGKILL) })
	return pid
}

func TestDaemonize(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "daemonize yes", "pidfile s.pid", "logfile s.log")
	p.Args = append(p.Args, "--loglevel", "verbose", "-")
	p.Stdin = strings.NewReader("maxclients 77\n") // must reach the second process as well
	pid := p.inBackground()
	if pid == p.Process.Pid {
		t.Error("it is still the process that was started")
	}
	if sid, err := unix.Getsid(pid); err != nil || sid != pid {
		t.Errorf("session %d of process %d, %v", sid, pid, err)
	}
	for fd := range 3 {
		if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, fd)); err == nil && to != os.DevNull {
			t.Errorf("descriptor %d is %s", fd, to)
		}
	}
	if env, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && !strings.HasPrefix(string(env), p.Args[0]+"\x00s.conf\x00") {
		t.Errorf("command line %q", env)
	}
	conf, _ := os.ReadFile(p.conf)
	if !strings.Contains(string(conf), "maxclients 77") {
		t.Errorf("what standard input said is lost:\n%s", conf)
	}
	p.logged("s.log", fmt.Sprintf("%d:X", pid))
	syscall.Kill(pid, syscall.SIGTERM)
	p.logged("s.log", "bye bye")
	if _, err := os.Stat(filepath.Join(p.dir, "s.pid")); !os.IsNotExist(err) {
		t.Errorf("the pid file is left behind: %v", err)
	}
	if p.stdout.String() != "" || p.stderr.String() != "" {
		t.Errorf("stdout %q, stderr %q", p.stdout.String(), p.stderr.String())
	}
}

// TestDaemonizeKeepsName: pgrep and killall find a daemon that was started
// through a link called redis-sentinel by that name, in the background as well.
func TestDaemonizeKeepsName(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "daemonize yes", "pidfile s.pid")
	link := filepath.Join(p.dir, "redis-sentinel")
	if err := os.Symlink(p.Path, link); err != nil {
		t.Fatal(err)
	}
	p.Path, p.Args[0] = link, link
	pid := p.inBackground()
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err == nil && string(name) != "redis-sentinel\n" { // only Linux has /proc
		t.Errorf("the process is called %q", name)
	}
}

// TestExecutable: argv[0] is not used if it leads to another program.
func TestExecutable(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	other := writeFile(t, t.TempDir(), "redis-sentinel", "#!/bin/sh\n")
	if err := os.Chmod(other, 0o755); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "redis-sentinel")
	if err := os.Symlink(self, link); err != nil {
		t.Fatal(err)
	}
	for argv0, want := range map[string]string{link: link, other: self, "": self, "redis-sentinel of nobody": self} {
		if got, err := executable(argv0); got != want || err != nil {
			t.Errorf("started as %q it starts %q, %v, want %q", argv0, got, err, want)
		}
	}
}

// TestDaemonizeFails: the starter fails if the daemon does, and the reason is
// printed on its terminal, whether it was found before or after going into the
// background.
func TestDaemonizeFails(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	port := ln.Addr().(*net.TCPAddr).Port
	for name, c := range map[string]struct{ line, says string }{
		"after":  {fmt.Sprintf("port %d", port), "Failed listening on port"},
		"before": {"prot 5", "FATAL CONFIG FILE ERROR"},
		"log":    {"logfile /nonexistent/s.log", "Can't open the log file: /nonexistent/s.log: No such file or directory"},
	} {
		p := newProcess(t, "daemonize yes", "pidfile s.pid", c.line).start()
		if status := p.status(); status != 1 || !strings.Contains(p.stderr.String(), c.says) {
			t.Errorf("%s: status %d, stderr %s", name, status, p.stderr.String())
		}
		if _, err := os.Stat(filepath.Join(p.dir, "s.pid")); !os.IsNotExist(err) {
			t.Errorf("%s: a pid file of a daemon that is not: %v", name, err)
		}
	}
}

// TestSystemd plays the part of systemd: it expects READY when the daemon is
// ready, then watchdog pings, and STOPPING at the end; daemonize has no effect.
func TestSystemd(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(patience))
	next := func() string {
		buf := make([]byte, 1000)
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("systemd is told nothing: %v", err)
		}
		return string(buf[:n])
	}
	p := newProcess(t, "daemonize yes", "supervised auto", "loglevel verbose")
	p.Env = append(p.Env, "NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=100000")
	p.start()
	if got := next(); got != "STATUS=Ready to accept connections\nREADY=1\n" {
		t.Errorf("first message %q", got)
	}
	if !ping(p.port) {
		t.Error("it does not answer although it said that it is ready")
	}
	if text := p.info("server"); !strings.Contains(text, "\r\nprocess_supervised:systemd\r\n") {
		t.Errorf("INFO does not name the supervisor:\n%s", text)
	}
	for range 3 {
		if got := next(); got != "WATCHDOG=1\n" {
			t.Errorf("message %q instead of a sign of life", got)
		}
	}
	p.signal(syscall.SIGTERM)
	for {
		if got := next(); got == "STOPPING=1\n" {
			break
		} else if got != "WATCHDOG=1\n" {
			t.Fatalf("message %q", got)
		}
	}
	if status := p.status(); status != 0 {
		t.Errorf("status %d", status)
	}
	p.logged("", "Systemd supervision detected.")
	p.logged("", "Supervised by systemd. Please make sure you set appropriate values")
}

// TestSupervisorMissing: redis-sentinel's line is logged, and the daemon runs
// without a supervisor.
func TestSupervisorMissing(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "supervised systemd").start().serving()
	p.logged("", "# systemd supervision error: NOTIFY_SOCKET not found!")
	if text := p.info("server"); !strings.Contains(text, "\r\nprocess_supervised:no\r\n") {
		t.Errorf("INFO names a supervisor that is not there:\n%s", text)
	}
}

// TestUpstart: the process stops itself to signal that it is ready.
func TestUpstart(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "supervised upstart")
	p.Env = append(p.Env, "UPSTART_JOB=sentinel")
	p.start()
	await(t, "the process to stop itself", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Process.Pid))
		return err == nil && strings.Contains(string(stat), ") T ")
	})
	p.signal(syscall.SIGCONT)
	p.serving()
}

// limited starts the process under a limit of open files.
func (p *process) limited(files int) *process {
	p.t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		p.t.Fatal(err)
	}
	p.Args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, files), p.Path}, p.Args[1:]...)
	p.Path = sh
	p.asNobody()
	return p
}

func TestFileLimit(t *testing.T) {
	t.Parallel()
	p := newProcess(t).limited(150).start().serving()
	p.logged("", "* File descriptors: 4 for the links of 1 masters, 114 for 114 clients at most and 32 for other things, of 150.")
	p.logged("", "# You requested maxclients of 10000 requiring at least 10036 max file descriptors.")
	p.logged("", "# Current maximum open files is 150. maxclients has been reduced to 114 to compensate for low ulimit.")

	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf("sentinel monitor m%d 127.0.0.1 1 2", i))
	}
	p = newProcess(t, many...).limited(150).start()
	if status := p.status(); status != 1 {
		t.Errorf("status %d", status)
	}
	if log := p.stdout.String(); !strings.Contains(log, "Your current 'ulimit -n' of 150 is not enough for the server to start. "+
		"Please increase your open file limit to at least 468. (101 masters need 404 connections") {
		t.Errorf("log %s", log)
	}
}

// TestUnwritable: redis-sentinel's words for a file that only root may change.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.asNobody()
	if err := os.Chmod(p.conf, 0o444); err != nil {
		t.Fatal(err)
	}
	p.start()
	if status := p.status(); status != 1 {
		t.Errorf("status %d", status)
	}
	if log := p.stdout.String(); !strings.Contains(log, "# Sentinel config file "+p.conf+" is not writable: Permission denied. Exiting...\n") {
		t.Errorf("log %s", log)
	}
}

// TestShutdownCommand: SHUTDOWN ends the process as SIGTERM does.
func TestShutdownCommand(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "pidfile s.pid").start().serving()
	nc, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p.port))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := nc.Write([]byte("SHUTDOWN\r\n")); err != nil {
		t.Fatal(err)
	}
	if status := p.status(); status != 0 {
		t.Errorf("status %d", status)
	}
	if log := p.stdout.String(); strings.Count(log, "User requested shutdown...") != 1 || strings.Contains(log, "Received") {
		t.Errorf("log %s", log)
	}
}
