package monitor

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gosentinel/sentinel/event"
)

// Core is a whole Sentinel without its sockets, files and clock: it watches
// masters, agrees with other Sentinels and fails over. See the package comment
// for how to drive it. A Core is not safe for concurrent use; one goroutine
// owns it.
type Core struct {
	tun      Tunables
	opts     Options
	port     int
	peerPass string
	gossip   bool
	source   *rand.PCG // of rng
	rng      *rand.Rand
	now      Instant

	masters   []*master // in the order in which they were added
	byName    map[string]*master
	byAddr    map[HostPort]*master // see index
	members   map[InstanceID]member
	peerLinks map[RunID]*link
	conns     map[ConnID]*link
	fences    map[ConnID]*fence
	lookups   map[string][]InstanceID // names being resolved, and the instances that wait
	names     map[string]hostName     // last known addresses of each name

	lastInstance InstanceID
	lastConn     ConnID
	lastSeq      uint64
	lastTimer    uint64

	lastTombstone uint64

	timers timerHeap
	queue  []*timer

	unshown []string // masters that TakeAddrs has to look at

	tilt      bool
	tiltSince Instant
	tilts     uint64 // how often TILT was entered

	roundTrips [3]RoundTrips // by kind of instance
	lastStep   Instant

	policy       Policy
	lastQuestion uint64 // to the policy

	wallAtZero int64 // the wall clock at instant 0, in ms of Unix time

	epoch        Epoch   // current epoch
	epochAt      Instant // when epoch was last raised; 0: not since the start
	epochsLost   bool    // see recall; for masters that are still to be monitored
	durableEpoch Epoch   // what other Sentinels may be told
	budget       budget
	fenceBudget  budget

	out      []Effect
	disk     disk
	promotes *master // a replica was chosen since the last Drain; nil: none was

	holds  []hold  // of hellos
	leased Instant // until when a vote about a master that was removed binds

	conflict conflict  // over our own id
	ownAddrs []ownAddr // where this process announced itself

	guarded     map[guardKey]guardNote // what guards told last
	guardCounts GuardCounts

	logged  map[string]bool
	strange int // entries of logged that others can make up

	failures Failures // simulated (SENTINEL SIMULATE-FAILURE)
	changes  uint64   // see Changes

	// clamped counts timers that asked to run in the past. It must stay 0: a
	// timer that did not do what was due would spin.
	clamped int
}

// Params are the arguments of [New].
type Params struct {
	// State is what the last process saved, or what the configuration says.
	// Options.MyID must be set and already durable.
	State State
	// Port is announced to other Sentinels unless Options.AnnouncePort is set.
	Port int
	// PeerPass is the password for links to other Sentinels while no
	// sentinel-pass is configured (requirepass).
	PeerPass string
	// Gossip turns on the effects [ShareOpinion], [ShareConfig] and
	// [GossipPeer].
	Gossip bool
	// Wall is the wall clock when the core begins, in milliseconds of Unix time. Nothing
	// but the end of a [FailoverPause] is measured by it.
	Wall int64
	// Policy says what to ask of the program around the core.
	Policy Policy
	// Seed is the seed of every random choice of this core.
	Seed uint64
	// Tunables; zero means [DefaultTunables].
	Tunables Tunables
}

// New returns a core that monitors the masters of p.State from now on. It
// returns an error when the clock is not above zero, when Options.MyID is not
// valid, or when two masters of the state have one name. p is not kept.
func New(now Instant, p Params) (*Core, error) {
	if now <= 0 {
		return nil, errors.New("monitor: the clock must start above zero")
	}
	if !p.State.Options.MyID.Valid() {
		return nil, fmt.Errorf("monitor: own id %q is not %d characters long", p.State.Options.MyID, 40)
	}
	if p.Tunables == (Tunables{}) {
		p.Tunables = DefaultTunables()
	}
	source := rand.NewPCG(p.Seed, 0x5e7713e1)
	c := &Core{
		tun: p.Tunables, opts: p.State.Options, port: p.Port, peerPass: p.PeerPass, gossip: p.Gossip && !p.State.Options.Observe,
		source: source, rng: rand.New(source), now: now, lastStep: now,
		byName: map[string]*master{}, byAddr: map[HostPort]*master{}, members: map[InstanceID]member{},
		peerLinks: map[RunID]*link{}, conns: map[ConnID]*link{}, fences: map[ConnID]*fence{},
		lookups: map[string][]InstanceID{}, names: map[string]hostName{}, logged: map[string]bool{},
		guarded: map[guardKey]guardNote{},
	}
	c.policy, c.fenceBudget.every = p.Policy, time.Second/fenceRate
	c.wallAtZero = p.Wall - int64(now)/int64(time.Millisecond)
	c.initTimer(&c.conflict.timer, &c.conflict)
	c.epoch, c.epochsLost = p.State.CurrentEpoch, p.State.EpochsUnknown
	for _, ms := range p.State.Masters {
		c.epoch = max(c.epoch, ms.ConfigEpoch, ms.LeaderEpoch)
	}
	c.durableEpoch = c.epoch
	for _, ms := range p.State.Masters {
		if err := c.load(now, ms); err != nil {
			return nil, err
		}
	}
	c.settle()
	return c, nil
}

