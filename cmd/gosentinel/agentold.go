package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/agent"
)

// oldAgent are the flags of the Redis-Sentinel TwemProxy agent, which existed before
// this program. -h may name several hosts, with commas between them.
type oldAgent struct {
	hosts         string
	port          int
	file, restart string
	log           string
}

// oldLog is where that agent logged.
const oldLog = "/var/log/twemproxy/twemproxy_sentinel.log"

func addOldFlags(flags *flag.FlagSet) *oldAgent {
	o := &oldAgent{}
	flags.StringVar(&o.hosts, "h", "127.0.0.1", "with -f: the `HOST` of a Sentinel, or several with commas between them")
	flags.IntVar(&o.port, "p", 26379, "with -f: their `PORT`")
	flags.StringVar(&o.file, "f", "", "keep the servers in this nutcracker.yml at the masters of their names")
	flags.StringVar(&o.restart, "c", "/etc/init.d/twemproxy restart", "with -f: `COMMAND` that restarts twemproxy; empty for none")
	flags.StringVar(&o.log, "l", oldLog, "with -f: log to this `FILE` too; empty for none")
	return o
}

func (o *oldAgent) config(log *slog.Logger) *agent.Config {
	t := &agent.Twemproxy{FileSettings: agent.FileSettings{File: o.file, Command: agent.Shell(o.restart)}}
	if o.restart == "" {
		t.Command = agent.None()
	}
	if !installed("nutcracker") {
		t.Validate = agent.None()
		log.Warn("nutcracker is not in PATH: new configurations are not validated")
	}
	cfg := &agent.Config{Targets: []agent.Target{t}, Logger: log}
	for host := range strings.SplitSeq(o.hosts, ",") {
		if host = strings.TrimSpace(host); host != "" {
			cfg.Sentinels = append(cfg.Sentinels, net.JoinHostPort(host, strconv.Itoa(o.port)))
		}
	}
	log.Info("Redis-Sentinel TwemProxy agent Started on: " + time.Now().Format(time.UnixDate))
	return cfg
}

func installed(program string) bool {
	for _, name := range []string{program, filepath.Join("/usr/sbin", program), filepath.Join("/usr/local/sbin", program)} {
		if _, err := exec.LookPath(name); err == nil {
			return true
		}
	}
	return false
}

// logger writes lines as that agent did, to the console and to a file.
func (o *oldAgent) logger(console io.Writer, verbose bool) (*slog.Logger, func(), error) {
	h := &oldLines{to: console, level: slog.LevelInfo, mu: &sync.Mutex{}}
	if verbose {
		h.level = slog.LevelDebug
	}
	closeLog := func() {}
	if o.log != "" {
		f, err := os.OpenFile(o.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		switch {
		case err == nil:
			h.to = io.MultiWriter(console, f)
			closeLog = func() { _ = f.Close() } // each line has been written by then
		case o.log == oldLog: // nobody has asked for it
			fmt.Fprintf(console, "gosentinel agent: no log file: %v\n", err)
		default:
			return nil, nil, err
		}
	}
	return slog.New(h), closeLog, nil
}

// oldLines writes a record as "[15:04:05] message", and what the message does not say
// behind it.
type oldLines struct {
	mu    *sync.Mutex
	to    io.Writer
	level slog.Level
	attrs []slog.Attr
}

// Enabled is part of slog.Handler, as are the methods below.
func (h *oldLines) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

func (h *oldLines) WithGroup(string) slog.Handler { return h }

func (h *oldLines) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.attrs = append(append([]slog.Attr{}, h.attrs...), attrs...)
	return &c
}

func (h *oldLines) Handle(_ context.Context, r slog.Record) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "[%s] %s", r.Time.Format("15:04:05"), r.Message)
	add := func(a slog.Attr) bool {
		// What every line would repeat is left out, so that the lines are those that
		// people have patterns for.
		if r.Level > slog.LevelInfo || a.Key != "file" && a.Key != "epoch" && a.Key != "group" {
			fmt.Fprintf(&b, " %s=%s", a.Key, a.Value)
		}
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	b.WriteByte('\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.to.Write(b.Bytes())
	return err
}
