package server

import (
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/pubsub"
)

func cmdSubscribe(r *request)    { r.subscribe(pubsub.Channel) }
func cmdPSubscribe(r *request)   { r.subscribe(pubsub.Pattern) }
func cmdUnsubscribe(r *request)  { r.unsubscribe(pubsub.Channel) }
func cmdPUnsubscribe(r *request) { r.unsubscribe(pubsub.Pattern) }

// subscribe subscribes and immediately writes the confirmations.
//
// They must not wait for the end of the pipeline, because events of the new
// subscriptions are written by another goroutine and would come first. And they
// must not be written before the subscriptions exist, because a client that has
// the confirmation relies on getting every event from then on. So that goroutine
// is kept from writing while both happen.
func (r *request) subscribe(k pubsub.Kind) {
	c := r.client
	c.settle()
	sub := c.subscriber()
	c.conn.SetIdleExempt(true)
	c.writing.Lock()
	defer c.writing.Unlock()
	for _, name := range r.args[1:] {
		count, err := sub.Subscribe(k, string(name))
		if err != nil {
			r.fail("ERR", "too many subscriptions: the names of all channels and patterns together are too long, nothing more was subscribed")
			break
		}
		r.buf = pubsub.AppendSubscribed(r.buf, r.resp3, k, string(name), count)
	}
	r.checkSubscriptions()
	c.writeNow()
}

// unsubscribe writes the events that are already queued, then the confirmations.
// After the confirmation nothing is sent for that name.
func (r *request) unsubscribe(k pubsub.Kind) {
	c := r.client
	c.settle()
	if c.sub == nil {
		r.unsubscribeNothing(k)
		return
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	names := make([]string, 0, len(r.args)-1)
	for _, name := range r.args[1:] {
		names = append(names, string(name))
	}
	if len(names) == 0 {
		names = c.sub.Names(k)
	}
	counts := make([]int, len(names))
	for i, name := range names {
		counts[i] = c.sub.Unsubscribe(k, name)
	}
	r.buf = c.sub.AppendPending(r.buf, len(r.buf)+pendingAtOnce)
	for i, name := range names {
		r.buf = pubsub.AppendUnsubscribed(r.buf, r.resp3, k, name, counts[i])
	}
	channels, patterns := c.sub.Counts()
	if len(names) == 0 {
		r.buf = pubsub.AppendNothingToUnsubscribe(r.buf, r.resp3, k, channels+patterns)
	}
	c.conn.SetIdleExempt(channels+patterns > 0)
	c.writeNow()
}

// pendingAtOnce is more bytes than a client's queue can hold.
const pendingAtOnce = 1 << 30

// unsubscribeNothing replies to a client that never had a subscription.
func (r *request) unsubscribeNothing(k pubsub.Kind) {
	for _, name := range r.args[1:] {
		r.buf = pubsub.AppendUnsubscribed(r.buf, r.resp3, k, string(name), 0)
	}
	if len(r.args) == 1 {
		r.buf = pubsub.AppendNothingToUnsubscribe(r.buf, r.resp3, k, 0)
	}
}

// writeNow writes the replies collected so far; c.writing must be held.
func (c *client) writeNow() {
	if c.writeLocked(c.out.buf) != nil {
		c.closing = true
	}
	c.out.buf = c.out.buf[:0]
}

func cmdPublish(r *request) {
	if r.arg(1) != monitor.HelloChannel {
		r.fail("ERR", "Only HELLO messages are accepted by Sentinel instances.")
		return
	}
	h, err := monitor.ParseHello(r.args[2])
	if err == nil {
		r.server.engine.Hello(h)
	}
	// The reply says that there is a subscriber. redis-sentinel sends it for any
	// payload, and as a client logs an error reply as a failure of the link.
	r.integer(1)
}
