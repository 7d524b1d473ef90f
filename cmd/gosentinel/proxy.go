package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/proxy"
	"github.com/gosentinel/sentinel/standalone"
)

const proxyUsage = `Usage: gosentinel proxy [-check] FILE

Runs a proxy for clients that know nothing of Sentinels: they connect to it as to a
server, and a failover is a pause for them and no error. FILE is in TOML;
proxy.toml.example explains every key; a FILE.json is a configuration of redis-proxy. When FILE changes, or on SIGHUP, it is read
again; clients stay connected.

SIGTERM and SIGINT end it. SIGQUIT hands over to a second process that has been started
with the same listeners: no new connections are taken, and the process ends when the last
client has gone.

`

// proxyPoll is how often the file is looked at.
const proxyPoll = time.Second

func proxyFlags(check *bool) *flag.FlagSet {
	flags := flag.NewFlagSet("proxy", flag.ContinueOnError)
	flags.BoolVar(check, "check", false, "say what is wrong with the file, and start nothing")
	return flags
}

// proxy is the command of that name. It returns the exit status.
func (p *program) proxy(args []string) int {
	var check bool
	flags := proxyFlags(&check)
	flags.SetOutput(p.stderr)
	flags.Usage = func() {
		fmt.Fprint(p.stderr, proxyUsage)
		flags.PrintDefaults()
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() != 1:
		flags.Usage()
		return 2
	}
	file := flags.Arg(0)
	cfg, err := proxy.Load(file)
	if err != nil {
		fmt.Fprintf(p.stderr, "gosentinel: %v\n", err)
		return 1
	}
	if check {
		fmt.Fprintf(p.stdout, "%s: OK\n", file)
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	logger := slog.New(slog.NewTextHandler(p.stdout, nil))
	ready := make(chan struct{})
	px := proxy.New(cfg, proxy.Options{Logger: logger, Standalone: standaloneGroup, Ready: func([]net.Addr) { close(ready) }})
	ctx, end := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-ready:
			followFile(ctx, px, file, cfg, logger)
		case <-ctx.Done():
		}
	}()
	err = px.Run(ctx)
	end()
	<-watched
	if err != nil {
		fmt.Fprintf(p.stderr, "gosentinel: %v\n", err)
		return 1
	}
	return 0
}

// standaloneGroup runs the Sentinel of a group that has none.
func standaloneGroup(o proxy.GroupOptions) (proxy.Source, error) {
	return standalone.New(standalone.Options{
		Name: o.Name, Servers: o.Servers, Access: o.Access, DownAfter: o.DownAfter, Proxies: o.Proxies, StateFile: o.State,
		Listen: o.Sentinel.Listen, Announce: o.Sentinel.Announce, Password: string(o.Sentinel.Password), ListenTLS: o.ListenTLS, Dial: o.Dial, Logger: o.Logger,
	})
}

// stamp tells one content of the file, and of those that it names, from another one; nil if
// one of them cannot be read, as while it is replaced.
func stamp(file string, cfg *proxy.Config) []byte {
	h := sha256.New()
	for _, name := range append([]string{file}, cfg.Files()...) {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil
		}
		one := sha256.Sum256(text)
		h.Write(one[:])
	}
	return h.Sum(nil)
}

// followFile puts the file in force whenever it, or a certificate that it names, has
// changed, or a signal says so. A file that is wrong changes nothing.
func followFile(ctx context.Context, px *proxy.Proxy, file string, cfg *proxy.Config, log *slog.Logger) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	known := stamp(file, cfg)
	tick := time.NewTicker(proxyPoll)
	defer tick.Stop()
	for {
		asked := false
		select {
		case s := <-signals:
			if s == syscall.SIGQUIT {
				px.Drain()
				continue
			}
			asked = true
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := stamp(file, cfg)
		if !asked && (now == nil || bytes.Equal(now, known)) {
			continue
		}
		known = now
		next, err := proxy.Load(file)
		if err == nil {
			err = px.Reload(next)
		}
		if err != nil {
			log.Error("proxy: the file is wrong, what was in force stays", "err", err)
			continue
		}
		cfg = next
		known = stamp(file, cfg) // it may name others
		log.Info("proxy: the file has been read again", "file", file)
	}
}
