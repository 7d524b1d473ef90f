package link

import (
	"net"
	"sync"

	"github.com/gosentinel/sentinel/internal/epoll"
	"github.com/gosentinel/sentinel/monitor"
)

// many reads from all plain TCP connections of a Pool on one goroutine, where the system
// has what that takes. What it reads from several at once is delivered at once, stamped
// with when it was read. It waits for nothing but Deliver.
type many struct {
	pool *Pool

	// Of its goroutine.
	buf   *[readSize]byte // lent while there is something to read
	ready []Arrival

	mu    sync.Mutex
	set   *epoll.Set // nil: none was needed so far, or there is none
	tried bool
}

// keepArrivals is how much room for arrivals is kept.
const keepArrivals = 256

// take makes nc one that is read here, or returns nil. c.mu is held.
func (m *many) take(c *conn, nc net.Conn) *epoll.Conn {
	if _, tcp := nc.(*net.TCPConn); !tcp || m.pool.cfg.Alone {
		return nil
	}
	m.mu.Lock()
	if !m.tried {
		m.tried = true
		if m.set = epoll.Open(); m.set != nil {
			go m.set.Run(m.serve, m.deliver)
		}
	}
	set := m.set
	m.mu.Unlock()
	p := set.Take(nc)
	if p != nil {
		p.Owner = c
	}
	return p
}

// watch has c read from until it is lost.
func (m *many) watch(c *conn) {
	m.pool.wg.Add(1)
	if err := c.polled.Watch(); err != nil {
		c.end(err)
		c.polled.Release()
		m.pool.wg.Done()
	}
}

// close ends the goroutine. No connection is left.
func (m *many) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set.Close()
}

// serve reads from a connection once: what there is more is reported again, after what
// the others have.
func (m *many) serve(p *epoll.Conn) {
	c := p.Owner.(*conn)
	if m.buf == nil {
		m.buf = readBuffers.Get().(*[readSize]byte)
	}
	n, err := p.TryRead(m.buf[:])
	at := m.pool.cfg.Now()
	if n > 0 {
		err = c.feed(m.buf[:n])
	}
	if err == nil || err == epoll.Again {
		m.collect(c, at)
		if err = p.Watch(); err == nil {
			return
		}
	}
	// What came before the end is delivered before it, with its own time.
	m.collect(c, at)
	c.lost(err)
	m.collect(c, m.pool.cfg.Now())
	p.Release()
	m.pool.wg.Done()
}

// collect takes over what has become of what was read from c.
func (m *many) collect(c *conn, at monitor.Instant) {
	c.mu.Lock()
	silent := c.closed
	c.mu.Unlock()
	for i, in := range c.in.ready {
		c.in.ready[i] = nil
		if !silent {
			m.ready = append(m.ready, Arrival{at, in})
		}
	}
	if c.in.ready = c.in.ready[:0]; cap(c.in.ready) > keepReady {
		c.in.ready = nil
	}
}

// deliver hands on what was read from the connections that had something at one time.
func (m *many) deliver() {
	if m.buf != nil {
		readBuffers.Put(m.buf)
		m.buf = nil
	}
	if len(m.ready) == 0 {
		return
	}
	m.pool.cfg.DeliverAll(m.ready)
	clear(m.ready)
	if m.ready = m.ready[:0]; cap(m.ready) > keepArrivals {
		m.ready = nil
	}
}
