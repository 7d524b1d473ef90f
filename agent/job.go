package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// environment is what targets work with.
type environment struct {
	log  *slog.Logger
	http *http.Client
}

// job is one place that has to agree with the groups.
type job struct {
	name   string
	every  time.Duration // compare again, although nothing happens
	common *Common
	work   worker
}

// worker brings its place in line. Its methods are called by one goroutine.
type worker interface {
	// plan compares the place with a snapshot. It returns nil if nothing has to be
	// done, and changes nothing.
	plan(ctx context.Context, s Snapshot) (*plan, error)
}

// plan is what would bring a place in line.
type plan struct {
	diff  string // what changes, for people: lines that begin with - and +
	apply func(ctx context.Context) error
}

// cause is why a target could not be brought in line, as metrics have it.
type cause string

const (
	causeRead     cause = "read"     // what is there now cannot be seen
	causeRender   cause = "render"   // what should be there cannot be made
	causeValidate cause = "validate" // the validation command refuses it
	causeWrite    cause = "write"    // it cannot be put there
	causeCommand  cause = "command"  // the command that follows has failed
)

var causes = []cause{causeRead, causeRender, causeValidate, causeWrite, causeCommand}

// failure is an error with its cause.
type failure struct {
	cause cause
	err   error
}

func failed(c cause, err error) error {
	if err == nil {
		return nil
	}
	return &failure{c, err}
}

func failedf(c cause, format string, args ...any) error {
	return &failure{c, fmt.Errorf(format, args...)}
}

func (f *failure) Error() string { return string(f.cause) + ": " + f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// causeOf returns the cause of an error of a plan.
func causeOf(err error) cause {
	var f *failure
	if errors.As(err, &f) {
		return f.cause
	}
	return causeWrite
}

// waiting is no failure: there is nothing to write yet.
type waiting struct{ groups []string }

func (w *waiting) Error() string {
	return "waiting for the master of " + strings.Join(w.groups, ", ")
}

// reconcile makes a plan and carries it out. changed tells whether there was one.
func (j *job) reconcile(ctx context.Context, s Snapshot) (changed bool, err error) {
	p, err := j.plan(ctx, s)
	if err != nil || p == nil {
		return false, err
	}
	return true, p.apply(ctx)
}

// plan gives the worker what it has asked for.
func (j *job) plan(ctx context.Context, s Snapshot) (*plan, error) {
	if len(j.common.Groups) > 0 {
		s = s.only(j.common.Groups)
	}
	return j.work.plan(ctx, s)
}

// fileEvery is how often a file is compared.
const fileEvery = 5 * time.Second

// newJob makes a job. every is used if the settings do not say how often.
func newJob(c *Common, name string, every time.Duration, w worker) *job {
	if c.Every > 0 {
		every = c.Every
	}
	return &job{name: name, every: every, common: c, work: w}
}
