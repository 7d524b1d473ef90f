package link

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// hosts is a network in which each address answers in its own way.
type hosts map[string]func(ctx context.Context) (net.Conn, error)

func (h hosts) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	return h[host](ctx)
}

func refuses(context.Context) (net.Conn, error) { return nil, errors.New("connection refused") }

func swallows(ctx context.Context) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// closeCounter is a connection that counts when it is closed.
type closeCounter struct {
	net.Conn
	open *atomic.Int32
}

func (c closeCounter) Close() error {
	c.open.Add(-1)
	return c.Conn.Close()
}

// answers returns an address that accepts a connection after some time, whether
// or not it is still wanted.
func answers(open *atomic.Int32, after time.Duration) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) {
		time.Sleep(after) // in virtual time
		client, other := net.Pipe()
		other.Close()
		open.Add(1)
		return closeCounter{client, open}, nil
	}
}

func TestNextAddressIsTried(t *testing.T) {
	for _, c := range []struct {
		name  string
		first func(open *atomic.Int32) func(context.Context) (net.Conn, error)
		next  time.Duration // until the second answers
		want  string
		after time.Duration
	}{
		{"refused", func(*atomic.Int32) func(context.Context) (net.Conn, error) { return refuses }, 0, "::2", 0},
		{"silent", func(*atomic.Int32) func(context.Context) (net.Conn, error) { return swallows }, 0, "::2", headStart},
		{"quick", func(o *atomic.Int32) func(context.Context) (net.Conn, error) { return answers(o, headStart-1) }, 0, "::1", headStart - 1},
		{"late but first", func(o *atomic.Int32) func(context.Context) (net.Conn, error) { return answers(o, headStart+5) }, 10, "::1", headStart + 10},
		{"late", func(o *atomic.Int32) func(context.Context) (net.Conn, error) { return answers(o, headStart+10) }, 5, "::2", headStart + 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var open atomic.Int32
				network := hosts{"::1": c.first(&open), "::2": answers(&open, c.next)}
				start := time.Now()
				nc, host, err := dialAny(t.Context(), network.dial, []string{"::1", "::2"}, 6379)
				if err != nil || host != c.want || time.Since(start) != c.after {
					t.Fatalf("%q after %v, %v; want %q after %v", host, time.Since(start), err, c.want, c.after)
				}
				if open.Load() != 1 {
					t.Errorf("%d connections are open", open.Load())
				}
				nc.Close()
			})
		})
	}
}

func TestNoAddressAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := hosts{"::1": refuses, "::2": swallows, "::3": refuses}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, err := dialAny(ctx, network.dial, []string{"::1", "::2", "::3"}, 6379)
		if err == nil || !errors.Is(err, context.DeadlineExceeded) || strings.Count(err.Error(), "connection refused") != 2 || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v", err)
		}
	})
}

// TestAddressThatAnswers: the Pool says which of a name's addresses it reached,
// on real sockets of both families.
func TestAddressThatAnswers(t *testing.T) {
	d := listen(t, nil, func(nc net.Conn) { io.Copy(io.Discard, nc) })
	d.Others, d.Addr.Host = []string{d.Addr.Host}, "::1"
	r := newRig(t, Config{})
	r.run(d)
	if up := await[monitor.LinkUp](r); up.RemoteIP != "127.0.0.1" {
		t.Errorf("reached %q", up.RemoteIP)
	}
	r.Do(monitor.Close{Conn: d.Conn})
}
