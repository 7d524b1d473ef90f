package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/resptest"
	"github.com/gosentinel/sentinel/internal/testcert"
)

// safeBuffer is a log that a test may read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// tlsRig is a proxy with TLS on both sides, in real time: certificates have a date.
type tlsRig struct {
	*testing.T
	addr           string
	clients, other *testcert.Authority // whom the listener believes, and another one
	server         *scripted
	p              *Proxy
	log            *safeBuffer
}

// newTLSRig starts one whose server has a certificate.
func newTLSRig(t *testing.T, hold time.Duration, server func(right, wrong *testcert.Authority) (cert, key []byte)) *tlsRig {
	t.Helper()
	dir := t.TempDir()
	r := &tlsRig{T: t, clients: testcert.NewAuthority(t, "clients"), other: testcert.NewAuthority(t, "other"), log: &safeBuffer{}}
	servers := testcert.NewAuthority(t, "servers")
	front, back := r.clients.Write(t, dir, "front"), servers.Write(t, dir, "proxy")
	pair, err := tls.X509KeyPair(server(servers, r.other))
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: servers.Pool(), ClientAuth: tls.RequireAndVerifyClientCert})
	if err != nil {
		t.Fatal(err)
	}
	r.server = &scripted{role: "master", up: true, conns: make(map[net.Conn]bool)}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			r.server.do(func() { r.server.conns[conn] = true })
			go r.server.serve(conn, 1)
		}
	}()
	cfg := defaults()
	cfg.Workers, cfg.Sentinels, cfg.Hold.Timeout = 1, []string{"sentinel"}, hold
	view := &steered{changed: make(chan struct{})}
	view.set("server")
	cfg.Masters = []MasterConfig{{Name: "cache", source: view, TLS: ClientTLS{Enable: true, CAFile: back.CA, Cert: back.Cert, Key: back.Key, Name: "server.example"}}}
	cfg.Listeners = []ListenerConfig{{Bind: "127.0.0.1:0", TLS: ServerTLS{Cert: front.Cert, Key: front.Key, CAFile: front.CA}}}
	cfg.SetDial(func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", ln.Addr().String())
	})
	cfg.complete(func(key, _, format string, args ...any) { t.Fatalf(key+": "+format, args...) }, dir)
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan []net.Addr, 1), make(chan error, 1)
	r.p = New(cfg, Options{Logger: slog.New(slog.NewTextHandler(r.log, nil)), Ready: func(a []net.Addr) { ready <- a }})
	go func() { done <- r.p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		ln.Close()
		r.server.kill()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	r.addr = (<-ready)[0].String()
	return r
}

// ask sends a request with a certificate of an authority, nil for none, and returns the
// reply or the error.
func (r *tlsRig) ask(ca *testcert.Authority) string {
	r.Helper()
	cfg := &tls.Config{RootCAs: r.clients.Pool(), ServerName: "front.example"}
	if ca != nil {
		pair, err := tls.X509KeyPair(ca.Issue(r, "someone"))
		if err != nil {
			r.Fatal(err)
		}
		// It is sent whether the listener believes its authority or not.
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	conn, err := tls.Dial("tcp", r.addr, cfg)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	return talk(conn)
}

func talk(conn net.Conn) string {
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Write(encode("GET k")); err != nil {
		return err.Error()
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(line)
}

// TestTLSClients: a client without the right certificate gets nothing, is counted and
// named, and nobody else notices.
func TestTLSClients(t *testing.T) {
	r := newTLSRig(t, time.Minute, func(right, _ *testcert.Authority) ([]byte, []byte) { return right.Issue(t, "server") })
	for i, ca := range []*testcert.Authority{nil, r.other} {
		if got := r.ask(ca); !strings.Contains(got, "tls: ") {
			t.Errorf("a client that must not come in got %q", got)
		}
		if got := r.ask(r.clients); got != "+GET k" {
			t.Errorf("a client with a certificate got %q", got)
		}
		if n := r.p.counts.TLS.Load(); n != int64(i+1) {
			t.Errorf("%d clients are counted, want %d", n, i+1)
		}
	}
	plain, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	_, _ = io.WriteString(plain, "*1\r\n$4\r\nPING\r\n")
	_ = plain.SetDeadline(time.Now().Add(20 * time.Second))
	if b, _ := io.ReadAll(plain); strings.Contains(string(b), "PONG") {
		t.Errorf("a client without TLS got %q", b)
	}
	for _, want := range []string{"client didn't provide a certificate", "unknown authority", "first record does not look like a TLS handshake"} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, r.log)
		}
	}
}

// TestTLSServers: a server without the right certificate gets no request, and who waits is
// told why.
func TestTLSServers(t *testing.T) {
	for _, c := range []struct {
		name, want string
		cert       func(right, wrong *testcert.Authority) (cert, key []byte)
	}{
		{"another authority", "certificate signed by unknown authority", func(_, wrong *testcert.Authority) ([]byte, []byte) { return wrong.Issue(t, "server") }},
		{"another name", "certificate is valid for other.example, not server.example", func(right, _ *testcert.Authority) ([]byte, []byte) { return right.Issue(t, "other") }},
		{"expired", "certificate has expired", func(right, _ *testcert.Authority) ([]byte, []byte) { return right.Issue(t, "server", testcert.Expired) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newTLSRig(t, 200*time.Millisecond, c.cert)
			resptest.Eventually(t, "to be told of "+c.want, func() bool { // a busy machine has not connected by then
				got := r.ask(r.clients)
				return strings.HasPrefix(got, `-ERR proxy: no master of "cache" for 200ms: server:6379: `) && strings.Contains(got, c.want)
			})
			if got := r.server.log(); got != "" {
				t.Errorf("the server was sent %s", got)
			}
			if !strings.Contains(r.log.String(), c.want) {
				t.Errorf("the log lacks %q:\n%s", c.want, r.log)
			}
		})
	}
}
