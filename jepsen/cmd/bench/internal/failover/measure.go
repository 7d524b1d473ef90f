package failover

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// result is what one run showed. Durations count from the kill.
type result struct {
	cluster.Failover
	firstWrite time.Duration
}

// client returns when a client that asks Sentinels could have written: the new
// master took writes and some Sentinel gave its address. The leader gives it
// from the promotion on, the others from their switch on.
func (r result) client() time.Duration {
	return max(r.firstWrite, min(r.Promoted, r.Switched))
}

// writeEvery is the pause between two attempts to write to a replica. It is the
// resolution of the figures.
const writeEvery = 2 * time.Millisecond

// measure runs one failover.
func measure(ctx context.Context, c *cluster.Cluster, o Options, lines []string) (r result, err error) {
	g, err := c.Start(ctx, cluster.Topology{
		Replicas: o.Replicas, Sentinels: o.Sentinels, Quorum: o.Quorum(),
		DownAfter: o.DownAfter, FailoverTimeout: 10 * time.Second, SentinelConf: slices.Clone(lines),
	})
	if err != nil {
		return r, err
	}
	start := time.Now()
	if err := g.Servers[0].Signal(Signals[o.Signal]); err != nil {
		return r, err
	}
	wrote, err := firstWrite(ctx, g.Servers[1:])
	if err != nil {
		return r, err
	}
	// A second leader would show up late, so the run is over only when all
	// agree and the leader has finished.
	if _, err := g.WaitNewMaster(ctx, g.Servers[0]); err != nil {
		return r, err
	}
	if _, err := c.Events().Wait(ctx, "the leader to finish", cluster.Named("+failover-end")); err != nil {
		return r, err
	}
	return result{cluster.Digest(c.Events().Since(start), start), wrote.Sub(start)}, nil
}

// firstWrite returns the instant at which one of the replicas accepted a write.
func firstWrite(ctx context.Context, replicas []*cluster.Server) (time.Time, error) {
	ctx, cancel := context.WithCancel(ctx)
	accepted := make(chan time.Time, len(replicas))
	ended := make(chan struct{}, len(replicas))
	for _, s := range replicas {
		go func() {
			defer func() { ended <- struct{}{} }()
			w := writer{addr: s.Addr()}
			defer w.close()
			if at, ok := w.until(ctx); ok {
				accepted <- at
			}
		}()
	}
	defer func() {
		cancel()
		for range replicas {
			<-ended
		}
	}()
	select {
	case at := <-accepted:
		return at, nil
	case <-ctx.Done():
		return time.Time{}, fmt.Errorf("no replica accepted a write: %w", context.Cause(ctx))
	}
}

// writer tries to write to one server over one connection. It is not go-redis,
// which drops the connection at every READONLY reply: dialling 500 times a
// second would disturb what is measured.
type writer struct {
	addr string
	conn net.Conn
	in   *bufio.Reader
}

// until writes until the server says OK, and returns when it said so.
func (w *writer) until(ctx context.Context) (time.Time, bool) {
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for {
		if w.try(ctx) {
			return time.Now(), true
		}
		select {
		case <-ctx.Done():
			return time.Time{}, false
		case <-tick.C:
		}
	}
}

// try makes one attempt. A broken connection is replaced in the next one: the
// promotion itself kills all clients of the new master.
func (w *writer) try(ctx context.Context) bool {
	if w.conn == nil {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", w.addr)
		if err != nil {
			return false
		}
		w.conn, w.in = conn, bufio.NewReader(conn)
	}
	if err := w.conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		w.close()
		return false
	}
	if _, err := w.conn.Write([]byte("SET failover:probe 1\r\n")); err != nil {
		w.close()
		return false
	}
	reply, err := w.in.ReadString('\n')
	if err != nil {
		w.close()
		return false
	}
	return strings.HasPrefix(reply, "+OK")
}

func (w *writer) close() {
	if w.conn != nil {
		_ = w.conn.Close()
		w.conn = nil
	}
}

// Times are when the steps of one failover came after the signal.
type Times struct{ SDown, ODown, Elected, Promoted, Switched, Client time.Duration }

// Measure runs one failover in a cluster.
func Measure(ctx context.Context, c *cluster.Cluster, o Options) (Times, error) {
	r, err := measure(ctx, c, o, o.Lines)
	if err == nil && r.SecondLeader {
		err = errSecondLeader
	}
	return Times{r.SDown, r.ODown, r.Elected, r.Promoted, r.Switched, r.client()}, err
}

var errSecondLeader = errors.New("two leaders in one epoch, or two promoted replicas")
