package respguard

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidwall/redcon"
)

// fakeListener returns from Accept what the test puts into its channel.
type fakeListener struct {
	next   chan any // net.Conn or error
	closed chan struct{}
	once   sync.Once
}

func newFakeListener() *fakeListener {
	return &fakeListener{next: make(chan any, 16), closed: make(chan struct{})}
}

func (l *fakeListener) Accept() (net.Conn, error) {
	select {
	case v := <-l.next:
		if err, ok := v.(error); ok {
			return nil, err
		}
		return v.(net.Conn), nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *fakeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *fakeListener) Addr() net.Addr { return &net.TCPAddr{} }

func TestAcceptPausesWhenOutOfDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeListener()
		var pauses []string
		ln := NewListener(fake, Limits{OnAcceptError: func(err error, pause time.Duration) {
			if !errors.Is(err, syscall.EMFILE) {
				t.Errorf("reported %v", err)
			}
			pauses = append(pauses, pause.String())
		}})
		for range 10 {
			fake.next <- error(&net.OpError{Op: "accept", Err: syscall.EMFILE})
		}
		fake.next <- net.Conn(&script{})
		start := time.Now()
		c, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if want := "[5ms 10ms 20ms 40ms 80ms 160ms 320ms 640ms 1s 1s]"; fmt.Sprint(pauses) != want {
			t.Errorf("pauses %v, want %s", pauses, want)
		}
		if got, want := time.Since(start), 3275*time.Millisecond; got != want {
			t.Errorf("accepted after %v of virtual time, want %v", got, want)
		}

		fake.next <- error(syscall.EMFILE)
		go func() { synctest.Wait(); ln.Close() }() // Close must end the pause
		if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept after Close: %v", err)
		}
	})
}

func TestMaxClients(t *testing.T) {
	fake := newFakeListener()
	g := New(Limits{MaxClients: 1})
	ln := g.Listener(fake)
	defer ln.Close()
	first, second, third := &script{}, &script{}, &script{}
	fake.next <- net.Conn(first)
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	fake.next <- net.Conn(second)
	done := make(chan net.Conn)
	go func() {
		c, _ := ln.Accept()
		done <- c
	}()
	for g.Refused() == 0 {
		runtime.Gosched()
	}
	c.Close()
	c.Close() // closing twice must not free two places
	fake.next <- net.Conn(third)
	(<-done).Close()
	if got := second.wrote.String(); got != "-ERR max number of clients reached\r\n" || !second.closed {
		t.Errorf("refused client got %q, closed %v", got, second.closed)
	}
	if g.Clients() != 0 {
		t.Errorf("%d clients left", g.Clients())
	}
}

// tlsLike is a connection that wraps another one, like *tls.Conn.
type tlsLike struct{ script }

func (t *tlsLike) NetConn() net.Conn           { return &t.script }
func (t *tlsLike) Write(p []byte) (int, error) { panic("would wait for the handshake") }

func TestRefuse(t *testing.T) {
	g := New(Limits{})
	plain, secure := &script{}, &tlsLike{}
	Refuse(g.admit(plain), "DENIED no")
	Refuse(g.admit(secure), "DENIED no")
	if got := plain.wrote.String(); got != "-DENIED no\r\n" || !plain.closed || !secure.closed {
		t.Errorf("got %q, closed %v and %v", got, plain.closed, secure.closed)
	}
	if g.Clients() != 0 {
		t.Errorf("%d clients left", g.Clients())
	}
}

// TestSeveralListenersShareLimits keeps "bind a b" from doubling maxclients.
func TestSeveralListenersShareLimits(t *testing.T) {
	g := New(Limits{MaxClients: 1})
	if g.admit(&script{}) == nil || g.admit(&script{}) != nil {
		t.Error("the limit is not counted over all listeners")
	}
}

// TestRoomForClients: where there is room for fewer than MaxClients, that counts.
func TestRoomForClients(t *testing.T) {
	room := 1
	g := New(Limits{MaxClients: 2, Room: func() int { return room }})
	if g.admit(&script{}) == nil || g.admit(&script{}) != nil {
		t.Error("the room is not counted")
	}
	if room = 9; g.admit(&script{}) == nil || g.admit(&script{}) != nil {
		t.Error("more room is not given, or more than MaxClients are")
	}
}

// TestAuthenticationLiftsLimitsInsidePipeline: a long command after AUTH in the
// same packet is checked only after AUTH was executed.
func TestAuthenticationLiftsLimitsInsidePipeline(t *testing.T) {
	long := "*11\r\n" + strings.Repeat("$1\r\na\r\n", 11)
	c := New(Limits{AuthRequired: true}).admit(&script{chunks: [][]byte{[]byte("\r\nAUTH x\r\n" + long + long)}})
	defer c.Close()
	buf := make([]byte, 4096)
	n, err := c.Read(buf)
	if got := string(buf[:n]); err != nil || got != "*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n" {
		t.Fatalf("first read: %q, %v", got, err)
	}
	c.SetAuthenticated(true)
	n, err = c.Read(buf)
	if got := string(buf[:n]); err != nil || got != long+long {
		t.Fatalf("second read: %q, %v", got, err)
	}
	if _, err = c.Read(buf); err != io.EOF {
		t.Fatalf("at the end: %v", err)
	}
}

