package monitor

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// namesRig drives a core by hand and notes what it dials, closes and asks the
// resolver.
type namesRig struct {
	t     *testing.T
	c     *Core
	now   Instant
	did   []string
	log   []string
	conns []Dial // in order
}

func newNamesRig(t *testing.T, change func(*State)) *namesRig {
	s := oneMaster()
	s.Options.ResolveHostnames = true
	s.Masters[0].Addr = Addr{Host: "name1", IP: "10.0.0.1", Port: 6379} // as it was at the start
	change(&s)
	c, err := New(origin, Params{State: s})
	if err != nil {
		t.Fatal(err)
	}
	r := &namesRig{t: t, c: c, now: origin}
	r.step(Tick{})
	return r
}

// step gives one input, a millisecond later.
func (r *namesRig) step(in Input) {
	r.now += Instant(time.Millisecond)
	r.c.Step(r.now, in)
	var out Effects
	r.c.Drain(&out)
	for _, e := range out.Free {
		switch e := e.(type) {
		case Dial:
			r.conns = append(r.conns, e)
			r.did = append(r.did, fmt.Sprintf("dial %s:%d", e.Addr.Host, e.Addr.Port))
		case Close:
			r.did = append(r.did, "close")
		case Log:
			r.log = append(r.log, e.Text)
		case Resolve:
			r.did = append(r.did, "resolve "+e.Host)
		}
	}
	if out.Persist != nil {
		r.c.Step(r.now, Persisted{Seq: out.Persist.Seq})
	}
}

// later lets time pass, in which nothing happens but the clock.
func (r *namesRig) later(d time.Duration) {
	for end := r.now + Instant(d); r.now < end; {
		r.now = max(r.now, min(end, r.c.NextDeadline()))
		r.step(Tick{})
	}
}

// expect demands what was done since the last call.
func (r *namesRig) expect(want ...string) {
	r.t.Helper()
	if !slices.Equal(r.did, want) {
		r.t.Errorf("did\n %s\nwant\n %s", strings.Join(r.did, ", "), strings.Join(want, ", "))
	}
	r.did = nil
}

// up establishes the connections number first to last.
func (r *namesRig) up(first, last int) {
	for _, d := range r.conns[first:last] {
		r.step(LinkUp{Conn: d.Conn, LocalIP: "10.9.9.9"})
	}
}

// TestNameMovesWhileConnecting: the last known address of a name is dialled
// before the resolver has answered, and may belong to another server by now. A
// connection made there is dropped for the new address, once: a name whose
// addresses rotate must not be dialled again and again.
func TestNameMovesWhileConnecting(t *testing.T) {
	r := newNamesRig(t, func(*State) {})
	r.expect("resolve name1", "dial 10.0.0.1:6379", "dial 10.0.0.1:6379")
	r.up(0, 2)
	r.step(Resolved{Host: "name1", IPs: []string{"10.0.0.2"}})
	r.expect("close", "close", "dial 10.0.0.2:6379", "dial 10.0.0.2:6379")
	r.step(Resolved{Host: "name1", IPs: []string{"10.0.0.3"}}) // an answer to no question
	r.expect()
	r.up(2, 4)
	if got := r.c.masters[0].addr.IP; got != "10.0.0.2" {
		t.Errorf("the master is at %s", got)
	}
}

// TestNameMovesUnderConnection: a connection made before the look-up stays,
// because that server is alive, whatever the resolver says.
func TestNameMovesUnderConnection(t *testing.T) {
	r := newNamesRig(t, func(*State) {})
	r.up(0, 2)
	r.step(Resolved{Host: "name1", IPs: []string{"10.0.0.1"}})
	r.did = nil
	r.later(time.Second)
	r.step(LinkDown{Conn: r.conns[1].Conn, Reason: "client kill"}) // Pub/Sub
	r.later(2 * time.Second)
	if got := strings.Join(r.did, ", "); got != "resolve name1, dial 10.0.0.1:6379" {
		t.Fatalf("after the loss of the Pub/Sub connection: %s", got)
	}
	r.did = nil
	r.step(Resolved{Host: "name1", IPs: []string{"10.0.0.2"}})
	r.expect() // what is dialled stays with it
	if got := r.c.masters[0].addr.IP; got != "10.0.0.1" {
		t.Errorf("the master is shown at %s", got)
	}
	if !r.c.masters[0].link.cmd.up {
		t.Error("the sound connection was given up")
	}
}

