package scripts

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// stage is a Runner with simulated processes, in virtual time.
type stage struct {
	*Runner
	t     *testing.T
	began time.Time

	mu      sync.Mutex
	procs   []*fakeProcess
	fail    []error // the outcome of the next starts
	history []string
	logged  []string
}

// fakeProcess is a simulated process.
type fakeProcess struct {
	stage    *stage
	argv     []string
	pid      int
	immortal atomic.Bool
	end      chan exit
}

func (a *fakeProcess) PID() int { return a.pid }

func (a *fakeProcess) Kill() {
	a.stage.note("SIGKILL %d", a.pid)
	if !a.immortal.Load() {
		a.exit(0, 9)
	}
}

func (a *fakeProcess) Wait() (status, error) {
	x := <-a.end
	return x.status, x.err
}

func (a *fakeProcess) exit(code, signal int) { a.end <- exit{status: status{code, signal}} }

func onStage(t *testing.T, cfg Config, play func(*stage)) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t, began: time.Now()}
		cfg.Emit = func(e monitor.Event) { s.note("%s %s", e.Name(), e.AppendText(nil)) }
		cfg.Log = func(_ monitor.Level, text string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.logged = append(s.logged, text)
		}
		s.Runner = newRunner(cfg, s.startFake)
		play(s)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
}

func (s *stage) startFake(argv []string) (process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.fail) > 0 {
		err := s.fail[0]
		s.fail = s.fail[1:]
		if err != nil {
			return nil, err
		}
	}
	a := &fakeProcess{stage: s, argv: argv, pid: 100 + len(s.procs), end: make(chan exit, 2)}
	s.procs = append(s.procs, a)
	return a, nil
}

func (s *stage) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.history = append(s.history, fmt.Sprintf("%v ", time.Since(s.began))+fmt.Sprintf(format, args...))
}

func (s *stage) run(path string) {
	s.Run(monitor.RunScript{Path: path})
	synctest.Wait()
}

// started returns the processes in the order of their starts.
func (s *stage) started() []*fakeProcess {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.procs)
}

// last returns the process that was started last.
func (s *stage) last() *fakeProcess {
	all := s.started()
	return all[len(all)-1]
}

// failNext makes the next starts fail.
func (s *stage) failNext(errs ...error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = errs
}

// exit ends the process that was started last.
func (s *stage) exit(code, signal int) {
	s.last().exit(code, signal)
	synctest.Wait()
}

func (s *stage) pass(d time.Duration) {
	time.Sleep(d) // virtual
	synctest.Wait()
}

// events returns everything that was emitted since the last call.
func (s *stage) events() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.history
	s.history = nil
	return h
}

