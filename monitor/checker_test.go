package monitor

import (
	"fmt"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
)

// checker watches every step of every node of a world and everything that
// leaves it, and remembers the first violation of an invariant of
// state-machine.md §11.1, Safety invariants. It knows nothing of how the core
// decides: it compares what was seen with what was seen before.
type checker struct {
	w         *world
	violation string
	only      string // the one invariant to look at, "" for all
	lenient   bool   // looks at the consequences only, not at the gate itself

	votes   map[voteKey]RunID     // given, as told to others or used
	leaders map[epochKey]string   // node that won an election
	forced  map[epochKey]bool     // epochs that a manual failover used
	configs map[epochKey]HostPort // published addresses
	told    map[string]Epoch      // highest epoch told by a node
	toldCfg map[nodeMaster]Epoch
	memory  map[nodeMaster]*masterMemory

	snap     map[string]snapshot // of the masters before a step
	tiltThen bool
	elected  int
	switches int
}

type (
	voteKey struct {
		node, master string
		epoch        Epoch
	}
	epochKey struct {
		master string
		epoch  Epoch
	}
	nodeMaster struct{ node, master string }
)

// masterMemory is what one process did about one master.
type masterMemory struct {
	blocked Instant // last attempt, or last vote for another
	voted   *node   // that other; nil: it was an attempt
	life    int     // of voted at that time
	granted Epoch   // attempt whose promotion may be ordered
}

type snapshot struct {
	m       *master
	phase   election.Phase
	attempt Epoch
	begun   Instant
	forced  bool
	config  Epoch
	ledger  election.Ledger
	current HostPort
}

func newChecker(w *world) *checker {
	return &checker{
		w: w, votes: map[voteKey]RunID{}, leaders: map[epochKey]string{}, forced: map[epochKey]bool{},
		configs: map[epochKey]HostPort{}, told: map[string]Epoch{}, toldCfg: map[nodeMaster]Epoch{},
		memory: map[nodeMaster]*masterMemory{}, snap: map[string]snapshot{},
	}
}

func (k *checker) fail(n *node, invariant, format string, args ...any) {
	if k.violation == "" && (k.only == "" || k.only == invariant) {
		k.violation = fmt.Sprintf("%s violated at %v by %s: %s", invariant, k.w.uptime(), n.name, fmt.Sprintf(format, args...))
	}
}

func (k *checker) failed() bool { return k.violation != "" }

func snapshotOf(m *master) snapshot {
	a := &m.attempt
	return snapshot{
		m: m, phase: a.Phase(), attempt: a.Epoch, begun: a.Begun, forced: a.Forced, config: m.configEpoch, ledger: m.ledger,
		current: HostPort{Host: m.current().Host, Port: m.current().Port},
	}
}

// booted checks what must have survived a crash (S1, S2, S6).
func (k *checker) booted(n *node) {
	if n.core.CurrentEpoch() < k.told[n.name] {
		k.fail(n, "S1", "restarted at epoch %d after it told epoch %d", n.core.CurrentEpoch(), k.told[n.name])
	}
	for _, m := range n.core.masters {
		key := nodeMaster{n.name, m.cfg.Name}
		k.memory[key] = &masterMemory{}
		if m.configEpoch < k.toldCfg[key] {
			k.fail(n, "S6", "restarted with config epoch %d after it told %d", m.configEpoch, k.toldCfg[key])
		}
	}
}

func (k *checker) before(n *node, _ Input) {
	clear(k.snap)
	for _, m := range n.core.masters {
		k.snap[m.cfg.Name] = snapshotOf(m)
	}
	k.tiltThen = n.core.tilt
}

// after compares the state with the one before the step.
func (k *checker) after(n *node, in Input) {
	for _, m := range n.core.masters {
		was, ok := k.snap[m.cfg.Name]
		if !ok || was.m != m {
			k.memory[nodeMaster{n.name, m.cfg.Name}] = &masterMemory{} // monitored again
			was = snapshotOf(m)
		}
		k.shape(n, m)
		k.transition(n, m, was, in)
		k.attempts(n, m, was, in)
	}
}

