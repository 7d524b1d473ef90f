package server

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/glob"
	"github.com/gosentinel/sentinel/internal/resptest"
	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/pubsub"
)

// fakeEngine answers from a fixed state and records what it is asked to do.
type fakeEngine struct {
	mu        sync.Mutex
	opts      monitor.Options
	masters   []monitor.MasterView
	replicas  map[string][]monitor.ReplicaView
	sentinels map[string][]monitor.SentinelView
	tilt      bool
	quiet     monitor.HostPort // address of masters that are not seen as down
	stopping  bool
	done      []string // operations, asks and hellos
	result    monitor.CallResult
	tunables  monitor.Tunables
	failures  monitor.Failures
	hook      func()                   // called inside Call
	votes     chan func(monitor.Reply) // if not nil, gets what answers each request for a vote
	gone      chan struct{}            // nil: votes are answered sometime
	visits    int                      // of the loop: calls of View and Call
}

func (f *fakeEngine) View(fn func(Reader, monitor.Instant)) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.visits++
	if f.stopping {
		return false
	}
	fn(f, 0)
	return true
}

func (f *fakeEngine) Addrs() *Addrs {
	a := &Addrs{}
	for _, m := range f.masters {
		a.Set(monitor.Shown{Name: m.Name, Known: true, Addr: m.Current, Quiet: f.quiet})
	}
	if f.stopping {
		a.End()
	}
	return a
}

func (f *fakeEngine) log() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.done
}

func (f *fakeEngine) record(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = append(f.done, fmt.Sprintf(format, args...))
}

// answered is a Pending with an answer, or one of an engine that is stopping.
func answered[T any](v T, ok bool) Pending[T] {
	answer, gone := make(chan any, 1), make(chan struct{})
	if ok {
		answer <- v
	} else {
		close(gone)
	}
	return NewPending[T](answer, gone)
}

func (f *fakeEngine) Call(op monitor.Op) Pending[monitor.CallResult] {
	if f.hook != nil {
		f.hook()
	}
	f.mu.Lock()
	f.visits++
	f.mu.Unlock()
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
		if op.Mode == monitor.FailoverForced {
			result.Text = "10.0.0.2:6379 lacks 17 bytes of what the\r\nmaster had"
		}
		f.record("failover %+v", op)
	case monitor.PauseOp:
		known(op.Name)
		f.record("pause %+v", op)
	case monitor.ForgetOp:
		known(op.Name)
		f.record("forget %+v", op)
	case monitor.FlushOp:
		f.record("flush")
	case monitor.ResetOp:
		for _, m := range f.masters {
			if glob.Match(op.Pattern, m.Name) {
				result.Count++
			}
		}
		f.record("reset %d", result.Count)
	case monitor.SetOp:
		var cfg monitor.MasterConfig
		for _, c := range op.Changes {
			shown, err := monitor.SetMasterOption(&cfg, f.opts.AllowScriptsReconfig, c)
			if err != nil {
				result.Err = err
				break
			}
			f.record("+set %s %s", c.Option, strings.Join(shown, " "))
		}
		known(op.Name)
		renamed := cfg.Rename.Entries()
		cfg.Rename = nil // a pointer, whose value means nothing in a log
		f.record("set %q %+v renamed %v", op.Name, cfg, renamed)
	case monitor.DebugOp:
		f.mu.Lock()
		for _, c := range op.Changes {
			if err := monitor.SetTunable(&f.tunables, c); err != nil {
				result.Err = err
				break
			}
		}
		f.mu.Unlock()
		f.record("debug")
	case monitor.SimulateOp:
		f.mu.Lock()
		f.failures = op.Failures
		f.mu.Unlock()
		f.record("simulate %d", op.Failures)
	case monitor.ConfigSetOp:
		f.mu.Lock()
		for _, c := range op.Changes {
			if err := monitor.SetGlobalOption(&f.opts, c); err != nil {
				result.Err = err
				break
			}
		}
		f.mu.Unlock()
		f.record("config %+v", f.opts)
	}
	return answered(result, !f.stopping)
}

