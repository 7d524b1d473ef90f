package listen

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/errtext"
)

func plainOnly(net.Listener) net.Listener { panic("there is no TLS port") }

// takenPort returns a port on which something listens on every IPv4 address.
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

// TestBind: which addresses may be missing, and what is logged about them, in
// redis-sentinel's words.
func TestBind(t *testing.T) {
	taken, free := takenPort(t), unusedPort(t)
	const nowhere = "192.0.2.1" // reserved for documentation: no machine has it
	missing := func(at string, port int, why string) string {
		return fmt.Sprintf("Warning: Could not create server TCP listening socket %s:%d: %s", at, port, why)
	}
	aborting := func(port int) string { return fmt.Sprintf("Failed listening on port %d (TCP), aborting.", port) }
	const (
		inUse, skippable, noName = "bind: Address already in use", "bind: Cannot assign requested address", "Name or service not known"
		nothing                  = "Configured to not listen anywhere, exiting."
	)
	for name, c := range map[string]struct {
		port  int
		bind  []string
		works bool
		says  []string
	}{
		"taken":             {taken, []string{"*"}, false, []string{missing("*", taken, inUse), aborting(taken)}},
		"taken but for one": {taken, []string{"-::*", "*"}, false, []string{missing("*", taken, inUse), aborting(taken)}},
		"optional, taken":   {taken, []string{"-127.0.0.1"}, false, []string{missing("127.0.0.1", taken, inUse), aborting(taken)}},
		"not here":          {free, []string{nowhere}, false, []string{missing(nowhere, free, skippable), aborting(free)}},
		"optional":          {free, []string{"-" + nowhere, "127.0.0.1"}, true, []string{missing(nowhere, free, skippable)}},
		"optional, then taken": {taken, []string{"-" + nowhere, "127.0.0.1"}, false,
			[]string{missing(nowhere, taken, skippable), missing("127.0.0.1", taken, inUse), aborting(taken)}},
		"only optional":  {free, []string{"-" + nowhere}, false, []string{missing(nowhere, free, skippable), nothing}},
		"no such name":   {free, []string{"no.such.host.invalid"}, false, []string{missing("no.such.host.invalid", free, noName), aborting(free)}},
		"no name at all": {free, []string{"127.0.0.1", "-"}, false, []string{missing("", free, noName), aborting(free)}},
		"empty":          {free, []string{""}, false, []string{nothing}},
		"short":          {free, []string{"127.1"}, true, nil},
		"v4 and v6":      {free, []string{"0.0.0.0", "::"}, true, nil},
	} {
		set := configrewrite.DefaultSettings()
		set.Port, set.Bind = c.port, c.bind
		socks, err := All(set, plainOnly)
		var said []string
		if err == nil {
			said = socks.Warnings
			socks.Close()
		} else {
			said = errtext.Lines(err)
		}
		if c.works != (err == nil) || !slices.Equal(said, c.says) {
			t.Errorf("%s: %v, %q, want %q", name, err, said, c.says)
		}
	}
}

// TestBindMeansOneProtocol: 0.0.0.0 does not accept IPv6 connections.
func TestBindMeansOneProtocol(t *testing.T) {
	set := configrewrite.DefaultSettings()
	set.Port, set.Bind = unusedPort(t), []string{"0.0.0.0", "-192.0.2.1"}
	socks, err := All(set, plainOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer socks.Close()
	if nc, err := net.Dial("tcp", fmt.Sprintf("[::1]:%d", set.Port)); err == nil {
		nc.Close()
		t.Error("somebody got in over IPv6")
	}
	if want := []string{fmt.Sprintf("listener0:name=tcp,bind=0.0.0.0,port=%d", set.Port)}; !slices.Equal(socks.Info, want) {
		t.Errorf("INFO will show %q, want %q", socks.Info, want)
	}
}

// TestTLSPortFails: sockets that were already open are closed, and the error
// names TLS.
func TestTLSPortFails(t *testing.T) {
	set := configrewrite.DefaultSettings()
	set.Port, set.TLS.Port, set.Bind = unusedPort(t), takenPort(t), []string{"127.0.0.1"}
	_, err := All(set, plainOnly)
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
		s                       Sockets
		shown, plainly, overTLS int
	}{
		{Sockets{Port: 1}, 1, 1, 1},
		{Sockets{Port: 1, TLSPort: 2}, 1, 1, 2},
		{Sockets{TLSPort: 2}, 2, 2, 2},
		{Sockets{}, 0, 0, 0},
	} {
		if a, b, d := c.s.ShownPort(), c.s.AnnouncedPort(false), c.s.AnnouncedPort(true); a != c.shown || b != c.plainly || d != c.overTLS {
			t.Errorf("%+v: shown %d, announced %d and over TLS %d", c.s, a, b, d)
		}
	}
}

