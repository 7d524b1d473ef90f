package monitor

import (
	"time"

	"github.com/gosentinel/sentinel/event"
)

// link is the path to one physical server or Sentinel: a command connection, a
// Pub/Sub connection for servers, and the clocks of failure detection
// (state-machine.md §1.3, Link). Several masters share the link to one
// Sentinel.
type link struct {
	server bool        // to a server, which has a Pub/Sub connection too
	owners []*instance // in order of attachment; never empty while in use
	cmd    conn
	pubsub conn

	pending     int
	pingPending bool
	pingEffect  Effect  // reused for every PING on a connection
	lastPing    Instant // last PING sent
	lastPong    Instant // last PING reply of any kind
	lastAvail   Instant // last acceptable PING reply
	roundTrip   time.Duration
	// unansweredSince is when the clock of failure detection started: the first
	// PING without an acceptable reply, or the loss of the connection. 0 while
	// everything is answered. It starts at creation, so that an instance that
	// can never be reached goes down as well.
	unansweredSince Instant
	pubsubActivity  Instant
	shortest        time.Duration // down-after period of the owners; 0: to be found anew

	troubles     []trouble // by step and kind of connection
	toldLines    int       // in the log since tellingSince
	tellingSince Instant

	gossip     gossipState // of a peer
	addrChange addrChange  // of a peer
	departure  departure   // of a peer
	takenAt    Instant     // when the peer took its address from another one; 0: never

	timer timer
}

// conn is one connection, or the attempt to get one.
type conn struct {
	id          ConnID // 0 when there is none
	up          bool
	dialedAt    Instant
	slot        Instant // of the next attempt, see hurry
	upAt        Instant
	localIP     string // of the last connection that was up
	ip          string // dialled, and then the one that answered
	unconfirmed bool   // dialled before the resolver answered
	confirmed   bool   // the resolver has just answered: dial without asking again
}

func (l *link) connected() bool { return l.cmd.up }

// whole reports whether all connections of the link are there; without one of
// them the instance is shown as disconnected. A server that refuses AUTH, or the
// subscription, ends the Pub/Sub connection again and again, and clients avoid it
// for that (state-machine.md §1.4, Reconnection).
func (l *link) whole() bool { return l.cmd.up && (!l.server || l.pubsub.up) }

func (c *Core) newLink(now Instant, server bool) *link {
	l := &link{server: server, lastPong: now, lastAvail: now, unansweredSince: now, pubsubActivity: now}
	c.initTimer(&l.timer, l)
	c.ready(&l.timer)
	return l
}

func (c *Core) attach(l *link, i *instance) {
	i.link = l
	l.owners, l.shortest = append(l.owners, i), 0
}

// detach removes i from the owners of its link, closes the link when none is
// left, and reports whether it did.
func (c *Core) detach(l *link, i *instance) bool {
	for k, o := range l.owners {
		if o == i {
			l.owners, l.shortest = append(l.owners[:k], l.owners[k+1:]...), 0
			break
		}
	}
	if len(l.owners) > 0 {
		return false
	}
	c.closeLink(l)
	c.stopTimer(&l.timer)
	if l.gossip.endpoint.Addr.Port != 0 {
		c.free(GossipPeer{ID: i.runID})
	}
	return true
}

// closeLink closes both connections; they are dialled again when the
// reconnection rule allows.
func (c *Core) closeLink(l *link) {
	c.closeConn(l, &l.cmd)
	c.closeConn(l, &l.pubsub)
	l.troubles = nil // what comes next is another address or password
}

func (c *Core) closeConn(l *link, cn *conn) {
	if cn.id != 0 {
		c.connectionLost(c.now, l, cn, LossOther)
		c.free(Close{Conn: cn.id})
		c.forgetConn(l, cn)
		l.departure = departure{}
	}
}

// forgetConn forgets a connection that is gone, whichever side closed it.
func (c *Core) forgetConn(l *link, cn *conn) {
	delete(c.conns, cn.id)
	cn.id, cn.up = 0, false
	if cn != &l.cmd {
		return
	}
	l.pending, l.pingPending = 0, false
	if l.unansweredSince == 0 {
		// Stock Sentinel counts from the last reply here, which lies up to one
		// PING period before the loss.
		l.unansweredSince = c.now
	}
	for _, o := range l.owners {
		o.infoPending, o.helloPending, o.refusesUntil = false, false, 0
		if o.slaveofSeq != 0 {
			o.slaveofSeq, o.slaveofLost = 0, true
		}
		if p, ok := c.members[o.id].(*peer); ok {
			p.asks, p.askedVote, p.configSeq, p.configRefused = 0, 0, 0, false
			p.pledge.seq, p.pledge.asked, p.pledge.plain = 0, 0, 0
		}
	}
}

