package scripts

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

const (
	// After a failed fork nothing is started for this long, and twice as long
	// after each further one. Retrying each job immediately would add to the
	// shortage and fill the log.
	forkPause    = 100 * time.Millisecond
	forkPauseMax = 30 * time.Second

	// A killed process that is still there after this time is stuck in the kernel
	// (because of a dead network file system, for example), and Close gives up on
	// it.
	reapTimeout = 5 * time.Second

	dropReportGap = time.Second

	// The signal number that stands for a failed fork in -script-error.
	forkFailureSignal = 99
	// The exit code of a script that could not be executed.
	execFailureCode = 2
)

// Config configures a Runner. The zero value is usable.
type Config struct {
	// Emit receives +script-child, -script-child, -script-timeout and
	// -script-error. Log receives lines that are not events. Both are called by
	// the Runner's goroutine, one at a time; they must not block or call Close.
	// Nil discards.
	Emit func(monitor.Event)
	Log  func(monitor.Level, string)
	// Periods are the times to start with.
	Periods Periods
}

// Runner owns the queue of scripts. One goroutine starts, reaps and kills
// scripts, and one more waits for each running process. Its methods are safe for
// concurrent use; none but Close blocks.
type Runner struct {
	emit  func(monitor.Event)
	log   func(monitor.Level, string)
	start func(argv []string) (process, error)

	wake  chan struct{} // holds one token when the queue or a setting changed
	exits chan exit     // has room for all running scripts, so no waiter ever blocks
	stop  chan struct{} // closed: start nothing more
	kill  chan struct{} // closed: kill what runs
	done  chan struct{} // closed when the goroutine has ended
	left  []*job        // jobs that could not be killed; readable after done

	killOnce sync.Once

	mu          sync.Mutex
	jobs        []*job // in the order of Run
	running     int
	periods     Periods
	dropped     int    // jobs dropped since that was last logged
	lastDropped string // the path of the last one dropped
	reportAfter time.Time
	closed      bool

	pause       time.Duration // 0 after a successful fork
	pausedUntil time.Time
}

type exit struct {
	job *job
	status
	err error // the status is unknown
}

// New starts a Runner with an empty queue. The caller must Close it.
func New(cfg Config) *Runner { return newRunner(cfg, startOS) }

func newRunner(cfg Config, start func([]string) (process, error)) *Runner {
	r := &Runner{
		emit:    cfg.Emit,
		log:     cfg.Log,
		start:   start,
		wake:    make(chan struct{}, 1),
		exits:   make(chan exit, MaxRunning),
		stop:    make(chan struct{}),
		kill:    make(chan struct{}),
		done:    make(chan struct{}),
		periods: cfg.Periods,
	}
	periodOptions.FillIn(&r.periods)
	if r.emit == nil {
		r.emit = func(monitor.Event) {}
	}
	if r.log == nil {
		r.log = func(monitor.Level, string) {}
	}
	go r.loop()
	return r
}

// Run queues a script, which is started as soon as there is room. If the queue is
// full, the oldest job that is not running is dropped, which is logged. After
// Close, Run does nothing.
func (r *Runner) Run(s monitor.RunScript) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.jobs = append(r.jobs, newJob(s))
	if len(r.jobs) > MaxQueued {
		i := slices.IndexFunc(r.jobs, func(j *job) bool { return !j.running })
		r.dropped++
		r.lastDropped = r.jobs[i].argv[0]
		r.jobs = slices.Delete(r.jobs, i, i+1)
	}
	r.nudge()
}

func (r *Runner) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Pending returns the jobs in the order in which they were queued.
func (r *Runner) Pending() []Job {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	views := make([]Job, len(r.jobs))
	for i, j := range r.jobs {
		views[i] = j.view(now)
	}
	return views
}

// Counts returns the number of running scripts and the length of the queue,
// which includes the running ones.
func (r *Runner) Counts() (running, queued int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running, len(r.jobs)
}

