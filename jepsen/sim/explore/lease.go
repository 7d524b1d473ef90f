package explore

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// A lease search plays one Sentinel with the isolation fence on, in steps of a moment: it
// promises, asks for promises, and pauses its master. Time exists here, as promises are
// about nothing else; all that happens at a time happens in every order. The Sentinel knows two
// others, and what those may say is said at any moment, or never.
//
// Two things are checked at every step, and what the fence is for follows. A Sentinel that
// has promised does not vote nor stand before that is over, also after a crash. And a master
// that it guards is paused whenever no other Sentinel is bound by a promise, and is let write
// again only upon a new one. Who is elected has a majority, and so the vote of this
// Sentinel or of one that is not bound: the master is paused then.

const (
	moment       = 50 * time.Millisecond
	leaseDown    = time.Second
	leaseLength  = leaseDown / 2
	leaseOthers  = 2
	leaseMaster  = "10.0.0.1"
	leaseReplica = "10.0.0.2"
)

// LeaseConfig says what is explored. The zero value explores nothing.
type LeaseConfig struct {
	Moments int  // how many pass; to stand still counts as one
	Speak   int  // how many of the others answer from now on, 0 to 2
	Guard   bool // they answer whatever there is to answer; else they promise whenever they are asked
	Voter   bool // the first asks for promises, and the master may fall silent
	Votes   bool // the first asks for votes
	Crashes bool
	Stalls  bool // it stands still, with its clock and without it
}

// LeaseResult is what a lease search found.
type LeaseResult struct {
	States, Steps          int
	Pauses, Lifts          int // steps that paused the master, and that let it write again
	Promises, Votes, Stood int // steps in which the Sentinel promised, voted for another, and stood
	Violation              string
	Trace                  []string
}

// leaseRig is the Sentinel, its disk, and a shell that answers what only keeps connections
// alive. The replica is out of reach.
type leaseRig struct {
	core *monitor.Core
	out  monitor.Effects
	at   monitor.Instant
	disk monitor.State
	leaseWorld
}

// clock is what the clock of the Sentinel shows.
func (r *leaseRig) clock() monitor.Instant { return r.at.Add(-r.slept) }

// leaseWorld is what there is besides the core.
type leaseWorld struct {
	command, fence monitor.ConnID
	others         [leaseOthers]otherSentinel
	silent         bool            // the master does not answer
	paused         monitor.Instant // until when the master is
	pausedFrom     monitor.Instant // since when, without a gap
	since          monitor.Instant // of the process
	guarded        bool            // promises were had since then
	promised       monitor.Instant // by the Sentinel, in any of its lives
	voted          monitor.Epoch   // at which it was last heard to vote for another
	slept          time.Duration   // how far the clock of the Sentinel is behind
	did            leaseDeeds
	broken         string
}

// leaseDeeds is what the Sentinel did in one step.
type leaseDeeds struct{ pauses, lifts, promises, votes, stood int }

// otherSentinel is what another Sentinel was asked and has promised.
type otherSentinel struct {
	conn  monitor.ConnID
	token monitor.Token
	asked monitor.Instant // the question that has no answer; 0: none
	from  monitor.Instant // when the question was asked that it has promised upon last
	bound monitor.Instant // until when it is bound, if it counted from the question on

	// Of its vote for the other one: when it was first told of, until when it has promised
	// beside it, and whether the other one has said since that it does not lead.
	heard, beside monitor.Instant
	besideFrom    monitor.Instant // when that was asked for
	settled       bool
	knows         bool // a later configuration: from then on it says so
}

// What another Sentinel may answer.
const (
	promises  = iota
	refuses   // it promises nothing now
	knowsMore // it knows a later configuration
	hasVoted  // for the other one, which may lead
	answers
)

// leaseStep is one thing that happens.
type leaseStep struct {
	name string
	do   func(*leaseRig) bool // false: it cannot happen
	time bool                 // it takes time
}