// run reconnects, pings and closes idle connections.
func (l *link) run(c *Core, now Instant) Instant {
	next := Never
	if !c.tilt {
		next = l.closeIdle(c, now) // before connect, which replaces what was closed
	}
	next = min(next, l.connect(c, now, &l.cmd, ConnCommand))
	if l.server {
		next = min(next, l.connect(c, now, &l.pubsub, ConnPubSub))
	}
	next = min(next, l.askGossip(c, now))
	return min(next, l.ping(c, now))
}

// redialPeriod is the minimum time between two attempts to connect. A master
// whose new connection is cut at once must not stay unreachable for a whole
// down-after period. Nothing is hurried where commands go through and only the
// subscription is refused.
func (c *Core) redialPeriod(l *link, cn *conn) time.Duration {
	if l.owners[0].kind != KindMaster || cn == &l.pubsub && l.cmd.up {
		return c.tun.PingPeriod
	}
	fast := min(max(l.shortestDownAfter()/10, c.tun.PingFloor), c.tun.PingPeriod)
	if p := l.owners[0].master.refusalPeriod(); p > 0 && cn == &l.cmd {
		return min(fast, p)
	}
	if l.unansweredSince == 0 {
		return fast
	}
	age := c.now.Sub(l.unansweredSince)
	period := eased(fast, age, 10, c.tun.PingPeriod)
	if cn == &l.cmd && c.guardsData(l.owners[0].master) {
		period = min(period, eased(guardDialPeriod, age, 100, c.tun.PingPeriod))
	}
	return period
}

// guardDialPeriod is how often a server is dialled about which every moment counts.
const guardDialPeriod = 20 * time.Millisecond

// connect dials cn when it is down and the last attempt is long enough ago.
// Unlike in stock Sentinel the loss of the Pub/Sub connection alone does not
// disturb the command connection (state-machine.md §12.2, What may be
// shortened).
func (l *link) connect(c *Core, now Instant, cn *conn, kind ConnKind) Instant {
	if cn.id != 0 && !cn.up {
		if due := cn.dialedAt.Add(c.tun.DialTimeout); now < due {
			return due
		}
		c.silent(now, l, cn, kind, "no answer within "+c.tun.DialTimeout.String()+" (is the host down, or does a firewall drop what is sent there?)")
		c.closeConn(l, cn)
	}
	if cn.id != 0 {
		return Never
	}
	i := l.owners[0]
	if i.addr.Port == 0 {
		return Never
	}
	if cn.dialedAt != 0 {
		if due := c.hurry(now, &cn.slot, cn.dialedAt, c.redialPeriod(l, cn), c.tun.PingPeriod); now < due {
			return due
		}
	}
	cn.dialedAt = now
	if !cn.confirmed { // a name whose addresses rotate would otherwise be resolved without end
		c.resolve(i)
	}
	cn.unconfirmed, cn.confirmed = c.resolving(i.addr.Host), false
	if i.addr.DialTarget() == "" || (i.addr.IP == "" && c.resolving(i.addr.Host)) {
		return now.Add(c.tun.PingPeriod) // the resolver's answer wakes the link earlier
	}
	c.dial(now, l, cn, kind, i)
	return now.Add(c.tun.DialTimeout)
}

