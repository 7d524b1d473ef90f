package event

import (
	"log/slog"
)

// SwitchoverTakenOver is +switchover-takeover: a planned switchover was left
// unfinished by its driver, and this Sentinel stands for finishing it.
type SwitchoverTakenOver struct{ Instance }

func (SwitchoverTakenOver) Name() string           { return "+switchover-takeover" }
func (SwitchoverTakenOver) Level() Level           { return LevelWarning }
func (e SwitchoverTakenOver) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// SwitchoverWaits is +switchover-wait: a planned switchover waits for a replica
// that is being synchronised.
type SwitchoverWaits struct {
	Instance
	Reason string
}

func (SwitchoverWaits) Name() string                   { return "+switchover-wait" }
func (SwitchoverWaits) Level() Level                   { return LevelNotice }
func (e SwitchoverWaits) AppendText(dst []byte) []byte { return e.appendReason(dst, e.Reason) }

func (e SwitchoverWaits) LogValue() slog.Value {
	return logValue(e, append(e.attrs(), slog.String("reason", e.Reason))...)
}

// SwitchoverDegraded is +switchover-degraded: a planned switchover goes on
// without something that a server refuses.
type SwitchoverDegraded struct {
	Instance
	Reason string
}

func (SwitchoverDegraded) Name() string                   { return "+switchover-degraded" }
func (SwitchoverDegraded) Level() Level                   { return LevelWarning }
func (e SwitchoverDegraded) AppendText(dst []byte) []byte { return e.appendReason(dst, e.Reason) }

func (e SwitchoverDegraded) LogValue() slog.Value {
	return logValue(e, append(e.attrs(), slog.String("reason", e.Reason))...)
}

// SwitchoverAborted is -switchover-abort: a planned switchover was given up.
type SwitchoverAborted struct {
	Instance
	Reason string
}

func (SwitchoverAborted) Name() string                   { return "-switchover-abort" }
func (SwitchoverAborted) Level() Level                   { return LevelWarning }
func (e SwitchoverAborted) AppendText(dst []byte) []byte { return e.appendReason(dst, e.Reason) }

func (e SwitchoverAborted) LogValue() slog.Value {
	return logValue(e, append(e.attrs(), slog.String("reason", e.Reason))...)
}
