package sim

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/monitor"
)

// checker watches every step of every core and everything that leaves it, and
// remembers the first violation of an invariant of state-machine.md §11.1. It
// knows nothing of how the core decides: it compares what happens with what
// happened before.
//
// Stock Sentinels break some of these rules, so only real cores are held to
// them; S4 and S7, which are about all Sentinels together, and what follows from there
// being one driver of a switchover, are left out as soon as something happened after
// which no Sentinel can keep them (see tainted).
type checker struct {
	w         *world
	violation string
	invariant Invariant             // the violated one
	only      Invariant             // the one invariant to look at; 0 for all
	looked    [invariantsEnd]uint64 // how often there was something to decide
	thorough  bool                  // compares even where the core says that nothing has changed
	lenient   bool                  // looks at consequences only, not at the gate itself
	tainted   string                // why S4 and S7 cannot hold any more; "" while they must

	checked  uint64 // states compared
	leaders  map[epochKey]leader
	excused  map[epochKey]bool // epochs with which two configurations may exist
	revoted  map[epochKey]bool // epochs in which one voted again that could not know of its first vote
	configs  map[epochKey]monitor.HostPort
	former   map[formerMaster]bool
	elected  int
	switches int
	started  int // attempts
}

type (
	epochKey struct {
		master string
		epoch  monitor.Epoch
	}
	leader struct {
		node   string
		voters []monitor.RunID // whom it knew, itself included
		needed int
	}
)

func newChecker(w *world) *checker {
	return &checker{
		w: w, leaders: map[epochKey]leader{}, excused: map[epochKey]bool{}, revoted: map[epochKey]bool{}, configs: map[epochKey]monitor.HostPort{}, former: map[formerMaster]bool{},
	}
}

func (k *checker) fail(who string, invariant Invariant, format string, args ...any) {
	if k.violation != "" || k.only != 0 && k.only != invariant || k.tainted != "" && invariant.needsOneLeader() {
		return
	}
	k.invariant = invariant
	k.violation = fmt.Sprintf("%s violated at %v by %s: %s", invariant, k.w.uptime(), who, k.w.readable(fmt.Sprintf(format, args...)))
	k.w.say("!!", "%s", k.violation)
}

func (k *checker) failed() bool { return k.violation != "" }

// taint notes that elections cannot be safe any more, and why.
func (k *checker) taint(why string) {
	if k.tainted == "" {
		k.tainted = why
		k.w.say("!", "from here on two leaders are possible: %s", why)
	}
}

// voter is who is bound by what it told: an installation of a Sentinel, in all its
// lives. A Sentinel that lost its disk is another voter.
type voter struct {
	installed int
	votes     map[epochKey]monitor.RunID
	told      monitor.Epoch                 // the highest epoch that it told
	config    map[string]monitor.Epoch      // the config epoch of each master that it told
	words     map[string]word               // about the failovers of each master that it has acknowledged
	heard     map[string]word               // the last of them that it has heard
	buried    map[string]map[buried]Instant // the members of each master that it has forgotten, and until when
	removals  map[string]int                // how often each master was removed
	promised  map[string]Instant            // until when it votes for no failover of each master
	lost      *lostEpochs                   // nil while its file has kept everything
}

// lostEpochs is about a voter whose file has lost its epochs. It may only go by
// what others tell it.
type lostEpochs struct {
	told  monitor.Epoch // the highest epoch that it told before
	heard []heardEpoch  // in hellos, since
}

// heardEpoch is the highest epoch that one Sentinel has told about a master.
type heardEpoch struct {
	master string
	by     monitor.RunID
	epoch  monitor.Epoch
}

func (l *lostEpochs) hears(h *monitor.Hello) {
	for i := range l.heard {
		if o := &l.heard[i]; o.master == h.MasterName && o.by == h.RunID {
			o.epoch = max(o.epoch, h.CurrentEpoch)
			return
		}
	}
	l.heard = append(l.heard, heardEpoch{h.MasterName, h.RunID, h.CurrentEpoch})
}

// before returns the highest epoch that others than a candidate have told about a
// master. What the candidate tells may be the epoch of the election that it is at.
func (l *lostEpochs) before(master string, candidate monitor.RunID) (epoch monitor.Epoch, any bool) {
	for _, o := range l.heard {
		if o.master == master {
			any = true
			if o.by != candidate {
				epoch = max(epoch, o.epoch)
			}
		}
	}
	return epoch, any
}

// forget makes v a voter that lost its epochs.
func (v *voter) forget() {
	told := v.told
	if v.lost != nil {
		told = max(told, v.lost.told)
	}
	clear(v.words)
	clear(v.heard)
	v.lost, v.told = &lostEpochs{told: told}, 0
	clear(v.config)
}

// hears notes what a hello tells a voter that lost its epochs.
func (v *voter) hears(n *node, h *monitor.Hello) {
	if v.lost != nil && h.RunID != n.id {
		v.lost.hears(h)
	}
}

// voter returns who n is now.
func (n *node) voter() *voter {
	if n.bound == nil || n.bound.installed != n.installed {
		n.bound = &voter{installed: n.installed, votes: map[epochKey]monitor.RunID{}, config: map[string]monitor.Epoch{}, words: map[string]word{}, heard: map[string]word{}, removals: map[string]int{}, buried: map[string]map[buried]Instant{}, promised: map[string]Instant{}}
	}
	return n.bound
}

