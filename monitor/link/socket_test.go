package link

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// listen serves every connection to a fresh port of this machine with s until
// the test ends, and returns a Dial to it. A nil config means plain TCP.
func listen(t testing.TB, cfg *tls.Config, s server) monitor.Dial {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer nc.Close()
				if cfg != nil {
					nc = tls.Server(nc, cfg)
				}
				s(serverConn{nc, done})
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		close(done)
		wg.Wait()
	})
	d := dialCommand
	d.Addr = hostPort(t, l.Addr().String())
	return d
}

func hostPort(t testing.TB, addr string) monitor.HostPort {
	t.Helper()
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return monitor.HostPort{Host: ap.Addr().String(), Port: int(ap.Port())}
}

func TestTCP(t *testing.T) {
	d := listen(t, nil, answering("+OK\r\n", "+PONG\r\n"))
	r := newRig(t, Config{BindSource: "127.0.0.1"})
	r.run(d, send(1, monitor.Ping{}))
	if up := await[monitor.LinkUp](r); up.Conn != 1 || up.LocalIP != "127.0.0.1" {
		t.Errorf("up with %+v", up)
	}
	if pong := await[monitor.Pong](r); pong.Reply != monitor.PingPong {
		t.Errorf("got %+v", pong)
	}
}

func TestTCPRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := dialCommand
	d.Addr = hostPort(t, l.Addr().String())
	l.Close()
	r := newRig(t, Config{})
	r.run(d)
	if down := await[monitor.LinkDown](r); !strings.Contains(down.Reason, "connection refused") || down.Loss != monitor.LossRefused {
		t.Errorf("lost with %+v", down)
	}
}

// TestTCPEnds: what is ended in order is told from what is broken off, however it is read.
func TestTCPEnds(t *testing.T) {
	for name, c := range map[string]struct {
		linger int
		loss   monitor.Loss
	}{"in order": {-1, monitor.LossEnded}, "broken off": {0, monitor.LossReset}} {
		for _, alone := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, alone %t", name, alone), func(t *testing.T) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				go func() {
					if nc, err := l.Accept(); err == nil {
						_, _ = nc.Read(make([]byte, 1024)) // what is unread would be a reason to break it off
						_ = nc.(*net.TCPConn).SetLinger(c.linger)
						nc.Close()
					}
				}()
				d := dialCommand
				d.Addr = hostPort(t, l.Addr().String())
				r := newRig(t, Config{Alone: alone})
				r.run(d)
				await[monitor.LinkUp](r)
				if down := await[monitor.LinkDown](r); down.Loss != c.loss {
					t.Errorf("lost with %+v", down)
				}
			})
		}
	}
}

// TestLoss: every address of a name must refuse, and what did not come up has not ended.
func TestLoss(t *testing.T) {
	refused, silent := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, &net.OpError{Op: "dial", Err: syscall.ETIMEDOUT}
	for _, c := range []struct {
		err   error
		wasUp bool
		want  monitor.Loss
	}{
		{refused, false, monitor.LossRefused},
		{joined(refused, refused), false, monitor.LossRefused},
		{joined(joined(refused, silent), refused), false, monitor.LossOther},
		{joined(refused, silent), false, monitor.LossOther},
		{silent, false, monitor.LossOther},
		{handshakeError{io.EOF}, false, monitor.LossOther},
		{handshakeError{syscall.ECONNRESET}, false, monitor.LossOther},
		{refused, true, monitor.LossOther}, // by ICMP, on one that was up
		{io.EOF, true, monitor.LossEnded},
		{io.ErrUnexpectedEOF, true, monitor.LossEnded},
		{syscall.ECONNRESET, true, monitor.LossReset},
		{silent, true, monitor.LossOther},
	} {
		if got := lossOf(c.err, c.wasUp); got != c.want {
			t.Errorf("%v, up %t: %d, want %d", c.err, c.wasUp, got, c.want)
		}
	}
}

func TestTCPBindSourceThatIsNotOurs(t *testing.T) {
	d := listen(t, nil, answering())
	r := newRig(t, Config{BindSource: "192.0.2.1"}) // reserved for documentation
	r.run(d)
	if down := await[monitor.LinkDown](r); !strings.Contains(down.Reason, "assign requested address") {
		t.Errorf("lost with %+v", down)
	}
}

