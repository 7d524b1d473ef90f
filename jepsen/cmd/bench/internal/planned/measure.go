package planned

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/traffic"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// result is what one switchover showed.
type result struct {
	traffic.Seen
	// Refused is the error that the command, or the attempt, ended with; empty: the
	// master was replaced.
	Refused string
	// Switched is from the command to the first Sentinel that named the new master.
	Switched time.Duration
	// Takes is for how long the old master took writes after the first command of the
	// switchover to any server.
	Takes                time.Duration
	LostFollow, LostStay int
	Fulls                int
	// Noise is the longest gap before the command: what the machine itself adds.
	Noise time.Duration
}

// perform runs a row with so many switchovers in a cluster of its own. each is told
// about one as soon as it is over.
func perform(ctx context.Context, o Options, p Program, row Row, each func(result)) (results []result, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout*time.Duration(o.Repeat))
	defer cancel()
	site := &traffic.Site{}
	onEvent := func(ev cluster.Event) {
		if ev.Name == "+switch-master" {
			if words := strings.Fields(ev.Text); len(words) == 5 {
				site.Switched(net.JoinHostPort(words[3], words[4]))
			}
		}
	}
	server := o.Server
	if row.Release != "" {
		server = o.Embedded
	}
	err = cluster.Run(cluster.Config{Sentinel: p.Command, Server: server, OnEvent: onEvent, Keep: o.Keep}, func(c *cluster.Cluster) error {
		s, err := enter(ctx, c, o, row, site)
		if err != nil {
			return err
		}
		defer func() { _ = s.leave() }()
		master := s.g.Servers[0]
		for range o.Repeat {
			s.clients.Mark(master.Addr())
			if err := s.steady(ctx); err != nil {
				return err
			}
			var r result
			if r, master, err = s.switchover(ctx, master); err != nil {
				return fmt.Errorf("switchover %d: %w", len(results)+1, err)
			}
			results = append(results, r)
			each(r)
		}
		return nil
	})
	return results, err
}

// switchover has one Sentinel replace the master, and returns who is master then.
func (s *stage) switchover(ctx context.Context, old *cluster.Server) (r result, master *cluster.Server, err error) {
	fulls, err := s.fulls(ctx)
	if err != nil {
		return r, nil, err
	}
	ask := s.g.Sentinels[s.asked%len(s.g.Sentinels)]
	s.asked++
	endWatch := watch(ctx, s.g.Servers)
	defer endWatch()
	r.Noise = s.clients.Seen().Gap
	s.clients.Mark(old.Addr())
	start := time.Now()
	defer time.AfterFunc(burstAfter, s.clients.EndBurst).Stop()
	if r.Refused, master, err = trial.Order(ctx, s.c, s.g, ask, old, s.o.Words...); err != nil {
		return r, nil, err
	}
	gap := make(chan time.Duration, 1)
	soon := time.AfterFunc(around, func() { gap <- s.clients.Seen().Gap })
	err = s.settled(ctx, master)
	r.Seen = s.clients.Seen()
	if !soon.Stop() {
		r.Gap = <-gap
	}
	if err != nil {
		return r, nil, err
	}
	if ev, ok := first(s.c.Events().Since(start), "+switch-master"); ok {
		r.Switched = ev.At.Sub(start)
	}
	began, last := endWatch(), s.clients.LastFrom(old.Addr())
	if began.IsZero() {
		began = start // the embedded server does not count what it is told
	}
	if master != old && last.After(began) {
		r.Takes = last.Sub(began)
	}
	if r.LostFollow, r.LostStay, err = s.clients.Lost(ctx, master.Client()); err != nil {
		return r, nil, err
	}
	n, err := s.fulls(ctx)
	r.Fulls = n - fulls
	return r, master, err
}

// around is how long after the switch gaps are looked for. What comes later is the
// machine's doing, or the stall of one client.
const around = time.Second

// burstAfter is for how long after the command a burst goes on.
const burstAfter = 500 * time.Millisecond

func first(events []cluster.Event, name string) (cluster.Event, bool) {
	for _, ev := range events {
		if ev.Name == name {
			return ev, true
		}
	}
	return cluster.Event{}, false
}

// Measure runs one switchover of a row. It returns the longest gap between acknowledged
// writes, and how many of them are lost.
func Measure(ctx context.Context, o Options, p Program, row Row) (gap time.Duration, lost int, err error) {
	o.Repeat = 1
	results, err := perform(ctx, o, p, row, func(result) {})
	if err != nil {
		return 0, 0, err
	}
	r := results[0]
	if r.Refused != "" {
		return 0, 0, fmt.Errorf("refused: %s", r.Refused)
	}
	return r.Gap, r.LostFollow + r.LostStay, nil
}