// booted checks what must have survived a crash (S1, S2, S6).
func (k *checker) booted(n *node) {
	n.seen.init()
	who := n.voter()
	k.looked[S1]++
	if n.core.CurrentEpoch() < who.told {
		k.fail(n.name, S1, "restarted at epoch %d after it told epoch %d", n.core.CurrentEpoch(), who.told)
	}
	n.seen.probes, n.seen.changes = n.core.AppendProbes(n.seen.probes), n.core.Changes()
	for _, p := range n.seen.probes {
		k.looked[S6]++
		if told := who.config[p.Name]; p.ConfigEpoch < told {
			k.fail(n.name, S6, "restarted with config epoch %d after it told %d", p.ConfigEpoch, told)
		}
		v, _ := n.core.Master(k.w.now, p.Name)
		who.recalled(p.Name, &v.Pause)
		m := n.seen.master(p.Name)
		replicas, _ := n.core.Replicas(k.w.now, p.Name)
		for _, r := range replicas {
			m.replicas[r.Name] = true
		}
	}
}

func (k *checker) before(n *node, in monitor.Input) {
	n.seen.tiltBefore, _ = n.core.Tilt(k.w.now)
	n.seen.epochBefore = n.core.CurrentEpoch()
	n.seen.failing = n.seen.failing || n.core.PersistFailing() != ""
	switch in := in.(type) {
	case monitor.LinkUp:
		n.seen.reached(k.w.now, n.link(in.Conn))
	case monitor.Ask:
		if in.RunID != "" || in.Promise != 0 {
			n.seen.questions[in.From] = n.core.AsksAbout(in)
		}
	case monitor.AskReply:
		if n.core.Hears(in.Conn) {
			n.seen.promisedTo(in)
			n.seen.answered(n, in)
		}
	case monitor.InfoReply:
		k.remember(n, in)
	case monitor.ConfigReply:
		n.seen.confirmed(in)
	case monitor.PeerOpinion:
		n.seen.toldByGossip(in, k.w.now)
	case monitor.SlaveOfReply:
		if in.Refused == "" {
			n.link(in.Conn).fence.obeyed = true
		}
		n.seen.refused(in)
	case monitor.CommandDone:
		n.seen.answeredPause(in)
		n.seen.notPaused(n.link(in.Conn), in)
		n.seen.unheld(in)
	case monitor.HelloReceived:
		n.voter().hears(n, &in.Hello)
		if k.w.forged != nil {
			k.hearing(n, &in)
		}
	case monitor.PolicyAnswer:
		k.answeredPolicy(n, in)
	case monitor.Call:
		switch op := in.Op.(type) {
		case monitor.FailoverOp:
			k.operated(n, op)
			n.seen.operatorOrders(in.From, op)
		case monitor.PauseOp:
			k.said(n, in, op)
		case monitor.ForgetOp:
			k.forgets(n, in, op)
		case monitor.RemoveOp:
			n.voter().removed(op.Name)
			n.seen.leavesFence(op.Name)
		}
		if _, ok := in.Op.(monitor.ResetOp); ok {
			for _, p := range n.seen.probes {
				m := n.seen.master(p.Name) // a second RESET may come before the first is told
				m.reset = m.reset || p.Phase >= election.ReconfReplicas
			}
		}
	}
}

// masterAt returns the name of the master at an address; "" when
// there is none.
func (k *checker) masterAt(n *node, at monitor.HostPort) string {
	for _, p := range n.seen.probes {
		if v, ok := n.core.Master(k.w.now, p.Name); ok && v.Addr == at {
			return p.Name
		}
	}
	return ""
}

// after compares the state with the one before the step.
func (k *checker) after(n *node, in monitor.Input) {
	k.heardLie(n)
	k.numbered(n, in)
	h, changes := &n.seen, n.core.Changes()
	if changes == h.changes && k.thorough {
		k.unchanged(n)
	}
	if changes == h.changes || n.core.SameProbes(h.probes) {
		k.checked += uint64(len(h.probes))
		h.changes = changes
		return
	}
	h.changes = changes
	h.before, h.probes = h.probes, h.core(n)
	k.checked += uint64(len(h.probes))
	for j := range h.before {
		if h.before[j].Phase > election.WaitStart {
			h.led[h.before[j].Name] = k.w.now
		}
	}
	for j := range h.probes {
		now := &h.probes[j]
		if j < len(h.before) && *now == h.before[j] {
			continue
		}
		was := find(h.before, now)
		if was == nil { // monitored anew
			// Events of the steps before are still to come: causes wait for -monitor.
			h.masters[now.Name] = &masterWatch{causes: h.master(now.Name).causes, said: map[string]*monitor.Info{}}
			clear(h.downAfter) // its peers are new, too
			was = now
		}
		h.note(was)
		h.master(now.Name).turn(k.w.now, was, now)
		delete(h.returned, hostPort(now.Current)) // it is the master again
		k.attempted(n, now, was)
		k.shape(n, now)
		k.transition(n, now, was, in)
		k.attempts(n, now, was, in)
	}
}

