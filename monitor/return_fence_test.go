package monitor

import (
	"strconv"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/election"
)

// TestConfirmed: a configuration is confirmed for down-after from when the others were asked,
// by a majority that says the same, and not while anybody says more.
func TestConfirmed(t *testing.T) {
	st := oneMaster()
	for k := range 4 {
		at, _ := IPAddr("10.0.1.1", 26379+k)
		st.Masters[0].Sentinels = append(st.Masters[0].Sentinels, KnownSentinel{at, paddedID(string(rune('a' + k)))})
	}
	st.Masters[0].DownAfter, st.Masters[0].ConfigEpoch = 10*time.Second, 7
	c := newCore(t, st)
	m := c.masters[0]
	for k, x := range []struct {
		told []toldConfig
		want Instant
	}{
		{nil, 0},
		{[]toldConfig{{7, 100}}, 0},
		{[]toldConfig{{7, 100}, {7, 300}}, Instant(100).Add(10 * time.Second)},
		{[]toldConfig{{7, 100}, {7, 300}, {7, 200}}, Instant(200).Add(10 * time.Second)},
		{[]toldConfig{{7, 100}, {6, 300}}, 0},
		{[]toldConfig{{7, 100}, {7, 300}, {8, 1}}, 0},
	} {
		for i, p := range m.peers {
			p.told = toldConfig{}
			if i < len(x.told) {
				p.told = x.told[i]
			}
		}
		if got := c.confirmedUntil(m); got != x.want {
			t.Errorf("case %d: confirmed until %d, want %d", k, got, x.want)
		}
	}
	p := m.peers[0]
	p.link.cmd.up, p.link.cmd.id = true, 99
	c.conns[99] = p.link
	p.told, p.configAsked, p.configSeq = toldConfig{}, 500, 42
	c.now = 900
	c.configReply(ConfigReply{Conn: 99, Token: Token{p.id, 41}, OK: true, Epoch: 7})
	if p.told.asked != 0 {
		t.Error("the answer to another question counts")
	}
	c.configReply(ConfigReply{Conn: 99, Token: Token{p.id, 42}, OK: true, Epoch: 7})
	if p.told != (toldConfig{7, 500}) {
		t.Errorf("%+v counts, want what was asked at 500", p.told)
	}
}

// TestReturnLimit: a master that returned is held for ten seconds of serving at most.
func TestReturnLimit(t *testing.T) {
	d := newFenced(t)
	m := d.f.m
	r := d.addReplica(d.now, m, d.at, nil)
	e := &exMaster{addr: d.at}
	m.exMasters = append(m.exMasters, e)
	d.f.info = &Info{Role: RoleMaster, Loading: true}
	for _, x := range []struct {
		at      time.Duration
		loading bool
		over    bool
	}{{time.Second, true, false}, {20 * time.Second, true, false}, {21 * time.Second, false, false}, {30 * time.Second, false, false}, {31 * time.Second, false, true}} {
		d.f.info.Loading = x.loading
		m.serves(origin.Add(x.at), d.at, d.f.info)
		if over := d.isHarmless(origin.Add(x.at), m, e, r, d.f); over != x.over {
			t.Errorf("after %v: over is %v", x.at, over)
		}
	}
}

