// Package pubsub carries what happens in a Sentinel to those who watch it.
//
// Every event is one typed value of package monitor. The loop that owns the
// core hands it to [Bus.Publish] and goes on; a goroutine of the bus turns it
// into messages and distributes them:
//
//	core loop ──Publish──► backlog ──► dispatcher ─┬─► Client   queue of RESP frames ──► socket
//	            (never                             ├─► Client   ...
//	             blocks)                           └─► Events   queue of values ──► library user
//
// Nobody can slow down anybody else. Matching patterns, which strangers choose,
// is done by the dispatcher and not by the core. Each subscriber has a queue of
// its own that is bounded in bytes. What happens when it is full depends on
// whom it belongs to:
//
//   - A RESP client is cut: a stream with a silent gap would be worse than a
//     lost connection, which makes the client ask again what it missed. Stock
//     Redis does the same (client-output-buffer-limit pubsub).
//   - A library user loses the oldest events and is told so by a [Lagged] value
//     in their place.
//
// A RESP client is served by its connection, which owns the socket:
//
//	sub := bus.NewClient(func() { go conn.Close() })
//	defer sub.Close()
//	count, err := sub.Subscribe(pubsub.Pattern, "*")
//	...
//	for range sub.Ready() {
//		if sub.Slow() { break }
//		frames = sub.AppendPending(frames[:0], 64<<10)
//		conn.Write(frames)
//	}
package pubsub
