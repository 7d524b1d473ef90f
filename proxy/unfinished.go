package proxy

import (
	"fmt"
	"time"
)

// countedFrom is how much a client may have of requests that are not done without being
// counted: limits.clients bounds that.
const countedFrom = 64 << 10

// account counts what the client has of requests that are not done: half sent, or without a
// reply. Each client has a limit of its own, but a thousand of them with half a request each
// would have taken all memory.
func (c *client) account() {
	held := cap(c.in) + c.inFlight
	if held < countedFrom || c.gone {
		held = 0
	}
	if held == c.held {
		return
	}
	p, grew := c.w.p, held > c.held
	total := p.unfinished.Add(int64(held - c.held))
	c.held = held
	if most := int64(p.config().Limits.Unfinished); grew && total > most && !c.closing {
		p.counts.Unfinished.Add(1)
		c.giveUp(fmt.Sprintf("the requests of all clients that are not done have more than %d bytes, which is limits.unfinished of the proxy", most))
		return
	}
	if held > 0 && c.watch == nil {
		c.watchSilence(p.config().Limits.Silence)
	}
}

// watchSilence looks after a while whether the client is silent in the middle of a request.
func (c *client) watchSilence(d time.Duration) {
	c.watch = time.AfterFunc(d, func() { c.w.post(c.checkSilence) })
}

func (c *client) checkSilence() {
	c.watch = nil
	most := c.w.p.config().Limits.Silence
	// What is silent about a client that is not read from is the proxy.
	waits := len(c.in) > 0 && c.reading && !c.stalled
	switch rest := c.heardAt + most - c.w.now; {
	case c.gone || c.closing || c.held == 0:
	case !waits:
		c.watchSilence(most)
	case rest > 0:
		c.watchSilence(rest)
	default:
		c.w.p.counts.Silent.Add(1)
		c.giveUp(fmt.Sprintf("silent for %v in the middle of a request, which is limits.silence of the proxy", most))
	}
}

// giveUp tells the client why it is cut, and forgets what it has sent of a request.
func (c *client) giveUp(why string) {
	c.w.p.counts.Cut.Add(1)
	c.w.p.log.Warn("proxy: a client is cut", "addr", c.wire.remote(), "why", why)
	c.in = nil
	c.scan.reset()
	c.error("ERR proxy: " + why)
	c.cut()
	c.account()
}
