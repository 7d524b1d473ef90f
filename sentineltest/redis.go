package sentineltest

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/fakeredis"
)

// Redis is a Redis server in this process. Its methods are for the goroutine of the
// test; Addr may be called by any.
type Redis struct {
	t        testing.TB
	host     *host
	password string
	log      *slog.Logger
	ids      io.Reader
	stir     func() // called before the state changes

	mu     sync.Mutex
	server *fakeredis.Server // the one that runs, or that ran last
	state  state
}

// state is what a test has done to a node.
type state string

const (
	running state = "running"
	paused  state = "paused"
	killed  state = "killed"
)

// redial is how long a replica waits before it dials its master again. Redis itself
// waits a second.
const redial = 5 * time.Millisecond

// redisPort is the port of a server on a network in memory.
const redisPort = 6379

// NewRedis starts an empty master without a password, on a free port of 127.0.0.1.
// It ends with the test.
func NewRedis(t testing.TB) *Redis {
	t.Helper()
	return newLoopback().NewRedis(t)
}

// NewRedis starts a master on this network. Otherwise it is the function of that name.
func (n *Network) NewRedis(t testing.TB) *Redis {
	t.Helper()
	n.use(t)
	r, err := n.startRedis(t, redisConfig{ids: newIDs(defaultSeed, 0), stir: func() {}})
	if err != nil {
		t.Fatalf("sentineltest: %v", err)
	}
	return r
}

// redisConfig is what differs between servers.
type redisConfig struct {
	replicaOf string
	password  string
	log       *slog.Logger
	ids       io.Reader
	stir      func()
}

func (n *Network) startRedis(t testing.TB, cfg redisConfig) (*Redis, error) {
	h, err := n.newHost(redisPort)
	if err != nil {
		return nil, err
	}
	t.Cleanup(h.free)
	r := &Redis{t: t, host: h, password: cfg.password, log: cfg.log, ids: cfg.ids, stir: cfg.stir}
	if err := r.start(cfg.replicaOf, nil); err != nil {
		return nil, err
	}
	t.Cleanup(r.end)
	return r, nil
}

func (r *Redis) start(replicaOf string, data *fakeredis.Data) error {
	ln, err := r.host.listen()
	if err != nil {
		return err
	}
	s, err := fakeredis.Start(fakeredis.Config{
		Listener: ln, Dial: r.host.dial, Redial: redial, IDs: r.ids, ReplicaOf: replicaOf, Data: data, Logger: r.log,
		Password: r.password, MasterPassword: r.password,
	})
	if err != nil {
		_ = ln.Close()
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.server, r.state = s, running
	return nil
}

// end is for the end of the test.
func (r *Redis) end() {
	server, _ := r.now()
	server.Crash()
}

// now returns the server and what was done to it.
func (r *Redis) now() (*fakeredis.Server, state) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.server, r.state
}

func (r *Redis) set(s state) {
	r.stir()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state = s
}

// Addr returns its address as "ip:port". It stays the same across restarts.
func (r *Redis) Addr() string { return r.host.addr }

// String says what it is: its address, state, role and position.
func (r *Redis) String() string {
	server, state := r.now()
	st := server.Status()
	text := fmt.Sprintf("redis %s %s, ", r.Addr(), state)
	switch {
	case st.Master == "":
		text += "master"
	case st.LinkUp:
		text += "replica of " + st.Master
	default:
		text += "replica of " + st.Master + " without a link"
	}
	return fmt.Sprintf("%s, offset %d, keys %d", text, st.Offset, st.Keys)
}

// must fails the test unless the node is in one of the states.
func must(t testing.TB, what fmt.Stringer, is state, call string, allowed ...state) {
	t.Helper()
	for _, s := range allowed {
		if is == s {
			return
		}
	}
	t.Fatalf("sentineltest: %s of a node that is %s: %v", call, is, what)
}

// Kill ends the server as kill -9 does: connections are reset, new ones refused.
func (r *Redis) Kill() {
	r.t.Helper()
	server, state := r.now()
	must(r.t, r, state, "Kill", running, paused)
	r.set(killed)
	server.Crash()
}

// Pause freezes the server as SIGSTOP does: connections stay, new ones are taken,
// nothing is answered.
func (r *Redis) Pause() {
	r.t.Helper()
	server, state := r.now()
	must(r.t, r, state, "Pause", running)
	r.set(paused)
	server.Pause()
}

// Resume lets the server go on after Pause. It then answers what it was sent in the
// meantime.
func (r *Redis) Resume() {
	r.t.Helper()
	server, state := r.now()
	must(r.t, r, state, "Resume", paused)
	r.set(running)
	server.Resume()
}

// Restart starts the server again at its address, after killing it if it runs. It has
// the data and the role that it had, as with appendonly and CONFIG REWRITE.
func (r *Redis) Restart() {
	r.t.Helper()
	r.restart(true)
}

// RestartEmpty is Restart without the data, as of a server that does not persist.
func (r *Redis) RestartEmpty() {
	r.t.Helper()
	r.restart(false)
}

func (r *Redis) restart(keep bool) {
	r.t.Helper()
	server, _ := r.now()
	r.set(killed)
	server.Crash()
	var data *fakeredis.Data
	if keep {
		data = server.Data()
	}
	if err := r.start(server.Status().Master, data); err != nil {
		r.t.Fatalf("sentineltest: %s cannot be restarted: %v", r.Addr(), err)
	}
}

func (r *Redis) place() *host { return r.host }

// defaultSeed makes two runs of a test alike.
const defaultSeed = 1

// newIDs returns a source of ids, by the seed of a cluster and the number of a node.
func newIDs(seed uint64, node int) io.Reader {
	var b [32]byte
	for i := range 8 {
		b[i], b[8+i] = byte(seed>>(8*i)), byte(node>>(8*i))
	}
	return rand.NewChaCha8(b)
}
