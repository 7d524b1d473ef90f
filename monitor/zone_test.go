package monitor

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/event"
)

// zone is some cores that know the same masters, each with a replica, in virtual time:
// connections take a millisecond, and disks a while. The servers of the first masters
// answer; those of the others, which cost nothing, have never been reached, and nobody
// minds yet.
type zone struct {
	now   Instant
	cores []*Core
	ids   []RunID
	conns []map[ConnID]zoneEnd
	at    []map[string][]ConnID // connections that were up, by address
	due   map[Instant][]func()
	refs  map[PeerRef]func(Reply)
	ref   PeerRef
	save  time.Duration // of one write
	live  int           // masters whose servers answer

	down     map[string]bool // the masters that have failed
	cut      int             // the core that no master can be reached from; -1: none
	promoted map[string]bool // the replicas that have been told to be a master

	saves            []int
	sent             map[string]int // commands and dials, by type; of the one that is cut off, if any is
	attempts, moved  map[string]int // by master
	epochs           map[Epoch]bool
	notElected       int
	failedAt, lastAt Instant
	complaints       []string
}

type zoneEnd struct {
	dial Dial
	peer int // -1: a server
}

func newZone(t *testing.T, sentinels, masters, live int, downAfter, save time.Duration) *zone {
	z := &zone{
		now: origin, save: save, live: live, cut: -1, due: map[Instant][]func(){}, refs: map[PeerRef]func(Reply){}, down: map[string]bool{}, promoted: map[string]bool{},
		sent: map[string]int{}, attempts: map[string]int{}, moved: map[string]int{}, epochs: map[Epoch]bool{}, saves: make([]int, sentinels),
	}
	for k := range sentinels {
		z.ids = append(z.ids, paddedID(fmt.Sprintf("s%d", k)))
	}
	for k := range sentinels {
		st := manyMasters(masters)
		st.Options.MyID = z.ids[k]
		for i, m := range st.Masters {
			m.Quorum, m.DownAfter, m.FailoverTimeout, m.ParallelSyncs = sentinels/2+1, time.Hour, time.Minute, 1
			if i < live {
				m.DownAfter = downAfter
			}
			for p := range sentinels {
				if p != k {
					at, _ := IPAddr(fmt.Sprintf("10.9.0.%d", p), 26379)
					m.Sentinels = append(m.Sentinels, KnownSentinel{Addr: at, ID: z.ids[p]})
				}
			}
		}
		core, err := New(origin, Params{State: st, Port: 26379, Seed: uint64(k) + 1})
		if err != nil {
			t.Fatal(err)
		}
		z.cores, z.conns, z.at = append(z.cores, core), append(z.conns, map[ConnID]zoneEnd{}), append(z.at, map[string][]ConnID{})
	}
	return z
}

func (z *zone) after(d time.Duration, do func()) {
	z.due[z.now.Add(d)] = append(z.due[z.now.Add(d)], do)
}

// play plays a time, millisecond by millisecond.
func (z *zone) play(d time.Duration) {
	var out Effects
	for end := z.now.Add(d); z.now < end; z.now = z.now.Add(time.Millisecond) {
		for _, do := range z.due[z.now] {
			do()
		}
		delete(z.due, z.now)
		for k, c := range z.cores {
			if c.NextDeadline() <= z.now {
				c.Step(z.now, Tick{})
			}
			c.Drain(&out)
			z.carryOut(k, out.Free)
			if p := out.Persist; p != nil {
				z.saves[k]++
				z.after(z.save, func() {
					z.carryOut(k, p.Then)
					c.Step(z.now, Persisted{Seq: p.Seq})
				})
			}
		}
	}
}

// fail has the first masters die one after the other within a time. Each core sees that
// at its own moment up to 10 ms later.
func (z *zone) fail(masters int, within time.Duration) {
	z.failedAt = z.now.Add(within)
	for n := range masters {
		z.after((within * time.Duration(n) / time.Duration(masters)).Truncate(time.Millisecond), func() { z.kill(n) })
	}
}

