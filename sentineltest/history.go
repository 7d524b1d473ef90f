package sentineltest

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gosentinel/sentinel"
	"github.com/gosentinel/sentinel/event"
)

// history holds the last events of all Sentinels of a cluster.
type history struct {
	start time.Time

	mu   sync.Mutex
	last []happened
}

// happened is one event.
type happened struct {
	at   time.Duration // since the start
	who  string        // address of the Sentinel
	name string
	text string
}

const (
	keepEvents = 1000 // of all Sentinels
	showEvents = 40
)

func (h *history) begin() { h.start = time.Now() }

// record keeps an event, but none about lost connections: a node that is down makes
// these without end, and they would push out what matters.
func (c *Cluster) record(s *Sentinel, ev sentinel.Event) {
	if _, lost := ev.Body.(event.LinkReconnection); lost {
		return
	}
	c.stir()
	c.history.add(happened{time.Since(c.history.start), s.Addr(), ev.Body.Name(), string(ev.Body.AppendText(nil))})
}

func (h *history) add(e happened) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.last) >= keepEvents {
		h.last = append(h.last[:0], h.last[keepEvents/2:]...)
	}
	h.last = append(h.last, e)
}

func (h *history) all() []happened {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]happened(nil), h.last...)
}

func (h *history) describe(b *strings.Builder) {
	list := h.all()
	list = list[max(0, len(list)-showEvents):]
	b.WriteString("  last events:\n")
	for _, e := range list {
		fmt.Fprintf(b, "    %9.3fms %s %s %s\n", float64(e.at)/float64(time.Millisecond), e.who, e.name, e.text)
	}
}
