package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
	"github.com/gosentinel/sentinel/jepsen/sim"
	"github.com/gosentinel/sentinel/jepsen/sim/speed"
	"github.com/gosentinel/sentinel/jepsen/sim/sweep"
)

// runCommand plays seeds or scenario scripts.
var runCommand = cli.Command{
	Name:    "run",
	Args:    "[SCRIPT ...]",
	Summary: "play seeds, or scenario scripts, and check every step",
	Text: `Plays worlds of Sentinels, Redis servers and clients in virtual time, lets
everything go wrong, and checks the promises of the Sentinels after every step.
Without a SCRIPT it plays seeds.`,
	New:  func() cli.Task { return &run{} },
	More: vocabulary,
}

// run are the flags.
type run struct {
	sweep.Options
	faults  string
	bug     string
	speed   bool
	scripts []string
}

func (r *run) Flags(f *flag.FlagSet) {
	f.Uint64Var(&r.Seeds, "seeds", 100, "number of seeds to play; 0: until Ctrl-C, or the end of -duration")
	f.Uint64Var(&r.First, "seed", 1, "the first seed")
	f.StringVar(&r.faults, "faults", "default", "comma-separated groups of faults, or one of: default, all, every")
	f.BoolVar(&r.Verbose, "v", false, "print the options that were drawn and the whole trace, of one seed or of all that fail")
	f.IntVar(&r.Parallel, "parallel", runtime.NumCPU(), "seeds to play at once")
	f.DurationVar(&r.Duration, "duration", 0, "stop after so long; 0: when all seeds are played")
	f.IntVar(&r.Minimise, "minimise", 3000, "number of runs that may be spent to make a failing scenario smaller; 0: leave it as it is")
	f.StringVar(&r.Dir, "out", "", "directory for the scenarios of failing seeds (default jepsen/sim/testdata if it exists and there is no -bug, else the current one)")
	f.BoolVar(&r.KeepGoing, "keep-going", false, "go on after a seed that fails")
	f.StringVar(&r.bug, "bug", "", "break the model on purpose: ungated, ungated-crash, lossy-disk or mixed-epochs")
	f.BoolVar(&r.speed, "bench", false, "measure the speed with 5 Sentinels and 30 instances on one processor")
}

func (r *run) Check(args []string) error {
	r.scripts = args
	if err := checkParallel(r.Parallel); err != nil {
		return err
	}
	if r.Duration < 0 || r.Minimise < 0 {
		return errors.New("-duration and -minimise must not be negative")
	}
	if r.Bug = sim.Bug(r.bug); r.bug != "" {
		s := sim.Draw(0, nil)
		s.Options.Bug = r.Bug
		if err := s.Validate(); err != nil {
			return err
		}
	}
	if r.Dir == "" {
		r.Dir = "."
		// A scenario that needs a bug of the model would fail among the tests.
		if info, err := os.Stat("jepsen/sim/testdata"); r.bug == "" && err == nil && info.IsDir() {
			r.Dir = "jepsen/sim/testdata"
		}
	}
	var err error
	if r.Mixes, err = sweep.Mixes(r.faults); err != nil {
		return fmt.Errorf("-faults: %w", err)
	}
	return nil
}

// checkParallel judges a number of worlds to play at once.
func checkParallel(n int) error {
	if n < 1 || n > 1024 {
		return fmt.Errorf("-parallel %d: want 1 to 1024", n)
	}
	return nil
}

func (r *run) Run(ctx context.Context, s cli.Streams) error {
	// A world is small and short-lived: most of what the collector could do is to
	// look at it too early.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	switch {
	case r.speed:
		return speed.Measure(s.Out, 5*time.Second)
	case len(r.scripts) > 0:
		return r.playScripts(s.Out)
	}
	progress := s.Progress()
	r.Due = func() bool { return progress.Due(5 * time.Second) }
	if !sweep.Run(ctx, r.Options, s.Out, s.Info) {
		return cli.Failed
	}
	return nil
}

// playScripts plays scenario scripts, all of them even if one fails.
func (r *run) playScripts(out io.Writer) (err error) {
	for _, name := range r.scripts {
		text, readErr := os.ReadFile(name)
		if readErr != nil {
			return cli.UsageError{Err: readErr}
		}
		s, parseErr := sim.ParseScenario(string(text))
		if parseErr != nil {
			return cli.UsageError{Err: fmt.Errorf("%s: %w", name, parseErr)}
		}
		if r.bug != "" {
			s.Options.Bug = r.Bug
		}
		var trace func(string)
		if r.Verbose {
			trace = func(line string) { fmt.Fprintln(out, line) }
		}
		result := sim.Run(s, trace)
		if result.Failed() {
			err = cli.Failed
			fmt.Fprintf(out, "%s: %s\n", name, result.Violation)
			continue
		}
		fmt.Fprintf(out, "%s: nothing was violated in %v: %s\n", name, result.Virtual.Round(time.Second), sweep.Outcome(result))
	}
	return err
}

// vocabulary lists the faults and what is checked.
func vocabulary(w io.Writer) {
	fmt.Fprint(w, "\ngroups of faults (default: all but stock, policy, zone, swap, refusal and forget; all: all; every: the default mix and each group alone, in turn):\n")
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
