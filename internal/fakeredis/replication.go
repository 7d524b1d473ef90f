package fakeredis

import (
	"net"
	"strconv"
	"strings"
	"time"
)

// cronPeriod is how often a replica acknowledges its offset and a master checks
// for replicas that do not.
const cronPeriod = time.Second

const noID = "0000000000000000000000000000000000000000"

// replication is the position in a history of the data. A history is named by an
// id. The position in it is the number of bytes of its stream so far.
type replication struct {
	id     string
	offset int64
	// id2 is the history before the last promotion. It and id agree up to, but
	// not including, the offset second. A replica that is not beyond that offset
	// can therefore continue without a full copy. Without a promotion, id2 is
	// noID and second is -1.
	id2    string
	second int64
	log    backlog
}

// init starts a history or continues one. A replica continues exactly where its
// data are. A master starts a new id, because the old history may have continued
// elsewhere in the meantime.
func (r *replication) init(d *Data, replica bool, id string) {
	r.id, r.id2, r.second = id, noID, -1
	if d != nil && d.id != "" {
		r.offset = d.offset
		if replica {
			r.id = d.id
		} else {
			r.id2, r.second = d.id, d.offset+1
		}
	}
	r.log.reset(r.offset + 1)
}

// branch starts a new history at this offset, which shares everything before it
// with the current one.
func (r *replication) branch(id string) {
	r.id2, r.second, r.id = r.id, r.offset+1, id
}

// replace adopts the history of a master after a full synchronisation.
func (r *replication) replace(id string, offset int64) {
	*r = replication{id: id, offset: offset, id2: noID, second: -1, log: backlog{ring: r.log.ring}}
	r.log.reset(offset + 1)
}

// missing returns the stream from offset on for a replica that follows the
// history id, or false if the replica needs a full copy.
//
// The second condition on id2 prevents a former master from continuing after it
// took writes that were never replicated: its offset is then beyond the point
// where the histories diverge, although still within the backlog.
func (r *replication) missing(id string, offset int64) ([]byte, bool) {
	if id != r.id && (id != r.id2 || offset > r.second) {
		return nil, false
	}
	return r.log.from(offset)
}

// replicaPeer is what a master knows about a client that is a replica.
type replicaPeer struct {
	attached bool      // PSYNC was accepted, so nothing but the copy and the stream is sent
	copyAt   time.Time // when the full copy begins that it waits for; zero: it does not wait
	online   bool      // it has acknowledged, so its snapshot is loaded
	ip       string
	port     int
	ack      int64
	ackTime  time.Time
}

// host returns the address that the replica announces, or otherwise the one it
// connects from.
func (p *replicaPeer) host(c *client) string {
	if p.ip != "" {
		return p.ip
	}
	host, _, _ := net.SplitHostPort(c.addr)
	return host
}

func (p *replicaPeer) address(c *client) string {
	return net.JoinHostPort(p.host(c), strconv.Itoa(p.port))
}

func replicationCommands() []*command {
	const role = flagStale
	return []*command{
		{name: "replicaof", arity: 3, flags: role, run: (*Server).cmdReplicaOf},
		{name: "slaveof", arity: 3, flags: role, run: (*Server).cmdReplicaOf},
		{name: "replconf", arity: -1, flags: flagStale | flagNoMulti, run: (*Server).cmdReplConf},
		{name: "psync", arity: 3, flags: flagStale | flagNoMulti, run: (*Server).cmdPSync},
		{name: "wait", arity: 3, flags: flagStale, run: (*Server).cmdWait},
	}
}

// propagate adds a change to those that are sent to the replication stream as a
// whole after the command or transaction. A replica has no stream of its own: it
// forwards its master's.
func (s *Server) propagate(words ...string) {
	if s.link == nil {
		s.outgoing = append(s.outgoing, words)
	}
}

// propagateOutgoing sends the current command's changes to the stream, and
// reports whether there were any. Several changes are sent as one transaction, so
// that a replica promoted at a bad moment never shows half of them.
func (s *Server) propagateOutgoing() bool {
	changes := s.outgoing
	s.outgoing = nil
	if len(changes) == 0 {
		return false
	}
	var raw []byte
	if len(changes) > 1 {
		raw = appendCommand(raw, "MULTI")
	}
	for _, words := range changes {
		raw = appendCommand(raw, words...)
	}
	if len(changes) > 1 {
		raw = appendCommand(raw, "EXEC")
	}
	s.feed(raw)
	return true
}

// feed appends bytes to the replication stream: a master's own stream, or on a
// replica that of its master.
func (s *Server) feed(raw []byte) {
	s.repl.offset += int64(len(raw))
	s.repl.log.append(raw)
	for _, c := range append([]*client(nil), s.replicas...) { // send may disconnect one
		if c.replica.copyAt.IsZero() {
			s.send(c, raw)
		}
	}
}

