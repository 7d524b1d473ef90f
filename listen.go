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
)

// sockets are the listening sockets of a Sentinel.
type sockets struct {
	all     []net.Listener
	port    int  // 0 without a plain TCP port
	tlsPort int  // 0 without a TLS port
	anyPort bool // the system chose it
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

// startError is a failed start in the words of stock Sentinels, which take
// several lines of log.
type startError struct {
	lines []string
	err   error
}

func (e *startError) Error() string { return strings.Join(e.lines, " ") }

func (e *startError) Unwrap() error { return e.err }

// strerror returns the cause of a system's error as C programs print it.
func strerror(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	text := errno.Error()
	return strings.ToUpper(text[:1]) + text[1:]
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
	plain, err := bindPort(set, set.Port, "TCP")
	s.all = plain
	if err == nil {
		var below []net.Listener
		below, err = bindPort(set, set.TLS.Port, "TLS")
		for _, ln := range below {
			s.all = append(s.all, wrap(ln))
		}
	}
	if err == nil && set.UnixSocket != "" {
		var ln net.Listener
		if ln, err = listenUnix(inDir(set.Dir, set.UnixSocket), set.UnixSocketPerm); err == nil {
			s.all = append(s.all, ln)
		}
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// listensSomewhere returns an error for settings under which nobody could reach
// this Sentinel.
func listensSomewhere(set configrewrite.Settings) error {
	if set.Port == 0 && set.TLS.Port == 0 && set.UnixSocket == "" {
		return errors.New("Configured to not listen anywhere, exiting.")
	}
	return nil
}

// bindPort opens one port at every address of bind; port 0 opens none. kind is
// what the port is called in messages.
func bindPort(set configrewrite.Settings, port int, kind string) ([]net.Listener, error) {
	if port == 0 {
		return nil, nil
	}
	var listeners []net.Listener
	var lines []string
	for _, bind := range set.Bind {
		host, optional := strings.CutPrefix(bind, "-")
		ln, err := bindOne(host, port, set.TCPKeepAlive)
		if err == nil {
			listeners = append(listeners, ln)
			continue
		}
		if notHere(err, optional) {
			continue
		}
		for _, ln := range listeners {
			ln.Close()
		}
		return nil, &startError{lines: append(lines,
			fmt.Sprintf("Warning: Could not create server TCP listening socket %s:%d: bind: %s", host, port, strerror(err)),
			fmt.Sprintf("Failed listening on port %d (%s), aborting.", port, kind)), err: err}
	}
	if len(listeners) == 0 {
		return nil, &startError{lines: []string{
			fmt.Sprintf("Warning: this machine has none of the addresses of bind: %s", strings.Join(set.Bind, " ")),
			fmt.Sprintf("Failed listening on port %d (%s), aborting.", port, kind)}}
	}
	return listeners, nil
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
	network := "tcp"
	switch host {
	case "*":
		network, host = "tcp4", "0.0.0.0"
	case "::*":
		network, host = "tcp6", "::"
	}
	lc := net.ListenConfig{KeepAlive: -1}
	if keepAlive > 0 {
		// As stock Redis divides the time: a dead client is noticed within twice of it.
		lc.KeepAliveConfig = net.KeepAliveConfig{Enable: true, Idle: keepAlive, Interval: max(keepAlive/3, time.Second), Count: 3}
	}
	return lc.Listen(context.Background(), network, net.JoinHostPort(host, strconv.Itoa(port)))
}

// listenUnix opens a Unix socket. A socket that a dead process left behind is
// replaced; one at which somebody answers is not.
func listenUnix(path string, perm fs.FileMode) (net.Listener, error) {
	fail := func(err error) error {
		return &startError{lines: []string{fmt.Sprintf("Failed opening Unix socket: bind: %s: %s", path, strerror(err))}, err: err}
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
