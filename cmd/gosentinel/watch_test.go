package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// TestWatchStopsWithTheLoop: no ping is sent while the loop is stuck; when it
// goes on, so do the pings.
func TestWatchStopsWithTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		loop := make(chan struct{}, 1) // holds a token unless the loop is stuck
		loop <- struct{}{}
		alive := func() bool {
			loop <- <-loop
			return true
		}
		pings := 0 // read only while nothing runs
		go watch(ctx, time.Second, alive, func() { pings++ })
		<-time.After(3500 * time.Millisecond)
		if synctest.Wait(); pings != 4 {
			t.Errorf("%d signs of life in 3.5 s, want 4", pings)
		}
		<-loop
		<-time.After(time.Minute)
		if synctest.Wait(); pings != 4 {
			t.Errorf("%d signs of life of a stuck loop", pings-4)
		}
		loop <- struct{}{}
		<-time.After(3 * time.Second)
		if synctest.Wait(); pings < 7 {
			t.Errorf("%d signs of life after the loop went on", pings-4)
		}
		cancel()
		synctest.Wait()
	})
}

func TestWatchdogGap(t *testing.T) {
	own := strconv.Itoa(os.Getpid())
	for _, c := range []struct {
		usec, pid string
		want      time.Duration
	}{
		{"", "", 0}, {"10000000", "", 5 * time.Second}, {"10000000", own, 5 * time.Second}, {"10000000", "1", 0},
		{"0", own, 0}, {"x", own, 0}, {"-5", own, 0}, {"1", own, time.Millisecond}, {"18446744073709551615", own, 0},
	} {
		env := map[string]string{"WATCHDOG_USEC": c.usec, "WATCHDOG_PID": c.pid}
		if got := watchdogGap(func(k string) string { return env[k] }); got != c.want {
			t.Errorf("%s for %s: %v, want %v", c.usec, c.pid, got, c.want)
		}
	}
}

func TestFindSupervisor(t *testing.T) {
	for _, c := range []struct {
		directive string
		env       map[string]string
		want      supervision
		problem   bool
	}{
		{"no", map[string]string{"NOTIFY_SOCKET": "/s"}, unsupervised, false},
		{"systemd", map[string]string{"NOTIFY_SOCKET": "/s"}, bySystemd, false},
		{"systemd", nil, unsupervised, true},
		{"upstart", map[string]string{"UPSTART_JOB": "j"}, byUpstart, false},
		{"upstart", nil, unsupervised, true},
		{"auto", nil, unsupervised, false},
		{"auto", map[string]string{"NOTIFY_SOCKET": "/s"}, bySystemd, false},
		{"auto", map[string]string{"NOTIFY_SOCKET": "/s", "UPSTART_JOB": "j"}, byUpstart, false},
	} {
		got := findSupervisor(c.directive, func(k string) string { return c.env[k] })
		if got.kind != c.want || (got.problem != "") != c.problem {
			t.Errorf("%s with %v: %+v", c.directive, c.env, got)
		}
	}
}

func TestNotify(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "s"), "@gosentinel-test-" + strconv.Itoa(os.Getpid())} {
		conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		if err := notify(name, "READY=1\n"); err != nil {
			t.Error(err)
		}
		buf := make([]byte, 100)
		conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, err := conn.Read(buf)
		if err != nil || string(buf[:n]) != "READY=1\n" {
			t.Errorf("%q, %v", buf[:n], err)
		}
		conn.Close()
	}
	// A missing supervisor causes a log line and nothing else.
	var logged string
	s := supervisor{kind: bySystemd, socket: filepath.Join(t.TempDir(), "gone")}
	s.stopping(func(_ monitor.Level, text string) { logged = text })
	if logged == "" {
		t.Error("nothing is logged")
	}
	if err := notify("", "x"); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("no socket: %v", err)
	}
}
