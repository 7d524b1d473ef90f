// Package pubsub distributes the events of a Sentinel to its subscribers.
//
// Every event is one typed value of package monitor. The loop that owns the
// core passes it to [Bus.Publish] and goes on. A goroutine of the bus turns it
// into messages and distributes them:
//
//	core loop ──Publish──► backlog ──► dispatcher ─┬─► Client   queue of RESP frames ──► socket
//	            (never                             ├─► Client   ...
//	             blocks)                           └─► Events   queue of values ──► library user
//
// No subscriber can delay another. Matching patterns, which clients choose, is
// done by the dispatcher and not by the loop of the core. Each subscriber has a
// queue of its own, bounded in bytes. When it is full:
//
//   - A RESP client is disconnected. A lost connection makes the client ask again
//     for what it missed; a stream with a silent gap would not. Stock Redis does
//     the same (client-output-buffer-limit pubsub).
//   - A library user loses the oldest events and gets a [event.Lagged] value in their
//     place.
//
// A RESP client is served by its connection, which owns the socket:
//
//	sub := bus.NewClient(func() { go write() }, func() { go conn.Close() })
//	defer sub.Close()
//	count, err := sub.Subscribe(pubsub.Pattern, "*")
//	...
//	func write() {
//		conn.Write(sub.AppendPending(nil, 64<<10)) // one at a time
//	}
package pubsub
