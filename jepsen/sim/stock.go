package sim

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

// stock is a model of a stock Sentinel, written after state-machine.md with its
// known flaws: everything happens in ticks of 52 to 100 ms; votes are asked for
// and counted at the current epoch, the own one at the epoch of the attempt; a
// vote is told although the save has failed; peers' answers outlive a switch;
// a save stops everything. Simplifications: masters do not share links, names
// are not resolved, and master-reboot-down-after-period is off.
//
// TestStockTimes compares the time of each stage with measurements.
type stock struct {
	process
	rng     *rand.Rand // of its own, so that the world around it is the same with other Sentinels
	epoch   monitor.Epoch
	masters []*stockMaster
	known   map[monitor.InstanceID]*stockInst
	lastID  monitor.InstanceID

	tilt      bool
	tiltSince Instant
	lastTick  Instant
	switching *stockMaster // in state update_config at the end of a tick

	thread stockThread
}

type stockMaster struct {
	stockInst
	cfg         monitor.MasterConfig
	replicas    []*stockInst
	peers       []*stockInst
	configEpoch monitor.Epoch
	voteEpoch   monitor.Epoch
	voteFor     monitor.RunID
	foEpoch     monitor.Epoch
	foStart     Instant
	foChanged   Instant
	foState     stockState
	forced      bool
	promoted    *stockInst
}

type stockState int

const (
	stockNone stockState = iota
	stockWaitStart
	stockSelect
	stockSend
	stockWait
	stockReconf
	stockUpdate
)

type stockInst struct {
	id        monitor.InstanceID
	kind      monitor.Kind
	master    *stockMaster
	addr      monitor.HostPort
	runID     monitor.RunID
	downAfter time.Duration

	cc, pc                                           *conn
	lost                                             bool // a connection is missing
	pending                                          int
	ccAt, pcAt, pcActivity, lastReconn               Instant
	lastAvail, actPing, lastPing, lastPong           Instant
	lastPub, infoRefresh, roleSince, confChange      Instant
	sdown, odown                                     bool
	sdownSince, odownSince                           Instant
	role                                             monitor.Role
	linkDown                                         time.Duration
	follows                                          monitor.HostPort
	linkUp, isPromoted, isSent, isInProgress, isDone bool
	priority                                         int
	offset                                           uint64
	sentAt, askReply                                 Instant
	masterDown, killedScript                         bool
	votedFor                                         monitor.RunID
	votedEpoch                                       monitor.Epoch
}

// The constants of state-machine.md §0.
const (
	stockInfo, stockPing, stockAsk, stockPub = 10 * time.Second, time.Second, time.Second, 2 * time.Second
	stockInfoFast, stockTiltTrigger          = time.Second, 2 * time.Second
	stockTilt, stockReconfTimeout            = 30 * time.Second, 10 * time.Second
	stockMinReconnect, stockElection         = 15 * time.Second, 10 * time.Second
	stockMaxPending                          = 100
)

func (w *world) newStock(p process, s monitor.State) *stock {
	t := &stock{process: p, rng: rand.New(rand.NewPCG(w.rng.Uint64(), 0))}
	t.disk = modelDisk{w: w, durable: s, latency: w.opts.DiskLatency}
	return t
}

func (t *stock) start() error {
	if t.alive {
		return nil
	}
	t.life++
	t.alive, t.dark, t.paused = true, false, 0
	t.masters, t.known, t.tilt, t.lastTick = nil, map[monitor.InstanceID]*stockInst{}, false, t.w.now
	t.thread = stockThread{}
	s := t.disk.durable
	t.epoch = s.CurrentEpoch
	for _, ms := range s.Masters {
		t.epoch = max(t.epoch, ms.ConfigEpoch)
		t.addMaster(ms)
	}
	t.w.at(t.w.now.Add(time.Duration(t.rng.IntN(100))*time.Millisecond), t, t.code(stockTick))
	return nil
}

