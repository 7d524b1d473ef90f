package logfile

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/errtext"
	"github.com/gosentinel/sentinel/monitor"
)

// Sink receives log lines and events. Its methods are safe for concurrent use and
// never block.
type Sink interface {
	Log(monitor.Level, string)
	Record(level monitor.Level, text string, attrs ...slog.Attr) // Log, with what the text tells as attributes
	Event(monitor.Event)
}

// Log is the log of one run of a Sentinel.
type Log struct {
	Sink
	Level    func() string // returns the name of the threshold
	SetLevel func(string)  // sets the threshold by name; unknown names are ignored
	Missing  func() uint64 // returns how many lines were dropped or could not be written
	Close    func()        // writes what was logged, within logFlushTimeout; may be called twice
}

// logFlushTimeout bounds the wait at the end for a log that cannot be written.
const logFlushTimeout = 2 * time.Second

// Open opens the log that set asks for: a file or standard output, and also the
// system log if it is enabled. The error is in redis-sentinel's words.
func Open(set configrewrite.Settings) (Log, error) {
	cfg, err := logConfig(set)
	if err != nil {
		return Log{}, err
	}
	w, err := New(cfg)
	if err != nil {
		return Log{}, fmt.Errorf("Can't open the log file: %s: %s", set.LogFile, errtext.Cause(err))
	}
	writers := []*Writer{w}
	if !set.SyslogEnabled {
		return newLog(w, writers, func() {}), nil
	}
	system, err := newSyslog(set)
	var second *Writer
	if err == nil {
		second, err = newSystemWriter(system, w, cfg.Threshold)
	}
	if err != nil {
		closeLogs(writers)
		return Log{}, err
	}
	// They are closed in this order, because the second reports its errors to the
	// first.
	writers = []*Writer{second, w}
	return newLog(bothLogs{w, second}, writers, system.close), nil
}

// newLog returns the log that consists of sink and writers. The threshold of the
// last writer counts as that of all. closeSystem is called once all writers have
// ended.
func newLog(sink Sink, writers []*Writer, closeSystem func()) Log {
	return Log{
		Sink:  sink,
		Level: func() string { return writers[len(writers)-1].Threshold().String() },
		SetLevel: func(name string) {
			if t, err := ParseThreshold(name); err == nil {
				for _, w := range writers {
					w.SetThreshold(t)
				}
			}
		},
		Missing: func() (n uint64) {
			for _, w := range writers {
				n += w.missing.Load()
			}
			return n
		},
		Close: func() {
			if closeLogs(writers) {
				closeSystem()
			}
		},
	}
}

// logConfig converts the settings of the log.
func logConfig(set configrewrite.Settings) (cfg Config, err error) {
	cfg.Path = configrewrite.InDir(set.Dir, set.LogFile)
	if cfg.Threshold, err = ParseThreshold(set.LogLevel); err != nil {
		return cfg, err
	}
	if cfg.Format, err = ParseFormat(set.LogFormat); err != nil {
		return cfg, err
	}
	cfg.Time, err = ParseTimeFormat(set.LogTimestampFormat)
	return cfg, err
}

// newSystemWriter returns the writer in front of the system log. It reports
// errors to the other log.
func newSystemWriter(out io.Writer, other *Writer, threshold Threshold) (*Writer, error) {
	return New(Config{
		Threshold: threshold, Stdout: out,
		OnError: func(err error) {
			other.Log(monitor.LevelWarning, "Lines for the system log are being lost: "+err.Error())
		},
	})
}

// closeLogs closes writers in order and reports whether all have ended.
func closeLogs(writers []*Writer) bool {
	ctx, cancel := context.WithTimeout(context.Background(), logFlushTimeout)
	defer cancel()
	for _, w := range writers {
		w.Close(ctx) // an error cannot be reported any more
	}
	return ctx.Err() == nil
}

// bothLogs writes everything to two logs.
type bothLogs [2]*Writer

func (b bothLogs) Log(level monitor.Level, text string) {
	b[0].Log(level, text)
	b[1].Log(level, text)
}

func (b bothLogs) Record(level monitor.Level, text string, attrs ...slog.Attr) {
	b[0].Record(level, text, attrs...)
	b[1].Record(level, text, attrs...)
}

func (b bothLogs) Event(ev monitor.Event) {
	b[0].Event(ev)
	b[1].Event(ev)
}
