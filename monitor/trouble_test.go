package monitor

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// troubleRig is a master whose connections fail as a test says.
type troubleRig struct{ *namesRig }

func newTroubleRig(t *testing.T) *troubleRig {
	return &troubleRig{newNamesRig(t, func(s *State) {
		s.Options.ResolveHostnames = false
		s.Masters[0].Addr, _ = IPAddr("10.0.0.1", 6379)
	})}
}

// last returns the newest connection of a kind.
func (r *troubleRig) last(kind ConnKind) ConnID {
	for _, d := range slices.Backward(r.conns) {
		if d.Kind == kind {
			return d.Conn
		}
	}
	r.t.Fatal("nothing was dialled")
	return 0
}

// fails has both newest connections fail, and waits for the next ones.
func (r *troubleRig) fails(cause Cause, text string) {
	for _, kind := range []ConnKind{ConnCommand, ConnPubSub} {
		id := r.last(kind)
		r.step(LinkTrouble{Conn: id, Cause: cause, Text: text})
		r.step(LinkDown{Conn: id, Reason: text})
	}
	r.later(1100 * time.Millisecond)
}

// told demands lines of the log since the last call.
func (r *troubleRig) told(want ...string) {
	r.t.Helper()
	for k := range want {
		want[k] = "Link to master mymaster 10.0.0.1 6379: " + want[k]
	}
	if !slices.Equal(r.log, want) {
		r.t.Errorf("logged\n %s\nwant\n %s", strings.Join(r.log, "\n "), strings.Join(want, "\n "))
	}
	r.log = nil
}

func (r *troubleRig) shown(want string) {
	r.t.Helper()
	v, _ := r.c.Master(r.now, "mymaster")
	if v.LinkError != want || (want == "") != (v.LinkErrorSince == 0) {
		r.t.Errorf("shown is %q since %v, want %q", v.LinkError, v.LinkErrorSince, want)
	}
}

// TestTroubleIsToldOnce: the same cause is told once, however many attempts and
// connections meet it; another cause is told, and the first one again after the
// connection worked.
func TestTroubleIsToldOnce(t *testing.T) {
	r := newTroubleRig(t)
	for range 3 {
		r.fails(CauseRefused, "refused")
	}
	r.told("refused")
	r.shown("refused")
	for range 3 {
		r.fails(CauseTLS, "TLS")
	}
	r.told("TLS")
	r.shown("TLS")

	command, hellos := r.last(ConnCommand), r.last(ConnPubSub)
	r.step(LinkUp{Conn: command})
	r.step(LinkUp{Conn: hellos})
	r.shown("TLS") // a connection alone is no answer
	r.step(Pong{Conn: command})
	r.step(PubSubActivity{Conn: hellos})
	r.shown("")
	r.step(LinkDown{Conn: command, Reason: "reset"})
	r.step(LinkDown{Conn: hellos, Reason: "reset"})
	r.later(1100 * time.Millisecond)
	r.told()
	r.fails(CauseRefused, "refused")
	r.told("refused")
	r.shown("refused")
}

// TestRefusedCommandIsToldOnce: a server that answers PING and refuses another
// command is up, and the refusal stands until that command works.
func TestRefusedCommandIsToldOnce(t *testing.T) {
	r := newTroubleRig(t)
	id := r.last(ConnCommand)
	r.up(0, 2)
	ok := func() { r.step(Pong{Conn: id, Reply: PingPong}) }
	r.step(LinkTrouble{Conn: id, Step: StepSetName, Cause: CausePermission, Text: "SETNAME"})
	r.step(LinkTrouble{Conn: id, Step: StepInfo, Cause: CausePermission, Text: "INFO"})
	ok()
	r.told("SETNAME", "INFO")
	r.shown("SETNAME")

	// The next connection is greeted; INFO is still refused.
	r.step(LinkDown{Conn: id, Reason: "reset"})
	r.later(2 * time.Second)
	id = r.last(ConnCommand)
	r.step(LinkUp{Conn: id})
	ok()
	r.step(LinkTrouble{Conn: id, Step: StepInfo, Cause: CausePermission, Text: "INFO"})
	r.told()
	r.shown("INFO")
	m := r.c.masters[0]
	r.step(InfoReply{Conn: id, Token: Token{Instance: m.id}, Info: &Info{}})
	r.shown("")
}

