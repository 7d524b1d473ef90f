package sentineltest

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"

	"github.com/gosentinel/sentinel"
	"github.com/gosentinel/sentinel/internal/server"
	"github.com/gosentinel/sentinel/internal/testbed"
	"github.com/gosentinel/sentinel/monitor"
)

// Sentinel is one Sentinel of a cluster. Its methods are for the goroutine of the
// test; Addr may be called by any.
type Sentinel struct {
	t       testing.TB
	cluster *Cluster
	host    *host
	random  io.Reader    // ids and seeds
	socket  net.Listener // open, and not yet given to a Sentinel; otherwise nil

	mu       sync.Mutex
	state    state
	id       monitor.RunID
	saved    *monitor.State // what it would find on its disk; nil: nothing
	instance *sentinel.Sentinel
	engine   server.Engine
	cancel   context.CancelFunc
	ended    chan error
	thaw     chan struct{} // ends Pause
}

// sentinelPort is the port of a Sentinel on a network in memory.
const sentinelPort = 26379

// Addr returns its address as "ip:port". It stays the same across restarts.
func (s *Sentinel) Addr() string { return s.host.addr }

// Instance returns the Sentinel that runs, or that ran last, for example to range
// over its events. A restart makes another one. While the node is paused, methods
// that ask it for something wait.
func (s *Sentinel) Instance() *sentinel.Sentinel {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.instance
}

// String says what it is: its address and state, and what it knows of the master.
func (s *Sentinel) String() string {
	_, state := s.now()
	text := fmt.Sprintf("sentinel %s %s", s.Addr(), state)
	if state != running {
		return text
	}
	s.view(func(r server.Reader, now monitor.Instant) {
		v, ok := r.Master(now, s.cluster.opt.Name)
		if !ok {
			text += ", does not monitor " + s.cluster.opt.Name
			return
		}
		text += fmt.Sprintf(", master %s:%d %s at config epoch %d, %d replicas, %d other sentinels",
			v.Addr.Host, v.Addr.Port, v.Flags, v.ConfigEpoch, v.Replicas, v.OtherSentinels)
	})
	return text
}

func (s *Sentinel) now() (server.Engine, state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.engine, s.state
}

// view looks into the running Sentinel.
func (s *Sentinel) view(f func(server.Reader, monitor.Instant)) bool {
	engine, state := s.now()
	return state == running && engine.View(f)
}

// store keeps what a Sentinel would have on its disk.
type store struct{ *Sentinel }

func (s store) Load(configured monitor.State) monitor.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.saved != nil {
		return *s.saved
	}
	configured.Options.MyID = s.id
	s.cluster.introduce(s.Sentinel, configured.Masters[0])
	return configured
}

func (s store) Save(st monitor.State) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved = &st
	return nil
}

func newSentinel(c *Cluster, node int) (*Sentinel, error) {
	h, err := c.net.newHost(sentinelPort)
	if err != nil {
		return nil, err
	}
	c.t.Cleanup(h.free)
	s := &Sentinel{t: c.t, cluster: c, host: h, random: newIDs(c.opt.Seed, node), state: killed}
	s.id = s.newID()
	if err := s.listen(); err != nil {
		return nil, err
	}
	c.t.Cleanup(func() {
		_ = s.stop()
		if s.socket != nil {
			_ = s.socket.Close()
		}
	})
	return s, nil
}

// listen opens the socket for start. At the start of a cluster all Sentinels do that
// first, so that none has to dial another one twice.
func (s *Sentinel) listen() (err error) {
	s.socket, err = s.host.listen()
	return err
}

func (s *Sentinel) newID() monitor.RunID {
	var b [20]byte
	_, _ = io.ReadFull(s.random, b[:]) // a generator of random numbers never fails
	return monitor.RunID(hex.EncodeToString(b[:]))
}

func (s *Sentinel) newSeed() uint64 {
	var b [8]byte
	_, _ = io.ReadFull(s.random, b[:])
	return binary.LittleEndian.Uint64(b[:])
}

