package cluster

import (
	"context"
	"fmt"
	"time"
)

// defaultWait bounds a wait whose context has no deadline of its own. It is an
// emergency brake, far above anything that a healthy run needs.
const defaultWait = 60 * time.Second

// pollEvery is the pause between two looks at a condition.
const pollEvery = 20 * time.Millisecond

// probeLimit bounds one look, so that a stopped process, which accepts
// connections and never answers, cannot use up the whole wait.
const probeLimit = 2 * time.Second

// WaitFor calls probe until it reports ok or ctx ends. A wait without a
// deadline ends after a minute.
//
// what completes the sentence "waiting for ..."; the state that probe returned
// last is part of the error. The first call is made at once.
func WaitFor(ctx context.Context, what string, probe func(context.Context) (state string, ok bool)) error {
	return waitFor(ctx, pollEvery, what, probe)
}

func waitFor(ctx context.Context, every time.Duration, what string, probe func(context.Context) (string, bool)) error {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, defaultWait)
		defer cancel()
	}
	start := time.Now()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		probeCtx, cancel := context.WithTimeout(ctx, probeLimit)
		state, ok := probe(probeCtx)
		cancel()
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w after %.1f s; last seen: %s",
				what, context.Cause(ctx), time.Since(start).Seconds(), state)
		case <-tick.C:
		}
	}
}
