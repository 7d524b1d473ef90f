package link

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/gosentinel/sentinel/internal/testcert"
	"github.com/gosentinel/sentinel/monitor"
)

// expectTrouble dials, and demands that the first thing the core hears is why this
// does not work, with advice.
func expectTrouble(t *testing.T, cfg Config, d monitor.Dial, cause monitor.Cause, want string) {
	t.Helper()
	heard := make(chan monitor.LinkTrouble, 100)
	cfg.Deliver = func(_ monitor.Instant, in monitor.Input) {
		if trouble, ok := in.(monitor.LinkTrouble); ok {
			heard <- trouble
		}
	}
	r := newRig(t, cfg)
	r.run(d, send(1, monitor.Ping{}))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case got := <-heard:
		if got.Cause != cause || !strings.Contains(got.Text, want) {
			t.Errorf("cause %d, %q; want %d, %q", got.Cause, got.Text, cause, want)
		}
	case <-ctx.Done():
		t.Error("nothing was said")
	}
	r.run(monitor.Close{Conn: d.Conn})
}

// secured returns the options of a server that takes only TLS.
func secured(f testcert.Files, more ...string) []string {
	return append([]string{"--port", "0", "--tls-port", "PORT", "--tls-cert-file", f.Cert, "--tls-key-file", f.Key, "--tls-ca-cert-file", f.CA}, more...)
}

// trusting returns a client's view of TLS that checks the authority of a server.
func trusting(a *testcert.Authority, certs ...tls.Certificate) *tls.Config {
	return &tls.Config{RootCAs: a.Pool(), ServerName: "server.example", Certificates: certs}
}

// TestTLSAgainstPlain: whichever side lacks TLS, or the right certificate, the
// reason is named. The servers are real.
func TestTLSAgainstPlain(t *testing.T) {
	ours, theirs := testcert.NewAuthority(t, "ours"), testcert.NewAuthority(t, "theirs")
	files := ours.Write(t, t.TempDir(), "server")
	foreign, err := tls.X509KeyPair(theirs.Issue(t, "client"))
	if err != nil {
		t.Fatal(err)
	}
	good, err := tls.X509KeyPair(ours.Issue(t, "client"))
	if err != nil {
		t.Fatal(err)
	}
	plain, strict := redisServer(t), redisServer(t, secured(files)...)
	old := trusting(ours)
	old.MaxVersion = tls.VersionTLS12
	for _, c := range []struct {
		name  string
		to    monitor.Dial
		cfg   *tls.Config
		cause monitor.Cause
		want  string
	}{
		{"we plain, it TLS", strict, nil, monitor.CauseTLS, "set tls-replication yes"},
		{"we TLS, it plain", plain, trusting(ours), monitor.CauseTLS, "set tls-replication no"},
		{"no certificate", strict, trusting(ours), monitor.CauseCertificate, "set tls-cert-file and tls-key-file"},
		{"no certificate, TLS 1.2", strict, old, monitor.CauseCertificate, "set tls-cert-file and tls-key-file"},
		{"unknown certificate", strict, trusting(ours, foreign), monitor.CauseCertificate, "set tls-cert-file and tls-key-file"},
		{"unknown server", strict, trusting(theirs, good), monitor.CauseCertificate, "tls-ca-cert-file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			expectTrouble(t, Config{TLS: c.cfg}, c.to, c.cause, c.want)
		})
	}
	t.Run("all is well", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Config{TLS: trusting(ours, good)})
		r.run(strict, send(1, monitor.Ping{}))
		await[monitor.Pong](r)
		checkLog(t, r)
	})
}

// TestWhatIsNoServer: what answers there may be anything.
func TestWhatIsNoServer(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	atWeb := dialCommand
	atWeb.Addr = hostPort(t, web.Listener.Addr().String())
	gone := listen(t, nil, func(nc net.Conn) {})
	says := func(text string) monitor.Dial { return listen(t, nil, saying(text)) }
	for _, c := range []struct {
		name    string
		to      monitor.Dial
		secured bool
		cause   monitor.Cause
		want    string
	}{
		{"HTTP", atWeb, false, monitor.CauseStranger, "HTTP server"},
		{"HTTP, we TLS", atWeb, true, monitor.CauseStranger, "HTTP server"},
		{"SSH", says("SSH-2.0-OpenSSH_9.2\r\n"), false, monitor.CauseStranger, "SSH server"},
		{"mail", says("220 mail.example ESMTP\r\n"), false, monitor.CauseStranger, "is this a Redis server?"},
		{"TLS alert", says("\x15\x03\x01\x00\x02\x02\x46"), false, monitor.CauseTLS, "set tls-replication yes"},
		{"plain error, we TLS", says("-DENIED Redis is running in protected mode\r\n"), true, monitor.CauseTLS, "set tls-replication no"},
		{"closes", gone, false, monitor.CauseTLS, "set tls-replication yes"},
		{"closes, we TLS", gone, true, monitor.CauseTLS, "set tls-replication no"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := Config{}
			if c.secured {
				cfg.TLS = &tls.Config{InsecureSkipVerify: true}
			}
			expectTrouble(t, cfg, c.to, c.cause, c.want)
		})
	}
}

