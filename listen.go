package sentinel

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/errtext"
	"github.com/gosentinel/sentinel/internal/numhost"
)

// sockets are the listening sockets of a Sentinel.
type sockets struct {
	all     []net.Listener
	port    int  // 0 without a plain TCP port
	tlsPort int  // 0 without a TLS port
	anyPort bool // the system chose it

	shown    []string // the lines about listeners of INFO
	warnings []string // for the log: the addresses that were left out
}

func (s *sockets) close() {
	for _, ln := range s.all {
		ln.Close()
	}
}

// shownPort is the port that INFO and the log name.
func (s *sockets) shownPort() int {
	if s.port != 0 {
		return s.port
	}
	return s.tlsPort
}

// announcedPort is the port that other Sentinels are told: one at which they
// find what they speak. They use TLS exactly if this one does.
func (s *sockets) announcedPort(peersUseTLS bool) int {
	if peersUseTLS && s.tlsPort != 0 {
		return s.tlsPort
	}
	return s.shownPort()
}

// listenOn opens the one listener of an embedded Sentinel; "" opens none.
func listenOn(addr string, secure *tls.Config, log logSink) (*sockets, error) {
	s := &sockets{}
	if addr == "" {
		return s, nil
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("sentinel: %w", err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	if _, asked, err := net.SplitHostPort(addr); err == nil && (asked == "" || asked == "0") {
		s.anyPort = true
	}
	if secure == nil {
		s.all, s.port = []net.Listener{ln}, port
	} else {
		ln = newTLSListener(ln, func() *tls.Config { return secure }, log.Log)
		s.all, s.tlsPort = []net.Listener{ln}, port
	}
	return s, nil
}

// listenAll opens what a configuration asks for: port and tls-port at every
// address of bind, and unixsocket. wrap makes a TLS listener of a plain one.
func listenAll(set configrewrite.Settings, wrap func(net.Listener) net.Listener) (*sockets, error) {
	s := &sockets{port: set.Port, tlsPort: set.TLS.Port}
	err := s.bindPort(set, plainPort, func(ln net.Listener) net.Listener { return ln })
	if err == nil {
		err = s.bindPort(set, tlsPort, wrap)
	}
	if err == nil && set.UnixSocket != "" {
		err = s.addUnix(set)
	}
	if err == nil && len(s.all) == 0 { // every address is optional, and none is here
		err = errNowhere
	}
	if err != nil {
		s.close()
		return nil, &errtext.StartError{Lines: append(s.warnings, errtext.Lines(err)...), Err: err}
	}
	slices.Sort(s.shown)
	return s, nil
}

// The kinds of listeners, with their numbers in INFO.
const (
	plainPort = iota
	unixSocket
	tlsPort
)

// show adds the line of INFO about a kind of listener (Redis 7.2).
func (s *sockets) show(kind int, bound []string, port int) {
	line := fmt.Sprintf("listener%d:name=%s", kind, []string{"tcp", "unix", "tls"}[kind])
	for _, at := range bound {
		line += ",bind=" + at
	}
	if port != 0 {
		line += ",port=" + strconv.Itoa(port)
	}
	s.shown = append(s.shown, line)
}

var errNowhere = errors.New("Configured to not listen anywhere, exiting.")

// listensSomewhere returns an error for settings under which nobody could reach
// this Sentinel.
func listensSomewhere(set configrewrite.Settings) error {
	bindsNothing := len(set.Bind) == 1 && set.Bind[0] == "" || set.Port == 0 && set.TLS.Port == 0
	if bindsNothing && set.UnixSocket == "" {
		return errNowhere
	}
	return nil
}

// bindPort opens a port at every address of bind; port 0 opens none, and neither
// does bind "".
func (s *sockets) bindPort(set configrewrite.Settings, kind int, wrap func(net.Listener) net.Listener) error {
	port, name := set.Port, "TCP"
	if kind == tlsPort {
		port, name = set.TLS.Port, "TLS"
	}
	if port == 0 || len(set.Bind) == 1 && set.Bind[0] == "" {
		return nil
	}
	var bound []string
	for _, bind := range set.Bind {
		host, optional := strings.CutPrefix(bind, "-")
		ln, err := bindOne(host, port, set.TCPKeepAlive)
		if err == nil {
			s.all, bound = append(s.all, wrap(ln)), append(bound, bind)
			continue
		}
		s.warnings = append(s.warnings, fmt.Sprintf("Warning: Could not create server TCP listening socket %s:%d: %s", host, port, bindReason(err)))
		if !notHere(err, optional) {
			return &errtext.StartError{Lines: []string{fmt.Sprintf("Failed listening on port %d (%s), aborting.", port, name)}, Err: err}
		}
	}
	s.show(kind, bound, port)
	return nil
}

// bindReason says in the words of stock Sentinels why an address is not used.
func bindReason(err error) string {
	var dns *net.DNSError
	switch {
	case !errors.As(err, &dns):
		return "bind: " + errtext.Cause(err)
	case dns.IsTemporary || dns.IsTimeout:
		return "Temporary failure in name resolution"
	}
	return "Name or service not known"
}

// notHere reports whether an address may be left out: because the machine lacks
// the protocol, or the address, if it is optional. A port that is taken is never
// left out, or a second start by mistake would succeed by halves.
func notHere(err error, optional bool) bool {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	return optional && errno == syscall.EADDRNOTAVAIL || slices.Contains([]syscall.Errno{
		syscall.ENOPROTOOPT, syscall.EPROTONOSUPPORT, syscall.ESOCKTNOSUPPORT, syscall.EPFNOSUPPORT, syscall.EAFNOSUPPORT,
	}, errno)
}

func bindOne(host string, port int, keepAlive time.Duration) (net.Listener, error) {
	network, host, err := bindAddr(host)
	if err != nil {
		return nil, err
	}
	lc := net.ListenConfig{KeepAlive: -1}
	if keepAlive > 0 {
		// As stock Redis divides the time: a dead client is noticed within twice of it.
		lc.KeepAliveConfig = net.KeepAliveConfig{Enable: true, Idle: keepAlive, Interval: max(keepAlive/3, time.Second), Count: 3}
	}
	return lc.Listen(context.Background(), network, net.JoinHostPort(host, strconv.Itoa(port)))
}

// bindAddr returns the network and the address for a word of bind. An address
// stands for its own protocol alone: with "tcp", 0.0.0.0 would let in IPv6 too,
// and "0.0.0.0 ::" would fail because the port is taken.
func bindAddr(word string) (network, host string, err error) {
	switch word {
	case "*":
		return "tcp4", "0.0.0.0", nil
	case "::*":
		return "tcp6", "::", nil
	case "": // which to Go means all addresses
		return "", "", &net.DNSError{Err: "no name", IsNotFound: true}
	}
	number, ok := numhost.Parse(word)
	switch {
	case ok && !strings.Contains(number, ":"):
		return "tcp4", number, nil
	case strings.Contains(word, ":"):
		return "tcp6", word, nil
	}
	return "tcp", word, nil // a name
}

func (s *sockets) addUnix(set configrewrite.Settings) error {
	ln, err := listenUnix(inDir(set.Dir, set.UnixSocket), set.UnixSocketPerm)
	if err == nil {
		s.all = append(s.all, ln)
		s.show(unixSocket, []string{set.UnixSocket}, 0)
	}
	return err
}

// listenUnix opens a Unix socket. A socket that a dead process left behind is
// replaced; one at which somebody answers is not.
func listenUnix(path string, perm fs.FileMode) (net.Listener, error) {
	fail := func(err error) error {
		return &errtext.StartError{Lines: []string{fmt.Sprintf("Failed opening Unix socket: bind: %s: %s", path, errtext.Cause(err))}, Err: err}
	}
	if info, err := os.Lstat(path); err == nil {
		if info.Mode().Type() != fs.ModeSocket {
			return nil, fail(syscall.EADDRINUSE)
		}
		if nc, err := net.DialTimeout("unix", path, time.Second); err == nil {
			nc.Close()
			return nil, fail(syscall.EADDRINUSE)
		}
		if err := os.Remove(path); err != nil {
			return nil, fail(err)
		}
	}
	ln, err := net.Listen("unix", path) // removes the file when it is closed
	if err != nil {
		return nil, fail(err)
	}
	if perm != 0 {
		if err := os.Chmod(path, perm); err != nil {
			ln.Close()
			return nil, fail(err)
		}
	}
	return ln, nil
}