func TestUnixSocket(t *testing.T) {
	dir := t.TempDir()
	set := configrewrite.DefaultSettings()
	set.Port, set.Dir, set.UnixSocket, set.UnixSocketPerm = 0, dir, "s.sock", 0o770
	path := filepath.Join(dir, "s.sock")
	if err := CheckReachable(set); err != nil {
		t.Error(err)
	}
	first, err := All(set, plainOnly)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != fs.ModeSocket|0o770 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := All(set, plainOnly); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a socket that is in use: %v", err)
	}
	if want := []string{"listener1:name=unix,bind=s.sock"}; !slices.Equal(first.Info, want) {
		t.Errorf("INFO will show %q, want %q", first.Info, want)
	}
	first.Listeners[0].(*net.UnixListener).SetUnlinkOnClose(false) // as after a crash
	first.Close()
	second, err := All(set, plainOnly)
	if err != nil {
		t.Fatalf("a socket that a crash left behind: %v", err)
	}
	second.Close()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
	if err := os.WriteFile(path, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := All(set, plainOnly); err == nil {
		t.Error("a file that is no socket was replaced")
	}
	for _, nowhere := range []configrewrite.Settings{{}, {Port: 1, Bind: []string{""}}} {
		if err := CheckReachable(nowhere); err == nil {
			t.Errorf("no place to listen is accepted: %+v", nowhere)
		}
	}
}

// TestEmbeddedTLS: an embedded Sentinel listens with the TLS configuration it is
// given.
func TestEmbeddedTLS(t *testing.T) {
	r := newTLSRig(t, "no") // for its certificates
	socks, err := One("127.0.0.1:0", r.keeper.ServerConfig(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer socks.Close()
	if socks.Port != 0 || socks.TLSPort == 0 || socks.AnnouncedPort(true) != socks.TLSPort {
		t.Errorf("%+v", socks)
	}
	go func() {
		if nc, err := socks.Listeners[0].Accept(); err == nil {
			nc.Write([]byte("hello\n"))
			nc.Close()
		}
	}()
	conn, err := tls.Dial("tcp", socks.Listeners[0].Addr().String(), &tls.Config{RootCAs: r.ca.Pool(), ServerName: "server.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	talkless := make([]byte, 6)
	if _, err := conn.Read(talkless); err != nil || string(talkless) != "hello\n" {
		t.Errorf("%q, %v", talkless, err)
	}
}

// TestHTTP: http-port is opened on what the machine has, whole or not at all.
func TestHTTP(t *testing.T) {
	taken, free := takenPort(t), unusedPort(t)
	for name, c := range map[string]struct {
		port int
		bind []string
		says string // "": it works
	}{
		"here":          {free, []string{"127.0.0.1", "-192.0.2.1"}, ""},
		"taken":         {taken, []string{"127.0.0.2", "-127.0.0.1", "*"}, ": bind: Address already in use"},
		"not here":      {free, []string{"127.0.0.1", "192.0.2.1"}, fmt.Sprintf("192.0.2.1:%d: bind: Cannot assign requested address", free)},
		"only optional": {free, []string{"-192.0.2.1"}, "this machine has none of the addresses of http-bind"},
		"no such name":  {free, []string{"no.such.host.invalid"}, "Name or service not known"},
	} {
		set := configrewrite.DefaultSettings()
		set.HTTP.Port, set.HTTP.Bind = c.port, c.bind
		list, err := HTTP(set)
		if (err == nil) != (c.says == "") || err != nil && !strings.HasSuffix(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if (len(list) == 1) != (c.says == "") {
			t.Errorf("%s: %d are open", name, len(list))
		}
		closeAll(list)
	}
	// What was open before a failure is open no more.
	set := configrewrite.DefaultSettings()
	set.HTTP.Port, set.HTTP.Bind = free, []string{"127.0.0.1"}
	list, err := HTTP(set)
	if err != nil {
		t.Error(err)
	}
	closeAll(list)
}
