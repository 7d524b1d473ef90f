package standalone

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// Sentinels say hello every two seconds on each server that they watch. Who has listened
// for helloWait has heard all of them, and one that has been silent for helloLife has gone.
const (
	helloWait = 2500 * time.Millisecond
	helloLife = 6 * time.Second
)

// claim is what a Sentinel says on a server that we do not watch yet.
type claim struct {
	group  string // as that Sentinel calls it
	master string // "ip:port"
	epoch  uint64
	at     time.Time
}

// ear listens to what Sentinels say on one server.
type ear struct {
	cancel context.CancelFunc

	mu     sync.Mutex
	since  time.Time        // it has been heard without a break; zero: it is not
	err    error            // why not
	claims map[string]claim // by the id of the Sentinel
}

// maxClaims bounds what is kept of what strangers say on a server.
const maxClaims = 64

// newEar makes an ear, which ends with the context or by its cancel.
func (g *Group) newEar(ctx context.Context, tasks *sync.WaitGroup, name string) *ear {
	e := &ear{claims: map[string]claim{}}
	ctx, e.cancel = context.WithCancel(ctx)
	tasks.Go(func() {
		for wait := time.Duration(0); ctx.Err() == nil; wait = time.Second {
			pause(ctx, wait)
			addr, err := g.lookUp(ctx, name)
			if err == nil {
				err = g.talk(ctx, addr, e.hear)
			}
			e.mu.Lock()
			e.since, e.err = time.Time{}, nil
			if r := refusal(""); errors.As(err, &r) {
				e.err = r // what else goes wrong is seen by others
			}
			e.mu.Unlock()
		}
	})
	return e
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// hear takes hellos until the connection ends.
func (e *ear) hear(c *dialogue) error {
	if err := c.say("SUBSCRIBE", monitor.HelloChannel); err != nil {
		return err
	}
	done := make(chan struct{})
	defer close(done)
	go c.keepAlive(done)
	for {
		if err := c.SetReadDeadline(time.Now().Add(3 * pingEvery)); err != nil {
			return err
		}
		v, err := c.next()
		if err != nil {
			return err
		}
		e.note(v.Words())
	}
}

// pingEvery is how often a server is asked for a sign of life where nobody says hello.
const pingEvery = 2 * time.Second

// keepAlive sends PING until done is closed.
func (c *dialogue) keepAlive(done <-chan struct{}) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if c.say("PING") != nil {
				return
			}
		case <-done:
			return
		}
	}
}

// note takes a message.
func (e *ear) note(message []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case len(message) == 3 && message[0] == "subscribe":
		e.since = time.Now()
	case len(message) == 3 && message[0] == "message":
		h, err := monitor.ParseHello([]byte(message[2]))
		if err != nil {
			return
		}
		id := string(h.RunID)
		if _, known := e.claims[id]; !known && len(e.claims) >= maxClaims {
			return // strangers must not silence those that were heard before
		}
		e.claims[id] = claim{
			group: h.MasterName, master: net.JoinHostPort(h.MasterIP, strconv.Itoa(h.MasterPort)),
			epoch: uint64(h.ConfigEpoch), at: time.Now(),
		}
	}
}

// trouble returns why it cannot be listened to a server, once that is known.
func (e *ear) trouble() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

// heard returns what is said there, and whether it has been listened to for long enough.
func (e *ear) heard(now time.Time) (claims []claim, enough bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, c := range e.claims {
		if now.Sub(c.at) > helloLife {
			delete(e.claims, id)
			continue
		}
		claims = append(claims, c)
	}
	return claims, !e.since.IsZero() && now.Sub(e.since) >= helloWait
}
