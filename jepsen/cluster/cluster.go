package cluster

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// Config says how a cluster starts its processes.
type Config struct {
	// Dir is the directory for all nodes. Empty means a new temporary directory.
	Dir string
	// Logs is the directory for the logs of all nodes. Empty means that each node's is
	// in its own directory, which a test may make unwritable.
	Logs string
	// Keep leaves the temporary directory behind on Close. A directory that the
	// caller named is never removed.
	Keep bool
	// Server is the command that starts a Redis server; a configuration file is
	// appended to it. Nil means redis-server from PATH.
	Server []string
	// Sentinel is the command that starts a Sentinel; a configuration file and
	// --sentinel are appended to it. Nil means that every SentinelSpec or
	// Topology names its own.
	Sentinel []string
	// User runs the nodes as another user (only root can do that). Nil means
	// this process's own user. The user must be able to reach Dir.
	User *syscall.Credential
	// Ports is the range from which ports are taken.
	Ports PortRange
	// OnEvent, if not nil, is called for every event of every Sentinel, from
	// several goroutines.
	OnEvent func(Event)
}

// Cluster is a set of Redis servers and Sentinels that live and die together.
// Its methods are safe for concurrent use.
type Cluster struct {
	cfg     Config
	dir     string
	ownDir  bool
	ports   *portPool
	spawner *spawner
	events  *Events

	mu     sync.Mutex
	nodes  []*node
	closed bool
}

// ErrNoRedisServer means that there is no redis-server on this machine.
var ErrNoRedisServer = errors.New("redis-server is not installed; run `make deps` (Debian, Ubuntu: apt-get install redis-server)")

// quietClients keeps go-redis from writing to stderr that a connection broke,
// which is what everything here is about.
var quietClients = sync.OnceFunc(func() {
	redis.SetLogger(nopLogger{})
	redis.SetLogLevel(logging.LogLevelError)
})

type nopLogger struct{}

func (nopLogger) Printf(context.Context, string, ...any) {}

// Run has do work with a cluster of its own, which it ends afterwards. An error of
// do comes with the last lines of all logs.
func Run(cfg Config, do func(*Cluster) error) error {
	c, err := New(cfg)
	if err != nil {
		return err
	}
	if err = do(c); err != nil {
		err = fmt.Errorf("%w\n%s", err, c.Logs(15))
	}
	if closed := c.Close(); err == nil {
		err = closed
	}
	return err
}

// New makes an empty cluster. It starts no process yet.
func New(cfg Config) (*Cluster, error) {
	if cfg.Server == nil {
		path, err := exec.LookPath("redis-server")
		if err != nil {
			return nil, ErrNoRedisServer
		}
		cfg.Server = []string{path}
	}
	quietClients()
	ports, err := newPortPool(cfg.Ports)
	if err != nil {
		return nil, err
	}
	c := &Cluster{cfg: cfg, dir: cfg.Dir, ports: ports, events: newEvents(cfg.OnEvent)}
	if c.dir == "" {
		if c.dir, err = os.MkdirTemp("", "gosentinel-"); err != nil {
			return nil, err
		}
		c.ownDir = true
	}
	if cfg.User != nil {
		// MkdirTemp made it for this user alone.
		if err := os.Chmod(c.dir, 0o755); err != nil {
			return nil, err
		}
	}
	c.spawner = newSpawner()
	return c, nil
}

// Dir returns the directory that holds the nodes' directories.
func (c *Cluster) Dir() string { return c.dir }

// Events returns the events of all Sentinels of the cluster.
func (c *Cluster) Events() *Events { return c.events }

// Port reserves a free port until Close.
func (c *Cluster) Port() (int, error) { return c.ports.any() }

// ReservePort reserves one particular port until Close.
func (c *Cluster) ReservePort(port int) error { return c.ports.reserve(port) }

// Close kills every process, waits for them, ends every goroutine, gives the
// ports back, and removes a temporary directory unless Config.Keep is set. It
// may be called more than once.
func (c *Cluster) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	nodes := c.nodes
	c.mu.Unlock()

	var errs []error
	for _, n := range nodes {
		errs = append(errs, n.close())
	}
	c.spawner.stop()
	errs = append(errs, c.ports.releaseAll())
	if c.ownDir && !c.cfg.Keep {
		errs = append(errs, os.RemoveAll(c.dir))
	}
	return errors.Join(errs...)
}

