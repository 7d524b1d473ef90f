package traffic

import (
	"context"
	"net"
	"sync"

	"github.com/tidwall/redcon"
)

// Site is what clients know about servers and Sentinels. Its fields are set before
// use; its methods are safe for concurrent use.
type Site struct {
	Master    string   // name
	Sentinels []string // addresses
	Server    Access   // to servers, for applications
	Sentinel  Access   // to Sentinels
	// Direct are the addresses at which clients reach servers, where these are not
	// those that Sentinels give.
	Direct map[string]string

	mu    sync.Mutex
	addr  string // of the master, as far as the last event says
	times int    // how often that changed
}

// Switched tells all followers the address that a +switch-master has named.
func (s *Site) Switched(addr string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.addr != addr {
		s.addr = addr
		s.times++
	}
}

func (s *Site) latest() (addr string, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr, s.times
}

// route is what one follower believes about the address of the master. It is used by
// one goroutine.
type route struct {
	site  *Site
	ask   int // the Sentinel that is asked
	conn  *conn
	addr  string
	times int // of the site, when addr was learned
}

// current returns the address to use: the latest that events or a Sentinel told.
func (r *route) current() string {
	if addr, times := r.site.latest(); times != r.times {
		r.addr, r.times = addr, times
	}
	return r.addr
}

// learn asks a Sentinel, and the next one if that fails.
func (r *route) learn(ctx context.Context) {
	if r.conn == nil {
		c, err := r.site.dial(ctx, r.site.Sentinels[r.ask%len(r.site.Sentinels)], r.site.Sentinel)
		if err != nil {
			r.ask++
			return
		}
		r.conn = c
	}
	r.conn.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", r.site.Master)
	reply, err := r.conn.roundTrip(ctx)
	var words []string
	if err == nil && reply.Type == redcon.Array {
		reply.ForEach(func(w redcon.RESP) bool { words = append(words, w.String()); return true })
	}
	if len(words) != 2 {
		r.close()
		r.ask++
		return
	}
	r.addr = net.JoinHostPort(words[0], words[1])
}

func (r *route) close() {
	if r.conn != nil {
		r.conn.close()
		r.conn = nil
	}
}