func (z *zone) kill(n int) {
	at := fmt.Sprintf("10.0.%d.%d", n>>8, n&255)
	z.down[at] = true
	for k, c := range z.cores {
		for _, id := range z.at[k][at] {
			if _, up := z.conns[k][id]; up {
				delete(z.conns[k], id)
				z.after(time.Duration(1+(uint64(id)*2654435761>>7)%10)*time.Millisecond, func() { c.Step(z.now, LinkDown{Conn: id}) })
			}
		}
	}
}

func (z *zone) carryOut(k int, effects []Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case Dial:
			z.dial(k, e)
		case Close:
			delete(z.conns[k], e.Conn)
		case Send:
			z.count(k, strings.TrimPrefix(fmt.Sprintf("%T", e.Cmd), "monitor."))
			z.after(time.Millisecond, func() { z.receive(k, e) })
		case Reply:
			answer := z.refs[e.To]
			delete(z.refs, e.To)
			z.after(time.Millisecond, func() { answer(e) })
		case Emit:
			z.note(e.Event)
		case Log:
			if e.Level == LevelWarning {
				z.complaints = append(z.complaints, e.Text)
			}
		}
	}
}

func (z *zone) note(e Event) {
	switch e := e.(type) {
	case event.TryFailover:
		z.attempts[e.Instance.Name]++
	case event.NewEpoch:
		z.epochs[e.Epoch] = true
	case event.FailoverAbortNotElected:
		z.notElected++
	case event.PromotedReplica:
		z.moved[e.Instance.Name]++
		z.lastAt = z.now
	}
}

func (z *zone) count(k int, what string) {
	if z.cut < 0 || z.cut == k {
		z.sent[what]++
	}
}

// tried is how many attempts there were.
func (z *zone) tried() (n int) {
	for _, k := range z.attempts {
		n += k
	}
	return n
}

// part is what the second number of an address says: 0 for a master, 1 for a replica, 9
// for a Sentinel; and the number of the master.
func part(host string) (kind, master int) {
	var high, low int
	fmt.Sscanf(host, "10.%d.%d.%d", &kind, &high, &low)
	return kind, high<<8 + low
}

func (z *zone) dial(k int, d Dial) {
	z.count(k, "Dial")
	kind, n := part(d.Addr.Host)
	end := zoneEnd{dial: d, peer: -1}
	switch {
	case kind == 9:
		end.peer = n
	case z.down[d.Addr.Host] || kind == 0 && k == z.cut:
		z.after(time.Millisecond, func() { z.cores[k].Step(z.now, LinkDown{Conn: d.Conn}) })
		return
	case n >= z.live:
		return
	}
	z.conns[k][d.Conn] = end
	z.at[k][d.Addr.Host] = append(z.at[k][d.Addr.Host], d.Conn)
	z.after(time.Millisecond, func() {
		if _, ok := z.conns[k][d.Conn]; ok {
			z.cores[k].Step(z.now, LinkUp{Conn: d.Conn, LocalIP: fmt.Sprintf("10.9.0.%d", k)})
		}
	})
}

