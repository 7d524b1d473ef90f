package node

import (
	"cmp"
	"context"
	"log/slog"
	"slices"

	"github.com/gosentinel/sentinel/internal/archive"
	"github.com/gosentinel/sentinel/internal/logfile"
	"github.com/gosentinel/sentinel/internal/reporter"
	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

// journalSuffix makes the name of the journal from that of the file with the state.
const journalSuffix = ".failovers"

// history makes reports of what the loop carries out, and keeps them.
type history struct {
	*reporter.Reporter // belongs to the loop goroutine
	archive            *archive.Archive
}

// newHistory opens the journal beside the state.
func (n *Node) newHistory(c clock, log logfile.Sink) *history {
	path := ""
	if n.journalAt != "" && n.settings.JournalBytes > 0 {
		path = n.journalAt + journalSuffix
	}
	h := &history{archive: archive.Open(archive.Config{Path: path, Bytes: n.settings.JournalBytes, Log: log.Log})}
	h.Reporter = reporter.New(reporter.Config{
		ID: n.state.Options.MyID, Wall: c.wall, LastID: h.archive.LastID(),
		Report: func(r journal.Report) {
			h.archive.Add(r)
			if r.Over() {
				log.Record(weight(r), r.String(), reportAttrs(r)...)
				n.console.report(r)
			}
		},
		Begun: func(r journal.Report) { log.Record(monitor.LevelNotice, r.Opening(), reportAttrs(r)...) },
	})
	return h
}

// reportAttrs is what the line that sums an attempt up tells, without its text.
func reportAttrs(r journal.Report) []slog.Attr {
	return slices.DeleteFunc(r.LogValue().Group(), func(a slog.Attr) bool { return a.Key == "text" })
}

// weight is the level of the line that sums an attempt up.
func weight(r journal.Report) monitor.Level {
	switch r.Outcome {
	case journal.NotElected, journal.NoGoodReplica, journal.NotPromoted, journal.Declined, journal.Vetoed, journal.Held:
		return monitor.LevelWarning
	}
	return monitor.LevelNotice
}

// Reports returns the newest reports about a master, newest first, at most count, with
// the attempts that go on as they are now. 0 stands for all.
func (h *history) Reports(open []journal.Report, master string, count int) []journal.Report {
	list := h.archive.Reports(master, count)
	for _, o := range open {
		if o.Master != master {
			continue
		}
		at, known := slices.BinarySearchFunc(list, o.ID, func(r journal.Report, id uint64) int { return cmp.Compare(id, r.ID) })
		switch {
		case !known:
			list = slices.Insert(list, at, o)
		case !list[at].Over(): // it may have ended since
			list[at] = o
		}
	}
	if count > 0 && len(list) > count {
		list = list[:count]
	}
	return list
}

// Failovers returns the newest reports about a master, newest first, at most count; 0
// stands for all that are kept. It reports false when there is no such master.
func (n *Node) Failovers(ctx context.Context, master string, count int) (list []journal.Report, ok bool, err error) {
	l := n.running.Load()
	if l == nil {
		return nil, false, ErrNotRunning
	}
	type answer struct {
		open []journal.Report
		ok   bool
	}
	a, err := Ask(ctx, n, func(c *monitor.Core, _ monitor.Instant) answer {
		_, ok := c.MasterAddr(master)
		return answer{l.history.Open(), ok}
	})
	if err != nil || !a.ok {
		return nil, false, err
	}
	return l.history.Reports(a.open, master, count), true, nil
}
