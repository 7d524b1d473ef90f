package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os/signal"
	"syscall"

	"github.com/gosentinel/sentinel/proxy"
)

const proxyUsage = `Usage: gosentinel proxy [-check] FILE

Runs a proxy for clients that know nothing of Sentinels: they connect to it as to a
server, and a failover is a pause for them and no error. FILE is in TOML;
proxy.toml.example explains every key.

`

// proxy is the command of that name. It returns the exit status.
func (p *program) proxy(args []string) int {
	flags := flag.NewFlagSet("proxy", flag.ContinueOnError)
	flags.SetOutput(p.stderr)
	flags.Usage = func() {
		fmt.Fprint(p.stderr, proxyUsage)
		flags.PrintDefaults()
	}
	check := flags.Bool("check", false, "say what is wrong with the file, and start nothing")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() != 1:
		flags.Usage()
		return 2
	}
	cfg, err := proxy.Load(flags.Arg(0))
	if err != nil {
		fmt.Fprintf(p.stderr, "gosentinel: %v\n", err)
		return 1
	}
	if *check {
		fmt.Fprintf(p.stdout, "%s: OK\n", flags.Arg(0))
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	logger := slog.New(slog.NewTextHandler(p.stdout, nil))
	if err := proxy.Run(ctx, cfg, proxy.Options{Logger: logger}, nil); err != nil {
		fmt.Fprintf(p.stderr, "gosentinel: %v\n", err)
		return 1
	}
	return 0
}
