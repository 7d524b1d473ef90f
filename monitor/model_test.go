package monitor

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// This file is a small model of everything around a Core: virtual time, a
// network of ordered connections, Redis servers, disks. The scripts
// (script_test.go) and the cluster test (cluster_test.go) are played on it.

// origin is the instant at which every world begins.
const origin = Instant(time.Hour)

// world is virtual time and everything in it. All that happens is an event in
// one queue, so that the same choices always give the same run.
type world struct {
	now   Instant
	seq   uint64
	queue eventQueue
	rng   *rand.Rand
	delay func() time.Duration // of one message

	servers   []*redis
	histories int // that were begun
	nodes     []*node
	extra     []endpoint // scripted peers
	wires     []*wire
	cuts      map[[2]string]bool  // from host, to host
	dns       map[string][]string // host names and their addresses

	check    *checker
	onEffect func(*node, Effect)
	onFence  func(*wire, Send) // a server has got something over a fence
	onSave   func(*node, *Persist)
	// onTwins, if set, has every core go on as its clone after each turn of the
	// loop, and is told what core and clone do in the next.
	onTwins func(n *node, did, twinDid *Effects)
}

func newWorld(seed uint64) *world {
	w := &world{now: origin, rng: rand.New(rand.NewPCG(seed, 1)), cuts: map[[2]string]bool{}, dns: map[string][]string{}}
	w.delay = func() time.Duration { return time.Millisecond }
	w.onEffect = func(*node, Effect) {}
	w.onFence = func(*wire, Send) {}
	w.onSave = func(*node, *Persist) {}
	w.check = newChecker(w)
	w.after(replicationPeriod, w.replicate)
	return w
}

type happening struct {
	at  Instant
	seq uint64
	do  func()
}

type eventQueue []happening

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	return q[i].at < q[j].at || (q[i].at == q[j].at && q[i].seq < q[j].seq)
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(e any)   { *q = append(*q, e.(happening)) }
func (q *eventQueue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = happening{}
	*q = (*q)[:last]
	return e
}

func (w *world) at(t Instant, do func()) {
	w.seq++
	heap.Push(&w.queue, happening{max(t, w.now), w.seq, do})
}

func (w *world) after(d time.Duration, do func()) { w.at(w.now.Add(d), do) }

// advance plays d of virtual time, or less if stop says so.
func (w *world) advance(d time.Duration, stop func() bool) {
	end := w.now.Add(d)
	for len(w.queue) > 0 && w.queue[0].at <= end && !stop() {
		e := heap.Pop(&w.queue).(happening)
		w.now = e.at
		e.do()
	}
	if !stop() {
		w.now = end
	}
}

func (w *world) uptime() time.Duration { return w.now.Sub(origin) }

// endpoint is something that accepts connections.
type endpoint interface {
	at() HostPort
	listening() bool
	receive(cn *wire, s Send)
}

func (w *world) endpoint(at HostPort) endpoint {
	for _, s := range w.servers {
		if s.at() == at || slices.Contains(s.aliases, at) {
			return s
		}
	}
	for _, n := range w.nodes {
		if n.at() == at {
			return n
		}
	}
	for _, e := range w.extra {
		if e.at() == at {
			return e
		}
	}
	return nil
}

// Directions of a wire.
const (
	toTarget = iota
	toNode
)

// wire is a connection from a node. It keeps order. While the network between
// its ends is cut everything waits, as TCP does by retransmission.
type wire struct {
	w    *world
	from *node
	id   ConnID
	kind ConnKind
	host string // of the target
	to   endpoint
	open bool // the node uses it
	up   bool // and has heard that it is up
	gone bool // the target closed it
	last [2]Instant
	held [2][]func()
}

