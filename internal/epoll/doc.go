// Package epoll serves many plain TCP connections on one goroutine, on Linux. A goroutine
// for each costs several KiB of memory and a change of goroutines for all that arrives.
//
// A [Set] tells its caller which connections have something to read. What may have to
// wait is done elsewhere: a [Conn] is a whole net.Conn. Its descriptor stays its own until
// [Conn.Release], so that nobody reads from or writes to what has got the number next.
//
// On other systems there is no Set, and TLS has none anywhere.
package epoll

// AtOnce is how many connections are served at most before Run calls done.
const AtOnce = 64
