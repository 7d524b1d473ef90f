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
