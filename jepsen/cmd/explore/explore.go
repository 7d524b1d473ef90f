package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gosentinel/sentinel/jepsen/sim/explore"
	"github.com/gosentinel/sentinel/monitor"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// worlds are explored when no flag asks for one: the largest that take minutes.
var worlds = []explore.Config{
	{Sentinels: 1, Masters: 2, Epochs: 3, Quorum: 1, DiskFaults: true},
	{Sentinels: 3, Masters: 1, Epochs: 1, Quorum: 2, Expiry: true, DiskFaults: true},
	{Sentinels: 3, Masters: 1, Epochs: 2, Quorum: 1},
	{Sentinels: 3, Masters: 1, Epochs: 3, Quorum: 1, Voters: 2, Meddling: true},
	{Sentinels: 3, Masters: 1, Epochs: 3, Quorum: 1, NoCrashes: true},
	{Sentinels: 3, Masters: 2, Epochs: 1, Quorum: 1},
	{Sentinels: 4, Masters: 1, Epochs: 1, Quorum: 1},
	{Sentinels: 4, Masters: 1, Epochs: 2, Quorum: 1, Voters: 2},
	{Sentinels: 3, Masters: 2, Epochs: 1, Quorum: 1, Alone: true},
	{Sentinels: 3, Masters: 1, Epochs: 3, Quorum: 1, Alone: true, Others: true},
	{Sentinels: 4, Masters: 1, Epochs: 3, Quorum: 1, Alone: true, Others: true},
	{Sentinels: 3, Masters: 1, Epochs: 2, Quorum: 2, Alone: true, Others: true, Expiry: true, DiskFaults: true},
}

// mixed is where stock Sentinels elect two leaders.
var mixed = explore.Config{Sentinels: 3, Masters: 1, Epochs: 2, Quorum: 1, MixedEpochs: true}

func run(args []string, out, errs io.Writer) int {
	list, err := parse(args, errs)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(errs, "explore:", err)
		return 2
	}
	code := 0
	for _, c := range list {
		begun := time.Now()
		clock := func() time.Duration { return time.Since(begun) }
		last := time.Duration(0)
		r, err := explore.Explore(c, clock, func(r explore.Result) {
			if r.Elapsed-last > 10*time.Second {
				last = r.Elapsed
				fmt.Fprintf(errs, "%v: depth %d, %d states, %d steps of a core, %v\n", c, r.Depth, r.States, r.Steps, r.Elapsed.Round(time.Second))
			}
		})
		if err != nil {
			fmt.Fprintln(errs, err)
			return 2
		}
		fmt.Fprintf(out, "%v, %v\n", r, r.Elapsed.Round(time.Second/10))
		for _, line := range r.Trace {
			fmt.Fprintln(out, line)
		}
		if r.Violation == "" && r.Leaders == 0 {
			fmt.Fprintln(out, "nobody was elected, so that this proves nothing")
			code = 1
		}
		if r.Violation != "" || !r.Complete {
			code = 1
		}
	}
	return code
}

func parse(args []string, errs io.Writer) ([]explore.Config, error) {
	f := flag.NewFlagSet("explore", flag.ContinueOnError)
	f.SetOutput(errs)
	c := explore.Config{}
	f.IntVar(&c.Sentinels, "sentinels", 3, "number of Sentinels, 1 to 4")
	f.IntVar(&c.Masters, "masters", 1, "number of masters, 1 or 2")
	epochs := f.Uint64("epochs", 1, "highest epoch, 1 to 3")
	f.IntVar(&c.Quorum, "quorum", 1, "quorum of each master")
	f.IntVar(&c.Voters, "voters", 0, "Sentinels that only vote")
	f.BoolVar(&c.Alone, "alone", false, "one Sentinel of the world, which may be told anything")
	f.BoolVar(&c.NoCrashes, "no-crashes", false, "leave crashes out")
	f.BoolVar(&c.DiskFaults, "disk-faults", false, "writes fail and hang")
	f.BoolVar(&c.Expiry, "expiry", false, "answers of peers expire")
	f.BoolVar(&c.Others, "others", false, "other masters raise the epoch and cause writes; with -alone")
	f.BoolVar(&c.Meddling, "meddling", false, "a stranger raises the epoch")
	f.BoolVar(&c.Everything, "everything", false, "without the reductions")
	f.IntVar(&c.MaxStates, "max-states", 0, "give up at so many states; 0 means 100 million")
	stock := f.Bool("mixed", false, "have votes asked for and counted as stock Sentinels do")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q; -h lists the flags", f.Arg(0))
	}
	c.Epochs, c.MixedEpochs = monitor.Epoch(*epochs), *stock
	switch {
	case f.NFlag() == 0:
		return worlds, nil
	case f.NFlag() == 1 && *stock:
		return []explore.Config{mixed}, nil
	}
	return []explore.Config{c}, c.Validate()
}