// Periods returns the times that are in force.
func (r *Runner) Periods() Periods {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.periods
}

// Adjust changes times. f must return at once. A new MaxRuntime acts on scripts
// that run already, a new RetryDelay on waits that have not begun.
func (r *Runner) Adjust(f func(*Periods)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.periods)
	periodOptions.FillIn(&r.periods)
	r.nudge()
}

// Close discards the scheduled jobs, waits for the running scripts until ctx
// ends, and then kills them. When it returns, all are reaped and nothing more is
// emitted. The error names scripts that did not end within 5 seconds of SIGKILL;
// for each of those a goroutine remains that waits for it. Close may be called
// again; the first context to end counts.
func (r *Runner) Close(ctx context.Context) error {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		r.jobs = slices.DeleteFunc(r.jobs, func(j *job) bool { return !j.running })
		close(r.stop)
	}
	r.mu.Unlock()
	select {
	case <-r.done:
	case <-ctx.Done():
		r.killOnce.Do(func() { close(r.kill) })
		<-r.done
	}
	if len(r.left) == 0 {
		return nil
	}
	text := "scripts that SIGKILL does not end:"
	for _, j := range r.left {
		text += fmt.Sprintf(" %s (process %d)", j.argv[0], j.proc.PID())
	}
	return fmt.Errorf("%s", text)
}

