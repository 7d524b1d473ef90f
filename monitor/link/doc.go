// Package link connects a Sentinel to the servers and Sentinels that it
// watches. It carries out three effects of the core, Dial, Close and Send. What
// happens on the wire comes back as inputs of the core.
//
//	pool := link.New(link.Config{Deliver: inbox.Put, Now: clock})
//	for {
//		// ... step the core with what is in the inbox, then:
//		core.Drain(&effects)
//		for _, e := range effects.Free {
//			pool.Do(e) // never blocks
//		}
//		pool.Flush() // one write for each connection
//	}
//
// # What the core can rely on
//
//   - A Dial ends in LinkUp or LinkDown, and every LinkUp in one LinkDown,
//     unless the core sends Close. Nothing is retried here: when to connect
//     again is a decision, and decisions are the core's.
//   - Commands leave in the order in which they were sent, behind AUTH, CLIENT
//     SETNAME and SUBSCRIBE, and each gets its own reply or the LinkDown.
//     They may be sent before LinkUp.
//   - There are no time limits. A server that accepts a connection and says
//     nothing, or a TLS handshake that does not end, is for the core to Close.
//   - Inputs are complete and typed. INFO and hello messages are parsed by the
//     goroutine that read them, so a large reply does not delay the core.
//
// # What a hostile server can do
//
// Nothing but lose its connection. Only RESP2 is spoken. Anything else, an
// unexpected reply, and everything beyond [Limits] or the bounds of the parser
// closes the connection with a reason that shows what was received. A length is
// checked when it is announced, so a bulk string of 1 GB costs nothing. What a
// server refuses is logged once, with advice. Passwords are never logged.
//
// # What a connection costs
//
// One waiting goroutine and no buffer: a plain TCP connection borrows a buffer
// when bytes arrive and returns it before it delivers. The caller of Flush
// writes without waiting. Only when the other side does not read does a
// goroutine wait in its place, with a bounded number of bytes. TLS and other
// connections differ in two points: they own a small read buffer, and always
// write from such a goroutine.
package link
