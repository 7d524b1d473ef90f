package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/jepsen/sim"
)

func main() {
	// A world is small and short-lived: most of what the collector could do is to
	// look at it too early.
	debug.SetGCPercent(800)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are the flags.
type options struct {
	seeds, seed uint64
	faults      string
	mixes       []mix
	verbose     bool
	parallel    int
	duration    time.Duration
	minimise    int
	out         string
	keepGoing   bool
	bug         string
	bench       bool
	scripts     []string
}

// mix is a choice of fault groups.
type mix struct {
	name   string
	groups []string
}

func run(ctx context.Context, args []string, out, info io.Writer) int {
	o, err := parse(args, info)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(info, "sim: %v\nsim -h tells more\n", err)
		return 2
	case o.bench:
		if err := bench(out, 5*time.Second); err != nil {
			fmt.Fprintf(info, "sim: %v\n", err)
			return 1
		}
		return 0
	case len(o.scripts) > 0:
		return replay(o, out, info)
	}
	return hunt(ctx, o, out, info)
}

func parse(args []string, info io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("sim", flag.ContinueOnError)
	f.SetOutput(io.Discard) // errors are printed once, by run
	f.Uint64Var(&o.seeds, "seeds", 100, "number of seeds to play; 0: until Ctrl-C, or the end of -duration")
	f.Uint64Var(&o.seed, "seed", 1, "the first seed")
	f.StringVar(&o.faults, "faults", "default", "comma-separated groups of faults, or one of: default, all, every")
	f.BoolVar(&o.verbose, "v", false, "print the options that were drawn and the whole trace, of one seed or of all that fail")
	f.IntVar(&o.parallel, "parallel", runtime.NumCPU(), "seeds to play at once")
	f.DurationVar(&o.duration, "duration", 0, "stop after so long; 0: when all seeds are played")
	f.IntVar(&o.minimise, "minimise", 3000, "number of runs that may be spent to make a failing scenario smaller; 0: leave it as it is")
	f.StringVar(&o.out, "out", "", "directory for the scenarios of failing seeds (default jepsen/sim/testdata if it exists and there is no -bug, else the current one)")
	f.BoolVar(&o.keepGoing, "keep-going", false, "go on after a seed that fails")
	f.StringVar(&o.bug, "bug", "", "break the model on purpose: ungated, ungated-crash, lossy-disk or mixed-epochs")
	f.BoolVar(&o.bench, "bench", false, "measure the speed with 5 Sentinels and 30 instances on one processor")
	err := f.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		usage(info, f)
	}
	if err != nil {
		return o, err
	}
	o.scripts = f.Args()
	return o, o.check()
}

// check completes the options or says what is wrong with them.
func (o *options) check() error {
	if o.parallel < 1 || o.parallel > 1024 {
		return fmt.Errorf("-parallel %d: want 1 to 1024", o.parallel)
	}
	if o.duration < 0 || o.minimise < 0 {
		return errors.New("-duration and -minimise must not be negative")
	}
	if s := sim.Draw(0, nil); o.bug != "" {
		s.Options.Bug = sim.Bug(o.bug)
		if err := s.Validate(); err != nil {
			return err
		}
	}
	if o.out == "" {
		o.out = "."
		// A scenario that needs a bug of the model would fail among the tests.
		if info, err := os.Stat("jepsen/sim/testdata"); o.bug == "" && err == nil && info.IsDir() {
			o.out = "jepsen/sim/testdata"
		}
	}
	return o.chooseMixes()
}

func (o *options) chooseMixes() error {
	if o.faults == "every" {
		o.mixes = []mix{{"default", []string{"default"}}}
		for _, g := range sim.FaultGroups {
			o.mixes = append(o.mixes, mix{g, []string{g}})
		}
		return nil
	}
	groups := strings.Split(o.faults, ",")
	for _, g := range groups {
		if g != "default" && g != "all" && !slices.Contains(sim.FaultGroups, g) {
			return fmt.Errorf("-faults: there is no group %q: want some of %s, or default, all or every", g, strings.Join(sim.FaultGroups, ", "))
		}
	}
	o.mixes = []mix{{strings.Join(groups, "-"), groups}}
	return nil
}

func usage(w io.Writer, f *flag.FlagSet) {
	fmt.Fprint(w, `usage: sim [flags]             play seeds
       sim [flags] SCRIPT ...  play scenarios

Plays worlds of Sentinels, Redis servers and clients in virtual time, lets
everything go wrong, and checks the promises of the Sentinels after every step.

flags:
`)
	f.SetOutput(w)
	f.PrintDefaults()
	fmt.Fprint(w, "\ngroups of faults (default: all but stock; all: all; every: the default mix and each group alone, in turn):\n")
	for _, g := range sim.FaultGroups {
		kinds := strings.Join(sim.FaultKinds(g), " ")
		if kinds == "" {
			kinds = "(some of the Sentinels are models of stock redis-sentinel)"
		}
		fmt.Fprintf(w, "  %-9s %s\n", g, kinds)
	}
	fmt.Fprint(w, "\nwhat is checked:\n")
	for _, i := range sim.Invariants() {
		fmt.Fprintf(w, "  %-9s %s\n", i, i.Text())
	}
}

// replay plays scenario scripts.
func replay(o options, out, info io.Writer) int {
	code := 0
	for _, name := range o.scripts {
		text, err := os.ReadFile(name)
		if err != nil {
			fmt.Fprintf(info, "sim: %v\n", err)
			return 2
		}
		s, err := sim.ParseScenario(string(text))
		if err != nil {
			fmt.Fprintf(info, "sim: %s: %v\n", name, err)
			return 2
		}
		if o.bug != "" {
			s.Options.Bug = sim.Bug(o.bug)
		}
		var trace func(string)
		if o.verbose {
			trace = func(line string) { fmt.Fprintln(out, line) }
		}
		r := sim.Run(s, trace)
		if r.Failed() {
			code = 1
			fmt.Fprintf(out, "%s: %s\n", name, r.Violation)
			continue
		}
		fmt.Fprintf(out, "%s: nothing was violated in %v: %s\n", name, r.Virtual.Round(time.Second), outcome(r))
	}
	return code
}