// TestUnresolvableNameKeepsAddress: without an answer, the address that was good
// before is used again and again, also while an answer is awaited in vain.
func TestUnresolvableNameKeepsAddress(t *testing.T) {
	r := newNamesRig(t, func(*State) {})
	r.step(Resolved{Host: "name1"})
	r.did = nil
	for range 3 {
		for _, d := range r.conns[len(r.conns)-2:] {
			r.step(LinkDown{Conn: d.Conn, Reason: "refused"})
		}
		r.later(2 * time.Second)
	}
	dials := 0
	for _, what := range r.did {
		if strings.HasPrefix(what, "dial ") {
			dials++
			if what != "dial 10.0.0.1:6379" {
				t.Error(what)
			}
		}
	}
	if dials != 6 {
		t.Errorf("%d dials, want 6: %q", dials, r.did)
	}
	if asked := slices.Index(r.did, "resolve name1"); asked < 0 {
		t.Errorf("the resolver was not asked again: %q", r.did)
	}
}

// TestTwoNamesOfOneServer: a replica under two names is one, and a replica that
// turns out to be the master is none; it would be told to follow itself.
func TestTwoNamesOfOneServer(t *testing.T) {
	r := newNamesRig(t, func(s *State) {
		s.Masters[0].Replicas = []Addr{
			{Host: "10.0.0.2", IP: "10.0.0.2", Port: 6379}, {Host: "replica", Port: 6379}, {Host: "alias", Port: 6379}, {Host: "other", Port: 6379},
		}
	})
	r.step(Resolved{Host: "replica", IPs: []string{"10.0.0.2"}})
	r.step(Resolved{Host: "alias", IPs: []string{"10.0.0.1"}})
	r.step(Resolved{Host: "other", IPs: []string{"10.0.0.3"}})
	if n := len(r.c.members); n != 4 {
		t.Errorf("%d instances, although the master may not be at its address any more", n)
	}
	r.step(Resolved{Host: "name1", IPs: []string{"10.0.0.1"}})
	r.step(Resolved{Host: "alias", IPs: []string{"10.0.0.1"}}) // it is asked for again
	var left []string
	for _, addr := range r.c.State().Masters[0].Replicas {
		left = append(left, addr.Host)
	}
	if want := []string{"10.0.0.2", "other"}; !slices.Equal(left, want) {
		t.Errorf("replicas %q, want %q", left, want)
	}
	if n := len(r.c.members); n != 3 {
		t.Errorf("%d instances, want the master and two replicas", n)
	}
}

