package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/gosentinel/sentinel/internal/node"
	"github.com/gosentinel/sentinel/internal/scripts"
)

const usage = `Usage: gosentinel <config-file> [--sentinel] [--<option> <value>...]... [-]
       gosentinel --check-config <config-file> [--<option> <value>...]...
       gosentinel doctor [<config-file>] [<address>...]
       gosentinel status | top [<config-file>] [<address>...]
       gosentinel switchover | forget <master> [<config-file>] [<address>...]
       gosentinel convert <config-file> [<new-file>]
       gosentinel history <file-or-address> [<master>] [--json]
       gosentinel mock -list | -script <name-or-file> | -help
       gosentinel proxy [-check] <proxy.toml>
       gosentinel agent <file> [-once | -dry-run] | -help
       gosentinel completion bash | zsh | fish | powershell
       gosentinel version | -v | --version
       gosentinel help [<command>] | -h | --help

Runs a Sentinel that monitors Redis or Valkey servers and fails over to a
replica when a master dies. The configuration file is a sentinel.conf, or a
sentinel.toml when its name ends in .toml; it must be writable, because the
state is kept in it (or name another file with state-file).

Options after the file are configuration lines that win over it; so are the
lines of standard input when "-" stands first or last:

  gosentinel sentinel.conf
  gosentinel sentinel.conf --port 26380 --loglevel verbose
  gosentinel sentinel.conf --sentinel monitor cache 10.0.0.1 6379 2

--check-config reports everything that is wrong and starts nothing. doctor asks all
Sentinels and servers as well, and says what mends what it finds:

  gosentinel doctor sentinel.conf
  gosentinel doctor 10.0.0.5:26379

status shows masters, replicas and Sentinels once, top again and again. switchover has
a replica take the place of the master, and forget has all Sentinels forget members
that are gone for good:

  gosentinel status 10.0.0.5
  gosentinel switchover cache 10.0.0.5 --to 10.0.1.2:6379

convert
prints the same configuration, state included, in the other of the two formats:

  gosentinel convert sentinel.conf sentinel.toml

history says why the last failovers happened: from the journal beside the state, or
from a Sentinel that is running:

  gosentinel history sentinel.conf
  gosentinel history 10.0.0.5:26379 cache

mock plays Sentinels that misbehave, for the tests of client libraries. proxy serves
clients that know nothing of Sentinels, and makes a failover a pause. agent keeps
other programs pointed at the masters: twemproxy, HAProxy, files, Kubernetes.

Signals: SIGTERM and SIGINT end it, a second SIGINT at once; SIGHUP reads TLS
certificates again; SIGHUP and SIGUSR1 reopen the log.

See sentinel.toml.example for every option with its default.
`

// valkeyVersion is the Valkey release that this program claims to be when it is
// called valkey-sentinel.
const valkeyVersion = "8.0.0"

// program is main with its inputs and outputs, for tests to replace.
type program struct {
	argv           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	flavour        flavour
	ended          func(status int) // what a command ends with
}

func main() {
	p := &program{argv: os.Args, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, flavour: flavourOf(os.Args[0])}
	os.Exit(p.run())
}

// run returns the exit status.
func (p *program) run() int {
	if len(p.argv) == 1 && p.flavour == plain {
		fmt.Fprint(p.stderr, hint)
		return 1
	}
	inv, err := parseArgs(p.argv[1:], exists)
	switch {
	case inv.help:
		fmt.Fprint(p.stderr, usage)
		return 1 // as redis-sentinel does
	case inv.version:
		fmt.Fprintln(p.stdout, p.version())
		return 0
	case err != nil:
		status := p.badUsage(err)
		if len(p.argv) > 1 {
			p.askVerb(p.argv[1])
		}
		return status
	case inv.verb != nil:
		return p.command(inv.verb)
	}
	stdin := ""
	if inv.stdin {
		if stdin, err = readConfig(p.stdin); err != nil {
			p.logLine("Reading the configuration from standard input failed: " + err.Error())
			return 1
		}
	}
	inv.overrides = append(configLines(stdin), inv.overrides...)
	if inv.check {
		return p.check(inv)
	}
	return p.start(inv, stdin)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func (p *program) version() string {
	rest := "sha=00000000:0 malloc=go bits=64 build=gosentinel-" + node.Build()
	switch p.flavour {
	case asRedis:
		return "Redis server v=" + node.RedisVersion + " " + rest
	case asValkey:
		return "Valkey server v=" + valkeyVersion + " " + rest
	}
	return fmt.Sprintf("gosentinel v=%s compatible=redis-sentinel-%s", node.Build(), node.RedisVersion)
}

// maxStdin bounds the configuration on standard input.
const maxStdin = 16 << 20

func readConfig(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxStdin+1))
	if err == nil && len(text) > maxStdin {
		err = fmt.Errorf("it is longer than %d MiB", maxStdin>>20)
	}
	return string(text), err
}

func configLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// start runs the Sentinel, in this process or in the background.
func (p *program) start(inv invocation, stdin string) int {
	background := takeBackground()
	s, err := open(inv)
	if err != nil {
		p.reportOpen(inv, err)
		p.askVerb(inv.path)
		return 1
	}
	set := s.Settings()
	sup := findSupervisor(set.Supervised, os.Getenv)
	if set.Daemonize && sup.kind == unsupervised && background == nil {
		return p.daemonize(stdin)
	}
	// Scripts must not inherit descriptors that the parent process left open.
	if err := scripts.SealDescriptors(); err != nil {
		fmt.Fprintf(p.stderr, "gosentinel: %v\n", err)
	}
	// Scripts run in the directory that dir names, as they do under
	// redis-sentinel. Every path of the configuration is already absolute.
	if err := os.Chdir(s.Dir()); err != nil {
		fmt.Fprintf(p.stderr, "gosentinel: %v\n", err)
		return 1
	}
	d := &daemon{Node: s, supervisor: sup, background: background}
	collectEarlier()
	if notice := limitMemory(ownCgroupLimit); notice != "" {
		d.notices = append(d.notices, notice)
	}
	d.pidfile = pidPath(set, background != nil, p.flavour)
	err = d.serve(context.Background())
	if err == nil || errors.Is(err, node.ErrShutdown) {
		return 0
	}
	// If the log is standard output, the error is already there.
	if set.LogFile != "" || background != nil {
		fmt.Fprintf(p.stderr, "gosentinel: %v\n", err)
	}
	return 1
}
