package monitor

import (
	"reflect"
	"testing"
	"time"
)

// fenced is a core with an open fence to a server that was its master once.
type fenced struct {
	*Core
	f   *fence
	at  Addr
	now Instant
	t   *testing.T
}

func newFenced(t *testing.T) *fenced {
	t.Helper()
	c := newCore(t, oneMaster())
	at, _ := IPAddr("10.0.0.9", 6379)
	d := &fenced{Core: c, f: c.fenceFor(c.masters[0], at), at: at, now: 1, t: t}
	d.drain()
	return d
}

// drain returns what the core wants done over fences.
func (d *fenced) drain() (cmds []Command) {
	var out Effects
	d.Drain(&out)
	for _, e := range out.Free {
		if s, ok := e.(Send); ok && s.Conn == d.f.id {
			cmds = append(cmds, s.Cmd)
		}
	}
	return cmds
}

func (d *fenced) want(cmds ...Command) {
	d.t.Helper()
	if got := d.drain(); len(got)+len(cmds) > 0 && !reflect.DeepEqual(got, cmds) {
		d.t.Errorf("it sends %#v, want %#v", got, cmds)
	}
}

// step is an input a millisecond later.
func (d *fenced) step(in Input) {
	d.now = d.now.Add(time.Millisecond)
	d.Step(d.now, in)
}

func (d *fenced) token(seq uint64) Token { return Token{Seq: seq} }

func (d *fenced) dial() {
	d.dialFence(d.now, d.f)
	d.fencePause(d.now, d.f, ReturnFence, time.Second/2, 0)
	d.fenceInfo(d.now, d.f)
	d.want(PauseWrites{For: time.Second / 2}, InfoRequest{})
}

func (d *fenced) answerPause(refused string) {
	d.step(CommandDone{Conn: d.f.id, Token: d.token(d.f.pauseSeq), Refused: refused})
}

// TestFencePauses: a pause may hold from when it is told until its length after the answer,
// and nothing is known of one whose connection was lost.
func TestFencePauses(t *testing.T) {
	d := newFenced(t)
	d.dial()
	if !d.f.paused(d.now) || d.heldUntil(&instance{kind: KindReplica, master: d.f.m, addr: d.at}) != d.now.Add(time.Second/2) {
		t.Error("a pause that was told does not count")
	}
	d.step(LinkUp{Conn: d.f.id})
	d.answerPause("")
	end := d.now.Add(time.Second / 2)
	if d.step(InfoReply{Conn: d.f.id, Token: d.token(d.f.infoSeq), Info: &Info{Role: RoleMaster}}); d.f.info == nil {
		t.Error("the answer to INFO is lost")
	}
	if !d.f.paused(end-1) || d.f.paused(end) {
		t.Errorf("the pause ends at %d, want %d", d.f.until, end)
	}
	d.fencePause(d.now, d.f, ReturnFence, time.Second, 0)
	d.step(LinkDown{Conn: d.f.id})
	if end = d.now.Add(time.Second); !d.f.paused(end-1) || d.f.paused(end) {
		t.Errorf("after the loss the pause ends at %d, want %d", d.f.until, end)
	}
	d.drain()
	if err := d.Audit(); err != nil {
		t.Error(err)
	}
}

// TestHoldsApart: the end of a pause over a fence lets no hello to a server that is paused over
// its command connection too, nor the other way round.
func TestHoldsApart(t *testing.T) {
	d := newFenced(t)
	i := &d.f.m.instance
	at, later := holdKey(i), d.now.Add(2*time.Second)
	d.holdHellosAt(at, d.now.Add(time.Second))
	d.holdHellos(i, later)
	if d.letHellosTo(at); d.heldUntil(i) != later {
		t.Errorf("after the end of the fence hellos are held until %d, want %d", d.heldUntil(i), later)
	}
	d.holdHellosAt(at, later)
	d.holdHellosAt(at, d.now.Add(time.Second))
	if d.holdHellos(i, 0); d.heldUntil(i) != later {
		t.Errorf("by the fence alone hellos are held until %d, want %d", d.heldUntil(i), later)
	}
	if d.letHellosTo(at); d.heldUntil(i) != 0 {
		t.Error("hellos are held when all pauses are over")
	}
}

