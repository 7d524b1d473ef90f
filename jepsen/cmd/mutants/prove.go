package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/jepsen/mutants"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

type options struct {
	root     string
	pattern  *regexp.Regexp
	parallel int
	seeds    int
	list     bool
	verbose  bool
	hunt     string // of a mutant: what it is to do
}

func run(ctx context.Context, args []string, out, errs io.Writer) int {
	o, err := parse(args, errs)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(errs, "mutants:", err)
		return 2
	case o.hunt != "":
		return hunt(o.hunt, o.seeds, out)
	case o.list:
		for _, m := range mutants.Table {
			fmt.Fprintf(out, "%-55s %-10s %s\n", m.Name, m.By, m.Why)
		}
		return 0
	}
	return prove(ctx, o, out, errs)
}

func parse(args []string, errs io.Writer) (options, error) {
	f := flag.NewFlagSet("mutants", flag.ContinueOnError)
	f.SetOutput(errs)
	var o options
	f.StringVar(&o.root, "root", ".", "root of the source tree")
	pattern := f.String("run", "", "only mutations whose name matches this regular expression")
	f.IntVar(&o.parallel, "parallel", runtime.GOMAXPROCS(0), "mutants to hunt at the same time")
	f.IntVar(&o.seeds, "seeds", mutants.Seeds, "seeds that the simulator may play for each mutation")
	f.BoolVar(&o.list, "list", false, "only list the mutations")
	f.BoolVar(&o.verbose, "v", false, "print what was noticed")
	f.StringVar(&o.hunt, "hunt", "", "used by the command itself, in the mutants: what to look with")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	var err error
	if o.pattern, err = regexp.Compile(*pattern); err != nil {
		return o, fmt.Errorf("-run: %w", err)
	}
	if f.NArg() > 0 || o.parallel < 1 || o.seeds < 1 {
		return o, errors.New("want no arguments, and at least 1 for -parallel and -seeds; -h lists the flags")
	}
	return o, nil
}

// finding is the outcome of one hunt.
type finding struct {
	caught bool
	effort string // how much was needed
	what   string // what was noticed
	err    error  // the hunt itself went wrong
	took   time.Duration
}

// prove hunts the core without a mutation, which must pass, and then all mutants.
func prove(ctx context.Context, o options, out, errs io.Writer) int {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		fmt.Fprintln(errs, "mutants:", err)
		return 2
	}
	defer os.RemoveAll(dir)
	if bad := healthy(ctx, o, dir, out); bad != 0 {
		return bad
	}
	var list []mutants.Mutation
	for _, m := range mutants.Table {
		if o.pattern.MatchString(m.Name) {
			list = append(list, m)
		}
	}
	fmt.Fprintf(out, "%-55s %-12s %-16s %s\n", "mutation", "caught by", "after", "time")
	survivors := 0
	for k, f := range huntAll(ctx, o, dir, list) {
		by := list[k].By.String()
		if f.err != nil || !f.caught {
			survivors++
			by = "NOBODY"
		}
		fmt.Fprintf(out, "%-55s %-12s %-16s %.1f s\n", list[k].Name, by, f.effort, f.took.Seconds())
		if f.err != nil {
			fmt.Fprintf(out, "    %v\n", f.err)
		} else if o.verbose {
			fmt.Fprintf(out, "    %s\n", f.what)
		}
	}
	fmt.Fprintf(out, "%d mutations, %d survived\n", len(list), survivors)
	if survivors > 0 || ctx.Err() != nil {
		return 1
	}
	return 0
}

// healthy checks that the core as it is passes what the mutants must fail.
func healthy(ctx context.Context, o options, dir string, out io.Writer) int {
	checks := []mutants.Mutation{{By: mutants.BySimulator}, {By: mutants.ByExplorer}}
	for _, m := range mutants.Table {
		known := slices.ContainsFunc(checks, func(c mutants.Mutation) bool { return c.Test == m.Test })
		if m.By == mutants.ByTest && !known && o.pattern.MatchString(m.Name) {
			checks = append(checks, mutants.Mutation{By: m.By, Test: m.Test})
		}
	}
	for k, m := range checks {
		few := o
		few.seeds = min(o.seeds, 300)
		f := track(ctx, few, dir, fmt.Sprintf("healthy-%d", k), m)
		if f.err != nil || f.caught {
			fmt.Fprintf(out, "the core without a mutation does not pass the %s: %s %v\n", m.By, f.what, f.err)
			return 1
		}
		fmt.Fprintf(out, "without a mutation the %s finds nothing (%s, %.1f s)\n", m.By, f.effort, f.took.Seconds())
	}
	return 0
}

