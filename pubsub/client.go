package pubsub

import (
	"errors"
	"slices"

	"github.com/gosentinel/sentinel/internal/ordered"
)

// ErrTooManyNames is the error of a subscription that would exceed
// Limits.ClientNameBytes or Limits.TotalNameBytes.
var ErrTooManyNames = errors.New("too many subscriptions")

// perNameBytes and perFrameBytes are what a name or a queued frame takes in
// addition to its text.
const (
	perNameBytes  = 64
	perFrameBytes = 32
)

// Client is one subscriber that speaks RESP. Its methods may be called
// concurrently with everything else, but the connection must keep confirmations
// and messages in order. It must write no messages between a change of
// subscriptions and its confirmation. The confirmation of a subscription goes
// before all that is pending, which may include the first message of that
// subscription. The confirmation of an end goes after it.
type Client struct {
	bus     *Bus
	onReady func()
	onSlow  func()

	// Guarded by bus.mu.
	resp3     bool
	channels  ordered.Map[struct{}] // in the order of subscription, as patterns
	patterns  ordered.Map[struct{}]
	nameBytes int
	queue     [][]byte // shared frames; queue[:head] are gone
	head      int
	bytes     int
	told      bool // onReady was called for what is queued
	slow      bool
	closed    bool
}

// NewClient returns a client without subscriptions. It costs the bus nothing
// until it subscribes. Close must be called at the end.
//
// onReady, when not nil, is called when there is something to take with [Client.AppendPending], once
// until that is called. onSlow, when not nil, is called once when the client is cut: a
// connection needs it because whoever writes to it may be blocked in a slow write.
// Both are called on the goroutine that distributes events, or that which calls
// AppendPending. They must not block and not use the bus.
func (b *Bus) NewClient(onReady, onSlow func()) *Client {
	return &Client{bus: b, onReady: onReady, onSlow: onSlow}
}

// SetRESP3 chooses the form of the messages that come from now on.
func (c *Client) SetRESP3(on bool) {
	c.bus.mu.Lock()
	defer c.bus.mu.Unlock()
	c.resp3 = on
}

// Subscribe adds a subscription, unless the client has it already, and returns
// the number of subscriptions of both kinds. Every event that is published from
// now on is queued.
func (c *Client) Subscribe(k Kind, name string) (count int, err error) {
	b := c.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.closed || c.names(k).Has(name) {
		return c.count(), nil
	}
	cost := len(name) + perNameBytes
	if c.nameBytes+cost > b.lim.ClientNameBytes || b.nameBytes+cost > b.lim.TotalNameBytes {
		return c.count(), ErrTooManyNames
	}
	c.nameBytes += cost
	b.nameBytes += cost
	c.names(k).Put(name, struct{}{})
	b.add(c, k, name)
	return c.count(), nil
}

// Unsubscribe ends a subscription and returns the number of those left. Frames
// that are queued already stay queued. Without such a subscription it does
// nothing.
func (c *Client) Unsubscribe(k Kind, name string) (count int) {
	c.bus.mu.Lock()
	defer c.bus.mu.Unlock()
	c.remove(k, name)
	return c.count()
}

// Names returns the names the client is subscribed to, oldest first.
func (c *Client) Names(k Kind) []string {
	c.bus.mu.Lock()
	defer c.bus.mu.Unlock()
	return c.names(k).List()
}

// Counts returns the number of subscriptions of each kind.
func (c *Client) Counts() (channels, patterns int) {
	c.bus.mu.Lock()
	defer c.bus.mu.Unlock()
	return c.channels.Len(), c.patterns.Len()
}

// QueuedBytes returns what waits to be written.
func (c *Client) QueuedBytes() int {
	c.bus.mu.Lock()
	defer c.bus.mu.Unlock()
	return c.bytes
}

// Slow reports that the queue has overflowed, or that events were lost before
// they reached it. Nothing is queued any more: the connection must be closed.
func (c *Client) Slow() bool {
	c.bus.mu.Lock()
	defer c.bus.mu.Unlock()
	return c.slow
}

