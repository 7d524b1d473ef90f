package sentinel

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
)

// TestGivenSockets: a Sentinel serves the listener that it is given, closes it at
// the end, and opens its connections through Dial.
func TestGivenSockets(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dialed := make(chan string, 100)
	s, err := New(Config{
		Listener: ln, Masters: []MasterConfig{{Name: "cache", Addr: "10.1.2.3:6379", Quorum: 1}},
		Dial: func(_ context.Context, network, addr string) (net.Conn, error) {
			dialed <- network + " " + addr
			return nil, errors.New("not today")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	<-s.Ready()
	if s.Addr() != ln.Addr() {
		t.Errorf("it serves %v, want %v", s.Addr(), ln.Addr())
	}
	nc, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	reply := make([]byte, 7)
	if _, err := nc.Write([]byte("PING\r\n")); err != nil {
		t.Fatal(err)
	}
	if n, err := nc.Read(reply); string(reply[:n]) != "+PONG\r\n" {
		t.Errorf("PING: %q, %v", reply[:n], err)
	}
	if got := <-dialed; got != "tcp 10.1.2.3:6379" {
		t.Errorf("it dials %q", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is still open: %v", err)
	}
}

// TestReadyKnowsThePort: with a port that the system chooses, Addr tells which.
func TestReadyKnowsThePort(t *testing.T) {
	s, err := New(Config{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Ready():
		t.Error("ready before Run")
	default:
	}
	if s.Addr() != nil {
		t.Error("an address before Run")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	<-s.Ready()
	if a, ok := s.Addr().(*net.TCPAddr); !ok || a.Port == 0 {
		t.Errorf("ready at %v", s.Addr())
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestListenOrListener(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if _, err := New(Config{Listen: ":0", Listener: ln}); err == nil || !strings.Contains(err.Error(), "Listen and Listener exclude each other") {
		t.Errorf("both are given: %v", err)
	}
}
