package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/gosentinel/sentinel/jepsen/arena"
	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
	"github.com/gosentinel/sentinel/jepsen/flawed"
)

const proveText = `Builds gosentinel with one deliberate fault after the other, and plays until a check
finds it. The exit code is 1 if one fault survives. It is run from within the source
tree.`

// prove has flawed builds found.
type prove struct {
	only *regexp.Regexp
	text string
	runs int
	root string
	setting
}

func (p *prove) Flags(f *flag.FlagSet) {
	f.StringVar(&p.text, "only", "", "a regular `expression` for the names of faults")
	f.IntVar(&p.runs, "runs", 5, "`how many` runs may be needed for each fault")
	f.StringVar(&p.root, "root", ".", "the `directory` of the source tree")
	p.flags(f)
}

func (p *prove) Check([]string) (err error) {
	if p.runs < 1 {
		return errors.New("-runs must be 1 or more")
	}
	p.only, err = regexp.Compile(p.text)
	return err
}

func (p *prove) Run(ctx context.Context, s cli.Streams) error {
	return p.inside(ctx, s, func(player *player) error {
		player.streams.Out = s.Info
		dir, err := os.MkdirTemp("", "jepsen-flawed-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		survivors := 0
		for _, b := range flawed.Builds {
			if !p.only.MatchString(b.Name) {
				continue
			}
			found, runs, err := p.hunt(ctx, player, b, dir)
			if err != nil {
				return err
			}
			if found == "" {
				survivors++
				found = "NOT FOUND"
			}
			fmt.Fprintf(s.Out, "%-26s %d runs  %s\n", b.Name, runs, found)
		}
		if survivors > 0 {
			return cli.Failed
		}
		return nil
	})
}

// hunt plays with one flawed build until it is found.
func (p *prove) hunt(ctx context.Context, player *player, b flawed.Build, dir string) (found string, runs int, err error) {
	daemon := filepath.Join(dir, "gosentinel")
	if err := b.Compile(ctx, p.root, dir, daemon); err != nil {
		return "", 0, err
	}
	programs := []arena.Program{{Name: arena.Ours, Command: []string{daemon}}}
	label := "-" + strings.Map(plain, b.Name)
	for runs = 1; runs <= p.runs && ctx.Err() == nil; runs++ {
		rep, err := player.play(ctx, b.Schedule(uint64(runs)), programs, label)
		if err != nil {
			return "", runs, err
		}
		if found = b.Found(rep); found != "" {
			return found, runs, nil
		}
	}
	return "", runs - 1, context.Cause(ctx)
}
