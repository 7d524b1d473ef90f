package gossip

import (
	"bytes"
	"log"
	"strings"
	"sync"

	"github.com/gosentinel/sentinel/monitor"
)

// logger thins out what memberlist logs: it logs again for every lost packet,
// and counters tell how many there are.
type logger struct {
	log func(monitor.Level, string)

	mu     sync.Mutex
	logged map[string]bool
}

// maxLogged bounds what is remembered of lines that were logged.
const maxLogged = 256

func newLogger(to func(monitor.Level, string)) *log.Logger {
	return log.New(&logger{log: to, logged: map[string]bool{}}, "", 0)
}

// Write takes one line such as "[ERR] memberlist: Failed to send: reason".
func (l *logger) Write(line []byte) (int, error) {
	level, text, ok := bytes.Cut(line, []byte("] memberlist: "))
	if !ok || string(level) != "[ERR" && string(level) != "[WARN" {
		return len(line), nil
	}
	// Two lines about one condition differ only after a colon.
	condition, _, _ := strings.Cut(string(text), ":")
	condition = strings.Map(func(c rune) rune {
		if '0' <= c && c <= '9' {
			return -1
		}
		return c
	}, condition)
	l.mu.Lock()
	known := l.logged[condition]
	if !known && len(l.logged) < maxLogged {
		l.logged[condition] = true
	}
	full := len(l.logged) >= maxLogged
	l.mu.Unlock()
	if !known && !full {
		l.log(monitor.LevelVerbose, "Gossip: "+string(bytes.TrimSpace(text)))
	}
	return len(line), nil
}
