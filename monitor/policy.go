package monitor

import (
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
)

// The program around the core may have a say in failovers: whether one begins, and which
// of the replicas that may be promoted is preferred. It is asked by effects and
// answers by inputs. While an answer is out the core goes on; one that does not come in
// time is replaced by what [Policy] says. It can hold a failover back, and it can never
// bring one about that the core would not make, nor have a replica promoted that has less
// data than another.

// Policy says what to ask of the program around the core. The zero value asks nothing,
// and then a failover takes no step more.
type Policy struct {
	Allow  bool // ask before an attempt is begun: [AskPolicy]
	Choose bool // ask which replica is preferred, where there are several: [AskChoice]
	Phases bool // tell which phase an attempt has reached: [PolicyPhase]
	// Timeout is how long an answer may take; 0: [DefaultPolicyTimeout].
	Timeout time.Duration
	// Refuse makes no answer count as a veto. Without it the failover goes ahead.
	Refuse bool
}

const (
	// DefaultPolicyTimeout is how long an answer may take if nothing else is said.
	DefaultPolicyTimeout = 2 * time.Second
	// vetoTime is how long a veto counts before it is asked again.
	vetoTime = 10 * time.Second
	// goTime is how long a permission counts, if the attempt cannot begin meanwhile.
	goTime = 10 * time.Second
)

// PolicyVerdict is an answer to [AskPolicy].
type PolicyVerdict uint8

// The verdicts. PolicyDelay: ask again later. PolicyVeto: do not, for now.
const (
	PolicyGo PolicyVerdict = iota
	PolicyDelay
	PolicyVeto
)

// PolicyAttempt is a failover that is about to be made, or is being made.
type PolicyAttempt struct {
	Master  string
	Addr    HostPort // of the master
	Ordered bool     // an operator asks for it
	Planned bool     // the master serves
	Epoch   Epoch    // 0 before votes are asked for
}

// PolicyCandidate is a replica as the choice sees it.
type PolicyCandidate struct {
	Addr     HostPort
	RunID    RunID
	Verdict  string // why it must not be promoted; "" when it may be
	Priority int    // replica-priority
	Offset   uint64
	Behind   uint64        // how many bytes another candidate with the same history is ahead
	LinkDown time.Duration // of its link to the master; negative: never synchronised
	Data     string        // how much of the data of the master it has (state-machine.md §6.12, Lineage)
	Zone     string        // as INFO tells it (availability_zone); "" when it does not
}

// policy is what was asked and answered about one master.
type policy struct {
	allow  question // whether an attempt may begin
	goes   Instant  // until when it may; 0: this is not known
	held   Instant  // until when it may not
	why    string   // the last reason for that which was told
	order  question // whether the commands that wait may be carried out
	calls  []Call
	choice question
	chosen bool           // choice was answered, or is not awaited any more
	phase  election.Phase // the last one that was told, of the attempt with this epoch
	epoch  Epoch
}

// question waits for an answer. The zero value does not.
type question struct {
	seq uint64
	due Instant
}

func (c *Core) question(now Instant) question {
	c.lastQuestion++
	return question{c.lastQuestion, now.Add(c.policyTimeout())}
}

func (c *Core) policyTimeout() time.Duration {
	if c.policy.Timeout <= 0 {
		return DefaultPolicyTimeout
	}
	return c.policy.Timeout
}

// forgetPermission drops what was asked and answered about an attempt that is not wanted
// any more, or has begun.
func (p *policy) forgetPermission() { p.allow, p.goes, p.held, p.why = question{}, 0, 0, "" }

// heldByPolicy returns until when an automatic attempt must not begin; 0: it may.
func (c *Core) heldByPolicy(now Instant, m *master) Instant {
	p := &m.policy
	switch {
	case !c.policy.Allow, now < p.goes:
		return 0
	case now < p.held:
		return p.held
	case p.allow.seq == 0:
		p.allow = c.question(now)
		c.free(AskPolicy{p.allow.seq, c.policyAttempt(m, false)})
		return p.allow.due
	case now < p.allow.due:
		return p.allow.due
	}
	c.allowed(now, m, c.verdict(m, PolicyAnswer{Failed: c.noAnswer()}))
	return p.held
}

func (c *Core) noAnswer() string { return "no answer within " + c.policyTimeout().String() }