func (n *node) dial(d Dial) {
	at := d.Addr
	for _, ip := range d.Others {
		if to := n.w.endpoint(at); to != nil && to.listening() {
			break
		}
		at.Host = ip
	}
	cn := &wire{w: n.w, from: n, id: d.Conn, kind: d.Kind, host: at.Host, to: n.w.endpoint(at), open: true}
	n.wires[d.Conn] = cn
	n.w.wires = append(n.w.wires, cn)
	cn.carry(toTarget, func() {
		s, _ := cn.to.(*redis)
		switch {
		case cn.to == nil, !cn.to.listening():
			cn.reset("connection refused", LossRefused)
			return
		case s != nil && s.door == "tls":
			cn.reset("TLS handshake: EOF", LossOther)
			return
		}
		cn.carry(toNode, func() {
			cn.up = true
			n.input(LinkUp{Conn: cn.id, LocalIP: n.addr.Host, RemoteIP: at.Host})
		})
		if s != nil && s.door == "full" {
			cn.reset("closed by the other side after ERR max number of clients reached", LossEnded)
		}
		if s != nil && s.door == "ending" {
			cn.reset("connection reset by peer", LossReset)
		}
	})
}

// carry has do happen at the other end, after all that was sent before.
func (cn *wire) carry(direction int, do func()) {
	cn.last[direction] = max(cn.w.now.Add(cn.w.delay()), cn.last[direction])
	cn.w.at(cn.last[direction], func() {
		switch {
		case !cn.open, direction == toTarget && cn.gone:
		case direction == toTarget && cn.firewalled():
			cn.reset("connection reset by peer", LossReset)
		case len(cn.held[direction]) > 0, cn.w.isCut(cn, direction):
			cn.held[direction] = append(cn.held[direction], do)
		default:
			do()
		}
	})
}

// firewalled reports whether a firewall answers in the place of the server.
func (cn *wire) firewalled() bool {
	s, _ := cn.to.(*redis)
	return s != nil && s.door == "firewall"
}

// reset is the target closing the connection.
func (cn *wire) reset(reason string, loss Loss) {
	if cn.open && !cn.gone {
		cn.gone = true
		cn.carry(toNode, func() {
			cn.open = false
			cn.from.input(LinkDown{Conn: cn.id, Reason: reason, Loss: loss})
		})
	}
}

func (w *world) isCut(cn *wire, direction int) bool {
	if direction == toTarget {
		return w.cuts[[2]string{cn.from.addr.Host, cn.host}]
	}
	return w.cuts[[2]string{cn.host, cn.from.addr.Host}]
}

func (w *world) cut(from, to string) { w.cuts[[2]string{from, to}] = true }

func (w *world) cutBoth(a, b string) { w.cut(a, b); w.cut(b, a) }

// heal removes all cuts and delivers what waited for that.
func (w *world) heal() {
	w.cuts = map[[2]string]bool{}
	for _, cn := range w.wires {
		for direction := range cn.held {
			waiting := cn.held[direction]
			cn.held[direction] = nil
			for _, do := range waiting {
				if cn.open && (direction == toNode || !cn.gone) {
					do()
				}
			}
		}
	}
}

// forgetWires drops wires that are no longer in use.
func (w *world) forgetWires() {
	kept := w.wires[:0]
	for _, cn := range w.wires {
		if cn.open {
			kept = append(kept, cn)
		}
	}
	w.wires = kept
}

// resetAll closes every connection to a target but one.
func (w *world) resetAll(to endpoint, except *wire, kinds ...ConnKind) {
	for _, cn := range w.wires {
		for _, kind := range kinds {
			if cn.to == to && cn != except && cn.kind == kind {
				cn.reset("closed by the other side", LossEnded)
			}
		}
	}
}

// replicationPeriod is how often data flows from masters to replicas.
const replicationPeriod = 100 * time.Millisecond