// shape checks one state by itself (S2, S13, S17, S18).
func (k *checker) shape(n *node, m *master) {
	a := &m.attempt
	if m.ledger.Epoch > n.core.epoch {
		k.fail(n, "S2", "vote epoch %d above current epoch %d", m.ledger.Epoch, n.core.epoch)
	}
	promoted, busy := 0, 0
	for _, r := range m.replicas {
		if r.has(FlagPromoted) {
			promoted++
		}
		if r.has(FlagReconfSent | FlagReconfInProg) {
			busy++
		}
		if r.has(FlagPromoted) != (r == m.promoted) {
			k.fail(n, "S17", "flag promoted of %s disagrees with the attempt", r.name)
		}
	}
	if busy > m.cfg.ParallelSyncs && a.Phase() == election.ReconfReplicas {
		k.fail(n, "S13", "%d replicas are being reconfigured, allowed are %d", busy, m.cfg.ParallelSyncs)
	}
	if (a.Phase() >= election.SendReplicaOfNoOne) != (m.promoted != nil) || promoted > 1 {
		k.fail(n, "S17", "%d promoted replicas in state %s", promoted, a.Phase())
	}
	if m.has(FlagODown) && !m.has(FlagSDown) && !n.core.tilt {
		k.fail(n, "S18", "%s is objectively but not subjectively down", m.cfg.Name)
	}
}

// transition checks what a step changed (S2, S3, S6, S8, S9, S14, S16).
func (k *checker) transition(n *node, m *master, was snapshot, in Input) {
	now := snapshotOf(m)
	_, reset := in.(Call)
	if now.ledger.Epoch < was.ledger.Epoch {
		k.fail(n, "S2", "vote epoch fell from %d to %d", was.ledger.Epoch, now.ledger.Epoch)
	}
	if now.ledger.Epoch == was.ledger.Epoch && now.ledger.For != was.ledger.For && now.ledger.For != "" {
		k.fail(n, "S3", "the vote at epoch %d moved from %q to %q", now.ledger.Epoch, was.ledger.For, now.ledger.For)
	}
	if now.config < was.config {
		k.fail(n, "S6", "config epoch fell from %d to %d", was.config, now.config)
	}
	if now.current != was.current && now.config <= was.config {
		k.fail(n, "S8", "%s moved from %s to %s at config epoch %d", m.cfg.Name, was.current, now.current, now.config)
	}
	if was.phase == election.WaitPromotion && now.phase >= election.ReconfReplicas {
		if n.roles[HostPort{Host: m.promoted.addr.Host, Port: m.promoted.addr.Port}] != RoleMaster {
			k.fail(n, "S9", "the promotion of %s was confirmed without INFO saying so", m.promoted.name)
		}
	}
	if k.tiltThen && n.core.tilt && !reset && now.phase != was.phase && now.phase != election.None {
		k.fail(n, "S14", "state %s was entered in TILT", now.phase)
	}
}

func (k *checker) nodeByID(id RunID) *node {
	for _, n := range k.w.nodes {
		if n.id == id {
			return n
		}
	}
	return nil
}

// departed reports whether the process has ended that got the last vote.
func (m *masterMemory) departed() bool {
	return m.voted != nil && (!m.voted.alive || m.voted.life != m.life)
}

// attempts checks which Sentinel may lead, and when (S4, S11, S19).
func (k *checker) attempts(n *node, m *master, was snapshot, in Input) {
	a := &m.attempt
	mem := k.memory[nodeMaster{n.name, m.cfg.Name}]
	if was.phase != election.None && !a.InProgress() && a.Start == 0 {
		*mem = masterMemory{} // a switch or a reset
	}
	if a.InProgress() && a.Begun != was.begun {
		if gap := 2 * m.cfg.FailoverTimeout; !a.Forced && m.switchover.stage != takingOver && mem.blocked != 0 && k.w.now.Sub(mem.blocked) < gap && !mem.departed() {
			k.fail(n, "S11", "attempt %v after the last one or after a vote for another", k.w.now.Sub(mem.blocked))
		}
		mem.blocked, mem.voted, mem.granted = k.w.now, nil, 0
	}
	if m.ledger.For != n.id && m.ledger.Epoch != was.ledger.Epoch && m.ledger.For != "" {
		mem.blocked, mem.voted = k.w.now, k.nodeByID(m.ledger.For)
		if mem.voted != nil {
			mem.life = mem.voted.life
		}
	}
	if _, ok := in.(HelloReceived); ok && m.configEpoch != was.config && a.Start == 0 {
		mem.blocked = 0 // switched
	}
	if c, ok := in.(Call); ok {
		if _, ok := c.Op.(ResetOp); ok {
			*mem = masterMemory{}
		}
	}
	if was.phase <= election.WaitStart && a.Phase() > election.WaitStart {
		k.won(n, m, mem)
	}
}

