package scripts

import (
	"math"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// The limits of redis-sentinel (wire.md §11, Scripts).
const (
	// MaxQueued is the number of jobs in the queue, including running ones.
	MaxQueued = 256
	// MaxRunning is the number of scripts that run at the same time.
	MaxRunning = 16
	// MaxStarts is how often a failing script is started before its failure is
	// final.
	MaxStarts = 10
	// MaxArgs is the number of arguments passed, including the path; further ones
	// are cut off.
	MaxArgs = 16
)

// Job is a view of one job in the queue, for SENTINEL PENDING-SCRIPTS.
type Job struct {
	Argv     []string // path first
	Running  bool
	PID      int           // 0 unless running
	RunTime  time.Duration // since the start; 0 unless running
	RunDelay time.Duration // until it may start, never negative; 0 if running
	Starts   int           // how often it was started so far
}

// job is one job of the queue. Everything but argv is guarded by Runner.mu.
type job struct {
	argv      []string
	running   bool
	proc      process // nil until the process exists
	startedAt time.Time
	notBefore time.Time
	starts    int
	killed    bool // it ran too long and was sent SIGKILL
}

func newJob(s monitor.RunScript) *job {
	argv := append([]string{s.Path}, s.Args...)
	if len(argv) > MaxArgs {
		argv = argv[:MaxArgs]
	}
	for i, arg := range argv {
		// An argument cannot contain a NUL byte; executing would fail. A remote
		// that gets one into a payload could thereby suppress the notification.
		argv[i], _, _ = strings.Cut(arg, "\x00")
	}
	return &job{argv: argv}
}

func (j *job) view(now time.Time) Job {
	v := Job{Argv: append([]string(nil), j.argv...), Running: j.running, Starts: j.starts}
	if !j.running {
		v.RunDelay = max(j.notBefore.Sub(now), 0)
		return v
	}
	v.RunTime = now.Sub(j.startedAt)
	if j.proc != nil {
		v.PID = j.proc.PID()
	}
	return v
}

// retryDelay is the wait after a number of failed starts: base after the first,
// doubled after each further one.
func retryDelay(base time.Duration, starts int) time.Duration {
	d := base
	for range starts - 1 {
		if d > math.MaxInt64/2 {
			// base is configurable. If the delay overflowed to a negative value,
			// the longest delay would become a restart without pause.
			return math.MaxInt64
		}
		d *= 2
	}
	return d
}
