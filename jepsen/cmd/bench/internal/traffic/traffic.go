package traffic

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// Load says which clients there are.
type Load struct {
	Writers     []Writers
	Blocked     int // clients in BLPOP and XREAD
	Subscribers int
}

// Traffic are running clients. Its methods are safe for concurrent use.
type Traffic struct {
	book     *book
	writers  []*writer
	blocked  int
	pinned   atomic.Pointer[string]
	cancel   context.CancelFunc
	endBurst context.CancelFunc
	work     sync.WaitGroup
}

// Start starts the clients, with a master that Sentinels know as addr. They run until
// Stop.
func Start(site *Site, l Load, addr string) *Traffic {
	ctx, cancel := context.WithCancel(context.Background())
	burst, endBurst := context.WithCancel(ctx)
	t := &Traffic{book: newBook(), blocked: l.Blocked, cancel: cancel, endBurst: endBurst}
	t.pinned.Store(&addr)
	way := func(i int) route { return route{site: site, ask: i, addr: addr} }
	for _, group := range l.Writers {
		group.Batch = max(1, group.Batch)
		t.book.following = t.book.following || !group.Sticky && !group.Burst
		for i := range group.Clients {
			w := &writer{
				Writers: group, key: "bench:" + strconv.Itoa(len(t.writers)), book: t.book, site: site, pinned: &t.pinned, route: way(i),
				every: time.Second * time.Duration(group.Clients*group.Batch) / time.Duration(group.PerSecond),
			}
			w.first = w.every * time.Duration(i) / time.Duration(group.Clients)
			t.writers = append(t.writers, w)
			life := ctx
			if group.Burst {
				life = burst
			}
			t.work.Go(func() { defer w.route.close(); w.run(life) })
		}
	}
	for i := range l.Blocked {
		t.work.Go(func() {
			wait(ctx, &blocked{name: queue(i), list: i%2 == 0, book: t.book, route: way(i)})
		})
	}
	for i := range l.Subscribers {
		t.work.Go(func() { wait(ctx, &subscriber{name: i, book: t.book, route: way(i)}) })
	}
	return t
}

// Mark begins a new count. Sticky clients write to addr from now on.
func (t *Traffic) Mark(addr string) {
	t.pinned.Store(&addr)
	t.book.start()
}

// EndBurst ends the clients of which the load says that they are a burst.
func (t *Traffic) EndBurst() { t.endBurst() }

// Stop ends all clients.
func (t *Traffic) Stop() {
	t.cancel()
	t.work.Wait()
}

// Seen returns what the clients saw since the last Mark.
func (t *Traffic) Seen() Seen { return t.book.read() }

// LastFrom returns when the server at addr acknowledged its last write since the last
// Mark; the zero time if it did not.
func (t *Traffic) LastFrom(addr string) time.Time { return t.book.lastFrom(addr) }

// Lost counts the acknowledged writes that a server does not have, of the clients that
// follow and of those that stick. Each is counted once.
func (t *Traffic) Lost(ctx context.Context, server *redis.Client) (following, sticky int, err error) {
	for _, w := range t.writers {
		acked := w.acked.copy() // first, as writes go on
		got, err := w.Form.left(ctx, server, w.key)
		if err != nil {
			return following, sticky, fmt.Errorf("reading the writes back: %w", err)
		}
		n := w.acked.lost(acked, got)
		if w.Sticky {
			sticky += n
		} else {
			following += n
		}
	}
	return following, sticky, nil
}

// Wake gives every blocked client something by way of the master, until all got it.
func (t *Traffic) Wake(ctx context.Context, master *redis.Client) error {
	before := make([]int, t.blocked)
	for i := range before {
		before[i] = t.book.servedTo(queue(i))
	}
	return cluster.WaitFor(ctx, "blocked clients to be served", func(ctx context.Context) (string, bool) {
		waiting := 0
		for i, n := range before {
			if t.book.servedTo(queue(i)) > n {
				continue
			}
			waiting++
			var err error
			if i%2 == 0 {
				err = master.RPush(ctx, queue(i), 1).Err()
			} else {
				err = master.XAdd(ctx, &redis.XAddArgs{Stream: queue(i), MaxLen: 1, Values: []string{"a", "1"}}).Err()
			}
			if err != nil {
				return err.Error(), false
			}
		}
		return fmt.Sprintf("%d still wait", waiting), waiting == 0
	})
}

// Alive waits until each client that follows has got a write acknowledged which was due
// after the call.
func (t *Traffic) Alive(ctx context.Context) error {
	before := make([]int64, len(t.writers))
	for i, w := range t.writers {
		before[i] = w.done.Load()
	}
	return cluster.WaitFor(ctx, "all clients to write", func(context.Context) (string, bool) {
		waiting := 0
		for i, w := range t.writers {
			// One may have been under way.
			if !w.Sticky && !w.Burst && w.done.Load() < before[i]+2 {
				waiting++
			}
		}
		return fmt.Sprintf("%d still wait", waiting), waiting == 0
	})
}
