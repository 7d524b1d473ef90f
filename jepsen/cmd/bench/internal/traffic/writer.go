package traffic

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Form is the kind of command with which a client writes.
type Form int

// The forms.
const (
	Plain   Form = iota // SETBIT
	Multi               // SETBIT in a transaction
	Lua                 // SETBIT in a script
	Padded              // SET of 10 kB, then SETBIT
	Push                // RPUSH
	Publish             // PUBLISH to the subscribers; nothing is remembered
)

// left returns which writes a server has: bit n of the string is set for write n.
func (f Form) left(ctx context.Context, server *redis.Client, key string) (string, error) {
	if f != Push {
		got, err := server.Get(ctx, key).Result()
		if errors.Is(err, redis.Nil) {
			err = nil
		}
		return got, err
	}
	list, err := server.LRange(ctx, key, 0, -1).Result()
	var set []byte
	for _, text := range list {
		n, err := strconv.Atoi(text)
		if err != nil {
			return "", err
		}
		for n/8 >= len(set) {
			set = append(set, 0)
		}
		set[n/8] |= 0x80 >> (n % 8)
	}
	return string(set), err
}

// padding is the value of a padded write.
var padding = strings.Repeat("x", 10_000)

// send appends the commands of write n, and returns how many replies will come. The
// last of them acknowledges the write.
func (f Form) send(c *conn, key string, n int) (replies int) {
	bit := strconv.Itoa(n)
	switch f {
	case Multi:
		c.command("MULTI")
		c.command("SETBIT", key, bit, "1")
		c.command("EXEC")
		return 3
	case Lua:
		c.command("EVAL", "return redis.call('setbit', KEYS[1], ARGV[1], 1)", "1", key, bit)
		return 1
	case Padded:
		c.command("SET", key+":pad:"+strconv.Itoa(n%10), padding)
		c.command("SETBIT", key, bit, "1")
		return 2
	case Push:
		c.command("RPUSH", key, bit)
		return 1
	case Publish:
		c.command("PUBLISH", channel, bit)
		return 1
	}
	c.command("SETBIT", key, bit, "1")
	return 1
}

// Writers are clients of one kind.
type Writers struct {
	Clients   int
	PerSecond int // writes of all of them together
	Batch     int // writes that a client sends at once; 0: 1
	Form      Form
	Sticky    bool // they stay with the master of the last Mark
	Asks      bool // they follow, but hear no events: they ask after an error
	Library   bool // they follow by means of go-redis, with its defaults; Plain only
	Burst     bool // they end with EndBurst
}

// lag is how late a client may be until it gives up to catch up with its rate.
const lag = 100 * time.Millisecond

// retryAfter is the pause between two attempts at one write. It is the resolution of
// the figures.
const retryAfter = time.Millisecond

// writer is one client. Its methods are called by one goroutine.
type writer struct {
	Writers
	key    string
	every  time.Duration
	first  time.Duration // after the start; clients of a kind take turns
	book   *book
	site   *Site
	pinned *atomic.Pointer[string] // where sticky clients write
	route  route
	conn   *conn
	lib    *library
	errs   tally
	acked  ledger
	done   atomic.Int64 // batches
}

func (w *writer) run(ctx context.Context) {
	defer w.close()
	due := time.Now().Add(w.first)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := 0; ; n += w.Batch {
		for more := true; more; {
			timer.Reset(time.Until(due))
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
			if more = !w.attempt(ctx, n) && !w.Sticky; more {
				w.route.learn(ctx)
				timer.Reset(retryAfter)
				select {
				case <-ctx.Done():
					return
				case <-timer.C:
				}
			}
		}
		w.done.Add(1)
		if !w.Sticky && !w.Burst {
			w.book.waited(time.Since(due))
		}
		if due = due.Add(w.every); time.Since(due) > lag {
			due = time.Now()
		}
	}
}

// attempt writes a batch once, and reports whether all of it was acknowledged.
func (w *writer) attempt(ctx context.Context, n int) bool {
	if w.Library {
		return w.byLibrary(ctx, n)
	}
	if err := w.connect(ctx); err != nil {
		w.fail(ctx, nil, err)
		return false
	}
	defer w.conn.hangUp(ctx)()
	if err := w.conn.nc.SetDeadline(time.Now().Add(limit)); err != nil {
		return w.cut(ctx, err)
	}
	replies := 0
	for i := range w.Batch {
		replies = w.Form.send(w.conn, w.key, n+i)
	}
	if err := w.conn.flush(); err != nil {
		return w.cut(ctx, err)
	}
	done := 0
	var refused error
	for i := range w.Batch {
		var failed error
		for range replies {
			r, err := w.conn.reply()
			if err != nil {
				w.count(done)
				return w.cut(ctx, err)
			}
			failed = failure(r)
			if refused == nil {
				refused = failed
			}
		}
		if failed == nil {
			done++
			if w.Form != Publish {
				w.acked.set(n + i)
			}
		}
	}
	w.count(done)
	if refused != nil {
		w.fail(ctx, w.conn, refused)
	}
	return done == w.Batch
}

// connect opens a connection to the right server, unless there is one.
func (w *writer) connect(ctx context.Context) (err error) {
	addr := w.route.addr
	switch {
	case w.Sticky:
		addr = *w.pinned.Load()
	case !w.Asks:
		addr = w.route.current()
	}
	if w.conn != nil && w.conn.addr == addr {
		return nil
	}
	w.close()
	w.conn, err = w.site.dial(ctx, addr, w.site.Server)
	return err
}

// cut notes that the connection broke.
func (w *writer) cut(ctx context.Context, err error) bool {
	w.fail(ctx, w.conn, err)
	w.close()
	return false
}

func (w *writer) count(done int) {
	if done > 0 {
		w.book.ack(w.conn.addr, done, !w.Sticky && !w.Burst)
	}
}

func (w *writer) fail(ctx context.Context, c *conn, err error) {
	if !w.Sticky && ctx.Err() == nil {
		w.book.fail(&w.errs, c, err)
	}
}

func (w *writer) close() {
	if w.lib != nil {
		_ = w.lib.client.Close()
		w.lib = nil
	}
	if w.conn != nil {
		w.conn.close()
		w.conn = nil
	}
}
