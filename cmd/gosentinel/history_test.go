package main

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sentinel "github.com/gosentinel/sentinel"
	"github.com/gosentinel/sentinel/journal"
)

// someReports are three failovers of two masters.
func someReports() []journal.Report {
	at := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
	list := make([]journal.Report, 3)
	for k := range list {
		list[k] = journal.Report{
			ID: uint64(at.UnixMilli()) + uint64(k), Master: "cache", Led: true, Cause: journal.Silent, From: "10.0.0.1:6379", To: "10.0.0.2:6379",
			Begun: at.Add(time.Duration(k) * time.Minute), Ended: at.Add(time.Duration(k)*time.Minute + time.Second), Outcome: journal.Promoted,
			Notes: []journal.Note{{At: at, Text: "a line\x1b[31m\u009b31m of a server"}},
		}
	}
	list[1].Master = "queue"
	return list
}

func TestHistoryOfFile(t *testing.T) {
	dir := t.TempDir()
	conf := writeFile(t, dir, "sentinel.conf", "sentinel monitor cache 10.0.0.1 6379 1\n")
	if got := runProgram(t, "", "gosentinel", "history", conf); got.status != 1 || !strings.Contains(got.stderr, "there is none beside it") {
		t.Errorf("without a journal: %+v", got)
	}
	text := journal.Render(someReports())
	file := writeFile(t, dir, "sentinel.conf.failovers", string(text))
	for _, place := range []string{file, conf} {
		got := runProgram(t, "", "gosentinel", "history", place)
		if got.status != 0 || strings.Count(got.stdout, "has replaced 10.0.0.1:6379") != 3 || got.stderr != "" || strings.ContainsAny(got.stdout, "\x1b\u009b") {
			t.Errorf("%s: %+v", place, got)
		}
	}
	got := runProgram(t, "", "gosentinel", "history", file, "cache", "--json", "-n", "1")
	var r journal.Report
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil || r.Master != "cache" || r.ID != someReports()[2].ID || strings.Count(got.stdout, "\n") != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if got := runProgram(t, "", "gosentinel", "history", file, "nosuch"); got.status != 0 || got.stdout != "No failover is in the journal.\n" {
		t.Errorf("%+v", got)
	}

	if got := runProgram(t, "", "gosentinel", "history", writeFile(t, dir, "torn", string(text[:len(text)-9]))); got.status != 0 ||
		strings.Count(got.stdout, "has replaced") != 2 || !strings.HasPrefix(got.stderr, "gosentinel: the last record is not whole") || strings.Count(got.stderr, "\n") != 1 {
		t.Errorf("torn: %+v", got)
	}
	text[len(text)/2] ^= 1
	if got := runProgram(t, "", "gosentinel", "history", writeFile(t, dir, "damaged", string(text))); got.status != 0 ||
		strings.Count(got.stdout, "has replaced") != 2 || got.stderr != "gosentinel: records that are damaged and left out: 1\n" {
		t.Errorf("damaged: %+v", got)
	}
	for _, c := range []struct{ args, want string }{
		{"history " + filepath.Join(dir, "nosuch"), "is no file, and no address either"},
		{"history 127.0.0.1:1", "connection refused"},
		{"history x --nosuch", "flag provided but not defined"},
		{"history x y z", "history takes a file or an address"},
		{"history x -n -1", "-n must not be negative"},
	} {
		if got := runProgram(t, "", append([]string{"gosentinel"}, strings.Fields(c.args)...)...); got.status != 1 || !strings.Contains(got.stderr, c.want) || got.stdout != "" {
			t.Errorf("%s: %+v", c.args, got)
		}
	}
	if got := runProgram(t, "", "gosentinel", "history", "--help"); got.status != 0 || !strings.HasPrefix(got.stderr, "Usage: gosentinel history") {
		t.Errorf("help: %+v", got)
	}
}

// TestHistoryOfSentinel asks a Sentinel that is running, with its password.
func TestHistoryOfSentinel(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.toml")
	if err := os.WriteFile(state+".failovers", journal.Render(someReports()), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := sentinel.New(sentinel.Config{
		Listen: "127.0.0.1:0", StateFile: state, Password: "secret", GossipPort: -1,
		Masters: []sentinel.MasterConfig{{Name: "cache", Addr: "127.0.0.1:1", Quorum: 9}, {Name: "queue", Addr: "127.0.0.1:2", Quorum: 9}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	select {
	case <-s.Ready():
	case err := <-ended:
		t.Fatal(err)
	}
	addr := s.Addr().String()
	if got := runProgram(t, "", "gosentinel", "history", addr); got.status != 1 || !strings.Contains(got.stderr, "NOAUTH") {
		t.Errorf("without the password: %+v", got)
	}
	t.Setenv("REDISCLI_AUTH", "secret")
	if got := runProgram(t, "", "gosentinel", "history", addr); got.status != 0 || strings.Count(got.stdout, "has replaced") != 3 ||
		strings.Index(got.stdout, "queue") < strings.Index(got.stdout, "cache") {
		t.Errorf("%+v", got)
	}
	if got := runProgram(t, "", "gosentinel", "history", addr, "queue", "--json", "-user", "default"); got.status != 0 || strings.Count(got.stdout, "\n") != 1 {
		t.Errorf("one master: %+v", got)
	}
	if got := runProgram(t, "", "gosentinel", "history", addr, "nosuch"); got.status != 1 || !strings.Contains(got.stderr, "No such master") {
		t.Errorf("no master: %+v", got)
	}
}

// TestHistoryOfStranger asks something that is no Sentinel.
func TestHistoryOfStranger(t *testing.T) {
	t.Setenv("REDISCLI_AUTH", "")
	for _, answer := range []string{"HTTP/1.1 400 Bad Request\r\n\r\n", "-ERR \x1b]0;title\x07\r\n", "*1\r\n$6\r\nmaster\r\n", "*99999999\r\n", "$99999999999\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", ""} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if c, err := ln.Accept(); err == nil {
				_, _ = c.Read(make([]byte, 1024))
				_, _ = c.Write([]byte(answer))
				c.Close()
			}
		}()
		if got := runProgram(t, "", "gosentinel", "history", ln.Addr().String()); got.status != 1 || got.stdout != "" || strings.Contains(got.stderr, "\x1b") {
			t.Errorf("%q: %+v", answer, got)
		}
		ln.Close()
		<-done
	}
}
