package sentinel

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gosentinel/sentinel/configrewrite"
)

func plainOnly(net.Listener) net.Listener { panic("there is no TLS port") }

// takenPort returns a port at which something listens at every IPv4 address.
func takenPort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().(*net.TCPAddr).Port
}

// unusedPort returns a port that was free a moment ago.
func unusedPort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// TestBindFailures: which addresses may be missing, and what a failure says.
func TestBindFailures(t *testing.T) {
	taken := takenPort(t)
	const nowhere = "192.0.2.1" // reserved for documentation: no machine has it
	for name, c := range map[string]struct {
		port int
		bind []string
		says []string // nil: it works
	}{
		"taken":             {taken, []string{"*"}, []string{fmt.Sprintf("Warning: Could not create server TCP listening socket *:%d: bind: Address already in use", taken), fmt.Sprintf("Failed listening on port %d (TCP), aborting.", taken)}},
		"taken but for one": {taken, []string{"-::*", "*"}, []string{"*:", "Failed listening"}},
		"optional, taken":   {taken, []string{"-127.0.0.1"}, []string{"127.0.0.1:", "Failed listening"}},
		"not here":          {unusedPort(t), []string{nowhere}, []string{nowhere, "Failed listening"}},
		"optional":          {unusedPort(t), []string{"127.0.0.1", "-" + nowhere}, nil},
		"only optional":     {unusedPort(t), []string{"-" + nowhere}, []string{"none of the addresses of bind", "Failed listening"}},
		"no such name":      {unusedPort(t), []string{"no.such.host.invalid"}, []string{"no.such.host.invalid", "Failed listening"}},
	} {
		set := configrewrite.DefaultSettings()
		set.Port, set.Bind = c.port, c.bind
		socks, err := listenAll(set, plainOnly)
		if err == nil {
			socks.close()
		}
		if c.says == nil {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		lines := []string{""}
		if err != nil {
			lines = linesOf(err)
		}
		if len(lines) != len(c.says) || !strings.Contains(lines[0], c.says[0]) || !strings.Contains(lines[len(lines)-1], c.says[len(c.says)-1]) {
			t.Errorf("%s: %q, want %q", name, lines, c.says)
		}
	}
}

// TestTLSPortFails: what was opened before is closed, and the line names TLS.
func TestTLSPortFails(t *testing.T) {
	set := configrewrite.DefaultSettings()
	set.Port, set.TLS.Port, set.Bind = unusedPort(t), takenPort(t), []string{"127.0.0.1"}
	_, err := listenAll(set, plainOnly)
	if err == nil || !errors.Is(err, syscall.EADDRINUSE) || !strings.HasSuffix(err.Error(), "(TLS), aborting.") {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", set.Port))
	if err != nil {
		t.Fatalf("the plain port is still open: %v", err)
	}
	ln.Close()
}

func TestPorts(t *testing.T) {
	for _, c := range []struct {
		s                       sockets
		shown, plainly, overTLS int
	}{
		{sockets{port: 1}, 1, 1, 1},
		{sockets{port: 1, tlsPort: 2}, 1, 1, 2},
		{sockets{tlsPort: 2}, 2, 2, 2},
		{sockets{}, 0, 0, 0},
	} {
		if a, b, d := c.s.shownPort(), c.s.announcedPort(false), c.s.announcedPort(true); a != c.shown || b != c.plainly || d != c.overTLS {
			t.Errorf("%+v: shown %d, announced %d and over TLS %d", c.s, a, b, d)
		}
	}
}

func TestUnixSocket(t *testing.T) {
	dir := t.TempDir()
	set := configrewrite.DefaultSettings()
	set.Port, set.Dir, set.UnixSocket, set.UnixSocketPerm = 0, dir, "s.sock", 0o770
	path := filepath.Join(dir, "s.sock")
	if err := listensSomewhere(set); err != nil {
		t.Error(err)
	}
	first, err := listenAll(set, plainOnly)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != fs.ModeSocket|0o770 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := listenAll(set, plainOnly); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a socket that is in use: %v", err)
	}
	first.all[0].(*net.UnixListener).SetUnlinkOnClose(false) // as a crash leaves it
	first.close()
	second, err := listenAll(set, plainOnly)
	if err != nil {
		t.Fatalf("a socket that a crash left behind: %v", err)
	}
	second.close()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
	if err := os.WriteFile(path, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := listenAll(set, plainOnly); err == nil {
		t.Error("a file that is no socket was replaced")
	}
	if err := listensSomewhere(configrewrite.Settings{}); err == nil {
		t.Error("no place to listen is accepted")
	}
}

// TestEmbeddedTLS: a Sentinel inside a program listens with what it is given.
func TestEmbeddedTLS(t *testing.T) {
	r := newTLSRig(t, "no") // for its certificates
	socks, err := listenOn("127.0.0.1:0", r.keeper.serverConfig(), bothLogs{})
	if err != nil {
		t.Fatal(err)
	}
	defer socks.close()
	if socks.port != 0 || socks.tlsPort == 0 || socks.announcedPort(true) != socks.tlsPort {
		t.Errorf("%+v", socks)
	}
	go func() {
		if nc, err := socks.all[0].Accept(); err == nil {
			nc.Write([]byte("hello\n"))
			nc.Close()
		}
	}()
	conn, err := tls.Dial("tcp", socks.all[0].Addr().String(), &tls.Config{RootCAs: r.ca.Pool(), ServerName: "server.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	talkless := make([]byte, 6)
	if _, err := conn.Read(talkless); err != nil || string(talkless) != "hello\n" {
		t.Errorf("%q, %v", talkless, err)
	}
}
