package sim

import (
	"testing"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/monitor"
)

// attempting puts the Sentinel of a scene into an attempt that it was elected for,
// with the second server chosen.
func (s *scene) attempting() *handover {
	h := &s.n.seen.master("m0").handover
	h.active, h.begun = true, s.w.now
	p := &s.n.seen.probes[0]
	p.Promoted, p.Phase = s.addr(1), election.SendReplicaOfNoOne
	return h
}

// send shows a command to a server.
func (s *scene) send(k int, cmd monitor.Command) {
	s.k.command(s.n, monitor.Send{Conn: s.connTo(k), Cmd: cmd})
}

// says has a server answer INFO.
func (s *scene) says(k int, info monitor.Info) {
	s.n.seen.saw(s.w.servers[k].addr, &info, s.w.now)
}

// obeys has a server carry out a role change of a switchover.
func (s *scene) obeys(k int, cmd monitor.SlaveOf) {
	cmd.Bare = true
	r := s.w.servers[k]
	r.slaveOf(s.n.link(s.connTo(k)), monitor.Token{}, cmd)
}

// toItself is an order to follow oneself.
var toItself = monitor.SlaveOf{Host: "127.0.0.1", Port: 6379, Bare: true}

const shown = "1111111111111111111111111111111111111111" // a replication id

func retired(offset uint64) monitor.Info {
	return monitor.Info{Role: monitor.RoleReplica, Offset: offset, Details: monitor.Details{ReplID: shown}}
}

