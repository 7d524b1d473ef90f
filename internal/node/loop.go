package node

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/internal/logfile"
	"github.com/gosentinel/sentinel/internal/recorder"
	"github.com/gosentinel/sentinel/internal/server"
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/monitor/link"
)

// Limits of the loop.
const (
	inboxItems    = 4096 // inputs that wait; a full inbox blocks their senders
	batchItems    = 1024 // inputs taken before their effects are carried out
	lookupsAtOnce = 16
	lookupTimeout = 5 * time.Second

	helperTimeout  = 5 * time.Second // for disk writes that are under way at the end
	givenUpTimeout = time.Second     // after they were told to end
)

// links carries out the effects that concern connections.
type links interface {
	Do(monitor.Effect)
	Flush()
}

// saver makes a state durable.
type saver interface{ Save(monitor.State) error }

// loopConfig holds what a loop works with. Every field must be set, except where
// nil is said to have a meaning.
type loopConfig struct {
	core    *monitor.Core
	record  *recorder.Recorder // nil: none
	inbox   *inbox
	store   saver
	giveUp  func() // ends a write that is under way, where that is possible
	links   links
	gossip  *gossipShell
	policy  *policyShell
	log     logfile.Sink
	publish func(monitor.Event)
	script  func(monitor.RunScript)
	history *history
	console *attached
	addrs   *server.Addrs
	crash   func()                                          // carries out a simulated crash; nil: only the loop ends
	lookup  func(ctx context.Context, host string) []string // nil when the name does not resolve
	secret  func(monitor.Options) string                    // what gossip's key is derived from
}

// loop owns a core: it feeds inputs to it and carries out its effects. One
// goroutine runs run; one more saves states, in order, and one watches what the process
// gets of its machine.
//
// Nothing it calls may block. While the loop waited, the Sentinel would miss
// replies and deadlines, and could take a live server for a dead one.
type loop struct {
	loopConfig
	saves     chan *monitor.Persist
	forecasts chan *monitor.State // the newest alone counts

	// The rest belongs to the loop goroutine.
	effects monitor.Effects
	lastRef monitor.PeerRef
	waiting map[monitor.PeerRef]chan<- any
	helpers sync.WaitGroup
	lookups chan struct{}

	lastSaveError string // "" after a save that worked
	crashed       bool   // a crash was simulated: nothing more may happen

	hellos int  // of clients, taken since addresses were shown last
	shared bool // gossip has something to send
	called bool // an operator's command has been carried out since the last flush

	stalls     stalls
	standstill standstill
	pulse      pulse
}

func newLoop(cfg loopConfig) *loop {
	return &loop{
		loopConfig: cfg,
		saves:      make(chan *monitor.Persist, 1), // the core has at most one save in flight
		forecasts:  make(chan *monitor.State, 1),
		waiting:    map[monitor.PeerRef]chan<- any{},
		lookups:    make(chan struct{}, lookupsAtOnce),
		pulse:      pulse{clock: cfg.inbox.clock, read: readUsage},
	}
}

// inbox holds what the loop has yet to take. It is created before the loop, so
// that links and gossip can be created first.
type inbox struct {
	clock clock
	items chan item
	done  chan struct{} // closed when the loop has ended
}

func newInbox(c clock) *inbox {
	return &inbox{clock: c, items: make(chan item, inboxItems), done: make(chan struct{})}
}

// put adds an item, stamped with the time of its arrival. It blocks while the
// inbox is full and reports false when the loop has ended.
func (b *inbox) put(it item) bool {
	it.at = b.clock.now()
	return b.putStamped(it)
}

func (b *inbox) putStamped(it item) bool {
	select {
	case b.items <- it:
		return true
	case <-b.done:
		return false
	}
}

// deliver receives inputs from the links and from gossip.
func (b *inbox) deliver(at monitor.Instant, in monitor.Input) {
	b.putStamped(item{at: at, in: in})
}

// deliverAll is deliver for what arrived on several connections.
func (b *inbox) deliverAll(all []link.Arrival) {
	b.putStamped(item{at: all[0].At, batch: slices.Clone(all)})
}

// item is one entry of the inbox. Exactly one of in, batch, view, persisted and the pair
// of request and answer is set.
type item struct {
	at        monitor.Instant
	in        monitor.Input
	batch     []link.Arrival // inputs with their own times
	view      func(*monitor.Core, monitor.Instant)
	request   func(monitor.PeerRef) monitor.Input
	answer    chan<- any
	published bool // in is the hello of a client
	persisted *monitor.Persist
	err       error
}

