package sentinel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/internal/fakeredis"
	"github.com/gosentinel/sentinel/internal/resptest"
)

// TestRunOnce: Run works once, whatever became of it, and a Run that is ended before it
// begins leaves nothing behind.
func TestRunOnce(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.toml")
	s, err := New(Config{Listen: "127.0.0.1:0", StateFile: state})
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ended); err != nil {
		t.Errorf("Run with a context that has ended: %v", err)
	}
	if _, err := os.Stat(state); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it has written: %v", err)
	}
	select {
	case <-s.Ready():
		t.Error("it says that it is ready")
	default:
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "called before") {
		t.Errorf("Run again: %v", err)
	}
	for ev := range s.Events(t.Context()) {
		t.Errorf("an event of one that has ended: %v", ev)
	}
	if _, err := s.DialRESP(t.Context()); !errors.Is(err, ErrNotRunning) || s.Addr() != nil {
		t.Errorf("DialRESP: %v, Addr: %v", err, s.Addr())
	}

	s, err = New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 5)
	for range cap(ran) {
		go func() { ran <- s.Run(ctx) }()
	}
	for range cap(ran) - 1 {
		if err := <-ran; err == nil {
			t.Error("Run works twice at the same time")
		}
	}
	<-s.Ready()
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

// TestBadCalls: what is wrong with a call is said of each part of it, and nothing but the
// error is returned.
func TestBadCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s, end := run(t, offline(nil))
		<-s.Ready()
		in := func(d time.Duration) time.Time { return time.Now().Add(d) }
		for call, err := range map[string]error{
			"Monitor": s.Monitor(ctx, MasterConfig{DownAfter: -1}),
			"Update":  s.Update(ctx, "m", func(m *MasterConfig) { m.Quorum, m.ParallelSyncs = 0, -1 }),
			"never":   s.Pause(ctx, "m", Pause{}), "past": s.Pause(ctx, "m", Pause{Until: in(-1)}), "long": s.Pause(ctx, "m", Pause{Until: in(25 * time.Hour)}),
			"short": s.Pause(ctx, "m", Pause{Until: in(time.Microsecond)}), "text": s.Pause(ctx, "m", Pause{Until: in(time.Hour), Reason: strings.Repeat("x", 257)}),
			"lines": s.Pause(ctx, "m", Pause{Until: in(time.Hour), Reason: "a\nb"}), "no mode": second(s.Failover(ctx, "m", FailoverOptions{Mode: 9})),
			"no port": s.AddReplica(ctx, "m", "127.0.0.1"), "host name": s.AddReplica(ctx, "m", "replica.invalid:6379"),
			"name": s.Monitor(ctx, MasterConfig{Name: "a b", Addr: "127.0.0.1:1", Quorum: 1}),
		} {
			if err == nil {
				t.Errorf("%s is not refused", call)
				continue
			}
			for line := range strings.Lines(err.Error()) {
				if !strings.HasPrefix(line, "sentinel: ") {
					t.Errorf("%s: %v", call, err)
				}
			}
		}
		for call, err := range map[string]error{
			"Update": s.Update(ctx, "x", func(*MasterConfig) {}), "Remove": s.Remove(ctx, "x"), "Reset": s.Reset(ctx, "?"), "AddReplica": s.AddReplica(ctx, "x", "127.0.0.1:1"), "Pause": s.Pause(ctx, "x", Pause{Until: in(time.Hour)}),
			"Resume": s.Resume(ctx, "x"), "Failover": second(s.Failover(ctx, "x", FailoverOptions{})), "Failovers": second(s.Failovers(ctx, "x", -1)),
			"Master": second(s.Master(ctx, "x")), "Replicas": second(s.Replicas(ctx, "x")), "Peers": second(s.Peers(ctx, "x")),
		} {
			if !errors.Is(err, ErrNoSuchMaster) {
				t.Errorf("%s of a master that is not there: %v", call, err)
			}
		}
		if q, err := s.CheckQuorum(ctx, "x"); !errors.Is(err, ErrNoSuchMaster) || q != (Quorum{}) {
			t.Errorf("CheckQuorum: %+v, %v", q, err)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

// TestUpdateAgainstRemove: changes that race are made in some order, and each says what
// became of it.
func TestUpdateAgainstRemove(t *testing.T) {
	s := start(t, Config{Masters: []MasterConfig{{Name: "m", Addr: "127.0.0.1:1", Quorum: 1}}})
	ctx := t.Context()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a panic of the program is hidden")
			}
		}()
		_ = s.Update(ctx, "m", func(*MasterConfig) { panic("a mistake of the program") })
	}()
	work := sync.WaitGroup{}
	for _, f := range []func() error{
		func() error {
			return s.Update(ctx, "m", func(m *MasterConfig) {
				m.Quorum++
				m.RenamedCommands = map[string]string{"PING": fmt.Sprint("p", m.Quorum)}
			})
		},
		func() error { return s.Remove(ctx, "m") },
		func() error { return s.Monitor(ctx, MasterConfig{Name: "m", Addr: "127.0.0.1:1", Quorum: 1}) },
		func() error { return second(s.Masters(ctx)) },
	} {
		for range 2 {
			work.Go(func() {
				for range 200 {
					if err := f(); err != nil && !errors.Is(err, ErrNoSuchMaster) && !errors.Is(err, ErrMasterExists) {
						t.Error(err)
					}
				}
			})
		}
	}
	work.Wait()
	if err := s.Monitor(ctx, MasterConfig{Name: "last", Addr: "127.0.0.1:1", Quorum: 1, RenamedCommands: map[string]string{"PING": "p"}}); err != nil {
		t.Fatal(err)
	}
	view, err := s.Master(ctx, "last")
	if err != nil {
		t.Fatal(err)
	}
	view.Config.RenamedCommands["PING"] = "changed"
	if again, err := s.Master(ctx, "last"); err != nil || again.Config.RenamedCommands["PING"] != "p" {
		t.Errorf("a view shares what it shows: %+v, %v", again.Config, err)
	}
}

