package main

import (
	"context"
	"flag"
	"os"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// setupFlags declares the flags that most measurements have.
func setupFlags(f *flag.FlagSet, s *trial.Setup) {
	f.IntVar(&s.Replicas, "replicas", 2, "number of replicas")
	f.IntVar(&s.Sentinels, "sentinels", s.Sentinels, "number of Sentinels; the quorum is their majority")
	f.DurationVar(&s.DownAfter, "down-after", time.Second, "down-after-milliseconds of the Sentinels")
	f.DurationVar(&s.Timeout, "timeout", time.Minute, "give up a run after this time")
}

// programFlag declares the flag that names programs.
func programFlag(f *flag.FlagSet, commands *[]string, repeated string) {
	f.Func("sentinel", "`command` that starts a Sentinel; "+repeated+" (default: gosentinel beside this program, else freshly built)",
		func(s string) error { *commands = append(*commands, s); return nil })
}

// needPrograms adds gosentinel if no program was named. remove deletes it if it was
// built for that.
func needPrograms(ctx context.Context, programs *[]trial.Program) (remove func(), err error) {
	if len(*programs) > 0 {
		return func() {}, nil
	}
	path, remove, err := findGosentinel(ctx)
	if err == nil {
		*programs = []trial.Program{{Name: "gosentinel", Command: []string{path}}}
	}
	return remove, err
}

// findGosentinel returns the path of gosentinel: of the one beside this program, or
// of a new one, which remove deletes.
func findGosentinel(ctx context.Context) (path string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "gosentinel-bin-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) }
	if path, err = cluster.FindSentinel(ctx, dir); err != nil {
		remove()
		return "", nil, err
	}
	return path, remove, nil
}
