package sim

import (
	"slices"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

// This file is what a stock Sentinel concludes and does: INFO and hello
// messages, objective failure, election and failover.

func (t *stock) info(i *stockInst, info *monitor.Info) {
	now, m := t.w.now, i.master
	i.linkDown = info.MasterLinkDown
	if info.RunID != "" {
		i.runID = info.RunID
	}
	if i.kind == monitor.KindMaster {
		for _, at := range info.Replicas {
			if r := t.addReplica(m, at); r != nil {
				t.emit(event.ReplicaAdded{Instance: t.ref(r)})
				t.save()
			}
		}
	}
	follows := i.follows
	if info.HasMasterHost {
		follows.Host = info.MasterHost
	}
	if info.HasMasterPort {
		follows.Port = info.MasterPort
	}
	if follows != i.follows {
		i.follows, i.confChange = follows, now
	}
	if info.HasMasterLink {
		i.linkUp = info.MasterLinkUp
	}
	if info.HasPriority {
		i.priority = info.Priority
	}
	if info.HasOffset {
		i.offset = info.Offset
	}
	i.infoRefresh = now
	if info.Role != i.role {
		i.role, i.roleSince = info.Role, now
		if info.Role == monitor.RoleReplica {
			i.confChange = now
		}
		t.emit(event.RoleChange{Instance: t.ref(i), Role: info.Role, Expected: (info.Role == monitor.RoleMaster) == (i.kind == monitor.KindMaster)})
	}
	if !t.tilt && i.kind == monitor.KindReplica {
		t.correct(m, i)
	}
}

func (t *stock) correct(m *stockMaster, r *stockInst) {
	now := t.w.now
	sane := m.role == monitor.RoleMaster && !m.sdown && !m.odown && now.Sub(m.infoRefresh) < 2*stockInfo
	calm := func(wait time.Duration) bool {
		since := max(r.sdownSince, r.odownSince)
		return since == 0 || now.Sub(since) > wait
	}
	if r.role == monitor.RoleMaster {
		if r.isPromoted && m.foState == stockWait {
			t.confirmed(m)
		} else if !r.isPromoted && sane && calm(4*stockPub) && now.Sub(r.roleSince) > 4*stockPub && t.slaveOf(r, m.addr) {
			t.emit(event.ConvertToReplica{Instance: t.ref(r)})
		}
		return
	}
	if r.follows != m.addr && sane && calm(m.cfg.FailoverTimeout) && now.Sub(r.confChange) > m.cfg.FailoverTimeout && t.slaveOf(r, m.addr) {
		t.emit(event.FixReplicaConfig{Instance: t.ref(r)})
	}
	if r.isSent && m.promoted != nil && r.follows == m.promoted.addr {
		r.isSent, r.isInProgress = false, true
		t.emit(event.ReplicaReconfInProgress{Instance: t.ref(r)})
	}
	if r.isInProgress && r.linkUp {
		r.isInProgress, r.isDone = false, true
		t.emit(event.ReplicaReconfDone{Instance: t.ref(r)})
	}
}

func (t *stock) slaveOf(i *stockInst, to monitor.HostPort) bool {
	if i.lost || i.cc == nil {
		return false
	}
	cmd := monitor.SlaveOf{Host: to.Host, Port: to.Port}
	t.w.say(t.name, "=> %s SLAVEOF %s", i.addr, target(cmd))
	t.send(i, cmd)
	return true
}

// hello processes a hello message (state-machine.md §3.2).
func (t *stock) hello(h monitor.Hello) {
	k := slices.IndexFunc(t.masters, func(m *stockMaster) bool { return m.cfg.Name == h.MasterName })
	if k < 0 {
		return
	}
	m := t.masters[k]
	s := t.peerFromHello(m, h)
	if h.CurrentEpoch > t.epoch {
		t.epoch = h.CurrentEpoch
		t.save()
		t.emit(event.NewEpoch{Epoch: t.epoch})
	}
	if m.configEpoch >= h.ConfigEpoch {
		return
	}
	m.configEpoch = h.ConfigEpoch
	to := monitor.HostPort{Host: h.MasterIP, Port: h.MasterPort}
	if to != m.addr {
		t.emit(event.ConfigUpdateFrom{Instance: t.ref(s)})
		t.emit(event.SwitchMaster{Master: m.cfg.Name, From: m.addr, To: to, Epoch: m.configEpoch})
		t.switchTo(m, to)
	}
}

func (t *stock) peerFromHello(m *stockMaster, h monitor.Hello) *stockInst {
	at := monitor.HostPort{Host: h.IP, Port: h.Port}
	for _, p := range m.peers {
		if p.addr == at && p.runID == h.RunID {
			return p
		}
	}
	removed := t.dropPeers(m, func(p *stockInst) bool { return p.runID == h.RunID })
	if !removed {
		for _, p := range m.peers {
			if p.addr == at {
				for _, o := range t.masters {
					t.dropPeers(o, func(q *stockInst) bool { return q.runID == p.runID })
				}
				break
			}
		}
	}
	s := t.addPeer(m, at, h.RunID)
	if removed {
		t.moved(m, h.RunID, at)
	} else {
		t.emit(event.SentinelAdded{Instance: t.ref(s)})
	}
	t.save()
	return s
}

// moved has the other masters look for a Sentinel at its new address.
func (t *stock) moved(but *stockMaster, id monitor.RunID, to monitor.HostPort) {
	for _, o := range t.masters {
		for _, p := range o.peers {
			if o != but && p.runID == id && p.addr != to {
				t.closeLink(p)
				p.addr = to
			}
		}
	}
}

func (t *stock) dropPeers(m *stockMaster, match func(*stockInst) bool) (removed bool) {
	m.peers = slices.DeleteFunc(m.peers, func(p *stockInst) bool {
		if !match(p) {
			return false
		}
		t.drop(p)
		removed = true
		return true
	})
	return removed
}

func (t *stock) checkODown(m *stockMaster) {
	votes := 0
	if m.sdown {
		votes = 1
		for _, p := range m.peers {
			if p.masterDown {
				votes++
			}
		}
	}
	down := m.sdown && votes >= m.cfg.Quorum
	switch {
	case down && !m.odown:
		m.odown, m.odownSince = true, t.w.now
		t.emit(event.ODown{Instance: t.ref(&m.stockInst), Votes: votes, Quorum: m.cfg.Quorum})
	case !down && m.odown:
		m.odown = false
		t.emit(event.ODownCleared{Instance: t.ref(&m.stockInst)})
	}
}

func (t *stock) askPeers(m *stockMaster, force bool) {
	now := t.w.now
	for _, p := range m.peers {
		if now.Sub(p.askReply) > 5*stockAsk {
			p.masterDown, p.votedFor = false, ""
		}
		if !m.sdown || p.lost || p.cc == nil || !force && now.Sub(p.askReply) < stockAsk {
			continue
		}
		q := monitor.AskMasterDown{IP: m.addr.Host, Port: m.addr.Port, Epoch: t.epoch}
		if m.failing() {
			q.RunID = t.id
		}
		t.send(p, q)
	}
}

func (t *stock) maybeStart(m *stockMaster) {
	if !m.odown || m.failing() || m.foStart != 0 && t.w.now.Sub(m.foStart) < 2*m.cfg.FailoverTimeout {
		return
	}
	t.begin(m)
	t.askPeers(m, true)
}

func (t *stock) begin(m *stockMaster) {
	t.epoch++
	m.foState, m.foEpoch = stockWaitStart, t.epoch
	t.emit(event.NewEpoch{Epoch: t.epoch})
	t.emit(event.TryFailover{Instance: t.ref(&m.stockInst)})
	m.foStart, m.foChanged = t.w.now.Add(t.desync()), t.w.now
}

// leader counts votes as stock does: those of others at the current epoch, the
// own one at the epoch of the attempt (state-machine.md §5.3).
func (t *stock) leader(m *stockMaster) monitor.RunID {
	tally := map[monitor.RunID]int{}
	var order []monitor.RunID
	add := func(id monitor.RunID) {
		if tally[id]++; tally[id] == 1 {
			order = append(order, id)
		}
	}
	for _, p := range m.peers {
		if p.votedFor != "" && p.votedEpoch == t.epoch {
			add(p.votedFor)
		}
	}
	winner, most := t.id, 0
	for _, id := range order {
		if tally[id] > most {
			winner, most = id, tally[id]
		}
	}
	if id, epoch := t.vote(m, m.foEpoch, winner); id != "" && epoch == m.foEpoch {
		add(id)
		if tally[id] > most {
			winner, most = id, tally[id]
		}
	}
	if voters := len(m.peers) + 1; most < voters/2+1 || most < m.cfg.Quorum {
		return ""
	}
	return winner
}

// step is one step of the failover state machine.
func (t *stock) step(m *stockMaster) {
	now, ft := t.w.now, m.cfg.FailoverTimeout
	switch m.foState {
	case stockWaitStart:
		if leader := t.leader(m); leader != t.id && !m.forced {
			if now.Sub(m.foStart) > min(stockElection, ft) {
				t.abort(m, event.FailoverAbortNotElected{Instance: t.ref(&m.stockInst)})
			}
			return
		}
		t.emit(event.ElectedLeader{Instance: t.ref(&m.stockInst)})
		t.enter(m, stockSelect)
		t.emit(event.FailoverStateSelectReplica{Instance: t.ref(&m.stockInst)})
	case stockSelect:
		r := t.choose(m)
		if r == nil {
			t.abort(m, event.FailoverAbortNoGoodReplica{Instance: t.ref(&m.stockInst)})
			return
		}
		m.promoted, r.isPromoted = r, true
		t.emit(event.SelectedReplica{Instance: t.ref(r)})
		t.enter(m, stockSend)
		t.emit(event.FailoverStateSendReplicaOfNoOne{Instance: t.ref(r)})
	case stockSend:
		if t.slaveOf(m.promoted, monitor.HostPort{}) {
			t.enter(m, stockWait)
			t.emit(event.FailoverStateWaitPromotion{Instance: t.ref(m.promoted)})
		} else if now.Sub(m.foChanged) > ft {
			t.abort(m, event.FailoverAbortReplicaTimeout{Instance: t.ref(&m.stockInst)})
		}
	case stockWait:
		if now.Sub(m.foChanged) > ft {
			t.abort(m, event.FailoverAbortReplicaTimeout{Instance: t.ref(&m.stockInst)})
		}
	case stockReconf:
		t.reconf(m)
		t.checkEnd(m)
	}
}

func (t *stock) enter(m *stockMaster, s stockState) { m.foState, m.foChanged = s, t.w.now }

func (t *stock) abort(m *stockMaster, e monitor.Event) {
	t.emit(e)
	t.enter(m, stockNone)
	m.forced = false
	if m.promoted != nil {
		m.promoted.isPromoted = false
		m.promoted = nil
	}
}

// choose selects a replica. What election.Select does better than stock, an
// empty replica with a good priority, is undone by hiding the mark of it.
func (t *stock) choose(m *stockMaster) *stockInst {
	now := t.w.now
	rules := election.Rules{Now: now, MaxPingAge: 5 * stockPing, MaxInfoAge: 3 * stockInfo, MaxLinkDown: 10 * m.cfg.DownAfter}
	if m.sdown {
		rules.MaxInfoAge = 5 * stockPing
		rules.MaxLinkDown += now.Sub(m.sdownSince)
	}
	var list []election.Replica
	for _, r := range m.replicas {
		list = append(list, election.Replica{
			SDown: r.sdown, Connected: !r.lost, LastAvail: r.lastAvail, LastInfo: r.infoRefresh,
			Priority: r.priority, LinkDown: max(0, r.linkDown), Data: election.Data{Offset: r.offset}, RunID: r.runID,
		})
	}
	if k := election.Select(rules, list); k >= 0 {
		return m.replicas[k]
	}
	return nil
}

func (t *stock) confirmed(m *stockMaster) {
	m.configEpoch = m.foEpoch
	t.enter(m, stockReconf)
	t.save()
	t.emit(event.PromotedReplica{Instance: t.ref(m.promoted)})
	t.emit(event.FailoverStateReconfReplicas{Instance: t.ref(&m.stockInst)})
	m.lastPub = 0
	for _, i := range slices.Concat(m.replicas, m.peers) {
		i.lastPub = 0 // forces a hello with the next tick
	}
}

func (t *stock) reconf(m *stockMaster) {
	busy := 0
	for _, r := range m.replicas {
		if r.isSent || r.isInProgress {
			busy++
		}
	}
	for _, r := range m.replicas {
		if busy >= m.cfg.ParallelSyncs {
			return
		}
		if r.isPromoted || r.isDone {
			continue
		}
		if r.isSent && t.w.now.Sub(r.sentAt) > stockReconfTimeout {
			t.emit(event.ReplicaReconfSentTimeout{Instance: t.ref(r)})
			r.isSent, r.isDone = false, true
		}
		if r.isSent || r.isInProgress || !t.slaveOf(r, m.promoted.addr) {
			continue
		}
		r.isSent, r.sentAt = true, t.w.now
		t.emit(event.ReplicaReconfSent{Instance: t.ref(r)})
		busy++
	}
}

func (t *stock) checkEnd(m *stockMaster) {
	if m.promoted == nil || m.promoted.sdown {
		return
	}
	left := 0
	for _, r := range m.replicas {
		if !r.isPromoted && !r.isDone && !r.sdown {
			left++
		}
	}
	timeout := t.w.now.Sub(m.foChanged) > m.cfg.FailoverTimeout
	if timeout {
		left = 0
		t.emit(event.FailoverEndForTimeout{Instance: t.ref(&m.stockInst)})
	}
	if left > 0 {
		return
	}
	t.emit(event.FailoverEnd{Instance: t.ref(&m.stockInst)})
	t.enter(m, stockUpdate)
	for _, r := range m.replicas {
		if timeout && !r.isPromoted && !r.isDone && !r.isSent && t.slaveOf(r, m.promoted.addr) {
			t.emit(event.ReplicaReconfSentBestEffort{Instance: t.ref(r)})
			r.isSent = true
		}
	}
}

// switchTo is reset-and-change-address (state-machine.md §9.2): the answers of
// the peers stay, and the new address is dialled when the old one would be.
func (t *stock) switchTo(m *stockMaster, to monitor.HostPort) {
	old := m.addr
	var servers []monitor.HostPort
	for _, r := range m.replicas {
		if r.addr != to {
			servers = append(servers, r.addr)
		}
		t.drop(r)
	}
	if old != to {
		servers = append(servers, old)
	}
	t.forget(m)
	m.addr = to
	m.cfg.Addr, _ = monitor.IPAddr(to.Host, to.Port)
	m.sdownSince, m.odownSince = 0, 0
	for _, at := range servers {
		if r := t.addReplica(m, at); r != nil {
			t.emit(event.ReplicaAdded{Instance: t.ref(r)})
		}
	}
	t.save()
}

// forget clears what is known and going on about a master.
func (t *stock) forget(m *stockMaster) {
	now := t.w.now
	t.closeLink(&m.stockInst)
	m.replicas, m.promoted = nil, nil
	m.sdown, m.odown, m.forced = false, false, false
	m.voteFor = ""
	m.foState, m.foChanged, m.foStart = stockNone, 0, 0
	m.runID, m.follows = "", monitor.HostPort{}
	m.actPing, m.lastAvail, m.lastPong, m.lastPing = now, now, now, 0
	m.role, m.roleSince = monitor.RoleMaster, now
}

func (t *stock) obey(o operation) {
	k := slices.IndexFunc(t.masters, func(m *stockMaster) bool { return m.cfg.Name == o.master })
	if o.op == "monitor" && k < 0 {
		t.addMaster(&monitor.MasterState{MasterConfig: o.config})
		t.save()
		return
	}
	if k < 0 {
		return
	}
	m := t.masters[k]
	switch o.op {
	case "failover":
		if o.mode == monitor.FailoverPlain && !m.failing() && t.choose(m) != nil {
			t.begin(m)
			m.forced = true
		}
	case "reset":
		t.forgot = true
		t.reset(m)
		t.emit(event.ResetMaster{Instance: t.ref(&m.stockInst)})
	case "remove":
		t.forgot = true
		t.reset(m)
		t.drop(&m.stockInst)
		t.masters = slices.Delete(t.masters, k, k+1)
		t.save()
	case "set":
		applySet(&m.cfg, o)
		m.downAfter = m.cfg.DownAfter
		for _, i := range slices.Concat(m.replicas, m.peers) {
			i.downAfter = m.cfg.DownAfter
		}
		t.save()
	}
}

func (t *stock) reset(m *stockMaster) {
	for _, i := range slices.Concat(m.replicas, m.peers) {
		t.drop(i)
	}
	m.peers = nil
	t.forget(m)
}
