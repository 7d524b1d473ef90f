package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/errtext"
	"github.com/gosentinel/sentinel/internal/numhost"
	"github.com/gosentinel/sentinel/monitor"
)

// Sockets are the listening sockets of a Sentinel. The zero value has none.
type Sockets struct {
	Listeners []net.Listener
	Port      int  // 0 without a plain TCP port
	TLSPort   int  // 0 without a TLS port
	AnyPort   bool // the system chose the port

	Info     []string // INFO's lines about listeners
	Warnings []string // for the log: the addresses that could not be used
}

// Close closes all listeners.
func (s *Sockets) Close() {
	closeAll(s.Listeners)
}

func closeAll(list []net.Listener) {
	for _, ln := range list {
		ln.Close()
	}
}

// ShownPort returns the port that INFO and the log show: Port, or TLSPort if that
// is 0.
func (s *Sockets) ShownPort() int {
	if s.Port != 0 {
		return s.Port
	}
	return s.TLSPort
}

// AnnouncedPort returns the port to announce to other Sentinels. If they use TLS,
// it must be the TLS port. They use TLS exactly if this one does.
func (s *Sockets) AnnouncedPort(peersUseTLS bool) int {
	if peersUseTLS && s.TLSPort != 0 {
		return s.TLSPort
	}
	return s.ShownPort()
}

// IPs returns the IP addresses of the sockets, and whether all of them are
// loopback addresses. Unix sockets count as local.
func (s *Sockets) IPs() (list []string, local bool) {
	local = true
	for _, ln := range s.Listeners {
		ap, err := netip.ParseAddrPort(ln.Addr().String())
		if err != nil {
			continue
		}
		ip := ap.Addr().Unmap()
		local = local && ip.IsLoopback()
		if !slices.Contains(list, ip.String()) {
			list = append(list, ip.String())
		}
	}
	return list, local
}

// One opens the single listener of an embedded Sentinel; "" opens none. With
// secure, the listener serves TLS.
func One(addr string, secure *tls.Config, log func(monitor.Level, string)) (*Sockets, error) {
	s := &Sockets{}
	if addr == "" {
		return s, nil
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("sentinel: %w", err)
	}
	s = Given(ln, secure, log)
	if _, asked, err := net.SplitHostPort(addr); err == nil && (asked == "" || asked == "0") {
		s.AnyPort = true
	}
	return s, nil
}

// Given returns the sockets of an embedded Sentinel that was given an open
// listener. With secure, it serves TLS. The port is 0 if its address has none.
func Given(ln net.Listener, secure *tls.Config, log func(monitor.Level, string)) *Sockets {
	port := 0
	if ap, err := netip.ParseAddrPort(ln.Addr().String()); err == nil {
		port = int(ap.Port())
	}
	if secure == nil {
		return &Sockets{Listeners: []net.Listener{ln}, Port: port}
	}
	ln = TLS(ln, func() *tls.Config { return secure }, log)
	return &Sockets{Listeners: []net.Listener{ln}, TLSPort: port}
}

// All opens the sockets that a configuration asks for: port and tls-port on every
// address of bind, and unixsocket. wrap makes a TLS listener from a plain one.
// Port 0 does not open an arbitrary port but none.
func All(set configrewrite.Settings, wrap func(net.Listener) net.Listener) (*Sockets, error) {
	s := &Sockets{Port: set.Port, TLSPort: set.TLS.Port}
	err := s.bindPort(set, plainPort, func(ln net.Listener) net.Listener { return ln })
	if err == nil {
		err = s.bindPort(set, tlsPort, wrap)
	}
	if err == nil && set.UnixSocket != "" {
		err = s.addUnix(set)
	}
	if err == nil && len(s.Listeners) == 0 { // all addresses are optional and this machine has none
		err = errNowhere
	}
	if err != nil {
		s.Close()
		return nil, &errtext.StartError{Lines: append(s.Warnings, errtext.Lines(err)...), Err: err}
	}
	slices.Sort(s.Info)
	return s, nil
}

// The kinds of listeners, numbered as in INFO.
const (
	plainPort = iota
	unixSocket
	tlsPort
)

