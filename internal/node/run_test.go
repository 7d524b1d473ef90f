package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/listen"
	"github.com/gosentinel/sentinel/internal/logfile"
	"github.com/gosentinel/sentinel/internal/server"
	"github.com/gosentinel/sentinel/monitor"
)

// embedded configures a Sentinel as the library does, with a free port of the
// loopback interface.
func embedded(masters ...monitor.MasterConfig) Config {
	base := configrewrite.Config{Settings: configrewrite.DefaultSettings()}
	base.Settings.Gossip.Port = -1
	for _, m := range masters {
		base.State.Masters = append(base.State.Masters, &monitor.MasterState{MasterConfig: m})
	}
	return Config{Base: base, Listen: func(log logfile.Sink) (*listen.Sockets, error) {
		return listen.One("127.0.0.1:0", nil, log.Log)
	}}
}

// lineLog collects log lines.
type lineLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *lineLog) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

func (l *lineLog) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

// TestLifeOfASentinel: hooks and log lines come in order, and the log names the
// cause of the shutdown.
func TestLifeOfASentinel(t *testing.T) {
	var log lineLog
	cfg := embedded(monitor.MasterConfig{Name: "cache", Addr: monitor.Addr{Host: "127.0.0.1", IP: "127.0.0.1", Port: 1}, Quorum: 1})
	cfg.Logger = slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
		log.add(string(p))
		return len(p), nil
	}), nil))
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if s.Alive() {
		t.Error("alive before Run")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	ready := make(chan struct{})
	s.SetHooks(Hooks{
		Ready:    func() { log.add("hook ready"); close(ready) },
		Stopping: func() { log.add("hook stopping") },
		Stopped:  func() { log.add("hook stopped") },
	})
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	<-ready
	if !s.Alive() {
		t.Error("not alive while it runs")
	}
	s.Log(monitor.LevelWarning, "said from outside")
	cancel(errors.New("because of the test"))
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if s.Alive() {
		t.Error("alive after Run")
	}
	s.Log(monitor.LevelWarning, "too late")
	all := log.all()
	for _, order := range [][]string{ // the handler of the program takes lines in its own time
		{"Running mode=sentinel", "Sentinel ID is", "said from outside", "because of the test", "bye bye"},
		{"hook ready", "hook stopping", "hook stopped", "bye bye"},
	} {
		rest := all
		for _, want := range order {
			i := slices.IndexFunc(rest, func(line string) bool { return strings.Contains(line, want) })
			if i < 0 {
				t.Fatalf("no %q, or in the wrong order, in\n%s", want, strings.Join(all, "\n"))
			}
			rest = rest[i+1:]
		}
		if len(rest) != 0 {
			t.Errorf("after the end: %q", rest)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestAliveNoticesAStuckLoop: Alive does not return while the loop is stuck. That
// is how a watchdog notices.
func TestAliveNoticesAStuckLoop(t *testing.T) {
	s, err := New(embedded())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error)
	s.SetHooks(Hooks{Ready: func() { close(ready) }})
	go func() { ended <- s.Run(ctx) }()
	<-ready
	stuck, release, freed := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		s.view(func(server.Reader, monitor.Instant) { close(stuck); <-release })
		close(freed)
	}()
	<-stuck
	answer := make(chan bool)
	go func() { answer <- s.Alive() }()
	select {
	case <-answer:
		t.Error("a stuck loop counts as alive")
	default:
	}
	// Alive cannot return before the loop was released, because the loop answers
	// in order.
	released := false
	s.running.Load().inbox.items <- item{view: func(*monitor.Core, monitor.Instant) { released = true }}
	close(release)
	if !<-answer {
		t.Error("the loop works again and does not count as alive")
	}
	<-freed
	cancel()
	if err := <-ended; err != nil || !released {
		t.Errorf("%v, released %t", err, released)
	}
}

// TestOpenFindsEverything: one attempt to start reports everything that must be
// fixed.
func TestOpenFindsEverything(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s.conf")
	conf := "port 0\nstate-file /nonexistent/s.toml\ntls-replication yes\nsentinel monitor m 127.0.0.1 1 2\n"
	if err := os.WriteFile(path, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Open(path, Process{})
	var unwritable *configrewrite.NotWritableError
	if !errors.As(err, &unwritable) {
		t.Errorf("no word about the state file: %v", err)
	}
	for _, want := range []string{"Configured to not listen anywhere", "Failed to configure TLS: No tls-cert-file configured!",
		"Failed to configure TLS: Either tls-ca-cert-file"} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	var config *configrewrite.Error
	if _, err := Open(path, Process{}, "port x", "prot 5"); !errors.As(err, &config) || len(config.Problems) != 2 {
		t.Errorf("mistakes in the text: %v", err)
	}
}

// Log and Event make a lineLog a sink of the log.
func (l *lineLog) Log(_ monitor.Level, text string) { l.add(text) }
func (l *lineLog) Event(monitor.Event)              {}

func (l *lineLog) Record(_ monitor.Level, text string, _ ...slog.Attr) { l.add(text) }

// TestEndSaysWhy: the log tells the real cause of an end, and names a user only
// where one asked for it.
func TestEndSaysWhy(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	with := func(cause error) context.Context {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(cause)
		return ctx
	}
	const requested = "User requested shutdown..."
	daemon, embedded := &Node{process: Process{Exit: os.Exit}}, &Node{}
	for name, c := range map[string]struct {
		s    *Node
		ctx  context.Context
		want []string
	}{
		"SHUTDOWN":         {daemon, with(ErrShutdown), []string{requested}},
		"signal":           {daemon, with(errors.New("Received SIGTERM scheduling shutdown...")), []string{"Received SIGTERM scheduling shutdown...", requested}},
		"program":          {embedded, cancelled, []string{"The program that runs this Sentinel ends it (context canceled), shutting down..."}},
		"program's reason": {embedded, with(errors.New("no more work")), []string{"no more work"}},
		"crash or failure": {daemon, with(errEnded), nil},
	} {
		var log lineLog
		c.s.logShutdownCause(c.ctx, &log)
		if got := log.all(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestQueueLimit: client-output-buffer-limit is respected, and there is always a
// limit.
func TestQueueLimit(t *testing.T) {
	for _, c := range []struct {
		hard, soft int64
		want       int
	}{{32 << 20, 8 << 20, 8 << 20}, {1 << 20, 8 << 20, 1 << 20}, {64 << 20, 0, 64 << 20}, {0, 5, 5}, {0, 0, 0}} {
		if got := queueLimit(configrewrite.OutputLimit{HardBytes: c.hard, SoftBytes: c.soft}); got != c.want {
			t.Errorf("%d and %d: %d, want %d", c.hard, c.soft, got, c.want)
		}
	}
	if got := queueLimit(configrewrite.DefaultSettings().OutputLimits.PubSub); got != 8<<20 {
		t.Errorf("by default: %d", got)
	}
}
