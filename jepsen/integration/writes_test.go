package integration

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// writes are clients that never leave their servers, one for each: what one of them
// acknowledges must be there in the end, and never two may acknowledge at a time.
type writes struct {
	mu   sync.Mutex
	acks []ack
	next int
}

// ack is a write that a server has acknowledged.
type ack struct {
	server         int
	id             string
	sent, received time.Time
}

// writeTo has clients write to all servers until the test ends.
func (e *env) writeTo(servers []*cluster.Server) *writes {
	w := &writes{}
	ctx, cancel := context.WithCancel(e.ctx)
	var clients sync.WaitGroup
	for k, s := range servers {
		clients.Go(func() { w.write(ctx, k, s) })
	}
	e.Cleanup(func() { cancel(); clients.Wait() })
	return w
}

func (w *writes) write(ctx context.Context, server int, s *cluster.Server) {
	client := redis.NewClient(&redis.Options{Addr: s.Addr(), MaxRetries: -1, PoolSize: 1, ReadTimeout: 10 * time.Second})
	defer client.Close()
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for ctx.Err() == nil {
		<-pace.C
		id, sent := w.id(), time.Now()
		if client.SAdd(ctx, "writes", id).Err() == nil {
			w.mu.Lock()
			w.acks = append(w.acks, ack{server, id, sent, time.Now()})
			w.mu.Unlock()
		}
	}
}

func (w *writes) id() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next++
	return strconv.Itoa(w.next)
}

// since returns what was acknowledged after so many.
func (w *writes) since(n int) []ack {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]ack(nil), w.acks[n:]...)
}

// count returns how many were acknowledged.
func (w *writes) count() int { return len(w.since(0)) }

// twoMasters returns what shows that two servers took writes at the same time, or
// "". The first server may take none that was sent after the second acknowledged one.
func twoMasters(acks []ack) string {
	type span struct{ first, last time.Time }
	spans := map[int]span{}
	for _, a := range acks {
		s, ok := spans[a.server]
		if !ok || a.received.Before(s.first) {
			s.first = a.received
		}
		if a.sent.After(s.last) {
			s.last = a.sent
		}
		spans[a.server] = s
	}
	for x, a := range spans {
		for y, b := range spans {
			if x < y && a.first.Before(b.last) && b.first.Before(a.last) {
				return fmt.Sprintf("server %d took writes from %v to %v, and server %d from %v to %v", x, a.first, a.last, y, b.first, b.last)
			}
		}
	}
	return ""
}

// lost returns how many of the writes a server does not have.
func lost(ctx context.Context, s *cluster.Server, acks []ack) (int, error) {
	ids := make([]any, len(acks))
	for k, a := range acks {
		ids[k] = a.id
	}
	if len(ids) == 0 {
		return 0, nil
	}
	there, err := s.Client().SMIsMember(ctx, "writes", ids...).Result()
	n := 0
	for _, ok := range there {
		if !ok {
			n++
		}
	}
	return n, err
}
