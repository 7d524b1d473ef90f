package monitor

import (
	"strings"
	"testing"
)

// strangers is a Sentinel of the groups a and b, and a server at an address of a.
type strangers struct {
	*Core
	a, b *master
	r    *replica // of a
	of   *replica // of b
}

const (
	histA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	histB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	histX = "cccccccccccccccccccccccccccccccccccccccc"
	histZ = "dddddddddddddddddddddddddddddddddddddddd"
)

func newStrangers(t *testing.T) *strangers {
	t.Helper()
	st := oneMaster()
	one := *st.Masters[0]
	two := one
	one.Name, two.Name = "a", "b"
	one.Addr, _ = IPAddr("10.0.0.1", 6379)
	two.Addr, _ = IPAddr("10.0.1.1", 6379)
	ra, _ := IPAddr("10.0.0.2", 6379)
	rb, _ := IPAddr("10.0.1.2", 6379)
	one.Replicas, two.Replicas = []Addr{ra}, []Addr{rb}
	one.Lineage, two.Lineage = Lineage{ReplID: histA, Offset: 9, Keys: true, Heard: true}, Lineage{ReplID: histB, Offset: 9, Keys: true, Heard: true}
	st.Masters = []*MasterState{&one, &two}
	k := newCore(t, st)
	s := &strangers{Core: k, a: k.byName["a"], b: k.byName["b"]}
	s.r, s.of = s.a.replicas[0], s.b.replicas[0]
	for i, at := range []*instance{&s.a.instance, &s.b.instance, &s.r.instance, &s.of.instance} {
		at.link.cmd.up, at.runID = true, paddedID(string(rune('m'+i)))
	}
	s.b.info = &Info{RunID: s.b.runID, Role: RoleMaster, Details: Details{ReplID: histB, Keys: true}}
	return s
}

// says has a server of a answer INFO, and returns why it is held to be of another group.
func (s *strangers) says(i *instance, info Info) string {
	info.HasMasterHost = info.MasterHost != ""
	info.HasMasterPort = info.HasMasterHost
	i.info, i.runID, i.infoRefresh = &info, info.RunID, s.now
	s.reviewOrigin(i)
	return i.proof.why
}

func withData(role Role, id, id2, follows string) Info {
	return Info{RunID: paddedID("x"), Role: role, MasterHost: follows, MasterPort: 6379, Details: Details{ReplID: id, ReplID2: id2, Keys: true}}
}

