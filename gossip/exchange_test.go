package gossip

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// chance is a source of random numbers that gives the same ones in each run, for
// one goroutine at a time.
type chance struct {
	mu sync.Mutex
	*rand.Rand
}

func newChance() *chance { return &chance{Rand: rand.New(rand.NewPCG(1, 2))} }

func (c *chance) intN(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.IntN(n)
}

var addrA, addrB = netip.MustParseAddrPort("10.0.0.1:1"), netip.MustParseAddrPort("10.0.0.2:1")

// couple returns two exchangers with a network between them that treats each
// packet as fate says: how many copies arrive. The response is the request
// reversed.
func couple(t *testing.T, fate func() int) (a, b *exchanger) {
	k, err := newKeys([]Key{PublicKey()}, func() monitor.Instant { return 1 })
	if err != nil {
		t.Fatal(err)
	}
	delays := newChance()
	carry := func(to **exchanger, from netip.AddrPort) func([]byte, netip.AddrPort) error {
		return func(p []byte, _ netip.AddrPort) error {
			for range fate() {
				delay := time.Duration(delays.intN(20)) * time.Millisecond
				time.AfterFunc(delay, func() { (*to).receive(p, from) })
			}
			return nil
		}
	}
	answer := func(c net.Conn) {
		q, err := io.ReadAll(c)
		if err != nil {
			t.Error(err)
		}
		c.Write(reversed(q))
		c.Close()
	}
	a = newExchanger(k, carry(&b, addrA), answer)
	b = newExchanger(k, carry(&a, addrB), answer)
	return a, b
}

func reversed(b []byte) []byte {
	r := bytes.Clone(b)
	for i := range r {
		r[i] = b[len(b)-1-i]
	}
	return r
}

func noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}

// TestExchange: requests and responses of every size arrive whole, although
// datagrams are lost, duplicated or reordered.
func TestExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The same packets are lost in each run: with others, one exchange in some
		// thousand does not get through before its deadline.
		losses := newChance()
		a, _ := couple(t, func() int { return []int{0, 1, 1, 1, 2}[losses.intN(5)] })
		// What is lost is resent as a whole until the deadline, so a message of
		// many fragments takes several rounds, but fragments that arrived are
		// kept.
		for _, size := range []int{1, fragmentSize - 1, fragmentSize, fragmentSize + 1, 10 * fragmentSize} {
			for range 20 {
				c, err := a.dial(addrB)
				if err != nil {
					t.Fatal(err)
				}
				q := noise(size)
				for chunk := range bytes.SplitSeq(q, []byte{7}) { // written bit by bit
					c.Write(chunk)
				}
				got, err := io.ReadAll(c)
				if want := reversed(bytes.ReplaceAll(q, []byte{7}, nil)); err != nil || !bytes.Equal(got, want) {
					if len(want) > 0 {
						t.Errorf("%d bytes: got %d, %v", size, len(got), err)
					}
				}
				c.Close()
			}
		}
		if len(a.pending) > 0 {
			t.Errorf("%d questions are left", len(a.pending))
		}
		time.Sleep(time.Second) // packets on their way
	})
}

// TestExchangeEnds: without an answer it ends in time, and with the exchanger at
// once. What is too long is refused, and what is kept of questions is bounded.
func TestExchangeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		copies := 0
		a, _ := couple(t, func() int { return copies })
		c, _ := a.dial(addrB)
		c.Write([]byte("are you there?"))
		began := time.Now()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != streamTimeout {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		c.Close()

		c, _ = a.dial(addrB)
		c.Write([]byte("are you there?"))
		time.AfterFunc(time.Second/10, a.close)
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if _, err := c.Write(make([]byte, maxStream)); err == nil {
			t.Error("no bound")
		}
		c.Close()
		if _, err := a.dial(addrB); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}

		copies = 1
		a, b := couple(t, func() int { return copies })
		for range 3 * maxRequests {
			c, _ := a.dial(addrB)
			c.Write([]byte("x"))
			if got, err := io.ReadAll(c); string(got) != "x" {
				t.Errorf("%q, %v", got, err)
			}
			c.Close()
		}
		if len(b.requests) != maxRequests {
			t.Errorf("%d questions are kept", len(b.requests))
		}
	})
}

// TestExchangeIsBounded: even an owner of the key cannot announce more than a
// list of members can be.
func TestExchangeIsBounded(t *testing.T) {
	_, b := couple(t, func() int { return 0 })
	for name, header := range map[string][]byte{
		"index beyond count": {kindRequest, 0, 0, 0, 0, 0, 0, 0, 1, 0, 5, 0, 5, 'x'},
		"too many":           {kindRequest, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0xff, 0xff, 'x'},
		"no such kind":       {9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 'x'},
		"empty":              {kindRequest, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1},
		"long":               append([]byte{kindRequest, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1}, make([]byte, fragmentSize+1)...),
	} {
		sealed, err := b.keys.seal(header, []byte{fragmentType})
		if err != nil {
			t.Fatal(err)
		}
		if b.receive(append([]byte{fragmentType}, sealed...), addrA) || len(b.requests) > 0 {
			t.Errorf("%s was taken", name)
		}
	}
}