// Step takes one input. now must not be earlier than in the step before; if it
// is, the instant of the step before counts.
func (c *Core) Step(now Instant, in Input) {
	c.now = max(now, c.now)
	c.checkStall()
	if c.fenceInput(c.now, in) {
		c.settle()
		return
	}
	switch in := in.(type) {
	case Tick:
		c.runDue()
	case Stood:
		c.stood(c.now, in)
	case LinkUp:
		c.linkUp(c.now, in)
	case LinkDown:
		c.linkDown(c.now, in)
	case LinkTrouble:
		c.linkTrouble(c.now, in)
	case Pong:
		c.pong(c.now, in)
	case InfoReply:
		c.infoReply(c.now, in)
	case PublishReply:
		c.publishReply(c.now, in)
	case AskReply:
		c.askReply(c.now, in)
	case SlaveOfReply:
		c.slaveofReply(c.now, in)
	case CommandDone:
		c.commandDone(in)
	case HelloReceived:
		c.hello(c.now, &in)
	case PubSubActivity:
		if l := c.conns[in.Conn]; l != nil {
			l.pubsubActivity = c.now
			if m := l.watchedBy(); m != nil && m.refusal.hellos != 0 && l.pubsub.upAt > m.refusal.hellos {
				c.notGone(m)
			}
			c.reportBadHello(l, in.BadHello)
			l.greeted(&l.pubsub, ConnPubSub)
		}
	case ConfigReply:
		c.configReply(in)
	case GossipReply:
		c.gossipReply(c.now, in)
	case PeerOpinion:
		c.peerOpinion(c.now, in)
	case PeerConfig:
		c.peerConfig(c.now, in)
	case PeerLiveness:
		c.peerLiveness(c.now, in)
	case Ask:
		c.ask(c.now, in)
	case Call:
		c.call(c.now, in)
	case PolicyAnswer:
		c.policyAnswer(c.now, in)
	case ChoiceAnswer:
		c.choiceAnswer(in)
	case Persisted:
		c.persisted(c.now, in)
	case Resolved:
		c.resolved(c.now, in)
	default:
		panic(fmt.Sprintf("monitor: unknown input %T", in))
	}
	c.settle()
}

// NextDeadline returns when the core wants a [Tick] at the latest.
func (c *Core) NextDeadline() Instant {
	return min(c.timers.next(), c.lastStep.Add(c.heartbeat()), c.diskDeadline())
}

// runDue runs every timer whose instant has come. Timers run on Ticks only and
// not with every input: when the shell works through a backlog, a PONG that
// arrived in time must be seen before the deadline that it meets.
func (c *Core) runDue() {
	c.checkDisk()
	if c.tilt {
		c.leaveTilt()
	}
	c.settle()
	for c.timers.next() <= c.now {
		c.runTimer(c.timers.items[0].timer) // which puts it off, or takes it out
		c.settle()
	}
}

// settle runs the timers that the current input queued, and those that they
// queue, until none is left.
func (c *Core) settle() {
	for k := 0; k < len(c.queue); k++ {
		t := c.queue[k]
		t.queued = false
		if !t.stopped {
			c.runTimer(t)
		}
	}
	clear(c.queue)
	c.queue = c.queue[:0]
}

func (c *Core) runTimer(t *timer) {
	at := t.owner.run(c, c.now)
	if t.stopped {
		return
	}
	if at <= c.now {
		c.clamped++
		at = c.now.Add(time.Millisecond)
	}
	c.timers.set(t, at)
}

func (c *Core) initTimer(t *timer, owner timerOwner) {
	c.lastTimer++
	*t = timer{seq: c.lastTimer, pos: -1, owner: owner}
}

func (c *Core) stopTimer(t *timer) {
	c.timers.remove(t)
	t.stopped = true
}

// ready queues t to run within the current step.
func (c *Core) ready(t *timer) {
	if !t.queued {
		t.queued = true
		c.queue = append(c.queue, t)
	}
}

// wake queues the periodic commands of i within the current step.
func (c *Core) wake(i *instance) { c.ready(&i.timer) }

// touch queues m to be judged within the current step.
func (c *Core) touch(m *master) {
	c.reshow(m)
	c.ready(&m.judge)
}

// free queues an effect that does not wait for the disk.
func (c *Core) free(e Effect) { c.out = append(c.out, e) }

// emit publishes an event about i, or about this Sentinel when i is nil, and
// notifies the script of the master concerned.
func (c *Core) emit(i *instance, ev Event) {
	c.free(Emit{ev})
	if s := c.notification(i, ev); s != nil {
		c.free(*s)
	}
}

// emitDurable is emit, held back until the current state is on disk.
func (c *Core) emitDurable(i *instance, ev Event) {
	c.gate(Emit{ev})
	if s := c.notification(i, ev); s != nil {
		c.gate(*s)
	}
}

func (c *Core) notification(i *instance, ev Event) *RunScript {
	if i == nil || ev.Level() != LevelWarning || i.master.cfg.NotificationScript == "" {
		return nil
	}
	text := ev.AppendText(nil)
	return &RunScript{
		Path: i.master.cfg.NotificationScript,
		Args: []string{ev.Name(), string(text[:min(len(text), event.MaxText)])},
	}
}

func (c *Core) log(level Level, text string) { c.free(Log{Level: level, Text: text}) }

// maxLogged bounds the keys of logOnce: some hold names that come from the
// network.
const maxLogged = 4096

// logOnce logs a condition the first time it occurs.
func (c *Core) logOnce(key string, level Level, text string) {
	if !c.logged[key] && len(c.logged) < maxLogged {
		c.logged[key] = true
		c.log(level, text)
	}
}

// maxStrange is how many of the keys of logOnce may come from strangers, so that
// they leave room for the others.
const maxStrange = maxLogged / 4

// logStrange is logOnce for what another Sentinel or server announces.
func (c *Core) logStrange(key, text string) {
	if !c.logged[key] && c.strange < maxStrange {
		c.strange++
		c.logOnce(key, LevelWarning, text)
	}
}

// random returns a duration in [0, d).
func (c *Core) random(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(c.rng.Int64N(int64(d)))
}