// TestFailoverGivenUpByItsCaller: whose context ends does not wait, the failover goes on,
// and what is told of it meanwhile is a copy.
func TestFailoverGivenUpByItsCaller(t *testing.T) {
	old := startFakeWith(t, fakeredis.Config{})
	replica := startFakeWith(t, fakeredis.Config{ReplicaOf: old.Addr()})
	s := start(t, Config{Masters: []MasterConfig{{Name: "m", Addr: old.Addr(), Quorum: 1}}})
	waitForReplica(t, s)
	replica.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if report, err := s.Failover(ctx, "m", FailoverOptions{Wait: true}); !errors.Is(err, context.DeadlineExceeded) || report.ID != 0 || report.String() != "no failover" {
		t.Errorf("%+v, %v", report, err)
	}
	if _, err := s.Failover(t.Context(), "m", FailoverOptions{}); !errors.Is(err, ErrInProgress) {
		t.Errorf("a second one: %v", err)
	}
	if m, err := s.Master(t.Context(), "m"); err != nil || m.Failover == "" || m.Failover == PhaseOver {
		t.Errorf("it is at %q, %v", m.Failover, err)
	}
	list, err := s.Failovers(t.Context(), "m", 1)
	if err != nil || len(list) != 1 || list[0].Over() {
		t.Fatalf("%+v, %v", list, err)
	}
	list[0].Phases[0].Name = "changed"
	replica.Resume()
	resptest.Eventually(t, "it is over", func() bool {
		list, err = s.Failovers(t.Context(), "m", 0)
		return err == nil && len(list) == 1 && list[0].Promoted()
	})
	if list[0].Phases[0].Name == "changed" {
		t.Error("a report shares what it tells")
	}
	list[0].Phases[0].Name = "changed"
	if again, err := s.Failovers(t.Context(), "m", 0); err != nil || again[0].Phases[0].Name == "changed" {
		t.Errorf("a report that is kept shares what it tells: %v", err)
	}
}

// deaf is a log handler that does not return before it is released.
type deaf struct {
	slog.Handler
	release chan struct{}
}

func (d deaf) Handle(context.Context, slog.Record) error { <-d.release; return nil }

// TestLoggerThatHangs: the log of the program holds up neither the start, nor the work,
// nor the end.
func TestLoggerThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		cfg := offline(nil)
		cfg.Logger = slog.New(deaf{slog.NewTextHandler(io.Discard, nil), release})
		s, end := run(t, cfg)
		<-s.Ready()
		time.Sleep(time.Hour) // the master is down, which is logged
		if err := s.Health(t.Context()); err != nil {
			t.Errorf("Health: %v", err)
		}
		begun := time.Now()
		if err := end(); err != nil || time.Since(begun) > 5*time.Second {
			t.Errorf("it ended after %v: %v", time.Since(begun), err)
		}
		close(release)
	})
}
