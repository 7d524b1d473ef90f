package server

import (
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gosentinel/sentinel/internal/epoll"
	"github.com/gosentinel/sentinel/internal/resptest"
	"github.com/gosentinel/sentinel/pubsub"
)

// TestServedTogether: of clients whose commands arrive together none is written to
// before the commands of all have been executed. A subscriber is written to at once, and
// one that has gone away in between harms nobody.
func TestServedTogether(t *testing.T) {
	ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
	w := openPoller(ts.Server)
	if w == nil {
		t.Fatal("there is no epoll instance")
	}
	ts.mu.Lock()
	ts.poller = w // the test does its work
	ts.mu.Unlock()
	arrived := func(clients int) (conns []*epoll.Conn) {
		resptest.Eventually(t, "the commands to arrive", func() bool {
			w.set.Poll(func(p *epoll.Conn) { conns = append(conns, p) })
			return len(conns) == clients
		})
		return conns
	}
	dial := func() net.Conn {
		nc, err := net.Dial("tcp", ts.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		return nc
	}
	send := func(nc net.Conn, text string) {
		if _, err := nc.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	read := func(nc net.Conn, want string) {
		t.Helper()
		got := make([]byte, len(want))
		nc.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.ReadFull(nc, got); err != nil || string(got) != want {
			t.Errorf("read %q, %v, want %q", got, err, want)
		}
	}

	subscriber, gone, one, two := dial(), dial(), dial(), dial()
	send(subscriber, "SUBSCRIBE +sdown\r\n")
	for _, p := range arrived(1) {
		w.serve(p)
	}
	read(subscriber, "*3\r\n$9\r\nsubscribe\r\n$6\r\n+sdown\r\n:1\r\n")
	for _, nc := range []net.Conn{subscriber, one, two} {
		send(nc, "PING\r\n")
	}
	send(gone, "QUIT\r\nPING\r\n")
	for _, p := range arrived(4) {
		w.serve(p)
	}
	if n := len(w.served); n != 3 || ts.processed.Load() < 5 {
		t.Errorf("%d clients were served and are to be written to, want 3; %d commands", n, ts.processed.Load())
	}
	read(subscriber, "*2\r\n$4\r\npong\r\n$0\r\n\r\n")
	for _, nc := range []net.Conn{one, two} {
		raw, err := nc.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		raw.Control(func(fd uintptr) {
			if n, _, err := unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT); err != unix.EAGAIN {
				t.Errorf("a client was written to before all were served: %d bytes, %v", n, err)
			}
		})
	}
	gone.Close()
	w.answerAll()
	read(one, "+PONG\r\n")
	read(two, "+PONG\r\n")
	go w.run()
	send(one, "PING\r\n")
	read(one, "+PONG\r\n")
}