// redis is a model of a Redis server: replication role and offset, the INFO
// text about them, and the commands that a Sentinel sends.
type redis struct {
	w    *world
	addr HostPort
	id   RunID
	of   string // name of the master that it belongs to
	down bool
	hung bool // accepts connections and answers nothing, like a stopped process

	role      Role
	following HostPort
	linkUp    bool
	linkSince Instant // when the link to the master went up, or began not to be
	neverSync bool
	offset    uint64
	read      uint64 // beyond offset: received and not applied
	hist      string // name of the history of its data
	hist2     string // of the one before its promotion, as far as second
	second    uint64
	keys      bool // it has keys
	saves     bool // it keeps its data on disk
	unread    bool // it says that it has read no keys from there
	disk      Disk // what it says about its RDB, if it says anything
	priority  int

	syncTime   time.Duration // from SLAVEOF to a link that is up
	slowInfo   time.Duration
	deaf       bool   // says OK to SLAVEOF and does nothing
	aborts     bool   // refuses the transaction, for example because CLIENT is renamed
	refuses    string // how it answers SLAVEOF itself, "" when it obeys
	mute       bool   // closes the connection instead of answering the next SLAVEOF
	loading    bool
	anonymous  bool       // does not tell its run id, as releases before 2.6
	aliases    []HostPort // further addresses
	syncing    bool
	badInfo    string    // sent instead of an INFO text
	ping       PingReply // PingPong normally
	reboots    int
	waiting    []func()
	noPause    string // how CLIENT PAUSE is refused; "": it is not
	noUnpause  string
	noKill     string
	noRewrite  string
	modules    bool
	handing    bool     // a FAILOVER command is under way
	late       bool     // does not apply what it is sent
	stillLists HostPort // a replica that it shows although it has none there
	listLag    int      // and for how many seconds it has not heard it
	door       string   // what new connections meet: "closed", "ending", "firewall", "full", "tls"; "": they are taken
	stuck      Instant  // since when its link to the master is cut, which it has not noticed; 0: it is not
}

func (w *world) addServer(of string, addr HostPort, following HostPort) *redis {
	s := &redis{
		w: w, of: of, addr: addr, role: RoleMaster, following: following, offset: 1000, priority: 100,
		syncTime: 50 * time.Millisecond, ping: PingPong, linkSince: w.now,
	}
	s.newHistory()
	if following != (HostPort{}) {
		s.role, s.linkUp = RoleReplica, true
		if m, ok := w.endpoint(following).(*redis); ok {
			s.hist = m.hist
		}
	}
	s.newRunID()
	w.servers = append(w.servers, s)
	return s
}

func (s *redis) newRunID() {
	s.reboots++
	s.id = RunID(fmt.Sprintf("%s/%d", s.addr, s.reboots))
	s.id += RunID(strings.Repeat("0", 40-len(s.id)))
}

// newHistory gives the data of s a name that no others have.
func (s *redis) newHistory() {
	s.w.histories++
	s.hist = fmt.Sprintf("%040x", 1<<32+s.w.histories)
}

func (s *redis) at() HostPort { return s.addr }
func (s *redis) listening() bool {
	return s.door == "ending" || !s.down && s.door != "closed" && s.door != "firewall"
}

// crash ends the process: its kernel resets the connections.
func (s *redis) crash() {
	s.down, s.hung, s.linkUp, s.linkSince, s.waiting = true, false, false, s.w.now, nil
	for _, r := range s.attached() {
		if r.stuck == 0 {
			r.linkUp, r.linkSince = false, s.w.now
		}
	}
	s.w.resetAll(s, nil, ConnCommand, ConnPubSub, ConnFence)
}

// start begins a new process with the role of the configuration file, which
// CONFIG REWRITE keeps up to date. An empty one has lost its data.
func (s *redis) start(empty bool) {
	s.down, s.linkUp, s.linkSince = false, false, s.w.now
	s.newRunID()
	s.disk.Changes, s.disk.Syncs = 0, 0
	if empty {
		s.offset, s.neverSync = 0, s.role == RoleReplica
		s.newHistory()
		s.hist2, s.second, s.keys = "", 0, false
	}
}

func (s *redis) resume() {
	s.hung = false
	waiting := s.waiting
	s.waiting = nil
	for _, do := range waiting {
		do()
	}
}

// live runs do now, or when a hung server is resumed.
func (s *redis) live(do func()) {
	if s.hung {
		s.waiting = append(s.waiting, do)
		return
	}
	do()
}