// TestNamesThatSwap: two servers get each other's addresses. While only one of
// the names was looked up, both seem to be one server; that is no reason to forget
// one of them, nor to ignore it when the master names it.
func TestNamesThatSwap(t *testing.T) {
	both := func(r *namesRig) string {
		var b strings.Builder
		for _, i := range []*instance{&r.c.masters[0].instance, r.c.masters[0].named("name2")} {
			fmt.Fprintf(&b, "%s=%s ", i.addr.Host, i.addr.IP)
		}
		if err := r.c.Audit(); err != nil {
			t.Error(err)
		}
		return strings.TrimSpace(b.String())
	}
	for name, order := range map[string][]string{"the master first": {"name1", "name2"}, "the replica first": {"name2", "name1"}} {
		t.Run(name, func(t *testing.T) {
			r := newNamesRig(t, func(s *State) {
				s.Masters[0].Replicas = []Addr{{Host: "name2", IP: "10.0.0.2", Port: 6379}}
			})
			r.step(Resolved{Host: "name1", IPs: []string{"10.0.0.1"}})
			r.step(Resolved{Host: "name2", IPs: []string{"10.0.0.2"}})
			for _, d := range r.conns {
				r.step(LinkDown{Conn: d.Conn, Reason: "refused"})
			}
			r.later(2 * time.Second)
			moved := map[string]string{"name1": "10.0.0.2", "name2": "10.0.0.1"}
			for _, host := range order {
				if _, asked := r.c.lookups[host]; !asked {
					t.Fatalf("%s is not looked up again", host)
				}
				r.step(Resolved{Host: host, IPs: []string{moved[host]}})
			}
			if got := both(r); got != "name1=10.0.0.2 name2=10.0.0.1" {
				t.Error(got)
			}
		})
	}
	t.Run("a replica that is not known yet", func(t *testing.T) {
		r := newNamesRig(t, func(*State) {})
		r.c.names["name2"] = hostName{ips: nameAddrs{"10.0.0.1"}, answered: 1, changed: 1} // long ago
		r.step(Resolved{Host: "name1", IPs: []string{"10.0.0.1"}})
		r.did = nil
		r.up(len(r.conns)-2, len(r.conns))
		cn := r.conns[len(r.conns)-2].Conn
		info := ParseInfo([]byte("role:master\r\nslave0:ip=name2,port=6379,state=online\r\n"))
		r.step(InfoReply{Conn: cn, Token: Token{Instance: r.c.masters[0].id}, Info: info})
		r.expect("resolve name2")
		r.step(Resolved{Host: "name2", IPs: []string{"10.0.0.2"}})
		if got := both(r); got != "name1=10.0.0.1 name2=10.0.0.2" {
			t.Error(got)
		}
	})
}

// TestDoubtLooksANameUp: a server with another run id or another role than
// expected may be another server. Its connection is given up when the name has
// moved.
func TestDoubtLooksANameUp(t *testing.T) {
	for name, text := range map[string]string{
		"another run id": "run_id:" + strings.Repeat("b", 40) + "\r\nrole:master\r\n",
		"another role":   "run_id:" + strings.Repeat("a", 40) + "\r\nrole:slave\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := newNamesRig(t, func(*State) {})
			r.step(Resolved{Host: "name1", IPs: []string{"10.0.0.1"}})
			r.up(len(r.conns)-2, len(r.conns))
			tell := func(text string) {
				r.step(InfoReply{Conn: r.conns[len(r.conns)-2].Conn, Token: Token{Instance: r.c.masters[0].id}, Info: ParseInfo([]byte(text))})
			}
			tell("run_id:" + strings.Repeat("a", 40) + "\r\nrole:master\r\n")
			r.did = nil
			tell(text)
			r.expect("resolve name1")
			r.step(Resolved{Host: "name1", IPs: []string{"10.0.0.2"}})
			r.expect("close", "close", "dial 10.0.0.2:6379", "dial 10.0.0.2:6379")
		})
	}
}

