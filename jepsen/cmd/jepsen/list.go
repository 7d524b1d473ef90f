package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
	"github.com/gosentinel/sentinel/jepsen/schedule"
)

// list prints what there is to play.
type list struct{}

func (*list) Flags(*flag.FlagSet)  {}
func (*list) Check([]string) error { return nil }

func (*list) Run(_ context.Context, s cli.Streams) error {
	mixes(s.Out)
	return nil
}

// mixes prints the mixes and scenarios.
func mixes(w io.Writer) {
	for _, part := range []struct {
		title string
		list  []schedule.Mix
	}{{"mixes", schedule.Mixes()}, {"scenarios", schedule.Scenarios()}} {
		fmt.Fprintf(w, "\n%s:\n", part.title)
		for _, m := range part.list {
			fmt.Fprintf(w, "  %-12s %s\n", m.Name, m.What)
		}
	}
}
