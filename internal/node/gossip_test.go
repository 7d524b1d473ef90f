package node

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/gossip"
	"github.com/gosentinel/sentinel/internal/listen"
	"github.com/gosentinel/sentinel/monitor"
)

// Two identities.
const (
	idA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	idB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

const testKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// listenerAt is a listener with an address and nothing else.
type listenerAt struct {
	net.Listener
	addr net.Addr
}

func (l listenerAt) Addr() net.Addr { return l.addr }

// discardLog is a log that discards everything.
type discardLog struct{}

func (discardLog) Log(monitor.Level, string) {}
func (discardLog) Event(monitor.Event)       {}

func (discardLog) Record(monitor.Level, string, ...slog.Attr) {}

func socketsAt(port int, addrs ...string) *listen.Sockets {
	s := &listen.Sockets{Port: port}
	for _, a := range addrs {
		s.Listeners = append(s.Listeners, listenerAt{addr: &net.TCPAddr{IP: net.ParseIP(a), Port: port}})
	}
	return s
}

// TestPlanGossip: by default, gossip uses the Sentinel's addresses and the port
// 10000 above its own. Without a secret it is allowed on loopback only.
func TestPlanGossip(t *testing.T) {
	unix := &listen.Sockets{Listeners: []net.Listener{listenerAt{addr: &net.UnixAddr{Name: "/s", Net: "unix"}}}}
	for name, c := range map[string]struct {
		set   func(*configrewrite.Settings)
		opts  monitor.Options
		socks *listen.Sockets
		off   string // part of the reason
		port  int
		addrs []string
		keys  int
		told  monitor.HostPort
	}{
		"loopback":               {socks: socketsAt(26379, "127.0.0.1", "::1"), port: 36379, addrs: []string{"127.0.0.1", "::1"}, keys: 1},
		"all":                    {socks: socketsAt(26379, "0.0.0.0", "::"), off: "not be encrypted"},
		"one of two":             {socks: socketsAt(26379, "127.0.0.1", "10.0.0.1"), off: "not be encrypted"},
		"all, key":               {set: func(s *configrewrite.Settings) { s.Gossip.Keys = []string{testKey} }, socks: socketsAt(26379, "0.0.0.0"), port: 36379, addrs: []string{"0.0.0.0"}, keys: 1},
		"all, requirepass":       {set: func(s *configrewrite.Settings) { s.RequirePass = "p" }, socks: socketsAt(26379, "0.0.0.0"), port: 36379, addrs: []string{"0.0.0.0"}},
		"all, sentinel-pass":     {opts: monitor.Options{SentinelPass: "p"}, socks: socketsAt(26379, "0.0.0.0"), port: 36379, addrs: []string{"0.0.0.0"}},
		"key before pass":        {set: func(s *configrewrite.Settings) { s.Gossip.Keys, s.RequirePass = []string{testKey, testKey}, "p" }, socks: socketsAt(1, "0.0.0.0"), port: 10001, addrs: []string{"0.0.0.0"}, keys: 2},
		"bind":                   {set: func(s *configrewrite.Settings) { s.Gossip.Bind = []string{"127.0.0.1", "-::1"} }, socks: socketsAt(1, "127.0.0.1"), port: 10001, addrs: []string{"127.0.0.1", "-::1"}, keys: 1},
		"bind to all":            {set: func(s *configrewrite.Settings) { s.Gossip.Bind = []string{"*"} }, socks: socketsAt(1, "127.0.0.1"), off: "not be encrypted"},
		"bind to loopback alone": {set: func(s *configrewrite.Settings) { s.Gossip.Bind = []string{"127.0.0.1"} }, socks: socketsAt(1, "10.0.0.1"), off: "not be encrypted"},
		"port":                   {set: func(s *configrewrite.Settings) { s.Gossip.Port = 5 }, socks: socketsAt(1, "127.0.0.1"), port: 5, addrs: []string{"127.0.0.1"}, keys: 1},
		"off":                    {set: func(s *configrewrite.Settings) { s.Gossip.Port = 0 }, socks: socketsAt(1, "127.0.0.1"), off: gossipNotWanted},
		"high port":              {socks: socketsAt(60000, "127.0.0.1"), off: "no port 10000 above 60000: set gossip-port"},
		"any port":               {socks: func() *listen.Sockets { s := socketsAt(60000, "127.0.0.1"); s.AnyPort = true; return s }(), addrs: []string{"127.0.0.1"}, keys: 1},
		"no TCP":                 {socks: unix, off: "cannot connect"},
		"announced":              {opts: monitor.Options{AnnounceIP: "192.0.2.1"}, socks: socketsAt(1, "127.0.0.1"), port: 10001, addrs: []string{"127.0.0.1"}, keys: 1},
		"announced for gossip": {
			set:  func(s *configrewrite.Settings) { s.Gossip.AnnounceIP, s.Gossip.AnnouncePort = "192.0.2.9", 7 },
			opts: monitor.Options{AnnounceIP: "192.0.2.1"}, socks: socketsAt(1, "127.0.0.1"), port: 10001, addrs: []string{"127.0.0.1"}, keys: 1, told: monitor.HostPort{Host: "192.0.2.9", Port: 7},
		},
	} {
		set := configrewrite.DefaultSettings()
		if c.set != nil {
			c.set(&set)
		}
		if err := errors.Join(CheckGossip(set.Gossip, nil)...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		p := planGossip(set, c.opts, c.socks)
		if c.off != "" || p.off != "" {
			if c.off == "" || !strings.Contains(p.off, c.off) {
				t.Errorf("%s: off because %q, want %q", name, p.off, c.off)
			}
			continue
		}
		if p.cfg.Port != c.port || !slices.Equal(p.cfg.Addrs, c.addrs) || len(p.cfg.Keys) != c.keys || p.cfg.Announce != c.told {
			t.Errorf("%s: port %d at %v, %d keys, announced as %v", name, p.cfg.Port, p.cfg.Addrs, len(p.cfg.Keys), p.cfg.Announce)
		}
	}
}

// TestGossipEndpoint: the announced address is the Sentinel's current
// announce-ip, unless gossip has an address of its own. For a host name none is
// announced, and peers use the address at which they reached this Sentinel.
func TestGossipEndpoint(t *testing.T) {
	for _, own := range []string{"", "192.0.2.9"} {
		set := configrewrite.DefaultSettings()
		set.Gossip.AnnounceIP = own
		plan := planGossip(set, monitor.Options{AnnounceIP: "192.0.2.1"}, socketsAt(1, "127.0.0.1"))
		plan.cfg.ID, plan.cfg.Port = idA, 0
		plan.cfg.Deliver, plan.cfg.Now = func(monitor.Instant, monitor.Input) {}, func() monitor.Instant { return 0 }
		s := newGossipShell(t.Context(), plan, "", discardLog{})
		for announced, want := range map[string]string{"": "", "192.0.2.1": "192.0.2.1", "192.0.2.2": "192.0.2.2", "a.example": ""} {
			if own != "" {
				want = own
			}
			if host := s.Endpoint(announced).Addr.Host; host != want {
				t.Errorf("announce-ip %q, gossip-announce-ip %q: peers are told %q, want %q", announced, own, host, want)
			}
		}
		s.close(false)
	}
}

// TestGossipMistakes: every mistake is reported with its option, and no key is
// shown.
func TestGossipMistakes(t *testing.T) {
	err := errors.Join(CheckGossip(configrewrite.Gossip{
		Bind: []string{"nowhere"}, AnnounceIP: "a.example", Keys: []string{"c2VjcmV0"}, Join: []string{"10.0.0.1", "10.0.0.1:0", ":5", "h:70000"},
	}, nil)...)
	if err == nil {
		t.Fatal("no error")
	}
	text := err.Error()
	for option, times := range map[string]int{"gossip-bind: ": 1, "gossip-announce-ip: ": 1, "gossip-key: ": 1, "gossip-join: ": 4, "c2VjcmV0": 0} {
		if strings.Count(text, option) != times {
			t.Errorf("%q is not told %d times in %s", option, times, text)
		}
	}
}

// quickKey makes a key without the slow derivation.
func quickKey(password string) gossip.Key {
	return gossip.Key((password + strings.Repeat("-", 32))[:32])
}

// TestGossipShellChangesItsKey: the key is derived from the password once there
// is a peer to gossip with, another password yields another key, and a configured
// key stays.
func TestGossipShellChangesItsKey(t *testing.T) {
	start := func(set func(*configrewrite.Settings), password string) *gossipShell {
		s := configrewrite.DefaultSettings()
		if set != nil {
			set(&s)
		}
		socks := socketsAt(0, "127.0.0.1")
		socks.AnyPort = true
		plan := planGossip(s, monitor.Options{SentinelPass: password}, socks)
		plan.cfg.ID, plan.cfg.Now = idA, newClock().now
		plan.cfg.Deliver, plan.cfg.Log = func(monitor.Instant, monitor.Input) {}, func(monitor.Level, string) {}
		shell := newGossipShell(t.Context(), plan, password, discardLog{})
		shell.keyFrom = quickKey
		t.Cleanup(func() { shell.close(false) })
		return shell
	}
	id := func(password string) string { return quickKey(password).ID() }
	peer := monitor.GossipPeer{ID: idB, Endpoint: monitor.GossipEndpoint{Addr: monitor.HostPort{Host: "127.0.0.1", Port: 9}, Boot: "00000000000000ff"}}

	s := start(nil, "one")
	hold := make(chan struct{})
	s.keyFrom = func(password string) gossip.Key {
		if password == "two" {
			<-hold
		}
		return quickKey(password)
	}
	if got := s.Endpoint(""); got.KeyID != "" || got.Addr.Port == 0 {
		t.Errorf("before there is a peer: %+v", got)
	}
	s.do(peer)
	s.work.Wait()
	if got := s.Endpoint("").KeyID; got != id("one") {
		t.Errorf("the key is %s, want that of the password", got)
	}
	s.rekey("one")
	s.rekey("two")
	s.rekey("three") // before the second is made
	close(hold)
	s.rekey("")
	s.work.Wait()
	if got := s.Endpoint("").KeyID; got != id("three")+","+id("one") {
		t.Errorf("the keys are %s after two changes, want %s and the old one %s", got, id("three"), id("one"))
	}

	s = start(nil, "") // loopback without a secret
	s.rekey("four")
	s.work.Wait()
	if got := s.Endpoint("").KeyID; !strings.HasPrefix(got, id("four")+",") {
		t.Errorf("the keys are %s, want %s first", got, id("four"))
	}

	s = start(func(s *configrewrite.Settings) { s.Gossip.Keys = []string{testKey} }, "one")
	before := s.Endpoint("").KeyID
	s.do(peer)
	s.rekey("five")
	s.work.Wait()
	if got := s.Endpoint("").KeyID; got != before || before == "" {
		t.Errorf("the configured key %s became %s", before, got)
	}
}

// TestGossipPortOpensLater: a port that is taken at the start is opened when it
// becomes free, and the peers that the core named in the meantime are not lost.
func TestGossipPortOpensLater(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	set := configrewrite.DefaultSettings()
	set.Gossip.Port = pc.LocalAddr().(*net.UDPAddr).Port
	plan := planGossip(set, monitor.Options{}, socketsAt(1, "127.0.0.1"))
	plan.cfg.ID, plan.cfg.Now = idA, newClock().now
	plan.cfg.Deliver, plan.cfg.Log = func(monitor.Instant, monitor.Input) {}, func(monitor.Level, string) {}
	ctx, cancel := context.WithCancel(t.Context())
	s := newGossipShell(ctx, plan, "", discardLog{})
	defer func() { cancel(); s.close(false) }()
	s.do(monitor.GossipPeer{ID: idB, Endpoint: monitor.GossipEndpoint{Addr: monitor.HostPort{Host: "127.0.0.1", Port: 9}, Boot: "00000000000000ff"}})
	s.flush()
	if e := s.Endpoint(""); e.Addr.Port != 0 || e.Boot == "" || s.Stats().Peers != 0 || !s.on() {
		t.Errorf("while the port is taken: %+v, %+v", e, s.Stats())
	}
	pc.Close()
	deadline, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for s.Endpoint("").Addr.Port != set.Gossip.Port {
		select {
		case <-tick.C:
		case <-deadline.Done():
			t.Fatal("the port is free and was not opened")
		}
	}
	if s.Stats().Peers != 1 {
		t.Error("a peer was forgotten")
	}
}