// expectEvents compares the events since the last call with want.
func (s *stage) expectEvents(want ...string) {
	s.t.Helper()
	if got := s.events(); !slices.Equal(got, want) {
		s.t.Errorf("what happened:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// expectLog compares the log lines since the last call: their number, and that each
// contains the wanted part.
func (s *stage) expectLog(parts ...string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.EqualFunc(s.logged, parts, strings.Contains) {
		s.t.Errorf("the log says\n%s\nwant\n%s", strings.Join(s.logged, "\n"), strings.Join(parts, "\n"))
	}
	s.logged = nil
}

func (s *stage) counts(running, queued int) {
	s.t.Helper()
	if r, q := s.Counts(); r != running || q != queued {
		s.t.Errorf("%d running and %d queued, want %d and %d", r, q, running, queued)
	}
}

func TestSuccess(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		s.run("/ok")
		s.counts(1, 1)
		s.pass(time.Second)
		s.exit(0, 0)
		s.counts(0, 0)
		s.expectEvents("0s +script-child 100", "1s -script-child 100 0 0")
	})
}

func TestExitCodeAboveOneIsFinal(t *testing.T) {
	for _, code := range []int{2, 3, 255} {
		onStage(t, Config{}, func(s *stage) {
			s.run("/bad")
			s.exit(code, 0)
			s.counts(0, 0)
			s.expectEvents("0s +script-child 100",
				fmt.Sprintf("0s -script-child 100 %d 0", code),
				fmt.Sprintf("0s -script-error /bad 0 %d", code))
		})
	}
}

// Code 1 and signals are retried 9 times, with the delay doubling.
func TestRetries(t *testing.T) {
	for _, how := range []status{{code: 1}, {signal: 15}} {
		onStage(t, Config{}, func(s *stage) {
			s.run("/again")
			at, delay := time.Duration(0), 30*time.Second
			for k := 1; k < MaxStarts; k++ {
				s.exit(how.code, how.signal)
				s.expectEvents(fmt.Sprintf("%v +script-child %d", at, 99+k),
					fmt.Sprintf("%v -script-child %d %d %d", at, 99+k, how.code, how.signal))
				s.counts(0, 1)
				s.pass(delay - 1)
				s.expectEvents() // not too early
				s.pass(1)
				at += delay
				delay *= 2
			}
			s.exit(how.code, how.signal)
			s.expectEvents(fmt.Sprintf("%v +script-child 109", at),
				fmt.Sprintf("%v -script-child 109 %d %d", at, how.code, how.signal),
				fmt.Sprintf("%v -script-error /again %d %d", at, how.signal, how.code))
			s.counts(0, 0)
			if want := 30 * time.Second * 511; at != want {
				t.Errorf("the last start came after %v, want %v", at, want)
			}
		})
	}
}

// defaults are the periods of a Runner that nobody adjusted.
var defaults = periodOptions.Defaults()

func TestRetryDelaySaturates(t *testing.T) {
	for _, c := range []struct {
		base   time.Duration
		starts int
		want   time.Duration
	}{
		{1, 1, 1},
		{1, 10, 512},
		{30 * time.Second, 9, 7680 * time.Second},
		{math.MaxInt64, 1, math.MaxInt64},
		{math.MaxInt64, 9, math.MaxInt64},
		{math.MaxInt64/2 + 1, 2, math.MaxInt64},
		{math.MaxInt64 / 2, 2, math.MaxInt64 - 1},
	} {
		if got := retryDelay(c.base, c.starts); got != c.want {
			t.Errorf("retryDelay(%d, %d) = %d, want %d", c.base, c.starts, got, c.want)
		}
	}
}

func TestEndlessRetryDelay(t *testing.T) {
	onStage(t, Config{Periods: Periods{RetryDelay: math.MaxInt64}}, func(s *stage) {
		s.run("/again")
		s.exit(1, 0)
		s.pass(1000 * time.Hour)
		s.counts(0, 1)
		s.expectEvents("0s +script-child 100", "0s -script-child 100 1 0")
	})
}

func TestSettingsAtRunTime(t *testing.T) {
	onStage(t, Config{Periods: Periods{MaxRuntime: time.Hour, RetryDelay: time.Hour}}, func(s *stage) {
		if s.Periods().MaxRuntime != time.Hour || s.Periods().RetryDelay != time.Hour {
			t.Errorf("configured times are %v and %v", s.Periods().MaxRuntime, s.Periods().RetryDelay)
		}
		s.run("/a")
		s.Adjust(func(p *Periods) { p.RetryDelay = time.Second })
		s.exit(1, 0)
		s.pass(time.Second)
		s.expectEvents("0s +script-child 100", "0s -script-child 100 1 0", "1s +script-child 101")
		s.pass(10 * time.Second)
		s.Adjust(func(p *Periods) { p.MaxRuntime = 5 * time.Second }) // it runs longer than that already
		synctest.Wait()
		s.expectEvents("11s -script-timeout /a 101", "11s SIGKILL 101", "11s -script-child 101 0 9")
		s.Adjust(func(p *Periods) { p.MaxRuntime = 0 })
		s.Adjust(func(p *Periods) { p.RetryDelay = -1 })
		if s.Periods().MaxRuntime != defaults.MaxRuntime || s.Periods().RetryDelay != defaults.RetryDelay {
			t.Errorf("default times are %v and %v", s.Periods().MaxRuntime, s.Periods().RetryDelay)
		}
	})
}

func TestTimeout(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		s.run("/slow")
		s.pass(60*time.Second - 1)
		s.expectEvents("0s +script-child 100")
		s.pass(1)
		s.expectEvents("1m0s -script-timeout /slow 100", "1m0s SIGKILL 100", "1m0s -script-child 100 0 9")
		s.pass(30 * time.Second)
		s.expectEvents("1m30s +script-child 101")
	})
}

