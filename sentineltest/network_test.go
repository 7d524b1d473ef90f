package sentineltest

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"
)

// TestConnections: connections in memory do what those of the system do.
func TestConnections(t *testing.T) {
	for name, network := range map[string]func() *Network{"memory": NewNetwork, "loopback": newLoopback} {
		t.Run(name, func(t *testing.T) {
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				n := network()
				h, err := n.newHost(1)
				if err != nil {
					return nil, nil, nil, err
				}
				ln, err := h.listen()
				if err != nil {
					return nil, nil, nil, err
				}
				if c1, err = n.DialContext(context.Background(), "tcp", h.addr); err != nil {
					return nil, nil, nil, err
				}
				if c2, err = ln.Accept(); err != nil {
					return nil, nil, nil, err
				}
				return c1, c2, func() {
					for _, c := range []io.Closer{c1, c2, ln} {
						_ = c.Close()
					}
					h.free()
				}, nil
			})
		})
	}
}

// pairOn connects a client with a server of the name "there".
func pairOn(t *testing.T, n *Network, client string) (here, there net.Conn) {
	t.Helper()
	ln, err := n.listen("tcp", "127.0.0.1:0", "there")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if here, err = (&host{net: n, ip: clientIP, name: client}).dial(t.Context(), "tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if there, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = here.Close(); _ = there.Close() })
	return here, there
}

func write(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Error(err)
	}
}

func read(t *testing.T, c net.Conn, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != want {
		t.Errorf("%q, %v, want %q", b, err, want)
	}
}

// TestPartitionHoldsBack: what is sent across a partition arrives when it is over, the
// end of the stream too; deadlines and Close work meanwhile.
func TestPartitionHoldsBack(t *testing.T) {
	for name, network := range map[string]func() *Network{"memory": NewNetwork, "loopback": newLoopback} {
		t.Run(name, func(t *testing.T) {
			n := network()
			here, there := pairOn(t, n, "here")
			other, server := pairOn(t, n, "here")
			n.change(func() { n.sides["here"], n.sides["there"] = 1, 2 })
			write(t, here, "from here")
			write(t, there, "from there")
			if err := there.(*conn).CloseWrite(); err != nil {
				t.Error(err)
			}
			for _, c := range []net.Conn{here, there} {
				_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
				if n, err := c.Read(make([]byte, 20)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("it reads %d bytes across the partition, %v", n, err)
				}
				_ = c.SetReadDeadline(time.Time{})
			}
			write(t, server, "x")
			failed := make(chan error)
			go func() {
				_, err := other.Read(make([]byte, 1))
				failed <- err
			}()
			_ = other.Close()
			if err := <-failed; !errors.Is(err, net.ErrClosed) {
				t.Errorf("a read that Close ends: %v", err)
			}
			n.change(func() { clear(n.sides) })
			read(t, there, "from here")
			read(t, here, "from there")
			if _, err := here.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("at the end: %v", err)
			}
		})
	}
}

// TestDialAcrossPartition: it waits for the end of the partition, or of its context.
func TestDialAcrossPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		ln, err := n.listen("tcp", "10.0.0.1:80", "there")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		here := &host{net: n, ip: clientIP, name: "here"}
		n.change(func() { n.sides["here"], n.sides["there"] = 1, 2 })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := here.dial(ctx, "tcp", "10.0.0.1:80"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("across a partition: %v", err)
		}
		time.AfterFunc(time.Hour, func() { n.change(func() { clear(n.sides) }) })
		nc, err := here.dial(t.Context(), "tcp", "10.0.0.1:80")
		if err != nil {
			t.Fatal(err)
		}
		_ = nc.Close()
	})
}

// TestReset: a connection that is reset, or that nobody accepts, ends with an error.
func TestReset(t *testing.T) {
	n := NewNetwork()
	here, there := pairOn(t, n, "here")
	write(t, there, "lost")
	_ = there.(*conn).SetLinger(0)
	_ = there.Close()
	if _, err := here.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after a reset: %v", err)
	}
	if _, err := here.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("a write after a reset: %v", err)
	}
	ln, err := n.Listen("tcp", "10.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	early, err := n.DialContext(t.Context(), "tcp", "10.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	if _, err := early.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a connection that nobody accepted: %v", err)
	}
}

// TestNetworkErrors: they are those of the system, or say what is possible.
func TestNetworkErrors(t *testing.T) {
	n := NewNetwork()
	ln, err := n.Listen("tcp", "10.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if _, err := n.Listen("tcp", "10.0.0.1:80"); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("an address twice: %v", err)
	}
	if _, err := n.DialContext(t.Context(), "tcp", "10.0.0.2:80"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody there: %v", err)
	}
	for _, bad := range [][2]string{{"udp", "10.0.0.1:80"}, {"tcp", "localhost:80"}, {"tcp", "10.0.0.1"}} {
		if _, err := n.Listen(bad[0], bad[1]); err == nil {
			t.Errorf("Listen(%q) works", bad)
		}
		if _, err := n.DialContext(t.Context(), bad[0], bad[1]); err == nil {
			t.Errorf("DialContext(%q) works", bad)
		}
	}
	if _, err := n.Listen("tcp", "localhost:80"); !strings.Contains(err.Error(), "IP addresses with ports only") {
		t.Error(err)
	}
}

// TestClockStandsStill: while nothing gets over the network, the time of the Sentinels
// does not pass.
func TestClockStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		var busy atomic.Bool
		c := newClock(time.Millisecond, func() error {
			if busy.Load() {
				<-stuck
			}
			return nil
		})
		time.Sleep(time.Second)
		if got := c.now(); got != 0 {
			t.Errorf("before it is set going it is %v", got)
		}
		c.stir()
		time.Sleep(time.Second)
		if got := c.now(); got != 0 {
			t.Errorf("what is noticed before sets it going: it is %v", got)
		}
		c.set(full)
		time.Sleep(100 * time.Millisecond)
		if got := c.now(); got != 100*time.Millisecond {
			t.Errorf("after 100 ms it is %v", got)
		}
		busy.Store(true)
		time.Sleep(time.Hour)
		if got := c.now(); got > 103*time.Millisecond {
			t.Errorf("while the process stood still the clock went to %v", got)
		}
		close(stuck)
		time.Sleep(10 * time.Millisecond)
		if got := c.now(); got < 108*time.Millisecond || got > 115*time.Millisecond {
			t.Errorf("10 ms later it is %v", got)
		}
		before := c.now()
		c.set(calm)
		time.Sleep(640 * time.Millisecond)
		if got := c.now() - before; got != 10*time.Millisecond {
			t.Errorf("in 640 calm milliseconds it goes %v", got)
		}
		c.close()
	})
}