func (c *Core) policyAttempt(m *master, ordered bool) PolicyAttempt {
	a := PolicyAttempt{Master: m.cfg.Name, Addr: c.shown(m.addr), Ordered: ordered, Planned: c.serves(m)}
	if m.attempt.InProgress() {
		a.Epoch, a.Ordered = m.attempt.Epoch, m.attempt.Forced
	}
	return a
}

// allowed takes a verdict on an automatic attempt.
func (c *Core) allowed(now Instant, m *master, a PolicyAnswer) {
	p := &m.policy
	p.allow, p.goes, p.held = question{}, 0, 0
	switch a.Verdict {
	case PolicyGo:
		p.goes = now.Add(goTime)
	case PolicyDelay:
		p.held = now.Add(a.For)
	default:
		p.held = now.Add(vetoTime)
	}
	if why := a.inWords(); a.Verdict != PolicyGo && why != p.why {
		p.why = why
		c.emit(&m.instance, event.FailoverHeld{Instance: c.ref(&m.instance), Veto: a.Verdict == PolicyVeto, Reason: why})
	}
	c.touch(m)
}

func (a *PolicyAnswer) inWords() string {
	text := "vetoed"
	if a.Verdict == PolicyDelay {
		text = "delayed by " + a.For.String()
	}
	if a.Reason != "" {
		text += ": " + a.Reason
	}
	return text
}

// verdict makes a sound answer of any: one that failed, or means nothing, is replaced by
// what counts then.
func (c *Core) verdict(m *master, a PolicyAnswer) PolicyAnswer {
	if len(a.Reason) > MaxPauseReason || !plainText(a.Reason) {
		a.Reason = "the reason is not a line of text of at most " + strconv.Itoa(MaxPauseReason) + " bytes"
	}
	a.For = min(a.For, MaxFailoverPause)
	switch {
	case a.Failed != "":
	case a.Verdict == PolicyDelay && a.For <= 0:
		a.Failed = "it delays by " + a.For.String()
	case a.Verdict > PolicyVeto:
		a.Failed = "its verdict is none of those that there are"
	default:
		return a
	}
	what := "goes ahead"
	b := PolicyAnswer{Seq: a.Seq}
	if c.policy.Refuse {
		what, b.Verdict, b.Reason = "is held back", PolicyVeto, "the policy has not decided"
	}
	c.log(LevelWarning, "The policy for failovers has not decided about '"+m.cfg.Name+"' ("+oneLine(a.Failed)+"): the failover "+what)
	return b
}

// oneLine makes text from outside fit into a line of the log.
func oneLine(text string) string {
	if len(text) > MaxPauseReason || !plainText(text) {
		return strconv.Quote(text[:min(len(text), MaxPauseReason)])
	}
	return text
}

func (c *Core) policyAnswer(now Instant, in PolicyAnswer) {
	for _, m := range c.masters {
		switch p := &m.policy; in.Seq {
		case 0:
		case p.allow.seq:
			c.allowed(now, m, c.verdict(m, in))
			return
		case p.order.seq:
			c.ordered(now, m, c.verdict(m, in))
			return
		}
	}
}

// askOrder has an operator's command wait for the policy; false when there is none.
func (c *Core) askOrder(now Instant, m *master, in Call, op FailoverOp) bool {
	p, busy := &m.policy, m.attempt.InProgress() || m.switchover.active()
	if !c.policy.Allow || op.Mode == FailoverForced || len(p.calls) >= maxInquirers || busy && m.switchover.stage != takingOver {
		return false
	}
	if p.order.seq == 0 {
		p.order = c.question(now)
		a := c.policyAttempt(m, true)
		a.Ordered, a.Epoch = true, 0 // it is not the takeover that is under way
		c.free(AskPolicy{p.order.seq, a})
	}
	p.calls = append(p.calls, in)
	c.touch(m)
	return true
}

// ordered carries the commands that wait out, or refuses them.
func (c *Core) ordered(now Instant, m *master, a PolicyAnswer) {
	calls := m.policy.calls
	m.policy.order, m.policy.calls = question{}, nil
	for _, in := range calls {
		if a.Verdict != PolicyGo {
			c.answerFailover(in, "", vetoed(a))
		} else {
			c.beginFailover(now, m, in)
		}
	}
}

// vetoed is the answer to an operator whose failover the policy does not want.
func vetoed(a PolicyAnswer) *CallError {
	return &CallError{ErrVetoed.Code, ErrVetoed.Text + ": " + a.inWords() + ". FAILOVER with FORCE goes ahead nevertheless"}
}

