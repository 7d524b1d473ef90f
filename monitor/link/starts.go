package link

import (
	"sync"
	"time"
)

const (
	// youngAtOnce is how many attempts to connect may be young. Each keeps a processor
	// busy for a while. Had thousands begun at the same time, as after a start, the loop
	// would have to wait for its turn among them, and would answer nobody meanwhile.
	youngAtOnce = 32
	// youngFor is how long an attempt counts: one that takes longer waits for the other
	// side, not for a processor. Addresses where nobody answers hold up the others by
	// no more than this.
	youngFor = 5 * time.Millisecond
)

// starts has attempts begin one after the other when there are many.
type starts struct {
	wg *sync.WaitGroup // of their goroutines

	mu    sync.Mutex
	young int
	queue []func() // bounded by the number of connections
	ended bool
}

// add calls attempt on a goroutine of its own, now or when there is room.
func (s *starts) add(attempt func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
	case s.young == youngAtOnce:
		s.queue = append(s.queue, attempt)
	default:
		s.young++
		s.begin(attempt)
	}
}

// begin is called with mu held.
func (s *starts) begin(attempt func()) {
	s.wg.Go(func() {
		aged := time.AfterFunc(youngFor, s.next)
		attempt()
		if aged.Stop() {
			s.next()
		}
	})
}

// next begins another attempt in the place of one that is no longer young.
func (s *starts) next() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		s.young--
		return
	}
	attempt := s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	s.begin(attempt)
}

// end drops what has not begun, for good.
func (s *starts) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended, s.queue = true, nil
}
