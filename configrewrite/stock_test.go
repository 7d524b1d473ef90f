package configrewrite

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosentinel/sentinel/monitor"
)

// stock is a running redis-sentinel.
type stock struct {
	t      *testing.T
	cmd    *exec.Cmd
	output bytes.Buffer
	exited chan struct{}
	client *redis.Client
}

// startStock starts redis-sentinel on a file and waits until it answers.
func startStock(t *testing.T, path string, port int) *stock {
	t.Helper()
	binary, err := exec.LookPath("redis-sentinel")
	if err != nil {
		t.Fatal("redis-sentinel is not installed: run make deps")
	}
	s := &stock{t: t, cmd: exec.Command(binary, path), exited: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	s.cmd.Dir = filepath.Dir(path)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait() // how it ended shows in its output
		close(s.exited)
	}()
	s.client = redis.NewClient(&redis.Options{Addr: net.JoinHostPort("127.0.0.1", fmt.Sprint(port)), MaxRetries: -1})
	t.Cleanup(s.stop)
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for s.client.Ping(context.Background()).Err() != nil {
		select {
		case <-s.exited:
			text, _ := os.ReadFile(path)
			t.Fatalf("redis-sentinel refuses the file:\n%s\n%s", s.output.String(), text)
		case <-deadline:
			t.Fatal("redis-sentinel does not answer")
		case <-tick.C:
		}
	}
	return s
}

func (s *stock) stop() {
	_ = s.client.Close()
	_ = s.cmd.Process.Signal(syscall.SIGKILL) // it may have exited
	<-s.exited
}

func (s *stock) do(args ...any) any {
	s.t.Helper()
	reply, err := s.client.Do(context.Background(), args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		s.t.Fatalf("%v: %v", args, err)
	}
	return reply
}

// fields returns the reply to SENTINEL MASTER.
func (s *stock) fields(master string) map[string]string {
	s.t.Helper()
	m, err := s.client.Do(context.Background(), "SENTINEL", "MASTER", master).Result()
	if err != nil {
		s.t.Fatal(err)
	}
	out := map[string]string{}
	switch m := m.(type) {
	case map[any]any:
		for k, v := range m {
			out[fmt.Sprint(k)] = fmt.Sprint(v)
		}
	case []any:
		for i := 0; i+1 < len(m); i += 2 {
			out[fmt.Sprint(m[i])] = fmt.Sprint(m[i+1])
		}
	}
	return out
}

// unusedPorts returns ports at which nobody listens.
func unusedPorts(t *testing.T, n int) []int {
	t.Helper()
	ports := make([]int, n)
	for i := range ports {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		ports[i] = ln.Addr().(*net.TCPAddr).Port
	}
	return ports
}

func local(port int) monitor.Addr {
	return monitor.Addr{Host: "127.0.0.1", IP: "127.0.0.1", Port: port}
}

// TestStockLoadsOurs: what is written here is loaded by redis-sentinel, which
// shows the same, and what that writes is loaded here as the same state.
func TestStockLoadsOurs(t *testing.T) {
	ports := unusedPorts(t, 6)
	path := filepath.Join(t.TempDir(), "sentinel.conf")
	writeText(t, path, fmt.Sprintf("# kept\nport %d\nsentinel monitor first 127.0.0.1 %d 2\nsentinel down-after-milliseconds first 60000",
		ports[0], ports[1]))
	f := mustLoad(t, path)
	st := f.State()
	st.Options = monitor.Options{MyID: idA, AnnouncePort: 4711, AnnounceIP: "127.0.0.9", AllowScriptsReconfig: true,
		SentinelUser: "u", SentinelPass: "p", ResolveHostnames: true, AnnounceHostnames: true}
	st.CurrentEpoch = 12
	m := st.Masters[0]
	m.Addr, m.Quorum = local(ports[2]), 3
	m.ConfigEpoch, m.LeaderEpoch, m.FailoverTimeout, m.ParallelSyncs = 9, 11, 77*time.Second, 4
	m.AuthUser, m.AuthPass, m.RebootDownAfter = "bob", "secret", 5*time.Second
	m.Rename = monitor.NewRenameTable(monitor.Renamed{From: "CONFIG", To: "hidden"}, monitor.Renamed{From: "SLAVEOF", To: "x"})
	m.Lineage = grownFrom(lineage(idC, 77, true, true), idB, 42)
	m.Pause = monitor.FailoverPause{Version: 7, By: idB, Until: 1700000000000, Reason: "a new kernel"}
	m.Tombstones = []monitor.Tombstone{{ID: idA, Version: 7, By: idB, Until: 1700000000000}, {At: monitor.HostPort{Host: "h", Port: 1}, Version: 8, By: idB, Until: 1700000000000, Over: true}}
	m.Fenced = 3
	m.Replicas = []monitor.Addr{local(ports[1]), local(ports[3])}
	m.Sentinels = []monitor.KnownSentinel{{Addr: local(ports[4]), ID: idB}, {Addr: local(ports[5]), ID: idC}}
	second := &monitor.MasterState{MasterConfig: monitor.MasterConfig{Name: "second", Addr: local(ports[5]), Quorum: 1}.WithDefaults()}
	second.VoteUnknown = true
	st.Masters = []*monitor.MasterState{m, second}
	if err := f.Save(st); err != nil {
		t.Fatal(err)
	}

	s := startStock(t, path, ports[0])
	if id := s.do("SENTINEL", "MYID"); id != idA {
		t.Errorf("stock has the id %v", id)
	}
	got := s.fields("first")
	for key, want := range map[string]string{
		"port": fmt.Sprint(ports[2]), "quorum": "3", "config-epoch": "9", "down-after-milliseconds": "60000",
		"failover-timeout": "77000", "parallel-syncs": "4", "num-slaves": "2", "num-other-sentinels": "2",
	} {
		if got[key] != want {
			t.Errorf("stock shows %s %s, want %s", key, got[key], want)
		}
	}
	s.do("SENTINEL", "FLUSHCONFIG")
	s.stop()
	back := mustLoad(t, path)
	if err := compareStates(withSortedHelpers(back.State()), withSortedHelpers(fileState(st)), FormatTOML); err != nil {
		t.Errorf("after stock rewrote it: %v\n%s\nstate:\n%s", err, readText(t, path), describe(back.State()))
	}
	if !strings.HasPrefix(readText(t, path), "# kept\n") || back.Settings().Port != ports[0] {
		t.Errorf("after stock rewrote it:\n%s", readText(t, path))
	}
}