// TestWhyItIsOutOfReach: what the network says, and the source address.
func TestWhyItIsOutOfReach(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := dialCommand
	nobody.Addr = hostPort(t, l.Addr().String())
	l.Close()
	six := nobody
	six.Addr.Host = "::1"
	both := nobody
	both.Others = []string{"::1"}
	named := nobody
	named.Addr.Host = "no.such.name.invalid"
	fails := func(err error) Config {
		return Config{DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", err)}
		}}
	}
	for _, c := range []struct {
		name  string
		cfg   Config
		to    monitor.Dial
		cause monitor.Cause
		want  string
	}{
		{"refused", Config{}, nobody, monitor.CauseRefused, "is the server running"},
		{"both addresses refused", Config{}, both, monitor.CauseRefused, "[::1]"},
		{"other family", Config{BindSource: "127.0.0.1"}, six, monitor.CauseSource, "different families"},
		{"source of another machine", Config{BindSource: "192.0.2.1"}, nobody, monitor.CauseSource, "an address of this machine"},
		{"source is no address", Config{BindSource: "eth0"}, nobody, monitor.CauseSource, `bind-source-addr "eth0"`},
		{"unknown name", Config{}, named, monitor.CauseName, "does the name resolve"},
		{"no route to host", fails(syscall.EHOSTUNREACH), nobody, monitor.CauseUnreachable, "is there a route"},
		{"no network", fails(syscall.ENETUNREACH), nobody, monitor.CauseUnreachable, "is there a route"},
		{"firewall here", fails(syscall.EPERM), nobody, monitor.CauseUnreachable, "firewall"},
		{"timeout", fails(syscall.ETIMEDOUT), nobody, monitor.CauseSilent, "is the host down"},
		{"something else", fails(syscall.EMFILE), nobody, monitor.CauseOther, "too many open files"},
	} {
		t.Run(c.name, func(t *testing.T) { expectTrouble(t, c.cfg, c.to, c.cause, c.want) })
	}
}

// outside returns an address of this machine that is not the loopback.
func outside(t *testing.T) string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && !ip.IP.IsLoopback() {
			return ip.IP.String()
		}
	}
	t.Skip("needs an address besides the loopback")
	return ""
}

// TestProtectedMode: a real server refuses strangers before they ask.
func TestProtectedMode(t *testing.T) {
	ip := outside(t)
	d := redisServer(t, "--bind", "0.0.0.0", "--protected-mode", "yes")
	d.Addr.Host = ip
	expectTrouble(t, Config{}, d, monitor.CauseProtected, "turn protected-mode off there")
}

// TestRenamedQuestion: a Sentinel whose SENTINEL command has another name answers
// no question, and says so to the first one already. The server stands for it.
func TestRenamedQuestion(t *testing.T) {
	for name, cmd := range map[string]monitor.Command{"first": monitor.AskGossip{}, "about a master": monitor.AskMasterDown{IP: "10.0.0.1", Port: 1}} {
		t.Run(name, func(t *testing.T) {
			d := redisServer(t) // a server has no such command either
			d.Target = monitor.KindSentinel
			r := newRig(t, Config{})
			r.run(d, send(1, cmd), send(2, monitor.Ping{}))
			await[monitor.Pong](r)
			checkLog(t, r, "SENTINEL IS-MASTER-DOWN-BY-ADDR was refused: ERR unknown command 'SENTINEL' (its SENTINEL command has another name")
		})
	}
	// One that only lacks the newest question is a Sentinel of another kind.
	d := listen(t, nil, func(nc net.Conn) {
		answerAndClose("+OK\r\n", "-ERR unknown subcommand 'GOSSIP'. Try SENTINEL HELP.\r\n", "+PONG\r\n")(nc)
		io.Copy(io.Discard, nc)
	})
	r := newRig(t, Config{})
	r.run(d, send(1, monitor.AskGossip{}), send(2, monitor.Ping{}))
	await[monitor.Pong](r)
	checkLog(t, r)
}