// unchanged checks that a core which has counted no change has none: what it does
// not count is not compared with what was before.
func (k *checker) unchanged(n *node) {
	if n.seen.changes == n.core.Changes() && !n.core.SameProbes(n.seen.probes) {
		k.fail(n.name, Audit, "something has changed that was not counted")
	}
}

func (h *watch) core(n *node) []monitor.MasterProbe { return n.core.AppendProbes(h.before[:0]) }

func find(list []monitor.MasterProbe, p *monitor.MasterProbe) *monitor.MasterProbe {
	for j := range list {
		if list[j].Record == p.Record {
			return &list[j]
		}
	}
	return nil
}

// shape checks one state by itself (S2, S17, S18).
func (k *checker) shape(n *node, p *monitor.MasterProbe) {
	k.looked[S2]++
	k.looked[S17]++
	if p.Flags.Has(monitor.FlagODown) {
		k.looked[S18]++
	}
	if p.VoteEpoch > n.core.CurrentEpoch() {
		k.fail(n.name, S2, "vote epoch %d above current epoch %d", p.VoteEpoch, n.core.CurrentEpoch())
	}
	chosen := 0
	if p.Promoted != (monitor.Addr{}) {
		chosen = 1
	}
	if p.Promoting != chosen || (p.Phase >= election.SendReplicaOfNoOne) != (chosen == 1) {
		k.fail(n.name, S17, "%d replicas are flagged promoted and %d chosen in state %s", p.Promoting, chosen, p.Phase)
	}
	if p.Phase != election.None && p.Begun == 0 {
		k.fail(n.name, S17, "a failover in state %s was never begun", p.Phase)
	}
	tilt, _ := n.core.Tilt(k.w.now)
	if p.Flags.Has(monitor.FlagODown) && !p.Flags.Has(monitor.FlagSDown) && !tilt {
		k.fail(n.name, S18, "%s is objectively but not subjectively down", p.Name)
	}
}

// transition checks what a step changed (S2, S3, S6, S8, S9, S12, S13, S14, S16).
func (k *checker) transition(n *node, p, was *monitor.MasterProbe, in monitor.Input) {
	if p.Phase == election.ReconfReplicas && p.Busy > was.Busy { // an operator may have lowered what is allowed
		k.looked[S13]++
		if p.Busy > p.ParallelSyncs {
			k.fail(n.name, S13, "%d replicas are being reconfigured, allowed are %d", p.Busy, p.ParallelSyncs)
		}
	}
	if p.VoteEpoch < was.VoteEpoch {
		k.fail(n.name, S2, "vote epoch fell from %d to %d", was.VoteEpoch, p.VoteEpoch)
	}
	if p.VoteFor != was.VoteFor || p.VoteEpoch != was.VoteEpoch {
		k.voted(n, p, was, in)
	}
	if p.ConfigEpoch < was.ConfigEpoch {
		k.fail(n.name, S6, "config epoch fell from %d to %d", was.ConfigEpoch, p.ConfigEpoch)
	}
	if p.Current != was.Current {
		k.looked[S8]++
		delete(n.voter().promised, p.Name) // that was about the old master
	}
	if p.Current != was.Current && p.ConfigEpoch <= was.ConfigEpoch {
		k.fail(n.name, S8, "%s moved from %s to %s at config epoch %d", p.Name, was.Current.Host, p.Current.Host, p.ConfigEpoch)
	}
	if was.Phase < election.ReconfReplicas && p.Phase >= election.ReconfReplicas {
		k.looked[S9]++
		at := monitor.HostPort{Host: p.Promoted.Host, Port: p.Promoted.Port}
		if n.seen.roles[at] != monitor.RoleMaster {
			k.fail(n.name, S9, "the promotion of %s was confirmed without INFO saying so", at)
		}
		k.proved(n, p)
	}
	if p.Phase == election.SendReplicaOfNoOne || p.Phase == election.WaitPromotion {
		if was.Phase < election.SendReplicaOfNoOne || p.Promoted != was.Promoted {
			k.selected(n, p)
		}
	}
	_, ordered := in.(monitor.Call)
	if _, answered := in.(monitor.PolicyAnswer); answered {
		ordered = p.Forced // what an operator has ordered waited for it
	}
	tilt, _ := n.core.Tilt(k.w.now)
	if tilt {
		k.looked[S14]++
	}
	if n.seen.tiltBefore && tilt && !ordered && p.Phase != was.Phase && p.Phase != election.None {
		k.fail(n.name, S14, "state %s was entered in TILT", p.Phase)
	}
}

