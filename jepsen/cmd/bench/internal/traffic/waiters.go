package traffic

import (
	"context"
	"strconv"
	"time"

	"github.com/tidwall/redcon"
)

// channel is where publishers and subscribers meet.
const channel = "bench:news"

// blocked is a client in a blocking command, with every second one reading a stream
// and the others a list.
type blocked struct {
	name  string
	list  bool
	book  *book
	site  *Site
	route route
	errs  tally
}

// waiter is a client that gets something, over any number of connections.
type waiter interface {
	// attempt does it on one connection until that fails.
	attempt(ctx context.Context, c *conn) error
	parts() (*book, *route, *tally)
}

func (b *blocked) parts() (*book, *route, *tally) { return b.book, &b.route, &b.errs }

func (b *blocked) attempt(_ context.Context, c *conn) error {
	for {
		if b.list {
			c.command("BLPOP", b.name, "0")
		} else {
			c.command("XREAD", "BLOCK", "0", "STREAMS", b.name, "$")
		}
		if err := c.flush(); err != nil {
			return err
		}
		r, err := c.reply()
		if err == nil {
			err = failure(r)
		}
		if err != nil {
			return err
		}
		b.book.serve(b.name)
	}
}

// subscriber counts how long no message came. Like most libraries it notices that the
// master has changed when its connection ends.
type subscriber struct {
	name  int
	book  *book
	route route
	errs  tally
}

func (s *subscriber) parts() (*book, *route, *tally) { return s.book, &s.route, &s.errs }

func (s *subscriber) attempt(_ context.Context, c *conn) error {
	c.command("SUBSCRIBE", channel)
	if err := c.flush(); err != nil {
		return err
	}
	for {
		r, err := c.reply()
		if err == nil {
			err = failure(r)
		}
		if err != nil {
			return err
		}
		if r.Type == redcon.Array && isMessage(r) {
			s.book.hear(s.name)
		}
	}
}

func isMessage(r redcon.RESP) (yes bool) {
	r.ForEach(func(w redcon.RESP) bool { yes = w.String() == "message"; return false })
	return yes
}

// wait has a waiter connect again and again until ctx ends.
func wait(ctx context.Context, w waiter) {
	book, route, errs := w.parts()
	defer route.close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		c, err := route.site.dial(ctx, route.current(), route.site.Server)
		if err == nil {
			undo := c.hangUp(ctx)
			err = w.attempt(ctx, c)
			undo()
			c.close()
		}
		if ctx.Err() != nil {
			return
		}
		book.fail(errs, c, err)
		route.learn(ctx)
		timer.Reset(retryAfter)
	}
}

// queue returns the key of the i-th blocked client.
func queue(i int) string { return "bench:wait:" + strconv.Itoa(i) }
