package sentinel

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/logfile"
	"github.com/gosentinel/sentinel/monitor"
)

// runLog is the log of one run.
type runLog struct {
	logSink
	level    func() string
	setLevel func(string)
	close    func()
}

// logFlushTimeout bounds the wait for a log that cannot be written at the end.
const logFlushTimeout = 2 * time.Second

// fileLog logs as stock Sentinels do, to a file or to standard output.
func fileLog(set configrewrite.Settings) func() (runLog, error) {
	return func() (runLog, error) {
		threshold, err := logfile.ParseThreshold(set.LogLevel)
		if err != nil {
			return runLog{}, err
		}
		path := set.LogFile
		if path != "" && !filepath.IsAbs(path) {
			path = filepath.Join(set.Dir, path)
		}
		w, err := logfile.New(logfile.Config{Path: path, Threshold: threshold})
		if err != nil {
			return runLog{}, err
		}
		return runLog{
			logSink: w,
			level:   func() string { return w.Threshold().String() },
			setLevel: func(name string) {
				if t, err := logfile.ParseThreshold(name); err == nil {
					w.SetThreshold(t)
				}
			},
			close: func() {
				ctx, cancel := context.WithTimeout(context.Background(), logFlushTimeout)
				defer cancel()
				w.Close(ctx)
			},
		}, nil
	}
}

// slogLog logs to the logger of an embedding program, which has its own ways to
// choose a level.
func slogLog(logger *slog.Logger) func() (runLog, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return func() (runLog, error) {
		return runLog{
			logSink: slogSink{logger}, level: func() string { return "notice" }, setLevel: func(string) {}, close: func() {},
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
