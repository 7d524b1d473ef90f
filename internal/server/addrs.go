package server

import (
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/gosentinel/sentinel/monitor"
)

// Addrs has the answers to SENTINEL GET-MASTER-ADDR-BY-NAME, which is what clients
// ask most, and to IS-MASTER-DOWN-BY-ADDR of Sentinels that alone see a master as down.
// The loop writes them, before it carries out effects that tell anybody of
// a change, so that no client that was told of a switch gets the old address. The
// connections read them without the loop.
//
// The zero value has no masters. All methods are safe for concurrent use. None waits
// for longer than another one takes.
type Addrs struct {
	mu      sync.RWMutex
	masters map[string]shown
	quiet   map[string]struct{} // "ip:port" of masters that nobody here sees as down
	ended   bool
	awaited atomic.Int64
}

// shown is what is told of one master.
type shown struct {
	reply []byte
	quiet string // its key in Addrs.quiet; "": it has none
}

// Set stores what is told of a master, or forgets the master if it is not known.
func (a *Addrs) Set(s monitor.Shown) {
	var next shown
	if s.Known {
		var r reply
		r.bulks([]string{s.Addr.Host, strconv.Itoa(s.Addr.Port)})
		next.reply = r.buf
		if s.Quiet.Host != "" {
			next.quiet = s.Quiet.Host + ":" + strconv.Itoa(s.Quiet.Port)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.masters == nil {
		a.masters, a.quiet = map[string]shown{}, map[string]struct{}{}
	}
	delete(a.quiet, a.masters[s.Name].quiet)
	if !s.Known {
		delete(a.masters, s.Name)
		return
	}
	a.masters[s.Name] = next
	if next.quiet != "" {
		a.quiet[next.quiet] = struct{}{}
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
	return a.masters[string(name)].reply, !a.ended
}

// isQuiet reports whether the master at an address, as Sentinels write it, is surely not
// seen as down here.
func (a *Addrs) isQuiet(ip, port []byte) bool {
	var buf [64]byte
	key := append(append(append(buf[:0], ip...), ':'), port...)
	a.mu.RLock()
	defer a.mu.RUnlock()
	_, quiet := a.quiet[string(key)]
	return quiet && !a.ended
}
