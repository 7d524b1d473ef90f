package sim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

// scene is a calm world in which a test shows something to the checker that no
// Sentinel has done.
type scene struct {
	w       *world
	k       *checker
	n       *node               // a Sentinel
	now     monitor.MasterProbe // of its master, to be changed
	was     monitor.MasterProbe // the same before the step that is made up
	master  monitor.Instance
	replica monitor.Instance
}

func newScene(t *testing.T, only Invariant) *scene {
	t.Helper()
	sc, err := ParseScenario(small)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(sc, nil)
	w.check.only = only
	w.begin()
	w.advance(4 * time.Second)
	n := w.nodes[0].(*node)
	if w.check.failed() || len(n.seen.probes) != 1 {
		t.Fatalf("the calm world is not calm: %s", w.check.violation)
	}
	s := &scene{w: w, k: w.check, n: n, now: n.seen.probes[0], was: n.seen.probes[0]}
	at := w.servers[0].addr
	s.master = monitor.Instance{Kind: monitor.KindMaster, Name: "m0", Addr: at, Master: "m0", MasterAddr: at}
	s.replica = monitor.Instance{Kind: monitor.KindReplica, Name: w.servers[1].addr.String(), Addr: w.servers[1].addr, Master: "m0", MasterAddr: at}
	return s
}

// addr is the address of a server as cores write it.
func (s *scene) addr(k int) monitor.Addr {
	a, _ := monitor.IPAddr(s.w.servers[k].addr.Host, s.w.servers[k].addr.Port)
	return a
}

// connTo is the command connection of the Sentinel to a server.
func (s *scene) connTo(k int) monitor.ConnID {
	for _, c := range s.n.links {
		if c != nil && c.kind == commandConn && c.addr == s.w.servers[k].addr {
			return c.tag
		}
	}
	panic("there is no connection to " + s.w.servers[k].name)
}

func (s *scene) hello(epoch monitor.Epoch, k int) monitor.Hello {
	at := s.w.servers[k].addr
	return monitor.Hello{RunID: s.n.id, MasterName: "m0", MasterIP: at.Host, MasterPort: at.Port, ConfigEpoch: epoch}
}

// tilt has the Sentinel stall for so long that it enters TILT.
func (s *scene) tilt() {
	s.n.stall(3 * time.Second)
	s.w.advance(3100 * time.Millisecond)
	s.n.seen.tiltBefore = true
}

func (s *scene) events(list ...monitor.Event) {
	for _, e := range list {
		s.k.event(s.n, e)
	}
}

// step shows a step in which an input led from s.was to s.now.
func (s *scene) step(in monitor.Input) {
	s.k.shape(s.n, &s.now)
	s.k.transition(s.n, &s.now, &s.was, in)
	s.k.attempts(s.n, &s.now, &s.was, in)
}

// violation breaks an invariant.
type violation struct {
	invariant Invariant
	name      string
	do        func(*scene)
}

