package acl

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// A LogEntry is one refusal, or several similar ones.
type LogEntry struct {
	ID         uint64 // counts entries from 0, and continues after a reset
	Count      uint64 // how often it happened
	Reason     Reason
	Object     string    // full command name, channel, or AUTH or HELLO as it was typed
	User       string    // the user who was refused, or whose login failed
	ClientInfo string    // the latest connection, as in CLIENT INFO
	Created    time.Time // the first time
	Updated    time.Time // the last time
}

// Age returns how long ago the entry was last updated.
func (e LogEntry) Age(now time.Time) time.Duration { return now.Sub(e.Updated) }

const (
	logGroupTime    = 60 * time.Second // similar refusals at most this far apart share an entry
	logGroupEntries = 10               // how many recent entries are compared
	// Clients choose the name, channel and user of what is refused.
	// redis-sentinel stores them in full, up to 512 MB each, in 128 entries.
	logTextBytes = 1024
)

// auditLog holds the entries, the latest last. Past most entries, the oldest go.
type auditLog struct {
	mu      sync.Mutex
	most    int
	nextID  uint64
	entries []LogEntry
}

// LogDenial logs a refusal by [List.Check] for a connection, described as in
// CLIENT INFO. A Denial that permits is not logged.
func (l *List) LogDenial(now time.Time, d Denial, clientInfo string) {
	if d.Denied() {
		l.log.add(now, LogEntry{Reason: d.Reason, Object: d.Object, User: d.User, ClientInfo: clientInfo})
	}
}

// LogAuthFailure logs a failed login with the command as it was typed, "AUTH" or
// "HELLO".
func (l *List) LogAuthFailure(now time.Time, command, user, clientInfo string) {
	l.log.add(now, LogEntry{Reason: DeniedAuth, Object: command, User: user, ClientInfo: clientInfo})
}

func (a *auditLog) add(now time.Time, e LogEntry) {
	e.Object, e.User, e.ClientInfo = shortened(e.Object), shortened(e.User), shortened(e.ClientInfo)
	e.Created, e.Updated, e.Count = now, now, 1
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := a.like(e); i >= 0 {
		old := a.entries[i]
		e.ID, e.Created, e.Count = old.ID, old.Created, old.Count+1
		a.entries = slices.Delete(a.entries, i, i+1)
	} else {
		e.ID = a.nextID
		a.nextID++
	}
	a.entries = append(a.entries, e)
	if over := len(a.entries) - a.most; over > 0 {
		clear(a.entries[:over]) // let their strings be freed: the array lives on
		a.entries = a.entries[over:]
	}
}

// like returns the index of a recent entry that e repeats, or -1.
func (a *auditLog) like(e LogEntry) int {
	for i := len(a.entries) - 1; i >= max(0, len(a.entries)-logGroupEntries); i-- {
		o := a.entries[i]
		if o.Reason == e.Reason && o.Object == e.Object && o.User == e.User && e.Updated.Sub(o.Updated).Abs() <= logGroupTime {
			return i
		}
	}
	return -1
}

// shortened returns a copy of s, so that the request that s is part of can be
// freed.
func shortened(s string) string {
	if len(s) > logTextBytes {
		return s[:logTextBytes-3] + "..."
	}
	return strings.Clone(s)
}

// Log returns up to most entries, the latest first.
func (l *List) Log(most int) []LogEntry {
	l.log.mu.Lock()
	defer l.log.mu.Unlock()
	all := l.log.entries
	list := slices.Clone(all[len(all)-min(len(all), max(0, most)):])
	slices.Reverse(list)
	return list
}

// ResetLog empties the log.
func (l *List) ResetLog() {
	l.log.mu.Lock()
	defer l.log.mu.Unlock()
	l.log.entries = nil
}
