package sim

import (
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

// causes holds what one process has told about one master, to demand that every
// event has its cause: no Sentinel is elected that did not stand, no address is
// switched to that was not promoted.
type causes struct {
	stage    stage
	promoted monitor.HostPort
	update   bool // +config-update-from is followed by +switch-master
	odown    bool

	down, downPeers map[string]bool // servers and Sentinels told to be down, by kind and name
	replicas        map[string]bool
	sent            map[string]bool // replicas told to be under reconfiguration
}

// stage is how far the events of an attempt have come.
type stage int

const (
	noAttempt stage = iota
	hasTried
	hasWon
	selecting
	hasSelected
	sending
	waitingForRole
	hasPromoted
	reconfiguring
	hasEnded
)

func (c *causes) init() {
	*c = causes{down: map[string]bool{}, downPeers: map[string]bool{}, replicas: map[string]bool{}, sent: map[string]bool{}}
}

// event checks one event of a core.
func (k *checker) event(n *node, e monitor.Event) {
	k.looked[Causes]++
	k.found(n, e)
	switch e := e.(type) {
	case event.NewEpoch:
		if n.seen.epochs[e.Epoch] {
			k.fail(n.name, Causes, "%s was told twice", text(e))
		}
		n.seen.epochs[e.Epoch] = true
	case event.SwitchMaster:
		k.switches++
		k.switchTold(n, e)
	case event.Tilt, event.VoteForLeader, event.PersistError:
	case event.MonitorStopped:
		n.seen.master(e.MasterName()).causes.init()
		k.exempt(n, e.MasterName())
	case interface{ MasterName() string }:
		m := n.seen.master(e.MasterName())
		k.progress(n, m, e.(monitor.Event))
		k.judgement(n, m, e.(monitor.Event))
	}
}

func (k *checker) without(n *node, e monitor.Event, cause string) {
	k.fail(n.name, Causes, "%s without %s", text(e), cause)
}

// progress checks the events of an attempt.
func (k *checker) progress(n *node, m *masterWatch, e monitor.Event) {
	next := func(from, to stage, cause string) {
		if m.stage != from {
			k.without(n, e, cause)
		}
		m.stage = to
	}
	switch e := e.(type) {
	case event.TryFailover:
		next(noAttempt, hasTried, "an end of the attempt before")
	case event.ElectedLeader:
		n.seen.led[e.MasterName()] = k.w.now // it may be over in the same step
		next(hasTried, hasWon, "+try-failover")
	case event.FailoverStateSelectReplica:
		if m.stage == waitingForRole { // the chosen one has refused, see Single
			m.stage = hasWon
		}
		next(hasWon, selecting, "+elected-leader")
	case event.SelectedReplica:
		next(selecting, hasSelected, "+failover-state-select-slave")
		m.promoted = e.Addr
	case event.FailoverStateSendReplicaOfNoOne:
		next(hasSelected, sending, "+selected-slave")
	case event.FailoverStateWaitPromotion:
		next(sending, waitingForRole, "+failover-state-send-slaveof-noone")
	case event.PromotedReplica:
		next(waitingForRole, hasPromoted, "+failover-state-wait-promotion")
	case event.FailoverStateReconfReplicas:
		next(hasPromoted, reconfiguring, "+promoted-slave")
	case event.FailoverEndForTimeout:
		next(reconfiguring, reconfiguring, "+failover-state-reconf-slaves")
	case event.FailoverEnd:
		next(reconfiguring, hasEnded, "+failover-state-reconf-slaves")
	case event.FailoverAbortNotElected, event.FailoverAbortNoGoodReplica, event.FailoverAbortReplicaTimeout:
		if m.stage == noAttempt || m.stage >= hasPromoted {
			k.without(n, e, "an attempt that can be aborted")
		}
		m.stage = noAttempt
	default:
		k.reconfiguration(n, m, e)
	}
}

// reconfiguration checks the events about the other replicas of a failover.
func (k *checker) reconfiguration(n *node, m *masterWatch, e monitor.Event) {
	switch e := e.(type) {
	case event.ReplicaReconfSent:
		if m.stage != reconfiguring {
			k.without(n, e, "+failover-state-reconf-slaves")
		}
		m.sent[e.Instance.Name] = true
	case event.ReplicaReconfSentBestEffort:
		if m.stage != hasEnded {
			k.without(n, e, "+failover-end")
		}
		m.sent[e.Instance.Name] = true
	case event.ReplicaReconfInProgress:
		k.afterSent(n, m, e, e.Instance)
	case event.ReplicaReconfDone:
		k.afterSent(n, m, e, e.Instance)
	case event.ReplicaReconfSentTimeout:
		k.afterSent(n, m, e, e.Instance)
	}
}

func (k *checker) afterSent(n *node, m *masterWatch, e monitor.Event, i monitor.Instance) {
	if !m.sent[i.Name] {
		k.without(n, e, "+slave-reconf-sent")
	}
}

// switchTold checks a change of address: it was promoted here, or a peer has
// announced it.
func (k *checker) switchTold(n *node, e event.SwitchMaster) {
	m := n.seen.master(e.Master)
	switch {
	case m.update || m.reset:
	case m.stage != hasEnded:
		k.without(n, e, "+failover-end or +config-update-from")
	case m.promoted != e.To:
		k.fail(n.name, Causes, "%s although %s was promoted", text(e), m.promoted)
	}
	peers := m.downPeers // Sentinels stay what they are
	m.reset = false
	m.lineage = nil // of another server
	// What it said before the switch to its predecessor is forgotten.
	m.records, m.switched = m.switched, k.w.now
	if is := n.seen.infos[e.To]; is.info != nil && is.info.Role == monitor.RoleMaster && !is.info.Loading && is.at >= m.records {
		m.lineage = m.lineage.next(is.info)
	}
	m.causes.init()
	m.downPeers = peers
}

// judgement checks the events about being down and about corrections.
func (k *checker) judgement(n *node, m *masterWatch, e monitor.Event) {
	tilt, _ := n.core.Tilt(k.w.now)
	tilt = tilt && n.seen.tiltBefore
	switch e := e.(type) {
	case event.SDown:
		if tilt {
			k.fail(n.name, S14, "%s in TILT", text(e))
		}
		if s, ok := k.w.net.listeners[e.Instance.Addr].(*server); ok {
			s.heldDown = k.w.now
		}
		down, key := m.downOf(e.Instance)
		if down[key] && e.Kind != monitor.KindSentinel {
			k.without(n, e, "-sdown of the one before")
		}
		down[key] = true
		k.ringed(n, e.Instance)
	case event.SDownCleared:
		down, key := m.downOf(e.Instance)
		if !down[key] {
			k.without(n, e, "+sdown")
		}
		delete(down, key)
	case event.ODown:
		if tilt {
			k.fail(n.name, S14, "%s in TILT", text(e))
		}
		if !m.down["master"+e.Instance.Name] || m.odown || e.Votes < e.Quorum {
			k.without(n, e, "+sdown and a quorum")
		}
		m.odown = true
	case event.ODownCleared:
		if !m.odown || tilt {
			k.without(n, e, "+odown")
		}
		m.odown = false
	case event.ConfigUpdateFrom:
		m.update = true
	case event.ResetMaster:
		m.causes.init()
	case event.Forgotten:
		delete(m.replicas, e.Instance.Name)
		down, key := m.downOf(e.Instance)
		delete(down, key)
	case event.ReplicaAdded:
		// One of two addresses of a server is forgotten without an event, and may be
		// found again.
		if r, ok := k.w.net.listeners[e.Addr].(*server); m.replicas[e.Instance.Name] && (!ok || r.second.Port == 0) {
			k.without(n, e, "the replica being unknown")
		}
		m.replicas[e.Instance.Name] = true
	case event.ConvertToReplica:
		// It was checked when it was told over the fence. The ordinary rule may have told it
		// the same in that moment.
		if at := n.seen.fenced[e.Instance.Addr]; at != 0 && k.w.now.Sub(at) < 6*time.Second {
			break
		}
		k.corrected(n, e, e.Instance, 4*n.tun.PublishPeriod)
	case event.FixReplicaConfig:
		k.corrected(n, e, e.Instance, 0)
	}
}

// corrected checks an order to a server that is not what it should be (S15):
// the master is known to be well, the server has had time to be told by the leader
// of a failover that this Sentinel has not heard of yet, and has just said once more
// what is wrong.
func (k *checker) corrected(n *node, e monitor.Event, i monitor.Instance, patience time.Duration) {
	if k.w.opts.Batch != 0 {
		return // what was true when it was decided may have changed within the turn
	}
	m, ok := n.core.Master(k.w.now, i.Master)
	if !ok {
		return
	}
	if m.RoleReported != monitor.RoleMaster || m.Flags.Has(monitor.FlagSDown) || m.Flags.Has(monitor.FlagODown) ||
		m.InfoRefresh == 0 && n.seen.roles[m.Addr] != monitor.RoleMaster || m.InfoRefresh >= 2*n.tun.InfoPeriod {
		k.fail(n.name, S15, "%s although the master is not known to be well", text(e))
	}
	k.looked[S15]++
	for j := range n.seen.probes {
		if p := &n.seen.probes[j]; p.Name == i.Master && p.Phase >= election.ReconfReplicas {
			k.fail(n.name, S15, "%s in the middle of a failover to %s", text(e), p.Promoted.Host)
		}
	}
	replicas, _ := n.core.Replicas(k.w.now, i.Master)
	for _, r := range replicas {
		if r.Name == i.Name && (r.RoleReportedTime <= patience || r.InfoRefresh > 0) {
			k.fail(n.name, S15, "%s after %v, upon an INFO that is %v old", text(e), r.RoleReportedTime, r.InfoRefresh)
		}
	}
}

// downOf is where it stands whether an instance was told to be down.
func (c *causes) downOf(i monitor.Instance) (down map[string]bool, key string) {
	if i.Kind == monitor.KindSentinel {
		return c.downPeers, i.Name
	}
	return c.down, i.Kind.String() + i.Name
}