// voted checks a change of the vote: it follows from the rule and from nothing
// else, and none votes twice in an epoch (S3, S16).
func (k *checker) voted(n *node, p, was *monitor.MasterProbe, in monitor.Input) {
	k.looked[S3]++
	k.looked[S16]++
	k.votedAgain(n, p)
	if ask, ok := in.(monitor.Ask); ok && p.VoteFor != n.id && p.VoteFor != "" && ask.Lease == 0 {
		k.keepsPromise(n, p, "a vote")
		k.fencesFirst(n, p, was)
	}
	if p.VoteEpoch == was.VoteEpoch && p.VoteFor != was.VoteFor && p.VoteFor != "" {
		k.fail(n.name, S3, "the vote at epoch %d moved from %.8s to %.8s", p.VoteEpoch, was.VoteFor, p.VoteFor)
	}
	switch ask, ok := in.(monitor.Ask); {
	case p.VoteFor == "" || p.VoteFor == was.VoteFor && p.VoteEpoch == was.VoteEpoch:
	case p.VoteFor == n.id && p.VoteEpoch == p.AttemptEpoch && p.Phase == election.WaitStart:
	case p.VoteFor == n.id && p.Phase != was.Phase && p.VoteEpoch == p.AttemptEpoch: // elected by itself at once
	case ok && ask.RunID == p.VoteFor && ask.Epoch == p.VoteEpoch:
	default:
		k.fail(n.name, S16, "voted for %.8s at epoch %d because of %T", p.VoteFor, p.VoteEpoch, in)
	}
}

// votedAgain checks a vote of one that lost its epochs (S3): it has heard others,
// and the epoch is none that they had reached. It cannot know of one that nobody
// has told, so there two leaders are possible.
func (k *checker) votedAgain(n *node, p *monitor.MasterProbe) {
	who, key := n.voter(), epochKey{p.Name, p.VoteEpoch}
	if who.lost == nil || p.VoteFor == "" {
		return
	}
	heard, any := who.lost.before(p.Name, p.VoteFor)
	first, given := who.votes[key]
	switch again := given && first != p.VoteFor; {
	case !any && p.VoteFor != n.id:
		k.fail(n.name, S3, "voted for %.8s at epoch %d before it heard anybody, without a memory of its votes", p.VoteFor, p.VoteEpoch)
	case again && p.VoteEpoch <= heard:
		k.fail(n.name, S3, "voted for %.8s and for %.8s at epoch %d, which others had told", first, p.VoteFor, p.VoteEpoch)
	case again:
		k.excused[key], k.revoted[key] = true, true
		who.votes[key] = p.VoteFor
	}
}

// selected checks the replica that was chosen for promotion (S12).
func (k *checker) selected(n *node, p *monitor.MasterProbe) {
	replicas, _ := n.core.Replicas(k.w.now, p.Name)
	m, _ := n.core.Master(k.w.now, p.Name)
	info, down := 3*n.tun.InfoPeriod, 10*m.DownAfter
	if p.Flags.Has(monitor.FlagSDown) {
		lost := max(m.SDownTime, m.LastOKPingReply)
		if m.RoleReported == monitor.RoleReplica {
			lost = max(lost, m.RoleReportedTime+n.tun.InfoPeriod)
		}
		info, down = 5*n.tun.PingPeriod, down+lost
	}
	if n.seen.master(p.Name).handover.forced {
		down = math.MaxInt64
	}
	known := n.lineage(p.Name)
	cause := func(r *monitor.ReplicaView) string {
		if complete(monitor.ParseInfo(r.Info.Bytes()), known) {
			return unfit(r, 5*n.tun.PingPeriod, info, math.MaxInt64)
		}
		return unfit(r, 5*n.tun.PingPeriod, info, down)
	}
	for _, r := range replicas {
		if !r.Flags.Has(monitor.FlagPromoted) {
			continue
		}
		k.looked[S12]++
		if r.Addr == n.seen.master(p.Name).handover.named {
			r.Priority = 1 // it was asked for by its name
		}
		if why := cause(&r); why != "" {
			k.fail(n.name, S12, "%s was chosen although %s", r.Name, why)
		}
		fit := slices.DeleteFunc(slices.Clone(replicas), func(o monitor.ReplicaView) bool { return cause(&o) != "" })
		if r.MasterLinkDown > down {
			k.hasMost(n, &r, fit, known)
		}
		watch := n.seen.master(p.Name)
		if h := n.seen.infos[m.Addr]; h.info != nil && h.info.Role == monitor.RoleMaster && h.at >= watch.records && !h.info.Loading && !watch.lineage.hasLeft(h.info.ReplID) {
			watch.lineage = watch.lineage.next(h.info) // it may have said so before it was the master here
		}
		k.descends(n, watch, known, &r, fit)
	}
}

// descends checks the replica that was chosen among those that are fit: it has the
// data of the master, as far as that was heard, if any has (Lineage).
func (k *checker) descends(n *node, m *masterWatch, known monitor.Lineage, chosen *monitor.ReplicaView, fit []monitor.ReplicaView) {
	if m.lineage == nil || !m.lineage.keys {
		return
	}
	id, offset := m.lineage.id, m.lineage.offset
	is := monitor.ParseInfo(chosen.Info.Bytes())
	if descends(is, id, offset) || m.lineage.saves(is) {
		return
	}
	for _, o := range fit {
		k.looked[Lineage]++
		other := monitor.ParseInfo(o.Info.Bytes())
		if is.ReplID == id && other.ReplID != id && end(is) >= other.SecondOffset {
			continue // the other was promoted before; the chosen one has more, although it is being filled
		}
		if other.ReplID2 == is.ReplID && end(other) < other.SecondOffset && end(is) >= end(other) {
			continue // the other has nothing of the new history that the chosen one does not have under the old name
		}
		if is.ReplID2 == other.ReplID && end(other) < is.SecondOffset && !is.Loading && !is.Syncing {
			continue // the master has lost the end of that history, and the chosen one has what came then
		}
		if descends(other, id, offset) && (other.Keys || end(other) >= offset) {
			k.fail(n.name, Lineage, "%s was chosen, which lacks the data of the master, instead of %s: %s against %s, master %s, known as %.4s:%d after %.4s:%d",
				chosen.Name, o.Name, data(is), data(other), m.lineage, known.ReplID, known.Offset, known.ReplID2, known.Second)
		}
	}
}

