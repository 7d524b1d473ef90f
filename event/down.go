package event

import (
	"log/slog"
	"strconv"
)

// SDown is +sdown: this Sentinel, on its own, considers an instance down.
type SDown struct{ Instance }

func (SDown) Name() string           { return "+sdown" }
func (e SDown) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// SDownCleared is -sdown: it no longer does.
type SDownCleared struct{ Instance }

func (SDownCleared) Name() string           { return "-sdown" }
func (e SDownCleared) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// ODown is +odown: at least quorum Sentinels agree that a master is down.
type ODown struct {
	Instance
	Votes, Quorum int
}

func (ODown) Name() string { return "+odown" }

func (e ODown) AppendText(dst []byte) []byte {
	dst = append(e.Instance.AppendText(dst), " #quorum "...)
	dst = strconv.AppendInt(dst, int64(e.Votes), 10)
	dst = append(dst, '/')
	return strconv.AppendInt(dst, int64(e.Quorum), 10)
}

func (e ODown) LogValue() slog.Value {
	return logValue(e, append(e.attrs(), slog.Int("votes", e.Votes), slog.Int("quorum", e.Quorum))...)
}

// ODownCleared is -odown: fewer than quorum Sentinels still agree.
type ODownCleared struct{ Instance }

func (ODownCleared) Name() string           { return "-odown" }
func (e ODownCleared) LogValue() slog.Value { return logValue(e, e.attrs()...) }
