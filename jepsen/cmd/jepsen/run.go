package main

import (
	"context"
	"errors"
	"flag"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/arena"
	"github.com/gosentinel/sentinel/jepsen/check"
	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
	"github.com/gosentinel/sentinel/jepsen/schedule"
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
	files     []string
	setting
}

func (r *run) Flags(f *flag.FlagSet) {
	f.StringVar(&r.mixes, "mix", "every", "`names` of mixes, separated by commas, in turn; every: all of them")
	f.Uint64Var(&r.seed, "seed", 1, "the first `seed`")
	f.IntVar(&r.runs, "runs", 1, "`how many` seeds of each mix; 0: until -duration is over")
	f.DurationVar(&r.duration, "duration", 0, "begin no run after this `time`; 0: without end")
	f.StringVar(&r.sentinels, "sentinels", "ours", "what the Sentinels are, in turn: `ours`, stock, or for instance stock,stock,ours")
	r.flags(f)
}

func (r *run) Check(args []string) error {
	r.files = args
	if r.runs < 0 || r.runs == 0 && r.duration == 0 {
		return errors.New("-runs 0 needs a -duration")
	}
	if _, err := r.names(); err != nil {
		return err
	}
	return checkSentinels(r.sentinels)
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
	return r.inside(ctx, s, func(p *player) error {
		programs, err := p.programs(r.sentinels)
		if err != nil {
			return err
		}
		err = r.all(ctx, p, programs)
		p.progress.Line("%d runs in %.0f s: %d valid, %d invalid, %d unknown", p.n, p.progress.Elapsed().Seconds(), p.count[check.Valid], p.count[check.Invalid], p.count[check.Unknown])
		if err == nil && p.count[check.Valid] != p.n {
			return cli.Failed
		}
		return err
	})
}

// all plays what the flags ask for.
func (r *run) all(ctx context.Context, p *player, programs []arena.Program) error {
	for _, file := range r.files {
		sched, err := schedule.Read(file)
		if err != nil {
			return cli.UsageError{Err: err}
		}
		if _, err := p.play(ctx, sched, programs, ""); err != nil {
			return err
		}
	}
	if len(r.files) > 0 {
		return nil
	}
	names, err := r.names()
	if err != nil {
		return err
	}
	for i := 0; r.runs == 0 || i < r.runs; i++ {
		for _, name := range names {
			if ctx.Err() != nil || r.duration > 0 && p.progress.Elapsed() > r.duration {
				return nil
			}
			sched, err := schedule.Draw(name, r.seed+uint64(i))
			if err != nil {
				return err
			}
			if _, err := p.play(ctx, sched, programs, ""); err != nil {
				return err
			}
		}
	}
	return nil
}
