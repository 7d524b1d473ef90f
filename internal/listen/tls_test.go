package listen

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/testcert"
	"github.com/gosentinel/sentinel/internal/tlsfiles"
	"github.com/gosentinel/sentinel/monitor"
)

// tlsRig is a listener with everything needed to connect to it.
type tlsRig struct {
	*tlsListener
	ca     *testcert.Authority
	dir    string // of the files
	keeper *tlsfiles.Keeper

	mu    sync.Mutex
	lines []string
}

func newTLSRig(t *testing.T, auth string) *tlsRig {
	t.Helper()
	r := &tlsRig{ca: testcert.NewAuthority(t, "ca"), dir: t.TempDir()}
	f := r.ca.Write(t, r.dir, "server")
	set := configrewrite.DefaultSettings().TLS
	set.Port, set.CertFile, set.KeyFile, set.CACertFile, set.AuthClients = 1, f.Cert, f.Key, f.CA, auth
	var err error
	if r.keeper, err = tlsfiles.New(set, ""); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.tlsListener = TLS(ln, r.keeper.ServerConfig, func(_ monitor.Level, text string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.lines = append(r.lines, text)
	})
	t.Cleanup(func() { r.Close() })
	return r
}

// client connects with the given client certificate settings and completes the
// handshake.
func (r *tlsRig) client(t *testing.T, cfg *tls.Config) (*tls.Conn, error) {
	t.Helper()
	cfg.RootCAs, cfg.ServerName = r.ca.Pool(), "server.example"
	nc, err := (&net.Dialer{Timeout: 10 * time.Second}).Dial("tcp", r.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	conn := tls.Client(nc, cfg)
	return conn, conn.Handshake()
}

// echo serves all connections of the listener until it is closed.
func (r *tlsRig) echo(t *testing.T) {
	var work sync.WaitGroup
	work.Go(func() {
		for {
			nc, err := r.Accept()
			if err != nil {
				return
			}
			work.Go(func() { io.Copy(nc, nc); nc.Close() })
		}
	})
	t.Cleanup(func() { r.Close(); work.Wait() })
}

// show issues a certificate for a client to present.
func show(t *testing.T, ca *testcert.Authority, name string, options ...testcert.Option) tls.Certificate {
	t.Helper()
	p, err := tls.X509KeyPair(ca.Issue(t, name, options...))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestClientCertificates: which clients are accepted, for each value of
// tls-auth-clients. With TLS 1.3, a client learns of its rejection at its first
// read.
func TestClientCertificates(t *testing.T) {
	for _, c := range []struct {
		auth                          string
		without, stranger, serverOnly bool
	}{
		{"yes", false, false, false},
		{"optional", true, false, false},
		{"no", true, true, true},
	} {
		t.Run(c.auth, func(t *testing.T) {
			r := newTLSRig(t, c.auth)
			r.echo(t)
			comesIn := func(certs ...tls.Certificate) bool {
				conn, err := r.client(t, &tls.Config{
					// Without this, a client presents no certificate unless the
					// server asks for one.
					GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
						if len(certs) == 0 {
							return &tls.Certificate{}, nil
						}
						return &certs[0], nil
					},
				})
				if err != nil {
					return false
				}
				conn.Write([]byte("hi\n"))
				line, err := bufio.NewReader(conn).ReadString('\n')
				return err == nil && line == "hi\n"
			}
			if !comesIn(show(t, r.ca, "friend")) {
				t.Error("a trusted client is turned away")
			}
			if got := comesIn(); got != c.without {
				t.Errorf("without a certificate: %t", got)
			}
			if got := comesIn(show(t, testcert.NewAuthority(t, "ca"), "stranger")); got != c.stranger {
				t.Errorf("with a certificate of another authority: %t", got)
			}
			if got := comesIn(show(t, r.ca, "server", testcert.Usage(x509.ExtKeyUsageServerAuth))); got != c.serverOnly {
				t.Errorf("with a certificate for servers only: %t", got)
			}
		})
	}
}

// TestNewHandshakesUseTheNewCertificate rotates the certificate while a
// connection is open.
func TestNewHandshakesUseTheNewCertificate(t *testing.T) {
	r := newTLSRig(t, "no")
	r.echo(t)
	serial := func(conn *tls.Conn) string { return conn.ConnectionState().PeerCertificates[0].SerialNumber.String() }
	sessions := tls.NewLRUClientSessionCache(4)
	before, err := r.client(t, &tls.Config{ClientSessionCache: sessions})
	if err != nil {
		t.Fatal(err)
	}
	talk(t, before) // reads the session ticket
	again, err := r.client(t, &tls.Config{ClientSessionCache: sessions})
	if err != nil || !again.ConnectionState().DidResume {
		t.Fatalf("sessions are not resumed: %v", err)
	}

	r.ca.Write(t, r.dir, "server")
	if err := r.keeper.Reload(); err != nil {
		t.Fatal(err)
	}
	after, err := r.client(t, &tls.Config{ClientSessionCache: sessions})
	if err != nil {
		t.Fatal(err)
	}
	if after.ConnectionState().DidResume || serial(after) == serial(before) {
		t.Error("the old certificate, or a session based on it, is still used")
	}
	talk(t, before)
}

// talk sends a line and expects it back.
func talk(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := conn.Write([]byte("hello\n")); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != "hello\n" {
		t.Fatalf("echo %q, %v", line, err)
	}
}

// TestHalfOpenHandshakes: connections that send nothing are aborted, oldest
// first, and do not keep others from being accepted.
func TestHalfOpenHandshakes(t *testing.T) {
	r := newTLSRig(t, "no")
	r.tlsListener.mu.Lock()
	r.limit = 3
	r.tlsListener.mu.Unlock()
	r.echo(t)
	var silent []net.Conn
	for range 3 {
		nc, err := net.Dial("tcp", r.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		silent = append(silent, nc)
		r.awaitPending(t, len(silent))
	}
	conn, err := r.client(t, &tls.Config{})
	if err != nil {
		t.Fatal(err)
	}
	talk(t, conn)
	// One of the three had to go, and the fourth is no longer pending.
	r.tlsListener.mu.Lock()
	if got := r.pending.Len(); got != 2 {
		t.Errorf("%d handshakes under way, want 2", got)
	}
	r.tlsListener.mu.Unlock()
	silent[0].SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := silent[0].Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the oldest silent connection is not closed: %v", err)
	}
	r.Close() // ends the others, or goleak fails
}

// awaitPending waits until n handshakes are under way.
func (r *tlsRig) awaitPending(t *testing.T, n int) {
	t.Helper()
	await(t, "handshakes to begin", func() bool {
		r.tlsListener.mu.Lock()
		defer r.tlsListener.mu.Unlock()
		return r.pending.Len() == n
	})
}

// TestHandshakeDeadline: a handshake that stalls is aborted after
// handshakeTimeout.
func TestHandshakeDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := testcert.NewAuthority(t, "ca")
		cfg := &tls.Config{Certificates: []tls.Certificate{show(t, ca, "server")}}
		server, client := net.Pipe()
		ln := &oneConn{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
		ln.conns <- server
		var logged string
		l := TLS(ln, func() *tls.Config { return cfg }, func(_ monitor.Level, text string) { logged = text })
		began := time.Now()
		if _, err := client.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("read: %v", err)
		}
		if took := time.Since(began); took != handshakeTimeout {
			t.Errorf("given up after %v", took)
		}
		synctest.Wait()
		if !strings.Contains(logged, "Error accepting a client connection") {
			t.Errorf("log %q", logged)
		}
		l.Close()
	})
}

