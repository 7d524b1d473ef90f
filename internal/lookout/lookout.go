package lookout

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/gossip"
	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

// Source is a running Sentinel. Its methods may be called at any time.
type Source interface {
	// Look runs f where the core does not change, with the reports of attempts that go
	// on. f must only copy, because the whole Sentinel waits for it, and it may run after
	// Look has returned the error of ctx.
	Look(ctx context.Context, f func(c *monitor.Core, now monitor.Instant, open []journal.Report)) error
	// Wall returns the time of day at an instant of the core.
	Wall(monitor.Instant) time.Time
	// Reports returns the newest reports of attempts, about all masters, newest first.
	Reports(count int) []journal.Report
	// Vitals returns what the process says of itself.
	Vitals() Vitals
}

// Vitals are what a process says of itself.
type Vitals struct {
	Version  string
	Addr     string // at which clients are served, as "host:port"; "" if they are not
	Started  time.Time
	MadeFor  string        // the version of Redis that it is compatible with
	Stall    time.Duration // longest time that the loop let something wait, since the start
	Recent   time.Duration // and in the last minute or two
	Inbox    int           // inputs that wait for the loop
	InboxMax int
	Running  int // scripts
	Queued   int
	Gossip   gossip.Stats
	Clients  int
	Refused  uint64 // connections of clients
	Commands uint64 // that clients have sent
	Cut      uint64 // subscribers that did not take their messages
	Lost     uint64 // events that a reader in this program was too slow for
	LogLost  uint64 // lines that could not be written
}

// Console counts what happens in a Sentinel and shows how it is. Its methods may be
// called by several goroutines. Begin, Event, Report and Saved take constant time and
// never wait, so that the loop may call them.
type Console interface {
	// Begin says who the Sentinel is, and which attempts were known before.
	Begin(id monitor.RunID, known []journal.Report)
	// Event is something that has happened.
	Event(monitor.Event)
	// Report is an attempt that is over.
	Report(journal.Report)
	// Saved is the end of a save.
	Saved(took time.Duration, err error)

	// Handler returns the pages, which ask for no password.
	Handler() http.Handler
	// Server returns what serves the pages at open listeners, which belong to it from
	// then on, and asks for what set says. With secure, which is called for each
	// connection, it serves HTTPS.
	Server(set configrewrite.HTTP, secure func() *tls.Config, listeners ...net.Listener) Server
	// MaxConns is how many connections a Server has at most.
	MaxConns() int
}

// Server serves until Close is called.
type Server interface {
	// Serve returns nil after Close.
	Serve() error
	// Close ends all connections, and waits for what is being answered.
	Close()
}
