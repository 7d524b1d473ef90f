package sentineltest

import (
	"io"
	"net"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/internal/mempipe"
)

// clock is the time of the Sentinels of a cluster. It goes as the real one as long as
// it beats. For each beat something has to travel over the network, as the PING of a
// Sentinel does. Between two beats it goes no further than two periods, and much less
// when beats are late: a PING needs the CPU more often than a beat does.
//
// Nor does it hurry while the cluster is calm: it is stable, the test leaves it alone,
// and no Sentinel has anything to tell. Then what is slow gets much more time.
//
// So it hardly moves while the process gets no CPU. Sentinels that wait for only
// milliseconds would otherwise take a live master for a dead one whenever the machine
// is busy, and tests would fail by chance.
type clock struct {
	period time.Duration
	stop   chan struct{}
	done   sync.WaitGroup

	mu       sync.Mutex
	last     time.Time
	lastBeat time.Time
	total    time.Duration
	room     time.Duration // how far it may go before the next beat
	slower   pace
}

// newClock returns a clock that stands still until its pace is set.
func newClock(period time.Duration, travel func() error) *clock {
	now := time.Now()
	c := &clock{period: period, stop: make(chan struct{}), last: now, lastBeat: now, room: 2 * period, slower: standstill}
	c.done.Go(func() {
		ticker := time.NewTicker(period)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
			case <-c.stop:
				return
			}
			if travel() == nil {
				c.beat()
			}
		}
	})
	return c
}

func (c *clock) beat() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance()
	now := time.Now()
	if c.room = 2 * c.period; now.Sub(c.lastBeat) > 3*c.period {
		c.room = c.period / 4
	}
	c.lastBeat = now
}

// now returns the time since the start.
func (c *clock) now() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance()
	return c.total
}

func (c *clock) advance() {
	now := time.Now()
	passed := now.Sub(c.last)
	passed = min(passed/time.Duration(c.slower), c.room)
	c.last = now
	c.total += passed
	c.room -= passed
}

// pace is how many times slower than the real time a clock is.
type pace time.Duration

const (
	full       pace = 1
	starting   pace = 8 // there is much to do, and nothing to wait for
	calm       pace = 64
	standstill pace = 1 << 40
)

func (c *clock) set(p pace) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance()
	c.slower = p
}

// stir ends the calm, but no standstill: a Sentinel that has started must not count
// the time that others still need for it.
func (c *clock) stir() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.slower == calm {
		c.advance()
		c.slower = full
	}
}

func (c *clock) close() {
	close(c.stop)
	c.done.Wait()
}

// echoes is how many bytes travel for a beat, each on a connection of its own. The
// scheduler does not treat all alike when it has much to do; a beat is as late as the
// unluckiest.
const echoes = 4

// echo returns a function that sends bytes over the network and waits for them to come
// back, and one that ends that.
func (n *Network) echo() (travel func() error, stop func(), err error) {
	var ends []net.Conn
	var work sync.WaitGroup
	stop = func() {
		for _, c := range ends {
			_ = c.Close()
		}
		work.Wait()
	}
	for range echoes {
		here, there, err := n.pair()
		if err != nil {
			stop()
			return nil, nil, err
		}
		ends = append(ends, here)
		work.Go(func() {
			_, _ = io.Copy(there, there) // ends when here is closed
			_ = there.Close()
		})
	}
	return func() error {
		b := make([]byte, 1)
		for _, c := range ends {
			if _, err := c.Write(b); err != nil {
				return err
			}
		}
		for _, c := range ends {
			if _, err := io.ReadFull(c, b); err != nil {
				return err
			}
		}
		return nil
	}, stop, nil
}

// pair returns the two ends of a connection.
func (n *Network) pair() (here, there net.Conn, err error) {
	if !n.loopback {
		a, b := mempipe.New(textAddr("clock"), textAddr("clock"))
		return a, b, nil
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer ln.Close()
	if here, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		return nil, nil, err
	}
	if there, err = ln.Accept(); err != nil {
		_ = here.Close()
		return nil, nil, err
	}
	return here, there, nil
}
