package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

// node is a real Core in a model of its shell: an inbox, a loop, links, a disk.
type node struct {
	process
	core   *monitor.Core
	seed   uint64
	tun    monitor.Tunables
	inbox  []monitor.Input
	out    monitor.Effects
	links  []*conn // in use, by ConnID - base
	first  monitor.ConnID
	shown  map[string]monitor.HostPort // what clients are told of each master
	asked  []question
	passed []question // pauses that others have passed on
	refs   monitor.PeerRef
	hooks  hooks
	steps  int
	turns  int

	wakeAt      Instant      // of the wake-up that is planned; 0 when none is
	turnAt      Instant      // of the turn that is planned because of the inbox
	deferred    []work       // arrived while stalled
	gossipPeers []gossipPeer // peers that gossip
	opinions    map[string]monitor.ShareOpinion
	seen        watch
	bound       *voter // see voter
	diary       diary
}

// question is an Ask of another Sentinel that has no answer yet.
type question struct {
	ref   monitor.PeerRef
	c     *conn
	token monitor.Token
}

// Codes of a node's events.
const (
	nodeWake = iota
	nodeTurn
)

func (w *world) newNode(p process, s monitor.State) *node {
	n := &node{process: p, seed: w.rng.Uint64(), tun: monitor.DefaultTunables()}
	n.tun.FenceDial = fenceDial
	n.disk.init(w, s)
	n.seen.init()
	return n
}

// start begins a process from what the disk holds.
func (n *node) start() error {
	if n.alive {
		return nil
	}
	state, err := n.disk.load()
	if err != nil {
		return err
	}
	core, err := monitor.New(n.w.now, monitor.Params{State: state, Port: n.addr.Port, Gossip: n.w.opts.Gossip, Wall: wall(n.w.now), Policy: n.w.policy(), Seed: n.seed + uint64(n.life), Tunables: n.tun})
	if err != nil {
		return err
	}
	n.life++
	n.core, n.alive, n.dark, n.paused = core, true, false, 0
	n.inbox, n.links, n.first, n.asked, n.passed, n.deferred = nil, nil, 1, nil, nil, nil
	n.wakeAt, n.turnAt = 0, 0
	n.gossipPeers, n.opinions = nil, nil
	n.shown = map[string]monitor.HostPort{}
	n.w.check.booted(n)
	n.seen.recallsFences(n, &state)
	n.w.check.opened(n)
	n.turn()
	return nil
}

// wall is the wall clock of all Sentinels, in milliseconds of Unix time.
func wall(at Instant) int64 { return 1767225600000 + int64(at)/int64(time.Millisecond) }

// crash ends the process. A write that is under way may have reached the disk.
func (n *node) crash(dark bool) {
	if !n.alive {
		return
	}
	n.halt(dark)
	n.disk.crash()
}

func (n *node) stall(d time.Duration) {
	if n.alive {
		n.paused = max(n.paused, n.w.now.Add(d))
		n.w.at(n.paused, n, nodeTurn)
	}
}

func (n *node) stalled() bool { return n.w.now < n.paused }

func (n *node) fire(code int) {
	if !n.alive {
		return
	}
	if code == nodeWake {
		if n.wakeAt != n.w.now {
			return // replaced by an earlier one
		}
		n.wakeAt = 0
	}
	if n.stalled() {
		return // stall has planned a turn for its end
	}
	if code == nodeWake {
		if next := n.core.NextDeadline(); next > n.w.now && len(n.inbox) == 0 {
			n.plan(next)
			return
		}
	}
	n.turn()
}

// input puts something into the inbox of the loop, which looks into it at once
// or a moment later, when more may have arrived.
func (n *node) input(in monitor.Input) {
	if !n.alive {
		return
	}
	n.inbox = append(n.inbox, in)
	switch batch := n.w.opts.Batch; {
	case n.stalled():
	case batch == 0:
		n.turn()
	case n.turnAt <= n.w.now:
		n.turnAt = n.w.now.Add(n.w.between(1, batch))
		n.w.at(n.turnAt, n, nodeTurn)
	}
}

// turn is one turn of the loop: all inputs, a Tick if one is due, one Drain.
func (n *node) turn() {
	life := n.life
	n.turns++
	inbox := n.inbox
	n.inbox = nil
	for _, in := range inbox {
		n.step(in)
	}
	if n.core.NextDeadline() <= n.w.now {
		n.step(monitor.Tick{})
	}
	n.core.TakeAddrs(n.show)
	n.core.Drain(&n.out)
	n.w.check.handsOut(n, n.out.Persist)
	n.diary.rep.Advance(n.w.now)
	for _, e := range n.out.Free {
		if n.life != life {
			return
		}
		n.do(e)
	}
	if n.life != life {
		return
	}
	if p := n.out.Persist; p != nil {
		n.disk.save(n, p)
	}
	if n.life == life {
		if n.inbox == nil {
			n.inbox = inbox[:0] // the usual case allocates nothing
		}
		next := n.core.NextDeadline()
		n.w.check.drained(n, next)
		n.plan(next)
	}
}