// TestTCPServerThatReadsLate lets more pile up than the system takes, and
// checks that the rest arrives, whole and in order, once the server reads.
func TestTCPServerThatReadsLate(t *testing.T) {
	const commands = 300
	long := strings.Repeat("m", 100<<10)
	read := make(chan struct{})
	d := listen(t, nil, func(nc net.Conn) {
		<-read
		b := bufio.NewReader(nc)
		if _, err := readCommand(b); err != nil {
			t.Error(err)
			return
		}
		io.WriteString(nc, "+OK\r\n")
		for i := range commands {
			words, err := readCommand(b)
			if err != nil || len(words) != 3 || !strings.Contains(words[2], ","+runID+","+strconv.Itoa(i)+","+long+",") {
				t.Errorf("command %d is not what was sent: %d words, %.80q, %v", i, len(words), words, err)
				return
			}
			io.WriteString(nc, ":1\r\n")
		}
		<-nc.(serverConn).done
	})
	r := newRig(t, Config{Limits: Limits{UnsentBytes: 64 << 20}})
	r.run(d)
	await[monitor.LinkUp](r)
	for i := range commands {
		r.run(send(uint64(i), monitor.PublishHello{Hello: monitor.Hello{RunID: runID, CurrentEpoch: monitor.Epoch(i), MasterName: long}}))
	}
	close(read)
	for i := range commands {
		if reply := await[monitor.PublishReply](r); !reply.OK || reply.Token != token(uint64(i)) {
			t.Fatalf("reply %d is %+v", i, reply)
		}
	}
}

func TestTCPServerThatNeverReads(t *testing.T) {
	d := listen(t, nil, func(nc net.Conn) { <-nc.(serverConn).done })
	r := newRig(t, Config{Limits: Limits{Pending: 1 << 30}})
	r.run(d)
	await[monitor.LinkUp](r)
	hello := monitor.PublishHello{Hello: monitor.Hello{MasterName: strings.Repeat("m", 4<<10)}}
	for sent := 0; len(r.got()) == 0; sent += 4 << 10 {
		if sent > 1<<30 {
			t.Fatal("a gigabyte was taken from us")
		}
		r.run(send(1, hello))
	}
	if down := await[monitor.LinkDown](r); !strings.Contains(down.Reason, "does not read") {
		t.Errorf("lost with %+v", down)
	}
}

// TestTCPServerThatCloses writes to a connection until it is found lost.
func TestTCPServerThatCloses(t *testing.T) {
	d := listen(t, nil, func(net.Conn) {})
	r := newRig(t, Config{})
	r.run(d)
	await[monitor.LinkUp](r)
	r.run(send(1, monitor.Ping{}))
	await[monitor.LinkDown](r)
	r.run(send(2, monitor.Ping{}), monitor.Close{Conn: 1})
	r.Shutdown()
	r.want()
}

func TestShutdownOfManyConnections(t *testing.T) {
	d := listen(t, nil, answering("+OK\r\n", "+PONG\r\n"))
	r := newRig(t, Config{})
	for i := range 50 {
		d.Conn = monitor.ConnID(i + 1)
		r.Do(d)
		r.Do(monitor.Send{Conn: d.Conn, Cmd: monitor.Ping{}})
	}
	r.Flush()
	for range 25 {
		await[monitor.Pong](r)
	}
	r.Shutdown() // goleak finds what is left behind
}

// certificate returns a certificate for host and a pool that trusts it.
func certificate(t *testing.T, host string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{host}, IPAddresses: []net.IP{net.ParseIP("127.0.0.1")},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestTLS(t *testing.T) {
	cert, trusted := certificate(t, "redis.example")
	d := listen(t, &tls.Config{Certificates: []tls.Certificate{cert}}, answering("+OK\r\n", "+PONG\r\n"))
	for name, c := range map[string]struct {
		cfg  *tls.Config
		want string // in the reason, "" for success
	}{
		"address as name": {&tls.Config{RootCAs: trusted}, ""},
		"name given":      {&tls.Config{RootCAs: trusted, ServerName: "redis.example"}, ""},
		"other name":      {&tls.Config{RootCAs: trusted, ServerName: "other.example"}, "TLS handshake: "},
		"not trusted":     {&tls.Config{RootCAs: x509.NewCertPool()}, "TLS handshake: "},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Config{TLS: c.cfg})
			r.run(d, send(1, monitor.Ping{}))
			if c.want != "" {
				if down := await[monitor.LinkDown](r); !strings.Contains(down.Reason, c.want) {
					t.Errorf("lost with %+v", down)
				}
				return
			}
			if up := await[monitor.LinkUp](r); up.LocalIP != "127.0.0.1" {
				t.Errorf("up with %+v", up)
			}
			await[monitor.Pong](r)
		})
	}
}

// TestTLSHandshakeThatNeverEnds closes a connection to a server that accepts
// and says nothing.
func TestTLSHandshakeThatNeverEnds(t *testing.T) {
	accepted := make(chan struct{}, 1)
	d := listen(t, nil, func(nc net.Conn) {
		accepted <- struct{}{}
		<-nc.(serverConn).done
	})
	r := newRig(t, Config{TLS: &tls.Config{}})
	r.run(d)
	<-accepted
	r.run(monitor.Close{Conn: 1})
	r.Shutdown()
	r.want()
}

