package console

import (
	"context"
	"time"

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

// snapshot is a Sentinel at one moment. The groups of a large one are some
// milliseconds apart.
type snapshot struct {
	Vitals
	at          time.Time
	id          monitor.RunID
	epoch       monitor.Epoch
	tilt        bool
	tiltFor     time.Duration
	tilts       uint64
	saveTrouble string
	failures    monitor.Failures
	hurry       monitor.Hurry
	trips       [3]monitor.RoundTrips
	groups      []group
	history     []journal.Report // newest first
}

// group is a master with all that belongs to it.
type group struct {
	master    monitor.MasterView
	config    monitor.MasterConfig
	replicas  []monitor.ReplicaView
	sentinels []monitor.SentinelView
	open      *journal.Report // an attempt that goes on
}

const (
	atOnce    = 16 // groups that the loop is asked for in one go
	histories = 500
)

// take takes a snapshot.
func take(ctx context.Context, src Source) (*snapshot, error) {
	s := &snapshot{Vitals: src.Vitals()}
	var names []string
	var open []journal.Report
	if err := src.Look(ctx, func(c *monitor.Core, now monitor.Instant, attempts []journal.Report) {
		s.at, s.id, s.epoch = src.Wall(now), c.Options().MyID, c.CurrentEpoch()
		s.tilt, s.tiltFor = c.Tilt(now)
		s.tilts, s.saveTrouble, s.failures, s.hurry = c.Tilts(), c.SaveTrouble(), c.Failures(), c.Hurry(now)
		for k := range s.trips {
			s.trips[k] = c.RoundTrips(monitor.Kind(k))
		}
		names, open = c.MasterNames(), attempts
	}); err != nil {
		return nil, err
	}
	for ; len(names) > 0; names = names[min(atOnce, len(names)):] {
		var got []group
		if err := src.Look(ctx, func(c *monitor.Core, now monitor.Instant, _ []journal.Report) {
			got = look(c, now, names[:min(atOnce, len(names))])
		}); err != nil {
			return nil, err
		}
		s.groups = append(s.groups, got...)
	}
	for k := range s.groups {
		for i := range open {
			if open[i].Master == s.groups[k].master.Name {
				s.groups[k].open = &open[i]
			}
		}
	}
	s.history = src.Reports(histories)
	return s, nil
}

// look copies what is known of some masters. Those that are gone by now are left out.
func look(c *monitor.Core, now monitor.Instant, names []string) (list []group) {
	for _, name := range names {
		var g group
		var ok bool
		if g.master, ok = c.Master(now, name); !ok {
			continue
		}
		g.config, _ = c.MasterConfig(name)
		g.replicas, _ = c.Replicas(now, name)
		g.sentinels, _ = c.Sentinels(now, name)
		list = append(list, g)
	}
	return list
}
