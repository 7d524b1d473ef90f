package fakeredis

import (
	"errors"
	"fmt"
)

// Status is what a server is at one moment.
type Status struct {
	// Master is the "host:port" of the master that it follows; "" for a master.
	Master string
	// LinkUp tells of a replica whether it is synchronised with its master and
	// receives the stream.
	LinkUp bool
	// Offset is its position in the replication stream.
	Offset int64
	// Keys is the number of keys.
	Keys int
}

// Status returns what the server is now. It may be called at any time, also while
// the server is paused and after its end.
func (s *Server) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Status{Offset: s.repl.offset, Keys: len(s.db.keys)}
	if l := s.link; l != nil {
		st.Master, st.LinkUp = l.address(), l.state == linkConnected
	}
	return st
}

// Follow makes the server a replica of the one at an "ip:port", as REPLICAOF does;
// with "" it becomes a master.
func (s *Server) Follow(master string) error {
	host, port := "", 0
	if master != "" {
		var err error
		if host, port, err = splitHostPort(master); err != nil {
			return fmt.Errorf("fakeredis: master %q: %w", master, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		return errors.New("fakeredis: the server has ended")
	case master == "":
		s.promote()
	case s.link == nil || s.link.address() != master:
		s.follow(host, port)
	}
	return nil
}