func (c *Core) dial(now Instant, l *link, cn *conn, kind ConnKind, i *instance) {
	c.lastConn++
	cn.id = c.lastConn
	c.conns[cn.id] = l
	cfg := &i.master.cfg
	d := Dial{
		Conn: cn.id, Kind: kind, Target: i.kind, Rename: cfg.Rename,
		Addr: HostPort{Host: i.addr.DialTarget(), Port: i.addr.Port},
		User: cfg.AuthUser, Pass: cfg.AuthPass,
		ClientName: "sentinel-" + string(c.opts.MyID[:8]) + "-cmd",
	}
	if kind == ConnPubSub {
		d.ClientName = "sentinel-" + string(c.opts.MyID[:8]) + "-pubsub"
		l.pubsubActivity = now
	}
	if i.kind == KindSentinel {
		d.User, d.Pass = c.opts.SentinelUser, c.opts.SentinelPass
		if d.Pass == "" {
			d.User, d.Pass = "", c.peerPass
		}
	}
	if kind == ConnCommand || !l.cmd.up { // both connections go to one server
		d.Others = c.otherAddrs(i)
	}
	cn.ip = i.addr.IP
	c.free(d)
	if kind == ConnCommand {
		c.sendPing(now, l)
	}
}

// pingPeriod is the PING period of a link. A master is watched ten times per
// down-after period, because without a lost connection the clock starts only
// with the next PING (state-machine.md §12.2, What may be shortened).
func (c *Core) pingPeriod(l *link) time.Duration {
	shortest := l.shortestDownAfter()
	if l.owners[0].kind == KindMaster {
		return min(shortest, max(shortest/10, c.tun.PingFloor), c.tun.PingPeriod)
	}
	return min(shortest, c.tun.PingPeriod)
}

func (l *link) shortestDownAfter() time.Duration {
	if l.shortest == 0 { // with 10,000 owners this takes 30 µs, and each reply asks for it
		l.shortest = l.owners[0].downAfter
		for _, o := range l.owners[1:] {
			l.shortest = min(l.shortest, o.downAfter)
		}
	}
	return l.shortest
}

// ping sends PING when it is due. At most one is in flight: a connection
// delivers in order, so a second would tell nothing new and only load a slow
// server.
func (l *link) ping(c *Core, now Instant) Instant {
	if !l.cmd.up || l.pingPending {
		return Never
	}
	if due := l.pingDue(c); now < due {
		return due
	}
	c.sendPing(now, l)
	return Never
}

func (l *link) pingDue(c *Core) Instant {
	period := c.pingPeriod(l)
	return slotted(l.lastPing.Add(period), period)
}

func (c *Core) sendPing(now Instant, l *link) {
	l.lastPing, l.pingPending = now, true
	if l.unansweredSince == 0 {
		l.unansweredSince = now
	}
	l.pending++
	rename := l.owners[0].master.cfg.Rename
	if s, ok := l.pingEffect.(Send); !ok || s.Conn != l.cmd.id || s.Rename != rename {
		l.pingEffect = Send{Conn: l.cmd.id, Rename: rename, Cmd: Ping{}}
	}
	c.free(l.pingEffect)
	c.sendAlong(now, l)
}

// closeIdle closes connections on which the expected traffic stopped, so that a
// half-open connection is replaced (state-machine.md §4.1, SDOWN).
func (l *link) closeIdle(c *Core, now Instant) Instant {
	next := Never
	if l.cmd.up && l.unansweredSince != 0 {
		half := l.shortestDownAfter() / 2
		due := max(l.cmd.upAt.Add(c.tun.MinLinkReconnect), l.unansweredSince.Add(half), l.lastPong.Add(half))
		if now < due {
			next = due
		} else {
			if l.lastPong < l.cmd.upAt {
				c.silent(now, l, &l.cmd, ConnCommand, "it accepts connections and does not answer (is it stopped, or is this another kind of server?)")
			}
			c.closeConn(l, &l.cmd)
		}
	}
	if l.pubsub.up {
		due := max(l.pubsub.upAt.Add(c.tun.MinLinkReconnect), l.pubsubActivity.Add(3*c.tun.PublishPeriod))
		if now < due {
			next = min(next, due)
		} else {
			c.closeConn(l, &l.pubsub)
		}
	}
	return next
}

// send queues a command on the command connection of l.
func (c *Core) send(l *link, t Token, cmd Command) {
	l.pending++
	c.free(Send{Conn: l.cmd.id, Token: t, Rename: l.owners[0].master.cfg.Rename, Cmd: cmd})
}

// sendFor queues a command about i and returns the sequence number that its
// reply will carry.
func (c *Core) sendFor(i *instance, cmd Command) uint64 {
	c.lastSeq++
	c.send(i.link, Token{i.id, c.lastSeq}, cmd)
	return c.lastSeq
}