func (s *Server) cmdReplicaOf(c *client, args [][]byte) {
	if c.replica.attached {
		c.fail("ERR Command is not valid when client is a replica.")
		return
	}
	host, portText := string(args[1]), args[2]
	if strings.EqualFold(host, "no") && strings.EqualFold(string(portText), "one") {
		s.promote()
		c.ok()
		return
	}
	port, ok := parseInt(portText)
	switch {
	case !ok || port < 0 || port > 65535: // with port 0 it is a replica of nobody
		c.fail("ERR Invalid master port")
	case !validHost(host):
		c.fail("ERR Invalid master host")
	case s.link != nil && s.link.host == host && s.link.port == int(port):
		c.status("OK Already connected to specified master")
	default:
		s.follow(host, int(port))
		c.ok()
	}
}

// promote turns a replica into a master. Its replicas are disconnected so that
// they learn the new history's id when they reconnect.
func (s *Server) promote() {
	if s.link == nil {
		return
	}
	s.link.stop()
	s.link = nil
	s.repl.branch(newID(s.ids))
	s.disconnectReplicas()
	s.log.Info("promoted to master", "replid", s.repl.id, "offset", s.repl.offset)
}

// follow makes the server a replica of another one. Its own replicas stay
// connected until it is known whether its history continues.
func (s *Server) follow(host string, port int) {
	s.propagateOutgoing() // what a transaction changed before this command belongs to the history that ends here
	if s.link == nil {
		for _, c := range s.sortedClients() {
			if c.blocked != nil && !c.blocked.paused {
				c.blocked = nil
				c.fail("UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)")
				c.closing = true
				s.flushReply(c)
			}
		}
	} else {
		s.link.stop()
	}
	s.link = newMasterLink(s, host, port)
	s.handlers.Go(s.link.run)
	s.log.Info("following a master", "master", s.link.address())
}

func (s *Server) disconnectReplicas() {
	for _, c := range append([]*client(nil), s.replicas...) {
		s.drop(c)
	}
}

// cmdReplConf handles REPLCONF, by which a replica describes itself and
// acknowledges offsets.
func (s *Server) cmdReplConf(c *client, args [][]byte) {
	if len(args)%2 == 0 {
		c.fail("ERR syntax error")
		return
	}
	for i := 1; i < len(args); i += 2 {
		val := args[i+1]
		switch opt := strings.ToLower(string(args[i])); opt {
		case "listening-port":
			port, ok := parseInt(val)
			if !ok || port < 0 || port > 65535 {
				c.fail(notInteger)
				return
			}
			c.replica.port = int(port)
		case "ip-address":
			if len(val) > 0 && !validHost(string(val)) {
				c.fail("ERR REPLCONF ip-address provided by replica instance is not an address")
				return
			}
			c.replica.ip = string(val)
		case "capa":
		case "ack":
			s.acknowledged(c, val)
			return // an acknowledgement gets no reply
		default:
			c.failf("ERR Unrecognized REPLCONF option: %s", clip(args[i], 64))
			return
		}
	}
	c.ok()
}

func (s *Server) acknowledged(c *client, val []byte) {
	offset, ok := parseInt(val)
	if !ok || !c.replica.attached {
		return
	}
	p := &c.replica
	p.ack, p.ackTime, p.online = max(p.ack, offset), time.Now(), true
	for _, waiting := range s.sortedClients() {
		if b := waiting.blocked; b != nil && !b.paused && s.countAcks(b.target) >= b.replicas {
			s.finishWait(waiting)
		}
	}
}

// cmdPSync attaches a replica: from where it stopped if the backlog still has
// what it missed, otherwise with a full copy.
func (s *Server) cmdPSync(c *client, args [][]byte) {
	if c.replica.attached {
		return // a second PSYNC on one connection; the stream is already running
	}
	if s.link != nil && s.link.state != linkConnected {
		c.fail("NOMASTERLINK Can't SYNC while not connected with my master")
		return
	}
	offset, ok := parseInt(args[2])
	if !ok {
		c.fail(notInteger)
		return
	}
	id := string(args[1])
	if rest, ok := s.repl.missing(id, offset); ok {
		s.stats.syncPartial++
		c.replica.ack = offset - 1
		s.log.Info("replica continues", "replica", c.replica.address(c), "offset", offset, "bytes", len(rest))
		s.attach(c)
		s.send(c, append([]byte("+CONTINUE "+s.repl.id+"\r\n"), rest...))
		return
	}
	s.stats.syncFull++
	if id != "?" {
		s.stats.syncPartialErr++
	}
	s.attach(c)
	if delay := time.Duration(s.settings.syncDelay) * time.Second; delay > 0 {
		c.replica.copyAt = time.Now().Add(delay)
		s.wakeTimer()
		return
	}
	s.sendCopy(c)
}

// sendCopy answers PSYNC with a full copy, behind which the stream begins.
func (s *Server) sendCopy(c *client) {
	s.log.Info("replica gets a full copy", "replica", c.replica.address(c), "keys", len(s.db.keys))
	snapshot := appendSnapshot(nil, s.db)
	c.replica.copyAt, c.replica.ackTime = time.Time{}, time.Now()
	s.send(c, []byte("+FULLRESYNC "+s.repl.id+" "+strconv.FormatInt(s.repl.offset, 10)+"\r\n$"+strconv.Itoa(len(snapshot))+"\r\n"))
	c.out.putSnapshot(snapshot)
}

