package sim

import (
	"slices"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/monitor"
)

// server is a model of a Redis server: role, replication with offsets and
// replication ids, full and partial resynchronisation, Pub/Sub, clients, and the
// commands that a Sentinel sends. What it says about itself is a real INFO text.
//
// The data is the list of all writes in the order in which they were executed, so
// that a lost write can be named. The replication offset counts them as well, and
// ahead says what it has counted more than there is in the list, or less: a server
// that reads its data from an append only file begins at 0 with all of them.
type server struct {
	w      *world
	id     hostID
	name   string
	group  *group
	addr   monitor.HostPort
	second monitor.HostPort // another address of it; the zero value: none

	dead     bool    // the process does not run
	hung     bool    // it runs and does nothing, like a stopped process
	busy     bool    // in an endless script
	firewall bool    // a firewall keeps Sentinels away from it
	hungUp   bool    // that was set up as all connections of Sentinels were ended in order
	walledAt Instant // when it was last set up
	openedAt Instant // when it was last removed
	maskedAt Instant // when its process last ended behind that firewall so that nobody can tell the one from the other; 0: it did not
	dark     bool    // the machine has no power: it says nothing when it dies
	life     int
	died     Instant // when its last process ended; 0: none did
	goneFrom Instant // the same, or when the one before ended if the last lived for a moment only
	booted   Instant // when its last process started
	runID    monitor.RunID
	loading  Instant // answers -LOADING until then
	restored int     // keys that were read from an RDB at the start
	lag      time.Duration
	aborts   bool          // refuses CLIENT, and with it the transaction of SLAVEOF
	forbids  bool          // refuses SLAVEOF
	noPause  string        // why it refuses CLIENT PAUSE and UNPAUSE; "" when it does not
	clock    time.Duration // of the machine, how far it was set forward; negative: back

	role      monitor.Role
	following monitor.HostPort
	roleSince Instant // of the last change of role or master
	movedAt   Instant // when it last got another address; 0: never
	switched  bool    // by the last of the orders of a switchover

	heldDown     Instant    // when a Sentinel last said that it is down
	switcher     dialer     // who gave that order
	switcherLife int        // and in which of its lives
	saved        roleConfig // what CONFIG REWRITE wrote
	priority     int

	log       []uint32 // writes; 0 is one that no client made
	ahead     int      // offset of the stream less the length of log
	keyed     bool     // there is a write of a client in it
	shares    bool     // others may have data of replID
	replID    uint64
	oldID     uint64 // replid2; 0: none
	oldUntil  int    // offset up to which oldID is the same history
	keeps     bool   // there is a backlog of the stream
	keepsFrom int    // its first offset
	storage   storage

	upstream  *conn    // to the master
	syncing   bool     // the master is sending everything
	filling   *dataset // is read into memory; nil: nothing is
	unapplied []any    // of the stream, read and not executed
	slowUntil Instant  // nothing of it is executed before
	linkUp    bool
	linkSince Instant // of the last change of linkUp
	lostAt    Instant // when the link of this process was lost last; 0: never, or it is up
	heard     Instant // last message of the master

	pause       pause
	syncTime    time.Duration
	replTimeout time.Duration
	conns       []*conn // of Sentinels and clients, and of replicas that have not asked yet
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
	online bool // it has been sent what it needs at the beginning
	acked  Instant
	offset int
	held   *[]any // of the stream, until it has acknowledged a full resynchronisation; nil: nothing is held
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
	fullSync   struct{ data dataset }
	partSync   struct {
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
	s.booted = s.w.now
	s.dead, s.hung, s.busy, s.dark = false, false, false, false
	s.runID = s.w.newRunID("")
	s.hellos, s.infos = make([]Instant, s.w.net.hosts), make([]Instant, s.w.net.hosts)
	s.heard, s.linkSince, s.linkUp, s.lostAt = s.w.now, s.w.now, false, 0
	s.w.at(s.w.now.Add(s.w.between(0, time.Second)), s, s.life)
}

// crash ends the process. Its kernel closes the connections, unless the whole
// machine has gone dark.
func (s *server) crash(dark bool) {
	if s.dead {
		return
	}
	s.life++
	if s.died == 0 || s.w.now.Sub(s.booted) >= s.w.opts.Refused/2 {
		s.goneFrom = s.w.now
	}
	s.died = s.w.now
	if masked := s.maskedAt != 0 || s.hungUp || s.w.now.Sub(s.walledAt) < wallMoment; s.firewall && masked {
		s.maskedAt = s.w.now
	} else if !s.firewall {
		s.maskedAt = 0
	}
	s.ended()
	s.dead, s.hung, s.dark, s.waiting, s.pause = true, false, dark, nil, pause{}
	s.dropUpstream()
	s.filling = nil
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

// start begins a new process with the role of the configuration file and the data
// that the disk holds.
func (s *server) start(keep dataLoss) {
	if !s.dead {
		return
	}
	s.role, s.following, s.switched = s.saved.role, s.saved.following, false
	s.boot()
	s.load(keep)
	s.restored = 0
	if s.storage.kind != appendOnly {
		s.restored = len(s.log)
	}
	s.loading = s.w.now.Add(s.w.between(0, s.w.opts.LoadTime))
	s.lag = 0
	s.w.say(s.name, "starts as %s with %d writes", s.role, len(s.log))
}

func (w *world) newReplID() uint64 { return w.rng.Uint64() | 1 }

func (s *server) hang() {
	if !s.dead {
		s.hung = true
	}
}

func (s *server) resume() {
	s.busy = false
	s.apply()
	if s.dead || !s.hung {
		return
	}
	s.hung = false
	s.endPause()
	s.apply()
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
	s.store()
	if s.role == monitor.RoleMaster {
		if s.w.now.Sub(s.lastPing) >= s.w.opts.pingPeriod() && len(s.downstream) > 0 {
			s.lastPing = s.w.now
			s.append(0, nil)
		}
	} else {
		s.keepUpstream()
	}
	for _, r := range slices.Clone(s.downstream) {
		if r.online && s.w.now.Sub(r.acked) > s.replTimeout {
			s.hangup(r.conn)
			r.conn.close(1, "replication timeout")
		}
	}
}

func (s *server) accept(c *conn) { s.conns = append(s.conns, c) }

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
	if s.postpones(c, msg) {
		s.pause.waiting = append(s.pause.waiting, work{c, msg})
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
		s.acknowledged(c, m)
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
	default:
		c.sendAfter(toDialer, s.lag, monitor.CommandDone{Conn: c.tag, Token: m.Token, Refused: s.obey(c, m.Cmd)})
	}
}

// obey carries out a command whose answer is OK, or the reason why not.
func (s *server) obey(c *conn, cmd monitor.Command) (refused string) {
	switch cmd := cmd.(type) {
	case monitor.ScriptKill:
		s.busy = false
		s.apply()
		return ""
	case monitor.RewriteConfig:
		if refused = s.unable(); refused == "" {
			s.saved = roleConfig{s.role, s.following}
		}
		return refused
	case monitor.PauseWrites, monitor.Unpause, monitor.KillClients:
		if refused = s.unableTo(cmd); refused != "" {
			return refused
		}
		switch cmd := cmd.(type) {
		case monitor.PauseWrites:
			s.pauseFor(cmd.For, false)
		case monitor.Unpause:
			s.unpause()
		case monitor.KillClients:
			s.killClients(c, cmd.PubSub)
		}
	}
	return ""
}

// unable says why a server cannot execute a command now that is not allowed while
// it loads or is in a script.
func (s *server) unable() string {
	switch {
	case s.isLoading():
		return "LOADING Redis is loading the dataset in memory"
	case s.busy:
		return "BUSY Redis is busy running a script."
	}
	return ""
}

// unableTo says why a server refuses a subcommand of CLIENT, which are allowed
// while it loads.
func (s *server) unableTo(cmd monitor.Command) string {
	_, kill := cmd.(monitor.KillClients)
	switch {
	case s.busy:
		return "BUSY Redis is busy running a script."
	case s.aborts:
		return "NOPERM this user has no permissions to run this command"
	case !kill:
		return s.noPause
	}
	return ""
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

// append executes one command that is replicated. Without a backlog, and so without
// a replica, the stream does not move.
func (s *server) append(write uint32, hello *helloMsg) {
	s.log = append(s.log, write)
	s.keyed = s.keyed || write != 0
	if !s.keeps {
		s.ahead--
	}
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
		r.stream(msg)
	}
}

// slaveOf changes the role. As the transaction of a Sentinel it also rewrites the
// configuration and disconnects all clients but the caller.
func (s *server) slaveOf(c *conn, t monitor.Token, cmd monitor.SlaveOf) {
	reply := monitor.SlaveOfReply{Conn: c.tag, Token: t, Refused: s.unable()}
	switch {
	case reply.Refused != "":
	case s.forbids:
		reply.Refused = "NOPERM this user has no permissions to run the 'slaveof' command"
	case s.aborts && !cmd.Plain && !cmd.Bare:
		reply.Refused, reply.Aborted = "EXECABORT Transaction discarded because of previous errors.", true
	default:
		to := monitor.HostPort{Host: cmd.Host, Port: cmd.Port}
		reply.Already = cmd.Bare && s.role == monitor.RoleReplica && s.following == to
		serves := s.role == monitor.RoleMaster
		s.follow(to)
		if cmd.Bare && c.kind != fenceConn && !(serves && cmd.Host == "") { // who gives a master its role changes nothing
			s.switched = true
			s.switcher, s.switcherLife = c.dialer, s.w.lifeOf(c.dialer)
			s.w.check.roleChanged(s, s.w.hostName(c.ends[0]), cmd)
			break
		}
		if cmd.Bare {
			break // CONFIG REWRITE and CLIENT KILL come by themselves
		}
		s.saved = roleConfig{s.role, s.following}
		if !s.aborts {
			s.killClients(c, false)
			s.killClients(c, true)
		}
	}
	c.sendAfter(toDialer, s.lag, reply)
}

// killClients is CLIENT KILL of the normal clients or of the subscribers. What
// they wait for is not executed any more.
func (s *server) killClients(spared *conn, pubsub bool) {
	kept := s.conns[:0]
	for _, c := range s.conns {
		if c == spared || (c.kind == pubsubConn) != pubsub {
			kept = append(kept, c)
		} else {
			c.close(1, "killed by a role change")
		}
	}
	clear(s.conns[len(kept):])
	s.conns = kept
}

// follow changes the role. A new master starts a new history, and its replicas
// come back for it. A new replica keeps its own replicas until it learns that
// there is another history. One that is to follow itself keeps all that it has,
// and executes nothing more.
func (s *server) follow(master monitor.HostPort) {
	switch {
	case master.Host == "" && s.role == monitor.RoleMaster:
		return
	case master.Host == "":
		s.w.say(s.name, "is a MASTER now, with %d writes", len(s.log))
		s.role, s.following = monitor.RoleMaster, monitor.HostPort{}
		s.dropUpstream()
		s.oldID, s.oldUntil, s.replID = s.replID, s.position(), s.w.newReplID()
		s.dropDownstream("the role has changed")
		s.lostAt = 0
	case s.role == monitor.RoleReplica && s.following == master:
		return
	default:
		s.w.say(s.name, "follows %s", s.w.nameOf(master))
		s.loseUpstream()
		s.role, s.following = monitor.RoleReplica, master
		s.connectUpstream()
	}
	s.roleSince, s.switched = s.w.now, false
	s.linkUp, s.linkSince = false, s.w.now
}

func (s *server) dropDownstream(why string) {
	for _, r := range s.downstream {
		r.conn.close(1, why)
	}
	s.downstream = nil
}

// isWritable reports whether a client that comes here could write: what makes a
// split brain when it is true of two.
func (s *server) isWritable() bool {
	return !s.dead && !s.hung && !s.busy && !s.isPaused() && !s.isLoading() && s.role == monitor.RoleMaster && s.enoughReplicas()
}

func (s *server) enoughReplicas() bool {
	const maxLag = 10 * time.Second
	if s.w.opts.MinReplicas == 0 {
		return true
	}
	good := 0
	for _, r := range s.downstream {
		if r.online && s.w.now.Sub(r.acked) <= maxLag {
			good++
		}
	}
	return good >= s.w.opts.MinReplicas
}

func (s *server) write(c *conn, m clientWrite) {
	r := clientReply{id: m.id, err: s.refusesWrites()}
	if r.err == "" {
		s.append(m.id, nil)
	}
	c.sendAfter(toDialer, s.lag, r)
}

// refusesWrites says why no write is accepted, or "". That is looked at before a
// pause is: who would be refused does not wait.
func (s *server) refusesWrites() string {
	switch {
	case s.isLoading():
		return "LOADING"
	case s.busy:
		return "BUSY"
	case s.role != monitor.RoleMaster:
		return "READONLY"
	case !s.enoughReplicas():
		return "NOREPLICAS"
	}
	return ""
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
