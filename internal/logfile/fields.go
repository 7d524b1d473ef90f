package logfile

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// fields writes lines in logfmt and JSON, whose attributes a slog.Handler encodes. It
// belongs to one Writer and is used under its lock.
type fields struct {
	handler slog.Handler
	times   TimeFormat
	line    []byte // the handler writes here
}

// newFields returns nil for the format that has no attributes.
func newFields(format Format, times TimeFormat, pid int) *fields {
	f := &fields{times: times}
	switch opts := (&slog.HandlerOptions{Level: slog.LevelDebug}); format {
	case JSON:
		if times == LegacyTime {
			f.times = ISO8601 // who reads JSON knows no English months
		}
		opts.ReplaceAttr = f.jsonAttr
		f.handler = slog.NewJSONHandler(f, opts).WithAttrs([]slog.Attr{slog.Int("pid", pid), slog.String("role", "sentinel")})
	case Logfmt:
		opts.ReplaceAttr = logfmtAttr
		f.handler = slog.NewTextHandler(f, opts)
	default:
		return nil
	}
	return f
}

// Write implements io.Writer for the handler.
func (f *fields) Write(line []byte) (int, error) {
	f.line = append(f.line, line...)
	return len(line), nil
}

// append appends what the handler makes of a record.
func (f *fields) append(dst []byte, at time.Time, level monitor.Level, text string, attrs []slog.Attr) []byte {
	r := slog.NewRecord(at, slog.Level(level), text, 0)
	r.AddAttrs(attrs...)
	f.line = f.line[:0]
	_ = f.handler.Handle(context.Background(), r) // Write does not fail
	return append(dst, f.line...)
}

// jsonAttr gives the head of a line the names that Valkey has for logfmt, and makes
// values safe.
func (f *fields) jsonAttr(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return safeAttr(a)
	}
	switch a.Key {
	case slog.TimeKey:
		t := a.Value.Time()
		if f.times == Milliseconds {
			return slog.Int64("timestamp", t.UnixMilli())
		}
		return slog.String("timestamp", string(f.times.append(nil, t)))
	case slog.LevelKey:
		if l, ok := a.Value.Any().(slog.Level); ok {
			return slog.String("level", levelName(monitor.Level(l)))
		}
	case slog.MessageKey:
		return slog.String("message", clean(a.Value.String()))
	}
	return safeAttr(a)
}

// logfmtAttr leaves out the head of a line, which is written in the way of Valkey.
func logfmtAttr(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
		return slog.Attr{}
	}
	return safeAttr(a)
}

// safeAttr escapes what a remote may have sent, bounds it, and gives durations a unit.
func safeAttr(a slog.Attr) slog.Attr {
	switch v := a.Value; v.Kind() {
	case slog.KindString:
		return slog.String(a.Key, clean(v.String()))
	case slog.KindDuration:
		return slog.Float64(a.Key+"_ms", float64(v.Duration().Microseconds())/1000) // as in the journal of failovers
	case slog.KindAny:
		if list, ok := v.Any().([]string); ok {
			safe := make([]string, len(list))
			for k, s := range list {
				safe[k] = clean(s)
			}
			return slog.Any(a.Key, safe)
		}
	}
	return a
}

func clean(s string) string { return string(appendText(nil, []byte(s))) }

// appendFields appends a line that has attributes.
func (w *Writer) appendFields(dst []byte, level monitor.Level, text []byte, attrs []slog.Attr) []byte {
	now := w.now()
	if w.format == JSON {
		return w.fields.append(dst, now, level, string(text), attrs)
	}
	dst = w.appendLogfmt(dst, now, level, text)
	if len(attrs) == 0 {
		return append(dst, '\n')
	}
	return w.fields.append(append(dst, ' '), now, level, "", attrs)
}

// appendLogfmt appends the head of a line in logfmt, up to the text. Time and text are
// quoted. appendText has already escaped what does not print, so only quotes and
// backslashes are left to escape.
func (w *Writer) appendLogfmt(dst []byte, now time.Time, level monitor.Level, text []byte) []byte {
	dst = append(dst, "pid="...)
	dst = strconv.AppendInt(dst, int64(w.pid), 10)
	dst = append(dst, ` role=sentinel timestamp="`...)
	dst = w.times.append(dst, now)
	dst = append(dst, `" level=`...)
	dst = append(dst, levelName(level)...)
	dst = append(dst, ` message="`...)
	for _, c := range appendText(nil, text) {
		if c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}
