package sentinel

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
	"strconv"
	"sync"

	"github.com/gosentinel/sentinel/internal/errtext"
	"github.com/gosentinel/sentinel/internal/listen"
	"github.com/gosentinel/sentinel/internal/logfile"
	"github.com/gosentinel/sentinel/internal/recorder"
	"github.com/gosentinel/sentinel/internal/scripts"
	"github.com/gosentinel/sentinel/internal/server"
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/monitor/link"
)

// Hooks are called by [Sentinel.Run] when it reaches the named point, each at
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
func (s *Sentinel) SetHooks(h Hooks) { s.hooks = h }

// Record has Run write to w what goes into the core and what comes out of it, in a
// form that `sim replay` plays again, up to limit bytes. It must be called before
// Run, and w is not used after Run has returned. Writing must not block, since all
// decisions wait for it. The record holds passwords.
func (s *Sentinel) Record(w io.Writer, limit int64) { s.record = recorder.New(w, limit) }

func callHook(hook func()) {
	if hook != nil {
		hook()
	}
}

// Run works until ctx ends or a client sends SHUTDOWN; then it returns nil. It
// may be called once. No goroutine outlives it. If ctx was cancelled with a cause
// (see [context.Cause]), the cause is logged. Errors are logged as well as
// returned, except when the log itself cannot be opened.
//
// The listening sockets are opened before anything is written, so starting a
// second Sentinel by mistake fails without touching the state of the first.
func (s *Sentinel) Run(ctx context.Context) error {
	if s.started.Swap(true) {
		return errors.New("sentinel: Run was called before")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	log, err := s.openLog()
	if err != nil {
		return err
	}
	defer log.Close()
	s.log.Store(&log)
	defer s.log.Store(nil)
	defer s.bus.Close()
	switch err = s.runLogged(ctx, cancel, log); err {
	case nil:
		log.Log(monitor.LevelWarning, "Sentinel is now ready to exit, bye bye...")
	case ErrSimulatedCrash: // already logged
	default:
		for _, line := range errtext.Lines(err) {
			log.Log(monitor.LevelWarning, line)
		}
	}
	return err
}

func (s *Sentinel) runLogged(ctx context.Context, cancel context.CancelCauseFunc, log logfile.Log) error {
	log.Log(monitor.LevelNotice, fmt.Sprintf("gosentinel version=%s, compatible with redis-sentinel %s, pid=%d, just started",
		Version, server.RedisVersion, os.Getpid()))
	for _, w := range s.warnings {
		log.Log(monitor.LevelWarning, w)
	}
	for _, line := range server.DisabledUsers(s.users) {
		log.Log(monitor.LevelNotice, line)
	}
	if s.tls != nil {
		s.tls.LogTo(log.Log)
	}
	socks, err := s.listen(log)
	if err != nil {
		return err
	}
	for _, w := range socks.Warnings {
		log.Log(monitor.LevelWarning, w)
	}
	if err := s.prepare(log, socks.ShownPort()); err != nil {
		socks.Close()
		return err
	}
	l, sh, err := s.build(ctx, log, socks)
	if err != nil {
		socks.Close()
		return err
	}
	err = s.serve(ctx, cancel, l, sh, socks, log)
	callHook(s.hooks.Stopped)
	if l.crashed {
		return ErrSimulatedCrash
	}
	return err
}

// prepare gives this Sentinel an identity if it has none, and saves it.
func (s *Sentinel) prepare(log logfile.Sink, port int) error {
	log.Log(monitor.LevelNotice, "Running mode=sentinel, port="+strconv.Itoa(port)+".")
	if s.state.Options.MyID == "" {
		s.state.Options.MyID = newRunID()
		if err := s.store.Save(s.state); err != nil {
			return fmt.Errorf("sentinel: the new identity cannot be saved: %w", err)
		}
		log.Log(monitor.LevelNotice, "Sentinel new configuration saved on disk")
	}
	log.Log(monitor.LevelNotice, "Sentinel ID is "+string(s.state.Options.MyID))
	return nil
}

// shells carry out the effects of the core outside the loop.
type shells struct {
	links   *link.Pool
	gossip  *gossipShell
	scripts *scripts.Runner
}

// build creates the core, the shells around it and the loop between them.
func (s *Sentinel) build(ctx context.Context, log logfile.Log, socks *listen.Sockets) (*loop, *shells, error) {
	in := newInbox(newClock())
	plan := planGossip(s.settings, s.state.Options, socks)
	names := newResolver(s.settings.BindSourceAddr)
	resolveMasters(ctx, &s.state, names.first)
	core, err := s.record.NewCore(in.clock.now(), monitor.Params{
		State: s.state, Port: socks.AnnouncedPort(s.dialTLS != nil), PeerPass: s.settings.RequirePass, Seed: randomSeed(),
		Gossip: plan.off == "",
	})
	if err != nil {
		return nil, nil, err
	}
	plan.cfg.ID, plan.cfg.Deliver, plan.cfg.Now, plan.cfg.Log = s.state.Options.MyID, in.deliver, in.clock.now, log.Log
	secret := func(o monitor.Options) string { return gossipPassword(s.settings, o) }
	sh := &shells{
		gossip: newGossipShell(ctx, plan, secret(s.state.Options), log),
		links: link.New(link.Config{
			Deliver: in.deliver, Now: in.clock.now, BindSource: s.settings.BindSourceAddr, TLS: s.dialTLS, Log: log.Log,
		}),
		scripts: scripts.New(scripts.Config{
			Emit: func(ev monitor.Event) { log.Event(ev); s.bus.Publish(ev) },
			Log:  log.Log,
		}),
	}
	return newLoop(loopConfig{
		core: core, record: s.record, inbox: in, store: s.store, links: sh.links, gossip: sh.gossip, log: log, publish: s.bus.Publish,
		script: sh.scripts.Run, crash: s.crash(log), lookup: names.lookup, secret: secret,
	}), sh, nil
}

// crash returns the function that carries out a simulated crash. A daemon exits;
// for an embedded Sentinel it is nil, and only Run ends.
func (s *Sentinel) crash(log logfile.Log) func() {
	if s.exit == nil {
		return nil
	}
	return func() {
		log.Close()
		s.exit(crashStatus)
	}
}

// end shuts the shells down. It is called after the loop has ended.
func (s *Sentinel) end(sh *shells, log logfile.Sink) {
	sh.gossip.close(s.exit != nil)
	sh.links.Shutdown()
	s.endScripts(sh.scripts, log)
}

// endScripts ends the script runner. A daemon leaves its running scripts alone,
// as redis-sentinel does: one may be moving a virtual address at this moment. An
// embedding program keeps running, so there they are killed rather than left
// without a parent that waits for them.
func (s *Sentinel) endScripts(runner *scripts.Runner, log logfile.Sink) {
	if running, _ := runner.Counts(); running > 0 && s.path != "" {
		return
	}
	now, cancel := context.WithCancel(context.Background())
	cancel()
	if err := runner.Close(now); err != nil {
		log.Log(monitor.LevelWarning, err.Error())
	}
}

// serve runs the loop and the front end until ctx ends.
func (s *Sentinel) serve(ctx context.Context, cancel context.CancelCauseFunc, l *loop, sh *shells, socks *listen.Sockets, log logfile.Log) error {
	srv := server.New(s.serverConfig(func() { cancel(errShutdown) }, sh, log, socks), l, s.bus)
	var work sync.WaitGroup
	failed := make(chan error, len(socks.Listeners))
	for _, ln := range socks.Listeners {
		work.Go(func() {
			if err := srv.Serve(ln); err != nil {
				err = fmt.Errorf("the RESP server failed: %w", err)
				failed <- err
				cancel(errEnded)
			}
		})
	}
	work.Go(func() {
		<-ctx.Done()
		s.logShutdownCause(ctx, log)
		callHook(s.hooks.Stopping)
	})
	addrs := make([]net.Addr, len(socks.Listeners))
	for k, ln := range socks.Listeners {
		addrs[k] = ln.Addr()
	}
	s.addrs.Store(&addrs)
	s.running.Store(l)
	callHook(s.hooks.Ready)
	l.run(ctx)
	s.running.Store(nil)
	cancel(errEnded) // a simulated crash ends the loop without cancelling ctx
	srv.Close()
	work.Wait()
	s.end(sh, log)
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// logShutdownCause logs why the Sentinel ends.
func (s *Sentinel) logShutdownCause(ctx context.Context, log logfile.Sink) {
	switch cause := context.Cause(ctx); {
	case cause == errEnded: // the cause has been logged, or will be with the result of Run
	case cause == errShutdown:
		log.Log(monitor.LevelNotice, "User requested shutdown...")
	case cause == context.Canceled, cause == context.DeadlineExceeded:
		log.Log(monitor.LevelNotice, "The program that runs this Sentinel ends it ("+cause.Error()+"), shutting down...")
	default:
		log.Log(monitor.LevelWarning, cause.Error())
		if s.exit != nil { // in a daemon the cause is a signal that a user has sent
			log.Log(monitor.LevelNotice, "User requested shutdown...")
		}
	}
}

// Causes of an end that comes from within.
var (
	errShutdown = errors.New("SHUTDOWN")
	errEnded    = errors.New("ended by itself")
)

func (s *Sentinel) serverConfig(cancel func(), sh *shells, log logfile.Log, socks *listen.Sockets) server.Config {
	executable, _ := os.Executable()
	return server.Config{
		Users:         s.users,
		Commands:      s.commands,
		ACLFile:       s.aclFile,
		ProtectedMode: s.settings.ProtectedMode,
		MaxClients:    s.settings.MaxClients,
		IdleTimeout:   s.settings.Timeout,
		Version:       Version,
		RunID:         string(newRunID()),
		Supervisor:    s.hooks.Supervisor,
		Port:          socks.ShownPort(),
		Listeners:     socks.Info,
		Executable:    executable,
		ConfigFile:    s.path,
		Resolve:       newResolver(s.settings.BindSourceAddr).first,
		Shutdown:      cancel,
		Log:           log.Log,
		LogLevel:      log.Level,
		SetLogLevel:   s.setLogLevel(log),
		Scripts:       sh.scripts,
		Gossip:        sh.gossip,
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
