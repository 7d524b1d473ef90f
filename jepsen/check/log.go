package check

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/history"
)

// logLine is a line of a Sentinel's log, of both kinds:
// 1234:X 30 Nov 2026 17:15:22.123 # +sdown master mymaster 10.0.0.1 6379
var logLine = regexp.MustCompile(`^(\d+):X (\d\d \w\w\w \d{4} \d\d:\d\d:\d\d\.\d{3}) [-*#.] ([-+][a-z][-a-z]*)(?: (.*))?$`)

// ParseLog returns the events in the log of a Sentinel. since turns a time of the clock
// into one of the run.
func ParseLog(sentinel, text string, since func(time.Time) time.Duration) (events []history.Event) {
	for line := range strings.Lines(text) {
		m := logLine.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if m == nil {
			continue
		}
		at, err := time.ParseInLocation("02 Jan 2006 15:04:05.000", m[2], time.Local)
		life, notNumber := strconv.Atoi(m[1])
		if err != nil || notNumber != nil {
			continue // it only looks like one
		}
		events = append(events, history.Event{At: since(at), Sentinel: sentinel, Name: m[3], Text: m[4], Logged: true, Life: life})
	}
	return events
}