func (t *stock) addMaster(ms *monitor.MasterState) {
	m := &stockMaster{cfg: ms.MasterConfig, configEpoch: ms.ConfigEpoch, voteEpoch: ms.LeaderEpoch}
	t.initInst(&m.stockInst, monitor.KindMaster, m, hostPort(ms.Addr))
	m.role = monitor.RoleMaster
	for _, r := range ms.Replicas {
		t.addReplica(m, hostPort(r))
	}
	for _, s := range ms.Sentinels {
		t.addPeer(m, hostPort(s.Addr), s.ID)
	}
	t.masters = append(t.masters, m)
}

func hostPort(a monitor.Addr) monitor.HostPort { return monitor.HostPort{Host: a.Host, Port: a.Port} }

func (t *stock) initInst(i *stockInst, kind monitor.Kind, m *stockMaster, at monitor.HostPort) {
	t.lastID++
	now := t.w.now
	*i = stockInst{
		id: t.lastID, kind: kind, master: m, addr: at, downAfter: m.cfg.DownAfter, lost: true, priority: 100,
		lastAvail: now, actPing: now, lastPong: now, lastPub: now, roleSince: now, confChange: now, askReply: now,
		role: monitor.RoleReplica,
	}
	t.known[i.id] = i
}

func (t *stock) addReplica(m *stockMaster, at monitor.HostPort) *stockInst {
	if at == m.addr || slices.ContainsFunc(m.replicas, func(r *stockInst) bool { return r.addr == at }) {
		return nil
	}
	r := &stockInst{}
	t.initInst(r, monitor.KindReplica, m, at)
	m.replicas = append(m.replicas, r)
	return r
}

func (t *stock) addPeer(m *stockMaster, at monitor.HostPort, id monitor.RunID) *stockInst {
	p := &stockInst{}
	t.initInst(p, monitor.KindSentinel, m, at)
	p.runID, p.role = id, monitor.RoleNone
	m.peers = append(m.peers, p)
	return p
}

func (t *stock) drop(i *stockInst) {
	t.closeLink(i)
	delete(t.known, i.id)
}

func (t *stock) closeLink(i *stockInst) {
	for _, c := range []*conn{i.cc, i.pc} {
		if c != nil {
			c.close(0, "closed by the Sentinel")
		}
	}
	i.cc, i.pc, i.lost, i.pending = nil, nil, true, 0
}

func (t *stock) crash(dark bool) {
	if t.alive {
		t.halt(dark)
	}
}

func (t *stock) stall(d time.Duration) {
	if t.alive {
		t.paused = max(t.paused, t.w.now.Add(d))
	}
}

func (t *stock) snapshot() monitor.State {
	s := monitor.State{Options: monitor.Options{MyID: t.id}, CurrentEpoch: t.epoch}
	addr := func(h monitor.HostPort) monitor.Addr { a, _ := monitor.IPAddr(h.Host, h.Port); return a }
	for _, m := range t.masters {
		ms := &monitor.MasterState{MasterConfig: m.cfg, ConfigEpoch: m.configEpoch, LeaderEpoch: m.voteEpoch}
		ms.Addr = addr(m.current())
		for _, r := range m.replicas {
			if r.addr == m.current() {
				ms.Replicas = append(ms.Replicas, addr(m.addr))
			} else {
				ms.Replicas = append(ms.Replicas, addr(r.addr))
			}
		}
		for _, p := range m.peers {
			ms.Sentinels = append(ms.Sentinels, monitor.KnownSentinel{Addr: addr(p.addr), ID: p.runID})
		}
		s.Masters = append(s.Masters, ms)
	}
	return s
}

func (m *stockMaster) current() monitor.HostPort {
	if m.promoted != nil && m.foState >= stockReconf {
		return m.promoted.addr
	}
	return m.addr
}

func (m *stockMaster) failing() bool { return m.foState != stockNone }