func (c LeaseConfig) steps() []leaseStep {
	steps := []leaseStep{{"a moment passes", (*leaseRig).passes, true}}
	add := func(name string, do func(*leaseRig) bool) { steps = append(steps, leaseStep{name: name, do: do}) }
	for k := range c.Speak {
		for a := range answers {
			if c.Guard || a == promises {
				name := fmt.Sprintf("n%d %s", k+1, [answers]string{"promises", "does not promise", "knows a later configuration", "has voted for the other"}[a])
				add(name, func(r *leaseRig) bool { return r.answer(k, a) })
			}
		}
	}
	if c.Votes {
		add("n1 asks for its vote", (*leaseRig).askVote)
	}
	if c.Voter {
		add("n1 asks for a promise", (*leaseRig).askPromise)
		add("the master falls silent", func(r *leaseRig) bool { was := r.silent; r.silent = true; return !was })
	}
	if c.Crashes {
		add("it crashes and is started again", (*leaseRig).crash)
	}
	if c.Stalls {
		steps = append(steps, leaseStep{"it stands still", (*leaseRig).stalls, true}, leaseStep{"it stands still, and its clock too", (*leaseRig).sleeps, true})
	}
	return steps
}

// ExploreLeases visits every state that the Sentinel comes to within the moments of c, until one
// breaks a promise.
func ExploreLeases(c LeaseConfig) (res LeaseResult) {
	e := leaseSearch{steps: c.steps(), seen: map[string]bool{}}
	e.found(newLeaseRig(), nil, true)
	for range c.Moments {
		e.level, e.next = e.next, nil
		for len(e.level) > 0 && e.res.Violation == "" { // what takes no time adds to it
			last := len(e.level) - 1
			v := e.level[last]
			e.level[last] = leaseState{} // nothing else holds it
			e.level = e.level[:last]
			e.expand(v)
		}
	}
	return e.res
}

// leaseSearch is a search. All states of one time come before those of a later one: so each is
// visited when it is reached first, and as much time as possible is left.
type leaseSearch struct {
	steps       []leaseStep
	seen        map[string]bool
	level, next []leaseState
	res         LeaseResult
}

type leaseState struct {
	rig  *leaseRig
	path []int
}

func (e *leaseSearch) found(r *leaseRig, path []int, later bool) {
	key := r.encode()
	switch {
	case e.seen[key]:
		return
	case later: // time has passed
		e.next = append(e.next, leaseState{r, path})
	default:
		e.level = append(e.level, leaseState{r, path})
	}
	e.seen[key] = true
}

func (e *leaseSearch) expand(v leaseState) {
	e.res.States++
	for k, s := range e.steps {
		n := v.rig.copy()
		e.res.Steps++
		if !s.do(n) {
			continue
		}
		n.check()
		e.res.count(n.did)
		path := append(slices.Clone(v.path), k)
		if n.broken != "" {
			e.res.Violation = n.broken
			for _, k := range path {
				e.res.Trace = append(e.res.Trace, e.steps[k].name)
			}
			return
		}
		e.found(n, path, s.time)
	}
}

func (r *LeaseResult) count(d leaseDeeds) {
	r.Pauses, r.Lifts = r.Pauses+d.pauses, r.Lifts+d.lifts
	r.Promises, r.Votes, r.Stood = r.Promises+d.promises, r.Votes+d.votes, r.Stood+d.stood
}