// TestDoubtOutlivesOldAnswers: a resolver keeps what it has found for a while, so
// that the first answer may be from before the name moved. It is asked again, not
// without end, and the server stays in doubt until then. What answers where a name
// no longer points is no reason to forget another record of that server.
func TestDoubtOutlivesOldAnswers(t *testing.T) {
	r := newNamesRig(t, func(s *State) {
		s.Masters[0].Replicas = []Addr{{Host: "name2", IP: "10.0.0.2", Port: 6379}}
	})
	m := r.c.masters[0]
	answer := func(ip1, ip2 string) {
		for host, ip := range map[string]string{"name1": ip1, "name2": ip2} {
			if r.c.resolving(host) {
				r.step(Resolved{Host: host, IPs: []string{ip}})
			}
		}
	}
	tell := func(i *instance, id, role string) {
		r.step(InfoReply{Conn: i.link.cmd.id, Token: Token{Instance: i.id}, Info: ParseInfo([]byte("run_id:" + strings.Repeat(id, 40) + "\r\nrole:" + role + "\r\n"))})
	}
	answer("10.0.0.1", "10.0.0.2")
	r.up(len(r.conns)-4, len(r.conns))
	tell(&m.instance, "a", "master")
	tell(&m.instance, "b", "slave") // the names have swapped, and the resolver does not know yet
	answer("10.0.0.1", "10.0.0.2")
	r.did = nil
	r.later(doubtPeriod + time.Second)
	if asked := slices.Index(r.did, "resolve name1"); asked < 0 || m.addr.IP != "10.0.0.1" {
		t.Fatalf("the master is at %s, and this was done: %q", m.addr.IP, r.did)
	}
	two := m.replicas[0]
	r.step(LinkDown{Conn: two.link.cmd.id, Reason: "gone"})
	r.later(2 * time.Second)
	r.c.names["name1"] = hostName{ips: nameAddrs{"10.0.0.2"}, answered: r.now, changed: r.now}
	r.step(Resolved{Host: "name2", IPs: []string{"10.0.0.1"}})
	for _, cn := range []*conn{&two.link.cmd, &two.link.pubsub} {
		r.step(LinkUp{Conn: cn.id, LocalIP: "10.9.9.9"})
	}
	tell(&two.instance, "b", "slave")
	if len(m.replicas) != 1 {
		t.Fatal("the replica was taken for the master, which its name does not have any more")
	}
	r.c.resolve(&m.instance)
	answer("10.0.0.2", "10.0.0.1")
	if m.addr.IP != "10.0.0.2" || len(m.replicas) != 1 || m.replicas[0].addr.IP != "10.0.0.1" {
		t.Errorf("the master is at %s, its replicas are %v", m.addr.IP, r.c.State().Masters[0].Replicas)
	}

	for _, now := range []Instant{m.doubtUntil - 1, m.doubtUntil} {
		m.lookUpDue = now
		if next := r.c.lookUpIfDue(now, &m.instance); (next <= now.Add(doubtPeriod)) != (now < m.doubtUntil) {
			t.Errorf("with %v of doubt left, the next look-up is %v away", m.doubtUntil.Sub(now), next.Sub(now))
		}
	}
}

// TestNamesAreLookedUpNowAndThen: once in a while, not all at one instant, and not
// again while the resolver owes an answer.
func TestNamesAreLookedUpNowAndThen(t *testing.T) {
	r := newNamesRig(t, func(s *State) {
		for k := range 20 {
			s.Masters[0].Replicas = append(s.Masters[0].Replicas, Addr{Host: fmt.Sprintf("replica%d", k), Port: 0})
		}
	})
	asked := map[Instant]int{}
	for k := range 20 {
		r.step(Resolved{Host: fmt.Sprintf("replica%d", k), IPs: []string{fmt.Sprintf("10.0.1.%d", k)}})
	}
	for begun := r.now; r.now < begun+Instant(2*namePeriod); {
		r.did = nil
		r.later(time.Second)
		for _, what := range r.did {
			if strings.HasPrefix(what, "resolve replica") {
				asked[r.now/Instant(5*time.Second)]++
			}
		}
	}
	total := 0
	for at, n := range asked {
		total += n
		if n > 8 {
			t.Errorf("%d names were looked up within the 5 seconds at %v", n, at)
		}
	}
	if total != 20 { // none was answered
		t.Errorf("%d look-ups of 20 names, whose resolver does not answer", total)
	}
}

// otherAddrs returns the further addresses of a connection's attempt.
func (r *namesRig) others(at int) string { return strings.Join(r.conns[at].Others, " ") }

