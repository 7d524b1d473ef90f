package logfile

import (
	"context"
	"log/slog"

	"github.com/gosentinel/sentinel/monitor"
)

// Slog returns the log of an embedded Sentinel: it goes to logger, whose own
// configuration decides which levels are written. A nil logger discards
// everything.
func Slog(logger *slog.Logger) Log {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return Log{
		Sink: slogSink{logger}, Level: func() string { return "notice" }, SetLevel: func(string) {}, Close: func() {},
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
