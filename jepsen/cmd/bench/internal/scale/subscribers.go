package scale

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/fleet"
)

// subscriberRows are what clients cost that only listen.
var subscriberRows = []Row{
	{
		Name: "subscribers", Text: "10,000 subscribers to +switch-master",
		Figures: []Figure{ratio("RSS", "MiB", 1, 1.5)},
		Run: func(ctx context.Context, s *stage) ([]float64, error) {
			listeners, err := s.listen(ctx, s.size(min(10000, MaxFiles()-1000), 2000), "+switch-master")
			if err != nil {
				return nil, err
			}
			defer listeners.hangUp()
			if err := rest(ctx, s.span(5*time.Second, time.Second)); err != nil { // memory that is no longer used is given back
				return nil, err
			}
			u, err := usageOf(s.sentinels[0].PID())
			return []float64{u.RSS}, err
		},
	}, {
		Name: "event", Text: "an event to 5,000 subscribers",
		Figures: []Figure{ratio("to the last", "ms", 0.8, 0.9), ratio("CPU an event", "ms", 1, 1.1)},
		Run: func(ctx context.Context, s *stage) ([]float64, error) {
			listeners, err := s.listen(ctx, s.size(min(5000, MaxFiles()-1000), 1000), "+set")
			if err != nil {
				return nil, err
			}
			defer listeners.hangUp()
			const events = 20
			n := s.sentinels[0]
			before, err := usageOf(n.PID())
			if err != nil {
				return nil, err
			}
			var sum time.Duration
			for i := range events {
				begun := time.Now()
				if _, err := n.Do(ctx, "SENTINEL", "SET", "m0", "failover-timeout", 100000+i); err != nil {
					return nil, err
				}
				if err := listeners.heard(ctx); err != nil {
					return nil, err
				}
				sum += time.Since(begun)
			}
			after, err := usageOf(n.PID())
			return []float64{milliseconds(sum) / events, milliseconds(after.since(before).CPU) / events}, err
		},
	},
}

// listeners are clients that subscribe to a channel. Each reads on a goroutine of its own.
type listeners struct {
	conns []net.Conn
	work  sync.WaitGroup
	left  atomic.Int64  // who have not heard the next event
	all   chan struct{} // holds one: all have heard it
}

// listen has so many clients subscribe to a Sentinel of one master.
func (s *stage) listen(ctx context.Context, clients int, channel string) (*listeners, error) {
	set := setting{Layout: fleet.Layout{Masters: 1, Replicas: 1}, lines: []string{fmt.Sprintf("maxclients %d", clients+500)}}
	if err := s.enter(ctx, set); err != nil {
		return nil, err
	}
	l := &listeners{all: make(chan struct{}, 1)}
	l.left.Store(int64(clients))
	subscribe := fmt.Appendf(nil, "*2\r\n$9\r\nSUBSCRIBE\r\n$%d\r\n%s\r\n", len(channel), channel)
	for range clients {
		var d net.Dialer
		nc, err := d.DialContext(ctx, "tcp", s.sentinels[0].Addr())
		if err == nil {
			l.conns = append(l.conns, nc)
			_, err = nc.Write(subscribe)
		}
		if err != nil {
			l.hangUp()
			return nil, err
		}
		l.work.Go(func() { l.read(nc, int64(clients)) })
	}
	if err := l.heard(ctx); err != nil { // the confirmation
		l.hangUp()
		return nil, err
	}
	return l, nil
}

// read takes whatever arrives for one event: messages are short and come in one piece.
func (l *listeners) read(nc net.Conn, clients int64) {
	buf := make([]byte, 512)
	for {
		if _, err := nc.Read(buf); err != nil {
			return
		}
		if l.left.Add(-1) == 0 {
			l.left.Store(clients)
			l.all <- struct{}{}
		}
	}
}

// heard waits until all have heard an event.
func (l *listeners) heard(ctx context.Context) error {
	select {
	case <-l.all:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%d have not heard the event: %w", l.left.Load(), context.Cause(ctx))
	}
}

func (l *listeners) hangUp() {
	for _, nc := range l.conns {
		_ = nc.Close() // nothing was written to it that could be lost
	}
	l.work.Wait()
}
