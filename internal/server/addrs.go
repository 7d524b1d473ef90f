package server

import (
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/gosentinel/sentinel/monitor"
)

// Addrs has the answers to SENTINEL GET-MASTER-ADDR-BY-NAME, which is what clients
// ask most. The loop writes them, before it carries out effects that tell anybody of
// a change, so that no client that was told of a switch gets the old address. The
// connections read them without the loop.
//
// The zero value has no masters. All methods are safe for concurrent use. None waits
// for longer than another one takes.
type Addrs struct {
	mu      sync.RWMutex
	replies map[string][]byte
	ended   bool
	awaited atomic.Int64
}

// Set stores the address of a master, or forgets the master if it is not known.
func (a *Addrs) Set(name string, addr monitor.HostPort, known bool) {
	var r reply
	if known {
		r.bulks([]string{addr.Host, strconv.Itoa(addr.Port)})
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case !known:
		delete(a.replies, name)
	case a.replies == nil:
		a.replies = map[string][]byte{name: r.buf}
	default:
		a.replies[name] = r.buf
	}
}

// Await says that the loop was given something, in the name of a client, that may
// change an address. Until [Addrs.Arrived] is called for it, the connections ask the loop first.
func (a *Addrs) Await() { a.awaited.Add(1) }

// Arrived says that what n times Await was called for has been taken into account.
func (a *Addrs) Arrived(n int) { a.awaited.Add(int64(-n)) }

// End says that the loop has ended: there is no answer any more.
func (a *Addrs) End() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
}

// Find returns the reply for a master, nil if it is not known, and false after End.
// The caller must not change the reply.
func (a *Addrs) Find(name []byte) (reply []byte, ok bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.replies[string(name)], !a.ended
}