// oneConn is a listener without a network.
type oneConn struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *oneConn) Close() error   { close(l.closed); return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// TestCloseDoesNotWait closes a connection whose client does not read. The
// standard library would spend up to 5 seconds trying to send close_notify.
func TestCloseDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := testcert.NewAuthority(t, "ca")
		cfg := &tls.Config{Certificates: []tls.Certificate{show(t, ca, "server")}}
		server, client := net.Pipe()
		ln := &oneConn{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
		ln.conns <- server
		l := TLS(ln, func() *tls.Config { return cfg }, nil)
		// With TLS 1.2 the server sends nothing after the handshake that the
		// client would have to read.
		conn := tls.Client(client, &tls.Config{RootCAs: ca.Pool(), ServerName: "server.example", MaxVersion: tls.VersionTLS12})
		if err := conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		nc, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		nc.Close()
		if took := time.Since(began); took != 0 {
			t.Errorf("Close takes %v", took)
		}
		client.Close()
		l.Close()
	})
}

// TestCloseEndsWrites closes a connection while a write to it blocks. If Close
// waited for the write, the test would hang.
func TestCloseEndsWrites(t *testing.T) {
	r := newTLSRig(t, "no")
	if _, err := r.client(t, &tls.Config{}); err != nil {
		t.Fatal(err)
	}
	nc, err := r.Accept()
	if err != nil {
		t.Fatal(err)
	}
	stuck := make(chan error, 1)
	go func() {
		for {
			if _, err := nc.Write(make([]byte, 1<<20)); err != nil {
				stuck <- err
				return
			}
		}
	}()
	fill(t, nc.(*tlsConn).under.Conn.(*net.TCPConn))
	nc.Close()
	if err := <-stuck; err == nil {
		t.Error("the write ended without an error")
	}
}

// fill writes until the system takes no more bytes of a connection.
func fill(t *testing.T, nc *net.TCPConn) {
	t.Helper()
	raw, err := nc.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the connection to fill up", func() bool {
		ready := 1
		err := raw.Control(func(fd uintptr) {
			ready, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 0)
		})
		return err == nil && ready == 0
	})
}

// await waits for a condition.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("waited in vain for " + what)
		}
	}
}

// A client that reads receives close_notify, without which its library reports a
// truncation attack.
func TestCloseSaysGoodbye(t *testing.T) {
	r := newTLSRig(t, "no")
	conn, err := r.client(t, &tls.Config{})
	if err != nil {
		t.Fatal(err)
	}
	nc, err := r.Accept()
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the client reads %v", err)
	}
}

// A client that does not speak TLS is logged, but not every time.
func TestFailedHandshakesAreLogged(t *testing.T) {
	r := newTLSRig(t, "no")
	for range 5 {
		nc, err := net.Dial("tcp", r.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		nc.Write([]byte("PING\r\n"))
		nc.SetReadDeadline(time.Now().Add(20 * time.Second))
		io.Copy(io.Discard, nc)
		nc.Close()
	}
	r.Close()
	if len(r.lines) == 0 || len(r.lines) == 5 || !strings.Contains(r.lines[0], "does not look like a TLS handshake") {
		t.Errorf("log %q", r.lines)
	}
}
