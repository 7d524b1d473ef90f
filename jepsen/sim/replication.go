package sim

import (
	"github.com/gosentinel/sentinel/monitor"
)

// This file is the replication link of a server that is a replica, and its
// counterpart at the master.

// keepUpstream connects to the master if need be, and gives a silent one up.
func (s *server) keepUpstream() {
	if s.isLoading() {
		return
	}
	if s.upstream != nil && s.w.now.Sub(s.heard) > s.replTimeout {
		s.loseUpstream()
	}
	switch {
	case s.upstream == nil:
		s.connectUpstream()
	case s.linkUp:
		s.upstream.send(toAcceptor, replAck{len(s.log)})
	}
}

func (s *server) connectUpstream() {
	s.heard = s.w.now
	s.upstream = s.w.dial(upstreamDialer{s, s.life}, replicaConn, 0, s.following)
}

func (s *server) dropUpstream() {
	if s.upstream == nil {
		return
	}
	if s.dark {
		s.upstream.vanish(0)
	} else {
		s.upstream.close(0, "the replica has left")
	}
	s.upstream, s.syncing = nil, false
}

func (s *server) loseUpstream() {
	s.dropUpstream()
	if s.linkUp {
		s.linkUp, s.linkSince = false, s.w.now
	}
}

// upstreamDialer hears what the master says to one process of a replica.
type upstreamDialer struct {
	*server
	life int
}

func (u upstreamDialer) up(c *conn) {
	if c == u.upstream {
		u.heard = u.w.now
		c.send(toAcceptor, psync{u.replID, len(u.log), u.addr})
	}
}

func (u upstreamDialer) down(c *conn, _ string) {
	if c == u.upstream {
		u.upstream, u.syncing = nil, false
		if u.linkUp {
			u.linkUp, u.linkSince = false, u.w.now
		}
	}
}

func (u upstreamDialer) hear(c *conn, msg any) {
	s := u.server
	if c != s.upstream {
		return
	}
	if s.hung {
		s.waiting = append(s.waiting, work{c, heardLater{msg}})
		return
	}
	s.heard = s.w.now
	switch m := msg.(type) {
	case syncBegins:
		s.syncing = true
	case fullSync:
		s.log = append([]uint32(nil), m.log...)
		s.synced(m.id)
	case partSync:
		s.log = append(s.log, m.more...)
		s.synced(m.id)
	case streamed:
		s.append(m.write, nil)
	case *helloMsg:
		s.append(0, m)
	}
}

// heardLater marks a message of the master that a hung replica looks at later.
type heardLater struct{ msg any }

// synced ends a resynchronisation. The own replicas had another history.
func (s *server) synced(id uint64) {
	s.replID, s.oldID, s.oldUntil = id, 0, 0
	s.linkUp, s.linkSince, s.neverSynced, s.syncing = true, s.w.now, false, false
	s.w.say(s.name, "is in sync with %s, with %d writes", s.w.nameOf(s.following), len(s.log))
	s.upstream.send(toAcceptor, replAck{len(s.log)})
	for _, r := range s.downstream {
		r.conn.close(1, "resynchronised")
	}
	s.downstream = nil
}

// sync answers the request of a replica: the missing part of the stream when it
// has the same history, else everything.
func (s *server) sync(c *conn, m psync) {
	if s.isLoading() || s.role == monitor.RoleReplica && !s.linkUp || s.descendsFrom(m.from) {
		c.close(1, "cannot serve a replica now")
		return
	}
	r := &replicaLink{conn: c, addr: m.from, acked: s.w.now, offset: m.offset}
	s.downstream = append(s.downstream, r)
	same := m.id == s.replID && m.offset <= len(s.log) || m.id == s.oldID && m.offset <= s.oldUntil
	if same && len(s.log)-m.offset <= backlog {
		c.send(toDialer, partSync{s.replID, append([]uint32(nil), s.log[m.offset:]...)})
		return
	}
	c.send(toDialer, syncBegins{})
	c.sendAfter(toDialer, s.syncTime, fullSync{s.replID, append([]uint32(nil), s.log...)})
}

// descendsFrom reports whether s gets its data from the server at the given
// address. Two servers that follow each other would send the same command round
// and round.
func (s *server) descendsFrom(at monitor.HostPort) bool {
	for range s.group.servers {
		if s.role != monitor.RoleReplica {
			return false
		}
		if s.following == at || s.w.net.listeners[s.following] == s.w.net.listeners[at] {
			return true
		}
		next, ok := s.w.net.listeners[s.following].(*server)
		if !ok {
			return false
		}
		s = next
	}
	return true
}