// plan wakes the core when it wants to be woken. A wake-up that turns out to be
// too early plans the next one.
func (n *node) plan(at Instant) {
	if n.wakeAt == 0 || at < n.wakeAt {
		n.wakeAt = max(at, n.w.now.Add(1))
		n.w.at(n.wakeAt, n, nodeWake)
	}
}

func (n *node) step(in monitor.Input) {
	n.steps++
	n.w.check.before(n, in)
	n.core.Step(n.w.now, in)
	n.w.check.after(n, in)
}

func (n *node) do(e monitor.Effect) {
	if t := n.w.tap; t != nil {
		t.perform(n, e)
	} else {
		n.carryOut(e)
	}
}

func (n *node) carryOut(e monitor.Effect) {
	if s, ok := e.(monitor.Send); ok && s.NotAfter != 0 && n.w.now >= s.NotAfter {
		n.tooLate(s.Conn)
		return
	}
	n.w.check.effect(n, e)
	n.w.check.noted(n, e)
	msg := any(e)
	switch e := e.(type) {
	case monitor.Dial:
		n.dial(e)
	case monitor.Close:
		n.seen.fenceEnds(n.link(e.Conn))
		if e.Abort {
			n.link(e.Conn).abort(0)
		} else {
			n.link(e.Conn).close(0, "closed by the Sentinel")
		}
	case monitor.Send:
		if cmd, ok := e.Cmd.(monitor.SlaveOf); ok {
			n.w.say(n.name, "=> %s SLAVEOF %s", n.w.nameOf(n.link(e.Conn).addr), n.w.readable(target(cmd)))
		}
		if n.w.opts.Bug == BugMixedEpochs {
			e.Cmd = n.mixed(e.Cmd)
			msg = e
		}
		if h, ok := e.Cmd.(monitor.PublishHello); ok && n.nowhere {
			h.Hello.IP = nowhere
			e.Cmd, msg = h, monitor.Send{Conn: e.Conn, Token: e.Token, Rename: e.Rename, Cmd: h}
		}
		n.link(e.Conn).send(toAcceptor, msg)
		n.w.happened(momentOf(e.Cmd))
	case monitor.Reply:
		n.answer(e)
	case monitor.AskPolicy, monitor.AskChoice, monitor.PolicyPhase:
		n.consult(e)
	case monitor.CallResult:
		n.w.check.decided(n)
		n.w.check.acknowledged(n, e)
		n.w.check.forgotten(n, e)
		n.seen.orderAnswered(e.To)
		n.took(e)
		if e.Err != nil {
			n.w.say(n.name, "answers the operator: %v", e.Err)
		}
	case monitor.Emit:
		n.emit(e.Event)
	case monitor.Log:
		n.w.say(n.name, "# %s", n.w.readable(e.Text))
	default:
		n.gossip(e)
	}
}

// tooLate ends a connection over which an order would leave that must not leave any
// more.
func (n *node) tooLate(id monitor.ConnID) {
	const why = "an order could not be sent in time"
	n.link(id).close(0, why)
	n.w.after(0, func() { n.input(monitor.LinkDown{Conn: id, Reason: why}) })
}

// mixed and unmixed make the core ask for votes, and count them, at the current
// epoch instead of the epoch of its attempt, as stock Sentinels do.
func (n *node) mixed(cmd monitor.Command) monitor.Command {
	if q, ok := cmd.(monitor.AskMasterDown); ok && q.RunID != "" {
		q.Epoch = n.core.CurrentEpoch()
		return q
	}
	return cmd
}

func (n *node) unmixed(r monitor.AskReply) monitor.AskReply {
	if n.w.opts.Bug != BugMixedEpochs || r.Leader == "" || r.Epoch != n.core.CurrentEpoch() {
		return r
	}
	for _, p := range n.seen.probes {
		if p.Phase == election.WaitStart {
			r.Epoch = p.AttemptEpoch
		}
	}
	return r
}

func target(cmd monitor.SlaveOf) string {
	if cmd.Host == "" {
		return "NO ONE"
	}
	return monitor.HostPort{Host: cmd.Host, Port: cmd.Port}.String()
}

func (n *node) emit(e monitor.Event) {
	n.w.mixText(e.Name())
	n.w.cover.Events[e.Name()]++
	n.w.tell(&n.process, e)
	if s, ok := e.(event.SwitchMaster); ok {
		n.announce(s)
	}
	n.w.emitted(n, e)
}

