package sim

import (
	"slices"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/monitor"
)

// watch is what one process was told, as the checker sees it: the core's own
// books are not asked, so that a core which keeps them wrongly is found out.
type watch struct {
	roles     map[monitor.HostPort]monitor.Role
	infos     map[monitor.HostPort]heardInfo
	pauses    map[monitor.HostPort]pausing
	pausers   map[uint64]monitor.HostPort // servers of orders to pause, and to end that, by their token
	led       map[string]Instant          // when an attempt was last under way that was won, of each master
	downAfter map[answerKey]told          // what peers have told of their down-after
	asks      map[uint64]asked
	// What was asked of others for a promise, and what they have promised.
	promiseAsks map[uint64]promiseAsked
	promised    map[promiseKey]promised
	answers     map[answerKey]answer
	opinions    map[opinionKey]answer
	heard       int // answers and opinions so far
	ballots     map[ballot]bool

	probes, before []monitor.MasterProbe
	changes        uint64 // counted by the core when it was last compared
	tiltBefore     bool
	epochBefore    monitor.Epoch
	failing        bool               // the disk failed at some time in this turn
	ordered        []monitor.HostPort // may be told to become masters in this turn
	masters        map[string]*masterWatch
	questions      map[monitor.PeerRef]string // vote requests of others, and their masters
	epochs         map[monitor.Epoch]bool     // told by +new-epoch
	spoke          map[spoken]Instant         // hellos, since there are strangers
	lie            *lie                       // of the forged hello of this step
	demoted        map[monitor.HostPort]bool  // masters that were seen as replicas of themselves, or made that
	said           map[monitor.PeerRef]spokenWord
	forcing        map[monitor.PeerRef]string   // masters for which FORCE waits for its answer
	words          map[uint64]configMsg         // that are on their way to the core, by token
	configs        map[configKey]configWord     // what peers have told
	holds          map[monitor.HostPort]Instant // until when servers may be paused by the own fences
	left           map[monitor.HostPort]leftPause
	unholds        map[uint64]monitor.HostPort // ends of such pauses that are not answered, by token
	returned       map[monitor.HostPort]returned
	unsubscribed   map[monitor.HostPort]Instant // when a server last ended the subscription in order
	connected      map[monitor.HostPort]connected
	fenced         map[monitor.HostPort]Instant // when a server was told over a fence to follow the master
	promotions     map[uint64]string            // orders to become a master that have no answer, and the master
	forgetting     map[monitor.PeerRef]monitor.ForgetOp
}

type (
	asked     struct{ peer, about monitor.HostPort }
	answerKey struct{ peer, about monitor.HostPort }
	answer    struct {
		at   Instant
		seq  int // several come in at one instant
		down bool
	}
	// What came by gossip is known by the id of its sender.
	opinionKey struct {
		id    monitor.RunID
		about monitor.HostPort
	}
	ballot struct {
		answerKey
		epoch monitor.Epoch
	}
)

// masterWatch is what one process did about one master.
type masterWatch struct {
	turnedAt  Instant       // when its config epoch, or the number of its Sentinels, changed last
	epochWas  monitor.Epoch // what they were before the turn of then
	votersWas int
	movedAt   Instant          // when the address that clients are told changed last
	movedFrom monitor.HostPort // what it was before that turn
	// switchedAt is when a replica was chosen last, or was no more the one that is promoted.
	switchedAt Instant

	blocked  Instant                  // the last attempt, or the last vote for another
	voted    ended                    // who got that vote; the zero value after an attempt
	allow    permission               // of an attempt by itself
	order    permission               // of what operators have ordered
	mayObey  bool                     // some order was allowed
	forcing  int                      // orders by FORCE that wait for their answers
	byForce  bool                     // the last failover that an operator ordered, or one that waits for its answer
	reset    bool                     // an operator ends a failover whose outcome stands
	granted  monitor.Epoch            // of the attempt whose promotion may be ordered
	early    monitor.Epoch            // the config epoch that was told while the disk failed
	orders   []uint64                 // to become a master in this attempt, which were not refused
	ordered  monitor.HostPort         // who got them
	lineage  *lineage                 // nil: not known
	said     map[string]*monitor.Info // the last INFO with role:master of each history, also while it was loading
	records  Instant                  // what servers said before is forgotten: the switch before the last
	switched Instant                  // the last switch
	handover handover
	downBy   monitor.DownCause // why it counts as down, as the Sentinel says
	causes
}

