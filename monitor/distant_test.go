package monitor

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// logOf steps a core and returns the lines that it logs.
func logOf(c *Core, now Instant, in Input) (lines []string) {
	c.Step(now, in)
	var out Effects
	c.Drain(&out)
	for _, e := range out.Free {
		if l, ok := e.(Log); ok {
			lines = append(lines, l.Text)
		}
	}
	if out.Persist != nil {
		c.Step(now, Persisted{Seq: out.Persist.Seq})
	}
	return lines
}

// TestBadHelloIsReportedOnce: whoever announces what nobody can read learns of it
// from the log of the others.
func TestBadHelloIsReportedOnce(t *testing.T) {
	r := newNamesRig(t, func(*State) {})
	r.up(0, 2)
	r.step(Resolved{Host: "name1", IPs: []string{"10.0.0.1"}})
	conn := r.conns[1].Conn
	for i, want := range []int{1, 0, 1} {
		in := PubSubActivity{Conn: conn, BadHello: []string{"x has 9 fields", "x has 9 fields", "other"}[i]}
		r.now++
		if lines := logOf(r.c, r.now, in); len(lines) != want || want == 1 && !strings.Contains(lines[0], in.BadHello) {
			t.Errorf("%q: logged %q", in.BadHello, lines)
		}
	}
}

// TestStrangersLeaveRoom: strangers who announce ever new ids do not use up the log.
func TestStrangersLeaveRoom(t *testing.T) {
	c := newCore(t, oneMaster())
	now, logged := origin, 0
	for i := range 3 * maxStrange {
		now++
		h := Hello{IP: "0.0.0.0", Port: 1, RunID: RunID(fmt.Sprintf("%040x", i)), MasterName: "mymaster", MasterIP: "10.0.0.1", MasterPort: 6379}
		logged += len(logOf(c, now, HelloReceived{Hello: h}))
	}
	if logged != maxStrange {
		t.Errorf("%d lines, want %d", logged, maxStrange)
	}
	if m := c.masters[0]; m.voters() > maxSentinels+1 {
		t.Errorf("%d voters", m.voters())
	}
	if c.logOnce("x", LevelWarning, "x"); !c.logged["x"] {
		t.Error("there is no room for other lines")
	}
}

// TestPeerThatLeadsBack: a Sentinel announces the loopback address, which leads this
// one to itself. It is not usable, and has no say.
func TestPeerThatLeadsBack(t *testing.T) {
	r := newNamesRig(t, func(s *State) {
		s.Masters[0].Sentinels = []KnownSentinel{{Addr: Addr{Host: "127.0.0.1", IP: "127.0.0.1", Port: 26379}, ID: RunID(strings.Repeat("p", 40))}}
	})
	peer := r.conns[0]
	for _, d := range r.conns {
		if d.Target == KindSentinel {
			peer = d
		}
	}
	usable := func() int { return r.c.Masters(r.now)[0].UsableSentinels }
	r.step(LinkUp{Conn: peer.Conn, LocalIP: "127.0.0.1"})
	r.step(Pong{Conn: peer.Conn})
	if usable() != 2 {
		t.Fatalf("%d Sentinels are usable before they say who they are", usable())
	}
	r.step(GossipReply{Conn: peer.Conn, Known: true, Endpoint: GossipEndpoint{ID: r.c.opts.MyID}})
	if usable() != 1 {
		t.Errorf("%d Sentinels are usable, and there is only this one", usable())
	}
	r.later(time.Second)
	r.step(AskReply{Conn: peer.Conn, Token: Token{r.c.masters[0].peers[0].id, r.c.lastSeq}, OK: true, Down: true, Leader: r.c.opts.MyID, Epoch: 1})
	if p := r.c.masters[0].peers[0]; p.votedFor != "" || p.has(FlagMasterDown) {
		t.Error("this Sentinel's own opinion or vote is counted twice")
	}
}

// TestDistantIsReplaced: a Sentinel that is started again and again without its file,
// and so with a new id each time, stays one voter. Others at that address stay too.
func TestDistantIsReplaced(t *testing.T) {
	c := newCore(t, oneMaster())
	now := origin
	hello := func(id int) {
		h := Hello{IP: "0.0.0.0", Port: 1, RunID: RunID(fmt.Sprintf("%040x", id)), MasterName: "mymaster", MasterIP: "10.0.0.1", MasterPort: 6379}
		logOf(c, now, HelloReceived{Hello: h})
	}
	for id := range 20 {
		for range 3 {
			now = now.Add(4 * time.Second)
			hello(id)
			hello(1000) // which goes on
		}
	}
	if got := c.masters[0].voters(); got != 4 { // this one, 1000, the last one, and the one before, which may only be late
		t.Errorf("%d voters", got)
	}
}

