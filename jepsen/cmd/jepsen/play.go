package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/arena"
	"github.com/gosentinel/sentinel/jepsen/check"
	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
	"github.com/gosentinel/sentinel/jepsen/netns"
	"github.com/gosentinel/sentinel/jepsen/schedule"
	"github.com/gosentinel/sentinel/jepsen/trial"
)

// setting is what all subcommands that play ask for.
type setting struct {
	ours string
	out  string
}

func (o *setting) flags(f *flag.FlagSet) {
	f.StringVar(&o.ours, "gosentinel", "", "`path` of the daemon; empty: the one beside this program, or a fresh build")
	f.StringVar(&o.out, "out", "bin/jepsen-runs", "`directory` for what the runs leave")
}

// inside has do play in namespaces of their own, if this machine has them. The exit code
// is that of the program in there.
func (o *setting) inside(ctx context.Context, s cli.Streams, do func(*player) error) error {
	p := &player{setting: o, streams: s, namespaces: true, progress: s.Progress(), count: map[check.Verdict]int{}}
	inside, status, err := netns.Enter(ctx)
	switch {
	case errors.Is(err, netns.ErrNotAllowed):
		fmt.Fprintf(s.Info, "%v\nAll hosts are addresses of 127.0.0.0/8, between which nothing can be cut: runs with such faults are unknown.\n", err)
		p.namespaces = false
	case err != nil:
		return err
	case !inside && status != 0:
		return cli.ExitCode(status)
	case !inside:
		return nil
	}
	if p.ours, err = o.daemon(ctx); err != nil {
		return err
	}
	p.stock, _ = cluster.FindStockSentinel() // who needs it says so
	err = do(p)
	if p.faulty != "" {
		err = errors.Join(err, os.Remove(p.faulty))
	}
	return err
}

// daemon finds or builds gosentinel, which is also the proxy where all Sentinels are stock.
func (o *setting) daemon(ctx context.Context) (string, error) {
	if o.ours == "" {
		return cluster.FindSentinel(ctx, os.TempDir())
	}
	return filepath.Abs(o.ours)
}

// player plays schedules and counts verdicts.
type player struct {
	*setting
	streams     cli.Streams
	ours, stock string // paths; stock is empty where there is none
	faulty      string // path of a gosentinel whose clock can be set; empty: it is not built yet
	namespaces  bool
	progress    *cli.Progress
	n           int
	count       map[check.Verdict]int
}

// checkSentinels says what is wrong with a description of Sentinels.
func checkSentinels(text string) error {
	kinds, _, _ := strings.Cut(text, ";")
	for kind := range strings.SplitSeq(kinds, ",") {
		if kind != "ours" && kind != "stock" {
			return fmt.Errorf("sentinels %q: want ours and stock, separated by commas, and perhaps ; and lines for the file of ours", text)
		}
	}
	return nil
}

// programs returns what Sentinels are to run, such as "stock,ours" or "ours;gossip-port 0".
func (p *player) programs(text string) (list []arena.Program, err error) {
	kinds, lines, more := strings.Cut(text, ";")
	for kind := range strings.SplitSeq(kinds, ",") {
		switch {
		case kind == "ours":
			ours := arena.Program{Name: arena.Ours, Command: []string{p.ours}}
			if more {
				ours.Lines = strings.Split(lines, ";")
			}
			list = append(list, ours)
		case p.stock == "":
			return nil, cluster.ErrNoRedisServer
		default:
			list = append(list, arena.Program{Name: arena.Stock, Command: []string{p.stock}})
		}
	}
	return list, nil
}

// others are programs that may take the place of those that run.
func (p *player) others() map[string]arena.Program {
	m := map[string]arena.Program{arena.Ours: {Name: arena.Ours, Command: []string{p.ours}}}
	if p.stock != "" {
		m[arena.Stock] = arena.Program{Name: arena.Stock, Command: []string{p.stock}}
	}
	return m
}

// clocked has gosentinels be of a build whose clock can be set.
func (p *player) clocked(ctx context.Context, programs []arena.Program) ([]arena.Program, error) {
	if p.faulty == "" {
		out := filepath.Join(os.TempDir(), fmt.Sprintf("gosentinel-faultyclock-%d", os.Getpid()))
		if err := cluster.BuildSentinel(ctx, out, "-tags", "faultyclock"); err != nil {
			return nil, err
		}
		p.faulty = out
	}
	programs = slices.Clone(programs)
	for i := range programs {
		if programs[i].Name == arena.Ours && programs[i].Command[0] == p.ours {
			programs[i].Command = []string{p.faulty}
		}
	}
	return programs, nil
}

// play plays one schedule and prints what came of it. label is part of the name of its
// directory.
func (p *player) play(ctx context.Context, sched schedule.Schedule, programs []arena.Program, label string) (check.Report, error) {
	dir := filepath.Join(p.out, fmt.Sprintf("%s-%d%s-%s", sched.Mix, sched.Seed, label, time.Now().Format("150405")))
	if sched.NeedsClock() {
		var err error
		if programs, err = p.clocked(ctx, programs); err != nil {
			return check.Report{}, err
		}
	}
	began := time.Now()
	rep, err := trial.Run(ctx, trial.Config{
		Dir: dir, Schedule: sched, Programs: programs, Proxy: []string{p.ours, "proxy"}, Others: p.others(), Namespaces: p.namespaces,
	})
	if err != nil {
		return rep, fmt.Errorf("mix %s, seed %d: %w", sched.Mix, sched.Seed, err)
	}
	p.n++
	p.count[rep.Verdict]++
	fmt.Fprintf(p.streams.Out, "%-8s %s seed %d%s in %.0f s%s: %s\n", rep.Verdict, sched.Mix, sched.Seed, label, time.Since(began).Seconds(), why(rep), dir)
	return rep, nil
}

// why returns the checks that did not pass.
func why(rep check.Report) string {
	var names []string
	for _, r := range rep.Results {
		if r.Verdict != check.Valid {
			names = append(names, r.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names, ", ") + ")"
}
