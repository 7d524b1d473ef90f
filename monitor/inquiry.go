package monitor

import "time"

// inquiry asks the servers of a master anew before an operator's FAILOVER is refused
// by what they said last, or FORCE says what is lost: that may be 10 s old. The zero
// value: there is none.
type inquiry struct {
	since Instant    // INFO asked for from here on is new
	until Instant    // when it is decided by what is known
	known InstanceID // instances found later have been named by the master since
	calls []Call     // that wait
}

const (
	// inquiryTime bounds the wait for new INFO.
	inquiryTime = 500 * time.Millisecond
	// newInfo is how old INFO may be that is not asked for again: commands that are
	// refused cost no more than this often.
	newInfo = 100 * time.Millisecond
	// maxInquirers bounds how many commands wait; further ones are refused at once.
	maxInquirers = 64
)

// failoverCall carries out SENTINEL FAILOVER.
func (c *Core) failoverCall(now Instant, in Call, op FailoverOp) {
	m := c.byName[op.Name]
	if m == nil {
		c.free(CallResult{To: in.From, Err: ErrNoSuchMaster})
		return
	}
	if m.failoversPaused(now) || !c.askOrder(now, m, in, op) {
		c.beginFailover(now, m, in)
	}
}

// beginFailover carries it out, as far as nobody objects.
func (c *Core) beginFailover(now Instant, m *master, in Call) {
	op := in.Op.(FailoverOp)
	if op.Mode == FailoverForced && c.inquire(now, m, in) {
		return // it says which replica is promoted, and what is lost by that
	}
	text, err := c.orderFailover(now, m, op)
	if err.byInfo() && c.inquire(now, m, in) {
		return
	}
	c.answerFailover(in, text, err)
}

// byInfo reports whether it depends on INFO that a failover is refused.
func (e *CallError) byInfo() bool {
	return e == errNoReplica || e != nil && (e.Code == ErrNoGoodReplica.Code || e.Code == noGoodPrimary)
}

func (c *Core) answerFailover(in Call, text string, err *CallError) {
	c.tellRefused(in.Op.(FailoverOp), err)
	r := CallResult{To: in.From, Text: text}
	if err != nil {
		r.Err = err // a typed nil in the interface would look like an error
	}
	c.free(r)
}

// inquire has a command wait for new INFO, and reports false when there is none to
// wait for.
func (c *Core) inquire(now Instant, m *master, in Call) bool {
	q := &m.inquiry
	if c.tilt || len(q.calls) >= maxInquirers {
		return false
	}
	if len(q.calls) == 0 {
		*q = inquiry{since: now.Add(-newInfo), until: now.Add(inquiryTime), known: c.lastInstance}
		if !c.awaitsInfo(now, m) {
			return false
		}
	}
	q.calls = append(q.calls, in)
	c.touch(m)
	return true
}

// awaitsInfo asks each server that can be reached and has not answered anew, and
// reports whether there is one.
func (c *Core) awaitsInfo(now Instant, m *master) (any bool) {
	q := &m.inquiry
	m.eachServer(func(i *instance) {
		switch {
		case i.has(FlagSDown):
		case i.link.connected() && (i.infoPending || i.infoSent < q.since):
			any = true
			if i.kind == KindReplica || now >= m.quietUntil {
				c.requestInfo(now, i)
			}
		case i.infoRefresh == 0 && i.id > q.known:
			any = true // the master has named it just now
		}
	})
	return any
}

// answerInquirers decides the commands that wait, when all have answered or it takes
// too long, and returns when that is.
func (c *Core) answerInquirers(now Instant, m *master) Instant {
	q := &m.inquiry
	if len(q.calls) == 0 {
		return Never
	}
	if now < q.until && !c.tilt && c.awaitsInfo(now, m) {
		return q.until
	}
	calls := q.calls
	m.inquiry = inquiry{}
	for _, in := range calls {
		text, err := c.orderFailover(now, m, in.Op.(FailoverOp))
		c.answerFailover(in, text, err)
	}
	return Never
}

// dropInquirers answers those that wait for a master which is removed.
func (c *Core) dropInquirers(m *master) {
	for _, in := range m.inquiry.calls {
		c.answerFailover(in, "", ErrNoSuchMaster)
	}
	for _, in := range m.policy.calls {
		c.answerFailover(in, "", ErrNoSuchMaster)
	}
	m.inquiry, m.policy = inquiry{}, policy{}
}
