package planned

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// watchEvery is the pause between two looks at what a server was told. It is the
// resolution of the figure.
const watchEvery = 2 * time.Millisecond

// changing are the commands, as INFO commandstats names them, by which a switchover
// changes something on a server.
var changing = []string{"slaveof", "replicaof", "failover", "client|pause", "multi"}

// watch waits for the first command of a switchover to any server. The returned
// function ends that, and returns an instant that is not later than the command; the
// zero time if there was none.
func watch(ctx context.Context, servers []*cluster.Server) (end func() time.Time) {
	ctx, cancel := context.WithCancel(ctx)
	var mu sync.Mutex
	var first time.Time
	var all sync.WaitGroup
	for _, s := range servers {
		all.Go(func() {
			if at, ok := firstCommand(ctx, s.Client()); ok {
				mu.Lock()
				defer mu.Unlock()
				if first.IsZero() || at.Before(first) {
					first = at
				}
				cancel() // what comes later does not matter
			}
		})
	}
	return func() time.Time {
		cancel()
		all.Wait()
		return first
	}
}

// firstCommand asks a server again and again, and returns when it last asked before
// the server had been told something.
func firstCommand(ctx context.Context, client *redis.Client) (at time.Time, ok bool) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	before := -1
	for {
		asked := time.Now()
		// go-redis dials again after the server has cut its clients. That is told
		// after what is waited for.
		text, err := client.Info(ctx, "commandstats").Result()
		switch n := told(text); {
		case err != nil:
		case before >= 0 && n != before:
			return at, true
		default:
			before, at = n, asked
		}
		select {
		case <-ctx.Done():
			return at, false
		case <-tick.C:
		}
	}
}

// told counts the changing commands in INFO commandstats, with those that the server
// did not allow.
func told(info string) (n int) {
	for line := range strings.Lines(info) {
		name, stats, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "cmdstat_"), ":")
		for _, c := range changing {
			if name == c {
				n += figure(stats, "calls") + figure(stats, "rejected_calls")
			}
		}
	}
	return n
}

// figure returns one of the figures in "calls=1,usec=2".
func figure(stats, name string) int {
	for pair := range strings.SplitSeq(stats, ",") {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			n, err := strconv.Atoi(v)
			if err == nil {
				return n
			}
		}
	}
	return 0
}
