package logfile

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/errtext"
	"github.com/gosentinel/sentinel/monitor"
)

// Log is the log of one run.
type Log struct {
	Sink
	Level    func() string
	SetLevel func(string)
	Close    func()
}

// Sink is where log lines go.
type Sink interface {
	Log(monitor.Level, string)
	Event(monitor.Event)
}

// logFlushTimeout bounds the wait for a log that cannot be written at the end.
const logFlushTimeout = 2 * time.Second

// Opener logs as stock Sentinels do, to a file or to standard output, and to
// the system log as well if that is asked for.
func Opener(set configrewrite.Settings) func() (Log, error) {
	return func() (Log, error) {
		cfg, err := logConfig(set)
		if err != nil {
			return Log{}, err
		}
		w, err := New(cfg)
		if err != nil {
			return Log{}, fmt.Errorf("Can't open the log file: %s: %s", set.LogFile, errtext.Cause(err))
		}
		writers := []*Writer{w}
		sink := Sink(w)
		var system *syslogOutput
		if set.SyslogEnabled {
			system = &syslogOutput{dial: systemLog(set)}
			second, err := newSystemWriter(system, w, cfg.Threshold)
			if err != nil {
				closeLogs(writers)
				return Log{}, err
			}
			// In this order they are closed: the second one complains to the first.
			writers = []*Writer{second, w}
			sink = bothLogs{w, second}
		}
		return Log{
			Sink:  sink,
			Level: func() string { return w.Threshold().String() },
			SetLevel: func(name string) {
				if t, err := ParseThreshold(name); err == nil {
					for _, w := range writers {
						w.SetThreshold(t)
					}
				}
			},
			Close: func() {
				if closeLogs(writers) && system != nil {
					system.close()
				}
			},
		}, nil
	}
}

// logConfig translates the settings of the log.
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

// newSystemWriter returns the writer in front of the system log, whose troubles
// are told in the other log.
func newSystemWriter(out *syslogOutput, other *Writer, threshold Threshold) (*Writer, error) {
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
		w.Close(ctx) // nobody is left to be told of an error
	}
	return ctx.Err() == nil
}

// bothLogs writes everything to two logs.
type bothLogs [2]*Writer

func (b bothLogs) Log(level monitor.Level, text string) {
	b[0].Log(level, text)
	b[1].Log(level, text)
}

func (b bothLogs) Event(ev monitor.Event) {
	b[0].Event(ev)
	b[1].Event(ev)
}

// Slog logs to the logger of an embedding program, which has its own ways to
// choose a level.
func Slog(logger *slog.Logger) func() (Log, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return func() (Log, error) {
		return Log{
			Sink: slogSink{logger}, Level: func() string { return "notice" }, SetLevel: func(string) {}, Close: func() {},
		}, nil
	}
}

type slogSink struct{ logger *slog.Logger }

func (s slogSink) Log(level monitor.Level, text string) {
	s.logger.Log(context.Background(), slogLevel(level), text)
}

func (s slogSink) Event(ev monitor.Event) {
	if level := slogLevel(ev.Level()); s.logger.Enabled(context.Background(), level) {
		s.logger.Log(context.Background(), level, ev.Name(), "event", string(ev.AppendText(nil)))
	}
}

func slogLevel(level monitor.Level) slog.Level {
	switch level {
	case monitor.LevelDebug, monitor.LevelVerbose:
		return slog.LevelDebug
	case monitor.LevelNotice:
		return slog.LevelInfo
	default:
		return slog.LevelWarn
	}
}
