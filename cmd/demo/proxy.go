package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// errNoticed means that the client behind the proxy has seen more than a pause.
var errNoticed = errors.New("the client noticed more than a pause")

// playProxy shows the proxy, in the same way as play.
func (d *demo) playProxy(ctx context.Context) error {
	d.g.Master = masterName
	defer func() {
		if d.writes != nil {
			d.writes.close()
		}
	}()
	if err := d.setUp(ctx); err != nil {
		return fmt.Errorf("the set-up did not come up: %w", err)
	}
	proxy, err := d.writeByProxy(ctx)
	if err != nil {
		return fmt.Errorf("writing did not begin: %w", err)
	}
	d.writes.lap()
	master, err := d.kill(ctx, "KILL", syscall.SIGKILL)
	if err != nil {
		return fmt.Errorf("the failover did not happen: %w", err)
	}
	killed := d.writes.lap()
	if _, err = d.restartMaster(ctx, master); err != nil {
		return fmt.Errorf("the old master did not come back as a replica: %w", err)
	}
	d.writes.lap()
	byKill, err := d.lostAt(ctx, master)
	if err != nil {
		return err
	}
	if err := d.switchBack(ctx, master); err != nil {
		return fmt.Errorf("the switch back did not happen: %w", err)
	}
	return d.sumUp(ctx, proxy, killed, byKill)
}

// proxyFile is the configuration of the proxy.
const proxyFile = `sentinels = [%s]

[hold]
# The writer stores each key once, so what is in flight when the master dies may be sent again.
inflight = "retry-all"

[[master]]
name = "%s"

[[listener]]
bind = "127.0.0.1:%d"
`

// writeByProxy starts a proxy and a client that connects to it as to a server.
func (d *demo) writeByProxy(ctx context.Context) (*cluster.Front, error) {
	ctx, cancel := limit(ctx, 15*time.Second)
	defer cancel()
	d.screen.chapter(2, "Write through the proxy")
	port, err := d.c.Port()
	if err != nil {
		return nil, err
	}
	var sentinels []string
	for _, s := range d.g.Sentinels {
		sentinels = append(sentinels, strconv.Quote(s.Addr()))
	}
	proxy, err := d.c.StartFront("proxy.toml", cluster.NodeSpec{
		Name: "proxy", Port: port, Command: append(d.command, "proxy"),
		Conf: fmt.Sprintf(proxyFile, strings.Join(sentinels, ", "), masterName, port),
	})
	if err != nil {
		return nil, err
	}
	if err := proxy.WaitReady(ctx); err != nil {
		return nil, err
	}
	d.screen.line("   %s", d.screen.paint(dim, "$ gosentinel proxy "+proxy.Conf()))
	err = d.begin(ctx, redis.NewClient(&redis.Options{
		Addr: proxy.Addr(), PoolSize: 1, MaxRetries: -1, DisableIdentity: true, ReadTimeout: time.Minute, WriteTimeout: time.Minute,
	}))
	d.screen.line("   a client that knows nothing of Sentinels writes a key every %d ms to %s", writeEvery.Milliseconds(), proxy.Addr())
	return proxy, err
}

// lostAt returns how many of the writes up to now a server does not have.
func (d *demo) lostAt(ctx context.Context, server *cluster.Server) (int, error) {
	n, err := lost(ctx, server.Client(), d.writes.seen().acked)
	if err != nil {
		err = fmt.Errorf("reading the written keys back: %w", err)
	}
	return n, err
}

// switchBack makes the old master the master again.
func (d *demo) switchBack(ctx context.Context, from *cluster.Server) error {
	ctx, cancel := limit(ctx, time.Minute)
	defer cancel()
	d.screen.chapter(5, "Switch back")
	s, to := d.g.Sentinels[0], d.g.Servers[0]
	d.screen.line("   %s", d.screen.paint(dim, fmt.Sprintf("$ redis-cli -p %d sentinel failover %s to 127.0.0.1 %d", s.Port(), masterName, to.Port())))
	d.screen.line("")
	if _, err := s.Do(ctx, "SENTINEL", "FAILOVER", masterName, "TO", "127.0.0.1", to.Port()); err != nil {
		return err
	}
	master, err := d.g.WaitNewMaster(ctx, from)
	switch {
	case err != nil:
		return err
	case master != to:
		return fmt.Errorf("%s has become master", master.Name())
	}
	if err := from.WaitReplicaOf(ctx, to); err != nil {
		return err
	}
	return d.writesGoOn(ctx, 50)
}

// sumUp says what the client has noticed, which is an error if it is more than pauses.
func (d *demo) sumUp(ctx context.Context, proxy *cluster.Front, killed time.Duration, byKill int) error {
	ctx, cancel := limit(ctx, 15*time.Second)
	defer cancel()
	info, err := proxy.Do(ctx, "PROXY", "INFO")
	if err != nil {
		return err
	}
	switched := d.writes.lap()
	s := d.writes.close()
	missing, err := d.lostAt(ctx, d.g.Servers[0])
	if err != nil {
		return err
	}
	count := func(name string) string {
		_, after, _ := strings.Cut(fmt.Sprint(info), "\n"+name+":")
		n, _, _ := strings.Cut(after, "\r")
		return n
	}
	d.screen.chapter(6, "Summary")
	d.screen.line("   writer       %d writes acknowledged, %d failed", len(s.acked), s.errors)
	d.screen.line("   kill         longest pause %.3f s; down-after is %.3f s of it", killed.Seconds(), d.silence.Seconds())
	d.screen.line("   switch back  longest pause %.3f s", switched.Seconds())
	d.screen.line("   lost         %d writes by the kill (replication is asynchronous)", byKill)
	d.screen.line("                %d writes by the switch", missing-byKill)
	d.screen.line("   proxy        %s requests held, %s sent once more", count("requests_held"), count("requests_retried"))
	if s.errors > 0 || missing != byKill {
		return errNoticed
	}
	return nil
}