// show adds INFO's line about a kind of listener (as in Redis 7.2).
func (s *Sockets) show(kind int, bound []string, port int) {
	line := fmt.Sprintf("listener%d:name=%s", kind, []string{"tcp", "unix", "tls"}[kind])
	for _, at := range bound {
		line += ",bind=" + at
	}
	if port != 0 {
		line += ",port=" + strconv.Itoa(port)
	}
	s.Info = append(s.Info, line)
}

var errNowhere = errors.New("Configured to not listen anywhere, exiting.")

// CheckReachable returns an error if the settings open no socket at all, so that
// nothing could connect to this Sentinel.
func CheckReachable(set configrewrite.Settings) error {
	bindsNothing := len(set.Bind) == 1 && set.Bind[0] == "" || set.Port == 0 && set.TLS.Port == 0
	if bindsNothing && set.UnixSocket == "" {
		return errNowhere
	}
	return nil
}

// bindPort opens a port on every address of bind. Neither port 0 nor bind ""
// opens any.
func (s *Sockets) bindPort(set configrewrite.Settings, kind int, wrap func(net.Listener) net.Listener) error {
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
			s.Listeners, bound = append(s.Listeners, wrap(ln)), append(bound, bind)
			continue
		}
		s.Warnings = append(s.Warnings, fmt.Sprintf("Warning: Could not create server TCP listening socket %s:%d: %s", host, port, bindReason(err)))
		if !skippable(err, optional) {
			return &errtext.StartError{Lines: []string{fmt.Sprintf("Failed listening on port %d (%s), aborting.", port, name)}, Err: err}
		}
	}
	s.show(kind, bound, port)
	return nil
}

// HTTP opens http-port on the addresses of http-bind that this machine has. The error
// says which one cannot be had, and nothing is open then.
func HTTP(set configrewrite.Settings) (list []net.Listener, err error) {
	for _, bind := range set.HTTP.Bind {
		host, optional := strings.CutPrefix(bind, "-")
		ln, err := bindOne(host, set.HTTP.Port, set.TCPKeepAlive)
		switch {
		case err == nil:
			list = append(list, ln)
		case !skippable(err, optional):
			closeAll(list)
			return nil, fmt.Errorf("%s: %s", net.JoinHostPort(host, strconv.Itoa(set.HTTP.Port)), bindReason(err))
		}
	}
	if len(list) == 0 {
		return nil, errors.New("this machine has none of the addresses of http-bind")
	}
	return list, nil
}

// bindReason says why an address is not used, in redis-sentinel's words.
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

// skippable reports whether an address may be skipped: because the machine does not
// support its protocol, or because it does not have the address and the address
// is optional. A port that is taken is never skipped, or starting a second
// Sentinel by mistake would succeed halfway.
func skippable(err error, optional bool) bool {
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
		// The same division as in Redis: a dead client is noticed within twice
		// keepAlive.
		lc.KeepAliveConfig = net.KeepAliveConfig{Enable: true, Idle: keepAlive, Interval: max(keepAlive/3, time.Second), Count: 3}
	}
	return lc.Listen(context.Background(), network, net.JoinHostPort(host, strconv.Itoa(port)))
}

// bindAddr returns the network and the address for one word of bind. An address
// is bound for its own protocol only: with "tcp", 0.0.0.0 would accept IPv6 too,
// and "0.0.0.0 ::" would fail because the port is taken.
func bindAddr(word string) (network, host string, err error) {
	switch word {
	case "*":
		return "tcp4", "0.0.0.0", nil
	case "::*":
		return "tcp6", "::", nil
	case "": // Go would take it to mean all addresses
		return "", "", &net.DNSError{Err: "no name", IsNotFound: true}
	}
	number, ok := numhost.Parse(word)
	switch {
	case ok && !strings.Contains(number, ":"):
		return "tcp4", number, nil
	case strings.Contains(word, ":"):
		return "tcp6", word, nil
	}
	return "tcp", word, nil // a host name
}

func (s *Sockets) addUnix(set configrewrite.Settings) error {
	ln, err := listenUnix(configrewrite.InDir(set.Dir, set.UnixSocket), set.UnixSocketPerm)
	if err == nil {
		s.Listeners = append(s.Listeners, ln)
		s.show(unixSocket, []string{set.UnixSocket}, 0)
	}
	return err
}

// listenUnix opens a Unix socket. It replaces a socket that a dead process left
// behind, but not one on which something still answers.
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
