package link

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestStarts: few attempts are young at a time, in the order in which they were added.
// Attempts that find nobody hold up the others only for a moment.
func TestStarts(t *testing.T) {
	for name, silent := range map[string]time.Duration{"answered": time.Millisecond, "silent": time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var wg sync.WaitGroup
				s := starts{wg: &wg}
				begun := time.Now()
				at := make([]time.Duration, 100)
				for i := range at {
					s.add(func() { at[i] = time.Since(begun); time.Sleep(silent) })
				}
				wg.Wait()
				round := min(silent, youngFor)
				for i, d := range at {
					if want := time.Duration(i/youngAtOnce) * round; d != want {
						t.Fatalf("attempt %d began after %v, want %v", i, d, want)
					}
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				if s.young != 0 || len(s.queue) != 0 {
					t.Errorf("at the end %d are young, %d wait", s.young, len(s.queue))
				}
			})
		})
	}
}

// TestStartsEnd: what waits at the end never begins, and the end waits for the rest.
func TestStartsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wg sync.WaitGroup
		s := starts{wg: &wg}
		var mu sync.Mutex
		begun := 0
		attempt := func() { mu.Lock(); begun++; mu.Unlock(); time.Sleep(time.Millisecond) }
		for range 2 * youngAtOnce {
			s.add(attempt)
		}
		s.end()
		s.add(attempt)
		wg.Wait()
		if begun != youngAtOnce {
			t.Errorf("%d began", begun)
		}
	})
}