// TestNameWithSeveralAddresses: all addresses of a name are offered to an attempt
// to connect. The one that answers is kept, also when the resolver names another
// one first from then on, and the others stay at hand.
func TestNameWithSeveralAddresses(t *testing.T) {
	r := newNamesRig(t, func(s *State) { s.Masters[0].Addr.IP = "::1" })
	r.expect("resolve name1", "dial ::1:6379", "dial ::1:6379") // as it was found at the start
	r.step(Resolved{Host: "name1", IPs: []string{"::1", "127.0.0.1"}})
	r.expect("close", "close", "dial ::1:6379", "dial ::1:6379")
	if r.others(2) != "127.0.0.1" || r.others(3) != "127.0.0.1" {
		t.Fatalf("the other addresses are %q and %q", r.others(2), r.others(3))
	}
	r.step(LinkUp{Conn: r.conns[2].Conn, RemoteIP: "127.0.0.1"})
	r.expect("close", "dial 127.0.0.1:6379") // the second connection must reach the same server
	if r.others(4) != "" {
		t.Errorf("the connection for hellos may go to %q", r.others(4))
	}
	if got := r.c.masters[0].addr; got.IP != "127.0.0.1" || got.Host != "name1" {
		t.Errorf("the master is at %+v", got)
	}
	if r.c.masterAt("127.0.0.1", 6379) == nil || r.c.masterAt("::1", 6379) != nil {
		t.Error("other Sentinels do not find the master by the address that answers")
	}
	if err := r.c.Audit(); err != nil {
		t.Error(err)
	}
	r.later(time.Second)
	r.did = nil
	r.step(LinkDown{Conn: r.conns[2].Conn, Reason: "reset"})
	r.later(200 * time.Millisecond)
	r.step(Resolved{Host: "name1", IPs: []string{"::1", "127.0.0.1"}})
	r.expect("resolve name1", "dial 127.0.0.1:6379")
	if r.others(5) != "::1" {
		t.Errorf("the other address is %q", r.others(5))
	}
	if a, _ := r.c.addrOf("name1", 7000); a.IP != "127.0.0.1" {
		t.Errorf("another port of the same host is tried at %s first", a.IP)
	}
}

// TestHelloConnectionFollows: while both connections are being made, they may end
// at different servers behind one name. The command connection decides.
func TestHelloConnectionFollows(t *testing.T) {
	for _, first := range []int{2, 3} { // which of the two is up first
		r := newNamesRig(t, func(*State) {})
		r.step(Resolved{Host: "name1", IPs: []string{"10.0.0.1", "10.0.0.2"}})
		r.did = nil
		ip := map[int]string{2: "10.0.0.1", 3: "10.0.0.2"}
		second := 5 - first
		r.step(LinkUp{Conn: r.conns[first].Conn, RemoteIP: ip[first]})
		r.expect()
		r.step(LinkUp{Conn: r.conns[second].Conn, RemoteIP: ip[second]})
		r.expect("close", "dial 10.0.0.1:6379")
		if l := r.c.masters[0].link; !l.cmd.up || r.c.masters[0].addr.IP != "10.0.0.1" {
			t.Errorf("connected %v at %s", l.cmd.up, r.c.masters[0].addr.IP)
		}
	}
}

// TestNameOfAWholeGroup: a name that has the addresses of a master and of its
// replicas does not turn the dead master into a living replica.
func TestNameOfAWholeGroup(t *testing.T) {
	r := newNamesRig(t, func(s *State) {
		replica, _ := IPAddr("10.0.0.2", 6379)
		s.Masters[0].Replicas = []Addr{replica}
	})
	r.step(Resolved{Host: "name1", IPs: []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}})
	last := r.conns[len(r.conns)-1]
	if got := strings.Join(last.Others, " "); last.Addr.Host != "10.0.0.1" || got != "10.0.0.3" {
		t.Errorf("dialled %s and then %s", last.Addr.Host, got)
	}
}

// TestAddressesOfANameAreBounded: a name server can answer with any number.
func TestAddressesOfANameAreBounded(t *testing.T) {
	r := newNamesRig(t, func(*State) {})
	var ips []string
	for k := range 300 {
		ips = append(ips, fmt.Sprintf("10.0.%d.%d", k/256, k%256))
	}
	r.step(Resolved{Host: "name1", IPs: ips})
	if got := len(r.c.names["name1"].ips); got != maxAddrs {
		t.Errorf("%d addresses are kept", got)
	}
}
