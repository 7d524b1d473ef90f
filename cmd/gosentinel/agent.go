package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/agent"
)

const agentUsage = `Usage: gosentinel agent FILE [-once | -dry-run] [-wait 15s] [-v]
       gosentinel agent FILE MASTER ROLE STATE FROM-IP FROM-PORT TO-IP TO-PORT
       gosentinel agent -f NUTCRACKER.YML [-h HOST] [-p PORT] [-c COMMAND] [-l LOG]

Keeps other programs pointed at the masters that Sentinels name: files made of
templates, nutcracker.yml, HAProxy, /etc/hosts, zone files, Kubernetes Services,
programs, webhooks. FILE is explained in agent.toml.example.

The second form is that of a client-reconfig-script: it does what -once does, for
one master. The third needs no file; its flags are those of the Redis-Sentinel
TwemProxy agent.

SIGHUP reads FILE again; if there is a mistake in it, the old one stays in force.

Status: 0 done, 1 a target could not be brought in line (try again), 2 wrong usage
or a mistake in FILE.

`

// Status of the command agent. A client-reconfig-script with status 1 is started again
// by Sentinels, and one with 2 is not.
const (
	agentDone  = 0
	agentAgain = 1
	agentWrong = 2
)

// agentCommand is what the command of that name was told.
type agentCommand struct {
	*program
	file         string
	once, dryRun bool
	wait         time.Duration
	verbose      bool
	want         *agent.Expectation
	old          *oldAgent // the flags of the TwemProxy agent; nil: there is a FILE
}

// agent is the command of that name. It returns the exit status.
func (p *program) agent(args []string) int {
	c := &agentCommand{program: p}
	switch err := c.parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return agentDone
	case err != nil:
		fmt.Fprintln(p.stderr, "gosentinel agent: "+err.Error())
		return agentWrong
	}
	log, closeLog, err := c.logger()
	if err != nil {
		fmt.Fprintln(p.stderr, "gosentinel agent: "+err.Error())
		return agentWrong
	}
	defer closeLog()
	cfg, err := c.config(log)
	var a *agent.Agent
	if err == nil {
		a, err = agent.New(cfg)
	}
	if err != nil {
		fmt.Fprintln(p.stderr, err)
		return agentWrong
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if c.once || c.dryRun {
		return c.single(ctx, a)
	}
	c.run(ctx, a, log)
	return agentDone
}

// flags returns the flags of the command, and separately where those of the TwemProxy agent go.
func (c *agentCommand) flags() (*flag.FlagSet, *oldAgent) {
	flags := flag.NewFlagSet("agent", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&c.once, "once", false, "bring everything in line once, and end")
	flags.BoolVar(&c.dryRun, "dry-run", false, "change nothing: print what would change, and end")
	flags.DurationVar(&c.wait, "wait", 15*time.Second, "with -once and -dry-run: how long to wait for the Sentinels")
	flags.BoolVar(&c.verbose, "v", false, "log what changes in files")
	return flags, addOldFlags(flags)
}

// parse takes flags before and behind the words.
func (c *agentCommand) parse(args []string) error {
	flags, old := c.flags()
	var words []string
	for {
		err := flags.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(c.stderr, agentUsage)
			flags.SetOutput(c.stderr)
			flags.PrintDefaults()
		}
		if err != nil {
			return err
		}
		if flags.NArg() == 0 {
			break
		}
		words, args = append(words, flags.Arg(0)), flags.Args()[1:]
	}
	flags.Visit(func(f *flag.Flag) {
		if f.Name == "f" {
			c.old = old
		}
	})
	switch {
	case c.old != nil && len(words) == 0:
	case c.old != nil:
		return errors.New("-f takes the place of FILE: leave one of them out")
	case len(words) == 1:
		c.file = words[0]
	case len(words) == 8:
		c.file, c.once = words[0], true
		port, err := strconv.Atoi(words[7])
		if err != nil {
			return fmt.Errorf("the new port is %q, which is no number", words[7])
		}
		c.want = &agent.Expectation{Master: words[1], Addr: agent.Server{Host: words[6], Port: port}}
	default:
		return errors.New("it takes a FILE, and nothing else or the seven arguments of a client-reconfig-script; see -help")
	}
	return nil
}

// config reads the configuration.
func (c *agentCommand) config(log *slog.Logger) (*agent.Config, error) {
	if c.old != nil {
		return c.old.config(log), nil
	}
	cfg, err := agent.Load(c.file)
	if err == nil {
		cfg.Logger = log
	}
	return cfg, err
}

// logger returns what the agent logs to.
func (c *agentCommand) logger() (log *slog.Logger, closeLog func(), err error) {
	if c.old != nil {
		return c.old.logger(c.stdout, c.verbose)
	}
	o := &slog.HandlerOptions{}
	if c.verbose {
		o.Level = slog.LevelDebug
	}
	if (c.once || c.dryRun) && !c.verbose {
		o.Level = slog.LevelWarn // the result says what was done
	}
	return slog.New(slog.NewTextHandler(c.stderr, o)), func() {}, nil
}

// single brings everything in line once.
func (c *agentCommand) single(ctx context.Context, a *agent.Agent) int {
	ctx, cancel := context.WithTimeout(ctx, c.wait)
	defer cancel()
	do := func() error { return a.Once(ctx, c.want) }
	if c.dryRun {
		do = func() error { return a.DryRun(ctx, c.want, c.stdout) }
	}
	if err := do(); err != nil {
		fmt.Fprintln(c.stderr, err)
		return agentAgain
	}
	return agentDone
}

// run keeps everything in line until a signal ends it, or begins anew with another
// configuration.
func (c *agentCommand) run(ctx context.Context, a *agent.Agent, log *slog.Logger) {
	hups := make(chan os.Signal, 1)
	signal.Notify(hups, syscall.SIGHUP)
	defer signal.Stop(hups)
	for {
		running, cancel := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = a.Run(running) // it fails only when it is called twice
		}()
		next := c.reload(ctx, hups, log)
		cancel()
		<-ended
		if next == nil {
			return
		}
		a = next
	}
}

// reload returns an agent with the configuration that the file has after a SIGHUP; nil
// at the end.
func (c *agentCommand) reload(ctx context.Context, hups <-chan os.Signal, log *slog.Logger) *agent.Agent {
	for {
		select {
		case <-hups:
		case <-ctx.Done():
			return nil
		}
		cfg, err := c.config(log)
		if err == nil {
			var a *agent.Agent
			if a, err = agent.New(cfg); err == nil {
				log.Info("The configuration has been read again")
				return a
			}
		}
		log.Error("The configuration has mistakes: the old one stays in force", "error", err)
	}
}