// switchoverViolations are those of the promises of a planned switchover.
var switchoverViolations = []violation{
	{Lineage, "a replica without the data is preferred to one that has them", func(s *scene) {
		m := s.n.seen.master("m0")
		m.lineage = &lineage{id: shown, offset: 5, keys: true}
		good := "role:slave\r\nmaster_replid:" + shown + "\r\nslave_repl_offset:3\r\ndb0:keys=1,expires=0\r\n"
		for _, text := range []string{
			good + "loading:1\r\n",
			good + "master_sync_in_progress:1\r\n",
			"role:slave\r\nmaster_replid:2" + shown[1:] + "\r\nslave_repl_offset:9\r\n",
			"role:slave\r\nmaster_replid:" + shown + "\r\nslave_repl_offset:0\r\n",
			"role:master\r\nmaster_replid:2" + shown[1:] + "\r\nmaster_replid2:" + shown + "\r\nsecond_repl_offset:3\r\n",
		} {
			s.k.violation = ""
			var chosen, other monitor.ReplicaView
			chosen.Info, other.Info = monitor.PackInfo([]byte(text)), monitor.PackInfo([]byte(good))
			if s.k.descends(s.n, m, monitor.Lineage{}, &chosen, []monitor.ReplicaView{chosen, other}); s.k.violation == "" {
				s.k.invariant = 0 // unseen
				return
			}
		}
	}},
	{S12, "a replica that was cut off for long has less than another", func(s *scene) {
		var chosen, other monitor.ReplicaView
		text := "role:slave\r\nmaster_replid:" + shown + "\r\nslave_repl_offset:"
		chosen.Info, other.Info = monitor.PackInfo([]byte(text+"5\r\n")), monitor.PackInfo([]byte(text+"6\r\n"))
		s.k.hasMost(s.n, &chosen, []monitor.ReplicaView{chosen, other}, monitor.Lineage{ReplID: shown, Offset: 5})
	}},
	{Planned, "a master that serves is failed over", func(s *scene) {
		s.attempting()
		s.n.seen.probes[0].Forced = true
		s.k.operated(s.n, monitor.FailoverOp{Name: "m0"})
		s.send(1, monitor.SlaveOf{})
	}},
	{Emptied, "a pause without an election", func(s *scene) { s.send(0, monitor.PauseWrites{For: time.Millisecond}) }},
	{Untouched, "a role change without an election", func(s *scene) { s.send(0, toItself) }},
	{Untouched, "clients are disconnected without an election", func(s *scene) { s.send(0, monitor.KillClients{}) }},
	{Untouched, "a file is rewritten without an election", func(s *scene) { s.send(1, monitor.RewriteConfig{}) }},
	{Foreign, "a replica of another group is given a role", func(s *scene) {
		at := s.w.servers[0].addr
		is := retired(5)
		is.MasterHost, is.MasterPort = at.Host, at.Port
		s.k.stranger(s.n, "m1", s.w.servers[1], &is, &lineage{id: "2" + shown[1:], keys: true}, &lineage{id: shown, keys: true}, at)
	}},
	{Ring, "a master counts as down at once that was made a replica of one that takes writes", func(s *scene) {
		s.w.servers[0].follow(s.w.servers[1].addr)
		s.w.servers[1].follow(monitor.HostPort{})
		s.w.advance(11 * time.Second)
		s.k.noted(s.n, monitor.Note{Master: "m0", Fact: monitor.DownFact{Cause: monitor.DownRole}})
		s.k.ringed(s.n, s.master)
	}},
	{Pauses, "too long for the Sentinel itself", func(s *scene) {
		s.attempting()
		s.send(0, monitor.PauseWrites{For: 501 * time.Millisecond})
	}},
	{Pauses, "too long for a peer", func(s *scene) {
		s.attempting()
		for seq, p := range []int{1, 2} {
			at := s.w.nodes[p].base().addr
			s.n.seen.asks[uint64(seq)] = asked{at, s.w.servers[0].addr}
			s.k.before(s.n, monitor.AskReply{Conn: s.connTo(0), Token: monitor.Token{Seq: uint64(seq)}, OK: true, DownAfter: 400 * time.Millisecond})
		}
		s.w.now++
		s.send(0, monitor.PauseWrites{For: 201 * time.Millisecond})
	}},
	{Pauses, "without an end", func(s *scene) {
		s.attempting()
		s.send(0, monitor.PauseWrites{})
	}},
	{Pauses, "of a replica", func(s *scene) {
		s.attempting()
		s.send(1, monitor.PauseWrites{For: time.Millisecond})
	}},
	{Pauses, "a hello waits behind it", func(s *scene) {
		s.attempting()
		s.send(0, monitor.PauseWrites{For: 100 * time.Millisecond})
		s.w.now = s.w.now.Add(99 * time.Millisecond)
		s.send(0, monitor.PublishHello{Hello: s.hello(0, 0)})
	}},
	{Unpauser, "the pause of somebody else", func(s *scene) { s.send(0, monitor.Unpause{}) }},
	{Proof, "the old master has not said that it is a replica", func(s *scene) {
		s.attempting()
		s.says(1, retired(5))
		s.send(1, monitor.SlaveOf{Bare: true})
	}},
	{Proof, "it has said so before the attempt", func(s *scene) {
		s.says(0, retired(5))
		s.w.now = s.w.now.Add(time.Second)
		s.attempting()
		s.says(1, retired(5))
		s.send(1, monitor.SlaveOf{Bare: true})
	}},
	{Proof, "the replica has said what it has before the end was known", func(s *scene) {
		s.attempting()
		s.says(1, retired(5))
		s.says(0, retired(5))
		s.send(1, monitor.SlaveOf{Bare: true})
	}},
	{Proof, "the replica has less", func(s *scene) {
		s.attempting()
		s.says(0, retired(5))
		s.says(1, retired(4))
		s.send(1, monitor.SlaveOf{Bare: true})
	}},
	{Proof, "what it has read counts for what it has applied", func(s *scene) {
		s.attempting()
		s.says(0, retired(5))
		r := retired(4)
		r.ReadOffset, r.MasterOffset = 5, 5
		s.says(1, r)
		s.send(1, monitor.SlaveOf{Bare: true})
	}},
	{Proof, "the replica has another history", func(s *scene) {
		s.attempting()
		s.says(0, retired(5))
		r := retired(9)
		r.ReplID = "2" + shown[1:]
		s.says(1, r)
		s.send(1, monitor.SlaveOf{Bare: true})
	}},
	{Proof, "a promotion is told of one that does not continue", func(s *scene) {
		h := s.attempting()
		h.sent = true
		s.says(0, retired(5))
		s.says(1, monitor.Info{Role: monitor.RoleMaster, Details: monitor.Details{ReplID2: shown, SecondOffset: 5}})
		s.k.proved(s.n, &s.n.seen.probes[0])
	}},
	{NoWayBack, "the old master is promoted beside the new one", func(s *scene) {
		s.attempting()
		s.says(0, retired(5))
		s.says(1, retired(5))
		m := s.n.seen.master("m0")
		m.granted, s.n.seen.probes[0].AttemptEpoch = 7, 7
		s.send(1, monitor.SlaveOf{Bare: true})
		s.send(0, monitor.SlaveOf{Bare: true})
	}},
	{Retired, "the old master follows a replica", func(s *scene) {
		s.attempting()
		at := s.w.servers[1].addr
		s.send(0, monitor.SlaveOf{Host: at.Host, Port: at.Port, Bare: true})
	}},
	{Itself, "a replica is told to follow itself", func(s *scene) {
		s.attempting()
		s.send(1, toItself)
	}},
	{OneWriter, "nobody was demoted", func(s *scene) { s.obeys(1, monitor.SlaveOf{}) }},
	{OneWriter, "the old master serves again", func(s *scene) {
		s.obeys(0, toItself)
		s.w.now = s.w.now.Add(time.Millisecond)
		s.obeys(0, monitor.SlaveOf{})
		s.obeys(1, monitor.SlaveOf{})
	}},
	{OneWriter, "and the other way round", func(s *scene) {
		s.obeys(0, toItself)
		s.w.now = s.w.now.Add(time.Millisecond)
		s.obeys(1, monitor.SlaveOf{})
		s.obeys(0, monitor.SlaveOf{})
	}},
	{Kept, "a write is missing", func(s *scene) {
		s.w.servers[0].append(4711, nil)
		s.obeys(0, toItself)
		s.obeys(1, monitor.SlaveOf{})
	}},
	{Rewritten, "the new master would start as a replica", func(s *scene) {
		s.obeys(0, toItself)
		s.obeys(1, monitor.SlaveOf{})
		s.k.rewritten()
	}},
	{Partial, "somebody has more", func(s *scene) {
		s.obeys(0, toItself)
		s.obeys(1, monitor.SlaveOf{})
		from := s.w.servers[0]
		s.w.servers[1].sync(&conn{w: s.w, dialer: s.n}, psync{from.replID, from.position() + 1, from.addr})
	}},
}