// newLeaseRig returns a Sentinel that guards its master and has the promises of all.
func newLeaseRig() *leaseRig {
	r := &leaseRig{at: birth}
	m := &monitor.MasterState{MasterConfig: monitor.MasterConfig{
		Name: masterName(0), Addr: ipAddr(leaseMaster, 6379), Quorum: 2, DownAfter: leaseDown, FailoverTimeout: 20 * time.Second, ParallelSyncs: 1,
		Guards: monitor.Guards{IsolationFence: monitor.GuardOn},
	}, Replicas: []monitor.Addr{ipAddr(leaseReplica, 6379)}}
	for k := range leaseOthers {
		m.Sentinels = append(m.Sentinels, monitor.KnownSentinel{Addr: ipAddr(fmt.Sprintf("10.0.1.%d", k+2), 26379), ID: runID(k + 1)})
	}
	r.disk = monitor.State{Options: monitor.Options{MyID: runID(0)}, Masters: []*monitor.MasterState{m}}
	r.boot()
	for range 20 {
		r.passes()
		for k := range r.others {
			r.answer(k, promises)
		}
	}
	r.guarded = true
	return r
}

// boot starts the process from its disk. What was asked before has no answer any more.
func (r *leaseRig) boot() {
	core, err := monitor.New(r.clock(), monitor.Params{State: r.disk, Port: 26379, Seed: 1})
	if err != nil {
		panic(err) // the configuration is ours
	}
	r.core, r.command, r.fence, r.since, r.guarded = core, 0, 0, r.at, false
	for k := range r.others {
		o := &r.others[k]
		*o = otherSentinel{from: o.from, bound: o.bound, knows: o.knows}
	}
	r.settle()
}

func (r *leaseRig) copy() *leaseRig {
	n := &leaseRig{core: r.core.Clone(), at: r.at, disk: r.disk, leaseWorld: r.leaseWorld}
	n.did = leaseDeeds{}
	return n
}

// encode tells states apart that go on differently.
func (r *leaseRig) encode() string {
	b := r.core.AppendElection(nil, func(id monitor.RunID) byte { return byte(indexOf(id)) }, nil)
	b = r.core.AppendLeases(b)
	for _, t := range []monitor.Instant{r.paused, r.pausedFrom, r.promised, r.since} {
		b = r.appendAge(b, t)
	}
	for _, o := range r.others {
		for _, t := range []monitor.Instant{o.asked, o.from, o.bound, o.heard, o.beside, o.besideFrom} {
			b = r.appendAge(b, t)
		}
		b = strconv.AppendBool(strconv.AppendBool(b, o.settled), o.knows)
	}
	if r.silent {
		b = append(b, 1)
	}
	if r.guarded {
		b = append(b, 2)
	}
	b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(r.voted)), uint64(r.disk.CurrentEpoch))
	return string(binary.AppendUvarint(b, uint64(r.disk.Masters[0].Fenced)))
}

// appendAge appends an instant as it lies from now; all that is long past is alike.
func (r *leaseRig) appendAge(b []byte, t monitor.Instant) []byte {
	return binary.AppendVarint(b, int64(max(t-r.at, -monitor.Instant(leaseDown))))
}

// passes lets a moment pass.
func (r *leaseRig) passes() bool {
	end := r.at.Add(moment)
	for r.core.NextDeadline().Add(r.slept) <= end {
		r.at = max(r.at, r.core.NextDeadline().Add(r.slept))
		r.step(monitor.Tick{})
	}
	r.at = end
	r.step(monitor.Tick{})
	return true
}

// stalls has the Sentinel stand still while its clock goes on, for longer than a promise.
func (r *leaseRig) stalls() bool {
	r.at = r.at.Add(leaseLength + moment)
	r.step(monitor.Tick{})
	return true
}

// sleeps has its machine stand still, and its clock with it: a time that is known when it is over. The
// pauses of the master are over by then.
func (r *leaseRig) sleeps() bool {
	const night = 2 * time.Minute
	r.at, r.slept = r.at.Add(night), r.slept+night
	r.step(monitor.Stood{By: night})
	return true
}

func (r *leaseRig) crash() bool {
	r.boot()
	return true
}

