package proxies

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// strike is a change of the master under load.
type strike struct {
	name     string
	inflight string
	planned  bool
}

var (
	switchovers = []strike{{name: "switchover", inflight: "retry-idempotent", planned: true}}
	kills       = []strike{{name: "kill, inflight = error", inflight: "error"}, {name: "kill, inflight = retry-idempotent", inflight: "retry-idempotent"}}
)

// struck is what the clients of a strike have seen.
type struck struct {
	acked        int
	readErrors   int
	writeErrors  int
	perConn      int // errors of one connection, the most
	lost         int // acknowledged writes that the new master does not have
	longest      time.Duration
	before       time.Duration // the longest wait before the strike: what the machine adds
	switched     time.Duration // until the first Sentinel had switched, from the strike
	firstMessage string
}

const strikeClients = 50

// measure does so once, in a cluster of its own.
func (s strike) measure(ctx context.Context, o Options) (r struck, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	err = cluster.Run(cluster.Config{Sentinel: o.Gosentinel}, func(c *cluster.Cluster) error {
		st, err := setStage(ctx, c, o, o.Replicas, o.Sentinels)
		if err != nil {
			return err
		}
		r, err = s.on(ctx, o, st)
		return err
	})
	return r, err
}

func (s strike) on(ctx context.Context, o Options, st *stage) (r struck, err error) {
	w, err := st.proxy(ctx, o, fmt.Sprintf("[hold]\ninflight = %q", s.inflight))
	if err != nil {
		return r, err
	}
	before, err := calm(ctx, o, w)
	if err != nil {
		return r, err
	}
	clients, err := gather(ctx, w.addr(), "history", strikeClients, o.Rate)
	if err != nil {
		return r, err
	}
	defer clients.stop()
	old := st.g.Servers[0]
	err = cluster.WaitFor(ctx, "writes", func(ctx context.Context) (string, bool) {
		n, err := old.Client().LLen(ctx, clients.list[0].key).Result()
		return fmt.Sprint(n, err), n >= 20
	})
	if err != nil {
		return r, err
	}
	start := time.Now()
	master, err := s.hit(ctx, st, old)
	if err != nil {
		return r, err
	}
	first, err := st.c.Events().Wait(ctx, "the switch", func(ev cluster.Event) bool { return ev.Name == "+switch-master" && ev.At.After(start) })
	if err != nil {
		return r, err
	}
	if err := after(ctx, master, clients); err != nil {
		return r, err
	}
	clients.stop()
	r, err = sum(ctx, master, clients)
	r.before, r.switched = before, first.At.Sub(start)
	return r, err
}

// calm returns the longest wait while nothing happens.
func calm(ctx context.Context, o Options, w way) (time.Duration, error) {
	clients, err := gather(ctx, w.addr(), "calm", strikeClients, o.Rate)
	if err != nil {
		return 0, err
	}
	select {
	case <-time.After(o.Span):
	case <-ctx.Done():
	}
	clients.stop()
	longest := time.Duration(0)
	for _, c := range clients.list {
		longest = max(longest, c.longest)
	}
	return longest, context.Cause(ctx)
}

// hit changes the master and returns the new one.
func (s strike) hit(ctx context.Context, st *stage, old *cluster.Server) (*cluster.Server, error) {
	if s.planned {
		refused, master, err := trial.Order(ctx, st.c, st.g, st.g.Sentinels[0], old)
		if err == nil && refused != "" {
			err = fmt.Errorf("the switchover was refused: %s", refused)
		}
		return master, err
	}
	if err := old.Signal(syscall.SIGKILL); err != nil {
		return nil, err
	}
	return st.g.WaitNewMaster(ctx, old)
}

// after waits until every writer has written to the new master.
func after(ctx context.Context, master *cluster.Server, clients *crowd) error {
	lengths := map[string]int64{}
	return cluster.WaitFor(ctx, "all clients to write to the new master", func(ctx context.Context) (string, bool) {
		on := 0
		for _, c := range clients.list {
			if !c.writer {
				continue
			}
			n, err := master.Client().LLen(ctx, c.key).Result()
			if err != nil {
				return err.Error(), false
			}
			first, seen := lengths[c.key]
			if !seen {
				lengths[c.key] = n
			} else if n > first+20 {
				on++
			}
		}
		return fmt.Sprintf("%d write", on), on == (len(clients.list)+1)/2
	})
}

func sum(ctx context.Context, master *cluster.Server, clients *crowd) (r struck, err error) {
	for _, c := range clients.list {
		n, err := c.history(ctx, master.Client())
		if err != nil {
			return r, err
		}
		r.lost += n
		r.acked += len(c.acked)
		r.perConn = max(r.perConn, len(c.errs))
		r.longest = max(r.longest, c.longest)
		if c.writer {
			r.writeErrors += len(c.errs)
		} else {
			r.readErrors += len(c.errs)
		}
		if len(c.errs) > 0 {
			r.firstMessage = c.errs[0]
		}
	}
	return r, nil
}

// sorted returns a time of all runs, sorted.
func sorted(list []struck, of func(struck) time.Duration) []time.Duration {
	var all []time.Duration
	for _, r := range list {
		all = append(all, of(r))
	}
	slices.Sort(all)
	return all
}