// violations break each invariant in every way that is checked, together with
// switchoverViolations, fenceViolations and isolationViolations.
var violations = []violation{
	{S1, "an epoch leaves before it is durable", func(s *scene) { s.k.tell(s.n, 99) }},
	{S1, "a process starts at an older epoch", func(s *scene) {
		s.n.voter().told = 9
		s.k.booted(s.n)
	}},
	{S2, "a vote epoch above the current one", func(s *scene) {
		s.now.VoteEpoch = 99
		s.step(monitor.Tick{})
	}},
	{S2, "a vote epoch falls", func(s *scene) {
		s.was.VoteEpoch = 5
		s.step(monitor.Tick{})
	}},
	{S3, "a vote leaves before it is durable", func(s *scene) { s.k.vote(s.n, "m0", 5, s.n.id) }},
	{S3, "two votes leave in one epoch", func(s *scene) {
		s.k.lenient = true
		s.k.vote(s.n, "m0", 5, "one")
		s.k.vote(s.n, "m0", 5, "another")
	}},
	{S3, "also by way of a reply", func(s *scene) {
		s.k.lenient = true
		s.n.seen.questions[1], s.n.seen.questions[2] = "m0", "m0"
		s.k.effect(s.n, monitor.Reply{To: 1, Leader: "one", Epoch: 5})
		s.k.effect(s.n, monitor.Reply{To: 2, Leader: "another", Epoch: 5})
	}},
	{S3, "and by an own request for a vote", func(s *scene) {
		s.k.lenient = true
		s.k.vote(s.n, "m0", 5, "another")
		at := s.w.servers[0].addr
		s.k.asked(s.n, "m0", monitor.AskMasterDown{IP: at.Host, Port: at.Port, Epoch: 5, RunID: s.n.id})
	}},
	{S3, "a vote moves within an epoch", func(s *scene) {
		s.was.VoteEpoch, s.was.VoteFor = 5, "one"
		s.now.VoteEpoch, s.now.VoteFor = 5, "another"
		s.step(monitor.Tick{})
	}},
	{S3, "a vote of one that knows nothing", func(s *scene) {
		s.n.voter().forget()
		s.now.VoteEpoch, s.now.VoteFor = 5, "another"
		s.step(monitor.Ask{Epoch: 5, RunID: "another"})
	}},
	{S3, "a second vote although others had told the epoch", func(s *scene) {
		s.n.voter().votes[epochKey{"m0", 5}] = "one"
		s.n.voter().forget()
		s.k.before(s.n, monitor.HelloReceived{Hello: monitor.Hello{RunID: "one", MasterName: "m0", CurrentEpoch: 5}})
		s.now.VoteEpoch, s.now.VoteFor = 5, "another"
		s.step(monitor.Ask{Epoch: 5, RunID: "another"})
	}},
	{S4, "an election is won without votes", func(s *scene) {
		s.was.Phase, s.now.Phase, s.now.AttemptEpoch = election.WaitStart, election.SelectReplica, 7
		s.step(monitor.Tick{})
	}},
	{S4, "two are elected in one epoch", func(s *scene) {
		voters := []monitor.RunID{"a", "b", "c"}
		s.k.unique(epochKey{"m0", 7}, leader{"n0", voters, 2})
		s.k.unique(epochKey{"m0", 7}, leader{"n1", voters, 2})
	}},
	{S5, "a promotion is ordered without an election", func(s *scene) { s.k.promoted(s.n, s.w.servers[1].addr) }},
	{S6, "a config epoch falls", func(s *scene) {
		s.was.ConfigEpoch = 5
		s.step(monitor.Tick{})
	}},
	{S6, "an older config epoch is published", func(s *scene) {
		s.n.disk.durable.Masters[0].ConfigEpoch = 5
		s.k.published(s.n, s.hello(5, 0))
		s.k.published(s.n, s.hello(4, 0))
	}},
	{S6, "a process starts at an older config epoch", func(s *scene) {
		s.n.voter().config["m0"] = 5
		s.k.booted(s.n)
	}},
	{S7, "two addresses in one config epoch", func(s *scene) {
		s.k.published(s.n, s.hello(5, 0))
		s.k.published(s.w.nodes[1].(*node), s.hello(5, 1))
	}},
	{S8, "an address changes at the same config epoch", func(s *scene) {
		s.now.Current = s.addr(1)
		s.step(monitor.Tick{})
	}},
	{S9, "a promotion is confirmed that INFO does not confirm", func(s *scene) {
		s.was.Phase, s.now.Phase, s.now.Promoted = election.WaitPromotion, election.ReconfReplicas, s.addr(1)
		s.step(monitor.Tick{})
	}},
	{S10, "an attempt while the master is up", func(s *scene) {
		s.now.Phase, s.now.Begun = election.WaitStart, s.w.now
		s.step(monitor.Tick{})
	}},
	{S10, "an attempt without a quorum", func(s *scene) {
		s.now.Phase, s.now.Begun, s.now.Flags = election.WaitStart, s.w.now, monitor.FlagSDown
		s.step(monitor.Tick{})
	}},
	{Unused, "an attempt at the epoch of a vote", func(s *scene) {
		s.was.VoteEpoch, s.now.VoteEpoch = 5, 5
		s.now.Phase, s.now.Begun, s.now.AttemptEpoch = election.WaitStart, s.w.now, 5
		s.step(monitor.Tick{})
	}},
	{Unused, "an election repeated at the epoch of a configuration", func(s *scene) {
		s.was.Phase, s.was.Begun, s.was.AttemptEpoch = election.WaitStart, s.w.now, 4
		s.now.Phase, s.now.Begun, s.now.AttemptEpoch, s.now.ConfigEpoch = election.WaitStart, s.w.now, 5, 5
		s.step(monitor.Tick{})
	}},
	{Unused, "a failover by force at an epoch that others may use", func(s *scene) {
		s.n.seen.epochBefore = 5
		s.now.Phase, s.now.Begun, s.now.AttemptEpoch, s.now.Forced = election.WaitStart, s.w.now, 5, true
		s.step(monitor.Tick{})
	}},
	{Halted, "an attempt in a pause", func(s *scene) {
		s.n.voter().words["m0"] = word{version: 1, until: s.w.now.Add(time.Hour)}
		s.now.Phase, s.now.Begun = election.WaitStart, s.w.now
		s.step(monitor.Tick{})
	}},
	{Halted, "a vote in a pause", func(s *scene) {
		s.n.voter().words["m0"] = word{version: 1, until: s.w.now.Add(time.Hour)}
		s.now.VoteEpoch, s.now.VoteFor = 5, "another"
		s.step(monitor.Ask{Epoch: 5, RunID: "another"})
	}},
	{Gone, "a process that never ended", func(s *scene) {
		s.k.gone(s.n, "m0", s.w.servers[0].addr)
	}},
	{Gone, "too soon after its end", func(s *scene) {
		s.w.opts.Refused = time.Second
		s.w.servers[0].crash(false)
		s.w.advance(900 * time.Millisecond)
		s.k.gone(s.n, "m0", s.w.servers[0].addr)
	}},
	{Gone, "a restart", func(s *scene) {
		s.w.opts.Refused = time.Second
		s.w.servers[0].crash(false)
		s.w.advance(300 * time.Millisecond)
		s.w.servers[0].start(loseNothing)
		s.w.advance(900 * time.Millisecond)
		s.k.gone(s.n, "m0", s.w.servers[0].addr)
	}},
	{Gone, "one that is back for long", func(s *scene) {
		s.w.servers[0].crash(false)
		s.w.advance(300 * time.Millisecond)
		s.w.servers[0].start(loseNothing)
		s.w.advance(4 * time.Second)
		s.k.gone(s.n, "m0", s.w.servers[0].addr)
	}},
	{Gone, "one that was restarted as a firewall was set up, by what ended later", func(s *scene) {
		s.maskServer()
		s.w.advance(10 * time.Second)
		at := s.w.servers[0].addr
		s.n.seen.unsubscribed[at] = s.w.now
		s.k.gone(s.n, "m0", at)
	}},
	{Gone, "one that was restarted behind a firewall, when that is removed", func(s *scene) {
		s.maskServer()
		s.w.servers[0].unwall()
		s.w.advance(time.Second)
		s.k.gone(s.n, "m0", s.w.servers[0].addr)
	}},
	{Gone, "one that took a connection meanwhile", func(s *scene) {
		s.maskServer()
		s.w.advance(10 * time.Second)
		s.n.seen.reached(s.w.now, &conn{addr: s.w.servers[0].addr})
		s.w.advance(time.Millisecond)
		s.k.gone(s.n, "m0", s.w.servers[0].addr)
	}},
	{Buried, "a dead replica is found again", func(s *scene) {
		at := s.w.servers[1].addr
		s.k.forgets(s.n, monitor.Call{From: 9}, monitor.ForgetOp{Name: "m0", At: at})
		s.k.forgotten(s.n, monitor.CallResult{To: 9})
		s.w.servers[1].crash(true)
		s.w.advance(late + time.Second)
		s.events(event.ReplicaAdded{Instance: s.replica})
	}},
	{Buried, "a dead Sentinel is found again", func(s *scene) {
		p := s.w.nodes[1].base()
		s.k.forgets(s.n, monitor.Call{From: 9}, monitor.ForgetOp{Name: "m0", ID: p.id})
		s.k.forgotten(s.n, monitor.CallResult{To: 9})
		s.w.nodes[1].crash(false)
		s.w.advance(late + time.Second)
		s.events(event.SentinelAdded{Instance: monitor.Instance{Kind: monitor.KindSentinel, Name: string(p.id), Addr: p.addr, Master: "m0", MasterAddr: s.master.Addr}})
	}},
	{Gone, "no server", func(s *scene) { s.k.gone(s.n, "m0", monitor.HostPort{Host: "10.9.9.9", Port: 1}) }},
	{Permitted, "an attempt without a question", func(s *scene) {
		s.w.opts.Policy = true
		s.now.Phase, s.now.Begun = election.WaitStart, s.w.now
		s.step(monitor.Tick{})
	}},
	{Permitted, "an attempt before the answer", func(s *scene) {
		s.w.opts.Policy = true
		s.k.consulted(s.n, monitor.AskPolicy{Seq: 1, Attempt: monitor.PolicyAttempt{Master: "m0"}})
		s.now.Phase, s.now.Begun = election.WaitStart, s.w.now
		s.step(monitor.Tick{})
	}},
	{Permitted, "an attempt after a veto", func(s *scene) {
		s.w.opts.Policy = true
		s.k.consulted(s.n, monitor.AskPolicy{Seq: 1, Attempt: monitor.PolicyAttempt{Master: "m0"}})
		s.k.before(s.n, monitor.PolicyAnswer{Seq: 1, Verdict: monitor.PolicyVeto})
		s.now.Phase, s.now.Begun = election.WaitStart, s.w.now
		s.step(monitor.Tick{})
	}},
	{S11, "two attempts in a row", func(s *scene) {
		s.now.Phase, s.now.Begun = election.WaitStart, s.w.now
		s.step(monitor.Tick{})
		s.was = s.now
		s.now.Begun++
		s.step(monitor.Tick{})
	}},
	{S11, "an attempt after a vote for another", func(s *scene) {
		s.now.VoteEpoch, s.now.VoteFor = 5, "another"
		s.step(monitor.Ask{Epoch: 5, RunID: "another"})
		s.was = s.now
		s.now.Phase, s.now.Begun = election.WaitStart, s.w.now
		s.step(monitor.Tick{})
	}},
	{Departed, "an attempt after a vote for another that goes on", func(s *scene) {
		other := s.w.nodes[1].base()
		s.now.VoteEpoch, s.now.VoteFor = 5, other.id
		s.step(monitor.Ask{Epoch: 5, RunID: other.id})
		s.was = s.now
		s.now.Phase, s.now.Begun = election.WaitStart, s.w.now
		s.step(monitor.Tick{})
	}},
	{S13, "too many replicas are reconfigured", func(s *scene) {
		s.now.Phase, s.now.Busy = election.ReconfReplicas, s.now.ParallelSyncs+1
		s.step(monitor.Tick{})
	}},
	{S14, "a peer is told in TILT that the master is down", func(s *scene) {
		s.tilt()
		s.k.effect(s.n, monitor.Reply{To: 1, Down: true})
	}},
	{S14, "a server is ordered about in TILT", func(s *scene) {
		s.tilt()
		s.k.command(s.n, monitor.Send{Conn: s.n.first, Cmd: monitor.SlaveOf{Host: "10.0.0.1", Port: 6379}})
	}},
	{S14, "+sdown in TILT", func(s *scene) {
		s.tilt()
		s.events(event.SDown{Instance: s.replica})
	}},
	{S14, "+odown in TILT", func(s *scene) {
		s.tilt()
		s.events(event.ODown{Instance: s.master, Votes: 2, Quorum: 2})
	}},
	{S14, "a failover goes on in TILT", func(s *scene) {
		s.tilt()
		s.was.Phase, s.now.Phase = election.SelectReplica, election.SendReplicaOfNoOne
		s.step(monitor.Tick{})
	}},
	{S15, "a correction without the wait", func(s *scene) {
		// The link to the replica is new, and with it what is known of its role.
		s.events(event.ConvertToReplica{Instance: s.replica})
	}},
	{S15, "a correction of what was seen a while ago", func(s *scene) {
		s.w.advance(12*time.Second + 7*time.Millisecond)
		s.events(event.ConvertToReplica{Instance: s.replica})
	}},
	{S15, "a correction although the master is down", func(s *scene) {
		s.w.advance(12 * time.Second)
		s.w.servers[0].hang()
		for range 50 {
			if v, _ := s.n.core.Master(s.w.now, "m0"); v.Flags.Has(monitor.FlagSDown) {
				s.events(event.FixReplicaConfig{Instance: s.replica})
				return
			}
			s.w.advance(50 * time.Millisecond)
		}
	}},
	{S16, "a vote out of nothing", func(s *scene) {
		s.now.VoteEpoch, s.now.VoteFor = 5, "another"
		s.step(monitor.Tick{})
	}},
	{S16, "a vote for somebody else than who asked", func(s *scene) {
		s.now.VoteEpoch, s.now.VoteFor = 5, "another"
		s.step(monitor.Ask{Epoch: 5, RunID: "one"})
	}},
	{S17, "a flag without a promoted replica", func(s *scene) {
		s.now.Promoting = 1
		s.step(monitor.Tick{})
	}},
	{S17, "a promotion without a replica", func(s *scene) {
		s.now.Phase, s.now.Begun = election.WaitPromotion, s.w.now
		s.step(monitor.Tick{})
	}},
	{S17, "a failover that was never begun", func(s *scene) {
		s.now.Phase, s.now.Begun = election.WaitStart, 0
		s.step(monitor.Tick{})
	}},
	{S18, "objectively but not subjectively down", func(s *scene) {
		s.now.Flags = monitor.FlagODown
		s.step(monitor.Tick{})
	}},
	{S19, "a leader that has voted for another", func(s *scene) {
		s.was.Phase, s.now.Phase, s.now.AttemptEpoch, s.now.Forced = election.WaitStart, election.SelectReplica, 7, true
		s.now.VoteEpoch, s.now.VoteFor = 7, "another"
		s.k.won(s.n, &s.now, s.n.seen.master("m0"))
	}},
	{S19, "a leader whose vote is not on disk", func(s *scene) {
		s.now.Phase, s.now.AttemptEpoch, s.now.Forced = election.SelectReplica, 7, true
		s.now.VoteEpoch, s.now.VoteFor = 7, s.n.id
		s.k.won(s.n, &s.now, s.n.seen.master("m0"))
	}},
	{Single, "another is promoted while it is unknown whether the first obeyed", func(s *scene) {
		s.n.seen.master("m0").granted = 7
		s.n.seen.probes[0].AttemptEpoch = 7
		for seq, to := range []int{1, 2} {
			s.n.seen.probes[0].Promoted = s.addr(to)
			s.k.single(s.n, monitor.Send{Conn: s.connTo(to), Token: monitor.Token{Seq: uint64(seq)}})
		}
	}},
	{Itself, "a server is told to follow its second address", func(s *scene) {
		s.w.addTwin(s.w.groups[0])
		for k, r := range s.w.servers {
			if r.second.Port != 0 {
				s.k.command(s.n, monitor.Send{Conn: s.connTo(k), Cmd: monitor.SlaveOf{Host: r.second.Host, Port: r.second.Port}})
			}
		}
	}},
	{Answers, "an answer to nothing", func(s *scene) { s.n.answer(monitor.Reply{To: 999}) }},
	{Answers, "questions pile up", func(s *scene) {
		s.n.asked = make([]question, 5000)
		s.k.audit(s.n)
	}},
	{Audit, "effects are left behind", func(s *scene) {
		s.n.core.Step(s.w.now, monitor.Call{From: 1, Op: monitor.FailoverOp{Name: "m0"}})
		s.k.audit(s.n)
	}},
	{Causes, "an epoch is told twice", func(s *scene) { s.events(event.NewEpoch{Epoch: 5}, event.NewEpoch{Epoch: 5}) }},
	{Causes, "a second attempt within one", func(s *scene) {
		s.events(event.TryFailover{Instance: s.master}, event.TryFailover{Instance: s.master})
	}},
	{Causes, "a leader that did not stand", func(s *scene) { s.events(event.ElectedLeader{Instance: s.master}) }},
	{Causes, "a selection without a leader", func(s *scene) { s.events(event.FailoverStateSelectReplica{Instance: s.master}) }},
	{Causes, "a choice before it was time", func(s *scene) { s.events(event.SelectedReplica{Instance: s.replica}) }},
	{Causes, "an order before a choice", func(s *scene) { s.events(event.FailoverStateSendReplicaOfNoOne{Instance: s.replica}) }},
	{Causes, "a wait before an order", func(s *scene) { s.events(event.FailoverStateWaitPromotion{Instance: s.replica}) }},
	{Causes, "a promotion before an order", func(s *scene) { s.events(event.PromotedReplica{Instance: s.replica}) }},
	{Causes, "replicas are turned before a promotion", func(s *scene) { s.events(event.FailoverStateReconfReplicas{Instance: s.master}) }},
	{Causes, "an end without a beginning", func(s *scene) { s.events(event.FailoverEnd{Instance: s.master}) }},
	{Causes, "an end for a timeout without a beginning", func(s *scene) { s.events(event.FailoverEndForTimeout{Instance: s.master}) }},
	{Causes, "nothing is aborted", func(s *scene) { s.events(event.FailoverAbortNotElected{Instance: s.master}) }},
	{Causes, "a replica is turned without a failover", func(s *scene) { s.events(event.ReplicaReconfSent{Instance: s.replica}) }},
	{Causes, "a replica is turned at the end without an end", func(s *scene) { s.events(event.ReplicaReconfSentBestEffort{Instance: s.replica}) }},
	{Causes, "a replica turns unasked", func(s *scene) { s.events(event.ReplicaReconfInProgress{Instance: s.replica}) }},
	{Causes, "a replica has turned unasked", func(s *scene) { s.events(event.ReplicaReconfDone{Instance: s.replica}) }},
	{Causes, "a replica is late unasked", func(s *scene) { s.events(event.ReplicaReconfSentTimeout{Instance: s.replica}) }},
	{Causes, "a switch out of nothing", func(s *scene) {
		s.events(event.SwitchMaster{Master: "m0", From: s.master.Addr, To: s.replica.Addr})
	}},
	{Causes, "a switch to somebody else than who was promoted", func(s *scene) {
		s.events(event.TryFailover{Instance: s.master}, event.ElectedLeader{Instance: s.master},
			event.FailoverStateSelectReplica{Instance: s.master}, event.SelectedReplica{Instance: s.replica},
			event.FailoverStateSendReplicaOfNoOne{Instance: s.replica}, event.FailoverStateWaitPromotion{Instance: s.replica},
			event.PromotedReplica{Instance: s.replica}, event.FailoverStateReconfReplicas{Instance: s.master},
			event.FailoverEnd{Instance: s.master})
		s.events(event.SwitchMaster{Master: "m0", From: s.master.Addr, To: s.w.servers[2].addr})
	}},
	{Causes, "a server is down twice", func(s *scene) { s.events(event.SDown{Instance: s.replica}, event.SDown{Instance: s.replica}) }},
	{Causes, "a server that is not down is up again", func(s *scene) { s.events(event.SDownCleared{Instance: s.replica}) }},
	{Causes, "objectively down without +sdown", func(s *scene) { s.events(event.ODown{Instance: s.master, Votes: 2, Quorum: 2}) }},
	{Causes, "objectively down without a quorum", func(s *scene) {
		s.events(event.SDown{Instance: s.master}, event.ODown{Instance: s.master, Votes: 1, Quorum: 2})
	}},
	{Causes, "not objectively down any more without +odown", func(s *scene) { s.events(event.ODownCleared{Instance: s.master}) }},
	{Causes, "a known replica is found", func(s *scene) {
		s.events(event.ReplicaAdded{Instance: s.replica}, event.ReplicaAdded{Instance: s.replica})
	}},
	{Codec, "a state that does not come back", func(s *scene) {
		s.n.disk.codec = "conf"
		s.n.disk.create()
		state := s.n.disk.durable
		state.Options.MyID = "too short"
		s.n.disk.put(state)
	}},
	{Restart, "a state that no process starts from", func(s *scene) {
		s.n.crash(false)
		s.n.disk.durable = monitor.State{}
		s.w.boot(s.n)
	}},
	{Impostor, "a Sentinel is moved away from where it is heard", func(s *scene) {
		other := s.w.nodes[1].(*node)
		s.n.seen.lie = &lie{hello: monitor.Hello{RunID: other.id, MasterName: "m0"}, held: monitor.HostPort{Host: "10.9.9.9", Port: 1}}
		s.w.net.listeners[s.n.seen.lie.held] = other
		s.k.heardLie(s.n)
	}},
	{Impostor, "a master is moved by way of another master's server", func(s *scene) {
		s.n.seen.lie = &lie{hello: monitor.Hello{MasterName: "m0"}, alien: true}
		s.k.heardLie(s.n)
	}},
	{Causes, "a master counts as silent that was not for long enough", func(s *scene) {
		s.k.noted(s.n, monitor.Note{Master: "m0", Fact: monitor.DownFact{Cause: monitor.DownSilent, Since: s.w.now.Add(-time.Millisecond)}})
	}},
	{Journal, "a leader of which the journal says nothing", func(s *scene) {
		s.k.noted(s.n, monitor.Emit{Event: event.ElectedLeader{Instance: s.master}})
	}},
	{Journal, "an end of which it says nothing", func(s *scene) {
		s.k.noted(s.n, monitor.Emit{Event: event.FailoverAbortNotElected{Instance: s.master}})
	}},
	{Journal, "an address that is not the one in the journal", func(s *scene) {
		s.n.diary.latest["m0"] = journal.Report{Outcome: journal.Promoted}
		s.k.movedBy(s.n, event.SwitchMaster{Master: "m0", From: s.w.servers[0].addr, To: s.w.servers[1].addr, Epoch: 1})
	}},
	{Journal, "another leader than the one in the journal", func(s *scene) {
		from, to := s.w.servers[0].addr, s.w.servers[1].addr
		s.k.leaders[epochKey{"m0", 1}] = leader{node: "n1"}
		s.n.diary.latest["m0"] = journal.Report{
			Outcome: journal.Promoted, From: from.String(), To: to.String(), Epoch: 1, Leader: journal.Sentinel{ID: string(s.n.id)},
		}
		s.k.movedBy(s.n, event.SwitchMaster{Master: "m0", From: from, To: to, Epoch: 1})
	}},
	{Journal, "an attempt that the journal does not know", func(s *scene) {
		s.n.seen.probes = s.n.core.AppendProbes(nil)
		s.k.noted(s.n, monitor.Note{Master: "m0", Fact: monitor.AttemptFact{Epoch: 1}})
		s.k.diaryAgrees(s.n)
	}},
	{Journal, "a loss that is told too small", func(s *scene) {
		from, to := s.w.servers[0], s.w.servers[1]
		from.log = append(from.log, 4711)
		to.role, to.oldID, to.oldUntil = monitor.RoleMaster, from.replID, to.position()
		r := journal.Report{From: from.addr.String(), To: to.addr.String()}
		r.Lost = journal.Loss{Known: true, MasterOffset: uint64(from.offset()), PromotedOffset: uint64(to.offset())}
		s.k.lossOf(s.n, &r)
	}},
	{Journal, "two reports in the wrong order", func(s *scene) {
		s.k.wrote(s.n, journal.Report{ID: 2, Master: "m0"})
		s.k.wrote(s.n, journal.Report{ID: 1, Master: "m0"})
	}},
	{Timers, "a deadline that has passed", func(s *scene) {
		s.w.now = s.w.now.Add(time.Hour)
		s.k.drained(s.n, s.n.core.NextDeadline())
	}},
	{Storm, "a loop that turns for ever", func(s *scene) {
		s.n.turns = 1_000_000
		s.w.traffic(time.Second)
	}},
	{Traffic, "no hello to a server", func(s *scene) {
		s.w.servers[0].hellos[s.n.hostID] = 0
		s.w.traffic(time.Second)
	}},
	{Traffic, "no INFO of a server", func(s *scene) {
		s.w.servers[0].infos[s.n.hostID] = 0
		s.w.traffic(time.Second)
	}},
	{Liveness, "a replica that stays away", func(s *scene) {
		s.w.servers[1].crash(false)
		s.w.settle()
	}},
	{Liveness, "a Sentinel that stays away", func(s *scene) {
		s.n.crash(false)
		s.w.settle()
	}},
}