func (f *fakeEngine) Ask(q monitor.Ask) Pending[monitor.Reply] {
	f.record("ask %+v", q)
	if f.votes != nil && q.RunID != "" {
		answer := make(chan any, 1)
		f.votes <- func(r monitor.Reply) { answer <- r }
		return NewPending[monitor.Reply](answer, f.gone)
	}
	r := monitor.Reply{Down: q.Port == 6379, Leader: q.RunID, DownAfter: 3 * q.Lease}
	if q.RunID != "" {
		r.Epoch = q.Epoch
	}
	if q.Promise > 0 {
		r.Promise = monitor.Promise{Known: true, For: q.Promise, ConfigEpoch: 4}
	}
	if q.WantReplicas {
		r.Replicas = []monitor.HostPort{{Host: "10.0.0.2", Port: 6379}, {Host: "::1", Port: 6380}}
	}
	return answered(r, !f.stopping)
}

func (f *fakeEngine) Hello(h monitor.Hello) { f.record("hello %+v", h) }

func (f *fakeEngine) Masters(monitor.Instant) []monitor.MasterView { return f.masters }
func (f *fakeEngine) Master(_ monitor.Instant, name string) (monitor.MasterView, bool) {
	for _, m := range f.masters {
		if m.Name == name {
			return m, true
		}
	}
	return monitor.MasterView{}, false
}
func (f *fakeEngine) Replicas(_ monitor.Instant, name string) ([]monitor.ReplicaView, bool) {
	v, ok := f.replicas[name]
	return v, ok
}
func (f *fakeEngine) Sentinels(_ monitor.Instant, name string) ([]monitor.SentinelView, bool) {
	v, ok := f.sentinels[name]
	return v, ok
}
func (f *fakeEngine) MasterAddr(name string) (monitor.HostPort, bool) {
	m, ok := f.Master(0, name)
	return m.Current, ok
}
func (f *fakeEngine) Options() monitor.Options   { return f.opts }
func (f *fakeEngine) Tunables() monitor.Tunables { return f.tunables }
func (f *fakeEngine) Failures() monitor.Failures { return f.failures }
func (f *fakeEngine) Tilt(monitor.Instant) (bool, time.Duration) {
	return f.tilt, 7 * time.Second
}

func (f *fakeEngine) Tilts() uint64 { return 3 }

func (f *fakeEngine) GuardCounts() monitor.GuardCounts {
	return monitor.GuardCounts{Acted: 8, Reported: 9}
}

func (f *fakeEngine) Hurry(monitor.Instant) monitor.Hurry {
	return monitor.Hurry{Spent: 5, Waited: 6, Left: 7}
}

