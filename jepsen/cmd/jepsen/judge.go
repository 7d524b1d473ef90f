package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/gosentinel/sentinel/jepsen/check"
	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
	"github.com/gosentinel/sentinel/jepsen/trial"
)

// judge judges histories again.
type judge struct{ dirs []string }

func (*judge) Flags(*flag.FlagSet) {}

func (j *judge) Check(args []string) error {
	if j.dirs = args; len(args) == 0 {
		return errors.New("which directories?")
	}
	return nil
}

func (j *judge) Run(_ context.Context, s cli.Streams) error {
	valid := true
	for _, dir := range j.dirs {
		rep, err := trial.Judge(dir)
		if err != nil {
			return err
		}
		valid = valid && rep.Verdict == check.Valid
		fmt.Fprintf(s.Out, "%-8s%s: %s\n", rep.Verdict, why(rep), dir)
	}
	if !valid {
		return cli.Failed
	}
	return nil
}