func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		c := New(Limits{IdleTimeout: 10 * time.Second}).admit(far)
		defer c.Close()
		buf := make([]byte, 4096)
		c.SetIdleExempt(true)
		go func() {
			time.Sleep(time.Hour)
			near.Write([]byte("PING\r\n"))
		}()
		if _, err := c.Read(buf); err != nil {
			t.Fatalf("an exempt connection: %v", err)
		}
		c.SetIdleExempt(false)
		start := time.Now()
		_, err := c.Read(buf)
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 10*time.Second {
			t.Errorf("idle: %v after %v", err, time.Since(start))
		}
	})
}

// TestSilentInsideCommand: the time of an idle client runs from the last byte that it has
// sent, also where that is not the end of a command.
func TestSilentInsideCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		c := New(Limits{IdleTimeout: 3 * time.Second, PartialTimeout: time.Minute}).admit(far)
		defer c.Close()
		go func() {
			for _, part := range []string{"*2", "\r\n$4\r\n", "PI"} {
				near.Write([]byte(part))
				time.Sleep(2 * time.Second)
			}
		}()
		start := time.Now()
		_, err := c.Read(make([]byte, 4096))
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 7*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// TestPartialTimeout: sending single bytes does not keep a command alive, and a
// busy pipeline that never pauses at a command boundary is not cut off.
func TestPartialTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		c := New(Limits{PartialTimeout: time.Minute}).admit(far)
		defer c.Close()
		buf := make([]byte, 4096)
		done := make(chan struct{})
		go func() {
			defer close(done)
			near.Write([]byte("PI"))
			for range 5 {
				time.Sleep(50 * time.Second)
				near.Write([]byte("NG\r\nPI"))
			}
			for range 100 {
				time.Sleep(time.Second)
				if _, err := near.Write([]byte("N")); err != nil {
					return
				}
			}
		}()
		start := time.Now()
		for range 5 {
			if _, err := c.Read(buf); err != nil {
				t.Fatalf("after %v: %v", time.Since(start), err)
			}
		}
		last := time.Now()
		_, err := c.Read(buf)
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(last) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(last))
		}
		c.Close()
		<-done
	})
}

// TestTotalBytes: many clients, each with a large unfinished command, take no
// more than the common limit, and release it when they close.
func TestTotalBytes(t *testing.T) {
	g := New(Limits{TotalBytes: 4 << 20})
	big := []byte("*2\r\n$4\r\nPING\r\n$500000\r\n" + strings.Repeat("x", 499999))
	var conns []*Conn
	var refused int
	for range 10 {
		nc := &script{chunks: [][]byte{big}}
		c := g.admit(nc)
		conns = append(conns, c)
		_, err := c.Read(make([]byte, 4096))
		var v *Violation
		if errors.As(err, &v) {
			refused++
			if want := "-" + errTotal.Reply + "\r\n"; nc.wrote.String() != want {
				t.Errorf("got %q, want %q", nc.wrote.String(), want)
			}
		} else if err != io.EOF {
			t.Fatal(err)
		}
	}
	if refused != 8 {
		t.Errorf("%d of 10 refused, want 8: each takes 4 times its 500 KB", refused)
	}
	for _, c := range conns {
		c.Close()
	}
	if n := g.large.Load(); n != 0 {
		t.Errorf("%d bytes are still charged", n)
	}
}

// TestIdleConnectionHoldsNoBuffer: after a command was returned, its memory goes
// back to the pool.
func TestIdleConnectionHoldsNoBuffer(t *testing.T) {
	c := New(Limits{}).admit(&script{chunks: [][]byte{[]byte("PING\r\n")}})
	defer c.Close()
	if _, err := c.Read(make([]byte, 4096)); err != nil {
		t.Fatal(err)
	}
	if c.scan.out != nil || c.raw != nil {
		t.Errorf("holds %d and %d bytes", cap(c.scan.out), cap(c.raw))
	}
}

// TestHostileTCP sends the input that kills redcon to a real redcon server over
// TCP. The server must reply to it and continue to serve.
func TestHostileTCP(t *testing.T) {
	base, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := NewListener(base, Limits{})
	served := make(chan error, 1)
	var handlers sync.WaitGroup
	go func() {
		served <- redcon.Serve(ln, func(conn redcon.Conn, cmd redcon.Command) {
			conn.WriteString("PONG")
		}, func(redcon.Conn) bool { handlers.Add(1); return true },
			func(redcon.Conn, error) { handlers.Done() })
	}()
	for _, c := range []struct{ in, want string }{
		{"PING\r\n*1\r\n$9223372036854775807\r\n", "+PONG\r\n-ERR Protocol error: invalid bulk length\r\n"},
		{"*9223372036854775807\r\n", "-ERR Protocol error: invalid multibulk length\r\n"},
		{strings.Repeat("y", 200000), "-ERR Protocol error: too big inline request\r\n"},
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "+PONG\r\n"},
		{"POST / HTTP/1.1\r\n\r\n", ""},
	} {
		nc, err := net.Dial("tcp", base.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		nc.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := nc.Write([]byte(c.in)); err != nil {
			t.Errorf("%.40q: %v", c.in, err)
		}
		got, err := io.ReadAll(bufio.NewReader(nc))
		if string(got) != c.want || (err != nil && !errors.Is(err, syscall.ECONNRESET)) {
			t.Errorf("%.40q: got %q, %v; want %q", c.in, got, err, c.want)
		}
		nc.Close()
	}
	ln.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
	handlers.Wait()
}