// copies sends the full copies that are due and returns when the next one is, or
// zero.
func (s *Server) copies(now time.Time) (next time.Time) {
	for _, c := range append([]*client(nil), s.replicas...) {
		switch at := c.replica.copyAt; {
		case at.IsZero():
		case !at.After(now):
			s.sendCopy(c)
		case next.IsZero() || at.Before(next):
			next = at
		}
	}
	return next
}

// attach makes a client a replica, which receives the stream from the current
// offset on, unless it waits for a full copy.
func (s *Server) attach(c *client) {
	c.replica.attached, c.replica.ackTime = true, time.Now()
	c.out.setLimit(replicaOutputLimit)
	s.replicas = append(s.replicas, c)
}

// cmdWait is WAIT replicas milliseconds. It replies with the number of replicas
// that have acknowledged the client's writes, as soon as there are enough or the
// time is over (0: no limit).
func (s *Server) cmdWait(c *client, args [][]byte) {
	if s.link != nil {
		c.fail("ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated.")
		return
	}
	n, ok1 := parseInt(args[1])
	ms, ok2 := parseInt(args[2])
	const longest = 365 * 24 * 3600 * 1000
	switch {
	case !ok1:
		c.fail(notInteger)
		return
	case !ok2 || ms > longest:
		c.fail("ERR timeout is not an integer or out of range")
		return
	case ms < 0:
		c.fail("ERR timeout is negative")
		return
	}
	b := &blockedState{target: c.writeOffset, replicas: int(min(n, 1<<30))}
	// Within EXEC the reply must not wait.
	if acks := s.countAcks(b.target); acks >= b.replicas || s.executing == c {
		c.integer(int64(acks))
		return
	}
	if ms > 0 {
		b.deadline = time.Now().Add(time.Duration(ms) * time.Millisecond)
	}
	c.blocked = b
	if !s.pause.active(time.Now()) { // which would move the offset
		s.feed(appendCommand(nil, "REPLCONF", "GETACK", "*"))
	}
	s.wakeTimer()
}

func (s *Server) countAcks(target int64) int {
	n := 0
	for _, c := range s.replicas {
		if c.replica.online && c.replica.ack >= target {
			n++
		}
	}
	return n
}

// finishWait replies to a client that is blocked in WAIT.
func (s *Server) finishWait(c *client) {
	c.integer(int64(s.countAcks(c.blocked.target)))
	s.flushReply(c)
	s.unblock(c)
}

// enoughReplicas reports whether min-replicas-to-write is satisfied.
func (s *Server) enoughReplicas(now time.Time) bool {
	return s.settings.minReplicas == 0 || s.settings.minReplicasMaxLag == 0 || s.goodReplicas(now) >= s.settings.minReplicas
}

func (s *Server) goodReplicas(now time.Time) int {
	lag := time.Duration(s.settings.minReplicasMaxLag) * time.Second
	n := 0
	for _, c := range s.replicas {
		if c.replica.online && now.Sub(c.replica.ackTime) <= lag {
			n++
		}
	}
	return n
}

// replicationCron does the periodic work of both roles, once a second.
func (s *Server) replicationCron(now time.Time) {
	if s.link != nil {
		s.link.acknowledge()
	}
	silence := time.Duration(s.settings.replTimeout) * time.Second
	for _, c := range append([]*client(nil), s.replicas...) {
		if !c.replica.copyAt.IsZero() {
			s.send(c, []byte("\n")) // so that it goes on waiting
			continue
		}
		if now.Sub(c.replica.ackTime) > silence {
			s.cut(c, "the replica has not acknowledged anything within repl-timeout")
		}
	}
	// PING lets replicas notice a dead link. It reaches their own replicas
	// through them.
	if s.link == nil && len(s.replicas) > 0 && !s.nextPing.After(now) {
		s.nextPing = now.Add(time.Duration(s.settings.pingPeriod) * time.Second)
		s.feed(appendCommand(nil, "PING"))
	}
}

// cmdRole is ROLE.
func (s *Server) cmdRole(c *client, _ [][]byte) {
	if l := s.link; l != nil {
		c.array(5)
		c.bulk("slave")
		c.bulk(l.host)
		c.integer(int64(l.port))
		c.bulk(string(l.state))
		c.integer(s.repl.offset)
		return
	}
	c.array(3)
	c.bulk("master")
	c.integer(s.repl.offset)
	online := 0
	for _, r := range s.replicas {
		if r.replica.online {
			online++
		}
	}
	c.array(online)
	for _, r := range s.replicas {
		if r.replica.online {
			c.bulks([]string{r.replica.host(r), strconv.Itoa(r.replica.port), strconv.FormatInt(r.replica.ack, 10)})
		}
	}
}