// TestReturnLimitOfAProcess: the ten seconds do not begin anew because the server seems to be
// down. They do for another process, and for one that could not be reached.
func TestReturnLimitOfAProcess(t *testing.T) {
	late := origin.Add(time.Minute)
	for name, c := range map[string]struct {
		happens func(*fenced, *exMaster)
		id      RunID
		over    bool
	}{
		"seems down":  {func(*fenced, *exMaster) {}, "a", true},
		"loads again": {func(d *fenced, e *exMaster) { d.f.m.serves(late, d.at, &Info{Role: RoleMaster, Loading: true}) }, "a", true},
		"restarted":   {func(*fenced, *exMaster) {}, "b", false},
		"was away":    {func(d *fenced, e *exMaster) { d.f.m.noAnswer(d.at) }, "a", false},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFenced(t)
			m := d.f.m
			d.addReplica(d.now, m, d.at, nil)
			e := &exMaster{addr: d.at}
			m.exMasters = append(m.exMasters, e)
			m.serves(origin, d.at, &Info{Role: RoleMaster, RunID: "a"})
			d.loseExMaster(late, m, e)
			c.happens(d, e)
			m.serves(late, d.at, &Info{Role: RoleMaster, RunID: c.id})
			if over := e.heldOut(late); over != c.over {
				t.Errorf("over is %v", over)
			}
		})
	}
}

// TestReturnFromAnOldFile: a former master is started from what it saved before several
// failovers. It is no stranger; what nobody of the group ever had is one.
func TestReturnFromAnOldFile(t *testing.T) {
	d := newFenced(t)
	m, e := d.f.m, &exMaster{addr: d.at}
	id := func(n int) string { return string(paddedID("history" + strconv.Itoa(n))) }
	data := func(first, second int) *Info {
		info := &Info{RunID: "b", Role: RoleMaster}
		info.ReplID, info.ReplID2 = id(first), id(second)
		return info
	}
	for n := range 8 {
		r := &replica{instance: instance{role: RoleMaster, info: data(n+1, n)}}
		d.inherit(m, r)
	}
	for n := range 9 {
		if why := d.stranger(m, e, data(100, n)); why != "" {
			t.Errorf("with data of %d failovers before: %s", 8-n, why)
		}
	}
	if d.stranger(m, e, data(100, 99)) == "" {
		t.Error("data of which nobody knows pass for those of the group")
	}
}

// TestReturnInTilt: the time for which a returned master is held runs in TILT, when it is not.
func TestReturnInTilt(t *testing.T) {
	d := newFenced(t)
	d.addReplica(d.now, d.f.m, d.at, nil)
	e := &exMaster{addr: d.at}
	d.f.m.exMasters = append(d.f.m.exMasters, e)
	d.tilt, d.tiltSince = true, d.now
	d.dialFence(d.now, d.f)
	d.step(LinkUp{Conn: d.f.id})
	d.fenceInfo(d.now, d.f)
	d.step(InfoReply{Conn: d.f.id, Token: d.token(d.f.infoSeq), Info: &Info{Role: RoleMaster}})
	if e.serving != d.now {
		t.Errorf("it serves since %d, want %d", e.serving, d.now)
	}
}

// TestHeldBack: a replica that may be paused is not promoted, nor before it has told that it
// has applied all that it has received.
func TestHeldBack(t *testing.T) {
	d := newFenced(t)
	r := d.addReplica(d.now, d.f.m, d.at, nil)
	r.role, r.masterLinkUp = RoleReplica, true
	if r.heldBack(origin) {
		t.Error("one that was never paused is held back")
	}
	d.f.until = origin.Add(time.Second)
	after := d.f.until.Add(time.Millisecond)
	r.infoSent, r.infoRefresh = origin, origin
	if !r.heldBack(origin) || !r.heldBack(after) {
		t.Error("one that is paused, or has not told anything since, is not held back")
	}
	r.infoSent, r.infoRefresh = after, after
	r.info, r.offset = &Info{Offset: 5}, 5
	r.info.ReadOffset = 9
	if !r.heldBack(after) {
		t.Error("one that has not applied all is not held back")
	}
	r.info.ReadOffset = 5
	if r.heldBack(after) {
		t.Error("one that has applied all is held back")
	}
	r.info.ReadOffset = 9
	if r.heldBack(after.Add(heldBackFor)) {
		t.Error("one whose stream never rests is held back for ever")
	}
}