func (z *zone) receive(k int, s Send) {
	end, ok := z.conns[k][s.Conn]
	if !ok {
		return
	}
	c := z.cores[k]
	switch cmd := s.Cmd.(type) {
	case Ping:
		c.Step(z.now, Pong{s.Conn, PingPong})
	case PublishHello:
		if end.peer >= 0 {
			z.cores[end.peer].Step(z.now, HelloReceived{Hello: cmd.Hello})
		}
		c.Step(z.now, PublishReply{s.Conn, s.Token, true})
	case AskGossip:
		c.Step(z.now, GossipReply{Conn: s.Conn, Token: s.Token})
	case AskConfig:
		v, ok := z.cores[end.peer].Master(z.now, cmd.Master)
		c.Step(z.now, ConfigReply{Conn: s.Conn, Token: s.Token, OK: ok, Epoch: v.ConfigEpoch})
	case InfoRequest:
		c.Step(z.now, InfoReply{s.Conn, s.Token, z.info(end.dial.Addr)})
	case SlaveOf:
		z.promoted[end.dial.Addr.Host] = true
		c.Step(z.now, SlaveOfReply{Conn: s.Conn, Token: s.Token})
	case AskMasterDown:
		z.ref++
		z.refs[z.ref] = func(r Reply) {
			c.Step(z.now, AskReply{Conn: s.Conn, Token: s.Token, OK: true, Down: r.Down, Leader: r.Leader, Epoch: r.Epoch})
		}
		z.cores[end.peer].Step(z.now, Ask{From: z.ref, IP: cmd.IP, Port: cmd.Port, Epoch: cmd.Epoch, RunID: cmd.RunID})
	}
}

// info is what a server says about itself.
func (z *zone) info(at HostPort) *Info {
	kind, n := part(at.Host)
	other := fmt.Sprintf("10.%d.%d.%d", 1-kind, n>>8, n&255)
	id := RunID(fmt.Sprintf("%040d", kind<<20+n))
	switch {
	case kind == 0:
		return &Info{RunID: id, Role: RoleMaster, Replicas: []HostPort{{Host: other, Port: 6379}}, Details: Details{ReplID: replidA, MasterOffset: 1}}
	case z.promoted[at.Host]:
		return &Info{RunID: id, Role: RoleMaster, Details: Details{ReplID: replidB, ReplID2: replidA, SecondOffset: 2, MasterOffset: 2}}
	}
	return &Info{
		RunID: id, Role: RoleReplica, Details: Details{ReplID: replidA, ReadOffset: 1}, HasMasterHost: true, MasterHost: other, HasMasterPort: true, MasterPort: 6379,
		HasMasterLink: true, MasterLinkUp: true, HasPriority: true, Priority: 100, HasOffset: true, Offset: 1,
	}
}

// burst has many masters of three Sentinels fail at one moment.
type burst struct {
	masters, failing int
	save             time.Duration // of one write
	written          bool          // something, before
	spread           time.Duration // over which they fail
	within           time.Duration // beyond down-after, all have a new master
}

// play checks that each master gets a new one in time, by the only attempt for it. (Of
// writes above 250 ms, two take longer than candidates wait for each other.)
func (b burst) play(t *testing.T) {
	const downAfter = time.Second
	z := newZone(t, 3, b.masters, b.failing, downAfter, b.save)
	if b.written {
		for _, c := range z.cores {
			c.Step(z.now, Call{From: 1, Op: FlushOp{}})
		}
	}
	z.play(2 * time.Second)
	z.fail(b.failing, b.spread)
	z.play(b.spread + downAfter + b.within + time.Second/2)
	took := z.lastAt.Sub(z.failedAt) - downAfter
	t.Logf("%+v: %d attempts in %d epochs; %d masters moved, the last %v beyond down-after; saves %v; sent %v", b, z.tried(), len(z.epochs), len(z.moved), took, z.saves, z.sent)
	if len(z.attempts) != b.failing || len(z.moved) != b.failing || took > b.within {
		t.Errorf("%d of %d were tried, and %d moved, the last after %v", len(z.attempts), b.failing, len(z.moved), took)
	}
	for k := range b.failing {
		if name := fmt.Sprintf("m%d", k); z.attempts[name] > 1 || z.moved[name] > 1 {
			t.Fatalf("%d attempts and %d promotions for %s", z.attempts[name], z.moved[name], name)
		}
	}
	if z.notElected+len(z.complaints) != 0 || len(z.epochs) > 3 {
		t.Errorf("%d attempts were given up, %d epochs; %q", z.notElected, len(z.epochs), z.complaints)
	}
}

var long = flag.Bool("long", false, "play the larger variants of some tests")

