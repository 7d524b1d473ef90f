package sentinel

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/pubsub"
)

// fakeBackend answers from a fixed state and records what it is asked to do.
type fakeBackend struct {
	mu        sync.Mutex
	opts      monitor.Options
	masters   []monitor.MasterView
	replicas  map[string][]monitor.ReplicaView
	sentinels map[string][]monitor.SentinelView
	tilt      bool
	stopping  bool
	done      []string // operations, asks and hellos
	result    monitor.CallResult
	tunables  monitor.Tunables
	failures  monitor.Failures
	hook      func() // called inside call
}

func (f *fakeBackend) read(fn func(coreReader, monitor.Instant)) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopping {
		return false
	}
	fn(f, 0)
	return true
}

func (f *fakeBackend) record(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = append(f.done, fmt.Sprintf(format, args...))
}

func (f *fakeBackend) call(op monitor.Op) (monitor.CallResult, bool) {
	if f.hook != nil {
		f.hook()
	}
	result := f.result
	known := func(name string) {
		if _, ok := f.Master(0, name); !ok {
			result.Err = monitor.ErrNoSuchMaster
		}
	}
	switch op := op.(type) {
	case monitor.MonitorOp:
		f.record("monitor %+v", op.Master)
	case monitor.RemoveOp:
		known(op.Name)
		f.record("remove %q", op.Name)
	case monitor.FailoverOp:
		known(op.Name)
		f.record("failover %q", op.Name)
	case monitor.FlushOp:
		f.record("flush")
	case monitor.ResetOp:
		for _, m := range f.masters {
			if op.Match(m.Name) {
				result.Count++
			}
		}
		f.record("reset %d", result.Count)
	case monitor.SetOp:
		var cfg monitor.MasterConfig
		for _, c := range op.Changes {
			c.Apply(&cfg)
			f.record("+set %s %s", c.Option, strings.Join(c.Values, " "))
		}
		result.Err = op.Err
		known(op.Name)
		renamed := cfg.Rename.Entries()
		cfg.Rename = nil // a pointer, which says nothing
		f.record("set %q %+v renamed %v", op.Name, cfg, renamed)
	case monitor.DebugOp:
		f.mu.Lock()
		op.Apply(&f.tunables)
		f.mu.Unlock()
		f.record("debug")
	case monitor.SimulateOp:
		f.mu.Lock()
		f.failures = op.Failures
		f.mu.Unlock()
		f.record("simulate %d", op.Failures)
	case monitor.ConfigSetOp:
		f.mu.Lock()
		op.Apply(&f.opts)
		f.mu.Unlock()
		f.record("config %+v", f.opts)
	}
	return result, !f.stopping
}

func (f *fakeBackend) ask(q monitor.Ask) (monitor.Reply, bool) {
	f.record("ask %+v", q)
	r := monitor.Reply{Down: q.Port == 6379, Leader: q.RunID}
	if q.RunID != "" {
		r.Epoch = q.Epoch
	}
	return r, !f.stopping
}

func (f *fakeBackend) hello(h monitor.Hello) { f.record("hello %+v", h) }

func (f *fakeBackend) Masters(monitor.Instant) []monitor.MasterView { return f.masters }
func (f *fakeBackend) Master(_ monitor.Instant, name string) (monitor.MasterView, bool) {
	for _, m := range f.masters {
		if m.Name == name {
			return m, true
		}
	}
	return monitor.MasterView{}, false
}
func (f *fakeBackend) Replicas(_ monitor.Instant, name string) ([]monitor.ReplicaView, bool) {
	v, ok := f.replicas[name]
	return v, ok
}
func (f *fakeBackend) Sentinels(_ monitor.Instant, name string) ([]monitor.SentinelView, bool) {
	v, ok := f.sentinels[name]
	return v, ok
}
func (f *fakeBackend) MasterAddr(name string) (monitor.HostPort, bool) {
	m, ok := f.Master(0, name)
	return m.Current, ok
}
func (f *fakeBackend) Options() monitor.Options   { return f.opts }
func (f *fakeBackend) Tunables() monitor.Tunables { return f.tunables }
func (f *fakeBackend) Failures() monitor.Failures { return f.failures }
func (f *fakeBackend) Tilt(monitor.Instant) (bool, time.Duration) {
	return f.tilt, 7 * time.Second
}

