package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/gosentinel/sentinel/jepsen/check"
	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
	"github.com/gosentinel/sentinel/jepsen/schedule"
)

const compareText = `Plays each schedule with every kind of Sentinels in turn, and prints what came of it
side by side: medians, with the least and the most. Without -mix it plays the scenarios.
The sides are given as for run -sentinels; behind a semicolon, lines for the
configuration file of gosentinels: -sides "ours stock ours;gossip-port 0".`

// compare plays the same schedules with several kinds of Sentinels.
type compare struct {
	mixes string
	seed  uint64
	runs  int
	sides string
	setting
}

func (c *compare) Flags(f *flag.FlagSet) {
	f.StringVar(&c.mixes, "mix", "", "`names` of mixes or scenarios, separated by commas; empty: all scenarios")
	f.Uint64Var(&c.seed, "seed", 1, "the first `seed`")
	f.IntVar(&c.runs, "runs", 10, "`how many` seeds of each")
	f.StringVar(&c.sides, "sides", "ours stock", "what is compared: `sides`, separated by blanks; a blank within a line is written as _")
	c.flags(f)
}

func (c *compare) Check([]string) error {
	if c.runs < 1 {
		return errors.New("-runs must be 1 or more")
	}
	for _, side := range c.list() {
		if err := checkSentinels(side); err != nil {
			return err
		}
	}
	for _, name := range c.names() {
		if _, err := schedule.Draw(name, 1); err != nil {
			return err
		}
	}
	return nil
}

func (c *compare) list() (sides []string) {
	for _, side := range strings.Fields(c.sides) {
		sides = append(sides, strings.ReplaceAll(side, "_", " "))
	}
	return sides
}

func (c *compare) names() (names []string) {
	if c.mixes != "" {
		return strings.Split(c.mixes, ",")
	}
	for _, m := range schedule.Scenarios() {
		names = append(names, m.Name)
	}
	return names
}

func (c *compare) Run(ctx context.Context, s cli.Streams) error {
	return c.inside(ctx, s, func(p *player) error {
		p.streams.Out = s.Info // the table alone is the result
		t := &table{sides: c.list(), reports: map[string]map[string][]check.Report{}}
		defer func() { t.write(s.Out) }()
		for _, name := range c.names() {
			for i := range uint64(c.runs) {
				for _, side := range t.sides {
					if ctx.Err() != nil {
						return context.Cause(ctx)
					}
					if err := t.play(ctx, p, name, c.seed+i, side); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
}

// table has the reports of all runs by mix and side.
type table struct {
	sides   []string
	mixes   []string
	reports map[string]map[string][]check.Report
}

func (t *table) play(ctx context.Context, p *player, mix string, seed uint64, side string) error {
	sched, err := schedule.Draw(mix, seed)
	if err != nil {
		return err
	}
	programs, err := p.programs(side)
	if err != nil {
		return err
	}
	rep, err := p.play(ctx, sched, programs, "-"+strings.Map(plain, side))
	if err != nil {
		return err
	}
	if t.reports[mix] == nil {
		t.mixes = append(t.mixes, mix)
		t.reports[mix] = map[string][]check.Report{}
	}
	t.reports[mix][side] = append(t.reports[mix][side], rep)
	return nil
}

// plain leaves what may stand in the name of a directory.
func plain(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
		return r
	}
	return '_'
}

// rows are the figures that are compared.
var rows = []struct{ title, checker, figure string }{
	{"lost acknowledged writes", "lists", "lost"},
	{"writes taken by a deposed master", "split brain", "deposed_writes"},
	{"split brain, s", "split brain", "split_brain_s"},
	{"longest without a write, s: go-redis", "unavailability", "library_longest_s"},
	{"  discovery", "unavailability", "discovery_longest_s"},
	{"  proxy", "unavailability", "proxy_longest_s"},
	{"order after healing, s", "convergence", "settled_after_s"},
	{"elections", "one leader in each epoch", "elections"},
	{"stale reads", "unavailability", "stale_reads"},
}

func (t *table) write(out io.Writer) {
	for _, mix := range t.mixes {
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintf(w, "\n%s\t%s\n", mix, strings.Join(t.sides, "\t"))
		verdicts := []string{"runs: valid, invalid, unknown"}
		for _, side := range t.sides {
			n := map[check.Verdict]int{}
			for _, rep := range t.reports[mix][side] {
				n[rep.Verdict]++
			}
			verdicts = append(verdicts, fmt.Sprintf("%d: %d, %d, %d", len(t.reports[mix][side]), n[check.Valid], n[check.Invalid], n[check.Unknown]))
		}
		fmt.Fprintln(w, strings.Join(verdicts, "\t"))
		for _, row := range rows {
			cells := []string{row.title}
			for _, side := range t.sides {
				cells = append(cells, summary(t.reports[mix][side], row.checker, row.figure))
			}
			fmt.Fprintln(w, strings.Join(cells, "\t"))
		}
		_ = w.Flush() // an output that is gone is not worth a word
	}
}

// summary returns the median of a figure, and the least and the most.
func summary(reports []check.Report, checker, figure string) string {
	var values []float64
	for _, rep := range reports {
		for _, r := range rep.Results {
			if v, ok := r.Figures[figure]; ok && r.Name == checker {
				values = append(values, v)
			}
		}
	}
	if len(values) == 0 {
		return "-"
	}
	slices.Sort(values)
	n := len(values)
	median := (values[(n-1)/2] + values[n/2]) / 2
	if values[0] == values[n-1] {
		return number(median)
	}
	return fmt.Sprintf("%s (%s to %s)", number(median), number(values[0]), number(values[n-1]))
}

func number(v float64) string {
	if v == math.Trunc(v) {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
