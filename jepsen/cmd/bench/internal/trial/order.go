package trial

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// Order has a Sentinel replace the master by SENTINEL FAILOVER, with further words, and
// waits until all Sentinels name a new master or the attempt has ended. It returns who
// is master then, and the error reply or the event of a refusal.
func Order(ctx context.Context, c *cluster.Cluster, g *cluster.Group, ask *cluster.Sentinel, old *cluster.Server, more ...string) (refused string, master *cluster.Server, err error) {
	start := time.Now()
	words := []any{"SENTINEL", "FAILOVER", g.Master}
	for _, w := range more {
		words = append(words, w)
	}
	if _, err := ask.Do(ctx, words...); err != nil {
		if ctx.Err() != nil {
			return "", nil, err
		}
		return err.Error(), old, nil
	}
	err = cluster.WaitFor(ctx, "all Sentinels to name a new master, or the attempt to end", func(ctx context.Context) (string, bool) {
		if ev, ok := aborted(c.Events().Since(start)); ok {
			refused, master = ev.Name+" "+ev.Text, old
			return "", true
		}
		state, port := Agreed(ctx, g)
		if port == 0 || port == old.Port() {
			return state, false
		}
		master = g.ServerAt(port)
		return state, master != nil
	})
	return refused, master, err
}

// Agreed returns the port of the master if all Sentinels name the same, else 0.
func Agreed(ctx context.Context, g *cluster.Group) (state string, port int) {
	for i, n := range g.Sentinels {
		p, err := n.MasterPort(ctx, g.Master)
		if err != nil {
			return err.Error(), 0
		}
		state += strconv.Itoa(p) + " "
		if i > 0 && p != port {
			return "ports " + state, 0
		}
		port = p
	}
	return "ports " + state, port
}

// aborted returns the event by which an attempt ended, if no master was switched.
func aborted(events []cluster.Event) (end cluster.Event, ok bool) {
	for _, ev := range events {
		switch {
		case ev.Name == "+switch-master":
			return end, false
		case strings.HasPrefix(ev.Name, "-failover-abort"), ev.Name == "-switchover-abort":
			end, ok = ev, true
		}
	}
	return end, ok
}