func (n *node) dial(d monitor.Dial) {
	kind := commandConn
	switch d.Kind {
	case monitor.ConnPubSub:
		kind = pubsubConn
	case monitor.ConnFence:
		kind = fenceConn
	}
	c := n.connect(n, kind, d.Conn, d.Addr)
	if len(n.links) > 4096 {
		n.forget()
	}
	for int(d.Conn-n.first) >= len(n.links) {
		n.links = append(n.links, nil)
	}
	n.links[d.Conn-n.first] = c
}

// forget drops the oldest connections, as far as they are closed.
func (n *node) forget() {
	k := 0
	for k < len(n.links) && (n.links[k] == nil || n.links[k].closed[0]) {
		k++
	}
	n.links = append([]*conn(nil), n.links[k:]...)
	n.first += monitor.ConnID(k)
}

func (n *node) link(id monitor.ConnID) *conn { return n.links[id-n.first] }

func (n *node) up(c *conn) {
	n.seen.fenceUp(c)
	n.input(monitor.LinkUp{Conn: c.tag, LocalIP: n.addr.Host})
}

func (n *node) down(c *conn, reason string) {
	n.seen.fenceEnds(c)
	if c.kind == pubsubConn && c.lost == monitor.LossEnded {
		n.seen.unsubscribed[c.addr] = n.w.now
	}
	n.input(monitor.LinkDown{Conn: c.tag, Reason: reason, Loss: c.lost})
}

// hear takes what arrives on a connection that this Sentinel opened.
func (n *node) hear(c *conn, msg any) {
	switch m := msg.(type) {
	case infoText:
		info := monitor.ParseInfo(m.text)
		if c.kind == fenceConn {
			n.seen.fenceHeard(n.w.now, c, info)
		} else if n.core.Asked(m.token) {
			n.seen.saw(c.addr, info, n.w.now)
		}
		n.input(monitor.InfoReply{Conn: c.tag, Token: m.token, Info: info})
	case *helloMsg:
		if m.err != nil {
			n.input(monitor.PubSubActivity{Conn: c.tag, BadHello: m.err.Error()})
			return
		}
		if m.hello.IP == nowhere && m.hello.RunID == n.id {
			return // its core would know that address for its own
		}
		n.input(c.heard(m))
	case monitor.AskReply:
		n.input(n.unmixed(m))
	case configMsg:
		n.seen.words[m.reply.Token.Seq] = m
		n.input(m.reply)
	case monitor.Input:
		n.input(m)
	}
}

// serve takes what others ask of this Sentinel. A stalled process answers when
// it runs again.
func (n *node) serve(c *conn, msg any) {
	if n.stalled() {
		life := n.life
		n.w.at(n.paused, once(func() {
			if n.life == life && !c.closed[1] {
				n.serve(c, msg)
			}
		}), 0)
		return
	}
	switch m := msg.(type) {
	case whereIs:
		at, _ := n.masterAddr(m.master)
		c.send(toDialer, itIs{at})
	case monitor.Send:
		n.command(c, m)
	}
}

func (n *node) command(c *conn, m monitor.Send) {
	switch cmd := m.Cmd.(type) {
	case monitor.Ping:
		c.send(toDialer, c.pong(monitor.PingPong))
	case monitor.PublishHello:
		if h := c.encoded(&cmd.Hello); h.err == nil {
			n.input(h.direct)
		}
		c.send(toDialer, monitor.PublishReply{Conn: c.tag, Token: m.Token, OK: true})
	case monitor.AskGossip:
		c.send(toDialer, monitor.GossipReply{Conn: c.tag, Token: m.Token, Known: true, Endpoint: n.gossipEndpoint()})
	case monitor.AskConfig:
		v, ok := n.core.Master(n.w.now, cmd.Master)
		c.send(toDialer, configMsg{monitor.ConfigReply{Conn: c.tag, Token: m.Token, OK: ok, Epoch: v.ConfigEpoch}, n.id, cmd.Master, n.w.now})
	case monitor.PassPause:
		p, ref := cmd.Pause, n.callRef()
		n.passed = append(n.passed, question{ref, c, m.Token})
		n.input(monitor.Call{From: ref, Op: monitor.PauseOp{Name: cmd.Master, Resume: p.Resumed, For: cmd.Left, Reason: p.Reason, Version: p.Version, By: p.By}})
	case monitor.PassForget:
		t, ref := cmd.Tombstone, n.callRef()
		n.passed = append(n.passed, question{ref, c, m.Token})
		n.input(monitor.Call{From: ref, Op: monitor.ForgetOp{Name: cmd.Master, ID: t.ID, At: t.At, Force: cmd.Force, For: cmd.Left, Version: t.Version, By: t.By}})
	case monitor.AskMasterDown:
		n.refs++
		n.asked = append(n.asked, question{n.refs, c, m.Token})
		n.input(monitor.Ask{From: n.refs, IP: cmd.IP, Port: cmd.Port, Epoch: cmd.Epoch, RunID: cmd.RunID, Lease: cmd.Lease, WantReplicas: cmd.WantReplicas, Promise: cmd.Promise, Fenced: cmd.Fenced})
	}
}