// A process that does not die is reported once and keeps its place.
func TestTimeoutOfAnImmortal(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		s.run("/stuck")
		s.last().immortal.Store(true)
		s.pass(time.Hour)
		s.expectEvents("0s +script-child 100", "1m0s -script-timeout /stuck 100", "1m0s SIGKILL 100")
		s.counts(1, 1)
		s.exit(0, 0)
		s.expectEvents("1h0m0s -script-child 100 0 0")
	})
}

func TestSixteenAtATimeOldestFirst(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		for i := range 20 {
			s.run(fmt.Sprint("/", i))
		}
		s.counts(16, 20)
		s.started()[3].exit(0, 0)
		synctest.Wait()
		s.counts(16, 19)
		for i, a := range s.started() {
			if want := fmt.Sprint("/", i); a.argv[0] != want {
				t.Errorf("start %d was of %s, want %s", i, a.argv[0], want)
			}
		}
		// A retry that is due is started before jobs that were queued later.
		s.started()[0].exit(1, 0)
		s.pass(30 * time.Second)
		s.started()[5].exit(0, 0)
		synctest.Wait()
		if got := s.last().argv[0]; got != "/0" {
			t.Errorf("%s was started, want the retry of /0", got)
		}
	})
}

func TestOverflowDropsTheOldestScheduled(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		for i := range MaxQueued {
			s.run(fmt.Sprint("/", i))
		}
		s.expectLog() // exactly full, nothing is dropped
		s.run("/new")
		s.counts(16, MaxQueued)
		jobs := s.Pending()
		if jobs[15].Argv[0] != "/15" || jobs[16].Argv[0] != "/17" || jobs[MaxQueued-1].Argv[0] != "/new" {
			t.Errorf("the queue is %s, %s ... %s", jobs[15].Argv, jobs[16].Argv, jobs[MaxQueued-1].Argv)
		}
		s.expectLog("1 dropped, the last one /16.")
		// Many drops cause one line per second.
		for i := range 50 {
			s.run(fmt.Sprint("/more", i))
		}
		s.pass(time.Second - 1)
		s.expectLog()
		s.pass(1)
		s.expectLog("50 dropped, the last one /66.")
		s.pass(time.Minute)
		s.expectLog()
	})
}

func TestPending(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		s.Run(monitor.RunScript{Path: "/again", Args: []string{"+sdown", "master m"}})
		synctest.Wait()
		s.exit(1, 0)
		s.pass(10 * time.Second)
		s.run("/runs")
		s.pass(2 * time.Second)
		want := []Job{
			{Argv: []string{"/again", "+sdown", "master m"}, RunDelay: 18 * time.Second, Starts: 1},
			{Argv: []string{"/runs"}, Running: true, PID: 101, RunTime: 2 * time.Second, Starts: 1},
		}
		if got := s.Pending(); !reflect.DeepEqual(got, want) {
			t.Errorf("pending:\n%+v\nwant\n%+v", got, want)
		}
		s.Pending()[0].Argv[0] = "changed"
		if got := s.Pending(); !reflect.DeepEqual(got, want) {
			t.Error("the caller of Pending can change the queue")
		}
	})
}

func TestNoProcess(t *testing.T) {
	for _, err := range []error{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE} {
		onStage(t, Config{}, func(s *stage) {
			s.failNext(err, err, err)
			s.run("/a")
			s.run("/b") // is not tried during the pause
			s.pass(time.Second)
			s.expectEvents("0s -script-error /a 99 0",
				"100ms -script-error /a 99 0",
				"300ms -script-error /a 99 0",
				"700ms +script-child 100", "700ms +script-child 101")
			if jobs := s.Pending(); jobs[0].Starts != 1 {
				t.Errorf("%d starts were counted, want 1", jobs[0].Starts)
			}
			// After a success the pause starts from its minimum again.
			s.failNext(err)
			s.run("/c")
			s.pass(time.Second)
			s.expectEvents("1s -script-error /c 99 0", "1.1s +script-child 102")
		})
	}
}

func TestForkPauseIsBounded(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		s.failNext(slices.Repeat([]error{syscall.EAGAIN}, 1000)...)
		s.run("/a")
		s.pass(time.Hour)
		if n := len(s.events()); n < 110 || n > 130 {
			t.Errorf("%d attempts in an hour, want one in 30 seconds", n)
		}
		s.counts(0, 1)
	})
}