func (s *redis) receive(cn *wire, in Send) {
	s.live(func() {
		if s.down || cn.gone || !cn.open {
			return
		}
		if cn.kind == ConnFence {
			s.w.onFence(cn, in)
		}
		switch cmd := in.Cmd.(type) {
		case Ping:
			cn.carry(toNode, func() { cn.from.input(Pong{cn.id, s.ping}) })
		case InfoRequest:
			s.sendInfo(cn, in.Token)
		case PublishHello:
			s.publish(cmd.Hello)
			cn.carry(toNode, func() { cn.from.input(PublishReply{cn.id, in.Token, true}) })
		case SlaveOf:
			s.slaveof(cn, in.Token, cmd)
		case PauseWrites:
			s.obey(cn, in.Token, s.noPause, func() {})
		case Unpause:
			s.obey(cn, in.Token, s.noUnpause, func() {})
		case KillClients:
			s.obey(cn, in.Token, s.noKill, func() {
				if cmd.PubSub {
					s.w.resetAll(s, cn, ConnPubSub)
				} else {
					s.w.resetAll(s, cn, ConnCommand, ConnFence)
				}
			})
		case RewriteConfig:
			s.obey(cn, in.Token, s.noRewrite, func() {})
		default:
			s.obey(cn, in.Token, "", func() {})
		}
	})
}

// obey answers a command with what it is refused by, or carries it out.
func (s *redis) obey(cn *wire, t Token, refused string, do func()) {
	cn.carry(toNode, func() { cn.from.input(CommandDone{Conn: cn.id, Token: t, Refused: refused}) })
	if refused == "" {
		do()
	}
}

func (s *redis) sendInfo(cn *wire, t Token) {
	text, role := s.info(), s.role
	s.w.after(s.slowInfo, func() {
		cn.carry(toNode, func() {
			cn.from.saw(HostPort{Host: cn.host, Port: s.addr.Port}, role)
			cn.from.input(InfoReply{cn.id, t, ParseInfo([]byte(text))})
		})
	})
}

