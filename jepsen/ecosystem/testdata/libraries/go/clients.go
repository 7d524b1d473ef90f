package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/gosentinel/sentinel/discovery"
	"github.com/mediocregopher/radix/v4"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
	"github.com/valkey-io/valkey-go"
)

// patience is how long package discovery may wait for a master.
const patience = 10 * time.Second

func goRedis(context.Context) (func(context.Context) (int64, error), error) {
	c := goredis.NewFailoverClient(&goredis.FailoverOptions{
		MasterName: master, SentinelAddrs: sentinels, Password: password, SentinelPassword: sentinelPassword, TLSConfig: security,
		DialTimeout: second, ReadTimeout: second, WriteTimeout: second,
	})
	return func(ctx context.Context) (int64, error) { return c.Incr(ctx, key).Result() }, nil
}

func goRedisWithDiscovery(ctx context.Context) (func(context.Context) (int64, error), error) {
	r, err := discover(ctx)
	if err != nil {
		return nil, err
	}
	c := goredis.NewClient(&goredis.Options{
		Dialer: r.DialMaster, DialTimeout: patience, Password: password, ReadTimeout: second, WriteTimeout: second,
	})
	return func(ctx context.Context) (int64, error) { return c.Incr(ctx, key).Result() }, nil
}

func discover(ctx context.Context) (*discovery.Resolver, error) {
	r, err := discovery.New(discovery.Options{
		Sentinels: sentinels, Master: master,
		SentinelAccess: discovery.Access{Password: sentinelPassword, TLS: security},
		ServerAccess:   discovery.Access{Password: password, TLS: security},
	})
	if err == nil {
		go r.Run(ctx)
	}
	return r, err
}

func redigoWithDiscovery(ctx context.Context) (func(context.Context) (int64, error), error) {
	r, err := discover(ctx)
	if err != nil {
		return nil, err
	}
	return incrementFrom(&redis.Pool{MaxIdle: 1, DialContext: func(ctx context.Context) (redis.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		return redis.DialContext(ctx, "tcp", "", redis.DialContextFunc(r.DialMaster), redis.DialPassword(password),
			redis.DialReadTimeout(second), redis.DialWriteTimeout(second))
	}}), nil
}

func incrementFrom(pool *redis.Pool) func(context.Context) (int64, error) {
	return func(ctx context.Context) (int64, error) {
		c, err := pool.GetContext(ctx)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		return redis.Int64(redis.DoContext(c, ctx, "INCR", key))
	}
}

// redigoPool asks the Sentinels itself, as redigo does not know them: for each new
func redigoPool(context.Context) (func(context.Context) (int64, error), error) {
	dial := func(addr, password string) (redis.Conn, error) {
		return redis.Dial("tcp", addr, redis.DialPassword(password), redis.DialUseTLS(security != nil), redis.DialTLSConfig(security),
			redis.DialConnectTimeout(second), redis.DialReadTimeout(second), redis.DialWriteTimeout(second))
	}
	ask := func(sentinel string) (string, error) {
		c, err := dial(sentinel, sentinelPassword)
		if err != nil {
			return "", err
		}
		defer c.Close()
		addr, err := redis.Strings(c.Do("SENTINEL", "get-master-addr-by-name", master))
		if err != nil {
			return "", err
		}
		return net.JoinHostPort(addr[0], addr[1]), nil
	}
	dialMaster := func() (c redis.Conn, err error) {
		for _, s := range sentinels {
			var addr string
			if addr, err = ask(s); err != nil {
				continue
			}
			if c, err = dial(addr, password); err != nil {
				continue
			}
			role, roleErr := redis.Values(c.Do("ROLE"))
			if roleErr == nil && string(role[0].([]byte)) == "master" {
				return c, nil
			}
			c.Close()
			err = errors.Join(errors.New(addr+" is no master"), roleErr)
		}
		return nil, err
	}
	return incrementFrom(&redis.Pool{MaxIdle: 1, Dial: dialMaster}), nil
}

func radixSentinel(ctx context.Context) (func(context.Context) (int64, error), error) {
	dialer := func(password string) radix.Dialer {
		d := radix.Dialer{AuthPass: password}
		if security != nil {
			d.NetDialer = &tls.Dialer{Config: security}
		}
		return d
	}
	ctx, cancel := context.WithTimeout(ctx, second)
	defer cancel()
	c, err := radix.SentinelConfig{
		PoolConfig: radix.PoolConfig{Dialer: dialer(password)}, SentinelDialer: dialer(sentinelPassword),
	}.New(ctx, master, sentinels)
	return func(ctx context.Context) (n int64, err error) {
		ctx, cancel := context.WithTimeout(ctx, second)
		defer cancel()
		return n, c.Do(ctx, radix.Cmd(&n, "INCR", key))
	}, err
}

func rueidisClient(context.Context) (func(context.Context) (int64, error), error) {
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: sentinels, Password: password, TLSConfig: security, DisableCache: true, ConnWriteTimeout: second, Dialer: net.Dialer{Timeout: second},
		Sentinel: rueidis.SentinelOption{MasterSet: master, Password: sentinelPassword, TLSConfig: security},
	})
	return func(ctx context.Context) (int64, error) { return c.Do(ctx, c.B().Incr().Key(key).Build()).AsInt64() }, err
}

func valkeyClient(context.Context) (func(context.Context) (int64, error), error) {
	c, err := valkey.NewClient(valkey.ClientOption{
		InitAddress: sentinels, Password: password, TLSConfig: security, DisableCache: true, ConnWriteTimeout: second, Dialer: net.Dialer{Timeout: second},
		Sentinel: valkey.SentinelOption{MasterSet: master, Password: sentinelPassword, TLSConfig: security},
	})
	return func(ctx context.Context) (int64, error) { return c.Do(ctx, c.B().Incr().Key(key).Build()).AsInt64() }, err
}
