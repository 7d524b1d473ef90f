package sim

import (
	"slices"
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/monitor"
)

// server is a model of a Redis server: role, replication with offsets and
// replication ids, full and partial resynchronisation, Pub/Sub, clients, and the
// commands that a Sentinel sends. What it says about itself is a real INFO text.
//
// The data is the list of all writes in the order in which they were executed.
// Its length is the replication offset, so that a lost write can be named.
type server struct {
	w      *world
	id     hostID
	name   string
	group  *group
	addr   monitor.HostPort
	second monitor.HostPort // another address of it; the zero value: none

	dead    bool // the process does not run
	hung    bool // it runs and does nothing, like a stopped process
	busy    bool // in an endless script
	dark    bool // the machine has no power: it says nothing when it dies
	life    int
	runID   monitor.RunID
	loading Instant // answers -LOADING until then
	lag     time.Duration
	aborts  bool // refuses CLIENT, and with it the transaction of SLAVEOF
	forbids bool // refuses SLAVEOF

	role      monitor.Role
	following monitor.HostPort
	roleSince Instant    // of the last change of role or master
	saved     roleConfig // what CONFIG REWRITE wrote
	priority  int

	log         []uint32 // writes; 0 is one that no client made
	stored      int      // how much of log a crash leaves
	replID      uint64
	oldID       uint64 // replid2
	oldUntil    int    // offset up to which oldID is the same history
	upstream    *conn  // to the master
	syncing     bool   // the master is sending everything
	linkUp      bool
	linkSince   Instant // of the last change of linkUp
	neverSynced bool
	heard       Instant // last message of the master
	syncTime    time.Duration
	replTimeout time.Duration
	conns       []*conn // of Sentinels and clients
	downstream  []*replicaLink
	waiting     []work // arrived while hung
	lastPing    Instant
	hellos      []Instant // last hello that each host published here
	infos       []Instant // and its last INFO
}

type roleConfig struct {
	role      monitor.Role
	following monitor.HostPort
}

// replicaLink is a replica as its master sees it.
type replicaLink struct {
	conn   *conn
	addr   monitor.HostPort
	synced bool // has acknowledged what it was sent at the beginning
	acked  Instant
	offset int
}

type work struct {
	c   *conn
	msg any
}

// What is said on the connections of a server. The commands of a Sentinel are
// there as the effect that asks for them to be sent.
type (
	infoText struct {
		token monitor.Token
		text  []byte
	}
	helloMsg struct { // to a subscriber
		payload []byte
		hello   monitor.Hello
		err     error
		direct  monitor.Input // as it is for a Sentinel that it was published to
	}
	psync struct { // of a replica
		id     uint64
		offset int
		from   monitor.HostPort
	}
	syncBegins struct{} // everything follows
	fullSync   struct {
		id  uint64
		log []uint32
	}
	partSync struct {
		id   uint64
		more []uint32
	}
	streamed    struct{ write uint32 } // one command of the replication stream; a hello is there as a helloMsg
	replAck     struct{ offset int }
	clientWrite struct{ id uint32 }
	clientRead  struct{ least uint32 }
	clientReply struct {
		err  string
		id   uint32
		seen bool
	}
)

// backlog is how many writes a partial resynchronisation can catch up.
const backlog = 2000

// isAt reports whether an address is one of the server.
func (s *server) isAt(at monitor.HostPort) bool { return at == s.addr || at == s.second }

func (s *server) host() hostID    { return s.id }
func (s *server) listening() bool { return !s.dead }

// newRunID draws an id that begins with a readable part.
func (w *world) newRunID(prefix string) monitor.RunID {
	const digits = "0123456789abcdef"
	id := append(make([]byte, 0, election.RunIDLen), prefix...)
	for len(id) < election.RunIDLen {
		id = append(id, digits[w.rng.IntN(len(digits))])
	}
	return monitor.RunID(id)
}

func (s *server) boot() {
	s.life++
	s.dead, s.hung, s.busy, s.dark = false, false, false, false
	s.runID = s.w.newRunID("")
	s.hellos, s.infos = make([]Instant, s.w.net.hosts), make([]Instant, s.w.net.hosts)
	s.heard, s.linkSince, s.linkUp = s.w.now, s.w.now, false
	s.w.at(s.w.now.Add(s.w.between(0, time.Second)), s, s.life)
}