func (t *stock) tick() {
	now := t.w.now
	if now.Sub(t.lastTick) > stockTiltTrigger {
		t.tilt, t.tiltSince = true, now
		t.emit(event.Tilt{Entered: true})
	}
	t.lastTick = now
	t.switching = nil
	for _, m := range t.masters {
		t.handle(&m.stockInst)
		if !t.tilt {
			t.checkODown(m)
			t.maybeStart(m)
			t.step(m)
			t.askPeers(m, false)
		}
		for _, r := range m.replicas {
			t.handle(r)
		}
		for _, p := range m.peers {
			t.handle(p)
		}
		if m.foState == stockUpdate {
			t.switching = m
		}
	}
	if m := t.switching; m != nil {
		to := m.promoted.addr
		t.emit(event.SwitchMaster{Master: m.cfg.Name, From: m.addr, To: to, Epoch: m.configEpoch})
		t.switchTo(m, to)
	}
}

func (t *stock) handle(i *stockInst) {
	t.reconnect(i)
	t.periodic(i)
	if t.tilt {
		if t.w.now.Sub(t.tiltSince) < stockTilt {
			return
		}
		t.tilt = false
		t.emit(event.Tilt{})
	}
	t.checkSDown(i)
}

func (t *stock) reconnect(i *stockInst) {
	now := t.w.now
	if !i.lost || i.addr.Port == 0 || i.lastReconn != 0 && now.Sub(i.lastReconn) < stockPing {
		return
	}
	i.lastReconn = now
	if i.cc == nil {
		i.cc, i.ccAt, i.pending = t.connect(t, commandConn, monitor.ConnID(2*i.id), i.addr), now, 0
		t.ping(i)
	}
	if i.kind != monitor.KindSentinel && i.pc == nil {
		i.pc, i.pcAt, i.pcActivity = t.connect(t, pubsubConn, monitor.ConnID(2*i.id+1), i.addr), now, now
	}
	i.lost = false
}

func (t *stock) ping(i *stockInst) {
	i.lastPing = t.w.now
	if i.actPing == 0 {
		i.actPing = t.w.now
	}
	t.send(i, monitor.Ping{})
}

func (t *stock) send(i *stockInst, cmd monitor.Command) {
	i.pending++
	t.put(i.cc, toAcceptor, monitor.Send{Cmd: cmd, Token: monitor.Token{Instance: i.id}})
}

func (t *stock) periodic(i *stockInst) {
	now, m := t.w.now, i.master
	if i.lost || i.cc == nil || i.pending >= stockMaxPending {
		return
	}
	info, ping := stockInfo, min(i.downAfter, stockPing)
	if i.kind == monitor.KindReplica && (m.odown || m.failing() || i.linkDown != 0) {
		info = stockInfoFast
	}
	if i.kind != monitor.KindSentinel && (i.infoRefresh == 0 || now.Sub(i.infoRefresh) > info) {
		t.send(i, monitor.InfoRequest{})
	}
	if now.Sub(i.lastPong) > ping && now.Sub(i.lastPing) > ping/2 {
		t.ping(i)
	}
	if now.Sub(i.lastPub) > stockPub {
		t.send(i, monitor.PublishHello{Hello: monitor.Hello{
			IP: t.addr.Host, Port: t.addr.Port, RunID: t.id, CurrentEpoch: t.epoch, MasterName: m.cfg.Name,
			MasterIP: m.current().Host, MasterPort: m.current().Port, ConfigEpoch: m.configEpoch,
		}})
	}
}

