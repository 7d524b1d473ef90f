package survey

import (
	"context"
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// maxHellos bounds what is heard from one server.
const maxHellos = 1000

// listen hears which Sentinels announce themselves at a server, those too whom no other one
// takes in.
func (t *taker) listen(ctx context.Context, addr, master string) {
	ctx, cancel := context.WithTimeout(ctx, t.Listen)
	defer cancel()
	c, p := t.open(ctx, addr, t.access(master))
	if p != nil {
		return
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	c.patience = t.Listen + time.Second
	if _, p = c.do("SUBSCRIBE", monitor.HelloChannel); p != nil {
		return
	}
	for range maxHellos {
		v, p := c.read()
		if p != nil {
			return
		}
		if words := v.Words(); len(words) == 3 && words[0] == "message" {
			h, err := monitor.ParseHello([]byte(words[2]))
			if err == nil && (t.Master == "" || t.Master == h.MasterName) {
				t.heard(join(h.IP, strconv.Itoa(h.Port)))
				t.sentinel(ctx, join(h.IP, strconv.Itoa(h.Port)), addr)
			}
		}
	}
}
