package sentinel

import (
	"context"

	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

// Failovers returns why and how the last failovers of a master happened, newest first:
// at most n of them, or all that are kept if n is 0. One that goes on is told as far as
// it has come. They belong to the caller. The error is [ErrNoSuchMaster],
// [ErrNotRunning], or that of ctx.
//
// Reports are kept in a file beside StateFile, or in memory without one, and
// Limits.JournalBytes bounds them.
func (s *Sentinel) Failovers(ctx context.Context, name string, n int) ([]journal.Report, error) {
	list, ok, err := s.node.Failovers(ctx, name, max(n, 0))
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, refusal(name, monitor.ErrNoSuchMaster)
	}
	return list, nil
}

// nextID returns the least id that a report of an attempt which is about to begin can
// have: that of one that goes on, which an order may join, or a later one.
func (s *Sentinel) nextID(ctx context.Context, name string) (uint64, error) {
	list, err := s.Failovers(ctx, name, 1)
	switch {
	case err != nil || len(list) == 0:
		return 0, err
	case list[0].Over():
		return list[0].ID + 1, nil
	}
	return list[0].ID, nil
}

// reportSince returns the first report about a master, from an id on, of an attempt
// that this Sentinel led; the zero value when there is none.
func (s *Sentinel) reportSince(ctx context.Context, name string, id uint64) (found journal.Report) {
	list, err := s.Failovers(ctx, name, 0)
	if err != nil {
		return journal.Report{}
	}
	for _, r := range list { // newest first
		if r.ID >= id && r.Led {
			found = r
		}
	}
	return found
}