func (t *stock) checkSDown(i *stockInst) {
	now := t.w.now
	elapsed := time.Duration(0)
	switch {
	case i.actPing != 0:
		elapsed = now.Sub(i.actPing)
	case i.lost:
		elapsed = now.Sub(i.lastAvail)
	}
	half := i.downAfter / 2
	if i.cc != nil && now.Sub(i.ccAt) > stockMinReconnect && i.actPing != 0 && now.Sub(i.actPing) > half && now.Sub(i.lastPong) > half {
		i.cc.close(0, "idle")
		i.cc, i.lost, i.pending = nil, true, 0
	}
	if i.pc != nil && now.Sub(i.pcAt) > stockMinReconnect && now.Sub(i.pcActivity) > 3*stockPub {
		i.pc.close(0, "idle")
		i.pc, i.lost = nil, true
	}
	down := elapsed > i.downAfter ||
		i.kind == monitor.KindMaster && i.role == monitor.RoleReplica && now.Sub(i.roleSince) > i.downAfter+2*stockInfo
	switch {
	case down && !i.sdown:
		i.sdown, i.sdownSince = true, now
		t.emit(event.SDown{Instance: t.ref(i)})
	case !down && i.sdown:
		i.sdown, i.killedScript = false, false
		t.emit(event.SDownCleared{Instance: t.ref(i)})
	}
}

func (t *stock) ref(i *stockInst) monitor.Instance {
	r := monitor.Instance{Kind: i.kind, Name: i.addr.String(), Addr: i.addr}
	switch i.kind {
	case monitor.KindMaster:
		r.Name = i.master.cfg.Name
		return r
	case monitor.KindSentinel:
		r.Name = string(i.runID)
	}
	r.Master, r.MasterAddr = i.master.cfg.Name, i.master.addr
	return r
}

func (t *stock) emit(e monitor.Event) {
	t.w.mixText(e.Name())
	t.w.tell(&t.process, e)
	if s, ok := e.(event.SwitchMaster); ok {
		t.announce(s)
	}
	t.w.emitted(t, e)
}

// asked takes what others ask of this Sentinel.
func (t *stock) asked(c *conn, msg any) {
	switch m := msg.(type) {
	case whereIs:
		at, _ := t.masterAddr(m.master)
		t.put(c, toDialer, itIs{at})
	case monitor.Send:
		t.command(c, m)
	}
}

func (t *stock) command(c *conn, m monitor.Send) {
	switch cmd := m.Cmd.(type) {
	case monitor.Ping:
		t.put(c, toDialer, c.pong(monitor.PingPong))
	case monitor.PublishHello:
		if h := encodeHello(cmd.Hello); h.err == nil {
			t.hello(h.hello)
		}
		t.put(c, toDialer, monitor.PublishReply{Conn: c.tag, Token: m.Token, OK: true})
	case monitor.AskGossip:
		t.put(c, toDialer, monitor.GossipReply{Conn: c.tag, Token: m.Token})
	case monitor.AskConfig:
		reply := monitor.ConfigReply{Conn: c.tag, Token: m.Token}
		for _, o := range t.masters {
			if o.cfg.Name == cmd.Master {
				reply.OK, reply.Epoch = true, o.configEpoch
			}
		}
		t.put(c, toDialer, configMsg{reply, t.id, cmd.Master, t.w.now})
	case monitor.AskMasterDown:
		if cmd.Lease != 0 || cmd.WantReplicas || cmd.Promise != 0 { // words too many
			t.put(c, toDialer, monitor.AskReply{Conn: c.tag, Token: m.Token})
			return
		}
		r := t.answer(cmd)
		r.Conn, r.Token = c.tag, m.Token
		t.put(c, toDialer, r)
	}
}

func (t *stock) answer(q monitor.AskMasterDown) monitor.AskReply {
	at := monitor.HostPort{Host: q.IP, Port: q.Port}
	for _, m := range t.masters {
		if m.addr != at {
			continue
		}
		r := monitor.AskReply{OK: true, Down: m.sdown && !t.tilt}
		if q.RunID != "" {
			r.Leader, r.Epoch = t.vote(m, q.Epoch, q.RunID)
		}
		return r
	}
	return monitor.AskReply{OK: true}
}