// TestFenceRefused: a server that was never reached was not paused, nor one that refuses.
func TestFenceRefused(t *testing.T) {
	d := newFenced(t)
	d.dial()
	d.step(LinkDown{Conn: d.f.id, Reason: "refused"})
	if d.f.open() || d.f.paused(d.now) {
		t.Error("a server that was not reached is paused")
	}
	d.dial()
	d.step(LinkUp{Conn: d.f.id})
	d.answerPause("NOPERM no")
	if d.f.paused(d.now) || !d.f.cannotPause() {
		t.Error("a refused pause counts")
	}
	d.fenceDemote(d.now, d.f, d.f.m.addr, 0, true)
	d.want(SlaveOf{Host: "10.0.0.1", Port: 6379, Bare: true})
	d.step(SlaveOfReply{Conn: d.f.id, Token: d.token(d.f.order.seq)})
	d.finishDemotion(d.now, d.f)
	d.want(KillClients{}, KillClients{PubSub: true}, RewriteConfig{})
}

// TestFenceDemotes: clients that wait are answered before they are disconnected.
func TestFenceDemotes(t *testing.T) {
	d := newFenced(t)
	d.dial()
	d.step(LinkUp{Conn: d.f.id})
	d.answerPause("")
	d.fenceDemote(d.now, d.f, d.f.m.addr, 0, true)
	d.want(SlaveOf{Host: "10.0.0.1", Port: 6379, Bare: true})
	d.finishDemotion(d.now, d.f)
	d.want()
	d.step(SlaveOfReply{Conn: d.f.id, Token: d.token(d.f.order.seq)})
	d.finishDemotion(d.now, d.f)
	d.want(Unpause{})
	d.finishDemotion(d.now, d.f)
	d.want()
	d.step(CommandDone{Conn: d.f.id, Token: d.token(d.f.order.unpause)})
	d.finishDemotion(d.now, d.f)
	d.want(KillClients{}, KillClients{PubSub: true}, RewriteConfig{})
	d.step(CommandDone{Conn: d.f.id, Token: d.token(d.f.order.last)})
	d.finishDemotion(d.now, d.f)
	if d.want(); !d.f.order.finished || d.f.paused(d.now) || d.f.demoting() {
		t.Errorf("it is not through: %+v", d.f.order)
	}
}

// TestFenceLeavesForeignPause: where another may have paused the server too, the pause runs
// out before the clients are disconnected.
func TestFenceLeavesForeignPause(t *testing.T) {
	d := newFenced(t)
	d.dial()
	d.step(LinkUp{Conn: d.f.id})
	d.answerPause("")
	d.fenceDemote(d.now, d.f, d.f.m.addr, 0, false)
	d.drain()
	d.step(SlaveOfReply{Conn: d.f.id, Token: d.token(d.f.order.seq)})
	if due := d.finishDemotion(d.now, d.f); due != d.f.until {
		t.Errorf("it goes on at %d, want %d", due, d.f.until)
	}
	d.want()
	d.finishDemotion(d.f.until, d.f)
	d.want(KillClients{}, KillClients{PubSub: true}, RewriteConfig{})
	d.fenceRelease(d.now, d.f, ReturnFence, false)
	d.want()
}

// TestFenceSecond: who comes second ends its own pause, and disconnects nobody.
func TestFenceSecond(t *testing.T) {
	d := newFenced(t)
	d.dial()
	d.step(LinkUp{Conn: d.f.id})
	d.answerPause("")
	d.fenceDemote(d.now, d.f, d.f.m.addr, 0, true)
	d.drain()
	d.step(SlaveOfReply{Conn: d.f.id, Token: d.token(d.f.order.seq), Already: true})
	d.finishDemotion(d.now, d.f)
	d.want(Unpause{})
	d.step(CommandDone{Conn: d.f.id, Token: d.token(d.f.order.unpause)})
	d.finishDemotion(d.now, d.f)
	if d.want(); !d.f.order.finished {
		t.Error("it is not through")
	}
}