// data says in short what a server has.
func data(i *monitor.Info) string {
	is := fmt.Sprintf("%.4s:%d", i.ReplID, end(i))
	if i.ReplID2 != "" {
		is += fmt.Sprintf(" after %.4s:%d", i.ReplID2, i.SecondOffset)
	}
	for _, f := range []struct {
		is   bool
		word string
	}{{i.Role == monitor.RoleMaster, "master"}, {i.Keys, "keys"}, {i.Loading, "loading"}, {i.Syncing, "syncing"}, {i.MasterLinkUp, "linked"}} {
		if f.is {
			is += " " + f.word
		}
	}
	return is
}

// descends reports whether a server has what its master had, perhaps without the
// latest writes. One that was filled by a master that had been restarted is at offset 0 of
// its history, which says nothing where it had no link since its start.
func descends(i *monitor.Info, id string, offset uint64) bool {
	filled := i.Role == monitor.RoleReplica && i.MasterLinkDown >= 0 && i.Keys
	return !i.Loading && !i.Syncing && (i.ReplID == id && (end(i) > 0 || filled) || has(i, id, offset))
}

// hasMost checks that no other replica has more of what the master had than one that
// was cut off for long.
func (k *checker) hasMost(n *node, chosen *monitor.ReplicaView, fit []monitor.ReplicaView, known monitor.Lineage) {
	has := monitor.ParseInfo(chosen.Info.Bytes())
	for _, o := range fit {
		other := monitor.ParseInfo(o.Info.Bytes())
		if has.ReplID == known.ReplID && other.ReplID == has.ReplID && !other.Loading && end(other) > end(has) {
			k.fail(n.name, S12, "%s was chosen, which was cut off for %v, although %s has more", chosen.Name, chosen.MasterLinkDown, o.Name)
		}
	}
}

// lineage returns what the Sentinel knows of the data of a master, also from its file.
func (n *node) lineage(name string) monitor.Lineage {
	for _, m := range n.core.State().Masters {
		if m.Name == name {
			return m.Lineage
		}
	}
	return monitor.Lineage{}
}

// complete reports whether a server has all that a Sentinel knows its master to have
// had. How long it was cut off does not matter then.
func complete(i *monitor.Info, l monitor.Lineage) bool {
	return has(i, l.ReplID, l.Offset) && (!i.Syncing || i.ReplID != l.ReplID)
}

// unfit says why a replica must not be promoted, or "". The times are how old
// its last answers to PING and INFO may be, and for how long it may have been
// cut off from its master.
func unfit(r *monitor.ReplicaView, ping, info, down time.Duration) string {
	switch {
	case r.Flags.Has(monitor.FlagSDown):
		return "it is down"
	case !r.CommandsUp:
		return "it is disconnected"
	case r.Priority == 0:
		return "its priority is 0"
	case r.LastOKPingReply > ping:
		return fmt.Sprintf("it answered PING %v ago", r.LastOKPingReply)
	case r.Info == "" || r.InfoRefresh > info:
		return fmt.Sprintf("it answered INFO %v ago", r.InfoRefresh)
	case r.MasterLinkDown > down:
		return fmt.Sprintf("it was cut off for %v", r.MasterLinkDown)
	}
	return ""
}

// attempts checks who may lead, and when (S4, S10, S11, S19).
func (k *checker) attempts(n *node, p, was *monitor.MasterProbe, in monitor.Input) {
	m := n.seen.master(p.Name)
	if k.paused(n, p.Name) && p.Flags.Has(monitor.FlagODown) && p.Phase == election.None {
		k.looked[Halted]++
	}
	if c, ok := in.(monitor.Call); ok {
		if _, ok := c.Op.(monitor.ResetOp); ok {
			m.blocked, m.voted, m.granted = 0, ended{}, 0
		}
	}
	if p.Start == 0 && was.Start != 0 {
		m.blocked, m.voted, m.granted = 0, ended{}, 0 // a switch or a reset
	}
	if p.Begun != was.Begun && p.Begun != 0 {
		k.began(n, p, m)
	}
	if p.Phase == election.WaitStart && (p.Begun != was.Begun || p.AttemptEpoch != was.AttemptEpoch) {
		k.unused(n, p, was)
	}
	ask, asked := in.(monitor.Ask)
	if asked && ask.RunID != "" && k.paused(n, p.Name) {
		k.looked[Halted]++
		if p.VoteFor == ask.RunID && p.VoteEpoch != was.VoteEpoch && !n.seen.demoted[hostPort(was.Current)] {
			k.fail(n.name, Halted, "a vote although failovers of %s are paused", p.Name)
		}
	}
	if p.VoteFor != n.id && p.VoteFor != "" && p.VoteEpoch != was.VoteEpoch && ask.Lease == 0 {
		m.blocked, m.voted = k.w.now, n.candidate(ask)
	}
	if was.Phase <= election.WaitStart && p.Phase > election.WaitStart {
		k.won(n, p, m)
	}
}