// TestHeldBackIsWaitedFor: the choice waits for the replica that has most when that may be
// paused, and takes no other one instead, nor the paused one when its time is over.
func TestHeldBackIsWaitedFor(t *testing.T) {
	d := newFenced(t)
	m, now := d.f.m, origin.Add(time.Minute)
	m.lineage = election.Lineage{Heard: true, ReplID: "h", Offset: 100, Keys: true}
	m.set(FlagSDown)
	m.sdownSince = now
	other, _ := IPAddr("10.0.0.8", 6379)
	for _, at := range []Addr{other, d.at} {
		r, history := d.addReplica(now, m, at, nil), "h"
		if at == other {
			history = "another"
		}
		r.role, r.masterLinkUp, r.priority, r.offset = RoleReplica, true, 100, 100
		r.info = &Info{Role: RoleReplica}
		r.info.ReplID, r.info.ReadOffset, r.info.Keys = history, 100, true
		r.infoSent, r.infoRefresh, r.link.lastAvail, r.link.cmd.up = now, now, now, true
	}
	d.f.until = now.Add(time.Second)
	m.attempt.Begin(now, 1, 0, false)
	m.attempt.Advance(election.SelectReplica, now)
	now = now.Add(time.Millisecond)
	d.Core.now = now
	if due := d.selectReplica(now, m); m.promoted != nil || due <= now {
		t.Fatalf("it goes on at %d of %d, with %v promoted", due, now, m.promoted)
	}
	later := d.f.until.Add(time.Millisecond)
	r := m.replicaAt(d.at)
	for _, r := range m.replicas {
		r.infoSent, r.infoRefresh, r.link.lastAvail = later, later, later
	}
	d.Core.now = later
	if d.selectReplica(later, m); m.promoted != r {
		t.Fatalf("%v is promoted when all is applied, want %v", m.promoted, r)
	}
}

// TestPausedWhenGone: a former master whose connections were closed, as at the end of a planned
// switchover, is asked first. One that could not be reached, or was down, is paused first.
func TestPausedWhenGone(t *testing.T) {
	info := []Command{InfoRequest{}}
	paused := []Command{PauseWrites{For: returnPause}, InfoRequest{}}
	for name, c := range map[string]struct {
		happens func(*fenced, *exMaster)
		want    []Command
	}{
		"closed":    {func(*fenced, *exMaster) {}, info},
		"down":      {func(d *fenced, e *exMaster) { d.replicaAtFence().set(FlagSDown) }, paused},
		"refused":   {func(d *fenced, e *exMaster) { d.open(); d.step(LinkDown{Conn: d.f.id}) }, paused},
		"no answer": {func(d *fenced, e *exMaster) { d.open(); d.fenceTimeout(d.now.Add(time.Second), d.f) }, paused},
		"cut":       {func(d *fenced, e *exMaster) { d.open(); d.step(LinkUp{Conn: d.f.id}); d.step(LinkDown{Conn: d.f.id}) }, info},
		"lost anew": {func(d *fenced, e *exMaster) { e.gone = true; d.loseExMaster(d.now, d.f.m, e) }, info},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFenced(t)
			m := d.f.m
			d.addReplica(d.now, m, d.at, nil)
			m.role, m.info, m.link.cmd.up = RoleMaster, &Info{Role: RoleMaster}, true
			e := &exMaster{addr: d.at}
			m.exMasters = append(m.exMasters, e)
			d.loseExMaster(d.now, m, e)
			c.happens(d, e)
			d.drain()
			d.now = d.now.Add(time.Minute)
			m.infoRefresh, m.link.lastAvail = d.now, d.now
			d.Core.now = d.now
			d.noteLost(d.now, m, e, d.replicaAtFence())
			d.dialReturn(d.now, m, e, d.f)
			d.want(c.want...)
		})
	}
}

func (d *fenced) replicaAtFence() *replica { return d.f.m.replicaAt(d.at) }

func (d *fenced) open() { d.dialFence(d.now, d.f) }
