package sentinel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/internal/fakeredis"
	"github.com/gosentinel/sentinel/internal/option"
	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

// start runs a Sentinel until the end of the test. It returns once it is ready.
func start(t *testing.T, cfg Config) *Sentinel {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	select {
	case <-s.Ready():
	case err := <-ran:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	return s
}

func noDial(context.Context, string, string) (net.Conn, error) { return nil, errors.New("not today") }

func executable(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// full is a master with every option set to something else than its default.
func full(t *testing.T) MasterConfig {
	script := executable(t)
	return MasterConfig{
		Name: "full", Addr: "10.0.0.1:6379", Quorum: 3, DownAfter: 5 * time.Second, FailoverTimeout: time.Minute, ParallelSyncs: 4,
		AuthUser: "watcher", AuthPass: "secret", RenamedCommands: map[string]string{"CONFIG": "c0", "SLAVEOF": "s0"},
		NotificationScript: script, ClientReconfigScript: script, RebootDownAfter: 2 * time.Second, NeverLead: true,
		StockFailover: true, EmptyPromotionGrace: 3 * time.Second, HoldUnconfirmed: true, AcceptEmpty: true,
		DownAfterRefused: 100 * time.Millisecond, ReplicaExpire: time.Hour,
		Guards: Guards{ReturnFence: GuardOn, IsolationFence: GuardReport, Lineage: GuardOff, ForeignNode: GuardOn, Advertised: GuardReport, Refusal: GuardOff},
	}
}

// TestMasterConfigIsComplete: MasterConfig has everything that a file can say about a
// master, and nothing is lost on the way to the core and back.
func TestMasterConfigIsComplete(t *testing.T) {
	cfg := full(t)
	for v, i := reflect.ValueOf(cfg), 0; i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("this test leaves %s out", v.Type().Field(i).Name)
		}
	}
	core, err := cfg.core(false)
	if err != nil {
		t.Fatal(err)
	}
	if back := masterConfig(core); !reflect.DeepEqual(back, cfg) {
		t.Errorf("it comes back as %+v, want %+v", back, cfg)
	}
	byDefault := monitor.MasterConfig{}.WithDefaults()
	table := monitor.MasterOptions()
	for i := range table {
		row := &table[i]
		if row.Text(&core) == row.Text(&byDefault) {
			t.Errorf("MasterConfig cannot set %s", row.Name)
		}
	}
}

