package main

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// writer is a client such as applications use, which keeps writing, one key after the
// other.
type writer struct {
	client *redis.Client
	stop   context.CancelFunc
	done   chan struct{}
	// onChange is called when writes begin to fail (err is not nil) and when they
	// succeed again after gap.
	onChange func(at time.Time, err error, gap time.Duration)

	mu    sync.Mutex
	stats stats
}

// stats is what the writer has seen so far.
type stats struct {
	acked   []int // numbers of the acknowledged writes, ascending
	errors  int
	lastAck time.Time
	longest time.Duration // longest time between two acknowledgements
	failing bool
}

// writeEvery is the pause between two writes.
const writeEvery = 10 * time.Millisecond

// askingSentinels returns a client that asks the Sentinels for the master.
func askingSentinels(sentinels []string) *redis.Client {
	return redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: masterName, SentinelAddrs: sentinels,
		// Errors must show at once, so nothing is retried and timeouts are
		// short.
		MaxRetries: -1, DialTimeout: 250 * time.Millisecond,
		ReadTimeout: 250 * time.Millisecond, WriteTimeout: 250 * time.Millisecond,
		DisableIdentity: true,
	})
}

// startWriter starts a writer, which closes the client in the end.
func startWriter(client *redis.Client, onChange func(time.Time, error, time.Duration)) *writer {
	ctx, stop := context.WithCancel(context.Background())
	w := &writer{client: client, stop: stop, done: make(chan struct{}), onChange: onChange}
	go w.run(ctx)
	return w
}

func key(n int) string { return "demo:" + strconv.Itoa(n) }

func (w *writer) run(ctx context.Context) {
	defer close(w.done)
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := w.client.Set(ctx, key(n), n, 0).Err()
		if ctx.Err() != nil {
			return // do not count a write that the end of the demo interrupted
		}
		w.count(n, err, time.Now())
	}
}

// count records the outcome of write n.
func (w *writer) count(n int, err error, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &w.stats
	if err != nil {
		s.errors++
		if !s.failing {
			s.failing = true
			w.onChange(at, err, 0)
		}
		return
	}
	gap := time.Duration(0)
	if !s.lastAck.IsZero() {
		gap = at.Sub(s.lastAck)
	}
	s.longest = max(s.longest, gap)
	s.acked = append(s.acked, n)
	s.lastAck = at
	if s.failing {
		s.failing = false
		w.onChange(at, nil, gap)
	}
}

// close stops the writer and returns what it saw. It may be called twice.
func (w *writer) close() stats {
	w.stop()
	<-w.done
	_ = w.client.Close()
	return w.seen()
}

// seen returns what it has seen so far. What is added later does not change it.
func (w *writer) seen() stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stats
}

// lap returns the longest time between two acknowledgements so far, and begins to
// measure again.
func (w *writer) lap() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	longest := w.stats.longest
	w.stats.longest = 0
	return longest
}

// acks returns the number of acknowledged writes so far.
func (w *writer) acks() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.stats.acked)
}

// lost returns how many acknowledged writes the server does not have.
func lost(ctx context.Context, server *redis.Client, acked []int) (int, error) {
	missing := 0
	for len(acked) > 0 {
		batch := acked[:min(len(acked), 500)]
		acked = acked[len(batch):]
		pipe := server.Pipeline()
		gets := make([]*redis.StringCmd, len(batch))
		for i, n := range batch {
			gets[i] = pipe.Get(ctx, key(n))
		}
		// redis.Nil is a missing key, which is counted below.
		if _, err := pipe.Exec(ctx); err != nil && err != redis.Nil {
			return 0, err
		}
		for i, get := range gets {
			if get.Val() != strconv.Itoa(batch[i]) {
				missing++
			}
		}
	}
	return missing, nil
}
