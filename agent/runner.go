package agent

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

const (
	// firstRetry and lastRetry are the pauses before a plan that failed is made anew.
	firstRetry = 500 * time.Millisecond
	lastRetry  = 30 * time.Second
	// startGrace is how long a target waits at the start for all of its groups, so that
	// groups that are found one after the other do not cause one change each.
	startGrace = 2 * time.Second
	// waitsAtMost is how many times Wait a target waits for groups that never rest.
	waitsAtMost = 10
)

// runner keeps one job done.
type runner struct {
	job     *job
	hub     *hub
	wake    chan struct{} // something has changed; see hub
	counter *targetMetrics
	log     *slog.Logger

	said string // the last trouble, which is not said again
}

// run works until the context ends.
func (r *runner) run(ctx context.Context) {
	if !r.hub.settle(ctx, r.job.common.Groups, startGrace) {
		return
	}
	select {
	case <-r.wake: // what it tells of is looked at in any case
	default:
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	pause := time.Duration(0)
	for {
		select {
		case <-timer.C:
		case <-r.wake:
			r.debounce(ctx)
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return
		}
		done, most := r.once(ctx)
		if done {
			pause = 0
			timer.Reset(r.job.every)
			continue
		}
		pause = min(max(2*pause, firstRetry), most)
		timer.Reset(pause)
	}
}

// debounce waits until the groups have been quiet for Wait, but not for ever.
func (r *runner) debounce(ctx context.Context) {
	wait := r.job.common.Wait
	if wait == 0 {
		return
	}
	quiet, end := time.NewTimer(wait), time.NewTimer(waitsAtMost*wait)
	defer quiet.Stop()
	defer end.Stop()
	for {
		select {
		case <-r.wake:
			quiet.Reset(wait)
		case <-quiet.C:
			return
		case <-end.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// once brings the job in line with what is known now. It reports whether it is and, if not,
// the longest pause before the next attempt: what could not be seen is looked at as often as
// what can, as it may be back with what it had before.
func (r *runner) once(ctx context.Context) (done bool, most time.Duration) {
	changed, err := r.job.reconcile(ctx, r.hub.snapshot())
	if ctx.Err() != nil {
		return false, lastRetry // what failed then has failed because of it
	}
	var wait *waiting
	switch {
	case errors.As(err, &wait):
		r.say(slog.LevelInfo, "Waiting", err)
		return true, 0 // the hub tells when there is more
	case err != nil:
		r.counter.fail(causeOf(err))
		r.say(slog.LevelError, "Trouble", err)
		if causeOf(err) == causeRead {
			return false, min(lastRetry, max(firstRetry, r.job.every))
		}
		return false, lastRetry
	}
	r.counter.succeed(changed)
	if r.said != "" {
		r.log.Info("In line again", "target", r.job.name)
		r.said = ""
	}
	return true, 0
}

// say tells of trouble once.
func (r *runner) say(level slog.Level, what string, err error) {
	if text := err.Error(); text != r.said {
		r.said = text
		r.log.Log(context.Background(), level, what, "target", r.job.name, "error", text)
	}
}