// TestSilenceIsToldOnce: whoever takes no connection, or takes it and never says a
// word, is named too.
func TestSilenceIsToldOnce(t *testing.T) {
	r := newTroubleRig(t)
	r.later(10 * time.Second)
	const dropped = "no answer within 3s (is the host down, or does a firewall drop what is sent there?)"
	r.told(dropped)
	r.shown(dropped)

	r = newTroubleRig(t)
	for range 3 {
		r.step(LinkUp{Conn: r.last(ConnCommand)})
		r.step(LinkUp{Conn: r.last(ConnPubSub)})
		r.step(PubSubActivity{Conn: r.last(ConnPubSub)})
		r.later(20 * time.Second)
	}
	if len(r.log) == 0 || !strings.Contains(r.log[0], "it accepts connections and does not answer") {
		t.Errorf("logged %q", r.log)
	}
	for _, line := range r.log[1:] {
		if strings.Contains(line, "accepts connections") {
			t.Errorf("told again: %q", r.log)
		}
	}

	// A reason that is known already is better than silence.
	r = newTroubleRig(t)
	for range 2 {
		for _, kind := range []ConnKind{ConnCommand, ConnPubSub} {
			r.step(LinkTrouble{Conn: r.last(kind), Cause: CauseTLS, Text: "no TLS"})
		}
		r.later(3500 * time.Millisecond) // they are given up, and dialled anew
	}
	r.told("no TLS")
}

// TestTroublesAreBounded: a server that fails in another way each time does not
// fill the log or the memory.
func TestTroublesAreBounded(t *testing.T) {
	r := newTroubleRig(t)
	r.up(0, 2)
	start := r.now
	for k := range 1000 {
		r.step(LinkTrouble{Conn: r.last(ConnCommand), Step: Step(k % 8), Cause: Cause(k % 14), Text: fmt.Sprint(k)})
	}
	if r.now.Sub(start) > troublePeriod || len(r.log) > troubleLines || len(r.log) < 2 {
		t.Errorf("%d lines in %v", len(r.log), r.now.Sub(start))
	}
	if got := len(r.c.masters[0].link.troubles); got > 8 {
		t.Errorf("%d troubles are remembered", got)
	}
	r.log = nil
	r.now += Instant(troublePeriod)
	r.step(LinkTrouble{Conn: r.last(ConnCommand), Step: StepInfo, Cause: CauseFull, Text: "later"})
	r.told("later")
}

// TestUnresolvedNameIsTold: once, and again after the name was found.
func TestUnresolvedNameIsTold(t *testing.T) {
	r := newNamesRig(t, func(s *State) { s.Masters[0].Addr.IP = "" })
	for range 3 {
		r.step(Resolved{Host: "name1"})
		r.later(2 * time.Second)
	}
	want := []string{"Failed to resolve hostname 'name1'"}
	v, _ := r.c.Master(r.now, "mymaster")
	if !slices.Equal(r.log, want) || v.LinkError != "its name name1 does not resolve" {
		t.Errorf("logged %q, shown %q", r.log, v.LinkError)
	}
	r.step(Resolved{Host: "name1", IPs: []string{"10.0.0.1"}})
	r.step(LinkUp{Conn: r.conns[0].Conn})
	r.step(Pong{Conn: r.conns[0].Conn, Reply: PingPong})
	if v, _ := r.c.Master(r.now, "mymaster"); v.LinkError != "" {
		t.Errorf("shown %q", v.LinkError)
	}
	r.step(LinkDown{Conn: r.conns[0].Conn})
	r.later(2 * time.Second)
	r.step(Resolved{Host: "name1"})
	if want = append(want, want[0]); !slices.Equal(r.log, want) {
		t.Errorf("logged %q", r.log)
	}
}

// TestBrief: a line about a server repeats neither its address nor what to do.
func TestBrief(t *testing.T) {
	for text, want := range map[string]string{
		"dial tcp 10.0.0.1:6379: connect: connection refused (is the server running?)": "connection refused",
		"dial tcp [fe80::1]:6379: i/o timeout":                                         "i/o timeout",
		"closed by the other side (is it TLS?)":                                        "closed by the other side",
	} {
		if got := (&trouble{text: text}).brief(); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}
