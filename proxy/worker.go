package proxy

import (
	"net"
	"sync"
	"time"
)

// worker is the one goroutine that touches a share of the clients and the connections to
// servers on their behalf. Nothing that it does waits, and nothing of it is locked.
type worker struct {
	p     *Proxy
	poll  *poller       // nil: goroutines read and write
	wakes chan struct{} // without a poller
	tasks sync.WaitGroup

	mu     sync.Mutex
	mail   []func()
	ended  bool
	spare  []func()
	finish bool // end the loop; the worker's own

	now  time.Duration   // since the start of the proxy: when this turn began
	beat <-chan struct{} // closed when it has done what Proxy.gather wanted; p.asking guards it

	clients      map[*client]struct{}
	hubs         map[*group]*hub
	dirtyRoutes  []*route
	dirtyClients []*client
	freeReq      *req
	freeBufs     [][]byte
}

func newWorker(p *Proxy, pumps bool) *worker {
	beat := make(chan struct{})
	close(beat)
	w := &worker{p: p, beat: beat, wakes: make(chan struct{}, 1), clients: make(map[*client]struct{}), hubs: make(map[*group]*hub)}
	if !pumps {
		w.poll = newPoller(w)
	}
	return w
}

// post has the worker call f. It reports false when the worker has ended.
func (w *worker) post(f func()) bool {
	w.mu.Lock()
	if w.ended {
		w.mu.Unlock()
		return false
	}
	w.mail = append(w.mail, f)
	if len(w.mail) == 1 { // otherwise it has been woken; with the lock held, its poller cannot be closed yet
		if w.poll != nil {
			w.poll.wake()
		} else {
			select {
			case w.wakes <- struct{}{}:
			default:
			}
		}
	}
	w.mu.Unlock()
	return true
}

// run serves until it is told to end, and waits for the goroutines of its connections.
func (w *worker) run() {
	for !w.finish {
		if w.poll != nil {
			w.poll.wait()
		} else {
			<-w.wakes
			w.tick()
		}
		w.readMail()
		w.flush()
	}
	for c := range w.clients {
		c.end("")
	}
	for _, h := range w.hubs {
		h.end()
	}
	w.mu.Lock()
	w.ended, w.mail = true, nil
	w.mu.Unlock()
	w.tasks.Wait()
	if w.poll != nil {
		w.poll.close()
	}
}

// tick begins a turn.
func (w *worker) tick() { w.now = time.Since(w.p.started) }

func (w *worker) readMail() {
	w.mu.Lock()
	mail := w.mail
	w.mail = w.spare[:0]
	w.mu.Unlock()
	for i, f := range mail {
		f()
		mail[i] = nil
	}
	w.spare = mail
}

// flush sends what the last events have brought about: one write for each connection.
func (w *worker) flush() {
	for len(w.dirtyRoutes) > 0 || len(w.dirtyClients) > 0 {
		for i := 0; i < len(w.dirtyRoutes); i++ {
			t := w.dirtyRoutes[i]
			t.dirty = false
			t.flush()
		}
		w.dirtyRoutes = w.dirtyRoutes[:0]
		for i := 0; i < len(w.dirtyClients); i++ {
			c := w.dirtyClients[i]
			c.dirty = false
			c.flush()
		}
		w.dirtyClients = w.dirtyClients[:0]
	}
}

// wire makes one of a connection, paused.
func (w *worker) wire(conn net.Conn, u user) wire {
	if w.poll != nil {
		if s := w.poll.take(conn, u); s != nil {
			return s
		}
	}
	return newPump(w, conn, u)
}

// hub returns the worker's share of a group.
func (w *worker) hub(g *group) *hub {
	h := w.hubs[g]
	if h == nil {
		h = newHub(w, g)
		w.hubs[g] = h
		h.see(g.current())
	}
	return h
}

const (
	freeBufCap = 16 << 10 // larger buffers are given back to the system
	freeBufMax = 256
)

// buffer returns an empty buffer, and recycle takes one back.
func (w *worker) buffer() []byte {
	if n := len(w.freeBufs); n > 0 {
		b := w.freeBufs[n-1]
		w.freeBufs = w.freeBufs[:n-1]
		return b
	}
	return make([]byte, 0, 1024)
}

func (w *worker) recycle(b []byte) {
	if cap(b) > 0 && cap(b) <= freeBufCap && len(w.freeBufs) < freeBufMax {
		w.freeBufs = append(w.freeBufs, b[:0])
	}
}

// newReq returns a request of a client; nil for one of the proxy's own.
func (w *worker) newReq(c *client, cmd *command) *req {
	r := w.freeReq
	if r == nil {
		r = new(req)
	} else {
		w.freeReq = r.next
	}
	*r = req{c: c, cmd: cmd, kind: cmd.kind, since: w.now}
	if c != nil {
		r.mute = c.muted()
		r.listed = true
		if c.tail == nil {
			c.head = r
		} else {
			c.tail.next = r
		}
		c.tail = r
		c.pending++
	}
	return r
}

// free takes a request back that neither its client nor a route has any more.
func (w *worker) free(r *req) {
	if !r.listed && !r.queued && !r.gated {
		*r = req{next: w.freeReq}
		w.freeReq = r
	}
}
