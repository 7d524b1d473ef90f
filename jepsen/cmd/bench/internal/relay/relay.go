package relay

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Shape says how slow replication is. The zero value does not slow it down.
type Shape struct {
	Delay time.Duration // of each byte, one way, in both directions
	Rate  int           // bytes per second in each direction; 0: no limit
}

// Relay forwards connections to one server until Close.
type Relay struct {
	ln     net.Listener
	target string
	shape  Shape
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// Start listens at one address and forwards to another, which need not accept
// connections yet.
func Start(listen, target string, s Shape) (*Relay, error) {
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &Relay{ln: ln, target: target, shape: s, ctx: ctx, cancel: cancel}
	r.work.Go(r.accept)
	return r, nil
}

// Addr returns the address at which the relay listens.
func (r *Relay) Addr() string { return r.ln.Addr().String() }

// Close ends all connections and returns when nothing of the relay is left.
func (r *Relay) Close() error {
	r.cancel()
	err := r.ln.Close()
	r.work.Wait()
	return err
}

func (r *Relay) accept() {
	for {
		client, err := r.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			r.work.Go(func() { r.forward(client) })
		}
	}
}

// forward serves one connection. When one side ends, so does the other, as the
// server's CLIENT KILL must reach the client.
func (r *Relay) forward(client net.Conn) {
	defer client.Close()
	var d net.Dialer
	server, err := d.DialContext(r.ctx, "tcp", r.target)
	if err != nil {
		return
	}
	defer server.Close()
	ctx, cancel := context.WithCancel(r.ctx)
	context.AfterFunc(ctx, func() { _ = client.Close(); _ = server.Close() })
	var slow atomic.Bool
	var both sync.WaitGroup
	both.Go(func() { defer cancel(); pipe(ctx, server, client, r.shape, sniff(&slow)) })
	both.Go(func() { defer cancel(); pipe(ctx, client, server, r.shape, func([]byte) bool { return slow.Load() }) })
	both.Wait()
}

// handshake is how many bytes of a client may come before REPLCONF: a PING, and a
// login.
const handshake = 4 << 10

// sniff returns a function that is shown what a client sends, and reports from
// REPLCONF on that this is a replica.
func sniff(slow *atomic.Bool) func([]byte) bool {
	seen := 0
	return func(b []byte) bool {
		if !slow.Load() && seen < handshake {
			seen += len(b)
			slow.Store(bytes.Contains(bytes.ToUpper(b), []byte("REPLCONF")))
		}
		return slow.Load()
	}
}

// chunk is what was read at once.
type chunk struct {
	data []byte
	due  time.Time
}

const (
	chunkSize = 32 << 10
	// delayed is how many chunks may be on the way. With many writes of a few bytes
	// each is a chunk of its own.
	delayed = 8 << 10
	// paced is the same where the rate is limited. What waits shall wait in the
	// server's buffer, as it does on a real network.
	paced = 16
)

// pipe copies until an error or the end of ctx.
func pipe(ctx context.Context, to, from net.Conn, s Shape, slow func([]byte) bool) {
	room := delayed
	if s.Rate > 0 {
		room = paced
	}
	queue := make(chan chunk, room)
	var writer sync.WaitGroup
	writer.Go(func() { drain(ctx, to, queue, s.Rate) })
	defer writer.Wait()
	defer close(queue)
	for {
		b := make([]byte, chunkSize)
		n, err := from.Read(b)
		if n > 0 {
			c := chunk{data: b[:n:n]}
			if slow(c.data) {
				c.due = time.Now().Add(s.Delay)
			}
			select {
			case queue <- c:
			case <-ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// drain writes each chunk when it is due and when the rate allows it. Chunks of a
// connection that is not slowed have no due time.
func drain(ctx context.Context, to net.Conn, queue <-chan chunk, rate int) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var free time.Time // when the line is free again
	failed := false
	for c := range queue {
		if failed {
			continue // the reader ends by itself, as the connection is closed
		}
		if !c.due.IsZero() {
			at := c.due
			if free.After(at) {
				at = free
			}
			timer.Reset(time.Until(at))
			select {
			case <-timer.C:
			case <-ctx.Done():
				failed = true
				continue
			}
			if rate > 0 {
				free = at.Add(time.Duration(len(c.data)) * time.Second / time.Duration(rate))
			}
		}
		if _, err := to.Write(c.data); err != nil {
			failed = true
			_ = to.Close()
		}
	}
}
