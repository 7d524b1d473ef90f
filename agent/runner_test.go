package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeWork is a worker that notes what it is asked to do.
type fakeWork struct {
	have   Snapshot // what is in force
	err    error    // of every attempt
	unseen error    // of every look
	at     []time.Duration
	from   time.Time
	mu     sync.Mutex
}

func (f *fakeWork) plan(_ context.Context, s Snapshot) (*plan, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unseen != nil {
		return nil, failed(causeRead, f.unseen)
	}
	if f.err == nil && fmt.Sprint(f.have) == fmt.Sprint(s) {
		return nil, nil
	}
	return &plan{"", func(context.Context) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.at = append(f.at, time.Since(f.from))
		if f.err == nil {
			f.have = s
		}
		return f.err
	}}, nil
}

// bubble runs a runner in virtual time.
func bubble(t *testing.T, c *Common, do func(f *fakeWork, h *hub, r *runner, log *bytes.Buffer)) {
	synctest.Test(t, func(t *testing.T) {
		f, h := &fakeWork{from: time.Now()}, newHub([]string{"a", "b"})
		j := newJob(c, "fake", fileEvery, f)
		var log bytes.Buffer
		r := &runner{job: j, hub: h, wake: h.waker(), counter: newMetrics(nil, []*job{j}).targets["fake"], log: slog.New(slog.NewTextHandler(&log, nil))}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { defer close(ended); r.run(ctx) }()
		do(f, h, r, &log)
		cancel()
		<-ended
	})
}

// TestStartTogether: groups that are found one after the other at the start are one
// change, and a group that is not found does not keep the others waiting for long.
func TestStartTogether(t *testing.T) {
	bubble(t, &Common{}, func(f *fakeWork, h *hub, _ *runner, _ *bytes.Buffer) {
		h.update(0, known("a", "1", 1))
		pass(time.Second)
		h.update(1, known("b", "1", 1))
		synctest.Wait()
		if fmt.Sprint(f.at) != "[1s]" {
			t.Error(f.at)
		}
	})
	bubble(t, &Common{}, func(f *fakeWork, h *hub, _ *runner, _ *bytes.Buffer) {
		h.update(0, known("a", "1", 1))
		pass(3 * time.Second)
		if fmt.Sprint(f.at) != "[2s]" {
			t.Error(f.at)
		}
	})
	bubble(t, &Common{Groups: []string{"a"}}, func(f *fakeWork, h *hub, _ *runner, _ *bytes.Buffer) {
		h.update(0, known("a", "1", 1))
		synctest.Wait()
		if fmt.Sprint(f.at) != "[0s]" || len(f.have) != 1 {
			t.Error(f.at, f.have)
		}
	})
}

// TestAwayForLong: a place that could not be seen for an hour is compared as soon as one that
// could, when it is back.
func TestAwayForLong(t *testing.T) {
	bubble(t, &Common{Groups: []string{"a"}, Every: time.Second}, func(f *fakeWork, h *hub, r *runner, _ *bytes.Buffer) {
		f.set(func() { f.unseen = errors.New("connection refused") })
		h.update(0, known("a", "1", 1))
		pass(time.Hour)
		f.set(func() { f.unseen, f.from = nil, time.Now() })
		pass(time.Minute)
		if len(f.at) != 1 || f.at[0] > time.Second {
			t.Error(f.at)
		}
	})
}

// TestDebounce: changes that follow each other closely are one, and those that never
// end are carried out nevertheless.
func TestDebounce(t *testing.T) {
	bubble(t, &Common{Wait: 200 * time.Millisecond}, func(f *fakeWork, h *hub, _ *runner, _ *bytes.Buffer) {
		h.update(0, known("a", "1", 1))
		h.update(1, known("b", "1", 1))
		pass(time.Second)
		f.set(func() { f.at, f.from = nil, time.Now() })
		for port := range 5 {
			h.update(0, known("a", "1", 2+port))
			pass(100 * time.Millisecond)
		}
		pass(time.Second)
		if fmt.Sprint(f.at) != "[600ms]" || f.have.Group("a").Master.Port != 6 {
			t.Error(f.at, f.have)
		}
		f.set(func() { f.at, f.from = nil, time.Now() })
		for port := range 50 {
			h.update(0, known("a", "1", 100+port))
			pass(100 * time.Millisecond)
		}
		if len(f.at) != 2 || f.at[0] != 2*time.Second {
			t.Error(f.at)
		}
	})
}

// TestRetries: what fails is tried again, more and more rarely, at once when there is
// something new, and the trouble is told once and counted.
func TestRetries(t *testing.T) {
	bubble(t, &Common{}, func(f *fakeWork, h *hub, r *runner, log *bytes.Buffer) {
		f.set(func() { f.err = failed(causeValidate, errors.New("no such directive")) })
		h.update(0, known("a", "1", 1))
		h.update(1, known("b", "1", 1))
		pass(110 * time.Second)
		if got := fmt.Sprint(f.at); got != "[0s 500ms 1.5s 3.5s 7.5s 15.5s 31.5s 1m1.5s 1m31.5s]" {
			t.Error(f.at)
		}
		n := len(f.at)
		h.update(0, known("a", "1", 2))
		synctest.Wait()
		if len(f.at) != n+1 {
			t.Error("it is not tried at once when there is something new")
		}
		if r.counter.inLine.Load() || r.counter.failures[causeValidate].Load() != int64(len(f.at)) {
			t.Error("it is not counted")
		}
		f.set(func() { f.err = nil })
		pass(lastRetry)
		synctest.Wait()
		if !r.counter.inLine.Load() || r.counter.changes.Load() != 1 {
			t.Error("it is not in line again")
		}
		if text := log.String(); strings.Count(text, "no such directive") != 1 || !strings.Contains(text, "In line again") {
			t.Error(text)
		}
		// In line, it is compared now and then.
		f.set(func() { f.have, f.at, f.from = nil, nil, time.Now() })
		pass(fileEvery)
		synctest.Wait()
		if len(f.at) != 1 {
			t.Error("what was changed by hand is not found")
		}
	})
}

// set changes the worker between two of its steps.
func (f *fakeWork) set(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

// pass lets time pass, and everybody come to rest.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