// awaitPolicy decides the commands whose answer has not come, and returns when that is.
func (c *Core) awaitPolicy(now Instant, m *master) Instant {
	p := &m.policy
	if p.order.seq == 0 {
		return Never
	}
	if now < p.order.due {
		return p.order.due
	}
	c.ordered(now, m, c.verdict(m, PolicyAnswer{Failed: c.noAnswer()}))
	return Never
}

// awaitChoice asks which of several replicas is preferred, and returns until when the
// choice has to wait; 0: it need not.
func (c *Core) awaitChoice(now Instant, m *master, planned bool) Instant {
	p := &m.policy
	switch {
	case !c.policy.Choose, p.chosen, m.force.on, m.force.named != 0, m.switchover.named != 0:
		return 0
	case p.choice.seq != 0 && now < p.choice.due:
		return p.choice.due
	case p.choice.seq != 0:
		c.chosenBy(m, ChoiceAnswer{Failed: c.noAnswer()})
		return 0
	}
	list := c.policyCandidates(now, m, planned)
	fit := 0
	for k := range list {
		if list[k].Verdict == "" {
			fit++
		}
	}
	if fit < 2 {
		return 0
	}
	p.choice = c.question(now)
	c.free(AskChoice{p.choice.seq, c.policyAttempt(m, planned), list})
	return p.choice.due
}

// policyCandidates describes the replicas of m to the policy.
func (c *Core) policyCandidates(now Instant, m *master, planned bool) []PolicyCandidate {
	rules, cs := c.rules(now, m), c.candidates(now, m)
	ahead := map[string]uint64{}
	for k := range cs {
		ahead[cs[k].ReplID] = max(ahead[cs[k].ReplID], cs[k].Offset)
	}
	list := make([]PolicyCandidate, len(cs))
	for k, r := range m.replicas {
		verdict := rules.Reject(cs[k])
		if verdict == "" && planned {
			verdict, _ = c.follower(now, m, r, false).Unfit(m.instance.data())
		}
		list[k] = PolicyCandidate{
			Addr: c.shown(r.addr), RunID: r.runID, Verdict: verdict, Priority: r.priority, Offset: cs[k].Offset,
			Behind: ahead[cs[k].ReplID] - cs[k].Offset, LinkDown: r.masterLinkDown, Data: rules.Lineage.Standing(cs[k]).String(),
		}
		if r.info != nil {
			list[k].Zone = r.info.Zone
		}
	}
	return list
}

func (c *Core) choiceAnswer(in ChoiceAnswer) {
	for _, m := range c.masters {
		if in.Seq != 0 && in.Seq == m.policy.choice.seq {
			c.chosenBy(m, in)
			return
		}
	}
}

// chosenBy puts the replicas into the order that the policy wants. Those that it does not
// name come last.
func (c *Core) chosenBy(m *master, in ChoiceAnswer) {
	m.policy.choice, m.policy.chosen = question{}, true
	c.touch(m)
	if in.Failed != "" {
		c.log(LevelWarning, "The policy has not chosen among the replicas of '"+m.cfg.Name+"' ("+oneLine(in.Failed)+"): the usual order counts")
		return
	}
	for _, r := range m.replicas {
		r.rank = len(in.Order) + 1
	}
	for k, at := range in.Order {
		var r *replica
		if addr, err := c.addrOf(at.Host, at.Port); err == nil {
			r = m.replicaAt(addr)
		}
		if r == nil {
			c.log(LevelWarning, "The policy has chosen "+oneLine(at.String())+", which is not a replica of '"+m.cfg.Name+"'; it is passed over")
			continue
		}
		r.rank = min(r.rank, k+1)
	}
}

// forgetChoice drops what the policy has said about an earlier choice.
func (c *Core) forgetChoice(m *master) {
	m.policy.choice, m.policy.chosen = question{}, false
	for _, r := range m.replicas {
		r.rank = 0
	}
}

// tellPhase tells the policy which phase an attempt has reached.
func (c *Core) tellPhase(m *master) {
	if phase := m.attempt.Phase(); c.policy.Phases && phase != m.policy.phase {
		if phase != election.None {
			m.policy.epoch = m.attempt.Epoch
		}
		m.policy.phase = phase
		a := c.policyAttempt(m, false)
		a.Epoch = m.policy.epoch
		c.free(PolicyPhase{a, phase})
	}
}