const (
	idA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	idB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// newFakeEngine has one ordinary master and one in the middle of a failover, so
// that all fields and flags occur.
func newFakeEngine() *fakeEngine {
	plain := monitor.MasterView{
		InstanceView: monitor.InstanceView{
			Name: "mymaster", Addr: monitor.HostPort{Host: "10.0.0.1", Port: 6379}, RunID: idB, Flags: monitor.FlagMaster,
			LinkRefs: 1, LastOKPingReply: 100 * time.Millisecond, LastPingReply: 100 * time.Millisecond, DownAfter: 30 * time.Second,
			InfoRefresh: 5 * time.Second, RoleReported: monitor.RoleMaster, RoleReportedTime: time.Minute, Info: monitor.PackInfo([]byte("role:master\r\n")),
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
		Current: monitor.HostPort{Host: "10.0.0.10", Port: 6380}, UsableSentinels: 2, DeafSentinels: 1,
	}
	replica := monitor.ReplicaView{
		InstanceView: monitor.InstanceView{
			Name: "10.0.0.2:6379", Addr: monitor.HostPort{Host: "10.0.0.2", Port: 6379}, RunID: idA, Flags: monitor.FlagReplica,
			LinkRefs: 1, DownAfter: 30 * time.Second, InfoRefresh: time.Second, RoleReported: monitor.RoleReplica, Info: monitor.PackInfo([]byte("role:slave\r\n")),
		},
		MasterLinkUp: true, MasterHost: "10.0.0.1", MasterPort: 6379, Priority: 100, Offset: 1 << 63, Announced: true,
	}
	silent := replica
	silent.Name, silent.Announced, silent.Info, silent.InfoRefresh = "10.0.0.3:6379", false, "", 0
	unknown := replica
	unknown.LinkError, unknown.LinkErrorSince = "connection refused (is it running?)", 1500*time.Millisecond
	unknown.Name, unknown.MasterLinkUp, unknown.MasterHost, unknown.MasterPort, unknown.MasterLinkDown = "[fe80::1]:6379", false, "", 0, 3*time.Second
	peer := monitor.SentinelView{
		InstanceView: monitor.InstanceView{
			Name: idA, RunID: idA, Addr: monitor.HostPort{Host: "10.0.0.5", Port: 26379}, Flags: monitor.FlagSentinel, LinkRefs: 2, DownAfter: 30 * time.Second,
		},
		LastHello: 1500 * time.Millisecond,
	}
	return &fakeEngine{
		opts:      monitor.Options{MyID: idB},
		tunables:  monitor.DefaultTunables(),
		masters:   []monitor.MasterView{plain, failing},
		replicas:  map[string][]monitor.ReplicaView{"mymaster": {replica, silent, unknown}, "other": nil},
		sentinels: map[string][]monitor.SentinelView{"mymaster": {peer}, "other": nil},
	}
}

// testServer is a running front end on a loopback port.
type testServer struct {
	*Server
	fake *fakeEngine
	bus  *pubsub.Bus
	addr string
}

func startServer(t testing.TB, cfg Config, b *fakeEngine, lim pubsub.Limits) *testServer {
	t.Helper()
	if cfg.Resolve == nil {
		cfg.Resolve = func(_ context.Context, host string) string {
			return map[string]string{"redis1": "10.1.1.1"}[host]
		}
	}
	cfg.NoPoller = cfg.NoPoller || withoutPoller
	ts := &testServer{fake: b, bus: pubsub.NewBus(lim)}
	ts.Server = New(cfg, b, ts.bus)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ts.addr = ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- ts.Serve(ln) }()
	t.Cleanup(func() {
		ts.Close()
		ts.bus.Close()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return ts
}

func (ts *testServer) dial(t testing.TB) *resptest.Conn {
	t.Helper()
	return resptest.Dial(t, "tcp", ts.addr)
}

// fakeJournal has one report about mymaster, and one that is open.
type fakeJournal struct{}

func (fakeJournal) Open() []journal.Report {
	return []journal.Report{{ID: 2000, Master: "mymaster", Kind: journal.Switchover, Cause: journal.Operator, Led: true, From: "10.0.0.2:6379", Begun: time.UnixMilli(2000)}}
}

func (fakeJournal) Reports(open []journal.Report, master string, count int) []journal.Report {
	if master != "mymaster" {
		return nil
	}
	at := func(ms int64) time.Time { return time.UnixMilli(1000 + ms) }
	list := append(open, journal.Report{
		ID: 1000, Master: master, Kind: journal.Failover, Cause: journal.Silent, Detail: "no answer to PING for 1s", Led: true, Leader: journal.Sentinel{ID: idA},
		Epoch: 7, From: "10.0.0.1:6379", To: "10.0.0.2:6379", Begun: at(0), Ended: at(500), Outcome: journal.Promoted, Quorum: 2,
		Down:  []journal.Accusation{{By: journal.Sentinel{ID: idA}, Self: true, At: at(-2)}},
		Votes: []journal.Vote{{By: journal.Sentinel{ID: idB, Addr: "10.0.1.2:26379"}, For: idA, Epoch: 7}},
		Candidates: []journal.Candidate{
			{Addr: "10.0.0.2:6379", RunID: idB, Chosen: true, Verdict: "it has all that the master was known to have", Priority: 100, Offset: 2000, Data: "whole", Heard: 1500 * time.Microsecond},
			{Addr: "10.0.0.3:6379", Verdict: "priority 0", LinkDown: -1, Heard: -1},
		},
		Phases: []journal.Phase{{Name: journal.PhaseElection, Begun: at(0), Took: 500 * time.Millisecond}},
		Lost:   journal.Loss{Known: true, Bytes: 17, MasterOffset: 2017, PromotedOffset: 2000, Heard: at(-900)},
		Notes:  []journal.Note{{At: at(3), Text: "two\r\nlines"}},
	})
	return list[:min(count, len(list))]
}
