package proxy

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// Counts are what happened since the start. Each may be read at any time.
type Counts struct {
	Accepted atomic.Int64 // connections of clients
	Rejected atomic.Int64 // of these: there were too many
	Cut      atomic.Int64 // closed by the proxy for a reason that the log has
	Slow     atomic.Int64 // of these: clients that did not take their replies
	Protocol atomic.Int64 // requests that were none
	Logins   atomic.Int64 // that failed
	Held     atomic.Int64 // requests that had to wait for a master
	Refused  atomic.Int64 // of these: that waited in vain
	Full     atomic.Int64 // requests that found the hold buffer full
	Retried  atomic.Int64 // requests that were sent once more
	Unknown  atomic.Int64 // requests answered with an error, as nobody knows whether they were executed
	Fallback atomic.Int64 // reads that went to the master, as no replica was good
	Unacked  atomic.Int64 // writes that too few replicas had in time
	Refusals atomic.Int64 // times that a master said READONLY, LOADING or the like
}

// proxyCommand is PROXY INFO and PROXY HELP.
func (c *client) proxyCommand(args [][]byte) {
	sub := ""
	if len(args) == 2 {
		sub = strings.ToUpper(string(args[1]))
	}
	switch sub {
	case "INFO":
		c.reply(appendBulk(nil, []byte(c.w.p.info())))
	case "HELP":
		c.reply([]byte("*2\r\n+PROXY INFO\r\n+    What the proxy knows, and has counted, in the form of INFO.\r\n"))
	default:
		c.error("ERR unknown subcommand or wrong number of arguments for 'PROXY'. Try PROXY HELP.")
	}
}

// info is the text of PROXY INFO.
func (p *Proxy) info() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("# Proxy")
	line("uptime_in_seconds:%d", int(time.Since(p.started).Seconds()))
	line("workers:%d", len(p.workers))
	line("# Listeners")
	for i, l := range p.site.Load().listeners {
		line("listener%d:addr=%s,mode=%s,master=%s,clients=%d", i, l.door.ln.Addr(), l.cfg.Mode, l.cfg.Master, l.door.clients.Load())
	}
	line("# Masters")
	for i, g := range p.sortedGroups() {
		v := g.current()
		line("master%d:name=%s,addr=%s,epoch=%d,replicas=%d,held_bytes=%d", i, g.cfg.Name, v.master, v.epoch, len(v.replicas), g.held.Load())
	}
	line("# Counts")
	for _, c := range p.counts.list() {
		line("%s:%d", c.name, c.n)
	}
	return b.String()
}

type count struct {
	name string
	n    int64
}

func (c *Counts) list() []count {
	return []count{
		{"connections_accepted", c.Accepted.Load()}, {"connections_rejected", c.Rejected.Load()},
		{"clients_cut", c.Cut.Load()}, {"clients_too_slow", c.Slow.Load()}, {"protocol_errors", c.Protocol.Load()},
		{"logins_failed", c.Logins.Load()}, {"requests_held", c.Held.Load()}, {"requests_refused", c.Refused.Load()},
		{"requests_hold_full", c.Full.Load()}, {"requests_retried", c.Retried.Load()},
		{"requests_unknown_outcome", c.Unknown.Load()}, {"reads_at_master", c.Fallback.Load()}, {"writes_unacknowledged", c.Unacked.Load()}, {"master_refusals", c.Refusals.Load()},
	}
}