// began checks the beginning of an attempt.
func (k *checker) began(n *node, p *monitor.MasterProbe, m *masterWatch) {
	k.started++
	m.granted = 0
	k.permitted(n, p, m)
	if k.paused(n, p.Name) && !p.TakingOver {
		k.looked[Halted]++
		if !p.Forced || !m.byForce {
			k.fail(n.name, Halted, "attempt although failovers of %s are paused", p.Name)
		}
	}
	if !p.Forced && !p.TakingOver {
		k.keepsPromise(n, p, "an attempt")
		k.looked[S10]++
		k.looked[S11]++
		v, _ := n.core.Master(k.w.now, p.Name)
		if gap := 2 * v.FailoverTimeout; m.blocked != 0 && k.w.now.Sub(m.blocked) < gap {
			k.inherits(n, m)
		}
		if !p.Flags.Has(monitor.FlagSDown) {
			k.fail(n.name, S10, "attempt although %s is not down here", p.Name)
		}
		peers, _ := n.core.Sentinels(k.w.now, p.Name)
		const slack = 100 * time.Millisecond
		if votes := 1 + n.seen.downVotes(peers, v, k.w.now, 5*n.tun.AskPeriod+slack); votes < p.Quorum && k.tainted == "" {
			k.fail(n.name, S10, "attempt although only %d of %d say that %s is down", votes, p.Quorum, p.Name)
		}
	}
	m.blocked, m.voted = k.w.now, ended{}
}

// inherits checks an attempt that comes before its time: only the end of the process for
// which this one has voted allows it.
func (k *checker) inherits(n *node, m *masterWatch) {
	after := k.w.now.Sub(m.blocked)
	if m.voted.who == nil {
		k.fail(n.name, S11, "attempt %v after the last one", after)
		return
	}
	k.looked[Departed]++
	if !m.voted.since() {
		k.fail(n.name, Departed, "attempt %v after a vote for %s, whose process goes on", after, m.voted.who.name)
	}
}

// unused checks the epoch of an election that begins or is repeated. Other masters may
// use it too. Who goes on by force, without votes, must have it for itself.
func (k *checker) unused(n *node, p, was *monitor.MasterProbe) {
	k.looked[Unused]++
	if p.AttemptEpoch <= was.VoteEpoch || p.AttemptEpoch <= p.ConfigEpoch {
		k.fail(n.name, Unused, "stands for %s at epoch %d, after a vote at %d and a configuration of %d", p.Name, p.AttemptEpoch, was.VoteEpoch, p.ConfigEpoch)
	}
	if p.Forced && p.AttemptEpoch <= n.seen.epochBefore {
		k.fail(n.name, Unused, "a failover of %s by force at epoch %d, which is not new", p.Name, p.AttemptEpoch)
	}
}

// won checks an election: enough Sentinels were heard to vote for the winner,
// and no other has won at this epoch.
func (k *checker) won(n *node, p *monitor.MasterProbe, m *masterWatch) {
	key := epochKey{p.Name, p.AttemptEpoch}
	m.granted, m.orders, m.ordered = key.epoch, nil, monitor.HostPort{}
	k.votedForItself(n, p)
	v, _ := n.core.Master(k.w.now, p.Name)
	peers, _ := n.core.Sentinels(k.w.now, p.Name)
	needed := max((len(peers)+min(v.Unreachable, k.w.hidden())+1)/2+1, p.Quorum)
	votes := n.seen.votes(peers, v.Addr, key.epoch)
	if p.VoteFor == n.id && p.VoteEpoch == key.epoch {
		votes++
	}
	if p.Forced && votes < needed {
		k.excused[key] = true // nobody knows who else uses this epoch
		return
	}
	if lost := n.voter().lost; lost != nil && key.epoch <= lost.told {
		k.excused[key] = true // cut off from all who could have told
		return
	}
	k.elected++
	k.looked[S4]++
	if votes < needed && k.tainted == "" { // one process with two ids votes twice
		k.fail(n.name, S4, "won the election for %s at epoch %d with %d votes, needed are %d", p.Name, key.epoch, votes, needed)
	}
	l := leader{node: n.name, voters: []monitor.RunID{n.id}, needed: needed}
	for _, peer := range peers {
		l.voters = append(l.voters, peer.RunID)
	}
	k.unique(key, l)
}