func (s *redis) info() string {
	if s.badInfo != "" {
		return s.badInfo
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	if !s.anonymous {
		line("run_id:%s", s.id)
	}
	line("tcp_port:%d", s.addr.Port)
	if s.modules {
		line("# Modules\r\nmodule:name=bf,ver=20612")
	}
	line("# Persistence")
	line("loading:%d\r\nasync_loading:0\r\n\r\n# Replication", bit(s.loading))
	if s.role == RoleMaster {
		line("role:master")
		if s.handing {
			line("master_failover_state:waiting-for-sync")
		}
		for k, r := range s.attached() {
			line("slave%d:ip=%s,port=%d,state=online,offset=%d,lag=0", k, r.addr.Host, r.addr.Port, r.offset)
		}
		if s.stillLists.Port != 0 {
			line("slave9:ip=%s,port=%d,state=online,offset=1,lag=%d", s.stillLists.Host, s.stillLists.Port, s.listLag)
		}
		s.sayData(line)
		return b.String()
	}
	line("role:slave\r\nmaster_host:%s\r\nmaster_port:%d", s.following.Host, s.following.Port)
	status := "down"
	if s.linkUp {
		status = "up"
	}
	line("master_link_status:%s\r\nmaster_sync_in_progress:%d\r\nslave_repl_offset:%d", status, bit(s.syncing), s.offset)
	if !s.linkUp {
		seconds := int64(s.w.now.Sub(s.linkSince) / time.Second)
		if s.neverSync {
			seconds = -1
		}
		line("master_link_down_since_seconds:%d", seconds)
	}
	if s.stuck != 0 {
		line("master_last_io_seconds_ago:%d", s.w.now.Sub(s.stuck)/time.Second)
	}
	line("slave_priority:%d\r\nslave_read_only:1\r\nreplica_announced:1\r\nconnected_slaves:0", s.priority)
	line("slave_read_repl_offset:%d", s.offset+s.read)
	s.sayData(line)
	return b.String()
}

// sayData adds what INFO says about the data.
func (s *redis) sayData(line func(string, ...any)) {
	line("master_replid:%s\r\nmaster_repl_offset:%d", s.hist, s.offset)
	if s.hist2 != "" {
		line("master_replid2:%s\r\nsecond_repl_offset:%d", s.hist2, s.second)
	}
	line("aof_enabled:%d", bit(s.saves))
	if s.unread {
		line("rdb_last_load_keys_loaded:0")
	}
	if s.disk.Counted {
		line("rdb_changes_since_last_save:%d\r\nrdb_last_save_time:%d\r\nsync_full:%d", s.disk.Changes, s.disk.Saved, s.disk.Syncs)
	}
	if s.keys {
		line("# Keyspace\r\ndb0:keys=5,expires=0,avg_ttl=0")
	}
}

func bit(on bool) int {
	if on {
		return 1
	}
	return 0
}

func (s *redis) attached() (rs []*redis) {
	for _, r := range s.w.servers {
		if r.role == RoleReplica && r.linkUp && r.following == s.addr {
			rs = append(rs, r)
		}
	}
	return rs
}

// publish delivers a hello to the subscribers here and at the replicas.
func (s *redis) publish(h Hello) {
	for _, cn := range s.w.wires {
		if cn.to == s && cn.kind == ConnPubSub && !cn.gone {
			cn.carry(toNode, func() { cn.from.heard(cn, h) })
		}
	}
	for _, r := range s.attached() {
		s.w.after(s.w.delay(), func() { r.live(func() { r.publish(h) }) })
	}
}

// slaveof is the whole transaction: the role changes, and all clients but the
// caller are disconnected.
func (s *redis) slaveof(cn *wire, t Token, cmd SlaveOf) {
	reply := SlaveOfReply{Conn: cn.id, Token: t}
	if s.mute {
		s.mute = false
		s.w.resetAll(s, nil, ConnCommand, ConnPubSub, ConnFence)
		return
	}
	if s.refuses != "" {
		reply.Refused = s.refuses
		cn.carry(toNode, func() { cn.from.input(reply) })
		return
	}
	if s.aborts && !cmd.Plain && !cmd.Bare {
		reply.Aborted, reply.Refused = true, "EXECABORT Transaction discarded because of previous errors."
	} else if to := (HostPort{Host: cmd.Host, Port: cmd.Port}); !s.deaf {
		reply.Already = cmd.Bare && s.role == RoleReplica && s.following == to
		s.follow(to)
	}
	cn.carry(toNode, func() { cn.from.input(reply) })
	if !reply.Aborted && !cmd.Bare {
		s.w.resetAll(s, cn, ConnCommand, ConnPubSub, ConnFence)
	}
}

func (s *redis) follow(master HostPort) {
	switch {
	case master.Host == "":
		if s.role == RoleReplica {
			s.hist2, s.second = s.hist, s.offset+1
			s.newHistory()
		}
		s.role, s.following, s.linkUp, s.neverSync = RoleMaster, HostPort{}, false, false
	case s.role == RoleReplica && s.following == master:
	default:
		for _, r := range s.attached() { // a server that gets another master drops its replicas
			r.linkUp, r.linkSince = false, s.w.now
		}
		s.role, s.following, s.linkUp, s.linkSince = RoleReplica, master, false, s.w.now
	}
}

// replicate moves data for one period.
func (w *world) replicate() {
	for _, s := range w.servers {
		if s.role == RoleMaster && !s.down && !s.hung {
			s.offset += 10
		}
	}
	for _, s := range w.servers {
		if s.role == RoleReplica && !s.down && !s.hung && s.stuck == 0 {
			s.fetch()
		}
	}
	w.forgetWires()
	w.after(replicationPeriod, w.replicate)
}

func (s *redis) fetch() {
	m, _ := s.w.endpoint(s.following).(*redis)
	reachable := m != nil && m != s && !m.down && (m.role == RoleMaster || m.linkUp) &&
		!s.w.cuts[[2]string{s.addr.Host, s.following.Host}] && !s.w.cuts[[2]string{s.following.Host, s.addr.Host}]
	switch {
	case !reachable && s.linkUp:
		s.linkUp, s.linkSince = false, s.w.now
	case !reachable || m.hung:
	case s.linkUp && s.late:
		s.read = m.offset - s.offset
	case s.linkUp:
		s.offset, s.keys = m.offset, m.keys
	case s.w.now.Sub(s.linkSince) >= s.syncTime:
		s.linkUp, s.linkSince, s.neverSync, s.offset = true, s.w.now, false, m.offset
		s.hist, s.hist2, s.second, s.keys = m.hist, m.hist2, m.second, m.keys
	}
}

// node is a real Core in its model shell.
type node struct {
	forecast *State // the last one; nil: there was none
	gossip   bool
	policy   Policy
	w        *world
	name     string
	id       RunID
	addr     Addr
	core     *Core
	twin     *Core // clone of core, when world.onTwins is set
	seed     uint64
	tun      Tunables

	alive  bool
	paused Instant // a stalled process runs again at this instant
	life   int     // counts the processes of this node
	inbox  []Input
	wake   uint64 // the wake-up that counts
	wakeAt Instant
	wires  map[ConnID]*wire
	asked  map[PeerRef]func(Reply)
	lastID PeerRef
	roles  map[HostPort]Role // as the last INFO reply that arrived here said
	runs   int               // loop turns since the last look, to find storms

	disk modelDisk
}

// modelDisk makes states durable one after the other. What it holds survives a
// crash, what is under way may or may not.
type modelDisk struct {
	durable State
	pending *Persist
	latency func() time.Duration
	broken  string // why writes fail, "" when they do not
	ungated bool   // a deliberate fault: Then is carried out before the write
	lossy   bool   // a deliberate fault: writes are acknowledged and forgotten

	releasing bool // effects that waited for the disk are carried out now
}

func (w *world) addNode(name string, addr Addr, s State) *node {
	n := &node{w: w, name: name, id: s.Options.MyID, addr: addr, roles: map[HostPort]Role{}, tun: DefaultTunables()}
	n.disk.durable = s
	n.disk.latency = func() time.Duration { return 2 * time.Millisecond }
	w.nodes = append(w.nodes, n)
	return n
}

// boot starts a process from the durable state.
func (n *node) boot() error {
	n.life++
	const newYear = 1767225600000 // 2026-01-01T00:00:00Z
	core, err := New(n.w.now, Params{State: n.disk.durable, Port: n.addr.Port, Policy: n.policy, Gossip: n.gossip, Wall: newYear + int64(n.w.now-origin)/int64(time.Millisecond), Seed: n.seed + uint64(n.life), Tunables: n.tun})
	if err != nil {
		return err
	}
	n.core, n.twin, n.alive, n.paused = core, nil, true, 0
	n.inbox, n.wires, n.asked = nil, map[ConnID]*wire{}, map[PeerRef]func(Reply){}
	n.wakeAt = 0
	n.w.check.booted(n)
	n.schedule(n.w.now)
	return nil
}

// crash ends the process. A write that is under way may have reached the disk.
func (n *node) crash() {
	n.alive = false
	n.life++
	if p := n.disk.pending; p != nil && n.disk.broken == "" && !n.disk.lossy && n.w.rng.IntN(2) == 0 {
		n.disk.durable = p.State
	}
	n.disk.pending = nil
	for _, cn := range n.w.wires {
		if cn.from == n {
			cn.open = false
		}
	}
	n.w.resetAll(n, nil, ConnCommand)
}

func (n *node) at() HostPort    { return HostPort{Host: n.addr.Host, Port: n.addr.Port} }
func (n *node) listening() bool { return n.alive }

// input puts something into the inbox of the loop.
func (n *node) input(in Input) {
	if n.alive {
		n.inbox = append(n.inbox, in)
		n.schedule(n.w.now)
	}
}

func (n *node) schedule(at Instant) {
	at = max(at, n.paused)
	if n.wakeAt != 0 && n.wakeAt <= at {
		return
	}
	n.wake++
	n.wakeAt = at
	id, life := n.wake, n.life
	n.w.at(at, func() {
		if n.alive && n.life == life && n.wake == id {
			n.wakeAt = 0
			n.loop()
		}
	})
}

// loop is one turn of the shell: all inputs, a Tick if one is due, one Drain.
func (n *node) loop() {
	if n.w.now < n.paused {
		n.schedule(n.paused)
		return
	}
	n.runs++
	inbox := n.inbox
	n.inbox = nil
	for _, in := range inbox {
		n.step(in)
	}
	if n.core.NextDeadline() <= n.w.now {
		n.step(Tick{})
	}
	var out Effects
	n.core.Drain(&out)
	n.swapTwin(&out)
	for _, e := range out.Free {
		n.do(e)
	}
	if out.Persist != nil {
		n.save(out.Persist)
	}
	if out.Forecast != nil {
		n.forecast = out.Forecast
	}
	n.w.check.drained(n)
	n.schedule(n.core.NextDeadline())
}

func (n *node) step(in Input) {
	n.w.check.before(n, in)
	n.core.Step(n.w.now, in)
	if n.twin != nil {
		n.twin.Step(n.w.now, in)
	}
	n.w.check.after(n, in)
}

func (n *node) swapTwin(did *Effects) {
	if n.w.onTwins == nil {
		return
	}
	if n.twin != nil {
		var twinDid Effects
		n.twin.Drain(&twinDid)
		n.w.onTwins(n, did, &twinDid)
		n.core, n.twin = n.twin, n.core
		n.core.CopyTo(n.twin)
		return
	}
	n.twin = n.core.Clone()
}

func (n *node) save(p *Persist) {
	n.w.onSave(n, p)
	n.disk.pending = p
	if n.disk.ungated {
		n.release(p.Then)
	}
	life := n.life
	n.w.after(n.disk.latency(), func() {
		if n.life == life {
			n.saved(p)
		}
	})
}

func (n *node) saved(p *Persist) {
	n.disk.pending = nil
	if q := n.core.InFlight(); n.twin != nil && q != nil && q.Seq == p.Seq {
		p = q // the core that p came from was swapped for its twin
	}
	if n.disk.broken != "" {
		n.input(Persisted{p.Seq, n.disk.broken})
		return
	}
	if !n.disk.lossy {
		n.disk.durable = p.State
	}
	if !n.disk.ungated {
		n.release(p.Then)
	}
	n.input(Persisted{Seq: p.Seq})
}

func (n *node) release(es []Effect) {
	n.disk.releasing = true
	for _, e := range es {
		n.do(e)
	}
	n.disk.releasing = false
}

func (n *node) do(e Effect) {
	n.w.check.effect(n, e)
	n.w.onEffect(n, e)
	switch e := e.(type) {
	case Dial:
		n.dial(e)
	case Close:
		cn := n.wires[e.Conn]
		if cn.open = false; cn.kind == ConnFence && cn.up && !e.Abort {
			cn.open = true
			cn.carry(toTarget, func() { cn.open = false }) // behind what was sent
		}
		delete(n.wires, e.Conn)
	case Send:
		cn := n.wires[e.Conn]
		cn.carry(toTarget, func() { cn.to.receive(cn, e) })
	case Reply:
		if answer := n.asked[e.To]; answer != nil {
			delete(n.asked, e.To)
			answer(e)
		}
	case Resolve:
		n.w.after(n.w.delay(), func() { n.input(Resolved{e.Host, n.w.dns[e.Host]}) })
	}
}

// heard is a hello message that arrived over a Pub/Sub connection.
func (n *node) heard(cn *wire, h Hello) {
	if h.RunID == n.id {
		n.input(PubSubActivity{Conn: cn.id})
		return
	}
	n.input(HelloReceived{cn.id, h})
}

func (n *node) saw(addr HostPort, role Role) { n.roles[addr] = role }

// ask puts a question to the core; answer gets its Reply.
func (n *node) ask(q Ask, answer func(Reply)) {
	n.lastID++
	q.From = n.lastID
	n.asked[q.From] = answer
	n.input(q)
}

// receive is a command of another Sentinel. A stalled process answers when it
// runs again.
func (n *node) receive(cn *wire, in Send) {
	if n.w.now < n.paused {
		n.w.at(n.paused, func() { n.receive(cn, in) })
		return
	}
	if cn.gone || !cn.open {
		return
	}
	switch cmd := in.Cmd.(type) {
	case Ping:
		cn.carry(toNode, func() { cn.from.input(Pong{cn.id, PingPong}) })
	case PublishHello:
		n.input(HelloReceived{Hello: cmd.Hello})
		cn.carry(toNode, func() { cn.from.input(PublishReply{cn.id, in.Token, true}) })
	case AskMasterDown:
		n.ask(Ask{IP: cmd.IP, Port: cmd.Port, Epoch: cmd.Epoch, RunID: cmd.RunID}, func(r Reply) {
			cn.carry(toNode, func() {
				cn.from.input(AskReply{Conn: cn.id, Token: in.Token, OK: true, Down: r.Down, Leader: r.Leader, Epoch: r.Epoch})
			})
		})
	}
}

func (w *world) server(addr HostPort) *redis {
	s, _ := w.endpoint(addr).(*redis)
	return s
}
