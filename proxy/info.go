package proxy

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gosentinel/sentinel/internal/resp"
)

// Counts are what happened since the start. Each may be read at any time.
type Counts struct {
	Accepted atomic.Int64 // connections of clients
	Rejected atomic.Int64 // of these: there were too many
	Cut      atomic.Int64 // closed by the proxy for a reason that the log has
	Slow     atomic.Int64 // of these: clients that did not take their replies
	Silent   atomic.Int64 // of these: clients that were silent in the middle of a request
	Protocol atomic.Int64 // requests that were none
	// Unfinished are, of those that were cut, the clients that would have exceeded limits.unfinished.
	Unfinished atomic.Int64

	Logins   atomic.Int64 // that failed
	TLS      atomic.Int64 // connections of clients that did not begin TLS as they should
	Held     atomic.Int64 // requests that had to wait for a master
	Refused  atomic.Int64 // of these: that waited in vain
	Full     atomic.Int64 // requests that found the hold buffer full
	Retried  atomic.Int64 // requests that were sent once more
	Unknown  atomic.Int64 // requests answered with an error, as nobody knows whether they were executed
	Fallback atomic.Int64 // reads that went to the master, as no replica was good
	Unacked  atomic.Int64 // writes that too few replicas had in time
	Refusals atomic.Int64 // times that a master said READONLY, LOADING or the like
}

// proxyCommand is PROXY INFO, SLOWLOG and HELP.
func (c *client) proxyCommand(args [][]byte) {
	sub := ""
	if len(args) > 1 {
		sub = strings.ToUpper(string(args[1]))
	}
	switch {
	case sub == "INFO" && len(args) == 2:
		c.reply(resp.AppendBulk(nil, []byte(c.w.p.info())))
	case sub == "SLOWLOG":
		c.slowlogCommand(args)
	case sub == "HELP" && len(args) == 2:
		c.reply(proxyHelp)
	default:
		c.error("ERR unknown subcommand or wrong number of arguments for 'PROXY'. Try PROXY HELP.")
	}
}

var proxyHelp = []byte("*8\r\n" +
	"+PROXY INFO\r\n+    What the proxy knows, and has counted, in the form of INFO.\r\n" +
	"+PROXY SLOWLOG GET [count]\r\n+    The last requests that took long, in the form of SLOWLOG GET. -1: all.\r\n" +
	"+PROXY SLOWLOG LEN\r\n+    How many of them are kept.\r\n" +
	"+PROXY SLOWLOG RESET\r\n+    Forget them.\r\n")

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
		answering, _ := g.sentinels()
		line("master%d:name=%s,addr=%s,epoch=%d,replicas=%d,sentinels=%d,upstreams=%d,held_bytes=%d",
			i, g.cfg.Name, v.master, v.epoch, len(v.replicas), answering, g.upstreams.Load(), g.held.Load())
	}
	line("# Latency")
	for i, l := range p.site.Load().listeners {
		s := l.door.latency.read()
		line("latency_usec%d:count=%d,mean=%.0f,p50=%s,p99=%s,p99.9=%s", i, s.count(), s.mean(), usec(s.quantile(0.5)), usec(s.quantile(0.99)), usec(s.quantile(0.999)))
		text := fmt.Sprintf("latency_histogram_usec%d:", i)
		for k, d := range latencyBounds {
			text += fmt.Sprintf("%d=%d,", d.Microseconds(), s.upTo[k])
		}
		line("%sinf=%d", text, s.count())
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
	help string
}

func (c *Counts) list() []count {
	return []count{
		{"connections_accepted", c.Accepted.Load(), "Connections of clients."},
		{"connections_rejected", c.Rejected.Load(), "Of these, those that were too many."},
		{"clients_cut", c.Cut.Load(), "Clients that the proxy has cut, with a reason in its log."},
		{"clients_too_slow", c.Slow.Load(), "Of these, those that did not take their replies."},
		{"clients_silent", c.Silent.Load(), "Of these, those that were silent in the middle of a request."},
		{"clients_unfinished", c.Unfinished.Load(), "Of these, those with which the unfinished requests of all clients were too many bytes."},
		{"protocol_errors", c.Protocol.Load(), "Requests that were none."},
		{"logins_failed", c.Logins.Load(), "Wrong passwords."},
		{"tls_failed", c.TLS.Load(), "Connections of clients that did not begin TLS as they should."},
		{"requests_held", c.Held.Load(), "Requests that had to wait for a master."},
		{"requests_refused", c.Refused.Load(), "Of these, those that waited in vain."},
		{"requests_hold_full", c.Full.Load(), "Requests that found the hold buffer full."},
		{"requests_retried", c.Retried.Load(), "Requests that were sent once more."},
		{"requests_unknown_outcome", c.Unknown.Load(), "Requests that may have been executed or not."},
		{"reads_at_master", c.Fallback.Load(), "Reads that went to the master, as no replica was good."},
		{"writes_unacknowledged", c.Unacked.Load(), "Writes that too few replicas had in time."},
		{"master_refusals", c.Refusals.Load(), "Times that a master said READONLY, LOADING or the like."},
	}
}
