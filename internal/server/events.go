package server

import "sync"

// fanOut writes events to subscribers. Clients that have something to read are queued;
// a few goroutines write to them, for as long as there are any.
type fanOut struct {
	mu      sync.Mutex
	due     []*client
	writers int
}

const (
	// clientsAtOnce is how many clients a writer takes from the queue at once, and how
	// many more must wait before another one begins.
	clientsAtOnce = 64
	// mostWriters leaves processors to the loop of the core.
	mostWriters = 2
)

// eventsDue is called by the bus when c has events that are to be written. It does not
// wait.
func (s *Server) eventsDue(c *client) {
	if c.polled == nil {
		s.work.Go(c.writeEvents) // such a connection may make its writer wait
		return
	}
	f := &s.events
	f.mu.Lock()
	defer f.mu.Unlock()
	f.due = append(f.due, c)
	if f.writers == 0 || len(f.due) > f.writers*clientsAtOnce && f.writers < mostWriters {
		f.writers++
		s.work.Go(s.writeDue)
	}
}

// writeDue writes events until no client has any.
func (s *Server) writeDue() {
	f := &s.events
	var some [clientsAtOnce]*client
	var buf []byte
	for {
		f.mu.Lock()
		n := copy(some[:], f.due)
		clear(f.due[:n])
		if f.due = f.due[n:]; n == 0 {
			f.due = nil
			f.writers--
			f.mu.Unlock()
			return
		}
		f.mu.Unlock()
		for _, c := range some[:n] {
			buf = c.tryEvents(buf)
		}
	}
}

// tryEvents writes what c has to read, with buf for memory. If that has to wait, it
// goes on on a goroutine.
func (c *client) tryEvents(buf []byte) []byte {
	if !c.writing.TryLock() {
		c.server.work.Go(c.writeEvents)
		return buf
	}
	buf = c.sub.AppendPending(buf[:0], flushBytes)
	n, err := c.polled.TryWrite(buf)
	c.server.bytesOut.Add(uint64(n))
	if err == nil && n < len(buf) {
		rest := append([]byte(nil), buf[n:]...)
		c.server.work.Go(func() { // which holds c.writing
			err := c.writeLocked(rest)
			c.writing.Unlock()
			if err != nil {
				c.conn.Close()
				return
			}
			c.writeEvents()
		})
		return buf
	}
	c.writing.Unlock()
	if err != nil {
		c.conn.Close() // who serves it then ends the rest
	}
	return buf
}

// writeEvents writes what c has to read. It waits for the client.
func (c *client) writeEvents() {
	buf := replyBuffers.Get().(*[]byte)
	defer replyBuffers.Put(buf)
	for {
		c.writing.Lock()
		*buf = c.sub.AppendPending((*buf)[:0], flushBytes)
		err := c.writeLocked(*buf)
		c.writing.Unlock()
		if err != nil {
			c.conn.Close() // who serves it then ends the rest
			return
		}
		if len(*buf) == 0 {
			return
		}
	}
}
