package node

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"

	"github.com/gosentinel/sentinel/internal/errtext"
	"github.com/gosentinel/sentinel/internal/listen"
	"github.com/gosentinel/sentinel/internal/logfile"
	"github.com/gosentinel/sentinel/internal/lookout"
	"github.com/gosentinel/sentinel/internal/recorder"
	"github.com/gosentinel/sentinel/internal/scripts"
	"github.com/gosentinel/sentinel/internal/server"
	"github.com/gosentinel/sentinel/internal/testbed"
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/monitor/link"
)

// Hooks are called by [Node.Run] when it reaches the named point, each at
// most once. A daemon uses them to notify its supervisor. They must not block.
// Nil fields are skipped.
type Hooks struct {
	// Ready is called when the sockets are open, the identity is on disk, and the
	// Sentinel is about to start monitoring.
	Ready func()
	// Stopping is called when a shutdown was requested, on a goroutine of its
	// own.
	Stopping func()
	// Stopped is called after the other two, when only the log is still to be
	// closed.
	Stopped func()

	// Supervisor is the name of the supervisor, such as "systemd", for INFO's
	// field process_supervised. "" means that there is none.
	Supervisor string
}

// SetHooks replaces the hooks. It must be called before Run.
func (n *Node) SetHooks(h Hooks) { n.hooks = h }

// Record has Run write to w what goes into the core and what comes out of it, in a
// form that `sim replay` plays again, up to limit bytes. It must be called before
// Run, and w is not used after Run has returned. Writing must not block, since all
// decisions wait for it. The record holds passwords.
func (n *Node) Record(w io.Writer, limit int64) { n.record = recorder.New(w, limit) }

func callHook(hook func()) {
	if hook != nil {
		hook()
	}
}

