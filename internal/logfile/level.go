package logfile

import (
	"fmt"
	"strings"

	"github.com/gosentinel/sentinel/monitor"
)

// Threshold is the lowest level that is written (directive loglevel). The zero
// value is [Debug], which writes everything.
type Threshold uint8

// The thresholds. [Nothing] writes no line at all, not even warnings.
const (
	Debug   = Threshold(monitor.LevelDebug)
	Verbose = Threshold(monitor.LevelVerbose)
	Notice  = Threshold(monitor.LevelNotice)
	Warning = Threshold(monitor.LevelWarning)
	Nothing = Threshold(monitor.LevelWarning + 1)
)

var thresholdNames = [...]string{Debug: "debug", Verbose: "verbose", Notice: "notice", Warning: "warning", Nothing: "nothing"}

// ParseThreshold returns the threshold with the given name, in any case. The
// error lists the names that exist.
func ParseThreshold(name string) (Threshold, error) {
	for t, n := range thresholdNames {
		if strings.EqualFold(n, name) {
			return Threshold(t), nil
		}
	}
	return 0, fmt.Errorf("unknown log level %q: use one of %s", name, strings.Join(thresholdNames[:], ", "))
}

// String returns the name that [ParseThreshold] accepts.
func (t Threshold) String() string {
	if int(t) < len(thresholdNames) {
		return thresholdNames[t]
	}
	return fmt.Sprintf("Threshold(%d)", uint8(t))
}

// levelChar returns the character of a level in a line.
func levelChar(level monitor.Level) byte {
	const chars = ".-*#"
	return chars[min(int(level), len(chars)-1)]
}
