package gossip

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/gossip/session"
	"github.com/gosentinel/sentinel/monitor"
)

// real starts a node on sockets of this machine.
func real(t *testing.T, c byte, host string, change func(*Config)) *node {
	t.Helper()
	n := newMemory().start(t, c, session.Boot(c), func(cfg *Config) {
		cfg.open, cfg.Addrs = nil, []string{host}
		if change != nil {
			change(cfg)
		}
	})
	n.addr = netip.AddrPortFrom(netip.MustParseAddr(host), uint16(n.Port())).String()
	t.Cleanup(n.CloseSoon)
	return n
}

// eventually waits until cond holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waiting for: %s", what)
		}
	}
}

// TestRealSockets: the same over UDP of both families.
func TestRealSockets(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		t.Run(host, func(t *testing.T) {
			if pc, err := net.ListenPacket("udp", net.JoinHostPort(host, "0")); errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL) {
				t.Skipf("this machine has no %s", host)
			} else if err == nil {
				pc.Close()
			}
			a, b := real(t, 'a', host, nil), real(t, 'b', host, nil)
			meet(a, b)
			eventually(t, "both to be up", func() bool { return a.Up(b.id) && b.Up(a.id) })
			for i := range 500 {
				o := opinion("m", true)
				o.Master += strconv.Itoa(i)
				a.Do(o)
			}
			a.Flush()
			eventually(t, "500 opinions", func() bool { return len(b.opinions()) >= 500 })
			b.CloseSoon()
			eventually(t, "a to miss b", func() bool { return !a.Up(b.id) })
		})
	}
}

// TestPortTaken: an error that names the port, and no socket is left open.
func TestPortTaken(t *testing.T) {
	held, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	port := held.LocalAddr().(*net.UDPAddr).Port
	_, err = New(Config{
		ID: idOf('a'), Boot: 1, Keys: []Key{PublicKey()}, Addrs: []string{"127.0.0.1"}, Port: port,
		Now: func() monitor.Instant { return 1 }, Deliver: func(monitor.Instant, monitor.Input) {},
	})
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), strconv.Itoa(port)) {
		t.Error(err)
	}
}

// TestAddresses: one that the machine lacks is left out if it is optional.
func TestAddresses(t *testing.T) {
	n := real(t, 'a', "127.0.0.1", func(c *Config) { c.Addrs = []string{"127.0.0.1", "-192.0.2.1"} })
	if got := len(n.router.sockets.(*netSockets).udp); got != 1 {
		t.Errorf("%d sockets", got)
	}
	for _, addrs := range [][]string{{"192.0.2.1"}, {"nowhere"}, {"-192.0.2.1"}} {
		s, err := openSockets(addrs, 0, nobody{})
		if err == nil {
			s.close()
			t.Errorf("%v could be opened", addrs)
		}
	}
}

// TestStrangersOnRealSockets: packets without the key are rejected and counted,
// and others do not notice.
func TestStrangersOnRealSockets(t *testing.T) {
	secret := func(c *Config) { c.Keys = []Key{Key(strings.Repeat("s", 32))} }
	a, b := real(t, 'a', "127.0.0.1", secret), real(t, 'b', "127.0.0.1", secret)
	meet(a, b)
	eventually(t, "both to be up", func() bool { return a.Up(b.id) && b.Up(a.id) })

	pc, err := net.ListenPacket("udp", "127.0.0.99:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(b.addr))
	before := b.Stats()
	for n := range 3000 {
		if _, err := pc.WriteTo(make([]byte, n), to); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "packets to be refused", func() bool {
		s := b.Stats()
		return s.Forged > before.Forged+100 && s.Oversized > before.Oversized+100
	})
	a.Do(opinion("m", true))
	a.Flush()
	eventually(t, "an opinion after all that", func() bool { return len(b.opinions()) > 0 })
}

// FuzzPacket: only what a key has sealed comes through, whole or in pieces.
func FuzzPacket(f *testing.F) {
	k, err := newKeys([]Key{PublicKey()}, func() monitor.Instant { return 1 })
	if err != nil {
		f.Fatal(err)
	}
	x := newExchanger(k, func([]byte, netip.AddrPort) error { return nil }, func(c net.Conn) { f.Error("a connection of a stranger") })
	f.Add([]byte{})
	f.Add([]byte{sealVersion})
	f.Add([]byte{fragmentType})
	f.Add(append([]byte{fragmentType, sealVersion}, make([]byte, 60)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if k.verify(b, nil) {
			t.Errorf("%x is a packet", b)
		}
		if len(b) > 0 && x.receive(b, netip.AddrPort{}) {
			t.Errorf("%x is a piece", b)
		}
	})
}

func TestKeys(t *testing.T) {
	if k := KeyFromPassword("correct horse"); k.ID() != KeyFromPassword("correct horse").ID() || k.ID() == KeyFromPassword("correct horsf").ID() || len(k) != 32 {
		t.Error("passwords and keys do not correspond")
	}
	for text, ok := range map[string]bool{
		"AAAAAAAAAAAAAAAAAAAAAA==": true, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=": true, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX": true,
		"": false, "AAAA": false, "secret": false, "AAAAAAAAAAAAAAAAAAAAAAA=": false,
	} {
		k, err := ParseKey(text)
		if (err == nil) != ok || err != nil && (k != nil || text != "" && strings.Contains(err.Error(), text)) {
			t.Errorf("%q: %v, %v", text, k, err)
		}
	}
	for _, c := range []struct {
		list, other string
		want        bool
	}{{"a", "a", true}, {"a", "b", false}, {"a,b", "b,c", true}, {"a,b", "c,b", false}, {"a", "", false}} {
		if got := canRead(c.list, c.other); got != c.want {
			t.Errorf("who has %s reads %s: %t", c.list, c.other, got)
		}
	}
	if (&keys{now: func() monitor.Instant { return 1 }}).verify(make([]byte, 100), nil) {
		t.Error("without a key something opens")
	}
}