// Run works until ctx ends, and then returns nil. Every other end is an error, such
// as ErrShutdown. It may be called once. No goroutine outlives it, except for a read
// or write of the state that nothing can end. If ctx was cancelled with a cause (see
// [context.Cause]), the cause is logged. Errors are logged as well as returned, except
// when the log itself cannot be opened.
//
// The listening sockets are opened before anything is written, so starting a
// second Sentinel by mistake fails without touching the state of the first.
func (n *Node) Run(ctx context.Context) error {
	if n.started.Swap(true) {
		return errors.New("sentinel: Run was called before")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	log, err := n.openLog()
	if err != nil {
		return err
	}
	defer log.Close()
	n.log.Store(&log)
	defer n.log.Store(nil)
	defer n.bus.Close()
	switch err = n.runLogged(ctx, cancel, log); err {
	case nil, ErrShutdown:
		log.Log(monitor.LevelWarning, "Sentinel is now ready to exit, bye bye...")
	case ErrSimulatedCrash: // already logged
	default:
		for _, line := range errtext.Lines(err) {
			log.Log(monitor.LevelWarning, line)
		}
	}
	return err
}

func (n *Node) runLogged(ctx context.Context, cancel context.CancelCauseFunc, log logfile.Log) error {
	saving, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	if n.load != nil {
		if err := n.load(ctx, saving); err != nil {
			return n.unlessEnded(ctx, log, err)
		}
	}
	log.Log(monitor.LevelNotice, fmt.Sprintf("gosentinel version=%s, compatible with redis-sentinel %s, pid=%d, just started",
		Build(), server.RedisVersion, os.Getpid()))
	for _, w := range n.warnings {
		log.Log(monitor.LevelWarning, w)
	}
	if n.files != "" {
		log.Log(monitor.LevelNotice, n.files)
	}
	for _, line := range server.DisabledUsers(n.users) {
		log.Log(monitor.LevelNotice, line)
	}
	if n.tls != nil {
		n.tls.LogTo(log.Log)
	}
	if err := n.checkPages(); err != nil {
		return err
	}
	socks, err := n.listen(log)
	if err != nil {
		return err
	}
	for _, w := range socks.Warnings {
		log.Log(monitor.LevelWarning, w)
	}
	if set := testbed.From(ctx); set != nil {
		n.store, n.state = set.Store, set.Store.Load(n.state)
	}
	unlock, err := n.lockState(ctx, log)
	if err != nil {
		socks.Close()
		return n.unlessEnded(ctx, log, err)
	}
	defer unlock()
	if err := n.prepare(ctx, log, socks.ShownPort()); err != nil {
		socks.Close()
		return n.unlessEnded(ctx, log, err)
	}
	l, sh, err := n.build(ctx, log, socks, giveUp)
	if err != nil {
		socks.Close()
		return err
	}
	err = n.serve(ctx, cancel, l, sh, socks, log)
	callHook(n.hooks.Stopped)
	switch {
	case l.crashed:
		return ErrSimulatedCrash
	case err == nil && context.Cause(ctx) == ErrShutdown:
		return ErrShutdown
	}
	return err
}

// unlessEnded returns nil for the error of what was given up because ctx has ended.
func (n *Node) unlessEnded(ctx context.Context, log logfile.Sink, err error) error {
	if ctx.Err() == nil || !errors.Is(err, ctx.Err()) && !errors.Is(err, context.Cause(ctx)) {
		return err
	}
	n.logShutdownCause(ctx, log)
	return nil
}

// prepare gives this Sentinel an identity if it has none, and saves it.
func (n *Node) prepare(ctx context.Context, log logfile.Sink, port int) error {
	log.Log(monitor.LevelNotice, "Running mode=sentinel, port="+strconv.Itoa(port)+".")
	if n.state.Options.MyID == "" {
		n.state.Options.MyID = newRunID()
		_, err := bounded(ctx, func() (any, error) { return nil, n.store.Save(n.state) })
		if err != nil {
			return fmt.Errorf("sentinel: the new identity cannot be saved: %w", err)
		}
		log.Log(monitor.LevelNotice, "Sentinel new configuration saved on disk")
	}
	log.Log(monitor.LevelNotice, "Sentinel ID is "+string(n.state.Options.MyID))
	return nil
}

// shells carry out the effects of the core outside the loop.
type shells struct {
	links   *link.Pool
	gossip  *gossipShell
	policy  *policyShell
	scripts *scripts.Runner
	history *history
}

// build creates the core, the shells around it and the loop between them.
func (n *Node) build(ctx context.Context, log logfile.Log, socks *listen.Sockets, giveUp func()) (*loop, *shells, error) {
	set := testbed.From(ctx)
	in := newInbox(newClock())
	if set != nil {
		in.clock.since = set.Clock
	}
	plan := planGossip(n.settings, n.state.Options, socks)
	names := n.names()
	resolveMasters(ctx, &n.state, names.first)
	params := monitor.Params{
		State: n.state, Port: socks.AnnouncedPort(n.dialTLS != nil), PeerPass: n.settings.RequirePass, Seed: randomSeed(),
		Gossip: plan.off == "", Policy: n.policy.core(), Wall: in.clock.origin.UnixMilli(),
	}
	if set != nil {
		params.Seed, params.Tunables = set.Seed, set.Tunables
	}
	core, err := n.record.NewCore(in.clock.now(), params)
	if err != nil {
		return nil, nil, err
	}
	plan.cfg.ID, plan.cfg.Deliver, plan.cfg.Now, plan.cfg.Log = n.state.Options.MyID, in.deliver, in.clock.now, log.Log
	secret := func(o monitor.Options) string { return gossipPassword(n.settings, o) }
	sh := &shells{
		gossip: newGossipShell(ctx, plan, secret(n.state.Options), log),
		links: link.New(link.Config{
			Deliver: in.deliver, DeliverAll: in.deliverAll, Now: in.clock.now, DialContext: n.dial, BindSource: n.settings.BindSourceAddr, TLS: n.dialTLS, Log: log.Log,
			Masters: core.MasterCount, Room: n.linkRoom(core, log),
		}),
		policy: newPolicyShell(ctx, n.policy, func(a monitor.Input) { in.put(item{in: a}) }, log),
		scripts: scripts.New(scripts.Config{
			Emit: func(ev monitor.Event) { log.Event(ev); n.bus.Publish(ev); n.console.event(ev) },
			Log:  log.Log,
		}),
	}
	sh.history = n.newHistory(in.clock, log)
	n.console.begin(func(c lookout.Console) { c.Begin(n.state.Options.MyID, sh.history.archive.Reports("", 0)) })
	return newLoop(loopConfig{
		core: core, record: n.record, inbox: in, store: n.store, giveUp: giveUp, links: sh.links, gossip: sh.gossip, policy: sh.policy, log: log, publish: n.bus.Publish,
		script: sh.scripts.Run, history: sh.history, console: &n.console, addrs: &server.Addrs{}, crash: n.crash(log), lookup: names.lookup, secret: secret,
	}), sh, nil
}

// linkRoom returns what says whether there is room for so many links. The loop calls it.
func (n *Node) linkRoom(core *monitor.Core, log logfile.Sink) func(int) error {
	n.room.Warn = func(text string) { log.Log(monitor.LevelWarning, text) }
	need := func() int { st := core.State(); return listen.LinkFiles(&st) }
	return func(links int) error { return n.room.Link(links, need) }
}

// crash returns the function that carries out a simulated crash. A daemon exits;
// for an embedded Sentinel it is nil, and only Run ends.
func (n *Node) crash(log logfile.Log) func() {
	if n.process.Exit == nil {
		return nil
	}
	return func() {
		log.Close()
		n.process.Exit(crashStatus)
	}
}

// end shuts the shells down. It is called after the loop has ended.
func (n *Node) end(sh *shells, log logfile.Sink) {
	sh.gossip.close(n.process.Exit != nil)
	sh.links.Shutdown()
	sh.policy.close()
	n.endScripts(sh.scripts, log)
	sh.history.archive.Close()
}

// endScripts ends the script runner. A daemon leaves its running scripts alone,
// as redis-sentinel does: one may be moving a virtual address at this moment. An
// embedding program keeps running, so there they are killed rather than left
// without a parent that waits for them.
func (n *Node) endScripts(runner *scripts.Runner, log logfile.Sink) {
	if running, _ := runner.Counts(); running > 0 && n.process.Exit != nil {
		return
	}
	now, cancel := context.WithCancel(context.Background())
	cancel()
	if err := runner.Close(now); err != nil {
		log.Log(monitor.LevelWarning, err.Error())
	}
}

// serve runs the loop and the front end until ctx ends.
func (n *Node) serve(ctx context.Context, cancel context.CancelCauseFunc, l *loop, sh *shells, socks *listen.Sockets, log logfile.Log) error {
	cfg := n.serverConfig(func() { cancel(ErrShutdown) }, sh, log, socks)
	cfg.LoopTimes = func() server.LoopTimes { return l.stalls.times(l.inbox.clock.now()) }
	srv := server.New(cfg, l, n.bus)
	n.useVitals(l, sh, srv, log)
	pages := n.openPages(log)
	l.show() // or the first clients would be told that no master is known
	var work sync.WaitGroup
	serving := append(slices.Clone(socks.Listeners), n.inner)
	failed := make(chan error, len(serving))
	for _, ln := range serving {
		work.Go(func() {
			if err := srv.Serve(ln); err != nil {
				err = fmt.Errorf("the RESP server failed: %w", err)
				failed <- err
				cancel(errEnded)
			}
		})
	}
	work.Go(func() { pages.serve(ctx) })
	work.Go(func() {
		<-ctx.Done()
		n.logShutdownCause(ctx, log)
		callHook(n.hooks.Stopping)
	})
	addrs := make([]net.Addr, len(socks.Listeners))
	for k, ln := range socks.Listeners {
		addrs[k] = ln.Addr()
	}
	n.addrs.Store(&addrs)
	n.running.Store(l)
	if set := testbed.From(ctx); set != nil {
		set.Running(l)
	}
	close(n.opened)
	callHook(n.hooks.Ready)
	l.run(ctx)
	n.running.Store(nil)
	cancel(errEnded) // a simulated crash ends the loop without cancelling ctx
	srv.Close()
	work.Wait()
	n.end(sh, log)
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// logShutdownCause logs why the Sentinel ends.
func (n *Node) logShutdownCause(ctx context.Context, log logfile.Sink) {
	switch cause := context.Cause(ctx); {
	case cause == errEnded: // the cause has been logged, or will be with the result of Run
	case cause == ErrShutdown:
		log.Log(monitor.LevelNotice, "User requested shutdown...")
	case cause == context.Canceled, cause == context.DeadlineExceeded:
		log.Log(monitor.LevelNotice, "The program that runs this Sentinel ends it ("+cause.Error()+"), shutting down...")
	default:
		log.Log(monitor.LevelWarning, cause.Error())
		if n.process.Exit != nil { // in a daemon the cause is a signal that a user has sent
			log.Log(monitor.LevelNotice, "User requested shutdown...")
		}
	}
}

// errEnded is the cause of an end that comes from within.
var errEnded = errors.New("ended by itself")

func (n *Node) serverConfig(cancel func(), sh *shells, log logfile.Log, socks *listen.Sockets) server.Config {
	executable, _ := os.Executable()
	if !n.shutdown {
		cancel = nil
	}
	return server.Config{
		Users:         n.users,
		Commands:      n.commands,
		ACLFile:       n.aclFile,
		ProtectedMode: n.settings.ProtectedMode,
		MaxClients:    n.settings.MaxClients,
		Room:          func() int { return n.room.MaxClients(sh.links.Count()) },
		IdleTimeout:   n.settings.Timeout,
		Version:       Build(),
		RunID:         string(newRunID()),
		Supervisor:    n.hooks.Supervisor,
		Port:          socks.ShownPort(),
		Listeners:     socks.Info,
		Executable:    executable,
		ConfigFile:    n.path,
		Resolve:       n.names().first,
		Shutdown:      cancel,
		Log:           log.Log,
		LogLevel:      log.Level,
		SetLogLevel:   n.setLogLevel(log),
		Scripts:       sh.scripts,
		Gossip:        sh.gossip,
		Journal:       sh.history,
	}
}

// newRunID returns a random identity of 40 hexadecimal digits.
func newRunID() monitor.RunID {
	var b [20]byte
	rand.Read(b[:]) // never fails
	return monitor.RunID(hex.EncodeToString(b[:]))
}

func randomSeed() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:])
}