// crash ends the process. Its kernel closes the connections, unless the whole
// machine has gone dark.
func (s *server) crash(dark bool) {
	if s.dead {
		return
	}
	s.life++
	s.dead, s.hung, s.dark, s.waiting = true, false, dark, nil
	s.dropUpstream()
	for _, c := range s.conns {
		s.end(c)
	}
	for _, r := range s.downstream {
		s.end(r.conn)
	}
	s.conns, s.downstream = nil, nil
	s.linkUp, s.linkSince = false, s.w.now
}

func (s *server) end(c *conn) {
	if s.dark {
		c.vanish(1)
	} else {
		c.close(1, "connection closed by the server")
	}
}

// start begins a new process with the role of the configuration file. keep says
// how much of the data there still is: everything, what was on disk, or nothing.
func (s *server) start(keep dataLoss) {
	if !s.dead {
		return
	}
	s.role, s.following = s.saved.role, s.saved.following
	s.boot()
	switch keep {
	case loseAll:
		s.log, s.stored, s.replID, s.oldID, s.oldUntil = nil, 0, s.w.newReplID(), 0, 0
	case loseTail:
		s.log = s.log[:min(s.stored, len(s.log)):min(s.stored, len(s.log))]
		s.oldUntil = min(s.oldUntil, len(s.log))
	}
	s.neverSynced = keep == loseAll && s.role == monitor.RoleReplica
	if s.role == monitor.RoleMaster {
		// A master that restarts writes another history from here on.
		s.oldID, s.oldUntil, s.replID = s.replID, len(s.log), s.w.newReplID()
	}
	s.loading = s.w.now.Add(s.w.between(0, s.w.opts.LoadTime))
	s.lag = 0
	s.w.say(s.name, "starts as %s with %d writes", s.role, len(s.log))
}

// dataLoss is how much a restart loses.
type dataLoss int

const (
	loseNothing dataLoss = iota
	loseTail
	loseAll
)

func (w *world) newReplID() uint64 { return w.rng.Uint64() | 1 }

func (s *server) hang() {
	if !s.dead {
		s.hung = true
	}
}

func (s *server) resume() {
	s.busy = false
	if s.dead || !s.hung {
		return
	}
	s.hung = false
	waiting := s.waiting
	s.waiting = nil
	for _, m := range waiting {
		if later, ok := m.msg.(heardLater); ok {
			m.c.dialer.hear(m.c, later.msg)
		} else if !m.c.closed[1] {
			s.serve(m.c, m.msg)
		}
	}
}

// fire is the cron of the process with the given number, once a second.
func (s *server) fire(life int) {
	if s.life != life || s.dead {
		return
	}
	s.w.at(s.w.now.Add(time.Second), s, life)
	if s.hung {
		return
	}
	s.stored = len(s.log)
	if s.role == monitor.RoleMaster {
		if s.w.now.Sub(s.lastPing) >= 10*time.Second && len(s.downstream) > 0 {
			s.lastPing = s.w.now
			s.append(0, nil)
		}
	} else {
		s.keepUpstream()
	}
	for _, r := range slices.Clone(s.downstream) {
		if s.w.now.Sub(r.acked) > s.replTimeout {
			s.hangup(r.conn)
			r.conn.close(1, "replication timeout")
		}
	}
}

func (s *server) accept(c *conn) {
	if c.kind != replicaConn {
		s.conns = append(s.conns, c)
	}
}

func (s *server) hangup(c *conn) {
	s.conns = remove(s.conns, c)
	for k, r := range s.downstream {
		if r.conn == c {
			s.downstream = append(s.downstream[:k], s.downstream[k+1:]...)
			return
		}
	}
}

func (s *server) serve(c *conn, msg any) {
	if s.hung {
		s.waiting = append(s.waiting, work{c, msg})
		return
	}
	switch m := msg.(type) {
	case monitor.Send:
		s.command(c, m)
	case clientWrite:
		s.write(c, m)
	case clientRead:
		s.read(c, m)
	case psync:
		s.sync(c, m)
	case replAck:
		for _, r := range s.downstream {
			if r.conn == c {
				r.acked, r.offset, r.synced = s.w.now, m.offset, true
			}
		}
	}
}

func (s *server) isLoading() bool { return s.w.now < s.loading }