// start starts the Sentinel and returns when it is ready.
func (s *Sentinel) start() error {
	ln := s.socket
	s.socket = nil
	opt := s.cluster.opt
	instance, err := sentinel.New(sentinel.Config{
		Listener: ln, Dial: s.host.dial, Masters: []sentinel.MasterConfig{s.cluster.master()},
		Password: opt.SentinelPassword, GossipPort: -1, Logger: s.logger(),
	})
	if err != nil {
		_ = ln.Close()
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	var watching sync.WaitGroup
	setup := testbed.Setup{Store: store{s}, Seed: s.newSeed(), Clock: s.cluster.clock.now, Tunables: tunables(opt.DownAfter)}
	setup.Running = func(e server.Engine) {
		s.mu.Lock()
		s.engine = e
		s.mu.Unlock()
		events := instance.Events(ctx)
		watching.Go(func() {
			for ev := range events {
				s.cluster.record(s, ev)
			}
		})
	}
	go func() {
		err := instance.Run(testbed.With(ctx, setup))
		cancel()
		watching.Wait()
		ended <- err
	}()
	select {
	case <-instance.Ready():
	case err := <-ended:
		cancel()
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instance, s.cancel, s.ended, s.state = instance, cancel, ended, running
	return nil
}

func (s *Sentinel) logger() *slog.Logger {
	if s.cluster.opt.Logger == nil {
		return nil
	}
	return s.cluster.opt.Logger.With("sentinel", s.Addr())
}

// stop ends the Sentinel if it runs.
func (s *Sentinel) stop() error {
	s.cluster.stir()
	s.mu.Lock()
	was, thaw := s.state, s.thaw
	s.state, s.thaw = killed, nil
	s.mu.Unlock()
	if was == killed {
		return nil
	}
	s.cancel()
	if was == paused {
		close(thaw)
		s.host.net.freeze(s.host.name, false)
	}
	return <-s.ended
}

// Kill ends the Sentinel and keeps what it has saved. Its connections end, and new
// ones are refused.
func (s *Sentinel) Kill() {
	s.t.Helper()
	_, state := s.now()
	must(s.t, s, state, "Kill", running, paused)
	if err := s.stop(); err != nil {
		s.t.Errorf("sentineltest: sentinel %s: %v", s.Addr(), err)
	}
}

// Pause freezes the Sentinel as SIGSTOP does: connections stay, new ones are taken,
// nothing is answered, nothing decided.
func (s *Sentinel) Pause() {
	s.t.Helper()
	engine, state := s.now()
	must(s.t, s, state, "Pause", running)
	s.cluster.stir()
	frozen, thaw := make(chan struct{}), make(chan struct{})
	go engine.View(func(server.Reader, monitor.Instant) {
		close(frozen)
		<-thaw
	})
	<-frozen
	s.host.net.freeze(s.host.name, true)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.thaw = paused, thaw
}

// Resume lets the Sentinel go on after Pause. After more than two seconds it is in
// TILT first, as a process would be.
func (s *Sentinel) Resume() {
	s.t.Helper()
	_, state := s.now()
	must(s.t, s, state, "Resume", paused)
	s.cluster.stir()
	s.host.net.freeze(s.host.name, false)
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.thaw)
	s.state, s.thaw = running, nil
}

// Restart starts the Sentinel again at its address, after killing it if it runs. It
// has the identity, the epochs and the members that it had.
func (s *Sentinel) Restart() {
	s.t.Helper()
	s.restart(true)
}

// RestartEmpty is Restart without what was saved, as of a Sentinel whose disk is new.
// It has another identity and begins with the master of the configuration.
func (s *Sentinel) RestartEmpty() {
	s.t.Helper()
	s.restart(false)
}

func (s *Sentinel) restart(keep bool) {
	s.t.Helper()
	if err := s.stop(); err != nil {
		s.t.Errorf("sentineltest: sentinel %s: %v", s.Addr(), err)
	}
	if !keep {
		s.mu.Lock()
		s.id, s.saved = s.newID(), nil
		s.mu.Unlock()
	}
	err := s.listen()
	if err == nil {
		err = s.start()
	}
	if err != nil {
		s.t.Fatalf("sentineltest: sentinel %s cannot be restarted: %v", s.Addr(), err)
	}
}

func (s *Sentinel) place() *host { return s.host }
