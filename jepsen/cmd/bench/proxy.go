package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/proxies"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
)

// proxyCommand measures proxies.
var proxyCommand = cli.Command{
	Name:    "proxy",
	Summary: "measure what a proxy costs its clients, beside HAProxy and twemproxy",
	Text: `Measures gosentinel proxy, HAProxy and nutcracker in turn, each as a share of the direct
connection, and what clients of gosentinel proxy notice when the master changes.`,
	New: func() cli.Task {
		return &proxyTask{Options: proxies.Options{Setup: trial.Setup{Runs: 5, Sentinels: 3}}}
	},
	More: func(w io.Writer) {
		fmt.Fprintln(w, "\nrows:")
		for _, r := range proxies.Rows {
			fmt.Fprintf(w, "  %-12s %s\n", r.Name, r.Text)
		}
	},
}

// proxyTask are the flags.
type proxyTask struct {
	proxies.Options
	command, rows string
}

func (t *proxyTask) Flags(f *flag.FlagSet) {
	f.IntVar(&t.Runs, "runs", t.Runs, "number of runs of each way in each row")
	setupFlags(f, &t.Setup)
	f.StringVar(&t.rows, "rows", "all", "names of the rows, with commas between them")
	f.IntVar(&t.Requests, "requests", 200_000, "requests of a run of redis-benchmark; five times as many with -P 16")
	f.DurationVar(&t.Span, "span", 2*time.Second, "length of a run of the mix")
	f.IntVar(&t.Idle, "idle", 10_000, "number of idle clients")
	f.IntVar(&t.Rate, "rate", 5_000, "requests per second while the master changes")
	f.BoolVar(&t.Limits, "limits", false, "fail if a goal is missed")
	f.StringVar(&t.command, "sentinel", "", "`command` that starts gosentinel (default: the one beside this program, else freshly built)")
}

func (t *proxyTask) Check([]string) (err error) {
	if t.Runs < 1 || t.Sentinels < 1 || t.Replicas < 1 || t.DownAfter < time.Millisecond || t.Requests < 1 || t.Span < time.Millisecond || t.Rate < 1 || t.Idle < 1 {
		return errors.New("want -runs, -sentinels, -replicas, -requests, -rate and -idle of at least 1, and -down-after and -span of at least 1ms")
	}
	t.Gosentinel = strings.Fields(t.command)
	if t.Options.Rows, err = proxies.Named(t.rows); err != nil {
		return fmt.Errorf("-rows: %w", err)
	}
	return nil
}

func (t *proxyTask) Run(ctx context.Context, s cli.Streams) error {
	if len(t.Gosentinel) == 0 {
		path, remove, err := findGosentinel(ctx)
		if err != nil {
			return err
		}
		defer remove()
		t.Gosentinel = []string{path}
	}
	return proxies.Run(ctx, t.Options, s.Out)
}
