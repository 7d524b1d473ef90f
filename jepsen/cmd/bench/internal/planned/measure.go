package planned

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/traffic"
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

// perform runs a row with so many switchovers in a cluster of its own.
func perform(ctx context.Context, o Options, p Program, row Row) (results []result, err error) {
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
	err = cluster.Run(cluster.Config{Sentinel: p.Command, Server: o.Server, OnEvent: onEvent, Keep: o.Keep}, func(c *cluster.Cluster) error {
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
	if r.Refused, master, err = s.command(ctx, ask, old, start); err != nil {
		return r, nil, err
	}
	if err := s.settled(ctx, master); err != nil {
		return r, nil, err
	}
	r.Seen = s.clients.Seen()
	if ev, ok := first(s.c.Events().Since(start), "+switch-master"); ok {
		r.Switched = ev.At.Sub(start)
	}
	if began, last := endWatch(), s.clients.LastFrom(old.Addr()); master != old && !began.IsZero() && last.After(began) {
		r.Takes = last.Sub(began)
	}
	if r.LostFollow, r.LostStay, err = s.clients.Lost(ctx, master.Client()); err != nil {
		return r, nil, err
	}
	n, err := s.fulls(ctx)
	r.Fulls = n - fulls
	return r, master, err
}

// burstAfter is for how long after the command a burst goes on.
const burstAfter = time.Second

// command tells a Sentinel to replace the master, and waits for the end of that.
func (s *stage) command(ctx context.Context, ask *cluster.Sentinel, old *cluster.Server, start time.Time) (refused string, master *cluster.Server, err error) {
	words := []any{"SENTINEL", "FAILOVER", s.g.Master}
	for _, w := range s.o.Words {
		words = append(words, w)
	}
	if _, err := ask.Do(ctx, words...); err != nil {
		if ctx.Err() != nil {
			return "", nil, err
		}
		return err.Error(), old, nil
	}
	err = cluster.WaitFor(ctx, "all Sentinels to name a new master, or the attempt to end", func(ctx context.Context) (string, bool) {
		if ev, ok := aborted(s.c.Events().Since(start)); ok {
			refused, master = ev.Name+" "+ev.Text, old
			return "", true
		}
		state, port := s.agreed(ctx)
		if port == 0 || port == old.Port() {
			return state, false
		}
		master = s.g.ServerAt(port)
		return state, master != nil
	})
	return refused, master, err
}

// agreed returns the port of the master if all Sentinels name the same.
func (s *stage) agreed(ctx context.Context) (state string, port int) {
	for i, n := range s.g.Sentinels {
		p, err := n.MasterPort(ctx, s.g.Master)
		if err != nil {
			return err.Error(), 0
		}
		if state += strconv.Itoa(p) + " "; i > 0 && p != port {
			port = 0
			break
		}
		port = p
	}
	return "ports " + state, port
}

func first(events []cluster.Event, name string) (cluster.Event, bool) {
	for _, ev := range events {
		if ev.Name == name {
			return ev, true
		}
	}
	return cluster.Event{}, false
}

// aborted returns the event by which an attempt ended, if no master was switched.
func aborted(events []cluster.Event) (end cluster.Event, ok bool) {
	for _, ev := range events {
		switch {
		case ev.Name == "+switch-master":
			return end, false
		case strings.HasPrefix(ev.Name, "-failover-abort"):
			end, ok = ev, true
		}
	}
	return end, ok
}