// Logs returns the last lines of every node's log, for the report of a failure.
func (c *Cluster) Logs(lines int) string {
	c.mu.Lock()
	nodes := c.nodes
	c.mu.Unlock()
	var b strings.Builder
	for _, n := range nodes {
		fmt.Fprintf(&b, "--- %s (%s, port %d)\n%s\n", n.Name(), n.state(), n.Port(), n.proc.tail(lines))
	}
	return b.String()
}

// node is what servers and Sentinels have in common.
type node struct {
	proc   *process
	port   int
	conf   string // path
	text   string // of that file before the first start
	client *redis.Client
	sub    *subscription // nil for a server
}

// add makes the node's directory and configuration file. Events are those of
// Sentinels; a server's Pub/Sub channels belong to its clients.
func (c *Cluster) add(spec NodeSpec, confName string, events bool, argv func(conf string) []string) (*node, error) {
	if err := c.checkName(spec.Name); err != nil {
		return nil, err
	}
	dir := filepath.Join(c.dir, spec.Dir)
	if spec.Dir == "" {
		dir = filepath.Join(c.dir, spec.Name)
	}
	conf := filepath.Join(dir, confName)
	if err := c.writeConf(dir, conf, spec.Conf); err != nil {
		return nil, fmt.Errorf("files of %s: %w", spec.Name, err)
	}
	n := &node{
		proc: &process{
			name: spec.Name, dir: dir, argv: argv(confName), cred: c.cfg.User, spawner: c.spawner, within: spec.Host.Within,
			log: filepath.Join(cmp.Or(c.cfg.Logs, dir), spec.Name+".log"),
		},
		port: spec.Port,
		conf: conf,
		text: spec.Conf,
		client: redis.NewClient(&redis.Options{
			Addr:                     spec.Host.at(spec.Port),
			Dialer:                   spec.Host.dialer(),
			Username:                 spec.User,
			Password:                 spec.Password,
			Protocol:                 2,
			DisableIdentity:          true,
			MaintNotificationsConfig: noMaintNotifications(),
			MaxRetries:               -1, // a test wants to see the first error
			DialTimeout:              500 * time.Millisecond,
			ReadTimeout:              probeLimit,
			ContextTimeoutEnabled:    true,
			PoolSize:                 4,
			TLSConfig:                spec.TLS,
		}),
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errors.Join(errClosed, n.client.Close())
	}
	if events {
		n.sub = subscribe(n.Name(), n.client, c.events)
	}
	c.nodes = append(c.nodes, n)
	return n, nil
}

var errClosed = errors.New("the cluster is closed")

func (c *Cluster) checkName(name string) error {
	if name == "" || strings.ContainsAny(name, "/\x00") || name[0] == '.' {
		return fmt.Errorf("node name %q: want a plain file name", name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		// Files written now would outlive the directory's removal.
		return errClosed
	}
	for _, n := range c.nodes {
		if n.Name() == name {
			return fmt.Errorf("there is a node %q already", name)
		}
	}
	return nil
}

func (c *Cluster) writeConf(dir, path, text string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return err
	}
	if u := c.cfg.User; u != nil {
		return errors.Join(os.Chown(dir, int(u.Uid), int(u.Gid)), os.Chown(path, int(u.Uid), int(u.Gid)))
	}
	return nil
}

// NodeSpec describes one process.
type NodeSpec struct {
	// Name is unique in the cluster; it names the log and, unless Dir is set,
	// the directory.
	Name string
	// Dir is the node's directory below the cluster's.
	Dir string
	// Host is where the node runs. The zero value is 127.0.0.1.
	Host Host
	// Port is where the node listens, as Conf says too.
	Port int
	// Conf is the text of the configuration file.
	Conf string
	// Args are appended to the command line.
	Args []string
	// Command overrides Config.Server or Config.Sentinel.
	Command []string
	// User and Password are what clients of this node log in with.
	User, Password string
	// TLS, if not nil, is what clients of this node use. Conf must agree.
	TLS *tls.Config
}