// answer has another Sentinel answer the question that it was asked.
func (r *leaseRig) answer(k, how int) bool {
	o := &r.others[k]
	if o.asked == 0 {
		return false
	}
	in := monitor.AskReply{Conn: o.conn, Token: o.token, OK: true, Promise: monitor.Promise{Known: true}}
	if how == hasVoted && o.heard == 0 {
		o.heard = r.at
	}
	if o.heard != 0 { // and it goes on to say so
		in.Epoch, in.Leader = 9, runID(2-k)
	}
	if how != refuses {
		in.Promise.For = leaseLength
		o.besideFrom, o.beside = o.asked, o.asked.Add(leaseLength)
	}
	o.knows = o.knows || how == knowsMore
	switch {
	case o.knows:
		in.Promise.ConfigEpoch = 9
		o.bound, o.beside = 0, 0 // another is the master already
	case how == refuses:
	case o.heard == 0 || o.settled:
		o.from, o.bound = o.asked, o.beside
		r.guarded = r.guarded || r.at < o.bound
	default:
		o.bound = 0
	}
	if other := &r.others[1-k]; in.Promise.For > 0 && !o.knows && other.heard != 0 && o.asked > other.heard && !other.settled {
		other.settled = true // this one leads no failover
		other.from, other.bound = max(other.from, other.besideFrom), max(other.bound, other.beside)
	}
	o.asked = 0
	r.step(in)
	return true
}

// askPromise has another Sentinel ask for a promise.
func (r *leaseRig) askPromise() bool {
	r.step(monitor.Ask{From: 1, IP: leaseMaster, Port: 6379, Promise: leaseLength})
	return true
}

// askVote has the first of the others ask for the vote. One that is bound does not stand.
func (r *leaseRig) askVote() bool {
	if r.at < r.others[0].bound {
		return false
	}
	r.step(monitor.Ask{From: 1, IP: leaseMaster, Port: 6379, Epoch: 1, RunID: runID(1)})
	return true
}

func (r *leaseRig) step(in monitor.Input) {
	r.core.Step(r.clock(), in)
	r.settle()
}

// settle lets effects out until there are no more. Writes to the disk end at once.
func (r *leaseRig) settle() {
	for {
		r.core.Drain(&r.out)
		free, p := slices.Clone(r.out.Free), r.out.Persist
		if len(free) == 0 && p == nil {
			return
		}
		for _, e := range free {
			r.effect(e)
		}
		if p != nil {
			r.disk = p.State
			for _, e := range p.Then {
				r.effect(e)
			}
			r.core.Step(r.clock(), monitor.Persisted{Seq: p.Seq})
		}
	}
}

func (r *leaseRig) effect(e monitor.Effect) {
	switch e := e.(type) {
	case monitor.Dial:
		r.dialled(e)
	case monitor.Send:
		r.sent(e)
	case monitor.Reply:
		r.told(e)
	}
}

// dialled has a connection come up, at once; none to the replica.
func (r *leaseRig) dialled(d monitor.Dial) {
	local := "10.0.1.1"
	switch {
	case d.Target == monitor.KindSentinel:
		r.others[int(d.Addr.Host[len(d.Addr.Host)-1]-'2')].conn = d.Conn
	case d.Addr.Host != leaseMaster:
		return
	case d.Kind == monitor.ConnFence:
		r.fence, local = d.Conn, leaseMaster
	case d.Kind == monitor.ConnCommand:
		r.command, local = d.Conn, leaseMaster // it is beside the master
	}
	r.core.Step(r.clock(), monitor.LinkUp{Conn: d.Conn, LocalIP: local})
}