// AppendPending moves frames from the queue to dst until that has max bytes or
// more, and returns it. When frames are left, onReady is called.
func (c *Client) AppendPending(dst []byte, max int) []byte {
	c.bus.mu.Lock()
	defer c.bus.mu.Unlock()
	c.told = false
	for c.head < len(c.queue) && len(dst) < max {
		f := c.queue[c.head]
		dst = append(dst, f...)
		c.queue[c.head] = nil
		c.bytes -= len(f) + perFrameBytes
		c.head++
	}
	if c.head < len(c.queue) {
		c.notify()
	} else {
		c.queue, c.head = nil, 0
	}
	return dst
}

// Close ends all subscriptions. Nothing is called back any more. It may be called
// twice.
func (c *Client) Close() {
	c.bus.mu.Lock()
	defer c.bus.mu.Unlock()
	if c.closed {
		return
	}
	for _, k := range []Kind{Channel, Pattern} {
		for _, name := range c.names(k).List() {
			c.remove(k, name)
		}
	}
	c.closed, c.queue, c.head, c.bytes = true, nil, 0, 0
}

// The rest is called with bus.mu held.

func (c *Client) names(k Kind) *ordered.Map[struct{}] {
	if k == Pattern {
		return &c.patterns
	}
	return &c.channels
}

func (c *Client) count() int { return c.channels.Len() + c.patterns.Len() }

func (c *Client) remove(k Kind, name string) {
	if !c.names(k).Remove(name) {
		return
	}
	cost := len(name) + perNameBytes
	c.nameBytes -= cost
	c.bus.nameBytes -= cost
	c.bus.drop(c, k, name)
}

// push queues a frame.
func (c *Client) push(frame []byte) {
	if c.slow || c.closed {
		return
	}
	cost := len(frame) + perFrameBytes
	if c.bytes+cost > c.bus.lim.ClientQueueBytes {
		c.cut()
		return
	}
	c.queue = append(c.queue, frame)
	c.bytes += cost
	c.notify()
}

// cut marks the client as slow and frees its queue at once: the connection may
// be stuck in a write and notice much later.
func (c *Client) cut() {
	if c.slow || c.closed {
		return
	}
	c.slow, c.queue, c.head, c.bytes = true, nil, 0, 0
	if c.onSlow != nil {
		c.onSlow()
	}
}

func (c *Client) notify() {
	if !c.told && c.onReady != nil {
		c.told = true
		c.onReady()
	}
}

func (b *Bus) add(c *Client, k Kind, name string) {
	if k == Channel {
		b.channels[name] = append(b.channels[name], c)
		return
	}
	p := b.byPattern[name]
	if p == nil {
		p = &patternSubs{pattern: name, index: len(b.patterns)}
		b.byPattern[name] = p
		b.patterns = append(b.patterns, p)
	}
	p.clients = append(p.clients, c)
}

func (b *Bus) drop(c *Client, k Kind, name string) {
	if k == Channel {
		if rest := without(b.channels[name], c); len(rest) > 0 {
			b.channels[name] = rest
		} else {
			delete(b.channels, name)
		}
		return
	}
	p := b.byPattern[name]
	if p.clients = without(p.clients, c); len(p.clients) > 0 {
		return
	}
	// The last pattern takes the free index: clients choose how many there are,
	// so neither adding nor removing one may cost a walk over all.
	delete(b.byPattern, name)
	last := b.patterns[len(b.patterns)-1]
	b.patterns[p.index], last.index = last, p.index
	b.patterns[len(b.patterns)-1] = nil
	b.patterns = b.patterns[:len(b.patterns)-1]
}

func without(clients []*Client, c *Client) []*Client {
	if i := slices.Index(clients, c); i >= 0 {
		return slices.Delete(clients, i, i+1)
	}
	return clients
}
