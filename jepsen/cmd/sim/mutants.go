package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"regexp"
	"runtime"
	"strconv"

	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
	"github.com/gosentinel/sentinel/jepsen/mutants"
)

// mutantsCommand proves that the tests of the core can fail.
var mutantsCommand = cli.Command{
	Name:    "mutants",
	Summary: "put faults into the core that the tests must notice",
	Text: `Builds the simulator, the explorer or a test once for each mutation of the core,
with the fault in place, and lets it look for the fault. Every one must be found.`,
	New: func() cli.Task { return &proof{} },
}

// proof are the flags.
type proof struct {
	mutants.Options
	pattern string
	list    bool
	hunt    string // of a mutant: what it is to do
}

func (p *proof) Flags(f *flag.FlagSet) {
	f.StringVar(&p.Root, "root", ".", "root of the source tree")
	f.StringVar(&p.pattern, "run", "", "only mutations whose name matches this regular expression")
	f.IntVar(&p.Parallel, "parallel", runtime.GOMAXPROCS(0), "mutants to hunt at the same time")
	f.IntVar(&p.Seeds, "seeds", mutants.Seeds, "seeds that the simulator may play for each mutation")
	f.BoolVar(&p.list, "list", false, "only list the mutations")
	f.BoolVar(&p.Verbose, "v", false, "print what was noticed")
	f.StringVar(&p.hunt, "hunt", "", "used by the command itself, in the mutants: what to look with")
}

func (p *proof) Check([]string) error {
	var err error
	if p.Pattern, err = regexp.Compile(p.pattern); err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	if p.Parallel < 1 || p.Seeds < 1 {
		return errors.New("want at least 1 for -parallel and -seeds")
	}
	return nil
}

// hunterArgs are the arguments with which this program, built as a mutant, hunts.
func hunterArgs(with string, seeds int) []string {
	return []string{"mutants", "-hunt", with, "-seeds", strconv.Itoa(seeds)}
}

func (p *proof) Run(ctx context.Context, s cli.Streams) error {
	switch {
	case p.hunt != "":
		if code := mutants.Hunt(p.hunt, p.Seeds, s.Out); code != 0 {
			return cli.ExitCode(code)
		}
		return nil
	case p.list:
		for _, m := range mutants.Table {
			fmt.Fprintf(s.Out, "%-55s %-10s %s\n", m.Name, m.By, m.Why)
		}
		return nil
	}
	p.Hunter, p.HunterArgs = "./jepsen/cmd/sim", hunterArgs
	caught, err := mutants.Prove(ctx, p.Options, s.Out)
	if err == nil && !caught {
		return cli.Failed
	}
	return err
}