// loop does everything that can block or has effects.
func (r *Runner) loop() {
	defer close(r.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	stop, kill := r.stop, r.kill
	var giveUp <-chan time.Time
	for {
		r.reportDropped()
		r.startDue()
		r.killOverdue()
		if stop == nil && r.idle() {
			return
		}
		timer.Reset(r.untilNext())
		select {
		case <-r.wake:
		case <-timer.C:
		case x := <-r.exits:
			r.ended(x)
		case <-stop:
			stop = nil
		case <-kill:
			kill = nil
			r.killAll()
			giveUp = time.After(reapTimeout)
		case <-giveUp:
			r.left = r.runningJobs()
			return
		}
	}
}

func (r *Runner) idle() bool {
	running, _ := r.Counts()
	return running == 0
}

// reportDropped logs dropped jobs at most once a second: a flood of events must
// not cause a flood of log lines.
func (r *Runner) reportDropped() {
	r.mu.Lock()
	n, path, now := r.dropped, r.lastDropped, time.Now()
	if n == 0 || now.Before(r.reportAfter) {
		r.mu.Unlock()
		return
	}
	r.dropped, r.reportAfter = 0, now.Add(dropReportGap)
	r.mu.Unlock()
	r.log(monitor.LevelWarning, fmt.Sprintf(
		"The queue of %d scripts is full: %d dropped, the last one %s. Scripts fail or take too long; see SENTINEL PENDING-SCRIPTS",
		MaxQueued, n, path))
}

// startDue starts all jobs that may be started now, oldest first.
func (r *Runner) startDue() {
	for j := r.claim(); j != nil; j = r.claim() {
		// Not under the lock: creating a process can take long, and Run must not
		// block.
		p, err := r.start(j.argv)
		if err != nil {
			r.notStarted(j, err)
			continue
		}
		r.mu.Lock()
		j.proc = p
		r.pause = 0
		r.mu.Unlock()
		r.emit(event.ScriptChild{Started: true, PID: p.PID()})
		go func() {
			s, err := p.Wait()
			r.exits <- exit{j, s, err}
		}()
	}
}

// claim marks the next job that may be started as running and returns it.
func (r *Runner) claim() *job {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if r.closed || r.running == MaxRunning || now.Before(r.pausedUntil) {
		return nil
	}
	for _, j := range r.jobs {
		if !j.running && !now.Before(j.notBefore) {
			j.running, j.startedAt = true, now
			j.starts++
			r.running++
			return j
		}
	}
	return nil
}

// release undoes claim: the job is scheduled again after delay if keep is set,
// otherwise it is removed. The caller holds mu.
func (r *Runner) release(j *job, keep bool, delay time.Duration) {
	r.running--
	j.running, j.killed, j.proc = false, false, nil
	j.notBefore = time.Now().Add(delay)
	if !keep || r.closed {
		r.jobs = slices.DeleteFunc(r.jobs, func(x *job) bool { return x == j })
	}
}

func (r *Runner) notStarted(j *job, err error) {
	fork := isForkFailure(err)
	r.mu.Lock()
	if fork {
		j.starts-- // nothing has started
		r.pause = min(max(2*r.pause, forkPause), forkPauseMax)
		r.pausedUntil = time.Now().Add(r.pause)
	}
	r.release(j, fork, 0)
	r.mu.Unlock()
	r.log(monitor.LevelWarning, fmt.Sprintf("Can't start script: %v", err))
	if fork {
		r.emit(event.ScriptError{Path: j.argv[0], Signal: forkFailureSignal})
	} else {
		r.emit(event.ScriptError{Path: j.argv[0], ExitCode: execFailureCode})
	}
}

// ended handles the end of a job's process.
func (r *Runner) ended(x exit) {
	j := x.job
	r.mu.Lock()
	pid := j.proc.PID()
	retry := x.err == nil && (x.signal != 0 || x.code == 1) && j.starts < MaxStarts
	closed := r.closed
	r.release(j, retry, retryDelay(r.periods.RetryDelay, j.starts))
	r.mu.Unlock()
	if x.err != nil {
		// The process was reaped by something else in this program. It may have
		// succeeded, and running it twice could be worse than not at all.
		r.log(monitor.LevelWarning, fmt.Sprintf("Can't learn how script %s (process %d) ended, so it is not retried: %v", j.argv[0], pid, x.err))
		return
	}
	r.emit(event.ScriptChild{PID: pid, ExitCode: x.code, Signal: x.signal})
	if failed := x.signal != 0 || x.code != 0; failed && (!retry || closed) {
		r.emit(event.ScriptError{Path: j.argv[0], Signal: x.signal, ExitCode: x.code})
	}
}

// killOverdue kills scripts that have run too long. Each is killed and reported
// once. One that SIGKILL does not end still counts as running.
func (r *Runner) killOverdue() {
	r.mu.Lock()
	var overdue []process
	var events []monitor.Event
	for _, j := range r.jobs {
		if j.proc != nil && !j.killed && time.Since(j.startedAt) >= r.periods.MaxRuntime {
			j.killed = true
			overdue = append(overdue, j.proc)
			events = append(events, event.ScriptTimeout{Path: j.argv[0], PID: j.proc.PID()})
		}
	}
	r.mu.Unlock()
	for i, p := range overdue {
		r.emit(events[i])
		p.Kill()
	}
}

func (r *Runner) killAll() {
	for _, j := range r.runningJobs() {
		j.proc.Kill()
	}
}

// runningJobs returns the jobs that have a process. Only the loop may use their
// proc without the lock, since only the loop changes it.
func (r *Runner) runningJobs() []*job {
	r.mu.Lock()
	defer r.mu.Unlock()
	var some []*job
	for _, j := range r.jobs {
		if j.proc != nil {
			some = append(some, j)
		}
	}
	return some
}

// untilNext returns the time until the next script must be killed or may be
// started, or until dropped jobs may be logged.
func (r *Runner) untilNext() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	const never = 24 * time.Hour // waking up once a day for nothing is harmless
	now, next := time.Now(), never
	if r.dropped > 0 {
		next = r.reportAfter.Sub(now)
	}
	for _, j := range r.jobs {
		switch {
		case j.running && !j.killed:
			next = min(next, j.startedAt.Add(r.periods.MaxRuntime).Sub(now))
		case !j.running && r.running < MaxRunning && !r.closed:
			next = min(next, max(j.notBefore.Sub(now), r.pausedUntil.Sub(now)))
		}
	}
	return max(next, 0)
}
