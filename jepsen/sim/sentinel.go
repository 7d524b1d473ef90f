package sim

import (
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

// sentinel is a Sentinel process: a real core in a model shell (node), or a
// model of a stock Sentinel (stock).
type sentinel interface {
	acceptor
	dialer

	base() *process
	start() error
	crash(dark bool)
	stall(d time.Duration)
	// masterAddr is what a client is told.
	masterAddr(name string) (monitor.HostPort, bool)
	// state is what the liveness check looks at.
	state(name string) (beliefs, bool)
	// knows reports whether a server is known as the master or a replica of it.
	knows(name string, at monitor.HostPort) bool
	// findsPeer reports whether another Sentinel is known at the address that it has now.
	findsPeer(name string, other *process) bool
	operate(op operation)
}

// beliefs is what a Sentinel holds true of one master.
type beliefs struct {
	current     monitor.HostPort
	configEpoch monitor.Epoch
	trouble     string // what is going on; "" in a calm state
	leads       bool   // a failover is going on
}

// process is what both kinds of Sentinel have in common.
type process struct {
	w      *world
	hostID hostID
	name   string
	id     monitor.RunID
	addr   monitor.HostPort
	life   int
	// installed counts the fresh installations: each is another voter.
	installed int
	// forgot: its file was made anew, or an operator has had it forget a master or what
	// it knew about one.
	forgot    bool
	alive     bool
	ended     Instant // when it was last made to end
	dark      bool
	gone      bool              // decommissioned: it is never started again
	nowhere   bool              // it announces an address at which nobody can connect
	spare     bool              // there is a machine, but no Sentinel on it yet
	moves     int               // to another address
	movedAt   Instant           // when it last did
	lostLinks map[string]string // why, for the trace
	paused    Instant           // a stalled process runs again at this instant
	conns     []*conn           // accepted
	dialed    []*conn           // opened; what is closed is swept out now and then
	disk      modelDisk
}

func (p *process) base() *process  { return p }
func (p *process) host() hostID    { return p.hostID }
func (p *process) listening() bool { return p.alive }
func (p *process) accept(c *conn)  { p.conns = append(p.conns, c) }
func (p *process) hangup(c *conn)  { p.conns = remove(p.conns, c) }

// halt ends the process and what it holds.
func (p *process) halt(dark bool) {
	p.alive, p.dark, p.lostLinks = false, dark, nil
	p.ended = p.w.now
	p.life++
	for _, c := range p.conns {
		p.end(c, 1)
	}
	for _, c := range p.dialed {
		p.end(c, 0)
	}
	p.conns, p.dialed = nil, nil
}

func (p *process) end(c *conn, end int) {
	if p.dark {
		c.vanish(end)
	} else {
		c.close(end, "connection closed by the Sentinel")
	}
}

// connect opens a connection.
func (p *process) connect(d dialer, kind connKind, tag monitor.ConnID, to monitor.HostPort) *conn {
	if len(p.dialed) >= 64 {
		kept := p.dialed[:0]
		for _, c := range p.dialed {
			if !c.closed[0] {
				kept = append(kept, c)
			}
		}
		clear(p.dialed[len(kept):])
		p.dialed = kept
	}
	c := p.w.dial(d, kind, tag, to)
	c.life = p.life
	p.dialed = append(p.dialed, c)
	return c
}

// announce tells the clients that listen about a switch.
func (p *process) announce(e event.SwitchMaster) {
	p.w.check.former[formerMaster{e.Master, e.From}] = true
	for _, c := range p.conns {
		if c.kind == clientConn {
			c.send(toDialer, switched{e.Master, e.To})
		}
	}
}

// What clients and Sentinels say to each other.
type (
	whereIs  struct{ master string }
	itIs     struct{ addr monitor.HostPort } // the zero value: not known
	switched struct {
		master string
		to     monitor.HostPort
	}
)

// operation is a command of an operator.
type operation struct {
	op     string // failover, pause, resume, reset, set, remove, monitor
	master string
	config monitor.MasterConfig // for monitor
	option string               // for set
	value  int
	mode   monitor.FailoverMode // of a failover
	to     monitor.HostPort
	length time.Duration // of a pause
}