func (r *leaseRig) sent(s monitor.Send) {
	if s.Conn == r.command || s.Conn == r.fence {
		r.toMaster(s)
		return
	}
	k := slices.IndexFunc(r.others[:], func(o otherSentinel) bool { return o.conn == s.Conn })
	if k < 0 {
		return
	}
	switch cmd := s.Cmd.(type) {
	case monitor.Ping:
		r.core.Step(r.clock(), monitor.Pong{Conn: s.Conn, Reply: monitor.PingPong})
	case monitor.AskGossip:
		r.core.Step(r.clock(), monitor.GossipReply{Conn: s.Conn, Token: s.Token, Known: true, Endpoint: monitor.GossipEndpoint{ID: runID(k + 1)}})
	case monitor.PublishHello:
		r.core.Step(r.clock(), monitor.PublishReply{Conn: s.Conn, Token: s.Token, OK: true})
	case monitor.AskMasterDown:
		if cmd.Promise > 0 {
			o := &r.others[k]
			o.token, o.asked = s.Token, r.at
			return
		}
		if cmd.RunID != "" {
			r.did.stood++
			r.keeps("stands")
		}
		r.core.Step(r.clock(), monitor.AskReply{Conn: s.Conn, Token: s.Token, OK: true, Down: r.silent})
	}
}

var leaseInfo = monitor.ParseInfo([]byte("# Server\r\nrun_id:" + leaseRun + "\r\nrole:master\r\nslave0:ip=" + leaseReplica + ",port=6379,state=online,offset=1,lag=0\r\n"))

const leaseRun = "0123456789012345678901234567890123456789"

func (r *leaseRig) toMaster(s monitor.Send) {
	if r.silent {
		return
	}
	switch cmd := s.Cmd.(type) {
	case monitor.Ping:
		r.core.Step(r.clock(), monitor.Pong{Conn: s.Conn, Reply: monitor.PingPong})
	case monitor.InfoRequest:
		r.core.Step(r.clock(), monitor.InfoReply{Conn: s.Conn, Token: s.Token, Info: leaseInfo})
	case monitor.PublishHello:
		r.core.Step(r.clock(), monitor.PublishReply{Conn: s.Conn, Token: s.Token, OK: true})
	case monitor.PauseWrites:
		r.did.pauses++
		if r.at >= r.paused {
			r.pausedFrom = r.at
		}
		r.paused = r.at.Add(cmd.For)
		r.core.Step(r.clock(), monitor.CommandDone{Conn: s.Conn, Token: s.Token})
	case monitor.Unpause:
		r.did.lifts++
		if !slices.ContainsFunc(r.others[:], func(o otherSentinel) bool { return o.from >= r.pausedFrom && r.at < o.bound }) {
			r.breaks("it lets the master write again, and nobody has promised anew")
		}
		r.paused = 0
		r.core.Step(r.clock(), monitor.CommandDone{Conn: s.Conn, Token: s.Token})
	}
}

// told notes what the Sentinel answers.
func (r *leaseRig) told(a monitor.Reply) {
	if a.Promise.For > 0 {
		r.did.promises++
		r.promised = max(r.promised, r.at.Add(a.Promise.For))
		return
	}
	if a.Promise.Known || a.Leader == "" || a.Leader == runID(0) || a.Epoch <= r.voted {
		return // or it repeats a vote
	}
	r.voted = a.Epoch
	r.did.votes++
	r.keeps("votes")
	if r.mustPause() {
		r.breaks("it votes, reaches the master, and has not paused it")
	}
}

// keeps checks that a promise is over.
func (r *leaseRig) keeps(what string) {
	if r.at < r.promised {
		r.breaks(fmt.Sprintf("it %s %v before the end of its promise", what, r.promised.Sub(r.at)))
	}
}

// mustPause reports whether the master takes writes that the Sentinel could prevent. Right after its
// start it waits for the promises first.
func (r *leaseRig) mustPause() bool {
	return r.guarded && !r.silent && r.at >= r.paused && r.at >= r.since.Add(leaseLength/2)
}

// check looks whether a master takes writes that another may replace.
func (r *leaseRig) check() {
	if r.mustPause() && !slices.ContainsFunc(r.others[:], func(o otherSentinel) bool { return r.at < o.bound }) {
		r.breaks("the master takes writes, and nobody else is bound")
	}
}

func (r *leaseRig) breaks(why string) {
	if r.broken == "" {
		r.broken = why
	}
}
