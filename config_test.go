package sentinel

import (
	"context"
	"crypto/tls"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
)

// Every mistake is reported, with and without a state file, and nothing starts.
func TestNewRejects(t *testing.T) {
	good := MasterConfig{Name: "cache", Addr: "10.0.0.1:6379", Quorum: 2}
	with := func(change func(*MasterConfig)) Config {
		m := good
		change(&m)
		return Config{Masters: []MasterConfig{m}}
	}
	for _, c := range []struct {
		cfg  Config
		says string
	}{
		{with(func(m *MasterConfig) { m.Name = "" }), "cannot be empty"},
		{with(func(m *MasterConfig) { m.Name = "a,b" }), "cannot contain blanks, commas"},
		{with(func(m *MasterConfig) { m.Name = "a\nb" }), "cannot contain blanks, commas"},
		{with(func(m *MasterConfig) { m.Quorum = 0 }), "Quorum must be 1 or greater"},
		{with(func(m *MasterConfig) { m.DownAfter = -time.Second }), "DownAfter must not be negative"},
		{with(func(m *MasterConfig) { m.FailoverTimeout = -1 }), "FailoverTimeout must not be negative"},
		{with(func(m *MasterConfig) { m.EmptyPromotionGrace = -1 }), "EmptyPromotionGrace must not be negative"},
		{with(func(m *MasterConfig) { m.ParallelSyncs = -1 }), "ParallelSyncs must not be negative"},
		{with(func(m *MasterConfig) { m.Addr = "10.0.0.1" }), "must be host:port"},
		{with(func(m *MasterConfig) { m.Addr = "10.0.0.1:70000" }), "from 1 to 65535"},
		{with(func(m *MasterConfig) { m.Addr = "redis1:6379" }), "set ResolveHostnames"},
		{Config{Masters: []MasterConfig{good, good}}, "stands twice"},
		{Config{AnnouncePort: 99999}, "from 0 to 65535"},
		{Config{AnnounceIP: "nowhere"}, "set ResolveHostnames"},
		{Config{AnnounceIP: "0.0.0.0"}, "nobody can connect"},
		{Config{AnnounceIP: "10.0.0.1,x", ResolveHostnames: true}, "commas"},
		{with(func(m *MasterConfig) { m.Addr = "0.0.0.0:6379" }), "nobody can connect"},
		{with(func(m *MasterConfig) { m.Addr = "[::]:6379" }), "nobody can connect"},
		{with(func(m *MasterConfig) { m.Addr = " 10.0.0.1:6379" }), "white space"},
	} {
		for _, file := range []string{"", filepath.Join(t.TempDir(), "state.toml")} {
			c.cfg.StateFile = file
			if _, err := New(c.cfg); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%+v: error %v, want %q", c.cfg, err, c.says)
			}
		}
	}
	twice := with(func(m *MasterConfig) { m.Name, m.Quorum = "", 0 })
	if _, err := New(twice); err == nil || !strings.Contains(err.Error(), "name of a master") || !strings.Contains(err.Error(), "Quorum") {
		t.Errorf("two mistakes, but the error is %v", err)
	}
}

// TestTenMistakes: one error names all of them.
func TestTenMistakes(t *testing.T) {
	cfg := Config{
		Listen: "26379", StateFile: "state.toml", Store: new(MemoryStore), AnnouncePort: -1, AnnounceIP: "nowhere", Password: "a\nb",
		PeerUser: "bob", GossipPort: 70000, GossipKeys: []string{"x"}, GossipJoin: []string{"y"}, Limits: Limits{Clients: -1, EventsBytes: -1},
		Policy: Policy{Timeout: math.MaxInt64}, ListenTLS: &tls.Config{},
		Masters: []MasterConfig{
			{Name: "cache", Addr: "10.0.0.1:6379", Quorum: 1},
			{Name: "cache", Addr: "redis1:6379", DownAfter: -1, NotificationScript: "script", RenamedCommands: map[string]string{"PING": "", "a\nb": "x"}},
		},
	}
	_, err := New(cfg)
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	for _, says := range []string{
		"Listen ", "StateFile and Store", "AnnouncePort", "AnnounceIP", "Password", "PeerUser", "GossipPort", "GossipKeys", "GossipJoin", "Limits.Clients",
		"Limits.EventsBytes", `master "cache": "redis1" is not an IP address`, `master "cache": Quorum`, `master "cache": DownAfter`,
		`master "cache": NotificationScript`, `master "cache": RenamedCommands: "PING"`, `master "cache": RenamedCommands: "a\nb"`, `master "cache": it stands twice`,
		"Policy.Timeout", "ListenTLS ",
	} {
		found := 0
		for _, l := range lines {
			if strings.HasPrefix(l, "sentinel: "+says) {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%q stands %d times in\n%v", says, found, err)
		}
	}
	if len(lines) != 20 {
		t.Errorf("%d lines:\n%v", len(lines), err)
	}
	if strings.Contains(err.Error(), "a\nb") {
		t.Error("the password is shown")
	}
}

// TestMistakesAndBadState: what is wrong with the state file is named beside the rest.
func TestMistakesAndBadState(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.toml")
	if err := os.WriteFile(state, []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := New(Config{StateFile: state, AnnouncePort: -1})
	if err == nil || !strings.Contains(err.Error(), "AnnouncePort") || !strings.Contains(err.Error(), "not a state file") || !strings.Contains(err.Error(), "with StateFile") {
		t.Errorf("New: %v", err)
	}
}

// TestListenTLS: certificates that nobody would see, or that are missing.
func TestListenTLS(t *testing.T) {
	cert := &tls.Config{Certificates: []tls.Certificate{{}}}
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{ListenTLS: cert}, "needs Listen or Listener"},
		{Config{Listen: ":0", ListenTLS: &tls.Config{}}, "no certificate"},
		{Config{Listen: ":0", ListenTLS: cert}, ""},
		{Config{Listen: ":0", ListenTLS: &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }}}, ""},
	} {
		if _, err := New(c.cfg); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("New: %v, want %q", err, c.want)
		}
	}
}

// TestUnwritable: a state that cannot be saved ends Run at once and says what to do, and
// not at the first vote.
func TestUnwritable(t *testing.T) {
	s, err := New(Config{StateFile: filepath.Join(t.TempDir(), "missing", "state.toml")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var wrong *configrewrite.NotWritableError
	if err := s.Run(ctx); !errors.As(err, &wrong) {
		t.Errorf("Run: %v", err)
	}
}

func TestGossipConfig(t *testing.T) {
	if _, err := New(Config{GossipKeys: []string{"x"}}); err == nil || !strings.Contains(err.Error(), "GossipKeys") {
		t.Errorf("New: %v", err)
	}
	for port, want := range map[int]int{0: -1, -1: 0, 99: 99} {
		if got := (Config{GossipPort: port}).gossip().Port; got != want {
			t.Errorf("GossipPort %d becomes %d, want %d", port, got, want)
		}
	}
}
