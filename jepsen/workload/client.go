package workload

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/discovery"
	"github.com/gosentinel/sentinel/jepsen/arena"
	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/history"
	"github.com/redis/go-redis/v9"
)

// limit is how long a client waits for a connection or a reply.
const limit = 500 * time.Millisecond

// client is a connection to the master by one way of finding it.
type client struct {
	name  string
	redis *redis.Client
	close func()
	limit time.Duration // for one operation

	mu sync.Mutex
	// server is the address of the newest connection to a server. Operations do not
	// overlap, so it is the one that the last operation went over.
	server string
}

// serverAt returns where the last operation went.
func (c *client) serverAt() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.server
}

// dialer connects from a host, and notes which server it was.
func (c *client) dialer(from cluster.Host, servers []string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := from.Dial(ctx, network, addr)
		if err == nil && slices.Contains(servers, addr) {
			c.mu.Lock()
			c.server = addr
			c.mu.Unlock()
		}
		return conn, err
	}
}

// manyDials keeps go-redis from trying but once a second after as many failed dials as
// the pool has places, which would hide what is measured.
const manyDials = 10000

// library finds the master as go-redis does.
func library(a *arena.Arena, name, host string) *client {
	c := &client{name: name, limit: 2 * limit}
	c.redis = redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: arena.MasterName, SentinelAddrs: a.SentinelAddrs(),
		Dialer:     c.dialer(a.Place(host), a.ServerAddrs()),
		MaxRetries: -1, DialTimeout: limit, ReadTimeout: limit, WriteTimeout: limit,
		ContextTimeoutEnabled: true, DisableIdentity: true, Protocol: 2, PoolSize: manyDials,
	})
	c.close = func() { _ = c.redis.Close() }
	return c
}

// discovered finds the master by package discovery.
func discovered(ctx context.Context, a *arena.Arena, name, host string) (*client, error) {
	c := &client{name: name, limit: 2 * limit}
	r, err := discovery.New(discovery.Options{
		Sentinels: a.SentinelAddrs(), Master: arena.MasterName, Timeout: limit,
		Dial: a.Place(host).Dial,
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { _ = r.Run(ctx) }) // ends with ctx
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := r.DialMaster(ctx, network, addr)
		if err == nil {
			c.mu.Lock()
			c.server = conn.RemoteAddr().String()
			c.mu.Unlock()
		}
		return conn, err
	}
	c.redis = redis.NewClient(&redis.Options{
		Addr: arena.MasterName, Dialer: dial,
		MaxRetries: -1, DialTimeout: limit, ReadTimeout: limit, WriteTimeout: limit,
		ContextTimeoutEnabled: true, DisableIdentity: true, Protocol: 2, PoolSize: manyDials,
	})
	c.close = func() {
		_ = c.redis.Close()
		cancel()
		done.Wait()
	}
	return c, nil
}

// proxied leaves it to the proxy to find the master.
func proxied(a *arena.Arena, name, host string) *client {
	c := &client{name: name}
	c.redis = redis.NewClient(&redis.Options{
		Addr: a.Proxy(), Dialer: a.Place(host).Dial,
		// The proxy holds requests while there is no master.
		MaxRetries: -1, DialTimeout: limit, ReadTimeout: holding, WriteTimeout: limit,
		ContextTimeoutEnabled: true, DisableIdentity: true, Protocol: 2, PoolSize: manyDials,
	})
	c.limit = holding
	c.close = func() { _ = c.redis.Close() }
	return c
}

// holding is how long a client of the proxy waits for a reply. It is more than down-after
// and what a failover takes beyond that.
const holding = 5 * time.Second

// refusals are error replies with which a server says that it has done nothing.
var refusals = []string{
	"READONLY", "LOADING", "MASTERDOWN", "NOREPLICAS", "MISCONF", "NOAUTH", "NOPERM", "EXECABORT", "OOM", "UNKILLABLE", "BUSY",
}

// outcome says what an error means for an operation that writes.
func outcome(err error) history.Outcome {
	var dial *net.OpError
	switch {
	case err == nil:
		return history.OK
	case errors.As(err, &dial) && dial.Op == "dial",
		strings.Contains(err.Error(), "all sentinels specified in configuration are unreachable"),
		errors.Is(err, redis.ErrPoolTimeout):
		return history.Fail // it has never left
	}
	var reply redis.Error
	if errors.As(err, &reply) && slices.ContainsFunc(refusals, func(r string) bool { return strings.HasPrefix(reply.Error(), r) }) {
		return history.Fail
	}
	return history.Unknown
}

// kind shortens an error to what it has in common with others, without addresses.
func kind(err error) string {
	var timeout net.Error
	var reply redis.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &reply):
		word, _, _ := strings.Cut(reply.Error(), " ")
		return word
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	text := err.Error()
	for _, known := range []string{"connection refused", "connection reset", "broken pipe", "EOF", "no route to host", "unreachable", "closed"} {
		if strings.Contains(text, known) {
			return known
		}
	}
	return text
}