// TestFenceDials: a fence waits for its gap and for the budget, and gives an attempt up.
func TestFenceDials(t *testing.T) {
	d := newFenced(t)
	const gap = 10 * time.Millisecond
	if due := d.fenceDue(d.now, d.f, gap); due != 0 {
		t.Errorf("the first attempt is due at %d", due)
	}
	d.dial()
	if due, want := d.fenceTimeout(d.now, d.f), d.now.Add(fenceDialTimeout); due != want {
		t.Errorf("the attempt ends at %d, want %d", due, want)
	}
	began := d.now
	if due := d.fenceTimeout(d.now.Add(fenceDialTimeout), d.f); due != Never || d.f.open() {
		t.Error("the attempt does not end")
	}
	if due, want := d.fenceDue(began, d.f, gap), began.Add(gap); due != want {
		t.Errorf("the next attempt is due at %d, want %d", due, want)
	}
	d.fenceBudget.next = began.Add(time.Hour)
	if due, want := d.fenceDue(began.Add(gap), d.f, gap), began.Add(d.tun.PingPeriod); due != want {
		t.Errorf("without a budget the next attempt is due at %d, want %d", due, want)
	}
	d.dial()
	d.dropFences(d.now, d.f.m)
	d.drain()
	if err := d.Audit(); err != nil {
		t.Error(err)
	}
}

// TestFenceBudget: all fences together dial as often as their budget says.
func TestFenceBudget(t *testing.T) {
	c := newCore(t, oneMaster())
	n := 0
	for now := origin; now < origin.Add(time.Second); now = now.Add(time.Millisecond) {
		for c.fenceBudget.reserve(now, now.Add(time.Millisecond)) == now {
			n++
		}
	}
	if n < fenceRate || n > 2*fenceRate {
		t.Errorf("%d attempts in a second, want about %d", n, fenceRate)
	}
}

// TestFenceShared: where two guards pause one server, the last of them ends that. A pause that
// one of them may end is ended by the other one too, which would let its own run out.
func TestFenceShared(t *testing.T) {
	long := time.Minute
	both := func(t *testing.T) *fenced {
		d := newFenced(t)
		d.dial()
		d.step(LinkUp{Conn: d.f.id})
		d.answerPause("")
		d.fencePause(d.now, d.f, IsolationFence, long, 0)
		d.want(PauseWrites{For: long})
		d.answerPause("")
		if end := d.now.Add(long); d.f.until != end || d.f.surely >= end || d.f.surely < end-Instant(2*time.Millisecond) {
			t.Errorf("it ends from %d to %d, want %d", d.f.surely, d.f.until, end)
		}
		return d
	}
	t.Run("the long one is over first", func(t *testing.T) {
		d := both(t)
		d.fenceRelease(d.now, d.f, IsolationFence, true)
		d.want()
		d.leaveFence(d.now, d.f, ReturnFence, false)
		d.want(Unpause{})
		if d.step(CommandDone{Conn: d.f.id, Token: d.token(d.f.order.unpause)}); d.f.open() || d.f.paused(d.now) || d.heldUntil(&instance{kind: KindReplica, addr: d.at, master: d.f.m}) != 0 {
			t.Error("it is not over")
		}
	})
	t.Run("the short one is over first", func(t *testing.T) {
		d := both(t)
		d.leaveFence(d.now, d.f, ReturnFence, true)
		if d.want(); !d.f.open() {
			t.Error("the connection is closed, and a guard is left")
		}
		d.fenceRelease(d.now, d.f, IsolationFence, false)
		d.want(Unpause{})
	})
	t.Run("the connection is lost", func(t *testing.T) {
		d := both(t)
		if d.step(LinkDown{Conn: d.f.id}); d.f.surely != 0 || !d.f.paused(d.now) {
			t.Error("a server that may have been restarted is surely paused, or cannot be any more")
		}
		d.dial()
		d.step(LinkUp{Conn: d.f.id})
		d.answerPause("")
		d.fenceRelease(d.now, d.f, ReturnFence, true)
		d.want()
		if d.dropFences(d.now, d.f.m); d.f.m.fenceAt(d.at) == nil {
			t.Error("RESET forgets an isolated master")
		}
	})
	t.Run("it follows another", func(t *testing.T) {
		d := both(t)
		d.fenceDemote(d.now, d.f, d.f.m.addr, 0, false)
		d.drain()
		d.step(SlaveOfReply{Conn: d.f.id, Token: d.token(d.f.order.seq)})
		d.finishDemotion(d.now, d.f)
		d.want(Unpause{})
	})
}

