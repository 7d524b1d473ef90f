package logfile

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// Format is the form of a line (directive log-format).
type Format uint8

// The formats. The zero value is [Legacy].
const (
	Legacy Format = iota // 4711:X 21 Nov 2026 08:12:03.482 # text
	Logfmt               // pid=4711 role=sentinel timestamp="21 Nov 2026 08:12:03.482" level=warning message="text" event=+sdown ...
	JSON                 // {"timestamp":"2026-11-21T08:12:03.482+01:00","level":"warning","message":"text","pid":4711,"role":"sentinel","event":"+sdown",...}
)

// TimeFormat is the form of the time in a line (directive log-timestamp-format).
type TimeFormat uint8

// The forms of time. The zero value is [LegacyTime].
const (
	LegacyTime   TimeFormat = iota // 21 Nov 2026 08:12:03.482
	ISO8601                        // 2026-11-21T08:12:03.482+01:00
	Milliseconds                   // 1795245123482, milliseconds since 1970
)

var (
	formatNames = [...]string{Legacy: "legacy", Logfmt: "logfmt", JSON: "json"}
	timeNames   = [...]string{LegacyTime: "legacy", ISO8601: "iso8601", Milliseconds: "milliseconds"}
	timeLayouts = [...]string{LegacyTime: "02 Jan 2006 15:04:05.000", ISO8601: "2006-01-02T15:04:05.000-07:00"}
)

// defaultName is another name of [Legacy].
const defaultName = "default"

// ParseFormat returns the format with the given name, in any case. The error
// lists the names that exist.
func ParseFormat(name string) (Format, error) {
	if strings.EqualFold(name, defaultName) {
		return Legacy, nil
	}
	for f, n := range formatNames {
		if strings.EqualFold(n, name) {
			return Format(f), nil
		}
	}
	return 0, fmt.Errorf("unknown log format %q: use one of %s", name, strings.Join(formatNames[:], ", "))
}

// ParseTimeFormat returns the time format with the given name, in any case. The
// error lists the names that exist.
func ParseTimeFormat(name string) (TimeFormat, error) {
	for f, n := range timeNames {
		if strings.EqualFold(n, name) {
			return TimeFormat(f), nil
		}
	}
	return 0, fmt.Errorf("unknown format of log timestamps %q: use one of %s", name, strings.Join(timeNames[:], ", "))
}

// append appends a time in this form.
func (f TimeFormat) append(dst []byte, t time.Time) []byte {
	if f == Milliseconds {
		return strconv.AppendInt(dst, t.UnixMilli(), 10)
	}
	return t.AppendFormat(dst, timeLayouts[f])
}

// levelName returns the name of a level in logfmt and JSON.
func levelName(level monitor.Level) string {
	names := [...]string{"debug", "info", "notice", "warning"}
	return names[min(int(level), len(names)-1)]
}