// run works until ctx ends. When it returns, nothing it started is still running,
// and the last state handed out for saving has been saved or has failed to save.
// The one exception is a write that hangs in the operating system: it is
// abandoned after helperTimeout.
func (l *loop) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	l.helpers.Go(l.saveStates)
	l.helpers.Go(func() { l.pulse.run(ctx) })
	timer := time.NewTimer(0)
	defer func() {
		timer.Stop()
		cancel()
		close(l.saves)
		l.addrs.End()
		close(l.inbox.done) // releases callers that wait for an answer or for room in the inbox
		l.waitForHelpers()
		if !l.crashed {
			l.history.Close(l.inbox.clock.now())
		}
	}()
	for {
		l.carryOut(ctx)
		if l.crashed {
			return
		}
		asleep, due := l.inbox.clock.now(), l.core.NextDeadline()
		l.stalls.end(asleep)
		timer.Reset(time.Duration(due - asleep))
		select {
		case <-ctx.Done():
			return
		case it := <-l.inbox.items:
			l.wake(asleep, min(it.at, due))
			l.take(it)
			l.takeMore()
		case <-timer.C:
			l.wake(asleep, due)
		}
		// Arrivals first, then the clock: a reply that came in time must be seen
		// before the deadline that it averts.
		if now := l.inbox.clock.now(); now >= l.core.NextDeadline() {
			l.takeMore()
			l.record.Step(l.core, now, monitor.Tick{})
		}
	}
}

// wake begins a round, for what was due at an instant. If the process has slept since, the
// core hears of that before all else.
func (l *loop) wake(asleep, due monitor.Instant) {
	lost := l.standstill.look(l.inbox.clock)
	now := l.inbox.clock.now()
	l.stalls.begin(now, due)
	if lost > 0 || l.core.Stalled(time.Duration(now-max(asleep, due))) {
		l.record.Step(l.core, now, monitor.Stood{By: lost})
	}
}

// waitForHelpers waits for the loop's goroutines, up to a limit: a write to a
// dead network file system may never end.
func (l *loop) waitForHelpers() {
	ended := make(chan struct{})
	go func() { l.helpers.Wait(); close(ended) }()
	for _, patience := range []time.Duration{helperTimeout, givenUpTimeout} {
		timer := time.NewTimer(patience)
		select {
		case <-ended:
			timer.Stop()
			return
		case <-timer.C:
			l.giveUp()
		}
	}
	l.log.Log(monitor.LevelWarning, "A write to the disk has not ended; it is left behind")
}

func (l *loop) takeMore() {
	for n := 0; n < batchItems; n++ {
		select {
		case it := <-l.inbox.items:
			l.take(it)
			n += len(it.batch)
		default:
			return
		}
	}
}

func (l *loop) take(it item) {
	switch {
	case it.view != nil:
		l.show() // what f shows must not be newer than what clients are told
		it.view(l.core, max(it.at, l.inbox.clock.now()))
	case it.persisted != nil:
		l.saved(it)
	case it.request != nil:
		l.lastRef++
		l.waiting[l.lastRef] = it.answer
		l.record.Step(l.core, it.at, it.request(l.lastRef))
	case it.batch != nil:
		for _, a := range it.batch {
			l.record.Step(l.core, a.At, a.In)
		}
	default:
		l.record.Step(l.core, it.at, it.in)
		if it.published {
			l.hellos++
		}
	}
}

// saved releases what waited for a state to become durable.
func (l *loop) saved(it item) {
	text := ""
	if it.err != nil {
		if text = it.err.Error(); text != l.lastSaveError { // the save is retried every second; log each error once
			l.log.Log(monitor.LevelWarning, "WARNING: Sentinel was not able to save the new configuration on disk!!!: "+text)
		}
		l.lastSaveError = text
	} else {
		l.lastSaveError = ""
		l.log.Log(monitor.LevelNotice, "Sentinel new configuration saved on disk")
		l.doAll(context.Background(), it.persisted.Then)
	}
	l.record.Step(l.core, it.at, monitor.Persisted{Seq: it.persisted.Seq, Err: text})
}

// preparer is a saver that can do most of the work for a state before it is due.
type preparer interface {
	Prepare(monitor.State)
	Discard() // what was prepared
}

func (l *loop) saveStates() {
	ready, prepares := l.store.(preparer)
	if prepares {
		defer ready.Discard()
	}
	for {
		select {
		case p, ok := <-l.saves:
			if !ok {
				return
			}
			begun := time.Now()
			err := l.store.Save(p.State)
			l.console.saved(time.Since(begun), err)
			l.inbox.put(item{persisted: p, err: err})
		case s := <-l.forecasts:
			if prepares && len(l.saves) == 0 {
				ready.Prepare(*s)
			}
		}
	}
}

// foresee has a state prepared that is likely to be saved soon. An older one that
// waits is of no use any more.
func (l *loop) foresee(s *monitor.State) {
	if s == nil {
		return
	}
	select {
	case <-l.forecasts:
	default:
	}
	select {
	case l.forecasts <- s:
	default:
	}
}

// show lets clients know the addresses that masters have now.
func (l *loop) show() {
	l.core.TakeAddrs(l.addrs.Set)
	l.addrs.Arrived(l.hellos)
	l.hellos = 0
}

func (l *loop) carryOut(ctx context.Context) {
	// First, because effects tell others of a new address, who then ask for it.
	l.show()
	l.record.Drain(l.core, &l.effects)
	l.doAll(ctx, l.effects.Free)
	if l.crashed {
		return
	}
	l.history.Advance(l.inbox.clock.now())
	if p := l.effects.Persist; p != nil {
		l.saves <- p
	}
	l.foresee(l.effects.Forecast)
	l.links.Flush()
	l.flushGossip()
}

