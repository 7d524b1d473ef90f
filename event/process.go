package event

import (
	"log/slog"
	"strconv"
	"time"
)

// Tilt is +tilt: this process stood still for so long that it makes no
// judgement for a while; -tilt: it judges again.
//
// When it begins, Stood says for how long the process stood still, and For how long it
// makes no judgement from now on, unless it stands still again.
type Tilt struct {
	Entered    bool
	Stood, For time.Duration
}

func (e Tilt) Name() string { return signed(e.Entered, "tilt") }
func (Tilt) Level() Level   { return LevelWarning }

func (e Tilt) LogValue() slog.Value {
	if !e.Entered {
		return logValue(e)
	}
	return logValue(e, slog.Duration("stood", e.Stood), slog.Duration("for", e.For))
}

func (e Tilt) AppendText(dst []byte) []byte {
	if e.Entered {
		return append(dst, "#tilt mode entered"...)
	}
	return append(dst, "#tilt mode exited"...)
}

// ScriptError is -script-error: a notification or client reconfiguration
// script failed for good.
type ScriptError struct {
	Path             string
	Signal, ExitCode int
}

func (ScriptError) Name() string { return "-script-error" }
func (ScriptError) Level() Level { return LevelWarning }

func (e ScriptError) AppendText(dst []byte) []byte {
	dst = append(dst, e.Path...)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, int64(e.Signal), 10)
	dst = append(dst, ' ')
	return strconv.AppendInt(dst, int64(e.ExitCode), 10)
}

func (e ScriptError) LogValue() slog.Value {
	return logValue(e, slog.String("path", e.Path), slog.Int("signal", e.Signal), slog.Int("exit_code", e.ExitCode))
}

// ScriptTimeout is -script-timeout: a script ran too long and was killed.
type ScriptTimeout struct {
	Path string
	PID  int
}

func (ScriptTimeout) Name() string { return "-script-timeout" }
func (ScriptTimeout) Level() Level { return LevelWarning }
func (e ScriptTimeout) LogValue() slog.Value {
	return logValue(e, slog.String("path", e.Path), slog.Int("script_pid", e.PID))
}

func (e ScriptTimeout) AppendText(dst []byte) []byte {
	dst = append(dst, e.Path...)
	dst = append(dst, ' ')
	return strconv.AppendInt(dst, int64(e.PID), 10)
}

// ScriptChild is +script-child or -script-child: a script was started, or
// ended. It is logged at debug level and not published to RESP subscribers.
type ScriptChild struct {
	Started               bool
	PID, ExitCode, Signal int
}

func (e ScriptChild) Name() string { return signed(e.Started, "script-child") }
func (ScriptChild) Level() Level   { return LevelDebug }

// AppendText appends exit code and signal in the opposite order to -script-error,
// as stock Sentinels do.
func (e ScriptChild) AppendText(dst []byte) []byte {
	dst = strconv.AppendInt(dst, int64(e.PID), 10)
	if e.Started {
		return dst
	}
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, int64(e.ExitCode), 10)
	dst = append(dst, ' ')
	return strconv.AppendInt(dst, int64(e.Signal), 10)
}

func (e ScriptChild) LogValue() slog.Value {
	return logValue(e, slog.Int("script_pid", e.PID), slog.Int("exit_code", e.ExitCode), slog.Int("signal", e.Signal))
}

// PersistError is +persist-error: the state cannot be saved, so this Sentinel
// gives no new vote; -persist-error: it can be saved again. redis-sentinel
// has no such event.
type PersistError struct {
	Failing bool
	Reason  string
}

func (e PersistError) Name() string         { return signed(e.Failing, "persist-error") }
func (PersistError) Level() Level           { return LevelWarning }
func (e PersistError) LogValue() slog.Value { return logValue(e, slog.String("reason", e.Reason)) }

func (e PersistError) AppendText(dst []byte) []byte {
	if e.Failing {
		dst = append(dst, "#no vote is given until the state can be saved: "...)
		return append(dst, e.Reason...)
	}
	return append(dst, "#state saved again"...)
}

// Lagged takes the place of events that a consumer of a stream missed because it was
// too slow. It is never logged or sent to RESP clients.
type Lagged struct {
	Missed uint64 // number of events dropped at this place
}

func (Lagged) Name() string           { return "+lagged" }
func (Lagged) Level() Level           { return LevelWarning }
func (e Lagged) LogValue() slog.Value { return logValue(e, slog.Uint64("missed", e.Missed)) }

func (e Lagged) AppendText(dst []byte) []byte {
	return append(strconv.AppendUint(append(dst, '#'), e.Missed, 10), " events missed"...)
}