// TestLostHistories: which data a master has lost, by what it and its replicas say.
func TestLostHistories(t *testing.T) {
	const none = monitor.RoleNone
	type says struct {
		role  monitor.Role // RoleNone: a replica of the master says it
		id    string
		id2   string
		until uint64
		fresh bool // started without data
	}
	info := func(s says) *monitor.Info {
		i := &monitor.Info{Role: s.role, Offset: 50, Details: monitor.Details{ReplID: s.id, ReplID2: s.id2, SecondOffset: s.until, MasterOffset: 50, Keys: true, NotLoaded: s.fresh, Persistent: true}}
		if s.role == none {
			i.Role = monitor.RoleReplica
		}
		return i
	}
	const master, replica = monitor.RoleMaster, monitor.RoleReplica
	promoted := says{master, "B", "A", 40, false}
	for name, c := range map[string]struct {
		then []says
		lost map[string]uint64
	}{
		"promoted again":                     {[]says{{master, "C", "B", 60, false}}, map[string]uint64{"B": 60}},
		"from an RDB of B":                   {[]says{{master, "C", "B", 45, false}}, map[string]uint64{"B": 45}},
		"from an RDB of before":              {[]says{{master, "C", "A", 30, false}}, map[string]uint64{"A": 30, "B": 1}},
		"from an RDB, and from one after":    {[]says{{master, "C", "A", 30, false}, {master, "D", "C", 45, false}}, map[string]uint64{"A": 30, "B": 1, "C": 45}},
		"from an AOF":                        {[]says{{master, "C", "", 0, false}}, nil},
		"empty":                              {[]says{{master, "C", "", 0, true}}, map[string]uint64{"A": 1, "B": 1}},
		"a replica tells first":              {[]says{{none, "C", "", 0, true}}, nil},
		"a replica tells first, then itself": {[]says{{none, "C", "", 0, true}, {master, "C", "A", 30, false}}, map[string]uint64{"A": 30, "B": 1}},
		"made a replica by hand":             {[]says{{replica, "C", "X", 9, true}}, nil},
	} {
		l := (*lineage)(nil).next(info(promoted))
		for _, s := range c.then {
			if s.role == none {
				l = l.toldBy(info(s), nil)
			} else {
				l = l.next(info(s))
			}
		}
		for _, h := range l.left {
			if h.lost != c.lost[h.id] {
				t.Errorf("%s: %s is lost from %d on, want %d", name, h.id, h.lost, c.lost[h.id])
			}
		}
		for _, id := range []string{"A", "B"} {
			if !l.knows(id) {
				t.Errorf("%s: %s is forgotten", name, id)
			}
		}
		for id, from := range c.lost {
			has := &monitor.Info{Role: replica, Offset: from, Details: monitor.Details{ReplID: id}}
			if !l.saves(has) {
				t.Errorf("%s: what %s has from %d on is not missed", name, id, from)
			}
			if has.Offset--; l.saves(has) {
				t.Errorf("%s: what %s has below %d is missed", name, id, from)
			}
		}
	}
}

// TestSwitchoverPromisesHold: what is shown above is not seen where all is done in
// the right order.
func TestSwitchoverPromisesHold(t *testing.T) {
	s := newScene(t, 0)
	s.w.servers[0].append(4711, nil)
	s.w.advance(10 * time.Millisecond)
	s.attempting()
	m := s.n.seen.master("m0")
	m.granted, s.n.seen.probes[0].AttemptEpoch = 7, 7
	s.send(0, monitor.PauseWrites{For: 100 * time.Millisecond})
	s.send(0, toItself)
	s.obeys(0, toItself)
	for k := range 2 {
		s.says(k, *monitor.ParseInfo(s.w.servers[k].info()))
	}
	s.send(1, monitor.SlaveOf{Bare: true})
	s.obeys(1, monitor.SlaveOf{})
	s.says(1, *monitor.ParseInfo(s.w.servers[1].info()))
	s.k.proved(s.n, &s.n.seen.probes[0])
	at := s.w.servers[1].addr
	s.send(0, monitor.SlaveOf{Host: at.Host, Port: at.Port, Bare: true})
	s.obeys(0, monitor.SlaveOf{Host: at.Host, Port: at.Port})
	s.send(0, monitor.Unpause{})
	s.send(0, monitor.KillClients{})
	s.send(0, monitor.RewriteConfig{})
	s.send(0, monitor.PublishHello{Hello: s.hello(0, 0)})
	s.w.advance(100 * time.Millisecond)
	if s.k.failed() {
		t.Error(s.k.violation)
	}
	for _, i := range []Invariant{Untouched, Pauses, Unpauser, Proof, Retired, OneWriter, Kept} {
		if s.k.looked[i] == 0 {
			t.Errorf("%s was not looked at", i)
		}
	}
}