// TestManyMastersElect: many masters that fail together do not keep each other from being
// elected for.
func TestManyMastersElect(t *testing.T) {
	const ms = time.Millisecond
	bursts := []burst{
		{200, 100, 2 * ms, true, 0, 500 * ms}, {200, 100, 15 * ms, true, 0, 500 * ms}, {200, 100, 80 * ms, false, 0, time.Second},
		{200, 100, 15 * ms, true, 2500 * ms, 500 * ms}, // longer than an epoch is shared
	}
	if *long {
		bursts = []burst{
			{1000, 1000, 2 * ms, true, 0, time.Second}, {1000, 1000, 5 * ms, false, 0, time.Second}, {10000, 1000, 15 * ms, true, 0, time.Second},
			{10000, 1000, 15 * ms, false, 0, time.Second}, {10000, 1000, 15 * ms, true, 2500 * ms, time.Second}, {10000, 1000, 80 * ms, true, 0, 2 * time.Second},
		}
	}
	for _, b := range bursts {
		b.play(t)
	}
}

// TestCutOffFromManyMasters: one of five Sentinels is cut off from 1,000 masters, which the
// others do not miss. It asks them at once, then as often as the budget allows, and what it
// goes on to send for hours is little.
func TestCutOffFromManyMasters(t *testing.T) {
	const masters, peers, downAfter = 1000, 4, time.Second
	z := newZone(t, 1+peers, masters, masters, downAfter, 5*time.Millisecond)
	z.cut, z.live = 0, 0
	for _, c := range z.cores[1:] {
		for _, m := range c.masters {
			m.downAfter = time.Hour
		}
	}
	rates := func(d time.Duration) (questions, dials int) {
		q, n := z.sent["AskMasterDown"], z.sent["Dial"]
		z.play(d)
		return int(float64(z.sent["AskMasterDown"]-q) / d.Seconds()), int(float64(z.sent["Dial"]-n) / d.Seconds())
	}
	z.play(100 * time.Millisecond)
	_, before := rates(900 * time.Millisecond)
	first, _ := rates(time.Second)
	z.play(10 * time.Second)
	late, dials := rates(4 * time.Second)
	h := z.cores[0].Hurry(z.now)
	t.Logf("at first %d questions a second and %d dials; after 10 s %d and %d; %+v", first, before, late, dials, h)
	if least := masters * peers; first < least || first > least+hurryRate+hurryBurst || h.Waited == 0 {
		t.Errorf("%d questions in the first second: want one at once to each peer about each master, and then as the budget allows", first)
	}
	if late > masters*peers/4+masters/10 || late < masters*peers/5 {
		t.Errorf("%d questions a second after 10 s", late)
	}
	// Two connections to each master once a second, as stock; and those to the replicas,
	// which are silent, once in the time for a dial.
	if usual := 3 * masters; before > usual+hurryRate+hurryBurst || dials > usual {
		t.Errorf("%d dials a second at first, and %d after 10 s", before, dials)
	}
}

// TestBudget: the first tokens are there at once, the others at the rate; who would get one
// too late goes without, so that the queue is never long.
func TestBudget(t *testing.T) {
	var b budget
	at, late := map[time.Duration]int{}, 0
	for range 3 * hurryRate {
		switch due := b.reserve(origin, origin.Add(time.Second)); {
		case due == origin.Add(time.Second):
			late++
		default:
			at[due.Sub(origin).Truncate(100*time.Millisecond)]++
		}
	}
	if at[0] != hurryBurst+hurryRate/10 || at[900*time.Millisecond] != hurryRate/10 || late != 2*hurryRate-hurryBurst {
		t.Errorf("tokens by time: %v, late: %d", at, late)
	}
	if b.take(origin.Add(time.Second), 1) {
		t.Error("a token that was reserved is given away")
	}
	if rested := origin.Add(10 * time.Second); !b.take(rested, hurryBurst) || b.take(rested, 1) {
		t.Error("after a rest there is not exactly the burst")
	}
}
