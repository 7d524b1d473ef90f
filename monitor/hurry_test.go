package monitor

import (
	"testing"
	"time"
)

// spentBudget is a master that is down since the origin, with two peers, when the budget
// for what is hurried has nothing for a long time.
func spentBudget(t *testing.T) (*Core, *master) {
	t.Helper()
	st := oneMaster()
	for k := range 2 {
		at, _ := IPAddr("10.0.1.1", 26379+k)
		st.Masters[0].Sentinels = append(st.Masters[0].Sentinels, KnownSentinel{at, paddedID(string(rune('a' + k)))})
	}
	c := newCore(t, st)
	m := c.masters[0]
	c.budget.next = origin.Add(time.Hour)
	m.set(FlagSDown)
	m.sdownSince = origin
	return c, m
}

// TestFirstQuestionIsNotHeldBack: only questions that are repeated wait for the budget.
func TestFirstQuestionIsNotHeldBack(t *testing.T) {
	c, m := spentBudget(t)
	p := m.peers[0]
	p.askSentAt = origin - 1 // when the master was down the last time
	if due, want := c.askDue(origin.Add(time.Second/4), m, p), p.askSentAt.Add(c.tun.AskFast); due != want {
		t.Errorf("the first question is due at %d, want %d", due, want)
	}
	c, m = spentBudget(t)
	p = m.peers[0]
	p.askSentAt = origin.Add(time.Millisecond)
	if due, want := c.askDue(origin.Add(time.Second/2), m, p), p.askSentAt.Add(c.tun.AskPeriod); due != want {
		t.Errorf("the second question is due at %d, want %d", due, want)
	}
}

// TestQuestionsBringQuestions: who says by a question that the master is down has all peers
// asked at once, as often as there are peers. What more is asked needs the budget.
func TestQuestionsBringQuestions(t *testing.T) {
	c, m := spentBudget(t)
	times := 0
	for now := origin.Add(time.Second); now < origin.Add(2*time.Second); now = now.Add(50 * time.Millisecond) {
		c.reaskPeers(now, m)
		if m.reaskedAt == now {
			times++
		}
	}
	if times != len(m.peers) {
		t.Errorf("without a budget, %d times all were asked", times)
	}
	c.budget = budget{}
	now := origin.Add(3 * time.Second)
	if c.reaskPeers(now, m); m.reaskedAt != now {
		t.Error("with a budget, they are not asked")
	}
}