// TestUnpauseEndsAll: the end of a pause over a fence ends that of the lineage guard too, over
// the command connection. It is told anew.
func TestUnpauseEndsAll(t *testing.T) {
	d := newFenced(t)
	m := d.f.m
	d.f = d.fenceFor(m, m.addr)
	d.dial()
	d.step(LinkUp{Conn: d.f.id})
	d.answerPause("")
	m.lossFence.until = d.now.Add(time.Second)
	d.fenceRelease(d.now, d.f, ReturnFence, true)
	d.want(Unpause{})
	if d.step(CommandDone{Conn: d.f.id, Token: d.token(d.f.order.unpause)}); m.lossFence.until != 0 {
		t.Error("the lineage guard takes the master for one that is still paused")
	}
}

// TestFenceRefusedLater: hellos go to a server again when the pauses that it took are over, and not
// when one would be that it has refused.
func TestFenceRefusedLater(t *testing.T) {
	d := newFenced(t)
	i := &instance{kind: KindReplica, addr: d.at, master: d.f.m}
	d.dial()
	d.step(LinkUp{Conn: d.f.id})
	d.answerPause("")
	end := d.f.until
	d.fencePause(d.now, d.f, IsolationFence, time.Minute, 0)
	if d.answerPause("NOPERM"); d.f.until != end || d.heldUntil(i) != end {
		t.Errorf("the pause ends at %d, and hellos are held until %d, want %d", d.f.until, d.heldUntil(i), end)
	}
	d.fenceUnpause(d.f)
	d.step(CommandDone{Conn: d.f.id, Token: d.token(d.f.order.unpause)})
	d.fencePause(d.now, d.f, IsolationFence, time.Minute, 0)
	if d.answerPause("NOPERM"); d.heldUntil(i) != 0 {
		t.Error("hellos are held from a server that was never paused")
	}
}

// TestFenceProcess: a pause has ended with the process that was paused, whichever connection tells
// of the next one. What may have been told to that one goes on.
func TestFenceProcess(t *testing.T) {
	info := func(id RunID) *Info { return &Info{Role: RoleMaster, RunID: id} }
	paused := func(t *testing.T) *fenced { // for a minute
		d := newFenced(t)
		d.dialFence(d.now, d.f)
		d.fenceInfo(d.now, d.f)
		d.step(LinkUp{Conn: d.f.id})
		d.step(InfoReply{Conn: d.f.id, Token: d.token(d.f.infoSeq), Info: info(paddedID("a"))})
		d.fencePause(d.now, d.f, IsolationFence, time.Minute, 0)
		d.answerPause("")
		d.drain()
		d.step(LinkDown{Conn: d.f.id})
		return d
	}
	want := func(d *fenced, end Instant) {
		d.t.Helper()
		if held := d.heldUntil(&instance{kind: KindReplica, addr: d.at, master: d.f.m}); d.f.until != end || held > end || held < end-Instant(2*time.Millisecond) { // from when it was told
			d.t.Errorf("the pause ends at %d, and hellos are held until %d, want %d", d.f.until, held, end)
		}
	}
	t.Run("over the fence", func(t *testing.T) {
		d := paused(t)
		end := d.f.until
		d.dial()
		d.step(LinkUp{Conn: d.f.id})
		d.answerPause("")
		want(d, end) // it may be the same process
		short := d.f.here
		d.step(InfoReply{Conn: d.f.id, Token: d.token(d.f.infoSeq), Info: info(paddedID("b"))})
		want(d, short)
	})
	t.Run("one that was lost before it told", func(t *testing.T) {
		d := paused(t)
		d.dial()
		d.step(LinkUp{Conn: d.f.id})
		d.step(LinkDown{Conn: d.f.id})
		short := d.now.Add(time.Second / 2)
		d.dialFence(d.now, d.f)
		d.fenceInfo(d.now, d.f)
		d.step(LinkUp{Conn: d.f.id})
		d.step(InfoReply{Conn: d.f.id, Token: d.token(d.f.infoSeq), Info: info(paddedID("b"))})
		want(d, short)
	})
	t.Run("over the usual connection", func(t *testing.T) {
		d := paused(t)
		end := d.f.until
		i := &instance{kind: KindReplica, addr: d.at, master: d.f.m, info: info(paddedID("b")), infoAsked: d.f.dialedAt}
		d.meetsElsewhere(i)
		want(d, end) // asked before: of the process before, for all that is known
		i.infoAsked, i.info = d.now, info("")
		d.meetsElsewhere(i)
		want(d, end)
		i.info = info(paddedID("a"))
		d.meetsElsewhere(i)
		want(d, end)
		i.info = info(paddedID("b"))
		d.meetsElsewhere(i)
		want(d, 0)
	})
}