func (c *Core) linkUp(now Instant, in LinkUp) {
	l := c.conns[in.Conn]
	if l == nil {
		return
	}
	cn := l.conn(in.Conn)
	cn.up, cn.upAt, cn.localIP = true, now, in.LocalIP
	if m := l.watchedBy(); m != nil {
		c.cameUp(now, m)
	}
	c.ready(&l.timer)
	if c.answeredAt(l, cn, in.RemoteIP) {
		return
	}
	if cn == &l.pubsub {
		l.pubsubActivity = now
		c.recallEars(now, l.owners[0].master)
		return
	}
	l.departure = departure{}
	l.gossip.asked, l.gossip.due, l.gossip.answers = false, now, ""
	l.gossip.mayBeOwn = !l.server && c.announcesToo(now, l.owners[0].addr)
	for k, o := range l.owners {
		o.helloDue, o.infoSent = now.Add(c.firstHello(k, len(l.owners))), 0 // exchange hellos and INFO at once
		c.wake(o)
		c.touch(o.master)
	}
}

// hellosAtOnce is how many masters are announced at once to a Sentinel that was reached.
const hellosAtOnce = 100

// firstHello is how long the hello about one of many masters waits after a link came up,
// so that thousands of them do not fill the link and keep both Sentinels busy at once.
func (c *Core) firstHello(k, n int) time.Duration {
	if k < hellosAtOnce {
		return 0
	}
	return c.tun.PublishPeriod * time.Duration(k) / time.Duration(n)
}

func (c *Core) linkDown(now Instant, in LinkDown) {
	l := c.conns[in.Conn]
	if l == nil {
		return
	}
	cn := l.conn(in.Conn)
	pubsub := cn == &l.pubsub
	i := l.owners[0]
	c.emit(i, event.LinkReconnection{Instance: c.ref(i), PubSub: pubsub, Reason: in.Reason})
	l.noteDeparture(cn, in.Loss)
	c.connectionLost(now, l, cn, in.Loss)
	c.forgetConn(l, cn)
	c.ready(&l.timer)
	if !pubsub {
		for _, o := range l.owners {
			c.wake(o)
			c.touch(o.master)
		}
	}
}

func (l *link) conn(id ConnID) *conn {
	if l.pubsub.id == id {
		return &l.pubsub
	}
	return &l.cmd
}

// replyOn accounts for the reply to one command and returns its link, or nil
// when the connection is not in use any more.
func (c *Core) replyOn(id ConnID) *link {
	l := c.conns[id]
	if l != nil && l.pending > 0 {
		l.pending--
	}
	return l
}

func (c *Core) pong(now Instant, in Pong) {
	l := c.replyOn(in.Conn)
	if l == nil {
		return
	}
	if l.pingPending && l.lastPing > l.cmd.upAt { // or it waited for the connection
		c.roundTrip(now, l)
	}
	l.pingPending = false
	l.lastPong = now
	if m := l.watchedBy(); m != nil && m.refusal.commands != 0 && l.cmd.upAt > m.refusal.commands {
		c.notGone(m)
	}
	l.reached(ConnCommand)
	switch in.Reply {
	case PingPong, PingLoading, PingMasterDown:
		l.lastAvail, l.unansweredSince = now, 0
		l.greeted(&l.cmd, ConnCommand)
		l.works(StepPing)
		if m := l.watchedBy(); m != nil {
			m.refusal.gone = false
		}
	}
	for _, o := range l.owners {
		if in.Reply == PingPong && o.has(FlagMasterReboot) {
			o.clear(FlagMasterReboot)
			c.touch(o.master)
		}
		if in.Reply == PingBusy && o.has(FlagSDown) && !o.has(FlagScriptKillSent) && o.kind != KindSentinel && !c.opts.Observe {
			c.sendFor(o, ScriptKill{})
			o.set(FlagScriptKillSent)
		}
		if o.has(FlagSDown) {
			c.wake(o)
			c.touch(o.master)
			if in.Reply == PingPong {
				l.pubsub.allowRedial() // what refused PING may have refused the subscription too
			}
		}
	}
	c.ready(&l.timer)
}

// allowRedial permits a connection that is down to be dialled without waiting
// for the reconnection period.
func (cn *conn) allowRedial() {
	if cn.id == 0 {
		cn.dialedAt = 0
	}
}