// unfitReplicas are replicas that must not be promoted (S12).
var unfitReplicas = map[string]func(*monitor.ReplicaView){
	"down":         func(r *monitor.ReplicaView) { r.Flags = monitor.FlagSDown },
	"disconnected": func(r *monitor.ReplicaView) { r.CommandsUp = false },
	"priority 0":   func(r *monitor.ReplicaView) { r.Priority = 0 },
	"silent":       func(r *monitor.ReplicaView) { r.LastOKPingReply = 2 * time.Second },
	"no INFO":      func(r *monitor.ReplicaView) { r.Info = "" },
	"old INFO":     func(r *monitor.ReplicaView) { r.InfoRefresh = 2 * time.Second },
	"cut off":      func(r *monitor.ReplicaView) { r.MasterLinkDown = 2 * time.Second },
}

// TestInvariantsCanFail shows the checker a violation of every invariant. One
// that did not see it would agree to anything.
func TestInvariantsCanFail(t *testing.T) {
	shown := map[Invariant]bool{S12: len(unfitReplicas) > 0}
	for _, v := range slices.Concat(violations, switchoverViolations, fenceViolations, isolationViolations) {
		shown[v.invariant] = true
		t.Run(fmt.Sprintf("%s %s", v.invariant, v.name), func(t *testing.T) {
			s := newScene(t, v.invariant)
			v.do(s)
			if s.k.invariant != v.invariant {
				t.Errorf("the checker says %q", s.k.violation)
			}
		})
	}
	fit := monitor.ReplicaView{}
	fit.Priority, fit.CommandsUp, fit.Info = 100, true, monitor.PackInfo([]byte("role:slave"))
	if why := unfit(&fit, time.Second, time.Second, time.Second); why != "" {
		t.Errorf("a good replica is unfit: %s", why)
	}
	for name, spoil := range unfitReplicas {
		r := fit
		if spoil(&r); unfit(&r, time.Second, time.Second, time.Second) == "" {
			t.Errorf("S12: a replica that is %s passes", name)
		}
	}
	for _, i := range Invariants() {
		if !shown[i] {
			t.Errorf("nothing shows that %s can fail", i)
		}
		if i.String() == "" || i.Text() == "" {
			t.Errorf("invariant %d has no name or text", i)
		}
	}
}

// TestInvariantsHoldInACalmWorld is the other half: what is shown above must not
// be seen where nothing is wrong.
func TestInvariantsHoldInACalmWorld(t *testing.T) {
	s := newScene(t, 0)
	s.step(monitor.Tick{})
	s.k.audit(s.n)
	s.k.drained(s.n, s.n.core.NextDeadline())
	s.k.booted(s.n)
	s.w.settle()
	if s.k.failed() {
		t.Error(s.k.violation)
	}
}
