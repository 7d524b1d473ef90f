package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// TestMain makes a program of the test binary when TestMainEnds asks for it.
func TestMain(m *testing.M) {
	if os.Getenv("CLI_TEST_PROGRAM") != "" {
		Main(Program{Name: "prog", Commands: []Command{{Name: "wait", New: func() Task { return &waiting{} }}}})
	}
	goleak.VerifyTestMain(m)
}

// waiting is a task that runs until Ctrl-C, and with -stubborn even longer.
type waiting struct{ stubborn bool }

func (w *waiting) Flags(f *flag.FlagSet) {
	f.BoolVar(&w.stubborn, "stubborn", false, "do not end by itself")
}
func (w *waiting) Check([]string) error { return nil }

func (w *waiting) Run(ctx context.Context, s Streams) error {
	fmt.Fprintln(s.Out, "begun")
	<-ctx.Done()
	fmt.Fprintln(s.Out, "summary")
	if w.stubborn {
		<-context.WithoutCancel(ctx).Done()
	}
	return ExitCode(7)
}

// adding adds its arguments to a flag.
type adding struct {
	sum   int
	extra []string
	err   error
}

func (a *adding) Flags(f *flag.FlagSet) { f.IntVar(&a.sum, "sum", 3, "where to `begin`") }

func (a *adding) Check(args []string) error {
	if a.sum < 0 {
		return errors.New("-sum must not be negative")
	}
	a.extra = args
	return nil
}

func (a *adding) Run(ctx context.Context, s Streams) error {
	if a.err == nil {
		fmt.Fprintln(s.Out, a.sum+len(a.extra), ctx.Err() != nil)
	}
	return a.err
}

func program(err error) Program {
	return Program{Name: "prog", Summary: "It counts.", Commands: []Command{
		{Name: "count", Args: "[THING ...]", Summary: "count things", New: func() Task { return &adding{err: err} }},
		{Name: "none", Summary: "count nothing", Text: "Takes no things.", New: func() Task { return &adding{err: err} },
			More: func(w io.Writer) { fmt.Fprintln(w, "things: many") }},
	}}
}

func TestRun(t *testing.T) {
	for _, c := range []struct {
		args      string
		err       error
		code      int
		out, info string // info is part of what is printed
	}{
		{args: "", code: 2, info: "usage: prog SUBCOMMAND [flags]\n\nIt counts.\n\nsubcommands:\n  count      count things\n  none       count nothing\n\nprog SUBCOMMAND -h lists the flags\n"},
		{args: "-h", info: "usage: prog SUBCOMMAND"},
		{args: "help", info: "usage: prog SUBCOMMAND"},
		{args: "cuont", code: 2, info: "prog: there is no subcommand \"cuont\"\n\nusage: prog"},
		{args: "-sum 3", code: 2, info: "as in: prog count -sum\n\nusage: prog"},
		{args: "count", out: "3 false\n"},
		{args: "count -sum 4 a b", out: "6 false\n"},
		{args: "count -sum x", code: 2, info: "prog count: invalid value"},
		{args: "count -sum -1", code: 2, info: "prog count: -sum must not be negative\nprog count -h tells more\n"},
		{args: "count -h", info: "usage: prog count [flags] [THING ...]\n\ncount things\n\nflags:\n  -sum begin\n"},
		{args: "none -h", info: "usage: prog none [flags]\n\nTakes no things.\n\nflags:\n"},
		{args: "none -h", info: "\nthings: many\n"},
		{args: "none -sum 9", out: "9 false\n"},
		{args: "none a", code: 2, info: "prog none: there is an argument too many: \"a\"\nprog none -h tells more\n"},
		{args: "none", err: errors.New("no luck"), code: 1, info: "prog none: no luck\n"},
		{args: "none", err: Failed, code: 1},
		{args: "none", err: fmt.Errorf("late: %w", ExitCode(10)), code: 10},
		{args: "count f", err: UsageError{os.ErrNotExist}, code: 2, info: "prog count: file does not exist\nprog count -h tells more\n"},
	} {
		var out, info bytes.Buffer
		code := program(c.err).Run(t.Context(), strings.Fields(c.args), Streams{&out, &info})
		if code != c.code || out.String() != c.out || !strings.Contains(info.String(), c.info) || c.info == "" && info.Len() > 0 {
			t.Errorf("%q with error %v: exit code %d, want %d; printed %q, want %q; told\n%s\nwant\n%s", c.args, c.err, code, c.code, &out, c.out, &info, c.info)
		}
	}
}

func TestParse(t *testing.T) {
	var a adding
	if err := Parse(&a, "-sum", "5", "x"); err != nil || a.sum != 5 || len(a.extra) != 1 {
		t.Errorf("%+v, %v", a, err)
	}
	var usage UsageError
	if err := Parse(&a, "-sum", "-5"); !errors.As(err, &usage) {
		t.Errorf("got %v", err)
	}
}

// TestMainEnds sends a process the signal of Ctrl-C: the task has the last word.
// A second one ends a task that does not heed the first.
func TestMainEnds(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"wait"}, 7},
		{[]string{"wait", "-stubborn"}, -1},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Args[0], c.args...)
		cmd.Env = append(os.Environ(), "CLI_TEST_PROGRAM=1")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said := readLine(out)
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		said += readLine(out)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = readLine(out) // there is no further line, so this waits for the end
		}()
		again := time.NewTicker(10 * time.Millisecond)
		for done := false; !done; {
			select {
			case <-ended:
				done = true
			case <-again.C:
				if c.code < 0 {
					_ = cmd.Process.Signal(syscall.SIGINT)
				}
			}
		}
		again.Stop()
		_ = cmd.Wait()
		if said != "begun\nsummary\n" || cmd.ProcessState.ExitCode() != c.code {
			t.Errorf("%v: printed %q, ended with %v", c.args, said, cmd.ProcessState)
		}
	}
}

// readLine reads up to a line feed or the end.
func readLine(r io.Reader) string {
	var line []byte
	for b := make([]byte, 1); ; {
		if n, err := r.Read(b); n == 0 || err != nil {
			return string(line)
		}
		if line = append(line, b[0]); b[0] == '\n' {
			return string(line)
		}
	}
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var info bytes.Buffer
		p := Streams{io.Discard, &info}.Progress()
		var due []bool
		for range 5 {
			<-time.After(2 * time.Second)
			due = append(due, p.Due(4*time.Second))
		}
		p.Line("%d of %d", 1, 2)
		if got := fmt.Sprint(due, p.Elapsed(), info.String()); got != "[false true false true false] 10s1 of 2\n" {
			t.Error(got)
		}
	})
}
