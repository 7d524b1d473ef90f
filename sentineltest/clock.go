package sentineltest

import (
	"io"
	"net"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/internal/mempipe"
)

// clock is the time of the Sentinels of a cluster. It goes as the real one, but no
// further than a step between two beats, and for each beat something has to travel
// over the network as the PING of a Sentinel does.
//
// So it stands still while the process gets no CPU. Sentinels that wait for only
// milliseconds would otherwise take a live master for a dead one whenever the machine
// is busy, and tests would fail by chance.
type clock struct {
	step time.Duration
	stop chan struct{}
	done sync.WaitGroup

	mu    sync.Mutex
	last  time.Time
	total time.Duration
	room  time.Duration // how far it may go before the next beat
}

func newClock(beat time.Duration, travel func() error) *clock {
	c := &clock{step: 2 * beat, stop: make(chan struct{}), last: time.Now(), room: 2 * beat}
	c.done.Go(func() {
		ticker := time.NewTicker(beat)
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
	c.room = c.step
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
	passed := min(now.Sub(c.last), c.room)
	c.last = now
	c.total += passed
	c.room -= passed
}

func (c *clock) close() {
	close(c.stop)
	c.done.Wait()
}

// echo returns a function that sends a byte over the network and waits for it to
// come back, and one that ends that.
func (n *Network) echo() (travel func() error, stop func(), err error) {
	here, there, err := n.pair()
	if err != nil {
		return nil, nil, err
	}
	var work sync.WaitGroup
	work.Go(func() { _, _ = io.Copy(there, there) }) // ends when here is closed
	b := make([]byte, 1)
	travel = func() error {
		if _, err := here.Write(b); err != nil {
			return err
		}
		_, err := io.ReadFull(here, b)
		return err
	}
	return travel, func() {
		_ = here.Close()
		work.Wait()
		_ = there.Close()
	}, nil
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