func (s *server) command(c *conn, m monitor.Send) {
	switch cmd := m.Cmd.(type) {
	case monitor.Ping:
		c.sendAfter(toDialer, s.lag, c.pong(s.pingReply()))
	case monitor.InfoRequest:
		s.infos[c.ends[0]] = s.w.now
		c.sendAfter(toDialer, s.lag, infoText{m.Token, s.info()})
	case monitor.PublishHello:
		ok := !s.isLoading() && !s.busy
		if ok {
			s.hellos[c.ends[0]] = s.w.now
			s.publish(c.encoded(&cmd.Hello))
		}
		c.sendAfter(toDialer, s.lag, monitor.PublishReply{Conn: c.tag, Token: m.Token, OK: ok})
	case monitor.SlaveOf:
		s.slaveOf(c, m.Token, cmd)
	case monitor.ScriptKill:
		s.busy = false
		c.sendAfter(toDialer, s.lag, monitor.CommandDone{Conn: c.tag, Token: m.Token})
	}
}

func (s *server) pingReply() monitor.PingReply {
	switch {
	case s.isLoading():
		return monitor.PingLoading
	case s.busy:
		return monitor.PingBusy
	}
	return monitor.PingPong
}

// info renders the reply to INFO as far as a Sentinel reads it.
func (s *server) info() []byte {
	b := make([]byte, 0, 512)
	line := func(key, value string) {
		b = append(append(append(append(b, key...), ':'), value...), "\r\n"...)
	}
	num := func(key string, n int64) {
		b = append(strconv.AppendInt(append(append(b, key...), ':'), n, 10), "\r\n"...)
	}
	b = append(b, "# Server\r\n"...)
	line("redis_version", "7.0.15")
	line("run_id", string(s.runID))
	num("tcp_port", int64(s.addr.Port))
	b = append(b, "\r\n# Persistence\r\n"...)
	num("loading", bit(s.isLoading()))
	num("async_loading", 0)
	b = append(b, "\r\n# Replication\r\n"...)
	if s.role == monitor.RoleMaster {
		line("role", "master")
	} else {
		line("role", "slave")
		line("master_host", s.following.Host)
		num("master_port", int64(s.following.Port))
		line("master_link_status", either(s.linkUp, "up", "down"))
		num("master_last_io_seconds_ago", int64(s.w.now.Sub(s.heard)/time.Second))
		num("master_sync_in_progress", bit(s.syncing))
		num("slave_repl_offset", s.offset())
		if !s.linkUp {
			down := int64(s.w.now.Sub(s.linkSince) / time.Second)
			if s.neverSynced {
				down = -1
			}
			num("master_link_down_since_seconds", down)
		}
		num("slave_priority", int64(s.priority))
		line("slave_read_only", "1")
		line("replica_announced", "1")
	}
	num("connected_slaves", int64(len(s.downstream)))
	for k, r := range s.downstream {
		b = strconv.AppendInt(append(b, "slave"...), int64(k), 10)
		b = append(append(b, ":ip="...), r.addr.Host...)
		b = strconv.AppendInt(append(b, ",port="...), int64(r.addr.Port), 10)
		b = append(append(b, ",state="...), either(r.synced, "online", "send_bulk")...)
		b = strconv.AppendInt(append(b, ",offset="...), int64(r.offset*entryBytes), 10)
		b = strconv.AppendInt(append(b, ",lag="...), int64(s.w.now.Sub(r.acked)/time.Second), 10)
		b = append(b, "\r\n"...)
	}
	num("master_repl_offset", s.offset())
	return b
}

func bit(on bool) int64 {
	if on {
		return 1
	}
	return 0
}

func either(first bool, one, other string) string {
	if first {
		return one
	}
	return other
}

// entryBytes is the length of one command in the replication stream.
const entryBytes = 37

func (s *server) offset() int64 { return int64(len(s.log)) * entryBytes }

// publish delivers a hello here and, through the replication stream, at the
// replicas. It passes through the real codec, once for all who hear it.
func (s *server) publish(m *helloMsg) {
	if s.role == monitor.RoleMaster {
		s.append(0, m)
	} else {
		s.distribute(m)
	}
}

// encoded is encodeHello, once for each different hello: nearly all repeat the one
// of two seconds ago. A helloMsg is never changed.
func (w *world) encoded(h monitor.Hello) *helloMsg {
	m := w.hellos[h]
	if m == nil {
		if len(w.hellos) >= 1024 {
			clear(w.hellos)
		}
		m = encodeHello(h)
		w.hellos[h] = m
	}
	return m
}

func encodeHello(h monitor.Hello) *helloMsg {
	m := &helloMsg{payload: monitor.AppendHello(nil, h)}
	m.hello, m.err = monitor.ParseHello(m.payload)
	m.direct = monitor.HelloReceived{Hello: m.hello}
	return m
}

func (s *server) distribute(m *helloMsg) {
	for _, c := range s.conns {
		if c.kind == pubsubConn {
			c.send(toDialer, m)
		}
	}
}

