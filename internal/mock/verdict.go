package mock

import (
	"fmt"
	"slices"
)

// Result is what a verdict says in one word.
type Result string

const (
	Pass       Result = "pass"       // the client did what a right one does
	Fail       Result = "fail"       // it did not
	Unfinished Result = "unfinished" // the script was not played to its end
)

// Verdict is what came of a script. It is also the last line that the command
// prints, as JSON.
type Verdict struct {
	Result  Result `json:"verdict"`
	Script  string `json:"script"`
	Line    int    `json:"line,omitempty"`   // of the script, where it failed
	Reason  string `json:"reason,omitempty"` // why it did not pass
	Mistake string `json:"mistake,omitempty"`
	Right   string `json:"right"`
}

// Verdict returns the verdict. Before Done it is the zero value.
func (m *Mock) Verdict() Verdict {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.decided {
		return Verdict{}
	}
	return m.verdict
}

// decide gives the verdict, if there is none yet.
func (m *Mock) decide(r Result, line int, reason string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.decideLocked(r, line, reason, args...)
}

func (m *Mock) decideLocked(r Result, line int, reason string, args ...any) {
	if m.decided {
		return
	}
	m.decided = true
	m.verdict.Result, m.verdict.Line, m.verdict.Reason = r, line, fmt.Sprintf(reason, args...)
	close(m.done)
	m.stir()
}

// ClientEnded tells the mock that the client has ended by itself. Without a
// verdict yet, that is a failure.
func (m *Mock) ClientEnded(how string) {
	m.decide(Fail, 0, "the client ended (%s) in the step %q, before the script did", how, m.stepNow())
}

func (m *Mock) stepNow() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.step
}

// limit is a forbid that is in force.
type limit struct {
	condition
	line int
	text string
	base int64
}

// stir wakes who waits for a count. The lock is held.
func (m *Mock) stir() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// count notes what a client did. The lock is held.
func (n *node) count(what quantity, by int64) {
	n.counts[what] += by
	m := n.m
	for _, l := range m.limits {
		if l.what == what && slices.Contains(l.nodes, n.index) {
			m.enforce(l)
		}
	}
	m.stir()
}

// enforce gives the verdict if there is more than a limit allows. The lock is held.
func (m *Mock) enforce(l *limit) {
	if have := m.sum(&l.condition) - l.base; have > l.count {
		m.decideLocked(Fail, l.line, "%s: %d %s on %s (%s)", m.step, have, quantityNames[l.what], m.names(l.nodes), l.text)
	}
}

// sum adds up a count over nodes. The lock is held.
func (m *Mock) sum(c *condition) (total int64) {
	for _, i := range c.nodes {
		total += m.nodes[i].counts[c.what]
	}
	return total
}

// seen notes a command of a connection, which counts as one from its first
// command on. The lock is held.
func (n *node) seen(client int64) {
	if !n.open[client] {
		n.open[client] = true
		n.count(connects, 1)
		n.count(connections, 1)
	}
	n.count(commands, 1)
}

func (n *node) gone(client int64) {
	n.m.mu.Lock()
	defer n.m.mu.Unlock()
	if n.open[client] {
		delete(n.open, client)
		n.count(connections, -1)
	}
}

// treatment finds the rule for a command, which it uses up. words are in lower
// case: the command, and that of its container as well: "masters", "sentinel".
// The lock is held.
func (n *node) treatment(words []string, classes ...quantity) rule {
	for i := len(n.rules) - 1; i >= 0; i-- {
		r := &n.rules[i]
		match := r.command == "*" || slices.Contains(words, r.command)
		for _, c := range classes {
			match = match || r.command == quantityNames[c]
		}
		if !match || r.left == 0 {
			continue
		}
		if r.left > 0 {
			r.left--
		}
		return *r
	}
	return rule{}
}
