package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/gosentinel/sentinel"
	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/scripts"
)

const usage = `Usage: gosentinel <config-file> [--sentinel] [--<option> <value>...]...
       gosentinel -v | --version
       gosentinel -h | --help

Runs a Sentinel that monitors Redis or Valkey servers and fails over to a
replica when a master dies. The configuration file is a sentinel.conf, or a
sentinel.toml when its name ends in .toml; it must be writable, because the
state is kept in it (or name another file with state-file).

Options after the file are configuration lines that win over it:

  gosentinel sentinel.conf
  gosentinel sentinel.conf --port 26380 --loglevel verbose
  gosentinel sentinel.conf --sentinel monitor cache 10.0.0.1 6379 2

See sentinel.toml.example for every option with its default.
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main with its surroundings as arguments. It returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	inv, err := parseArgs(args)
	switch {
	case inv.help:
		fmt.Fprint(stderr, usage)
		return 1 // as redis-sentinel does
	case inv.version:
		fmt.Fprintf(stdout, "gosentinel v=%s compatible=redis-sentinel-%s\n", sentinel.Version, sentinel.RedisVersion)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "gosentinel: %v\nTry gosentinel --help.\n", err)
		return 1
	}
	// Scripts must not inherit descriptors that whoever started us left open.
	if err := scripts.SealDescriptors(); err != nil {
		fmt.Fprintf(stderr, "gosentinel: %v\n", err)
	}
	s, err := sentinel.Open(inv.path, inv.overrides...)
	if err != nil {
		report(stderr, err)
		return 1
	}
	// Scripts run in the directory of the configuration, as they do under
	// redis-sentinel; every path of the configuration is absolute already.
	if err := os.Chdir(s.Dir()); err != nil {
		fmt.Fprintf(stderr, "gosentinel: %v\n", err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := s.Run(ctx); err != nil {
		report(stderr, err)
		return 1
	}
	return 0
}

// report writes an error in the form that tools which start Sentinels look for.
func report(w io.Writer, err error) {
	var config *configrewrite.Error
	if !errors.As(err, &config) {
		fmt.Fprintf(w, "gosentinel: %v\n", err)
		return
	}
	for _, p := range config.Problems {
		fmt.Fprintf(w, "\n*** FATAL CONFIG FILE ERROR (gosentinel %s) ***\n%s\n", sentinel.Version, p)
	}
}