// withSortedHelpers orders what stock keeps in hash tables.
func withSortedHelpers(st monitor.State) monitor.State {
	st = normalState(st)
	for i := range st.Masters {
		m := st.Masters[i]
		slices.SortFunc(m.Replicas, func(a, b monitor.Addr) int { return cmp.Compare(a.Port, b.Port) })
		slices.SortFunc(m.Sentinels, func(a, b monitor.KnownSentinel) int { return cmp.Compare(a.ID, b.ID) })
		renames := m.Rename.Entries()
		slices.SortFunc(renames, func(a, b monitor.Renamed) int { return cmp.Compare(a.From, b.From) })
		m.Rename = monitor.NewRenameTable(renames...)
	}
	return st
}

// TestStockLoadsNastyWords: quoting survives the reader of the original.
func TestStockLoadsNastyWords(t *testing.T) {
	port := unusedPorts(t, 1)[0]
	path := filepath.Join(t.TempDir(), "sentinel.conf")
	writeText(t, path, fmt.Sprintf("port %d\n", port))
	f := mustLoad(t, path)
	st := f.State()
	for i, word := range nastyWords {
		if strings.Contains(word, "\x00") {
			continue // a C program cannot hold it in a name
		}
		st.Masters = append(st.Masters, &monitor.MasterState{MasterConfig: monitor.MasterConfig{
			Name: word, Addr: local(1 + i), Quorum: 1, AuthPass: word, AuthUser: word,
			Rename: monitor.NewRenameTable(monitor.Renamed{From: "PING", To: word}),
		}})
	}
	st.Options.SentinelPass = nastyWords[1]
	if err := f.Save(st); err != nil {
		t.Fatal(err)
	}
	s := startStock(t, path, port)
	for _, m := range st.Masters {
		if got := s.fields(m.Name); got["name"] != m.Name || got["port"] != fmt.Sprint(m.Addr.Port) {
			t.Errorf("stock shows master %q as %q", m.Name, got)
		}
	}
	if got := fmt.Sprint(s.do("SENTINEL", "CONFIG", "GET", "sentinel-pass")); !strings.Contains(got, nastyWords[1]) {
		t.Errorf("stock has the sentinel-pass %s", got)
	}
}

// TestWeLoadStock: a file that only stock ever wrote, with its command line,
// its monitor command and its removal, is loaded without a warning.
func TestWeLoadStock(t *testing.T) {
	ports := unusedPorts(t, 4)
	path := filepath.Join(t.TempDir(), "sentinel.conf")
	writeText(t, path, fmt.Sprintf("port %d\nsentinel monitor gone 127.0.0.1 %d 2\nsentinel known-slave gone 127.0.0.1 %d\n", ports[0], ports[1], ports[2]))
	s := startStock(t, path, ports[0])
	s.do("SENTINEL", "MONITOR", "m", "127.0.0.1", ports[3], "2")
	s.do("SENTINEL", "SET", "m", "auth-pass", "secret", "down-after-milliseconds", "61000")
	s.do("SENTINEL", "REMOVE", "gone")
	id := s.do("SENTINEL", "MYID")
	s.stop()

	f := mustLoad(t, path)
	st := f.State()
	if st.Options.MyID != monitor.RunID(id.(string)) || len(st.Masters) != 1 {
		t.Fatalf("loaded %s", describe(st))
	}
	m := st.Masters[0]
	if m.Name != "m" || m.Addr.Port != ports[3] || m.Quorum != 2 || m.AuthPass != "secret" || m.DownAfter != 61*time.Second || m.VoteUnknown {
		t.Errorf("loaded %s", describe(st))
	}
	for _, w := range f.Warnings() { // stock leaves the known-slave line of a removed master behind
		if !strings.Contains(w, "known-slave gone") {
			t.Errorf("warning: %s", w)
		}
	}
	if err := f.Save(st); err != nil {
		t.Fatal(err)
	}
	if text := readText(t, path); strings.Contains(text, "gone") {
		t.Errorf("the line left behind is still there:\n%s", text)
	}
	startStock(t, path, ports[0])
}