// Name returns the name of the node.
func (n *node) Name() string { return n.proc.name }

// Port returns the port of the node.
func (n *node) Port() int { return n.port }

// Addr returns the address of the node as "host:port".
func (n *node) Addr() string { return n.client.Options().Addr }

// Dir returns the node's directory.
func (n *node) Dir() string { return n.proc.dir }

// Conf returns the path of the node's configuration file.
func (n *node) Conf() string { return n.conf }

// FirstConf returns the text of the configuration file before the first start. A Sentinel
// has written its state into the file since.
func (n *node) FirstConf() string { return n.text }

// Client returns a go-redis client of the node, which Close of the cluster
// closes. It does not retry.
func (n *node) Client() *redis.Client { return n.client }

// Do sends one command and returns its reply.
func (n *node) Do(ctx context.Context, args ...any) (any, error) {
	return n.client.Do(ctx, args...).Result()
}

// Start starts the process, the first time or again after it ended. It does not
// wait until the node answers.
func (n *node) Start() error { return n.proc.start() }

// Signal sends a signal to the process.
func (n *node) Signal(sig syscall.Signal) error { return n.proc.signal(sig) }

// Kill sends SIGKILL and returns when the process is gone.
func (n *node) Kill() { n.proc.kill() }

// PID returns the process id of the latest life, 0 before the first start.
func (n *node) PID() int {
	if l := n.proc.current(); l != nil {
		return l.pid
	}
	return 0
}

// Running reports whether the process has been started and has not ended. A
// stopped process is running; a zombie is not.
func (n *node) Running() bool {
	l := n.proc.current()
	return l != nil && !l.ended()
}

// WaitExit returns when the process has ended, with its exit status (-1 when a
// signal ended it).
func (n *node) WaitExit(ctx context.Context) (status int, err error) {
	l := n.proc.current()
	if l == nil {
		return 0, fmt.Errorf("%s was never started", n.Name())
	}
	select {
	case <-l.done:
	case <-ctx.Done():
		return 0, fmt.Errorf("waiting for %s to exit: %w; last lines of its log:\n%s", n.Name(), context.Cause(ctx), n.proc.tail(10))
	}
	var exit *exec.ExitError
	switch {
	case l.err == nil:
		return 0, nil
	case errors.As(l.err, &exit):
		return exit.ExitCode(), nil
	default:
		return 0, l.err
	}
}

// Log returns everything that the process wrote in all its lives.
func (n *node) Log() (string, error) {
	f, err := os.Open(n.proc.log)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 16<<20))
	return string(b), err
}

func (n *node) state() string {
	if n.Running() {
		return fmt.Sprintf("running, pid %d", n.PID())
	}
	return "not running"
}

// WaitReady returns when the node answers PING. It fails at once, with the end
// of the log, when the process ends instead.
func (n *node) WaitReady(ctx context.Context) error {
	l := n.proc.current()
	if l == nil {
		return fmt.Errorf("%s was never started", n.Name())
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	died := make(chan struct{})
	defer close(died)
	go func() {
		select {
		case <-l.done:
			cancel(fmt.Errorf("the process ended (%v)", l.err))
		case <-died:
		}
	}()
	err := WaitFor(ctx, n.Name()+" to answer PING", func(ctx context.Context) (string, bool) {
		err := n.client.Ping(ctx).Err()
		return fmt.Sprint(err), err == nil
	})
	if err != nil {
		return fmt.Errorf("%w\nlast lines of its log:\n%s", err, n.proc.tail(15))
	}
	if n.sub != nil {
		return n.sub.wait(ctx)
	}
	return nil
}

// Restart kills the process if it runs, starts it again on its files and waits
// until it answers.
func (n *node) Restart(ctx context.Context) error {
	n.Kill()
	if err := n.Start(); err != nil {
		return err
	}
	return n.WaitReady(ctx)
}

func (n *node) close() error {
	if n.sub != nil {
		n.sub.close()
	}
	n.proc.kill()
	return n.client.Close()
}
