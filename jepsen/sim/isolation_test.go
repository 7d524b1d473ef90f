package sim

import (
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// isolate makes the Sentinel one that guards its master and, if so, has paused it.
func (s *scene) isolate(fenced bool) {
	i := &s.n.seen.probes[0].Isolation
	i.Guards = s.w.now.Add(-time.Second)
	if fenced {
		i.Fenced, i.FencedAddr = s.w.now.Add(-time.Second), s.addr(0)
	}
	s.was, s.now = s.n.seen.probes[0], s.n.seen.probes[0]
}

// overFence sends a command to a server as if over a fence.
func (s *scene) overFence(k int, cmd monitor.Command) {
	id := s.connTo(k)
	s.k.fences(s.n, s.n.link(id), monitor.Send{Conn: id, Cmd: cmd})
}

// promised makes up the promise of every peer.
func (s *scene) promised(from, until Instant) {
	peers, _ := s.n.core.Sentinels(s.w.now, "m0")
	for _, p := range peers {
		s.n.seen.promised[promiseKey{p.RunID, s.w.servers[0].addr}] = promised{from, until}
	}
}

func (s *scene) votesForAnother() {
	s.now.VoteEpoch, s.now.VoteFor = 5, "another"
	s.k.voted(s.n, &s.now, &s.was, monitor.Ask{Epoch: 5, RunID: "another"})
}

// isolationViolations break what is checked of the isolation fence.
var isolationViolations = []violation{
	{Promise, "a vote within it", func(s *scene) {
		s.n.voter().promised["m0"] = s.w.now.Add(time.Second)
		s.votesForAnother()
	}},
	{Promise, "an attempt within it", func(s *scene) {
		s.n.voter().promised["m0"] = s.w.now.Add(time.Second)
		s.k.began(s.n, &s.now, s.n.seen.master("m0"))
	}},
	{Isolated, "no pause, and no promises", func(s *scene) {
		s.isolate(false)
		s.promised(0, s.w.now-1)
		clear(s.n.seen.infos)
		s.k.isolated(s.n)
	}},
	{Isolated, "a vote before the pause", func(s *scene) {
		s.isolate(false)
		s.votesForAnother()
	}},
	{Isolated, "a pause of a replica", func(s *scene) {
		s.isolate(true)
		s.n.seen.infos[s.w.servers[0].addr] = heardInfo{at: s.w.now, info: &monitor.Info{Role: monitor.RoleReplica}}
		s.overFence(0, monitor.PauseWrites{For: time.Minute})
	}},
	{Isolated, "a pause of a server that has not said what it is", func(s *scene) {
		s.isolate(true)
		clear(s.n.seen.infos)
		s.overFence(0, monitor.PauseWrites{For: time.Minute})
	}},
	{Isolated, "a pause without end", func(s *scene) {
		s.isolate(true)
		s.overFence(0, monitor.PauseWrites{For: time.Hour})
	}},
	{Isolated, "a pause that begins in TILT", func(s *scene) {
		s.tilt()
		s.isolate(true)
		s.n.seen.probes[0].Isolation.Fenced = s.w.now
		s.overFence(0, monitor.PauseWrites{For: time.Minute})
	}},
	{Lifted, "an end that nobody has promised for", func(s *scene) {
		s.isolate(true)
		s.promised(s.w.now.Add(-2*time.Second), s.w.now.Add(time.Second))
		s.overFence(0, monitor.Unpause{})
	}},
	{Lifted, "an end although another is the master", func(s *scene) {
		s.isolate(true)
		s.w.opts.IsolationFence = "on"
		p := &s.n.seen.probes[0]
		p.Isolation.FencedAddr = s.addr(1)
		s.n.seen.roles[s.w.servers[1].addr] = monitor.RoleMaster
		s.overFence(1, monitor.Unpause{})
	}},
	{Lifted, "an end because time has passed", func(s *scene) {
		s.isolate(true)
		s.promised(s.w.now.Add(-time.Millisecond), s.w.now)
		s.overFence(0, monitor.Unpause{})
	}},
}
