package monitor

import (
	"testing"
	"time"

	"github.com/gosentinel/sentinel/election"
)

// TestSharesEpoch: an attempt takes the current epoch while that is young, and unused for
// its master.
func TestSharesEpoch(t *testing.T) {
	const current = 7
	for _, x := range []struct {
		what          string
		age           time.Duration // of the current epoch; -1: from the file
		voted, config Epoch
		want          Epoch
	}{
		{"young and unused", 0, 3, 6, current},
		{"nearly old", epochShared - 1, 6, 6, current},
		{"old", epochShared, 3, 3, current + 1},
		{"from the file", -1, 3, 3, current + 1},
		{"it has voted in it", 0, current, 3, current + 1},
		{"its configuration is of it", 0, 3, current, current + 1},
	} {
		c := newCore(t, manyMasters(1))
		m := c.masters[0]
		c.epoch, c.now = current, origin
		if x.age >= 0 {
			c.epochAt = origin - Instant(x.age)
		}
		m.ledger, m.configEpoch = election.Ledger{Epoch: x.voted, For: "another"}, x.config
		if got := c.standsAt(m); got != x.want {
			t.Errorf("%s: it would stand at %d, want %d", x.what, got, x.want)
		}
	}
}

// TestLearnsYoungEpoch: an epoch that another Sentinel has begun is shared, too.
func TestLearnsYoungEpoch(t *testing.T) {
	c := newCore(t, manyMasters(1))
	m := c.masters[0]
	c.now = origin
	c.raiseEpoch(m, &Hello{CurrentEpoch: 7})
	if got := c.standsAt(m); got != 7 {
		t.Errorf("after a hello with epoch 7 it would stand at %d", got)
	}
}

// TestOpensEpoch: whoever may go on without votes, or on a server that another Sentinel
// has promoted, has an epoch of its own.
func TestOpensEpoch(t *testing.T) {
	const current = 7
	for _, x := range []struct {
		what       string
		forced     bool
		takingOver bool
		want       Epoch
	}{
		{"an automatic attempt", false, false, current},
		{"by force", true, false, current + 1},
		{"a takeover", false, true, current + 1},
	} {
		c := newCore(t, manyMasters(1))
		m := c.masters[0]
		c.epoch, c.epochAt, c.now = current, origin, origin
		if x.takingOver {
			m.switchover.stage = takingOver
		}
		c.startAttempt(origin, m, x.forced)
		if m.attempt.Epoch != x.want {
			t.Errorf("%s takes place at epoch %d, want %d", x.what, m.attempt.Epoch, x.want)
		}
	}
}

// TestStandsAloneWithoutMemory: who has lost its votes may have given one in an epoch that
// others tell it, and stands in a later one.
func TestStandsAloneWithoutMemory(t *testing.T) {
	c := newCore(t, manyMasters(1))
	m := c.masters[0]
	c.now = origin
	m.recall.over = true
	c.raiseEpoch(m, &Hello{CurrentEpoch: 7})
	if got := c.standsAt(m); got != 8 {
		t.Errorf("after a hello with epoch 7 it would stand at %d", got)
	}
}