// votedForItself checks that the epoch of a leader cannot be used again: its vote
// in it is its own, and on disk (S19).
func (k *checker) votedForItself(n *node, p *monitor.MasterProbe) {
	k.looked[S19]++
	if p.VoteFor != n.id || p.VoteEpoch != p.AttemptEpoch {
		k.fail(n.name, S19, "leads at epoch %d with its vote for %.8s at epoch %d", p.AttemptEpoch, p.VoteFor, p.VoteEpoch)
	}
	for j := range n.disk.durable.Masters {
		if d := n.disk.durable.Masters[j]; d.Name == p.Name && d.LeaderEpoch != p.AttemptEpoch && !k.lenient {
			k.fail(n.name, S19, "leads at epoch %d, on disk is a vote at epoch %d", p.AttemptEpoch, d.LeaderEpoch)
		}
	}
}

// unique checks that no other leads the same epoch. Two may only when they
// know so different Sentinels that their majorities need not share one: no
// protocol can prevent it then, which is why a RESET is documented as dangerous.
func (k *checker) unique(key epochKey, l leader) {
	other, taken := k.leaders[key]
	if !taken {
		k.leaders[key] = l
		return
	}
	all := slices.Clone(l.voters)
	for _, id := range other.voters {
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	if k.tainted != "" || k.revoted[key] || l.needed+other.needed <= len(all) {
		k.excused[key] = true
		return
	}
	if other.node != l.node {
		k.fail(l.node, S4, "elected for %s at epoch %d, as was %s", key.master, key.epoch, other.node)
	}
}

// effect checks what leaves a core.
func (k *checker) effect(n *node, e monitor.Effect) {
	switch e := e.(type) {
	case monitor.Send:
		k.command(n, e)
	case monitor.Reply:
		if e.Leader != "" {
			k.tell(n, e.Epoch)
			k.vote(n, n.seen.questions[e.To], e.Epoch, e.Leader)
		}
		k.promises(n, e)
		delete(n.seen.questions, e.To)
		// What waited for the disk was decided before the stall.
		if tilt, _ := n.core.Tilt(k.w.now); e.Down && tilt && !n.disk.releasing {
			k.fail(n.name, S14, "said that a master is down while in TILT")
		}
	case monitor.ShareConfig:
		k.tell(n, e.Hello.CurrentEpoch)
		k.published(n, e.Hello)
	case monitor.ShareOpinion:
		if tilt, _ := n.core.Tilt(k.w.now); e.Down && tilt {
			k.fail(n.name, S14, "told its peers that a master is down while in TILT")
		}
	case monitor.Emit:
		k.event(n, e.Event)
	}
}

func (k *checker) command(n *node, s monitor.Send) {
	k.handedOver(n, s)
	switch cmd := s.Cmd.(type) {
	case monitor.PublishHello:
		k.tell(n, cmd.Hello.CurrentEpoch)
		k.published(n, cmd.Hello)
	case monitor.AskMasterDown:
		n.seen.asking(n.link(s.Conn), s, cmd)
		n.seen.asksPromise(n, s, cmd)
		k.tell(n, cmd.Epoch)
		if cmd.RunID == n.id {
			k.asked(n, n.core.MasterOf(s.Token.Instance), cmd)
		}
	case monitor.SlaveOf:
		if tilt, _ := n.core.Tilt(k.w.now); tilt && !n.disk.releasing {
			k.fail(n.name, S14, "SLAVEOF %s was sent in TILT", target(cmd))
		}
		k.looked[Itself]++
		if to := (monitor.HostPort{Host: cmd.Host, Port: cmd.Port}); !cmd.Bare && itself(k.w, to, n.link(s.Conn).addr) {
			k.fail(n.name, Itself, "%s was told to follow %s", n.link(s.Conn).addr, to)
		}
		givenBack := cmd.Bare && n.seen.demoted[n.link(s.Conn).addr] || k.masterAt(n, n.link(s.Conn).addr) != ""
		if cmd.Host == "" && !givenBack {
			k.holdsOne(n, n.link(s.Conn).addr)
			k.promoted(n, n.link(s.Conn).addr)
			k.single(n, s)
		}
	}
}

// asked checks a vote request: who asks at an epoch has voted for itself in it.
func (k *checker) asked(n *node, name string, q monitor.AskMasterDown) {
	if name != "" {
		k.vote(n, name, q.Epoch, q.RunID)
	}
}

// promoted checks the order to become a master (S5).
func (k *checker) promoted(n *node, at monitor.HostPort) {
	k.looked[S5]++
	for j := range n.seen.probes {
		n.seen.note(&n.seen.probes[j])
	}
	if slices.Contains(n.seen.ordered, at) {
		return
	}
	k.fail(n.name, S5, "SLAVEOF NO ONE was sent to %s without a won election", at)
}

// single checks that an attempt promotes one server only, as far as anybody can
// know: an order whose answer was lost may have been obeyed.
func (k *checker) single(n *node, s monitor.Send) {
	to := n.link(s.Conn).addr
	for j := range n.seen.probes {
		p := &n.seen.probes[j]
		m := n.seen.master(p.Name)
		if p.Promoted.Port == 0 || hostPort(p.Promoted) != to || m.granted != p.AttemptEpoch {
			continue
		}
		if m.ordered != to && len(m.orders) > 0 {
			k.fail(n.name, Single, "%s was told to become a master at epoch %d, as was %s, which has not refused", to, p.AttemptEpoch, m.ordered)
		}
		if m.ordered != to && m.ordered.Port != 0 {
			k.looked[Single]++
		}
		m.ordered = to
		m.orders = append(m.orders, s.Token.Seq)
		n.seen.promotions[s.Token.Seq] = p.Name
	}
}

// tell is an epoch that leaves a Sentinel, which must be durable by then (S1).
func (k *checker) tell(n *node, e monitor.Epoch) {
	k.looked[S1]++
	if e > n.disk.durable.CurrentEpoch && !k.lenient {
		if durable := durableEpoch(&n.disk.durable); e > durable {
			k.fail(n.name, S1, "epoch %d left before it was durable (%d)", e, durable)
		}
	}
	who := n.voter()
	who.told = max(who.told, e)
}

// durableEpoch is the epoch that a process starts with from a state.
func durableEpoch(s *monitor.State) monitor.Epoch {
	e := s.CurrentEpoch
	for j := range s.Masters {
		e = max(e, s.Masters[j].ConfigEpoch, s.Masters[j].LeaderEpoch)
	}
	return e
}

// vote is a vote that leaves a Sentinel (S3).
func (k *checker) vote(n *node, master string, epoch monitor.Epoch, candidate monitor.RunID) {
	k.looked[S3]++
	who, key := n.voter(), epochKey{master, epoch}
	if first, given := who.votes[key]; given && first != candidate {
		k.fail(n.name, S3, "voted for %.8s and for %.8s at epoch %d", first, candidate, epoch)
	}
	who.votes[key] = candidate
	if k.lenient {
		return
	}
	for _, d := range n.disk.durable.Masters {
		if d.Name == master && d.LeaderEpoch < epoch {
			k.fail(n.name, S3, "a vote at epoch %d left before it was durable (%d)", epoch, d.LeaderEpoch)
		}
	}
}

// published is a configuration that leaves a Sentinel (S6, S7).
func (k *checker) published(n *node, h monitor.Hello) {
	k.looked[S6]++
	who := n.voter()
	told, known := who.config[h.MasterName]
	if h.ConfigEpoch < told {
		k.fail(n.name, S6, "published config epoch %d after %d", h.ConfigEpoch, told)
	}
	for j := range n.disk.durable.Masters {
		d := n.disk.durable.Masters[j]
		// The outcome of an own failover is told even while the disk fails, and
		// need not survive a crash then. It goes on being told when the disk is well
		// again but has only ended the write that it hung in.
		m := n.seen.master(h.MasterName)
		switch {
		case d.Name != h.MasterName:
		case d.ConfigEpoch >= h.ConfigEpoch:
			if !known || told != h.ConfigEpoch {
				who.config[h.MasterName] = h.ConfigEpoch
			}
		case n.seen.failing || n.core.PersistFailing() != "":
			m.early = h.ConfigEpoch
		case m.early != h.ConfigEpoch && !k.lenient:
			k.fail(n.name, S6, "config epoch %d left before it was durable (%d)", h.ConfigEpoch, d.ConfigEpoch)
		}
	}
	if h.ConfigEpoch == 0 || k.w.opts.Stock > 0 || k.tainted != "" {
		return
	}
	k.looked[S7]++
	key := epochKey{h.MasterName, h.ConfigEpoch}
	addr := monitor.HostPort{Host: h.MasterIP, Port: h.MasterPort}
	first, known := k.configs[key]
	if known && first == addr {
		return
	}
	if known && !k.excused[key] {
		k.fail(n.name, S7, "%s is at %s and at %s in config epoch %d", h.MasterName, first, addr, h.ConfigEpoch)
	}
	k.configs[key] = addr
}

// drained checks the loop itself: no timer in the past, no queue that grows, and
// now and then everything inside.
func (k *checker) drained(n *node, next Instant) {
	k.looked[Timers]++
	if next <= k.w.now {
		k.fail(n.name, Timers, "the next deadline is %v ago", k.w.now.Sub(next))
	}
	n.seen.ordered, n.seen.failing = n.seen.ordered[:0], false
	k.isolated(n)
	for j := range n.seen.probes {
		p := &n.seen.probes[j]
		n.seen.master(p.Name).handover.active = p.Phase > election.WaitStart
	}
	if n.turns%k.w.opts.auditEvery() == 0 {
		k.audit(n)
	}
}

// handsOut checks a state that a core wants to have saved.
func (k *checker) handsOut(n *node, p *monitor.Persist) {
	if p == nil {
		return
	}
	k.looked[Audit]++
	if err := n.core.AuditSave(*p); err != nil {
		k.fail(n.name, Audit, "%v", err)
	}
}

func (k *checker) audit(n *node) {
	k.looked[Audit]++
	k.looked[Answers]++
	k.unchanged(n)
	k.diaryAgrees(n)
	if err := n.core.Audit(); err != nil {
		k.fail(n.name, Audit, "%v", err)
	}
	if len(n.asked) > 4096+len(n.inbox) {
		k.fail(n.name, Answers, "%d questions are not answered", len(n.asked))
	}
}

// exempt drops what is remembered of a master that an operator removed.
func (k *checker) exempt(n *node, master string) {
	delete(n.voter().config, master)
}

func text(e monitor.Event) string {
	return strings.TrimSpace(e.Name() + " " + string(e.AppendText(nil)))
}