// TestAddressOfBoth: a Sentinel announces the address that this one announces too.
// What answers there counts for nothing before it has said who it is: it may be this
// Sentinel itself, whose vote would count twice.
func TestAddressOfBoth(t *testing.T) {
	id := RunID(strings.Repeat("p", 40))
	for _, c := range []struct {
		name   string
		says   GossipReply
		counts bool
	}{
		{"it is the one", GossipReply{Known: true, Endpoint: GossipEndpoint{ID: id}}, true},
		{"redis-sentinel", GossipReply{}, true},
		{"this Sentinel", GossipReply{Known: true, Endpoint: GossipEndpoint{ID: RunID(strings.Repeat("m", 40))}}, false},
		{"may not say", GossipReply{Denied: true}, false},
	} {
		r := newNamesRig(t, func(s *State) {
			s.Options.MyID, s.Options.AnnounceIP, s.Options.AnnouncePort = RunID(strings.Repeat("m", 40)), "10.0.5.5", 26379
			s.Masters[0].Sentinels = []KnownSentinel{{Addr: Addr{Host: "10.0.5.5", IP: "10.0.5.5", Port: 26379}, ID: id}}
		})
		p := r.c.masters[0].peers[0]
		answer := func() bool {
			r.later(time.Second)
			r.step(AskReply{Conn: p.link.cmd.id, Token: Token{p.id, r.c.lastSeq}, OK: true, Down: true, Leader: r.c.opts.MyID, Epoch: 1})
			return p.votedFor != "" || p.has(FlagMasterDown)
		}
		r.step(LinkUp{Conn: p.link.cmd.id, LocalIP: "10.0.5.1"})
		r.step(Pong{Conn: p.link.cmd.id})
		if answer() || r.c.Masters(r.now)[0].UsableSentinels != 1 {
			t.Errorf("%s: it counts before it has said so", c.name)
		}
		c.says.Conn = p.link.cmd.id
		r.step(c.says)
		if got := answer(); got != c.counts {
			t.Errorf("%s: it counts: %v", c.name, got)
		}
		usable := 1
		if c.counts {
			usable = 2
		}
		if got := r.c.Masters(r.now)[0].UsableSentinels; got != usable {
			t.Errorf("%s: %d Sentinels are usable, want %d", c.name, got, usable)
		}
	}
}

// TestProvenPeerStays: a Sentinel that has said at its address who it is keeps that
// address as long as it is heard, whatever ids a stranger announces there.
func TestProvenPeerStays(t *testing.T) {
	id, stranger := RunID(strings.Repeat("p", 40)), RunID(strings.Repeat("s", 40))
	r := newNamesRig(t, func(s *State) {
		s.Masters[0].Sentinels = []KnownSentinel{{Addr: Addr{Host: "10.0.5.5", IP: "10.0.5.5", Port: 26379}, ID: id}}
	})
	for _, d := range r.conns {
		if d.Target == KindSentinel {
			r.step(LinkUp{Conn: d.Conn, LocalIP: "10.0.5.1"})
			r.step(GossipReply{Conn: d.Conn, Known: true, Endpoint: GossipEndpoint{ID: id}})
		}
	}
	hello := func(from RunID) {
		r.step(HelloReceived{Hello: Hello{IP: "10.0.5.5", Port: 26379, RunID: from, MasterName: "mymaster", MasterIP: "10.0.0.1", MasterPort: 6379}})
	}
	hello(id)
	hello(stranger)
	if m := r.c.masters[0]; m.peerByID(id) == nil || m.peerByID(stranger) != nil || m.voters() != 3 {
		t.Errorf("a stranger has taken the place of a Sentinel that is there: %d peers, %d voters", len(m.peers), m.voters())
	}
	r.now += Instant(7 * time.Second)
	hello(stranger)
	if m := r.c.masters[0]; m.peerByID(id) != nil || m.peerByID(stranger) == nil || m.voters() != 2 {
		t.Errorf("a silent Sentinel keeps its address: %d peers, %d voters", len(m.peers), m.voters())
	}
}

// TestResetKeepsVotersThatCannotBeReached: a RESET while the master is silent must not
// make a minority take itself for the majority. Who was heard lately still counts.
func TestResetKeepsVotersThatCannotBeReached(t *testing.T) {
	for _, lately := range []bool{false, true} {
		r := newNamesRig(t, func(*State) {})
		m := r.c.masters[0]
		r.step(HelloReceived{Hello: Hello{
			IP: "0.0.0.0", Port: 26379, RunID: paddedID("p1"), MasterName: m.cfg.Name, MasterIP: m.addr.IP, MasterPort: m.addr.Port,
		}})
		if !lately {
			r.later(10 * time.Second)
		}
		want := 1
		if lately {
			want = 2
		}
		for range 2 {
			r.step(Call{From: 1, Op: ResetOp{Pattern: "*"}})
			if m.voters() != want {
				t.Fatalf("heard lately %t: %d voters after RESET, want %d", lately, m.voters(), want)
			}
		}
		if r.later(m.cfg.DownAfter + time.Second); !m.has(FlagSDown) || m.voters() != want {
			t.Errorf("heard lately %t: down %t, %d voters, want %d", lately, m.has(FlagSDown), m.voters(), want)
		}
	}
}
