package clients

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"
	"github.com/gosentinel/sentinel/discovery"
	"github.com/gosentinel/sentinel/internal/mock"
	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
)

// pace is how often an application calls; patience is how long it waits for one
// call.
const (
	pace     = 100 * time.Millisecond
	patience = 8 * time.Second
)

// repeat calls until the context ends. What fails is called again.
func repeat(ctx context.Context, call func(context.Context)) {
	for ctx.Err() == nil {
		limited, cancel := context.WithTimeout(ctx, patience)
		call(limited)
		cancel()
		select {
		case <-ctx.Done():
		case <-time.After(pace):
		}
	}
}

func addrs(a mock.Announcement) (list []string) {
	for _, s := range a.Sentinels {
		list = append(list, s.Addr)
	}
	return list
}

// sentinelPassword is what an application is told: the one of most Sentinels.
func sentinelPassword(a mock.Announcement) string { return a.Sentinels[len(a.Sentinels)-1].Password }

type goRedis struct{}

func (goRedis) version() string { return redis.Version() }

func (goRedis) work(ctx context.Context, a mock.Announcement) {
	c := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: a.Master, Password: a.Password, SentinelAddrs: addrs(a), SentinelPassword: sentinelPassword(a),
		ReplicaOnly: a.Workload == mock.Read, DialTimeout: time.Second, ReadTimeout: time.Second,
	})
	defer c.Close()
	useGoRedis(ctx, c, a.Workload)
}

// useGoRedis calls until the context ends.
func useGoRedis(ctx context.Context, c *redis.Client, w mock.Workload) {
	var wg sync.WaitGroup
	if w == mock.Subscribe {
		sub := c.Subscribe(ctx, "news")
		wg.Go(func() {
			for range sub.Channel() {
			}
		})
		defer wg.Wait()
		defer sub.Close()
	}
	repeat(ctx, func(ctx context.Context) {
		if w == mock.Read {
			c.Get(ctx, "counter")
		} else {
			c.Incr(ctx, "counter")
		}
	})
}

// withDiscovery is a plain client of go-redis whose connections come from package
// discovery.
type withDiscovery struct{}

func (withDiscovery) version() string { return redis.Version() }

func (withDiscovery) work(ctx context.Context, a mock.Announcement) {
	dial, end := discover(ctx, a)
	defer end()
	c := redis.NewClient(&redis.Options{Dialer: dial, DialTimeout: patience, ReadTimeout: time.Second, Password: a.Password})
	defer c.Close()
	useGoRedis(ctx, c, a.Workload)
}

// dialFunc is what package discovery offers to client libraries.
type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// discover runs a Resolver until end is called, and returns what dials for a workload.
func discover(ctx context.Context, a mock.Announcement) (dial dialFunc, end func()) {
	r, err := discovery.New(discovery.Options{
		Sentinels: addrs(a), Master: a.Master,
		SentinelAccess: discovery.Access{Password: sentinelPassword(a)}, ServerAccess: discovery.Access{Password: a.Password},
	})
	if err != nil {
		panic(err) // it checks what the mock has announced
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { _ = r.Run(ctx) }) // ends with the context
	dial = r.DialMaster
	if a.Workload == mock.Read {
		dial = r.DialReplica
	}
	return dial, func() {
		cancel()
		wg.Wait()
	}
}

func (withDiscovery) close(*testing.T) {}

// redigoPool is a pool of redigo whose connections come from package discovery.
type redigoPool struct{}

func (redigoPool) version() string { return moduleVersion("github.com/gomodule/redigo") }

func (redigoPool) work(ctx context.Context, a mock.Announcement) {
	dial, end := discover(ctx, a)
	defer end()
	pool := &redigo.Pool{MaxIdle: 3, IdleTimeout: time.Minute, DialContext: func(ctx context.Context) (redigo.Conn, error) {
		return redigo.DialContext(ctx, "tcp", "", redigo.DialContextFunc(dial), redigo.DialPassword(a.Password),
			redigo.DialReadTimeout(time.Second), redigo.DialWriteTimeout(time.Second))
	}}
	defer pool.Close()
	if a.Workload == mock.Subscribe {
		var wg sync.WaitGroup
		wg.Go(func() {
			repeat(ctx, func(dialling context.Context) {
				if c, err := pool.GetContext(dialling); err == nil {
					redigoReceive(ctx, c)
				}
			})
		})
		defer wg.Wait()
	}
	repeat(ctx, func(ctx context.Context) {
		c, err := pool.GetContext(ctx)
		if err != nil {
			return
		}
		defer c.Close()
		if a.Workload == mock.Read {
			_, _ = redigo.DoContext(c, ctx, "GET", "counter")
		} else {
			_, _ = redigo.DoContext(c, ctx, "INCR", "counter")
		}
	})
}

// redigoReceive is subscribed until the connection or the context ends.
func redigoReceive(ctx context.Context, c redigo.Conn) {
	sub := redigo.PubSubConn{Conn: c}
	defer sub.Close()
	if sub.Subscribe("news") != nil {
		return
	}
	for {
		if _, failed := sub.ReceiveContext(ctx).(error); failed {
			return
		}
	}
}

// moduleVersion is for libraries that do not know their own version.
func moduleVersion(path string) string {
	text, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		panic(err) // the test runs in its directory
	}
	_, version, _ := strings.Cut(string(text), "\t"+path+" v")
	version, _, _ = strings.Cut(version, "\n")
	return version
}

func (redigoPool) close(*testing.T) {}

func (goRedis) close(*testing.T) {}

type rueidisClient struct{}

func (rueidisClient) version() string { return rueidis.LibVer }

func (rueidisClient) work(ctx context.Context, a mock.Announcement) {
	c := rueidisConnect(ctx, a)
	if c == nil {
		return
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer c.Close()
	if a.Workload == mock.Subscribe {
		wg.Go(func() {
			for ctx.Err() == nil { // Receive ends with its connection
				_ = c.Receive(ctx, c.B().Subscribe().Channel("news").Build(), func(rueidis.PubSubMessage) {})
			}
		})
	}
	repeat(ctx, func(ctx context.Context) {
		if a.Workload == mock.Read {
			c.Do(ctx, c.B().Get().Key("counter").Build())
		} else {
			c.Do(ctx, c.B().Incr().Key("counter").Build())
		}
	})
}

// rueidisConnect tries until there is a client: NewClient fails when it finds no
// master.
func rueidisConnect(ctx context.Context, a mock.Announcement) rueidis.Client {
	for ctx.Err() == nil {
		c, err := rueidis.NewClient(rueidis.ClientOption{
			InitAddress: addrs(a), Password: a.Password, DisableCache: true, ConnWriteTimeout: time.Second,
			Sentinel:    rueidis.SentinelOption{MasterSet: a.Master, Password: sentinelPassword(a)},
			ReplicaOnly: a.Workload == mock.Read,
		})
		if err == nil {
			return c
		}
		select {
		case <-ctx.Done():
		case <-time.After(pace):
		}
	}
	return nil
}

func (rueidisClient) close(*testing.T) {}

// quiet is the log of go-redis, which has a lot to say here.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func init() { redis.SetLogger(quiet{}) }