// TestMonitorUpdateRemove: masters are added with all of their options, changed,
// reset and removed; every change is durable when its call returns.
func TestMonitorUpdateRemove(t *testing.T) {
	ctx := t.Context()
	store := new(MemoryStore)
	s := start(t, Config{Store: store})
	saved := func() monitor.State {
		t.Helper()
		text, _ := store.Load(ctx)
		base, _ := Config{}.base()
		file, err := configrewrite.Loader{}.NewIn(configrewrite.Place{Name: "store", Text: text}, base)
		if err != nil {
			t.Fatal(err)
		}
		return file.State()
	}
	want := full(t)
	if err := s.Monitor(ctx, want); err != nil {
		t.Fatal(err)
	}
	if err := s.Monitor(ctx, want); !errors.Is(err, ErrMasterExists) {
		t.Errorf("once more: %v", err)
	}
	if got := saved().Masters; len(got) != 1 || !reflect.DeepEqual(masterConfig(got[0].MasterConfig), want) {
		t.Errorf("saved: %+v", got)
	}

	// Every option can be changed, also those that SENTINEL SET does not know.
	other := MasterConfig{Name: "full", Addr: want.Addr, Quorum: 1, RenamedCommands: map[string]string{"slaveof": "s1", "PING": "p0"}}
	if err := s.Update(ctx, "full", func(m *MasterConfig) {
		if !reflect.DeepEqual(*m, want) {
			t.Errorf("Update begins with %+v", *m)
		}
		*m = other
	}); err != nil {
		t.Fatal(err)
	}
	other.DownAfter, other.FailoverTimeout, other.ParallelSyncs = 30*time.Second, 3*time.Minute, 1
	m, err := s.Master(ctx, "full")
	if err != nil || !reflect.DeepEqual(m.Config, other) {
		t.Errorf("after Update: %+v, %v, want %+v", m.Config, err, other)
	}
	if got := saved().Masters; !reflect.DeepEqual(masterConfig(got[0].MasterConfig), other) {
		t.Errorf("saved after Update: %+v", got[0].MasterConfig)
	}
	for name, change := range map[string]func(*MasterConfig){
		"cannot change Name and Addr":      func(m *MasterConfig) { m.Addr = "10.0.0.2:6379" },
		"Quorum must be 1 or greater":      func(m *MasterConfig) { m.Quorum = 0 },
		"must be whole milliseconds":       func(m *MasterConfig) { m.DownAfter = time.Microsecond },
		"longer than ten years":            func(m *MasterConfig) { m.FailoverTimeout = 1 << 62 / 1000000 * 1000000 },
		"control characters":               func(m *MasterConfig) { m.AuthPass = "a\nb" },
		"must be an absolute path":         func(m *MasterConfig) { m.NotificationScript = "script" },
		"no such file":                     func(m *MasterConfig) { m.ClientReconfigScript = "/nowhere" },
		"an empty command word":            func(m *MasterConfig) { m.RenamedCommands = map[string]string{"PING": ""} },
		"Same command renamed multiple ti": func(m *MasterConfig) { m.RenamedCommands = map[string]string{"PING": "a", "ping": "b"} },
	} {
		if err := s.Update(ctx, "full", change); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %q", err, name)
		}
	}
	if err := s.Update(ctx, "full", func(*MasterConfig) {}); err != nil {
		t.Errorf("a change of nothing: %v", err)
	}

	for range 2 {
		if err := s.AddReplica(ctx, "full", "10.0.0.9:6379"); err != nil {
			t.Error(err)
		}
	}
	if list, err := s.Replicas(ctx, "full"); err != nil || len(list) != 1 || list[0].Addr != "10.0.0.9:6379" {
		t.Errorf("replicas: %+v, %v", list, err)
	}
	if got := saved().Masters[0].Replicas; len(got) != 1 || got[0].Port != 6379 {
		t.Errorf("saved after AddReplica: %+v", got)
	}

	if err := s.Reset(ctx, "full"); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"Update": s.Update(ctx, "nosuch", nil), "Remove": s.Remove(ctx, "nosuch"), "Reset": s.Reset(ctx, "f*"),
		"Pause": s.Pause(ctx, "nosuch", Pause{Until: time.Now().Add(time.Hour)}), "Resume": s.Resume(ctx, "nosuch"),
		"Failover": second(s.Failover(ctx, "nosuch", FailoverOptions{})),
		"waiting":  second(s.Failover(ctx, "nosuch", FailoverOptions{Wait: true})),
	} {
		if !errors.Is(err, ErrNoSuchMaster) || !strings.Contains(err.Error(), `"nosuch"`) && name != "Reset" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Remove(ctx, "full"); err != nil {
		t.Error(err)
	}
	if got := saved().Masters; len(got) != 0 {
		t.Errorf("saved after Remove: %+v", got)
	}
	if err := s.Monitor(ctx, MasterConfig{Name: "named", Addr: "redis.invalid:6379", Quorum: 1}); err == nil || !strings.Contains(err.Error(), "set ResolveHostnames") {
		t.Errorf("a host name: %v", err)
	}
}

