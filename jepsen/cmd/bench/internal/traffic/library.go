package traffic

import (
	"context"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// library is a client that follows a master by itself.
type library struct {
	client *redis.Client
	addr   atomic.Value // string: the server that was dialled last
}

// newLibrary makes a client with one connection, without TLS, and the defaults of the
// library, so that what it repeats by itself is no error of the application.
func newLibrary(s *Site) *library {
	l := &library{}
	l.client = redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: s.Master, SentinelAddrs: s.Sentinels, PoolSize: 1, DisableIdentity: true,
		Username: s.Server.User, Password: s.Server.Password,
		SentinelUsername: s.Sentinel.User, SentinelPassword: s.Sentinel.Password,
		Dialer: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if !slices.Contains(s.Sentinels, addr) {
				l.addr.Store(addr)
			}
			d := net.Dialer{Timeout: 5 * time.Second}
			return d.DialContext(ctx, network, addr)
		},
	})
	return l
}

// byLibrary writes once, however often the library tries.
func (w *writer) byLibrary(ctx context.Context, n int) bool {
	if w.lib == nil {
		w.lib = newLibrary(w.site)
	}
	for i := range w.Batch {
		if err := w.lib.client.SetBit(ctx, w.key, int64(n+i), 1).Err(); err != nil {
			w.fail(ctx, nil, err)
			return false
		}
		w.acked.set(n + i)
		w.book.ack(w.lib.addr.Load().(string), 1, true)
	}
	return true
}
