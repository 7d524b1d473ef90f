package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/gosentinel/sentinel/internal/recorder"
	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
)

// replayCommand plays what a Sentinel has recorded.
var replayCommand = cli.Command{
	Name:    "replay",
	Args:    "FILE",
	Summary: "give a fresh core the inputs that a Sentinel has recorded",
	Text: "Gives a fresh core the inputs that a Sentinel has recorded (Sentinel.Record), at the\n" +
		"same instants, and prints inputs, effects and events. The effects must be those of\n" +
		"the record. What is printed holds the passwords of the record.",
	New: func() cli.Task { return &replay{} },
}

// replay is the flags and arguments.
type replay struct {
	quiet bool
	file  string
}

func (t *replay) Flags(f *flag.FlagSet) {
	f.BoolVar(&t.quiet, "quiet", false, "print nothing but whether the effects are the same")
}

func (t *replay) Check(args []string) error {
	if len(args) != 1 {
		return errors.New("one file with a record is needed")
	}
	t.file = args[0]
	return nil
}

func (t *replay) Run(ctx context.Context, s cli.Streams) error {
	f, err := os.Open(t.file)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	defer f.Close()
	out := s.Out
	if t.quiet {
		out = io.Discard
	}
	switch err := recorder.Print(out, untilDone{ctx, f}); {
	case errors.Is(err, recorder.ErrDiffers):
		fmt.Fprintln(s.Info, err)
		return cli.Failed
	case ctx.Err() != nil:
		fmt.Fprintln(s.Info, "interrupted")
		return cli.Failed
	case err != nil:
		return cli.UsageError{Err: err}
	}
	fmt.Fprintln(s.Out, "the effects are those of the record")
	return nil
}

// untilDone is a reader that fails once ctx has ended.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}