func TestNotExecutable(t *testing.T) {
	for _, err := range []error{syscall.ENOENT, syscall.EACCES, syscall.ENOEXEC, errors.New("other")} {
		onStage(t, Config{}, func(s *stage) {
			s.failNext(err)
			s.run("/a")
			s.expectEvents("0s -script-error /a 0 2")
			s.counts(0, 0)
			s.expectLog(err.Error())
		})
	}
}

// The process was reaped by something else, as the init process of a container
// may do.
func TestStolenExitStatus(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		s.run("/a")
		s.last().end <- exit{err: syscall.ECHILD}
		synctest.Wait()
		s.counts(0, 0)
		s.expectEvents("0s +script-child 100")
		s.expectLog("/a (process 100)")
	})
}

func TestArguments(t *testing.T) {
	args := make([]string, 20)
	for i := range args {
		args[i] = fmt.Sprint(i)
	}
	onStage(t, Config{}, func(s *stage) {
		s.Run(monitor.RunScript{Path: "/a", Args: args})
		s.Run(monitor.RunScript{Path: "/b", Args: []string{"cut\x00here", "kept"}})
		args[0] = "changed by the caller afterwards"
		synctest.Wait()
		want := []string{"/a", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14"}
		if got := s.started()[0].argv; !slices.Equal(got, want) {
			t.Errorf("arguments are %q, want %q", got, want)
		}
		if got := s.started()[1].argv; !slices.Equal(got, []string{"/b", "cut", "kept"}) {
			t.Errorf("arguments are %q", got)
		}
	})
}

func TestCloseWaitsForWhatRuns(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		for i := range 20 {
			s.run(fmt.Sprint("/", i))
		}
		s.events()
		time.AfterFunc(10*time.Second, func() {
			for i, a := range s.started() {
				a.exit(i%2, 0) // half of them would normally be retried
			}
		})
		if err := s.Close(s.t.Context()); err != nil {
			t.Error(err)
		}
		if got := time.Since(s.began); got != 10*time.Second {
			t.Errorf("Close took %v", got)
		}
		s.counts(0, 0)
		if n := len(s.started()); n != 16 {
			t.Errorf("%d processes were started, want no more than the first 16", n)
		}
		lost := 0
		for _, h := range s.events() {
			if strings.Contains(h, "-script-error") {
				lost++
			}
		}
		if lost != 8 {
			t.Errorf("%d failures without a retry were reported, want 8", lost)
		}
		s.run("/late")
		s.counts(0, 0)
	})
}

func TestCloseForgetsRetries(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		s.run("/a")
		s.exit(1, 0)
		if err := s.Close(s.t.Context()); err != nil {
			t.Error(err)
		}
		if time.Since(s.began) != 0 {
			t.Error("Close waited for a retry")
		}
	})
}

func TestCloseKills(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		s.run("/slow")
		s.events()
		ctx, cancel := context.WithTimeout(s.t.Context(), 3*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
		s.expectEvents("3s SIGKILL 100", "3s -script-child 100 0 9", "3s -script-error /slow 9 0")
	})
}

// While Close waits without a deadline, the scripts' time limit still applies.
func TestCloseKeepsTheTimeLimit(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		s.run("/slow")
		if err := s.Close(s.t.Context()); err != nil {
			t.Error(err)
		}
		if got := time.Since(s.began); got != defaults.MaxRuntime {
			t.Errorf("Close took %v", got)
		}
	})
}

func TestCloseGivesUpOnAnImmortal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t, began: time.Now()}
		s.Runner = newRunner(Config{}, s.startFake)
		s.run("/stuck")
		s.last().immortal.Store(true)
		ctx, cancel := context.WithCancel(s.t.Context())
		cancel()
		const want = "scripts that SIGKILL does not end: /stuck (process 100)"
		for range 2 {
			if err := s.Close(ctx); err == nil || err.Error() != want {
				t.Errorf("Close returned %v, want %s", err, want)
			}
		}
		if got := time.Since(s.began); got != reapTimeout {
			t.Errorf("Close took %v", got)
		}
		s.exit(0, 9) // then the goroutine that waits for it ends
	})
}