func (k *checker) won(n *node, m *master, mem *masterMemory) {
	key := epochKey{m.cfg.Name, m.attempt.Epoch}
	mem.granted = key.epoch
	if own := (election.Ledger{Epoch: key.epoch, For: n.id}); m.ledger != own {
		k.fail(n, "S19", "leads at epoch %d with its vote for %.8s at epoch %d", key.epoch, m.ledger.For, m.ledger.Epoch)
	}
	for _, d := range n.disk.durable.Masters {
		if d.Name == m.cfg.Name && d.LeaderEpoch != key.epoch && !k.lenient {
			k.fail(n, "S19", "leads at epoch %d, on disk is a vote at epoch %d", key.epoch, d.LeaderEpoch)
		}
	}
	if m.attempt.Forced {
		k.forced[key] = true
		return
	}
	k.elected++
	if other, taken := k.leaders[key]; taken && other != n.name {
		k.fail(n, "S4", "elected for %s at epoch %d, as was %s", key.master, key.epoch, other)
	}
	k.leaders[key] = n.name
}

// effect checks what leaves a node.
func (k *checker) effect(n *node, e Effect) {
	switch e := e.(type) {
	case Send:
		k.command(n, e)
	case Reply:
		if e.Leader != "" {
			k.tell(n, e.Epoch)
			if m := k.votedMaster(n, e); m != nil {
				k.vote(n, m, e.Epoch, e.Leader)
			}
		}
		// What waited for the disk was decided before the stall.
		if e.Down && n.core.tilt && !n.disk.releasing {
			k.fail(n, "S14", "said that a master is down while in TILT")
		}
	case Emit:
		switch e.Event.(type) {
		case event.SDown, event.ODown, event.ODownCleared:
			if k.tiltThen && n.core.tilt {
				k.fail(n, "S14", "%s in TILT", e.Event.Name())
			}
		case event.SwitchMaster:
			k.switches++
		}
	}
}

// votedMaster finds the master that a reply with a vote is about: replies do
// not name it, so the ledgers do.
func (k *checker) votedMaster(n *node, r Reply) *master {
	for _, m := range n.core.masters {
		if m.ledger.Epoch == r.Epoch && m.ledger.For == r.Leader {
			return m
		}
	}
	return nil
}

func (k *checker) command(n *node, s Send) {
	switch cmd := s.Cmd.(type) {
	case PublishHello:
		k.tell(n, cmd.Hello.CurrentEpoch)
		k.published(n, cmd.Hello)
	case AskMasterDown:
		k.tell(n, cmd.Epoch)
		if m := n.core.masterAt(cmd.IP, cmd.Port); m != nil && cmd.RunID == n.id && m.ledger.Epoch == cmd.Epoch {
			k.vote(n, m, cmd.Epoch, cmd.RunID)
		}
	case SlaveOf:
		if n.core.tilt {
			k.fail(n, "S14", "SLAVEOF %s %d was sent in TILT", cmd.Host, cmd.Port)
		}
		mem := n.core.members[s.Token.Instance]
		if _, back := mem.(*master); cmd.Host == "" && mem != nil && !back { // a master may get its role back
			m := mem.base().master
			if k.memory[nodeMaster{n.name, m.cfg.Name}].granted != m.attempt.Epoch || !m.attempt.InProgress() {
				k.fail(n, "S5", "SLAVEOF NO ONE was sent to %s without a won election", mem.base().name)
			}
		}
	}
}

// tell is an epoch that leaves a node, which must be durable by then (S1).
func (k *checker) tell(n *node, e Epoch) {
	if e > durableEpoch(n.disk.durable) && !k.lenient {
		k.fail(n, "S1", "epoch %d left before it was durable (%d)", e, durableEpoch(n.disk.durable))
	}
	k.told[n.name] = max(k.told[n.name], e)
}

func durableEpoch(s State) Epoch {
	e := s.CurrentEpoch
	for _, m := range s.Masters {
		e = max(e, m.ConfigEpoch, m.LeaderEpoch)
	}
	return e
}

// vote is a vote that leaves a node (S3).
func (k *checker) vote(n *node, m *master, epoch Epoch, candidate RunID) {
	key := voteKey{n.name, m.cfg.Name, epoch}
	if first, given := k.votes[key]; given && first != candidate {
		k.fail(n, "S3", "voted for %.8s and for %.8s at epoch %d", first, candidate, epoch)
	}
	k.votes[key] = candidate
	if k.lenient {
		return
	}
	for _, d := range n.disk.durable.Masters {
		if d.Name == m.cfg.Name && d.LeaderEpoch < epoch {
			k.fail(n, "S3", "a vote at epoch %d left before it was durable (%d)", epoch, d.LeaderEpoch)
		}
	}
}

