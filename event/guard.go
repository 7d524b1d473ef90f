package event

import "log/slog"

// GuardActs is +guard: a guard does something about a server, for the safety of the data
// of its group. It is +guard-report where the guard was told to report only: then nothing
// is done. It comes once for each cause. redis-sentinel has no such event.
type GuardActs struct {
	Instance
	Guard  string // the name of its option
	Acts   bool
	Action string // in words; completes "would"
	Reason string // in words
}

func (e GuardActs) Name() string {
	if e.Acts {
		return "+guard"
	}
	return "+guard-report"
}

func (e GuardActs) AppendText(dst []byte) []byte {
	dst = append(append(e.Instance.AppendText(dst), " #"...), e.Guard...)
	if !e.Acts {
		dst = append(dst, " would"...)
	}
	dst = append(append(dst, ' '), e.Action...)
	return append(append(dst, ": "...), e.Reason...)
}

func (e GuardActs) LogValue() slog.Value {
	return logValue(e, append(e.attrs(), slog.String("guard", e.Guard), slog.Bool("acts", e.Acts),
		slog.String("action", e.Action), slog.String("reason", e.Reason))...)
}

// GuardEnds is -guard: a guard has ended what it did about a server. redis-sentinel has no
// such event.
type GuardEnds struct {
	Instance
	Guard  string // the name of its option
	Action string // in words
	Reason string // in words
}

func (GuardEnds) Name() string { return "-guard" }

func (e GuardEnds) AppendText(dst []byte) []byte {
	dst = append(append(e.Instance.AppendText(dst), " #"...), e.Guard...)
	dst = append(append(dst, ' '), e.Action...)
	return append(append(dst, ": "...), e.Reason...)
}

func (e GuardEnds) LogValue() slog.Value {
	return logValue(e, append(e.attrs(), slog.String("guard", e.Guard), slog.String("action", e.Action), slog.String("reason", e.Reason))...)
}