// append executes one command that is replicated.
func (s *server) append(write uint32, hello *helloMsg) {
	s.log = append(s.log, write)
	if hello != nil {
		s.distribute(hello)
	}
	if len(s.downstream) == 0 {
		return
	}
	var msg any = hello
	if hello == nil {
		msg = streamed{write}
	}
	for _, r := range s.downstream {
		r.conn.send(toDialer, msg)
	}
}

// slaveOf is the transaction of a Sentinel: the role changes, the configuration
// is rewritten, and all clients but the caller are disconnected.
func (s *server) slaveOf(c *conn, t monitor.Token, cmd monitor.SlaveOf) {
	reply := monitor.SlaveOfReply{Conn: c.tag, Token: t}
	switch {
	case s.isLoading():
		reply.Refused = "LOADING Redis is loading the dataset in memory"
	case s.busy:
		reply.Refused = "BUSY Redis is busy running a script."
	case s.forbids:
		reply.Refused = "NOPERM this user has no permissions to run the 'slaveof' command"
	case s.aborts && !cmd.Plain:
		reply.Refused, reply.Aborted = "EXECABORT Transaction discarded because of previous errors.", true
	default:
		s.follow(monitor.HostPort{Host: cmd.Host, Port: cmd.Port})
		s.saved = roleConfig{s.role, s.following}
		if !s.aborts {
			s.killClients(c)
		}
	}
	c.sendAfter(toDialer, s.lag, reply)
}

func (s *server) killClients(spared *conn) {
	kept := s.conns[:0]
	for _, c := range s.conns {
		if c == spared {
			kept = append(kept, c)
		} else {
			c.close(1, "killed by a role change")
		}
	}
	clear(s.conns[len(kept):])
	s.conns = kept
}

// follow changes the role. A new master starts a new history, and its replicas
// come back for it; a new replica drops its own replicas.
func (s *server) follow(master monitor.HostPort) {
	switch {
	case master.Host == "" && s.role == monitor.RoleMaster:
		return
	case master.Host == "":
		s.w.say(s.name, "is a MASTER now, with %d writes", len(s.log))
		s.role, s.following, s.neverSynced = monitor.RoleMaster, monitor.HostPort{}, false
		s.oldID, s.oldUntil, s.replID = s.replID, len(s.log), s.w.newReplID()
	case s.role == monitor.RoleReplica && s.following == master:
		return
	default:
		s.w.say(s.name, "follows %s", s.w.nameOf(master))
		s.role, s.following = monitor.RoleReplica, master
	}
	s.roleSince = s.w.now
	s.dropUpstream()
	s.linkUp, s.linkSince = false, s.w.now
	for _, r := range s.downstream {
		r.conn.close(1, "the role has changed")
	}
	s.downstream = nil
	if s.role == monitor.RoleReplica {
		s.connectUpstream()
	}
}

// isWritable reports whether a client that comes here could write: what makes a
// split brain when it is true of two.
func (s *server) isWritable() bool {
	return !s.dead && !s.hung && !s.busy && !s.isLoading() && s.role == monitor.RoleMaster && s.enoughReplicas()
}

func (s *server) enoughReplicas() bool {
	const maxLag = 10 * time.Second
	if s.w.opts.MinReplicas == 0 {
		return true
	}
	good := 0
	for _, r := range s.downstream {
		if r.synced && s.w.now.Sub(r.acked) <= maxLag {
			good++
		}
	}
	return good >= s.w.opts.MinReplicas
}

func (s *server) write(c *conn, m clientWrite) {
	r := clientReply{id: m.id}
	switch {
	case s.isLoading():
		r.err = "LOADING"
	case s.busy:
		r.err = "BUSY"
	case s.role != monitor.RoleMaster:
		r.err = "READONLY"
	case !s.enoughReplicas():
		r.err = "NOREPLICAS"
	default:
		s.append(m.id, nil)
	}
	c.sendAfter(toDialer, s.lag, r)
}

// hasLately looks for a write among the latest ones, the newest first: that is
// where it is unless it was lost.
func (s *server) hasLately(id uint32) bool {
	for k := len(s.log) - 1; k >= 0 && k >= len(s.log)-backlog; k-- {
		if s.log[k] == id {
			return true
		}
	}
	return false
}

// read tells whether the caller's last write is here.
func (s *server) read(c *conn, m clientRead) {
	r := clientReply{id: m.least, seen: s.hasLately(m.least)}
	if s.isLoading() || s.busy {
		r.err = "LOADING"
	}
	c.sendAfter(toDialer, s.lag, r)
}
