package logfile

import (
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/monitor"
)

func TestFormats(t *testing.T) {
	const text = `a "b" \c` + "\nd"
	for _, c := range []struct {
		format, time string
		want         string
	}{
		{"legacy", "legacy", `42:X 01 Nov 2026 08:05:03.007 - a "b" \c\nd`},
		{"default", "legacy", `42:X 01 Nov 2026 08:05:03.007 - a "b" \c\nd`},
		{"json", "legacy", `{"timestamp":"2026-11-01T08:05:03.007+01:30","level":"info","message":"a \"b\" \\c\\nd","pid":42,"role":"sentinel"}`},
		{"JSON", "milliseconds", `{"timestamp":1793514903007,"level":"info","message":"a \"b\" \\c\\nd","pid":42,"role":"sentinel"}`},
		{"legacy", "ISO8601", `42:X 2026-11-01T08:05:03.007+01:30 - a "b" \c\nd`},
		{"legacy", "milliseconds", `42:X 1793514903007 - a "b" \c\nd`},
		{"logfmt", "legacy", `pid=42 role=sentinel timestamp="01 Nov 2026 08:05:03.007" level=info message="a \"b\" \\c\\nd"`},
		{"Logfmt", "iso8601", `pid=42 role=sentinel timestamp="2026-11-01T08:05:03.007+01:30" level=info message="a \"b\" \\c\\nd"`},
		{"logfmt", "milliseconds", `pid=42 role=sentinel timestamp="1793514903007" level=info message="a \"b\" \\c\\nd"`},
	} {
		format, err1 := ParseFormat(c.format)
		times, err2 := ParseTimeFormat(c.time)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		var out strings.Builder
		w := start(t, Config{Stdout: &out, Format: format, Time: times})
		w.Log(monitor.LevelVerbose, text)
		stop(t, w)
		expect(t, out.String(), c.want+"\n")
	}
	if _, err := ParseFormat("xml"); err == nil || !strings.Contains(err.Error(), "legacy, logfmt, json") {
		t.Error(err)
	}
	if _, err := ParseTimeFormat("rfc"); err == nil || !strings.Contains(err.Error(), "legacy, iso8601, milliseconds") {
		t.Error(err)
	}
	for level, want := range map[monitor.Level]string{monitor.LevelDebug: "debug", monitor.LevelVerbose: "info", monitor.LevelNotice: "notice", monitor.LevelWarning: "warning"} {
		if got := levelName(level); got != want {
			t.Errorf("level %d is called %s, want %s", level, got, want)
		}
	}
}
