package explore

import (
	"fmt"
	"slices"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

// input is something that can happen to one Sentinel: a fact that is delivered
// (its number), or one of the codes that start at inputs.expire.
type input uint16

// inputs numbers what can happen, for one world.
type inputs struct {
	expire, answers                 input // the first of each kind
	write, writeFails, retry, stall input
	crash, crashDone, save          input
	raise                           input // the first of its kind
	count                           input
}

// waits are the waits of a master that end at any time.
var waits = []monitor.Wait{
	monitor.WaitCandidacy, monitor.WaitAsk, monitor.WaitHello, monitor.WaitRestart,
	monitor.WaitElection, monitor.WaitPause, monitor.WaitSelect, monitor.WaitEpoch,
}

func newInputs(c Config, b *codebook) inputs {
	var i inputs
	i.expire = input(len(b.list))
	i.answers = i.expire + input(c.Masters*len(waits))
	i.write = i.answers + input(c.Masters*c.Sentinels)
	i.writeFails, i.retry, i.stall = i.write+1, i.write+2, i.write+3
	i.crash, i.crashDone, i.save, i.raise = i.write+4, i.write+5, i.write+6, i.write+7
	i.count = i.raise + input(c.Epochs)
	return i
}

// acts lists what can happen to a Sentinel besides the delivery of messages.
func (i *inputs) acts(c Config) (acts []input) {
	last := i.answers
	if c.Expiry {
		last = i.write
	}
	for in := i.expire; in < last; in++ {
		acts = append(acts, in)
	}
	acts = append(acts, i.write)
	if c.DiskFaults {
		acts = append(acts, i.writeFails, i.retry, i.stall)
	}
	if c.Others {
		acts = append(acts, i.save)
		for in := i.raise; in < i.count; in++ {
			acts = append(acts, in)
		}
	}
	if !c.NoCrashes {
		acts = append(acts, i.crash, i.crashDone)
	}
	return acts
}

// rig is one Sentinel: a real core, its disk, and a shell that answers at once
// what only keeps connections alive.
type rig struct {
	w    *world
	node int
	core *monitor.Core
	at   monitor.Instant // its clock, which stands still after the boot
	disk saved
	out  monitor.Effects
	// How answers of each peer arrive.
	conns  [maxNodes]monitor.ConnID
	tokens [maxNodes][maxMasters]monitor.Token

	sent    facts    // by the last input
	beyond  bool     // the last input led past the last epoch
	events  []string // of the last input, when wanted
	verbose bool
}

// now is the time at which every process spends its life, a moment after it has
// found the masters down.
const now = birth + monitor.Instant(downAfter)

// boot starts Sentinel n from what its disk holds, and leads it to the moment at
// which it sees all masters down and all its connections are up.
func (w *world) boot(n int, d saved) *rig {
	r := &rig{w: w, node: n, at: birth, disk: d}
	core, err := monitor.New(birth, monitor.Params{State: w.cfg.state(n, d), Port: 26379, Seed: uint64(n) + 1})
	if err != nil {
		panic(err) // the configuration is ours
	}
	r.core = core
	r.settle()
	r.at = now
	core.Step(now, monitor.Tick{})
	r.settle()
	return r
}

// apply has one thing happen. It reports false when it cannot happen.
func (r *rig) apply(in input) bool {
	r.sent, r.events, r.beyond = facts{}, r.events[:0], false
	if !r.happen(in) {
		return false
	}
	r.settle()
	r.beyond = r.core.CurrentEpoch() > r.w.cfg.Epochs
	return true
}

func (r *rig) happen(in input) bool {
	i := &r.w.in
	switch {
	case in < i.expire:
		return r.deliver(r.w.book.list[in])
	case in < i.answers:
		k := int(in - i.expire)
		return r.core.Expire(waits[k%len(waits)], masterName(k/len(waits)), "")
	case in < i.write:
		k := int(in - i.answers)
		return r.core.Expire(monitor.WaitAnswers, masterName(k/r.w.cfg.Sentinels), runID(k%r.w.cfg.Sentinels))
	}
	switch in {
	case i.write:
		return r.write()
	case i.writeFails:
		return r.writeFails()
	case i.retry:
		return r.core.Expire(monitor.WaitDisk, "", "")
	case i.stall:
		return r.core.Expire(monitor.WaitStall, "", "")
	case i.save:
		r.core.Step(now, monitor.Call{Op: monitor.FlushOp{}})
	case i.crash:
		*r = *r.restarted(r.disk)
	case i.crashDone:
		p := r.core.InFlight()
		if p == nil {
			return false
		}
		*r = *r.restarted(savedOf(p.State))
	default:
		return r.raise(monitor.Epoch(in-i.raise) + 1)
	}
	return true
}

// pool holds Sentinels that are no longer needed: to copy one into the memory
// of another costs a fraction of making a new one.
type pool []*rig

func (p *pool) put(r *rig) {
	if r != nil {
		*p = append(*p, r)
	}
}

// copyOf returns a second Sentinel in the state of r.
func (p *pool) copyOf(r *rig) *rig {
	n := &rig{core: new(monitor.Core)}
	if last := len(*p) - 1; last >= 0 {
		n, (*p)[last], *p = (*p)[last], nil, (*p)[:last]
	}
	r.copyTo(n)
	return n
}

// copyTo makes n, which is no longer needed, equal to r.
func (r *rig) copyTo(n *rig) {
	r.core.CopyTo(n.core)
	*n = rig{
		w: r.w, node: r.node, core: n.core, at: r.at, disk: r.disk, out: n.out,
		conns: r.conns, tokens: r.tokens, events: n.events[:0], verbose: r.verbose,
	}
}

func (r *rig) restarted(d saved) *rig {
	n := r.w.boot(r.node, d)
	n.verbose = r.verbose
	return n
}

// deliver hands the core a message, as a fresh input.
func (r *rig) deliver(f fact) bool {
	if f.node == r.node && f.kind != hello {
		return false
	}
	switch f.kind {
	case request:
		m := masterAddrs[f.master]
		r.core.Step(now, monitor.Ask{From: monitor.PeerRef(f.master), IP: m.IP, Port: m.Port, Epoch: f.epoch, RunID: runID(f.node)})
	case vote:
		reply := r.replyFrom(f)
		reply.Epoch, reply.Leader = f.epoch, ""
		if f.who != nobody {
			reply.Leader = runID(f.who)
		}
		r.core.Step(now, r.unmixed(f.master, reply))
	case opinion:
		r.core.Step(now, r.replyFrom(f))
	case hello:
		return r.hear(f.epoch)
	default:
		return false
	}
	return true
}

// hear delivers a hello of another Sentinel. Which one makes no difference.
func (r *rig) hear(epoch monitor.Epoch) bool {
	if epoch <= r.core.CurrentEpoch() || r.w.cfg.Sentinels == 1 {
		return false
	}
	from := (r.node + 1) % r.w.cfg.Sentinels
	r.core.Step(now, monitor.HelloReceived{Hello: monitor.Hello{
		IP: fmt.Sprintf("10.0.1.%d", from+1), Port: 26379, RunID: runID(from), CurrentEpoch: epoch,
		MasterName: masterName(0), MasterIP: "10.0.0.1", MasterPort: 6379,
	}})
	return true
}

// raise has a peer ask for a vote about the other master at an epoch that is
// new. The state of that master is not told apart: the epoch of its last vote only
// decides whether a question that raises nothing causes a write, and writes can
// happen at any time.
func (r *rig) raise(e monitor.Epoch) bool {
	if !r.w.cfg.Others || e <= r.core.CurrentEpoch() || r.w.cfg.Sentinels == 1 {
		return false
	}
	other := masterAddrs[r.w.cfg.Masters]
	r.core.Step(now, monitor.Ask{From: nowhere, IP: other.IP, Port: other.Port, Epoch: e, RunID: runID((r.node + 1) % r.w.cfg.Sentinels)})
	return true
}

// nowhere is where answers go that are not looked at.
const nowhere = maxMasters

// replyFrom is an answer of f.node to a question about f.master that says no
// more than that the master is down.
func (r *rig) replyFrom(f fact) monitor.AskReply {
	return monitor.AskReply{Conn: r.conns[f.node], Token: r.tokens[f.node][f.master], OK: true, Down: true}
}

// write has the pending write succeed: the shell lets out what waited for it,
// then tells the core.
func (r *rig) write() bool {
	p := r.core.InFlight()
	if p == nil {
		return false
	}
	r.disk = savedOf(p.State)
	for _, e := range p.Then {
		r.effect(e)
	}
	r.core.Step(now, monitor.Persisted{Seq: p.Seq})
	return true
}

func (r *rig) writeFails() bool {
	p := r.core.InFlight()
	if p == nil {
		return false
	}
	r.core.Step(now, monitor.Persisted{Seq: p.Seq, Err: "no space left on device"})
	return true
}

// settle lets effects out until the core has nothing more to say.
func (r *rig) settle() {
	for {
		r.core.Drain(&r.out)
		if len(r.out.Free) == 0 {
			return
		}
		free := append([]monitor.Effect(nil), r.out.Free...)
		for _, e := range free {
			r.effect(e)
		}
	}
}

// effect carries out one effect. Connections to Sentinels come up at once and
// stay; those to servers never come up.
func (r *rig) effect(e monitor.Effect) {
	switch e := e.(type) {
	case monitor.Dial:
		if e.Target == monitor.KindSentinel {
			r.conns[masterAt(e.Addr.Host)] = e.Conn
			r.core.Step(r.at, monitor.LinkUp{Conn: e.Conn, LocalIP: fmt.Sprintf("10.0.1.%d", r.node+1)})
		}
	case monitor.Send:
		if peer := slices.Index(r.conns[:], e.Conn); peer >= 0 {
			r.command(peer, e)
		}
	case monitor.Reply:
		r.tell(fact{kind: vote, master: int(e.To), node: r.node, who: indexOf(e.Leader), epoch: e.Epoch})
	case monitor.Emit:
		r.event(e.Event)
	}
}

func (r *rig) command(peer int, s monitor.Send) {
	switch cmd := s.Cmd.(type) {
	case monitor.Ping:
		r.core.Step(r.at, monitor.Pong{Conn: s.Conn, Reply: monitor.PingPong})
	case monitor.PublishHello:
		r.tell(fact{kind: hello, epoch: cmd.Hello.CurrentEpoch})
		r.core.Step(r.at, monitor.PublishReply{Conn: s.Conn, Token: s.Token, OK: true})
	case monitor.AskMasterDown:
		r.tokens[peer][masterAt(cmd.IP)] = s.Token
		if cmd.RunID != "" {
			r.tell(fact{kind: request, master: masterAt(cmd.IP), node: r.node, epoch: r.mixed(cmd.Epoch)})
		} else {
			r.tell(fact{kind: hello, epoch: cmd.Epoch}) // it names the epoch, if only by the way
		}
		// The answers that matter come out of the network. This one only ends the
		// question, so that the core never waits for a lost one: that it would
		// repeat it, or open a new connection, brings no message that is not there.
		r.core.Step(r.at, monitor.AskReply{Conn: s.Conn, Token: s.Token})
	case monitor.SlaveOf:
		panic("explore: SLAVEOF was sent in a world without replicas")
	}
}

func masterAt(ip string) int { return int(ip[len(ip)-1]-'0') - 1 }

// tell adds a fact to the world.
func (r *rig) tell(f fact) {
	if bit, ok := r.w.book.of(f); ok {
		r.sent.add(bit)
	}
}

func (r *rig) event(e monitor.Event) {
	if e, ok := e.(event.ElectedLeader); ok {
		m := int(e.Instance.Name[1] - '0')
		r.tell(fact{kind: leader, master: m, node: r.node, epoch: r.probe(m).AttemptEpoch})
	}
	if r.verbose && e.Level() > monitor.LevelDebug {
		r.events = append(r.events, e.Name()+" "+string(e.AppendText(nil)))
	}
}

func (r *rig) probe(m int) monitor.MasterProbe {
	var room [maxMasters]monitor.MasterProbe
	return r.core.AppendProbes(room[:0])[m]
}

// mixed and unmixed make the core ask for votes, and count them, at the current
// epoch instead of the epoch of its attempt, as stock Sentinels do.
func (r *rig) mixed(e monitor.Epoch) monitor.Epoch {
	if r.w.cfg.MixedEpochs {
		return r.core.CurrentEpoch()
	}
	return e
}

func (r *rig) unmixed(m int, a monitor.AskReply) monitor.AskReply {
	if p := r.probe(m); r.w.cfg.MixedEpochs && p.Phase == election.WaitStart && a.Epoch == r.core.CurrentEpoch() {
		a.Epoch = p.AttemptEpoch
	}
	return a
}