// TestForeignNodes: two signs are needed, and some data or a name alone prove nothing.
func TestForeignNodes(t *testing.T) {
	for _, c := range []struct {
		what    string
		info    Info
		prepare func(*strangers)
		master  bool // it answers at the address of the master of a
		want    string
	}{
		{what: "a replica of a", info: withData(RoleReplica, histA, "", "10.0.0.1")},
		{what: "a replica of b at an address of a", info: withData(RoleReplica, histB, "", "10.0.1.1"), want: "it follows 10.0.1.1:6379, and it has the data of that master"},
		{what: "a replica of a that was given to b by hand", info: withData(RoleReplica, histA, "", "10.0.1.1")},
		{what: "a former master of a, started from an AOF", info: withData(RoleMaster, histX, "", "")},
		{what: "a former master of a, without data", info: Info{RunID: paddedID("x"), Role: RoleMaster, Details: Details{ReplID: histX}}},
		{what: "a server of a with a backup of b", info: withData(RoleMaster, histX, histB, "")},
		{what: "the master of b, started anew at an address of a", info: withData(RoleMaster, histX, histB, ""), prepare: func(s *strangers) { s.r.reborn = true },
			want: "it has the data of that master, and another process was there before"},
		{what: "the master of b, which is not where it was", info: withData(RoleMaster, histX, histB, ""), prepare: func(s *strangers) { s.b.link.cmd.up = false },
			want: "it has the data of that master, and that master is not where it was"},
		{what: "the masters swapped their addresses", info: withData(RoleMaster, histX, histB, ""), master: true, prepare: func(s *strangers) { s.b.info.ReplID = histA },
			want: "it has the data of that master, and that master is not where it was"},
		{what: "a backup of b was given to the master of a", info: withData(RoleMaster, histX, histB, ""), master: true, prepare: func(s *strangers) { s.a.reborn = true }},
		{what: "both groups were filled from one RDB", info: withData(RoleReplica, histB, histZ, "10.0.1.1"), prepare: func(s *strangers) { s.a.lineage.ReplID2, s.b.lineage.ReplID2 = histZ, histZ }},
		{what: "a replica of a that followed an address which passed to b", info: withData(RoleReplica, histB, "", "10.0.1.1"), prepare: func(s *strangers) {
			s.says(&s.r.instance, withData(RoleReplica, histA, "", "10.0.0.1"))
		}},
		{what: "two names for one group", info: withData(RoleReplica, histB, "", "10.0.1.1"), prepare: func(s *strangers) { s.b.addr = s.a.addr }},
		{what: "a had no data", info: withData(RoleReplica, histB, "", "10.0.1.1"), prepare: func(s *strangers) { s.a.lineage.Keys = false }},
		{what: "a stranger by its name", info: withData(RoleMaster, histX, "", ""), prepare: func(s *strangers) { s.claims(s.r, "other", "10.0.0.2") },
			want: "10.0.0.2:6379 is the master other"},
		{what: "a stranger that calls its master as we do", info: withData(RoleMaster, histX, "", ""), prepare: func(s *strangers) { s.claims(s.r, "a", "10.0.0.2") },
			want: "10.0.0.2:6379 is the master a"},
		{what: "a replica of a stranger", info: withData(RoleReplica, histX, "", "10.0.7.1"), prepare: func(s *strangers) { s.claims(s.r, "other", "10.0.7.1") },
			want: "10.0.7.1:6379 is the master other"},
		{what: "a name that is heard here, of a master elsewhere", info: withData(RoleMaster, histX, "", ""), prepare: func(s *strangers) { s.claims(s.r, "other", "10.0.7.1") }},
		{what: "a name without data", info: Info{RunID: paddedID("x"), Role: RoleMaster, Details: Details{ReplID: histX}}, prepare: func(s *strangers) { s.claims(s.r, "other", "10.0.0.2") }},
		{what: "another fleet watches a", info: withData(RoleMaster, histX, "", ""), prepare: func(s *strangers) {
			s.a.info = &Info{Role: RoleMaster, Details: Details{ReplID: histA, Keys: true}}
			s.claim(&s.a.instance, "other", "10.0.0.1")
			s.claims(s.r, "other", "10.0.0.2")
		}},
	} {
		s := newStrangers(t)
		if c.prepare != nil {
			c.prepare(s)
		}
		i := &s.r.instance
		if c.master {
			i = &s.a.instance
		}
		if got := s.says(i, c.info); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

func (s *strangers) claims(r *replica, name, at string) { s.claim(&r.instance, name, at) }

// claim has an unknown Sentinel announce a master on the channel of a server.
func (s *strangers) claim(i *instance, name, at string) {
	i.link.pubsub.id, i.link.pubsub.up = ConnID(100+i.id), true
	s.conns[i.link.pubsub.id] = i.link
	s.noteClaim(s.now, i.link.pubsub.id, &Hello{IP: "10.0.9.9", Port: 26379, RunID: paddedID("s9"), MasterName: name, MasterIP: at, MasterPort: 6379, ConfigEpoch: 900})
}

// TestForeignNodeIsLeftAlone: it is given no role, is not promoted, counted or shown, and
// what its Sentinels say is not heard. With a guard that only reports, all is as before.
func TestForeignNodeIsLeftAlone(t *testing.T) {
	for _, mode := range []GuardMode{GuardOn, GuardReport, GuardOff} {
		s := newStrangers(t)
		s.a.cfg.Guards.ForeignNode = mode
		s.a.infoRefresh, s.a.info = s.now, &Info{Role: RoleMaster, Details: Details{ReplID: histA, Keys: true}}
		s.claims(s.r, "a", "10.0.0.2")
		s.says(&s.r.instance, withData(RoleMaster, histX, "", ""))
		s.r.role = RoleMaster
		foreign := mode == GuardOn
		if s.r.foreign != foreign {
			t.Fatalf("%v: foreign is %v", mode, s.r.foreign)
		}
		if sent := s.changeRole(s.now, &s.r.instance, s.a.addr); sent && foreign {
			t.Errorf("%v: it was given a role", mode)
		}
		if fault, _ := s.fault(s.r); (fault == nil) != foreign {
			t.Errorf("%v: what is to be corrected is %v", mode, fault)
		}
		if cs := s.candidates(s.now, s.a); cs[0].Foreign != foreign {
			t.Errorf("%v: the candidate is %+v", mode, cs[0])
		}
		v, _ := s.Master(s.now, "a")
		if rs, _ := s.Replicas(s.now, "a"); rs[0].Announced == foreign || v.Replicas != map[bool]int{true: 0, false: 1}[foreign] {
			t.Errorf("%v: it is shown as one of %d replicas: %v", mode, v.Replicas, rs[0].Announced)
		}
		h := Hello{IP: "10.0.9.9", Port: 26379, RunID: paddedID("s9"), MasterName: "a", MasterIP: "10.0.0.2", MasterPort: 6379, ConfigEpoch: 900, CurrentEpoch: 900}
		s.hello(s.now, &HelloReceived{Conn: s.r.link.pubsub.id, Hello: h})
		if adopted := s.a.configEpoch == 900; adopted == foreign {
			t.Errorf("%v: the configuration was adopted: %v", mode, adopted)
		}
	}
}

// TestForeignMasterIsDown: another server answers at the address of the master. What it has
// and which replicas it names is not taken over.
func TestForeignMasterIsDown(t *testing.T) {
	s := newStrangers(t)
	s.b.link.cmd.up = false
	info := withData(RoleMaster, histX, histB, "")
	info.Replicas = []HostPort{{Host: "10.0.1.2", Port: 6379}}
	s.a.link.cmd.id = 77
	s.conns[77] = s.a.link
	s.infoReply(s.now, InfoReply{Conn: 77, Token: Token{Instance: s.a.id}, Info: &info})
	s.settle()
	if !s.a.foreign || s.a.lineage.ReplID != histA || len(s.a.replicas) != 1 || !s.a.has(FlagSDown) {
		t.Errorf("foreign %v, lineage %v, %d replicas, flags %v", s.a.foreign, s.a.lineage.ReplID, len(s.a.replicas), s.a.flags)
	}
	// It stays what it is when the other group has another master.
	s.b.link.cmd.up, s.b.lineage = true, Lineage{ReplID: histZ, Keys: true}
	if s.says(&s.a.instance, info); !s.a.foreign {
		t.Error("it is the master, since its group has another one")
	}
	// Our server is back.
	if s.says(&s.a.instance, withData(RoleMaster, histX, histA, "")); s.a.foreign {
		t.Error("our own server is foreign")
	}
}

// TestForeignNodeStaysForeign: what was proved of a server holds after a switch, after a
// restart of it by which it forgets its history, and for a master that is one no more. It
// ends when the server has our data, or follows us.
func TestForeignNodeStaysForeign(t *testing.T) {
	s := newStrangers(t)
	if s.says(&s.r.instance, withData(RoleReplica, histB, "", "10.0.1.1")) == "" {
		t.Fatal("a replica of b is not foreign")
	}
	s.switchTo(s.now, s.b, s.of.addr)
	s.switchTo(s.now, s.a, s.r.addr)
	s.switchTo(s.now, s.a, s.a.replicas[len(s.a.replicas)-1].addr)
	r := s.a.replicaAt(s.r.addr)
	if !r.foreign || s.changeRole(s.now, &r.instance, s.a.addr) {
		t.Error("it is forgotten at a switch")
	}
	again := withData(RoleMaster, histX, "", "")
	again.RunID = paddedID("y")
	if s.says(&r.instance, again); !r.foreign {
		t.Error("it is forgotten when it restarts")
	}
	if s.says(&r.instance, withData(RoleReplica, histA, "", "10.0.0.1")); r.foreign {
		t.Error("a server with our data is foreign")
	}
	// A former master of b starts from its disk, after b has another master and history.
	s = newStrangers(t)
	s.takeLineage(s.b, Lineage{ReplID: histB, Keys: true})
	s.switchTo(s.now, s.b, s.of.addr)
	s.takeLineage(s.b, Lineage{ReplID: histZ, Keys: true})
	s.b.link.cmd.up = false
	if s.says(&s.r.instance, withData(RoleMaster, histX, histB, "")) == "" {
		t.Error("a former master of b is not foreign")
	}
}