// ended tells whether a process has ended since it was noted.
type ended struct {
	who  *process // nil: nobody that is known
	life int
}

// candidate returns the process that has asked n for a vote. It may have ended while the
// question was on its way, and another may have its id.
func (n *node) candidate(in monitor.Ask) ended {
	for _, q := range n.asked {
		if s, ok := q.c.dialer.(sentinel); ok && q.ref == in.From {
			return ended{s.base(), q.c.life}
		}
	}
	for _, s := range n.w.nodes {
		if p := s.base(); p.id == in.RunID {
			return ended{p, p.life}
		}
	}
	return ended{}
}

func (e ended) since() bool { return e.who != nil && (!e.who.alive || e.who.life != e.life) }

func (h *watch) init() {
	h.roles = map[monitor.HostPort]monitor.Role{}
	h.pausers = map[uint64]monitor.HostPort{}
	h.infos, h.pauses = map[monitor.HostPort]heardInfo{}, map[monitor.HostPort]pausing{}
	h.downAfter = map[answerKey]told{}
	h.led = map[string]Instant{}
	h.asks = map[uint64]asked{}
	h.promiseAsks, h.promised = map[uint64]promiseAsked{}, map[promiseKey]promised{}
	h.answers = map[answerKey]answer{}
	h.opinions = map[opinionKey]answer{}
	h.ballots = map[ballot]bool{}
	h.masters = map[string]*masterWatch{}
	h.questions = map[monitor.PeerRef]string{}
	h.epochs = map[monitor.Epoch]bool{}
	h.said, h.forcing = map[monitor.PeerRef]spokenWord{}, map[monitor.PeerRef]string{}
	h.spoke, h.lie = map[spoken]Instant{}, nil
	h.words, h.unholds = map[uint64]configMsg{}, map[uint64]monitor.HostPort{}
	h.left = map[monitor.HostPort]leftPause{}
	h.configs, h.holds, h.fenced = map[configKey]configWord{}, map[monitor.HostPort]Instant{}, map[monitor.HostPort]Instant{}
	h.forgetting = map[monitor.PeerRef]monitor.ForgetOp{}
	h.returned, h.unsubscribed = map[monitor.HostPort]returned{}, map[monitor.HostPort]Instant{}
	h.connected = map[monitor.HostPort]connected{}
	h.promotions, h.demoted = map[uint64]string{}, map[monitor.HostPort]bool{}
	h.probes, h.before, h.tiltBefore = h.probes[:0], h.before[:0], false
}

func (h *watch) master(name string) *masterWatch {
	m := h.masters[name]
	if m == nil {
		m = &masterWatch{}
		m.causes.init()
		h.masters[name] = m
	}
	return m
}

// note remembers for this turn who may be told to become a master: when the
// effects of a turn are carried out, a later input of it may have ended the
// attempt already. Who takes over a switchover may also give the old master its
// role back.
func (h *watch) note(p *monitor.MasterProbe) {
	if p.TakingOver && p.Phase == election.SelectReplica && h.master(p.Name).granted == p.AttemptEpoch {
		h.ordered = append(h.ordered, hostPort(p.Current))
	}
	if p.Promoted.Port != 0 && p.Phase != election.None && h.master(p.Name).granted == p.AttemptEpoch {
		h.ordered = append(h.ordered, hostPort(p.Promoted))
	}
}

// operatorOrders notes a failover that an operator orders. FORCE is carried out a moment later,
// after the servers were asked anew, and another order may come in between.
func (h *watch) operatorOrders(from monitor.PeerRef, op monitor.FailoverOp) {
	m := h.master(op.Name)
	if op.Mode == monitor.FailoverForced {
		h.forcing[from] = op.Name
		m.forcing++
	}
	m.byForce = m.forcing > 0
}

