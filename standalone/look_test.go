package standalone

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestStrangers: what answers at an address of the list and is no server of a group is named,
// within a bounded time, and costs nothing but that.
func TestStrangers(t *testing.T) {
	for _, c := range []struct{ name, reply, want string }{
		{"a web server", "HTTP/1.1 400 Bad Request\r\n", "does not answer as a Redis server"},
		{"a large promise", "$99999999999\r\n", "its reply is too large"},
		{"a list", "*100000000\r\n", "its reply is too large"},
		{"a line without end", strings.Repeat("+x", 1<<16), "its reply is too large"},
		{"nothing", "", "deadline exceeded"},
		{"half a reply", "$100\r\nredis", "deadline exceeded"},
		{"an empty INFO", "$0\r\n\r\n", "does not tell its role"},
		{"a Sentinel", bulk("redis_mode:sentinel\r\n"), "runs in sentinel mode"},
		{"a cluster", bulk("redis_mode:cluster\r\nrole:master\r\n"), "runs in cluster mode"},
		{"loading", bulk("role:master\r\nloading:1\r\n"), "loading its data"},
		{"locked", "-NOAUTH Authentication required.\r\n", "set password below [[group]]"},
		{"a user without rights", "-NOPERM no\r\n", "needs what a Sentinel needs"},
		{"a master", bulk("role:master\r\n"), ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			var tasks sync.WaitGroup
			dial := func(context.Context, string, string) (net.Conn, error) {
				here, there := net.Pipe()
				tasks.Go(func() {
					b := make([]byte, 100)
					_, _ = there.Read(b)
					_, _ = fmt.Fprint(there, c.reply)
					_, _ = there.Read(b) // until it is hung up
				})
				return here, nil
			}
			g, err := New(Options{Name: "cache", Servers: []string{a, b}, StateFile: t.TempDir() + "/state.toml", Dial: dial})
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			s := g.look(t.Context(), a)
			if (c.want == "") != (s.err == nil) || s.err != nil && !strings.Contains(s.err.Error(), c.want) {
				t.Errorf("%s: %v", c.name, s.err)
			}
			if took := time.Since(start); took > lookTimeout {
				t.Errorf("%s: it took %v", c.name, took)
			}
			tasks.Wait()
		})
	}
}

func bulk(text string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(text), text) }
