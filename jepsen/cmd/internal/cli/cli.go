package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// Program is a command with subcommands.
type Program struct {
	Name     string
	Summary  string // what it is for, in one sentence
	Commands []Command
}

// Command is one subcommand.
type Command struct {
	Name    string
	Args    string // what may follow the flags, such as "[FILE ...]"; empty: nothing may
	Summary string // one line without a full stop, for the list of subcommands
	Text    string // optional: paragraphs for -h, above the flags
	// New returns a task whose flags have their zero values.
	New func() Task
	// More is optional. It writes what -h prints below the flags.
	More func(w io.Writer)
}

// Task is one run of a command. The methods are called in this order.
type Task interface {
	// Flags declares the flags.
	Flags(f *flag.FlagSet)
	// Check says what is wrong with the flags or with the arguments behind them.
	Check(args []string) error
	// Run does the work until it is done or ctx ends.
	Run(ctx context.Context, s Streams) error
}

// Streams are where a task prints.
type Streams struct {
	Out  io.Writer // results
	Info io.Writer // progress and errors
}

// ExitCode is an error of a task that has printed already what went wrong.
type ExitCode int

// Failed is the exit code of a task that has found what should not be.
const Failed ExitCode = 1

// badUsage is the exit code for a wrong command line.
const badUsage = 2

// Error implements error.
func (c ExitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// UsageError is what is wrong with a command line, or with a file that it names.
type UsageError struct{ Err error }

// Error implements error.
func (e UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e UsageError) Unwrap() error { return e.Err }

// Main runs p with the arguments of the process and ends the process.
func Main(p Program) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from then on a signal does what it does by default
	code := p.Run(ctx, os.Args[1:], Streams{os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// Run runs the command that args name and returns the exit code.
func (p Program) Run(ctx context.Context, args []string, s Streams) int {
	if len(args) == 0 {
		p.usage(s.Info)
		return badUsage
	}
	switch args[0] {
	case "-h", "-help", "--help", "help":
		p.usage(s.Info)
		return 0
	}
	for _, c := range p.Commands {
		if c.Name == args[0] {
			return c.run(ctx, p.Name, args[1:], s)
		}
	}
	if strings.HasPrefix(args[0], "-") {
		fmt.Fprintf(s.Info, "%s: flags come after a subcommand, as in: %[1]s %s %s\n\n", p.Name, p.Commands[0].Name, args[0])
	} else {
		fmt.Fprintf(s.Info, "%s: there is no subcommand %q\n\n", p.Name, args[0])
	}
	p.usage(s.Info)
	return badUsage
}

func (p Program) usage(w io.Writer) {
	fmt.Fprintf(w, "usage: %s SUBCOMMAND [flags]\n\n%s\n\nsubcommands:\n", p.Name, p.Summary)
	for _, c := range p.Commands {
		fmt.Fprintf(w, "  %-10s %s\n", c.Name, c.Summary)
	}
	fmt.Fprintf(w, "\n%s SUBCOMMAND -h lists the flags\n", p.Name)
}

func (c Command) run(ctx context.Context, program string, args []string, s Streams) int {
	name := program + " " + c.Name
	t := c.New()
	err := c.parse(t, args, s.Info, program)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil {
		err = t.Run(ctx, s)
	}
	var code ExitCode
	var usage UsageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &usage):
		fmt.Fprintf(s.Info, "%s: %v\n%[1]s -h tells more\n", name, err)
		return badUsage
	}
	fmt.Fprintf(s.Info, "%s: %v\n", name, err)
	return 1
}

// Parse fills in t from args, as the command line does. Every error is a
// [UsageError].
func Parse(t Task, args ...string) error {
	return Command{Args: "any"}.parse(t, args, io.Discard, "")
}

func (c Command) parse(t Task, args []string, help io.Writer, program string) error {
	f := flag.NewFlagSet(c.Name, flag.ContinueOnError)
	f.SetOutput(io.Discard) // errors are printed once, by run
	f.Usage = func() {}
	t.Flags(f)
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		c.usage(help, program, f)
		return err
	case err == nil && c.Args == "" && f.NArg() > 0:
		err = fmt.Errorf("there is an argument too many: %q", f.Arg(0))
	case err == nil:
		err = t.Check(f.Args())
	}
	if err != nil {
		return UsageError{err}
	}
	return nil
}

func (c Command) usage(w io.Writer, program string, f *flag.FlagSet) {
	fmt.Fprintf(w, "usage: %s %s [flags]", program, c.Name)
	if c.Args != "" {
		fmt.Fprintf(w, " %s", c.Args)
	}
	text := c.Text
	if text == "" {
		text = c.Summary
	}
	fmt.Fprintf(w, "\n\n%s\n\nflags:\n", text)
	f.SetOutput(w)
	f.PrintDefaults()
	if c.More != nil {
		c.More(w)
	}
}
