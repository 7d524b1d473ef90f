package mutants

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options say how to prove that the tests can fail.
type Options struct {
	Root     string         // of the source tree
	Pattern  *regexp.Regexp // only mutations whose name matches
	Parallel int            // mutants to hunt at the same time
	Seeds    int            // that the simulator may play for each mutation
	Verbose  bool           // print what was noticed
	// Hunter is the package, relative to Root, of a program that calls [Hunt].
	// With HunterArgs it gets the name of a catcher and a number of seeds.
	Hunter     string
	HunterArgs func(with string, seeds int) []string
}

// finding is the outcome of one hunt.
type finding struct {
	caught bool
	effort string // how much was needed
	what   string // what was noticed
	err    error  // the hunt itself went wrong
	took   time.Duration
}

// Prove hunts the core without a mutation, which must pass, and then all mutants.
// It prints what it finds, and reports whether all mutants were caught.
func Prove(ctx context.Context, o Options, out io.Writer) (caught bool, err error) {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	if !baseline(ctx, o, dir, out) {
		return false, context.Cause(ctx)
	}
	var list []Mutation
	for _, m := range Table {
		if o.Pattern.MatchString(m.Name) {
			list = append(list, m)
		}
	}
	fmt.Fprintf(out, "%-55s %-12s %-16s %s\n", "mutation", "caught by", "after", "time")
	hunted, survivors := 0, 0
	for k, f := range runAll(ctx, o, dir, list) {
		if ctx.Err() != nil {
			break
		}
		hunted++
		by := list[k].By.String()
		if f.err != nil || !f.caught {
			survivors++
			by = "NOBODY"
		}
		fmt.Fprintf(out, "%-55s %-12s %-16s %.1f s\n", list[k].Name, by, f.effort, f.took.Seconds())
		if f.err != nil {
			fmt.Fprintf(out, "    %v\n", f.err)
		} else if o.Verbose {
			fmt.Fprintf(out, "    %s\n", f.what)
		}
	}
	fmt.Fprintf(out, "%d mutations, %d survived\n", hunted, survivors)
	return survivors == 0, context.Cause(ctx)
}

// baseline checks that the core as it is passes what the mutants must fail.
func baseline(ctx context.Context, o Options, dir string, out io.Writer) bool {
	checks := []Mutation{{By: BySimulator}, {By: ByExplorer}}
	for _, m := range Table {
		known := slices.ContainsFunc(checks, func(c Mutation) bool { return c.Test == m.Test })
		if m.By == ByTest && !known && o.Pattern.MatchString(m.Name) {
			checks = append(checks, Mutation{By: m.By, Test: m.Test})
		}
	}
	for k, m := range checks {
		few := o
		few.Seeds = min(o.Seeds, 300)
		f := buildAndRun(ctx, few, dir, fmt.Sprintf("baseline-%d", k), m)
		if f.err != nil || f.caught {
			fmt.Fprintf(out, "the core without a mutation does not pass the %s: %s %v\n", m.By, f.what, f.err)
			return false
		}
		fmt.Fprintf(out, "without a mutation the %s finds nothing (%s, %.1f s)\n", m.By, f.effort, f.took.Seconds())
	}
	return true
}

// runAll hunts several mutants at a time and yields the findings in order.
func runAll(ctx context.Context, o Options, dir string, list []Mutation) func(func(int, finding) bool) {
	found := make([]chan finding, len(list))
	for k := range found {
		found[k] = make(chan finding, 1)
	}
	next := make(chan int, len(list))
	for k := range list {
		next <- k
	}
	close(next)
	var workers sync.WaitGroup
	for range o.Parallel {
		workers.Go(func() {
			for k := range next {
				found[k] <- buildAndRun(ctx, o, dir, strconv.Itoa(k), list[k])
			}
		})
	}
	return func(yield func(int, finding) bool) {
		defer workers.Wait()
		for k := range found {
			if !yield(k, <-found[k]) {
				return
			}
		}
	}
}

// buildAndRun builds one mutant and hunts it.
func buildAndRun(ctx context.Context, o Options, dir, name string, m Mutation) (f finding) {
	begun := time.Now()
	defer func() { f.took = time.Since(begun) }()
	own := filepath.Join(dir, name)
	if err := os.Mkdir(own, 0o755); err != nil {
		return finding{err: err}
	}
	overlay, err := m.Overlay(o.Root, own)
	if err != nil {
		return finding{err: err}
	}
	binary := filepath.Join(own, "mutant")
	build := []string{"build", "-overlay", overlay, "-o", binary, o.Hunter}
	args := o.HunterArgs(m.By.String(), o.Seeds)
	at := o.Root
	if m.By == ByTest {
		build = []string{"test", "-c", "-overlay", overlay, "-o", binary, m.Test[0]}
		args = []string{"-test.run", m.Test[1], "-test.v"}
		at = filepath.Join(o.Root, m.Test[0]) // tests read their testdata
	}
	cmd := exec.CommandContext(ctx, "go", build...)
	cmd.Dir = o.Root
	if text, err := cmd.CombinedOutput(); err != nil {
		return finding{err: fmt.Errorf("it does not build: %w\n%s", err, text)}
	}
	return runMutant(ctx, binary, args, at, m)
}

// runMutant runs a mutant. It ends with 0 if it has found nothing, with [Found] if it has
// found something, and says so on its output. A test binary ends with 1 instead.
func runMutant(ctx context.Context, binary string, args []string, at string, m Mutation) finding {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &out, at
	err := cmd.Run()
	code := cmd.ProcessState.ExitCode()
	if ctx.Err() != nil || err != nil && code < 1 {
		return finding{err: errors.Join(err, ctx.Err())}
	}
	if m.By == ByTest {
		return judgeTests(out.String(), code, m)
	}
	effort, what, _ := strings.Cut(strings.TrimSpace(out.String()), "\n")
	switch code {
	case 0:
		return finding{effort: effort}
	case Found:
		return finding{caught: true, effort: effort, what: what}
	}
	// A core that stops itself because it contradicts itself was noticed as well.
	if strings.Contains(out.String(), "panic: ") {
		_, what, _ = strings.Cut(out.String(), "panic: ")
		return finding{caught: true, effort: "panic", what: "panic: " + firstLine(what)}
	}
	return finding{err: fmt.Errorf("exit code %d: %s", code, out.String())}
}

// judgeTests judges the output of tests. Only a test that has failed has noticed
// something, not one that could not run.
func judgeTests(out string, code int, m Mutation) finding {
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