// flushGossip sends what was shared. An operator's command may have changed the
// password between Sentinels; then the key derived from it changes too.
func (l *loop) flushGossip() {
	if l.shared {
		l.shared = false
		l.gossip.flush()
	}
	if l.called {
		l.called = false
		l.gossip.rekey(l.secret(l.core.Options()))
	}
}

func (l *loop) doAll(ctx context.Context, effects []monitor.Effect) {
	for _, e := range effects {
		if l.crashed {
			return
		}
		l.do(ctx, e)
	}
}

func (l *loop) do(ctx context.Context, e monitor.Effect) {
	switch e := e.(type) {
	case monitor.Dial, monitor.Close, monitor.Send:
		l.links.Do(e)
	case monitor.Reply:
		l.answer(e.To, e)
	case monitor.CallResult:
		l.called = true
		l.answer(e.To, e)
	case monitor.ShareOpinion, monitor.ShareConfig, monitor.GossipPeer:
		l.shared = true
		l.gossip.do(e)
	case monitor.AskPolicy, monitor.AskChoice, monitor.PolicyPhase:
		l.policy.do(e)
	case monitor.Emit:
		l.log.Event(e.Event)
		if t, ok := e.Event.(event.Tilt); ok && t.Entered {
			l.pulse.explain(l.log.Record, t)
		}
		l.publish(e.Event)
		l.console.event(e.Event)
		l.history.Effect(l.inbox.clock.now(), e)
	case monitor.Note:
		l.history.Effect(l.inbox.clock.now(), e)
	case monitor.Log:
		l.log.Log(e.Level, e.Text)
	case monitor.FailoverDelayed:
		l.log.Log(monitor.LevelNotice, "Next failover delay: I will not start a failover before "+
			l.inbox.clock.wall(e.Until).Format(time.ANSIC))
	case monitor.RunScript:
		l.script(e)
	case monitor.Resolve:
		l.resolve(ctx, e.Host)
	case monitor.Crash:
		l.simulateCrash()
	}
}

// simulateCrash stops everything at once, at an operator's request (SENTINEL
// SIMULATE-FAILURE). What was not saved or sent by now never will be.
func (l *loop) simulateCrash() {
	l.log.Log(monitor.LevelWarning, "Sentinel CRASH because of SENTINEL simulate-failure")
	l.crashed = true
	if l.crash != nil {
		l.crash()
	}
}

func (l *loop) answer(to monitor.PeerRef, with any) {
	if ch := l.waiting[to]; ch != nil {
		delete(l.waiting, to)
		ch <- with // buffered for its one answer
	}
}

// resolve looks a name up in the background. The core has at most one lookup per
// name under way, so the number of goroutines is bounded by the number of names.
func (l *loop) resolve(ctx context.Context, host string) {
	l.helpers.Go(func() {
		select {
		case l.lookups <- struct{}{}:
			defer func() { <-l.lookups }()
		case <-ctx.Done():
			return
		}
		ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
		defer cancel()
		l.inbox.put(item{in: monitor.Resolved{Host: host, IPs: l.lookup(ctx, host)}})
	})
}

// View runs f on the loop goroutine, where the core does not change, and waits
// for it to return. It reports false when the loop has ended; f may then not have
// run.
func (l *loop) View(f func(c server.Reader, now monitor.Instant)) bool {
	ran := make(chan struct{})
	if !l.inbox.put(item{view: func(c *monitor.Core, now monitor.Instant) { f(c, now); close(ran) }}) {
		return false
	}
	select {
	case <-ran:
		return true
	case <-l.inbox.done:
		select { // it may have run just before the end
		case <-ran:
			return true
		default:
			return false
		}
	}
}

// Addrs returns what clients are told of the addresses of masters.
func (l *loop) Addrs() *server.Addrs { return l.addrs }

// Call carries out an operator's command. Its result may require a write to disk.
func (l *loop) Call(op monitor.Op) server.Pending[monitor.CallResult] {
	return request[monitor.CallResult](l, func(ref monitor.PeerRef) monitor.Input { return monitor.Call{From: ref, Op: op} })
}

// Ask answers a question of another Sentinel. q.From is filled in here.
func (l *loop) Ask(q monitor.Ask) server.Pending[monitor.Reply] {
	return request[monitor.Reply](l, func(ref monitor.PeerRef) monitor.Input { q.From = ref; return q })
}

func request[T any](l *loop, in func(monitor.PeerRef) monitor.Input) server.Pending[T] {
	answer := make(chan any, 1)
	l.inbox.put(item{request: in, answer: answer})
	return server.NewPending[T](answer, l.inbox.done)
}

// Hello takes a hello message that another Sentinel published to this one
// directly.
func (l *loop) Hello(h monitor.Hello) {
	l.addrs.Await()
	l.inbox.put(item{in: monitor.HelloReceived{Hello: h}, published: true})
}