// published is a configuration that leaves a node (S6, S7).
func (k *checker) published(n *node, h Hello) {
	mine := nodeMaster{n.name, h.MasterName}
	if h.ConfigEpoch < k.toldCfg[mine] {
		k.fail(n, "S6", "published config epoch %d after %d", h.ConfigEpoch, k.toldCfg[mine])
	}
	k.toldCfg[mine] = h.ConfigEpoch
	key := epochKey{h.MasterName, h.ConfigEpoch}
	addr := HostPort{Host: h.MasterIP, Port: h.MasterPort}
	if first, known := k.configs[key]; known && first != addr && h.ConfigEpoch > 0 && !k.forced[key] {
		k.fail(n, "S7", "%s is at %s and at %s in config epoch %d", h.MasterName, first, addr, h.ConfigEpoch)
	}
	k.configs[key] = addr
}

// drained checks the loop itself: no timer without effect, none in the past,
// no queue that grows.
func (k *checker) drained(n *node) {
	c := n.core
	if c.clamped != 0 {
		k.fail(n, "timers", "%d timers asked to run in the past", c.clamped)
	}
	if next := c.NextDeadline(); next <= k.w.now {
		k.fail(n, "timers", "the next deadline is %v ago", k.w.now.Sub(next))
	}
	for id, l := range c.conns {
		if l.pending > maxPending {
			k.fail(n, "bounds", "%d commands are pending on connection %d", l.pending, id)
		}
	}
}

// maxPending is the limit of stock Sentinels (state-machine.md §0, Constants),
// which reach it. Here one command of each kind is in flight; a repeated
// election asks again, and a switch passes links on with what is in flight on
// them.
const maxPending = 100

// pending says what is missing until a healed world is as it should be, or "".
func (k *checker) pending(name string) string {
	var why []string
	add := func(format string, args ...any) { why = append(why, fmt.Sprintf(format, args...)) }
	agreed := HostPort{}
	for _, n := range k.w.nodes {
		m := n.core.byName[name]
		if m == nil {
			add("%s does not monitor %s", n.name, name)
			continue
		}
		at := HostPort{Host: m.current().Host, Port: m.current().Port}
		if agreed == (HostPort{}) {
			agreed = at
		}
		switch {
		case n.core.tilt:
			add("%s is in TILT", n.name)
		case at != agreed:
			add("%s says %s, others %s", n.name, at, agreed)
		case m.attempt.InProgress():
			add("%s is in state %s", n.name, m.attempt.Phase())
		case m.has(FlagSDown):
			add("%s holds %s down", n.name, at)
		case n.core.disk.dirty || n.core.disk.failing:
			add("%s has not saved its state", n.name)
		}
	}
	for _, s := range k.w.servers {
		switch {
		case s.of != name:
		case s.addr == agreed && s.role != RoleMaster:
			add("%s should be master", s.addr)
		case s.addr != agreed && (s.role != RoleReplica || s.following != agreed || !s.linkUp):
			add("%s does not follow %s (role %s of %s, link up %t)", s.addr, agreed, s.role, s.following, s.linkUp)
		}
	}
	return strings.Join(why, "; ")
}

// traffic checks that the periodic commands of a calm node go on (hello every
// two seconds, INFO every ten), and that its loop does not turn in a storm.
func (k *checker) traffic(n *node, d time.Duration) {
	const maxTurns = 1000 // in a second, of a node that talks to a dozen others
	if rate := int(float64(n.runs) / d.Seconds()); rate > maxTurns {
		k.fail(n, "bounds", "the loop turned %d times a second", rate)
	}
	check := func(i *instance) {
		if !i.link.connected() || k.w.now.Sub(i.link.cmd.upAt) < n.tun.InfoPeriod {
			return
		}
		if late := k.w.now.Sub(i.helloDue); late > time.Second {
			k.fail(n, "traffic", "a hello to %s is due since %v", i.name, late)
		}
		if age := k.w.now.Sub(i.infoRefresh); i.kind != KindSentinel && age > n.tun.InfoPeriod+time.Second {
			k.fail(n, "traffic", "INFO of %s is %v old", i.name, age)
		}
	}
	for _, m := range n.core.masters {
		check(&m.instance)
		for _, r := range m.replicas {
			check(&r.instance)
		}
		for _, p := range m.peers {
			check(&p.instance)
		}
	}
}