// TestTLSServerThatNeverReads closes a connection while a write to it waits.
func TestTLSServerThatNeverReads(t *testing.T) {
	cert, trusted := certificate(t, "redis.example")
	d := listen(t, &tls.Config{Certificates: []tls.Certificate{cert}}, func(nc net.Conn) {
		nc.(serverConn).Conn.(*tls.Conn).Handshake()
		<-nc.(serverConn).done
	})
	r := newRig(t, Config{TLS: &tls.Config{RootCAs: trusted}, Limits: Limits{Pending: 1 << 30, UnsentBytes: 32 << 20}})
	r.run(d)
	await[monitor.LinkUp](r)
	hello := monitor.PublishHello{Hello: monitor.Hello{MasterName: strings.Repeat("m", 1<<20)}}
	for range 64 {
		r.run(send(1, hello))
	}
	if down := await[monitor.LinkDown](r); !strings.Contains(down.Reason, "does not read") {
		t.Errorf("lost with %+v", down)
	}
}

func TestLocalIP(t *testing.T) {
	for addr, want := range map[string]string{
		"10.0.0.1:5": "10.0.0.1", "[::1]:5": "::1", "[::ffff:10.0.0.1]:5": "10.0.0.1", "[fe80::1%eth0]:5": "fe80::1", "pipe": "", "": "",
	} {
		if got := localIP(addressed{addr: addr}); got != want {
			t.Errorf("localIP of %q = %q, want %q", addr, got, want)
		}
	}
}

// addressed is a connection that has nothing but an address.
type addressed struct {
	net.Conn
	addr string
}

func (a addressed) LocalAddr() net.Addr { return a }
func (a addressed) Network() string     { return "tcp" }
func (a addressed) String() string      { return a.addr }

// TestWrappedConnIsNotBypassed dials a connection that is TCP underneath. Were
// the socket used directly, what the wrapper does would be lost.
func TestWrappedConnIsNotBypassed(t *testing.T) {
	d := listen(t, nil, answering("+OK\r\n", "+PONG\r\n"))
	wrote := make(chan int, 16)
	r := newRig(t, Config{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, addr)
		return counted{nc, wrote}, err
	}})
	r.run(d, send(1, monitor.Ping{}))
	await[monitor.Pong](r)
	if n := <-wrote; n == 0 {
		t.Error("nothing was written through the wrapper")
	}
}

type counted struct {
	net.Conn
	wrote chan<- int
}

func (c counted) Write(b []byte) (int, error) {
	c.wrote <- len(b)
	return c.Conn.Write(b)
}

// TestIdleConnectionKeepsNothing looks at a connection after a batch, a large
// reply and an error: while it waits it must own no buffer.
func TestIdleConnectionKeepsNothing(t *testing.T) {
	info := strings.Repeat("#", 300<<10)
	d := listen(t, nil, answering("+OK\r\n", "$307200\r\n"+info+"\r\n", "-LOADING\r\n", "+PONG\r\n"))
	r := newRig(t, Config{})
	r.run(d)
	c := r.conns[1]
	r.run(send(1, monitor.InfoRequest{}), send(2, monitor.Ping{}))
	for i := range 100 {
		r.Do(send(uint64(i), monitor.Ping{}))
	}
	r.Flush()
	if got := await[monitor.InfoReply](r); string(got.Info.Text.Bytes()) != info {
		t.Errorf("INFO of %d bytes", len(got.Info.Text))
	}
	await[monitor.Pong](r)
	await[monitor.Pong](r)
	r.Shutdown() // now all of c may be looked at
	if c.out != nil || c.in.rest != nil || cap(c.in.ready) > keepReady || c.writing {
		t.Errorf("kept: output %v, unfinished %d, inputs %d, writing %v", c.out, cap(c.in.rest), cap(c.in.ready), c.writing)
	}
}

// TestTCPWriteThatFails keeps the reading goroutine busy, so that the loss is
// found by writing. It must still be reported once, and not before what came first.
func TestTCPWriteThatFails(t *testing.T) {
	d := listen(t, nil, func(nc net.Conn) {
		io.ReadFull(nc, make([]byte, 1))
		nc.(serverConn).Conn.(*net.TCPConn).SetLinger(0) // close with a reset
	})
	goOn := make(chan struct{})
	var once sync.Once
	r := newRig(t, Config{
		Limits:  Limits{Pending: 1 << 30, UnsentBytes: 1 << 30},
		Deliver: func(monitor.Instant, monitor.Input) { once.Do(func() { <-goOn }) },
	})
	r.run(d)
	c := r.conns[1]
	failed := func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.writesEnded
	}
	for deadline := time.Now().Add(patience); !failed(); {
		if time.Now().After(deadline) {
			t.Fatal("writes to a connection that was reset go on")
		}
		r.run(send(1, monitor.Ping{}))
	}
	close(goOn)
	if up := await[monitor.LinkUp](r); up.Conn != 1 {
		t.Errorf("up with %+v", up)
	}
	if down := await[monitor.LinkDown](r); down.Conn != 1 || down.Reason == "" {
		t.Errorf("lost with %+v", down)
	}
}