func (t *stock) vote(m *stockMaster, epoch monitor.Epoch, candidate monitor.RunID) (monitor.RunID, monitor.Epoch) {
	if epoch > t.epoch {
		t.epoch = epoch
		t.save()
		t.emit(event.NewEpoch{Epoch: t.epoch})
	}
	if m.voteEpoch < epoch && t.epoch <= epoch {
		m.voteFor, m.voteEpoch = candidate, t.epoch
		t.save()
		t.emit(event.VoteForLeader{Master: m.cfg.Name, RunID: candidate, Epoch: m.voteEpoch})
		if candidate != t.id {
			m.foStart = t.w.now.Add(t.desync())
		}
	}
	return m.voteFor, m.voteEpoch
}

func (t *stock) desync() time.Duration { return time.Duration(t.rng.IntN(1000)) * time.Millisecond }

func (t *stock) up(*conn) {}

func (t *stock) instOf(c *conn) *stockInst {
	i := t.known[monitor.InstanceID(c.tag/2)]
	if i == nil || i.cc != c && i.pc != c {
		return nil
	}
	return i
}

func (t *stock) lostConn(c *conn) {
	i := t.instOf(c)
	switch {
	case i == nil:
	case i.cc == c:
		i.cc, i.lost, i.pending = nil, true, 0
	default:
		i.pc, i.lost = nil, true
	}
}

// heard takes what arrives on a connection that this Sentinel opened.
func (t *stock) heard(c *conn, msg any) {
	i := t.instOf(c)
	if i == nil {
		return
	}
	if h, ok := msg.(*helloMsg); ok {
		i.pcActivity = t.w.now
		if h.err == nil && !strings.Contains(string(h.payload), string(t.id)) {
			t.hello(h.hello)
		}
		return
	}
	i.pending--
	switch m := msg.(type) {
	case monitor.Pong:
		t.pong(i, m.Reply)
	case infoText:
		t.info(i, monitor.ParseInfo(m.text))
	case monitor.PublishReply:
		if m.OK {
			i.lastPub = t.w.now
		}
	case monitor.AskReply:
		if !m.OK {
			return
		}
		i.askReply, i.masterDown = t.w.now, m.Down
		if m.Leader != "" {
			i.votedFor, i.votedEpoch = m.Leader, m.Epoch
		}
	}
}

func (t *stock) pong(i *stockInst, r monitor.PingReply) {
	now := t.w.now
	i.lastPong = now
	switch r {
	case monitor.PingPong, monitor.PingLoading, monitor.PingMasterDown:
		i.lastAvail, i.actPing = now, 0
	case monitor.PingBusy:
		if i.sdown && i.cc != nil && !i.killedScript {
			i.killedScript = true
			t.send(i, monitor.ScriptKill{})
		}
	}
}

func (t *stock) masterAddr(name string) (monitor.HostPort, bool) {
	for _, m := range t.masters {
		if m.cfg.Name == name {
			return m.current(), true
		}
	}
	return monitor.HostPort{}, false
}

func (t *stock) state(name string) (beliefs, bool) {
	for _, m := range t.masters {
		if m.cfg.Name != name {
			continue
		}
		b := beliefs{current: m.current(), configEpoch: m.configEpoch}
		switch {
		case t.tilt:
			b.trouble = "is in TILT"
		case m.failing():
			b.trouble = "is in a failover"
		case m.sdown:
			b.trouble = "holds it down"
		}
		return b, true
	}
	return beliefs{}, false
}

func (t *stock) knows(name string, at monitor.HostPort) bool {
	for _, m := range t.masters {
		if m.cfg.Name == name {
			return m.addr == at || slices.ContainsFunc(m.replicas, func(r *stockInst) bool { return r.addr == at })
		}
	}
	return false
}

func (t *stock) findsPeer(name string, other *process) bool {
	for _, m := range t.masters {
		if m.cfg.Name == name {
			return slices.ContainsFunc(m.peers, func(p *stockInst) bool { return p.runID == other.id && p.addr == other.addr })
		}
	}
	return false
}