func (n *node) answer(r monitor.Reply) {
	for k, q := range n.asked {
		if q.ref == r.To {
			n.asked = append(n.asked[:k], n.asked[k+1:]...)
			q.c.send(toDialer, monitor.AskReply{Conn: q.c.tag, Token: q.token, OK: true, Down: r.Down, Leader: r.Leader, Epoch: r.Epoch, DownAfter: r.DownAfter, Replicas: r.Replicas, Promise: r.Promise})
			return
		}
	}
	n.w.check.fail(n.name, Answers, "a question was answered twice")
}

// callRef returns a return address that no other call has.
func (n *node) callRef() monitor.PeerRef {
	n.refs++
	return 1<<32 + n.refs
}

// took answers who has passed a pause on.
func (n *node) took(r monitor.CallResult) {
	for k, q := range n.passed {
		if q.ref == r.To {
			n.passed = append(n.passed[:k], n.passed[k+1:]...)
			why := ""
			if r.Err != nil {
				why = r.Err.Error()
			}
			q.c.send(toDialer, monitor.CommandDone{Conn: q.c.tag, Token: q.token, Refused: why})
			return
		}
	}
}

// masterAddr answers a client, as the front end does: from what the core had shown
// when the last turn began.
func (n *node) masterAddr(name string) (monitor.HostPort, bool) {
	addr, known := n.shown[name]
	return addr, known && n.alive
}

func (n *node) show(s monitor.Shown) {
	if s.Known {
		n.shown[s.Name] = s.Addr
	} else {
		delete(n.shown, s.Name)
	}
}

func (n *node) state(name string) (beliefs, bool) {
	if !n.alive {
		return beliefs{}, false
	}
	v, ok := n.core.Master(n.w.now, name)
	if !ok {
		return beliefs{}, false
	}
	b := beliefs{current: v.Current, configEpoch: v.ConfigEpoch}
	b.leads = v.Flags.Has(monitor.FlagFailoverInProgress)
	tilt, _ := n.core.Tilt(n.w.now)
	switch {
	case tilt:
		b.trouble = "is in TILT"
	case v.Flags.Has(monitor.FlagFailoverInProgress):
		b.trouble = "is in state " + v.FailoverState
	case v.Flags.Has(monitor.FlagSDown):
		b.trouble = fmt.Sprintf("holds %s down", v.Current)
	case n.core.PersistFailing() != "" || n.core.Unsaved():
		b.trouble = "has not saved its state"
	}
	return b, true
}

func (n *node) knows(name string, at monitor.HostPort) bool {
	return n.alive && n.core.Knows(name, at)
}

func (n *node) findsPeer(name string, other *process) bool {
	if !n.alive {
		return false
	}
	peers, _ := n.core.Sentinels(n.w.now, name)
	return slices.ContainsFunc(peers, func(p monitor.SentinelView) bool { return p.RunID == other.id && p.Addr == other.addr })
}

func (n *node) operate(o operation) {
	switch o.op {
	case "failover":
		n.input(monitor.Call{From: 1, Op: monitor.FailoverOp{Name: o.master, Mode: o.mode, To: o.to}})
	case "pause", "resume":
		n.input(monitor.Call{From: n.callRef(), Op: monitor.PauseOp{Name: o.master, Resume: o.op == "resume", For: o.length}})
	case "reset":
		n.forgot = true
		n.input(monitor.Call{From: 1, Op: monitor.ResetOp{Pattern: o.master}})
	case "remove":
		n.forgot = true
		n.input(monitor.Call{From: 1, Op: monitor.RemoveOp{Name: o.master}})
	case "monitor":
		n.input(monitor.Call{From: 1, Op: monitor.MonitorOp{Master: o.config}})
	case "set":
		n.input(monitor.Call{From: 1, Op: monitor.SetOp{Name: o.master, Changes: []monitor.Change{o.change()}}})
	}
}

// change is what the operation sets.
func (o operation) change() monitor.Change {
	return monitor.Change{Option: o.option, Values: []string{fmt.Sprint(o.value)}}
}

// applySet changes the configuration that the simulator expects as the core
// changes its own.
func applySet(cfg *monitor.MasterConfig, o operation) {
	if _, err := monitor.SetMasterOption(cfg, false, o.change()); err != nil {
		panic(fmt.Sprintf("the operator sets %s: %v", o.option, err))
	}
}
