package mock

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// prepare does what stands above the first step, and what that forbids from its
// beginning, and returns where to go on. So clients never see the time before, and what
// the first of them does at once counts.
func (m *Mock) prepare() (int, error) {
	begun := false
	for i := range m.script.instructions {
		in := &m.script.instructions[i]
		switch in.verb {
		case "step":
			if begun {
				return i, nil
			}
			begun = true
			m.enter(in)
			continue
		case "wait", "expect":
			return i, nil
		case "forbid", "allow":
		default:
			if begun {
				return i, nil
			}
		}
		if err := m.act(in); err != nil {
			return i, err
		}
	}
	return len(m.script.instructions), nil
}

// enter begins a step.
func (m *Mock) enter(in *instruction) {
	m.opt.Log("step: " + in.words[0])
	m.mu.Lock()
	defer m.mu.Unlock()
	m.step = in.words[0]
}

// play carries out the script and gives the verdict. base is what had been counted
// when its first step began.
func (m *Mock) play(from int, base [][quantities]int64) {
	list := m.script.instructions
	for i := from; i < len(list); i++ {
		in := &list[i]
		if m.over() {
			return
		}
		switch in.verb {
		case "step":
			base = m.counts()
			m.enter(in)
		case "wait", "expect":
			if !m.await(in, base) {
				return
			}
		default:
			if err := m.act(in); err != nil {
				m.decide(Fail, in.line, "the mock itself failed: %v", err)
				return
			}
		}
	}
	if m.script.Judges() {
		m.decide(Pass, 0, "")
	}
}

func (m *Mock) over() bool {
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

// counts returns what has been counted so far.
func (m *Mock) counts() [][quantities]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([][quantities]int64, len(m.nodes))
	for i, n := range m.nodes {
		list[i] = n.counts
	}
	return list
}

// await waits for a condition. It reports whether it has come true; otherwise
// there is a verdict.
func (m *Mock) await(in *instruction, base [][quantities]int64) bool {
	c := &in.cond
	if c.pause > 0 {
		t := time.NewTimer(c.pause)
		defer t.Stop()
		select {
		case <-t.C:
			return true
		case <-m.done:
			return false
		}
	}
	var late <-chan time.Time // never, with wait next
	if !c.next {
		t := time.NewTimer(c.within)
		defer t.Stop()
		late = t.C
	}
	for {
		m.mu.Lock()
		changed, have, met := m.changed, int64(0), false
		if c.next {
			if met = m.next > 0; met {
				m.next--
			}
		} else {
			have, met = m.progress(c, base)
		}
		m.mu.Unlock()
		if met {
			return true
		}
		select {
		case <-changed:
		case <-m.done:
			return false
		case <-late:
			m.decide(Fail, in.line, "%s: %d %s on %s after %v (%s)", m.stepNow(), have, quantityNames[c.what], m.names(c.nodes), c.within, in.text)
			return false
		}
	}
}

// progress returns the count since the step began, and whether it is enough. The
// lock is held.
func (m *Mock) progress(c *condition, base [][quantities]int64) (have int64, met bool) {
	if have = m.sum(c); c.what == connections {
		if c.count == 0 {
			return have, have == 0
		}
		return have, have >= c.count
	}
	for _, i := range c.nodes {
		have -= base[i][c.what]
	}
	return have, have >= c.count
}

func (m *Mock) names(nodes []int) string {
	var list []string
	for _, i := range nodes {
		list = append(list, m.nodes[i].Name)
	}
	return strings.Join(list, ",")
}

// act does one thing. The error says which node cannot be started.
func (m *Mock) act(in *instruction) error {
	m.acting.Lock()
	defer m.acting.Unlock()
	select {
	case <-m.quit: // nothing may start any more
		return errEnded
	default:
	}
	var other *node
	if in.other >= 0 && in.other < len(m.nodes) {
		other = m.nodes[in.other]
	}
	switch in.verb {
	case "failover":
		m.failover(other)
		return nil
	case "promote":
		other.redis.obey(nil)
		return nil
	case "forbid", "allow":
		m.constrain(in)
		return nil
	case "say":
		m.mu.Lock()
		m.epoch++
		m.mu.Unlock()
	}
	for _, i := range in.nodes {
		if err := m.actOn(m.nodes[i], other, in); err != nil {
			return err
		}
	}
	return nil
}

