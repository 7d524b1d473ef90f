package server

import (
	"io"
	"net"

	"github.com/gosentinel/sentinel/internal/epoll"
	"github.com/gosentinel/sentinel/internal/respguard"
)

// poller serves plain TCP connections of one server, without a goroutine for each.
//
// A nil poller adopts no connection.
type poller struct {
	server *Server
	set    *epoll.Set

	// Of its goroutine.
	work   *work
	served []served
}

// newPoller returns a poller for s that is at work, or nil if the system lets us have
// none.
func newPoller(s *Server) *poller {
	w := openPoller(s)
	if w != nil {
		go w.run()
	}
	return w
}

func openPoller(s *Server) *poller {
	set := epoll.Open()
	if set == nil {
		return nil
	}
	return &poller{server: s, set: set, work: new(work)}
}

// close ends the poller. It must have no connection any more.
func (w *poller) close() {
	if w != nil {
		w.set.Close()
	}
}

// take makes the poller the owner of a connection that nothing was read from, if it is
// plain TCP. The client's conn is then below what it was. It returns nil for others.
func (w *poller) take(conn *respguard.Conn) *epoll.Conn {
	if w == nil {
		return nil
	}
	p := w.set.Take(conn.NetConn())
	if p != nil {
		conn.Conn = p
	}
	return p
}

// served is a connection whose commands have been executed, and how.
type served struct {
	p   *epoll.Conn
	how outcome
	err error
}

// run serves connections until the poller is closed. First it executes what all those
// have sent that epoll reports at once, then it writes to all of them. If it wrote to
// each in between, that one would be woken, and have sent its next command by the time
// the poller looks again: epoll would report one at a time.
func (w *poller) run() { w.set.Run(w.serve, w.answerAll) }

// serve reads from a connection once and executes what can be executed without waiting.
func (w *poller) serve(p *epoll.Conn) {
	if w.work == nil {
		w.work = works.Get().(*work)
	}
	if w.work.in == nil {
		w.work.in = make([]byte, respguard.ReadBytes)
	}
	n, err := p.TryRead(w.work.in)
	if err == epoll.Again {
		p.Watch()
		return
	}
	c := p.Owner.(*client)
	c.conn.Feed(w.work.in[:n], err)
	how, err := w.server.turn(c, w.work, false)
	if how == mustWait {
		p.Unwatch()
		own := w.work
		w.work = nil
		go w.server.patiently(c, own, how, nil)
		return
	}
	c.conn.Done(&w.work.buf)
	if c.sub != nil { // an event should not overtake the reply to an earlier command
		w.answer(served{p, how, err})
		return
	}
	w.served = append(w.served, served{p, how, err})
}

// answerAll writes the replies of all connections that were served.
func (w *poller) answerAll() {
	for _, s := range w.served {
		w.answer(s)
	}
	clear(w.served)
	w.served = w.served[:0]
}

// answer writes the replies of a connection that was served.
func (w *poller) answer(s served) {
	c := s.p.Owner.(*client)
	if w.work == nil {
		w.work = works.Get().(*work)
	}
	if !c.flushed(w.work, false) {
		s.how = mustWait
	} else if c.closing {
		s.how = ended
	}
	switch {
	case s.how == idle:
		if c.conn.Arm() != nil || s.p.Watch() != nil {
			go w.server.finish(c, net.ErrClosed)
		}
	case s.how == ended && !c.hasBacklog() && (s.err == nil || s.err == io.EOF):
		w.server.finish(c, s.err)
	default:
		s.p.Unwatch()
		go w.server.patiently(c, works.Get().(*work), s.how, s.err)
	}
}

// patiently goes on with a connection where the poller could not. The client is
// counted in s.work.
func (s *Server) patiently(c *client, w *work, how outcome, err error) {
	if how == mustWait {
		how, err = s.turn(c, w, true)
	}
	c.conn.Done(&w.buf)
	w.free()
	if how == ended || c.conn.Arm() != nil || c.polled.Watch() != nil {
		s.finish(c, err)
	}
}
