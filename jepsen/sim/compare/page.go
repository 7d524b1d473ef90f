package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are the flags.
type options struct {
	seeds, first uint64
	kind         string
	parallel     int
	write        string
	scenario     bool
}

func run(ctx context.Context, args []string, out, info io.Writer) int {
	o, err := parse(args, info)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(info, "simstats: %v\nsimstats -h tells more\n", err)
		return 2
	}
	if err := work(ctx, o, out, info); err != nil {
		fmt.Fprintf(info, "simstats: %v\n", err)
		return 1
	}
	return 0
}

func parse(args []string, info io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("simstats", flag.ContinueOnError)
	f.SetOutput(io.Discard) // errors are printed once, by run
	f.Uint64Var(&o.seeds, "seeds", 20, "number of seeds for every kind of fault and every mix")
	f.Uint64Var(&o.first, "seed", 1, "the first seed")
	f.StringVar(&o.kind, "kind", "", "only this kind of fault, or this mix")
	f.IntVar(&o.parallel, "parallel", runtime.NumCPU(), "runs to play at once")
	f.StringVar(&o.write, "write", "", "`directory` with simulation.md, to be written anew together with its pictures")
	f.BoolVar(&o.scenario, "scenario", false, "print the scenarios of -kind instead of playing them")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(info, "usage: simstats [flags]\n\nCompares gosentinel with a model of stock redis-sentinel in the simulator.\n\nflags:\n")
			f.SetOutput(info)
			f.PrintDefaults()
		}
		return o, err
	}
	known := o.kind == "" || len(singles(o.kind))+len(mixed(o.kind)) > 0
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("there is an argument too many: %q", f.Arg(0))
	case o.seeds < 1 || o.seeds > 1<<20:
		return o, fmt.Errorf("-seeds %d: want 1 to %d", o.seeds, 1<<20)
	case o.parallel < 1 || o.parallel > 1024:
		return o, fmt.Errorf("-parallel %d: want 1 to 1024", o.parallel)
	case !known:
		return o, fmt.Errorf("-kind: there is no %q: want one of %s", o.kind, strings.Join(kinds(), ", "))
	case o.scenario && o.kind == "":
		return o, errors.New("-scenario needs -kind")
	case o.write != "" && o.kind != "":
		return o, errors.New("-write needs all kinds: leave -kind out")
	}
	return o, nil
}

func kinds() (names []string) {
	for _, s := range append(singles(""), mixed("")...) {
		names = append(names, s.name)
	}
	return names
}

func work(ctx context.Context, o options, out, info io.Writer) error {
	r := &results{first: o.first, seeds: o.seeds, singles: singles(o.kind), mixed: mixed(o.kind)}
	if o.scenario {
		for _, s := range r.all() {
			for seed := o.first; seed < o.first+o.seeds; seed++ {
				fmt.Fprintf(out, "# %s\n%s\n", s.name, s.draw(seed))
			}
		}
		return nil
	}
	if err := r.play(ctx, o.parallel, info); err != nil {
		return err
	}
	if o.write == "" {
		_, err := io.WriteString(out, page(r))
		return err
	}
	return write(o.write, r)
}

// The files below the documentation.
const (
	pageFile   = "simulation.md"
	timesFile  = "simulation-times.svg"
	damageFile = "simulation-damage.svg"
)

// The generated part of pageFile lies between these lines.
const (
	beginMark = "<!-- What follows is written by make sim-stats. -->\n"
	endMark   = "<!-- Here ends what make sim-stats writes. -->\n"
)

func write(dir string, r *results) error {
	name := filepath.Join(dir, pageFile)
	old, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	text, err := replaced(string(old), page(r))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "img"), 0o755); err != nil {
		return err
	}
	for file, content := range map[string]string{
		name:                                  text,
		filepath.Join(dir, "img", timesFile):  chart("How long a failover takes, from the fault, less down-after", timePanels, failing(r.singles)),
		filepath.Join(dir, "img", damageFile): chart("What a fault costs", damagePanels, r.singles),
	} {
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// divide separates into what lies before, in and behind the generated part.
func divide(page string) (before, generated, after string, err error) {
	before, rest, begins := strings.Cut(page, beginMark)
	generated, after, ends := strings.Cut(rest, endMark)
	if !begins || !ends {
		return "", "", "", fmt.Errorf("there is no generated part: want it between the lines %q and %q", strings.TrimSpace(beginMark), strings.TrimSpace(endMark))
	}
	return before, generated, after, nil
}

func replaced(page, generated string) (string, error) {
	before, _, after, err := divide(page)
	return before + beginMark + "\n" + generated + "\n" + endMark + after, err
}