// huntAll hunts several mutants at a time and yields the findings in order.
func huntAll(ctx context.Context, o options, dir string, list []mutants.Mutation) func(func(int, finding) bool) {
	found := make([]chan finding, len(list))
	for k := range found {
		found[k] = make(chan finding, 1)
	}
	next := make(chan int, len(list))
	for k := range list {
		next <- k
	}
	close(next)
	var hunters sync.WaitGroup
	for range o.parallel {
		hunters.Go(func() {
			for k := range next {
				found[k] <- track(ctx, o, dir, strconv.Itoa(k), list[k])
			}
		})
	}
	return func(yield func(int, finding) bool) {
		defer hunters.Wait()
		for k := range found {
			if !yield(k, <-found[k]) {
				return
			}
		}
	}
}

// track builds one mutant and hunts it.
func track(ctx context.Context, o options, dir, name string, m mutants.Mutation) (f finding) {
	begun := time.Now()
	defer func() { f.took = time.Since(begun) }()
	own := filepath.Join(dir, name)
	if err := os.Mkdir(own, 0o755); err != nil {
		return finding{err: err}
	}
	overlay, err := m.Overlay(o.root, own)
	if err != nil {
		return finding{err: err}
	}
	binary := filepath.Join(own, "mutant")
	build := []string{"build", "-overlay", overlay, "-o", binary, "./jepsen/cmd/mutants"}
	args := []string{"-hunt", m.By.String(), "-seeds", strconv.Itoa(o.seeds)}
	at := o.root
	if m.By == mutants.ByTest {
		build = []string{"test", "-c", "-overlay", overlay, "-o", binary, m.Test[0]}
		args = []string{"-test.run", m.Test[1], "-test.v"}
		at = filepath.Join(o.root, m.Test[0]) // tests read their testdata
	}
	cmd := exec.CommandContext(ctx, "go", build...)
	cmd.Dir = o.root
	if text, err := cmd.CombinedOutput(); err != nil {
		return finding{err: fmt.Errorf("it does not build: %w\n%s", err, text)}
	}
	return look(ctx, binary, args, at, m)
}

// look runs a mutant. It ends with 0 when it has found nothing, with 1 when it
// has found something, and says so on its output.
func look(ctx context.Context, binary string, args []string, at string, m mutants.Mutation) finding {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &out, at
	err := cmd.Run()
	code := cmd.ProcessState.ExitCode()
	if ctx.Err() != nil || err != nil && code < 1 {
		return finding{err: errors.Join(err, ctx.Err())}
	}
	if m.By == mutants.ByTest {
		return tested(out.String(), code, m)
	}
	effort, what, _ := strings.Cut(strings.TrimSpace(out.String()), "\n")
	switch code {
	case 0:
		return finding{effort: effort}
	case found:
		return finding{caught: true, effort: effort, what: what}
	}
	// A core that stops itself because it contradicts itself was noticed as well.
	if strings.Contains(out.String(), "panic: ") {
		_, what, _ = strings.Cut(out.String(), "panic: ")
		return finding{caught: true, effort: "panic", what: "panic: " + firstLine(what)}
	}
	return finding{err: fmt.Errorf("exit code %d: %s", code, out.String())}
}

// tested judges the output of tests. Only a test that has failed has noticed
// something, not one that could not run.
func tested(out string, code int, m mutants.Mutation) finding {
	switch {
	case !strings.Contains(out, "--- "):
		return finding{err: fmt.Errorf("no test matches %s: %s", m.Test[1], out)}
	case code == 0:
		return finding{effort: m.Test[1]}
	}
	for line := range strings.Lines(out) {
		if strings.Contains(line, "--- FAIL") {
			return finding{caught: true, effort: m.Test[1], what: strings.TrimSpace(line)}
		}
	}
	return finding{err: fmt.Errorf("exit code %d: %s", code, out)}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
