package sim

import "time"

// stockThread is the only thread of a stock Sentinel: what arrives while it is
// busy waits, and what it says while a save is under way leaves afterwards.
type stockThread struct {
	inbox   []arrival
	planned bool       // a look into the inbox is planned
	stuck   bool       // in a save that does not end
	held    []outgoing // said since then
}

// arrival is something that waits for the thread.
type arrival struct {
	c    *conn
	msg  any
	what arrivalKind
}

type arrivalKind uint8

const (
	arrivedHear arrivalKind = iota // on a connection that this Sentinel opened
	arrivedServe
	arrivedDown
	arrivedOperation
)

type outgoing struct {
	c         *conn
	direction int
	msg       any
}

// What an event of a stock Sentinel is for. Its code also holds the number of the
// process that planned it.
const (
	stockTick = iota
	stockInbox
	stockCodes
)

func (t *stock) code(what int) int { return t.life*stockCodes + what }

// stuckPoll is how often a stuck thread looks whether its disk goes on.
const stuckPoll = 10 * time.Millisecond

func (t *stock) hear(c *conn, msg any)  { t.arrive(arrival{c, msg, arrivedHear}) }
func (t *stock) serve(c *conn, msg any) { t.arrive(arrival{c, msg, arrivedServe}) }
func (t *stock) down(c *conn, _ string) { t.arrive(arrival{c: c, what: arrivedDown}) }
func (t *stock) operate(o operation)    { t.arrive(arrival{msg: o, what: arrivedOperation}) }

// arrive handles something now or, behind what waits already, when the thread is
// free.
func (t *stock) arrive(a arrival) {
	if !t.alive {
		return
	}
	if t.busyFor() == 0 && len(t.thread.inbox) == 0 {
		t.take(a)
		return
	}
	t.thread.inbox = append(t.thread.inbox, a)
	t.planInbox()
}

func (t *stock) take(a arrival) {
	switch a.what {
	case arrivedHear:
		t.heard(a.c, a.msg)
	case arrivedServe:
		if !a.c.closed[1] {
			t.asked(a.c, a.msg)
		}
	case arrivedDown:
		t.lostConn(a.c)
	case arrivedOperation:
		t.obey(a.msg.(operation))
	}
}

func (t *stock) planInbox() {
	if !t.thread.planned && len(t.thread.inbox) > 0 {
		t.thread.planned = true
		t.w.at(t.w.now.Add(t.busyFor()), t, t.code(stockInbox))
	}
}

// busyFor is how long the thread is busy for sure; 0 when it is free. A save
// that was stuck ends here.
func (t *stock) busyFor() time.Duration {
	if t.thread.stuck {
		if t.disk.hung {
			return stuckPoll
		}
		t.unstick()
	}
	return max(0, t.paused.Sub(t.w.now))
}

func (t *stock) unstick() {
	held := t.thread.held
	t.thread.stuck, t.thread.held = false, nil
	t.save()
	for _, o := range held {
		t.put(o.c, o.direction, o.msg)
	}
}

// put says something as soon as the thread gets to it: writes to sockets happen
// after the callback or the tick, saves in it.
func (t *stock) put(c *conn, direction int, msg any) {
	switch busy := t.busyFor(); {
	case t.thread.stuck:
		t.thread.held = append(t.thread.held, outgoing{c, direction, msg})
	case !c.closed[direction]:
		c.sendAfter(direction, busy, msg)
	}
}

// save writes the state and stops the only thread for it. Whether it worked
// makes no difference to what follows.
func (t *stock) save() {
	switch {
	case t.disk.hung:
		t.thread.stuck = true
	case t.disk.broken == "":
		t.disk.durable = t.snapshot()
	}
	t.paused = max(t.paused, t.w.now).Add(t.disk.latency)
}

// fire is a tick, or a look at what waits. Both take what waits first, as an
// event loop does that runs its timers after its sockets.
func (t *stock) fire(code int) {
	life, what := code/stockCodes, code%stockCodes
	if !t.alive || t.life != life {
		return
	}
	if what == stockInbox {
		t.thread.planned = false
	}
	for len(t.thread.inbox) > 0 && t.busyFor() == 0 {
		a := t.thread.inbox[0]
		t.thread.inbox = t.thread.inbox[1:]
		if t.take(a); !t.alive || t.life != life {
			return
		}
	}
	t.planInbox()
	if what == stockInbox {
		return
	}
	if busy := t.busyFor(); busy > 0 {
		t.w.at(t.w.now.Add(busy), t, code)
		return
	}
	t.tick()
	hz := 10 + t.rng.IntN(10)
	t.w.at(max(t.w.now, t.paused).Add(time.Duration(1000/hz)*time.Millisecond), t, code)
}
