package sim

import (
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// fenceViolations break the invariant about fences.
var fenceViolations = []violation{
	{Fence, "a server that was never the master", func(s *scene) {
		s.k.fences(s.n, &conn{addr: s.w.servers[1].addr}, monitor.Send{Cmd: monitor.PauseWrites{For: time.Millisecond}})
	}},
	{Fence, "a hello over a fence", func(s *scene) { s.fence(1, monitor.PublishHello{}) }},
	{Fence, "a former master told to follow another one than the master", func(s *scene) {
		at := s.w.servers[2].addr
		s.fence(1, monitor.SlaveOf{Host: at.Host, Port: at.Port})
	}},
	{Fence, "a former master told to follow by one that may have been cut off", func(s *scene) {
		v, _ := s.n.core.Master(s.w.now, "m0")
		s.n.seen.roles[v.Addr] = monitor.RoleMaster
		s.fence(1, monitor.SlaveOf{Host: v.Addr.Host, Port: v.Addr.Port})
	}},
	{Fence, "a pause by one that may have been cut off", func(s *scene) { s.fence(1, monitor.PauseWrites{For: time.Millisecond}) }},
	{Fence, "a pause that is too long", func(s *scene) { s.fence(1, monitor.PauseWrites{For: time.Second}) }},
	{Fence, "the master paused for too long", func(s *scene) { s.fence(0, monitor.PauseWrites{For: time.Minute}) }},
	{Fence, "a pause in TILT", func(s *scene) {
		s.tilt()
		s.fence(0, monitor.PauseWrites{For: time.Millisecond})
	}},
	{Fence, "a pause without end", func(s *scene) {
		at := s.w.servers[1].addr
		s.k.former[formerMaster{"m0", at}] = true
		c := &conn{addr: at}
		s.n.seen.fenceHeard(s.w.now, c, &monitor.Info{Role: monitor.RoleMaster})
		s.w.advance(20 * time.Second)
		s.k.fences(s.n, c, monitor.Send{Cmd: monitor.PauseWrites{For: time.Millisecond}})
	}},
	{Fence, "a pause without end, on one connection after the other", func(s *scene) {
		at := s.w.servers[1].addr
		s.k.former[formerMaster{"m0", at}] = true
		s.n.seen.fenceHeard(s.w.now, &conn{addr: at}, &monitor.Info{Role: monitor.RoleMaster})
		s.w.advance(20 * time.Second)
		s.k.fences(s.n, &conn{addr: at}, monitor.Send{Cmd: monitor.PauseWrites{For: time.Millisecond}})
	}},
	{Fence, "a promotion behind a fence", func(s *scene) {
		s.n.seen.holds[s.w.servers[1].addr] = s.w.now.Add(time.Second)
		s.k.holdsOne(s.n, s.w.servers[1].addr)
	}},
	{Fence, "a promotion while the end of the pause is refused", func(s *scene) {
		at := s.w.servers[1].addr
		s.n.seen.holds[at] = s.w.now.Add(time.Second)
		s.k.fences(s.n, &conn{addr: at}, monitor.Send{Token: monitor.Token{Seq: 9}, Cmd: monitor.Unpause{}})
		s.n.seen.unheld(monitor.CommandDone{Token: monitor.Token{Seq: 9}, Refused: "NOPERM"})
		s.k.holdsOne(s.n, at)
	}},
}

// fence shows a command over the fence of a server, which was the master of m0.
func (s *scene) fence(k int, cmd monitor.Command) {
	at := s.w.servers[k].addr
	s.k.former[formerMaster{"m0", at}] = true
	s.k.fences(s.n, &conn{addr: at}, monitor.Send{Cmd: cmd})
}
