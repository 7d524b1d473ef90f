package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
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

const runText = `Plays schedules one after the other. Each leaves a directory below -out with the
schedule, the history, the logs and the verdict. The exit code is 1 unless every run was
valid. A schedule follows from mix and seed; -schedule plays one from a file, such as that
of an earlier run.`

// run plays schedules.
type run struct {
	mixes     string
	seed      uint64
	runs      int
	duration  time.Duration
	sentinels string
	ours      string
	out       string
	files     []string
}

func (r *run) Flags(f *flag.FlagSet) {
	f.StringVar(&r.mixes, "mix", "every", "`names` of mixes, separated by commas, in turn; every: all of them")
	f.Uint64Var(&r.seed, "seed", 1, "the first `seed`")
	f.IntVar(&r.runs, "runs", 1, "`how many` seeds of each mix; 0: until -duration is over")
	f.DurationVar(&r.duration, "duration", 0, "begin no run after this `time`; 0: without end")
	f.StringVar(&r.sentinels, "sentinels", "ours", "what the Sentinels are, in turn: `ours`, stock, or for instance stock,stock,ours")
	f.StringVar(&r.ours, "gosentinel", "", "`path` of the daemon; empty: the one beside this program, or a fresh build")
	f.StringVar(&r.out, "out", "bin/jepsen-runs", "`directory` for what the runs leave")
}

func (r *run) Check(args []string) error {
	r.files = args
	if r.runs < 0 || r.runs == 0 && r.duration == 0 {
		return errors.New("-runs 0 needs a -duration")
	}
	if _, err := r.names(); err != nil {
		return err
	}
	for _, kind := range strings.Split(r.sentinels, ",") {
		if kind != "ours" && kind != "stock" {
			return fmt.Errorf("-sentinels %q: want ours and stock, separated by commas", r.sentinels)
		}
	}
	return nil
}

// names returns the mixes to play.
func (r *run) names() (names []string, err error) {
	if r.mixes == "every" {
		for _, m := range schedule.Mixes() {
			names = append(names, m.Name)
		}
		return names, nil
	}
	names = strings.Split(r.mixes, ",")
	for _, name := range names {
		if _, err := schedule.Draw(name, 1); err != nil {
			return nil, err
		}
	}
	return names, nil
}

func (r *run) Run(ctx context.Context, s cli.Streams) error {
	namespaces := true
	inside, status, err := netns.Enter(ctx)
	switch {
	case errors.Is(err, netns.ErrNotAllowed):
		fmt.Fprintf(s.Info, "%v\nAll hosts are addresses of 127.0.0.0/8, between which nothing can be cut: runs with such faults are unknown.\n", err)
		namespaces = false
	case err != nil:
		return err
	case !inside:
		if status != 0 {
			return cli.ExitCode(status)
		}
		return nil
	}
	programs, err := r.programs(ctx)
	if err != nil {
		return err
	}
	p := &player{run: r, streams: s, programs: programs, namespaces: namespaces, progress: s.Progress(), count: map[check.Verdict]int{}}
	err = p.all(ctx)
	p.progress.Line("%d runs in %.0f s: %d valid, %d invalid, %d unknown", p.n, p.progress.Elapsed().Seconds(), p.count[check.Valid], p.count[check.Invalid], p.count[check.Unknown])
	if err == nil && p.count[check.Valid] != p.n {
		return cli.Failed
	}
	return err
}

// programs finds or builds what the Sentinels are to run.
func (r *run) programs(ctx context.Context) (list []arena.Program, err error) {
	ours := r.ours
	for _, kind := range strings.Split(r.sentinels, ",") {
		switch kind {
		case "stock":
			path, err := cluster.FindStockSentinel()
			if err != nil {
				return nil, err
			}
			list = append(list, arena.Program{Name: "stock", Command: []string{path}})
		case "ours":
			if ours == "" {
				if ours, err = cluster.FindSentinel(ctx, os.TempDir()); err != nil {
					return nil, err
				}
			}
			path, err := filepath.Abs(ours)
			if err != nil {
				return nil, err
			}
			list = append(list, arena.Program{Name: "gosentinel", Command: []string{path}})
		}
	}
	return list, nil
}

// player plays schedules and counts verdicts.
type player struct {
	*run
	streams    cli.Streams
	programs   []arena.Program
	namespaces bool
	progress   *cli.Progress
	n          int
	count      map[check.Verdict]int
}

// all plays what the flags ask for.
func (p *player) all(ctx context.Context) error {
	for _, file := range p.files {
		sched, err := schedule.Read(file)
		if err != nil {
			return cli.UsageError{Err: err}
		}
		if err := p.play(ctx, sched); err != nil {
			return err
		}
	}
	if len(p.files) > 0 {
		return nil
	}
	names, err := p.names()
	if err != nil {
		return err
	}
	for i := 0; p.runs == 0 || i < p.runs; i++ {
		for _, name := range names {
			if ctx.Err() != nil || p.duration > 0 && p.progress.Elapsed() > p.duration {
				return nil
			}
			sched, err := schedule.Draw(name, p.seed+uint64(i))
			if err != nil {
				return err
			}
			if err := p.play(ctx, sched); err != nil {
				return err
			}
		}
	}
	return nil
}

// play plays one schedule and prints what came of it.
func (p *player) play(ctx context.Context, sched schedule.Schedule) error {
	dir := filepath.Join(p.out, fmt.Sprintf("%s-%d-%s", sched.Mix, sched.Seed, time.Now().Format("150405")))
	began := time.Now()
	rep, err := trial.Run(ctx, trial.Config{Dir: dir, Schedule: sched, Programs: p.programs, Namespaces: p.namespaces})
	if err != nil {
		return fmt.Errorf("mix %s, seed %d: %w", sched.Mix, sched.Seed, err)
	}
	p.n++
	p.count[rep.Verdict]++
	fmt.Fprintf(p.streams.Out, "%-8s %s seed %d in %.0f s%s: %s\n", rep.Verdict, sched.Mix, sched.Seed, time.Since(began).Seconds(), why(rep), dir)
	return nil
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