// TestPairChanges: what turns one table of renamed commands into another.
func TestChangesOfRenames(t *testing.T) {
	a := monitor.MasterConfig{Rename: monitor.NewRenameTable(monitor.Renamed{From: "config", To: "c0"}, monitor.Renamed{From: "ping", To: "p0"})}
	b := monitor.MasterConfig{Rename: monitor.NewRenameTable(monitor.Renamed{From: "PING", To: "p1"}, monitor.Renamed{From: "exec", To: "e0"})}
	for _, ch := range changes(a, b) {
		if _, err := monitor.SetMasterOption(&a, true, ch); err != nil {
			t.Fatal(err)
		}
	}
	row := monitor.MasterOptions().Find(option.BySet, "rename-command")
	if got, want := row.Text(&a), row.Text(&b); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestViews: views tell times, belong to the caller, and hold no password.
func TestViews(t *testing.T) {
	ctx := t.Context()
	before := time.Now()
	master := startFakeWith(t, fakeredis.Config{Password: "secret"})
	replica := startFakeWith(t, fakeredis.Config{ReplicaOf: master.Addr(), Password: "secret", Parameters: map[string]string{"masterauth": "secret"}})
	s := start(t, Config{Listen: "127.0.0.1:0", Password: "pw", Masters: []MasterConfig{
		{Name: "m", Addr: master.Addr(), Quorum: 1, AuthPass: "secret"}, {Name: "gone", Addr: "127.0.0.1:1", Quorum: 2, DownAfter: 10 * time.Millisecond},
	}})
	peer := start(t, Config{Listen: "127.0.0.1:0", Password: "pw", GossipPort: -1, Masters: []MasterConfig{{Name: "m", Addr: master.Addr(), Quorum: 1, AuthPass: "secret"}}})
	waitFor(t, s, func(m Master) bool { return m.Replicas == 1 && m.Quorum.Known == 2 && !m.InfoAt.IsZero() }, "m")
	waitFor(t, s, func(m Master) bool { return m.Down() }, "gone")
	waitForReplica(t, s)

	m, err := s.Master(ctx, "m")
	if err != nil || m.Name != "m" || m.Addr != master.Addr() || m.Role != "master" || m.RunID == "" || m.Down() || m.Failover != "" ||
		m.Quorum != (Quorum{Usable: 2, Known: 2, Needed: 2}) {
		t.Errorf("%+v, %v", m, err)
	}
	if m.Config.AuthPass != "" || strings.Contains(fmt.Sprintf("%+v", m), "secret") {
		t.Errorf("a view shows the password: %+v", m)
	}
	for name, at := range map[string]time.Time{"LastReply": m.LastReply, "InfoAt": m.InfoAt, "RoleSince": m.RoleSince} {
		if at.Before(before) || at.After(time.Now()) {
			t.Errorf("%s is %v, not within the test", name, at)
		}
	}
	again, _ := s.Master(ctx, "m")
	if !again.RoleSince.Equal(m.RoleSince) {
		t.Errorf("a time changes from view to view: %v, %v", m.RoleSince, again.RoleSince)
	}
	gone, err := s.Master(ctx, "gone")
	if err != nil || !gone.Down() || gone.DownSince.Before(before) || gone.Trouble == "" || gone.TroubleSince.IsZero() || !gone.AgreedDownSince.IsZero() {
		t.Errorf("%+v, %v", gone, err)
	}
	rs, err := s.Replicas(ctx, "m")
	if err != nil || len(rs) != 1 || rs[0].Addr != replica.Addr() || rs[0].Master != master.Addr() || rs[0].Role != "replica" || !rs[0].LinkUp ||
		rs[0].Priority != 100 || !rs[0].Announced {
		t.Errorf("%+v, %v", rs, err)
	}
	ps, err := s.Peers(ctx, "m")
	if err != nil || len(ps) != 1 || ps[0].Addr != peer.Addr().String() || len(ps[0].ID) != 40 || ps[0].LastHello.Before(before) {
		t.Errorf("%+v, %v", ps, err)
	}
	if q, err := s.CheckQuorum(ctx, "m"); err != nil || q.Usable != 2 {
		t.Errorf("%+v, %v", q, err)
	}
	var few *QuorumError
	if q, err := s.CheckQuorum(ctx, "gone"); !errors.As(err, &few) || few.Usable != 1 || few.Known != 1 || few.Needed != 2 || q.Needed != 2 ||
		!strings.Contains(err.Error(), "fewer than the quorum of 2") {
		t.Errorf("%+v, %v", q, err)
	}
	for _, err := range []error{second(s.Master(ctx, "x")), second(s.Replicas(ctx, "x")), second(s.Peers(ctx, "x")), second(s.CheckQuorum(ctx, "x"))} {
		if !errors.Is(err, ErrNoSuchMaster) {
			t.Errorf("an unknown master: %v", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// waitFor waits until a master is as wanted. Events are what wakes it.
func waitFor(t *testing.T, s *Sentinel, want func(Master) bool, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		m, err := s.Master(ctx, name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want(m) {
			return
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%s stays %+v", name, m)
		}
	}
}

// waitForReplica waits until a replica of m is known and in sync.
func waitForReplica(t *testing.T, s *Sentinel) {
	t.Helper()
	waitFor(t, s, func(Master) bool {
		list, err := s.Replicas(t.Context(), "m")
		return err == nil && len(list) == 1 && list[0].LinkUp
	}, "m")
}

// TestFailoverWaits: Failover returns when the new master is there, or with what kept
// it from being made.
func TestFailoverWaits(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	old := startFakeWith(t, fakeredis.Config{})
	named := startFakeWith(t, fakeredis.Config{ReplicaOf: old.Addr(), Priority: fakeredis.NeverPromote})
	s := start(t, Config{Masters: []MasterConfig{{Name: "m", Addr: old.Addr(), Quorum: 1}, {Name: "gone", Addr: "127.0.0.1:1", Quorum: 1}}})
	waitForReplica(t, s)
	report, err := s.Failover(ctx, "m", FailoverOptions{To: named.Addr(), Mode: FailoverCoordinated, Wait: true})
	if err != nil {
		t.Fatal(err)
	}
	if !report.Promoted() || report.From != old.Addr() || report.To != named.Addr() || report.Kind != journal.Switchover || !report.Led || report.Lost.Bytes != 0 {
		t.Errorf("the report is %+v", report)
	}
	if list, err := s.Failovers(ctx, "m", 0); err != nil || len(list) != 1 || list[0].String() != report.String() {
		t.Errorf("the journal has %v, %v", list, err)
	}
	if m, err := s.Master(ctx, "m"); err != nil || m.Addr != named.Addr() || m.Failover != "" {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := s.Failover(ctx, "gone", FailoverOptions{}); !errors.Is(err, ErrNoGoodReplica) {
		t.Errorf("without a replica: %v", err)
	}
	if _, err := s.Failover(ctx, "gone", FailoverOptions{Mode: FailoverForced, Wait: true}); !errors.Is(err, ErrNoGoodReplica) {
		t.Errorf("forced, without a replica: %v", err)
	}
	for _, opts := range []FailoverOptions{{Mode: 9}, {To: "nowhere"}, {To: "redis.invalid:1"}, {To: "10.9.9.9:1"}} {
		if _, err := s.Failover(ctx, "m", opts); err == nil || !strings.HasPrefix(err.Error(), "sentinel: ") {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}

// TestPause: while failovers are paused only a forced one is made; a pause is shown,
// survives a restart, and ends by itself.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(MemoryStore)
		start := func() (*Sentinel, func()) {
			s, err := New(offline(store))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ran := make(chan error)
			go func() { ran <- s.Run(ctx) }()
			<-s.Ready()
			return s, func() { cancel(); <-ran }
		}
		s, stop := start()
		ctx := t.Context()
		for _, p := range []Pause{{}, {Until: time.Now().Add(25 * time.Hour)}, {Until: time.Now().Add(time.Hour), Reason: "two\nlines"}} {
			if err := s.Pause(ctx, "m", p); err == nil {
				t.Errorf("%+v is accepted", p)
			}
		}
		p := Pause{Until: time.Now().Add(time.Hour), Reason: "a new kernel"}
		if err := s.Pause(ctx, "m", p); err != nil {
			t.Fatal(err)
		}
		paused := func(when string, s *Sentinel, want bool) {
			t.Helper()
			m, err := s.Master(ctx, "m")
			if err != nil || m.Paused.Until.Equal(p.Until) != want || m.Paused.Reason == p.Reason != want {
				t.Errorf("%s: %+v %v", when, m.Paused, err)
			}
			_, err = s.Failover(ctx, "m", FailoverOptions{})
			if errors.Is(err, ErrPaused) != want || want && !strings.Contains(err.Error(), p.Reason) {
				t.Errorf("%s: Failover: %v", when, err)
			}
		}
		paused("after Pause", s, true)
		stop()
		s, stop = start()
		paused("after a restart", s, true)
		if _, err := s.Failover(ctx, "m", FailoverOptions{Mode: FailoverForced}); errors.Is(err, ErrPaused) {
			t.Errorf("forced: %v", err)
		}
		if err := s.Resume(ctx, "m"); err != nil {
			t.Fatal(err)
		}
		paused("after Resume", s, false)
		if err := s.Pause(ctx, "m", p); err != nil {
			t.Fatal(err)
		}
		paused("after another Pause", s, true)
		time.Sleep(time.Hour)
		paused("an hour later", s, false)
		stop()
	})
}

// TestFailoverAborted: a failover that comes to nothing says why.
func TestFailoverAborted(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	old := startFakeWith(t, fakeredis.Config{})
	startFakeWith(t, fakeredis.Config{ReplicaOf: old.Addr(), Parameters: map[string]string{"forbidden-commands": "slaveof replicaof"}})
	s := start(t, Config{Masters: []MasterConfig{{Name: "m", Addr: old.Addr(), Quorum: 1, FailoverTimeout: 500 * time.Millisecond}}})
	waitForReplica(t, s)
	report, err := s.Failover(ctx, "m", FailoverOptions{Wait: true})
	if !errors.Is(err, ErrFailoverAborted) || !strings.Contains(err.Error(), `master "m": the failover was given up: `) {
		t.Errorf("%v, %v", report, err)
	}
	if m, err := s.Master(ctx, "m"); err != nil || m.Addr != old.Addr() {
		t.Errorf("%+v, %v", m, err)
	}

	// With too few Sentinels that is the reason.
	if err := s.Update(ctx, "m", func(m *MasterConfig) { m.Quorum = 2 }); err != nil {
		t.Fatal(err)
	}
	var few *QuorumError
	if err := s.aborted(ctx, "m", ""); !errors.As(err, &few) {
		t.Errorf("with too few Sentinels: %v", err)
	}
	for _, ev := range []event.Event{event.FailoverAbortNotElected{}, event.FailoverAbortNoGoodReplica{}, event.FailoverAbortReplicaTimeout{}, event.SwitchoverAborted{Reason: "x"}} {
		if abortReason(ev) == "" {
			t.Errorf("%T is no reason", ev)
		}
	}
	if abortReason(event.FailoverEnd{}) != "" {
		t.Error("a failover that has worked is a reason")
	}
}

// TestCallsObeyTheirContext: while the loop is stuck every call returns with its
// context, and Health says what is wrong.
func TestCallsObeyTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{Masters: []MasterConfig{{Name: "m", Addr: "127.0.0.1:1", Quorum: 1}}, Dial: noDial})
		if err != nil {
			t.Fatal(err)
		}
		calls := map[string]func(context.Context) error{
			"Masters":     func(ctx context.Context) error { return second(s.Masters(ctx)) },
			"Master":      func(ctx context.Context) error { return second(s.Master(ctx, "m")) },
			"Replicas":    func(ctx context.Context) error { return second(s.Replicas(ctx, "m")) },
			"Peers":       func(ctx context.Context) error { return second(s.Peers(ctx, "m")) },
			"CheckQuorum": func(ctx context.Context) error { return second(s.CheckQuorum(ctx, "m")) },
			"Monitor": func(ctx context.Context) error {
				return s.Monitor(ctx, MasterConfig{Name: "n", Addr: "127.0.0.1:2", Quorum: 1})
			},
			"Update":     func(ctx context.Context) error { return s.Update(ctx, "m", func(*MasterConfig) {}) },
			"Pause":      func(ctx context.Context) error { return s.Pause(ctx, "m", Pause{Until: time.Now().Add(time.Hour)}) },
			"Resume":     func(ctx context.Context) error { return s.Resume(ctx, "m") },
			"Remove":     func(ctx context.Context) error { return s.Remove(ctx, "m") },
			"AddReplica": func(ctx context.Context) error { return s.AddReplica(ctx, "m", "127.0.0.1:2") },
			"Reset":      func(ctx context.Context) error { return s.Reset(ctx, "m") },
			"Failover":   func(ctx context.Context) error { return second(s.Failover(ctx, "m", FailoverOptions{})) },
			"waiting":    func(ctx context.Context) error { return second(s.Failover(ctx, "m", FailoverOptions{Wait: true})) },
		}
		notRunning := func(when string) {
			for name, call := range calls {
				if err := call(t.Context()); !errors.Is(err, ErrNotRunning) {
					t.Errorf("%s %s: %v", name, when, err)
				}
			}
			var unhealthy *HealthError
			if err := s.Health(t.Context()); !errors.As(err, &unhealthy) || unhealthy.Check != "running" || !errors.Is(err, ErrNotRunning) {
				t.Errorf("Health %s: %v", when, err)
			}
		}
		notRunning("before Run")
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error)
		go func() { ran <- s.Run(ctx) }()
		<-s.Ready()
		if err := s.Health(ctx); err != nil {
			t.Errorf("Health of one that works: %v", err)
		}

		release := make(chan struct{})
		go ask(ctx, s, "m", func(*monitor.Core, monitor.Instant) (any, bool) { <-release; return nil, true })
		synctest.Wait()
		for name, call := range calls {
			short, stop := context.WithTimeout(ctx, time.Second)
			if err := call(short); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s of one that is stuck: %v", name, err)
			}
			stop()
		}
		var unhealthy *HealthError
		if err := s.Health(ctx); !errors.As(err, &unhealthy) || unhealthy.Check != "loop" || !strings.Contains(err.Error(), "no answer after 2s") {
			t.Errorf("Health of one that is stuck: %v", err)
		}
		short, stop := context.WithTimeout(ctx, time.Second)
		if err := s.Health(short); err != context.DeadlineExceeded {
			t.Errorf("Health with a short context: %v", err)
		}
		stop()
		close(release)
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		notRunning("after Run")
	})
}
