package console

import (
	"context"
	"time"

	"github.com/gosentinel/sentinel/internal/lookout"
	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

// snapshot is a Sentinel at one moment. The groups of a large one are some
// milliseconds apart.
type snapshot struct {
	lookout.Vitals
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
func take(ctx context.Context, src lookout.Source) (*snapshot, error) {
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
