package sim

import (
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// This file is the replication link of a server that is a replica, and its
// counterpart at the master.

// position is the replication offset, in commands.
func (s *server) position() int { return len(s.log) + s.ahead }

// entryBytes is the length of one command in the replication stream.
const entryBytes = 37

func (s *server) offset() int64 { return int64(s.position()) * entryBytes }

// followsItself reports whether a replica was told to follow itself, or nobody. No
// server answers that with data, so it stays as it is.
func (s *server) followsItself() bool {
	if s.role != monitor.RoleReplica {
		return false
	}
	switch s.following.Host {
	case "127.0.0.1", "::1", "localhost":
		return s.following.Port == s.addr.Port || s.following.Port == 0 // where nobody can be
	}
	return s.isAt(s.following)
}

// keepUpstream connects to the master if need be, and gives a silent one up.
func (s *server) keepUpstream() {
	if s.isLoading() || s.followsItself() {
		return
	}
	if s.upstream != nil && s.w.now.Sub(s.heard) > s.replTimeout {
		s.loseUpstream()
	}
	switch {
	case s.upstream == nil:
		s.connectUpstream()
	case s.linkUp:
		s.upstream.send(toAcceptor, replAck{s.position()})
	}
}

func (s *server) connectUpstream() {
	s.heard = s.w.now
	if !s.followsItself() {
		s.upstream = s.w.dial(upstreamDialer{s, s.life}, replicaConn, 0, s.following)
	}
}

// dropUpstream ends the link to the master. What was read from it and not executed
// is gone.
func (s *server) dropUpstream() {
	s.unapplied = nil
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
	s.unlink()
}

func (s *server) unlink() {
	if s.linkUp {
		s.linkUp, s.linkSince, s.lostAt = false, s.w.now, s.w.now
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
		c.send(toAcceptor, psync{u.replID, u.position(), u.addr})
	}
}

func (u upstreamDialer) down(c *conn, _ string) {
	if c == u.upstream {
		u.upstream, u.syncing, u.unapplied = nil, false, nil
		u.unlink()
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
		s.fill(m.data)
	case partSync:
		s.resumed(m)
	default:
		s.unapplied = append(s.unapplied, msg)
		s.apply()
	}
}

// heardLater marks a message of the master that a hung replica looks at later.
type heardLater struct{ msg any }

// apply executes what was read of the stream. A pause and an endless script hold it
// up, and so does a single command that takes long.
func (s *server) apply() {
	if s.busy || s.hung || s.isPaused() || s.w.now < s.slowUntil {
		return
	}
	for k, msg := range s.unapplied {
		s.unapplied[k] = nil
		switch m := msg.(type) {
		case streamed:
			s.append(m.write, nil)
		case *helloMsg:
			s.append(0, m)
		}
	}
	s.unapplied = s.unapplied[:0]
}

// applySlowly has the replica execute nothing more of the stream for d.
func (s *server) applySlowly(d time.Duration) {
	s.slowUntil = s.w.now.Add(d)
	s.w.after(d, s.apply)
}

// fill is the end of the transfer of a full resynchronisation: the replica drops
// what it has and reads the file, which its disk keeps. The file is there before
// it is read.
func (s *server) fill(d dataset) {
	s.hold(dataset{})
	s.keeps, s.shares = false, false
	s.dropDownstream("resynchronised")
	if s.storage.kind != appendOnly {
		s.storage.disk = d
	}
	takes := s.syncTime / 2
	if takes == 0 {
		s.filled(d)
		return
	}
	life := s.life
	s.filling, s.loading = &d, s.w.now.Add(takes)
	s.w.after(takes, func() {
		if s.life == life && s.filling == &d {
			s.filled(d)
		}
	})
}

// filled ends a full resynchronisation: there is one history, and nothing of it in
// the backlog.
func (s *server) filled(d dataset) {
	s.filling = nil
	s.hold(d)
	s.replID, s.oldID, s.oldUntil, s.shares = d.id, 0, 0, true
	s.keepStream()
	s.synced()
}

// resumed ends a partial resynchronisation. If the history goes on under another
// name, the own replicas have to learn it.
func (s *server) resumed(m partSync) {
	if m.id != s.replID {
		s.oldID, s.oldUntil, s.replID = s.replID, s.position(), m.id
		s.dropDownstream("the history has another name")
	}
	s.keepStream()
	s.shares = true
	for _, write := range m.more {
		s.append(write, nil)
	}
	s.synced()
}

func (s *server) synced() {
	s.linkUp, s.linkSince, s.lostAt, s.syncing = true, s.w.now, 0, false
	s.w.say(s.name, "is in sync with %s, with %d writes", s.w.nameOf(s.following), len(s.log))
	if s.upstream == nil { // lost while the file was read
		s.unlink()
	}
}

// sync answers the request of a replica: the missing part of the stream when it
// has the same history, else everything.
func (s *server) sync(c *conn, m psync) {
	s.conns = remove(s.conns, c)
	if s.isLoading() || s.role == monitor.RoleReplica && !s.linkUp || s.descendsFrom(m.from) {
		c.close(1, "cannot serve a replica now")
		return
	}
	r := &replicaLink{conn: c, addr: m.from, acked: s.w.now}
	s.downstream = append(s.downstream, r)
	s.w.check.resynced(s, m)
	if s.continues(m) {
		r.online = true
		c.send(toDialer, partSync{s.replID, s.log[m.offset-s.ahead : len(s.log) : len(s.log)]})
		return
	}
	if !s.keeps { // the first replica ever: there is no history to share yet
		s.replID, s.oldID, s.oldUntil, s.shares = s.w.newReplID(), 0, 0, true
		s.keepStream()
	}
	r.held = &[]any{}
	c.send(toDialer, syncBegins{})
	d := s.snapshot()
	d.id = s.replID
	c.sendAfter(toDialer, s.syncTime/2, fullSync{d})
	s.w.after(s.syncTime/2, func() { r.online, r.acked = true, s.w.now })
}

// continues reports whether a replica has the same history up to its offset, and
// the backlog all that came since.
func (s *server) continues(m psync) bool {
	same := m.id == s.replID || m.id == s.oldID && m.offset <= s.oldUntil
	return s.keeps && same && m.offset >= s.keepsFrom && m.offset <= s.position() && s.position()-m.offset <= backlog
}

// stream sends a command to a replica, or keeps it until the replica has
// acknowledged that it was filled.
func (r *replicaLink) stream(msg any) {
	if r.held != nil {
		*r.held = append(*r.held, msg)
		return
	}
	r.conn.send(toDialer, msg)
}

// acknowledged is REPLCONF ACK. The first one after a full resynchronisation starts
// the stream.
func (s *server) acknowledged(c *conn, m replAck) {
	for _, r := range s.downstream {
		if r.conn != c {
			continue
		}
		r.acked, r.offset = s.w.now, m.offset
		if held := r.held; held != nil {
			r.held = nil
			for _, msg := range *held {
				r.stream(msg)
			}
		}
	}
}

// descendsFrom reports whether s gets its data from the server at the given
// address. Two servers that follow each other would send the same command round
// and round.
func (s *server) descendsFrom(at monitor.HostPort) bool {
	for range s.group.servers {
		if s.role != monitor.RoleReplica || s.followsItself() {
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