func (h *watch) orderAnswered(to monitor.PeerRef) {
	if name, ok := h.forcing[to]; ok {
		delete(h.forcing, to)
		h.master(name).forcing--
	}
}

// refused takes an order out of the books that was certainly not obeyed.
func (h *watch) refused(r monitor.SlaveOfReply) {
	name, known := h.promotions[r.Token.Seq]
	delete(h.promotions, r.Token.Seq)
	if known && r.Refused != "" {
		m := h.master(name)
		m.orders = slices.DeleteFunc(m.orders, func(seq uint64) bool { return seq == r.Token.Seq })
	}
}

// saw notes an INFO when it arrives.
func (h *watch) saw(addr monitor.HostPort, info *monitor.Info, now Instant) {
	h.roles[addr] = info.Role
	h.heard++
	next := heardInfo{now, h.heard, h.heard, info}
	if last := h.infos[addr]; last.info != nil && last.info.Role == info.Role {
		next.turned = last.turned
	}
	h.infos[addr] = next
	if info.Role == monitor.RoleReplica && info.MasterHost == "127.0.0.1" {
		h.demoted[addr] = true
	}
}

// asking notes a question, so that its answer can be attributed.
func (h *watch) asking(c *conn, s monitor.Send, q monitor.AskMasterDown) {
	h.asks[s.Token.Seq] = asked{c.addr, monitor.HostPort{Host: q.IP, Port: q.Port}}
}

// told is a down-after that a peer has told, and the one that it told at an earlier
// instant. What is sent and what arrives at one instant may come in either order.
type told struct {
	at             Instant
	latest, before time.Duration
}

func (t told) next(now Instant, d time.Duration) told {
	if now > t.at {
		t.before = t.latest
	}
	return told{now, d, t.before}
}

// by returns the longest that may have counted at now; 0: none had to.
func (t told) by(now Instant) time.Duration {
	if now == t.at && t.before == 0 {
		return 0
	}
	if now == t.at {
		return max(t.before, t.latest)
	}
	return t.latest
}

func (h *watch) answered(n *node, r monitor.AskReply) {
	q, known := h.asks[r.Token.Seq]
	if !known || !r.OK {
		return
	}
	delete(h.asks, r.Token.Seq)
	key := answerKey(q)
	h.heard++
	h.answers[key] = answer{n.w.now, h.heard, r.Down}
	if r.DownAfter > 0 {
		h.downAfter[key] = h.downAfter[key].next(n.w.now, r.DownAfter)
	}
	if r.Leader == n.id {
		h.ballots[ballot{key, r.Epoch}] = true
	}
}

// downVotes counts the peers whose last answer about a master was that it is
// down, and is not older than age.
func (h *watch) downVotes(peers []monitor.SentinelView, m monitor.MasterView, now Instant, age time.Duration) int {
	votes := 0
	for _, p := range peers {
		last := h.answers[answerKey{p.Addr, m.Addr}]
		if o := h.opinions[opinionKey{p.RunID, m.Addr}]; o.seq > last.seq {
			last = o
		}
		if last.down && now.Sub(last.at) <= age {
			votes++
		}
	}
	return votes
}

// toldByGossip notes what a peer thinks, unless by an older configuration.
func (h *watch) toldByGossip(o monitor.PeerOpinion, now Instant) {
	h.heard++
	for k := range h.probes {
		if p := &h.probes[k]; p.Name == o.Master && o.ConfigEpoch >= p.ConfigEpoch {
			h.opinions[opinionKey{o.From, o.Addr}] = answer{now, h.heard, o.Down}
		}
	}
}

// votes counts the peers that were heard to vote for this process.
func (h *watch) votes(peers []monitor.SentinelView, about monitor.HostPort, epoch monitor.Epoch) int {
	votes := 0
	for _, p := range peers {
		if h.ballots[ballot{answerKey{p.Addr, about}, epoch}] {
			votes++
		}
	}
	return votes
}