const (
	idA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	idB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// newFakeBackend has one master in every respect ordinary and one in the middle
// of a failover, so that all fields and flags occur.
func newFakeBackend() *fakeBackend {
	plain := monitor.MasterView{
		InstanceView: monitor.InstanceView{
			Name: "mymaster", Addr: monitor.HostPort{Host: "10.0.0.1", Port: 6379}, RunID: idB, Flags: monitor.FlagMaster,
			LinkRefs: 1, LastOKPingReply: 100 * time.Millisecond, LastPingReply: 100 * time.Millisecond, DownAfter: 30 * time.Second,
			InfoRefresh: 5 * time.Second, RoleReported: monitor.RoleMaster, RoleReportedTime: time.Minute, Info: []byte("role:master\r\n"),
		},
		ConfigEpoch: 3, Replicas: 2, OtherSentinels: 2, Quorum: 2, FailoverTimeout: 3 * time.Minute, ParallelSyncs: 1,
		Current: monitor.HostPort{Host: "10.0.0.1", Port: 6379}, UsableSentinels: 3,
	}
	failing := monitor.MasterView{
		InstanceView: monitor.InstanceView{
			Name: "other", Addr: monitor.HostPort{Host: "10.0.0.9", Port: 6379},
			Flags:           monitor.FlagSDown | monitor.FlagODown | monitor.FlagMaster | monitor.FlagDisconnected | monitor.FlagFailoverInProgress,
			PendingCommands: 3, LinkRefs: 1, LastPingSent: 9 * time.Second, LastOKPingReply: 10 * time.Second, LastPingReply: 10 * time.Second,
			SDownTime: 4 * time.Second, ODownTime: 3 * time.Second, DownAfter: 5 * time.Second,
		},
		FailoverState: "reconf_slaves", Replicas: 0, OtherSentinels: 4, Quorum: 3, FailoverTimeout: time.Minute, ParallelSyncs: 2,
		NotificationScript: "/n.sh", ClientReconfigScript: "/c.sh",
		Current: monitor.HostPort{Host: "10.0.0.10", Port: 6380}, UsableSentinels: 2,
	}
	replica := monitor.ReplicaView{
		InstanceView: monitor.InstanceView{
			Name: "10.0.0.2:6379", Addr: monitor.HostPort{Host: "10.0.0.2", Port: 6379}, RunID: idA, Flags: monitor.FlagReplica,
			LinkRefs: 1, DownAfter: 30 * time.Second, InfoRefresh: time.Second, RoleReported: monitor.RoleReplica, Info: []byte("role:slave\r\n"),
		},
		MasterLinkUp: true, MasterHost: "10.0.0.1", MasterPort: 6379, Priority: 100, Offset: 1 << 63, Announced: true,
	}
	silent := replica
	silent.Name, silent.Announced, silent.Info, silent.InfoRefresh = "10.0.0.3:6379", false, nil, 0
	unknown := replica
	unknown.Name, unknown.MasterLinkUp, unknown.MasterHost, unknown.MasterPort, unknown.MasterLinkDown = "[fe80::1]:6379", false, "", 0, 3*time.Second
	peer := monitor.SentinelView{
		InstanceView: monitor.InstanceView{
			Name: idA, RunID: idA, Addr: monitor.HostPort{Host: "10.0.0.5", Port: 26379}, Flags: monitor.FlagSentinel, LinkRefs: 2, DownAfter: 30 * time.Second,
		},
		LastHello: 1500 * time.Millisecond,
	}
	return &fakeBackend{
		opts:      monitor.Options{MyID: idB},
		tunables:  monitor.DefaultTunables(),
		masters:   []monitor.MasterView{plain, failing},
		replicas:  map[string][]monitor.ReplicaView{"mymaster": {replica, silent, unknown}, "other": nil},
		sentinels: map[string][]monitor.SentinelView{"mymaster": {peer}, "other": nil},
	}
}

// testServer is a running front end on a loopback port.
type testServer struct {
	*server
	backend *fakeBackend
	bus     *pubsub.Bus
	addr    string
}

func startServer(t testing.TB, cfg serverConfig, b *fakeBackend, lim pubsub.Limits) *testServer {
	t.Helper()
	if cfg.resolve == nil {
		cfg.resolve = func(_ context.Context, host string) string {
			return map[string]string{"redis1": "10.1.1.1"}[host]
		}
	}
	ts := &testServer{backend: b, bus: pubsub.NewBus(lim)}
	ts.server = newServerOn(cfg, b, ts.bus)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ts.addr = ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- ts.serve(ln) }()
	t.Cleanup(func() {
		ts.close()
		ts.bus.Close()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return ts
}

// testConn is a client that sees the bytes.
type testConn struct {
	net.Conn
	t  testing.TB
	rd *bufio.Reader
	n  int
}

func (ts *testServer) dial(t testing.TB) *testConn {
	t.Helper()
	nc, err := net.Dial("tcp", ts.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(30 * time.Second))
	return &testConn{Conn: nc, t: t, rd: bufio.NewReader(nc)}
}

func (c *testConn) send(text string) {
	c.t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

// value reads one RESP value and returns its bytes, CRLF shown as LF.
func (c *testConn) value() (string, error) {
	line, err := c.rd.ReadString('\n')
	if err != nil {
		return line, err
	}
	text := strings.TrimSuffix(line, "\r\n") + "\n"
	n, _ := strconv.Atoi(strings.TrimSpace(line[1:]))
	switch line[0] {
	case '$', '=':
		if n < 0 {
			return text, nil
		}
		body := make([]byte, n+2)
		if _, err := io.ReadFull(c.rd, body); err != nil {
			return text, err
		}
		return text + strings.ReplaceAll(string(body), "\r\n", "\n"), nil
	case '%':
		n *= 2
	case '*', '>', '~':
	default:
		return text, nil
	}
	for range n {
		part, err := c.value()
		text += part
		if err != nil {
			return text, err
		}
	}
	return text, nil
}

// do sends a command and returns everything that comes back for it: up to the
// answer to a command that does not exist, which is given in every state of a
// connection, or to the end of the connection.
func (c *testConn) do(cmd string) string {
	c.t.Helper()
	c.n++
	mark := fmt.Sprintf("-ERR unknown command 'mark-%d', with args beginning with: \n", c.n)
	if _, err := c.Write([]byte(cmd + "\r\nmark-" + strconv.Itoa(c.n) + "\r\n")); err != nil {
		return "(closed)\n"
	}
	var got strings.Builder
	for {
		v, err := c.value()
		if err == nil && v == mark {
			return got.String()
		}
		got.WriteString(v)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.t.Errorf("%q: no answer", cmd)
		}
		if err != nil {
			got.WriteString("(closed)\n")
			return got.String()
		}
	}
}