func (m *Mock) constrain(in *instruction) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if in.verb == "allow" {
		m.limits = slices.DeleteFunc(m.limits, func(l *limit) bool {
			return l.what == in.cond.what && slices.Equal(l.nodes, in.cond.nodes)
		})
		return
	}
	l := &limit{condition: in.cond, line: in.line, text: in.text}
	if l.what != connections {
		l.base = m.sum(&l.condition)
	}
	if len(m.limits) < maxInstructions {
		m.limits = append(m.limits, l)
		m.enforce(l) // connections may be too many already
	}
}

func (m *Mock) actOn(n, other *node, in *instruction) error {
	switch in.verb {
	case "follow":
		n.redis.obey(other)
	case "kill":
		n.kill()
	case "start":
		return n.start()
	case "freeze":
		n.freeze()
	case "thaw":
		n.thaw()
	case "cut":
		n.cut()
	case "publish":
		n.voice.publish(in.words[0], m.expand(in.words[1:]))
	case "answer":
		m.mu.Lock()
		defer m.mu.Unlock()
		n.setRule(in.rule)
	default:
		m.mu.Lock()
		defer m.mu.Unlock()
		n.voice.adopt(other, in, m.epoch)
	}
	return nil
}

func (n *node) freeze() {
	if n.Sentinel {
		n.voice.freeze()
	} else {
		n.redis.freeze()
	}
}

func (n *node) thaw() {
	if n.Sentinel {
		n.voice.thaw()
	} else {
		n.redis.thaw()
	}
}

func (n *node) cut() {
	if n.Sentinel {
		n.voice.cut()
	} else {
		n.redis.cut()
	}
}

// What MOCK DO can add is bounded.
const (
	maxRules  = 1000
	maxFields = 64 // of one node, in one opinion
)

// setRule adds a rule, or takes those away that it replaces. The lock is held.
func (n *node) setRule(r rule) {
	n.rules = slices.DeleteFunc(n.rules, func(o rule) bool {
		return o.command == r.command || o.left == 0 || r.how == asUsual && r.command == "*"
	})
	if r.how != asUsual && len(n.rules) < maxRules {
		n.rules = append(n.rules, r)
	}
}

// adopt changes an opinion. The lock is held.
func (v *sentinel) adopt(other *node, in *instruction, epoch int64) {
	switch in.verb {
	case "say":
		v.epoch, v.nobody = epoch, other == nil && len(in.words) == 0
		if v.nobody {
			return // it remembers who was
		}
		if v.master = other; other == nil {
			v.host, v.port, _ = address(in.words[0])
		}
	case "epoch":
		v.epoch = in.cond.count
	case "flag":
		v.flags[other] = in.words
	case "field":
		if v.fields[other] == nil {
			v.fields[other] = map[string]string{}
		}
		if len(v.fields[other]) < maxFields {
			v.fields[other][in.words[0]] = in.words[1]
		}
	case "hide":
		v.hidden[other] = true
	case "show":
		delete(v.hidden, other)
	}
}

// expand replaces @a by the address of node a: "127.0.0.1 6379", or with a colon
// behind it, as in @a:, by "127.0.0.1:6379".
func (m *Mock) expand(words []string) string {
	list := slices.Clone(words)
	for i, w := range list {
		name, ok := mention(w)
		if !ok {
			continue
		}
		if whole, colon := strings.CutSuffix(name, ":"); colon {
			list[i] = m.named(whole).addr()
		} else {
			n := m.named(name)
			list[i] = n.host + " " + strconv.Itoa(n.port)
		}
	}
	return strings.Join(list, " ")
}
