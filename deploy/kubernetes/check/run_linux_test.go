package check

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestPods runs the pods of the manifests, without Kubernetes but with what it would do
// to them: they start in any order and at new addresses, are deleted one after the
// other, die, and lose power together. A client follows the Sentinels and counts.
func TestPods(t *testing.T) {
	needsRoot(t)
	n := newNode(t)
	servers, sentinels := n.of("redis"), n.of("gosentinel")
	for _, p := range n.pods { // the servers first, which have to wait for Sentinels
		p.start()
	}
	for _, p := range n.pods {
		p.waitReady()
	}
	n.complete("redis-0.redis.redis.svc")
	ids := n.ids()
	c := newClient(n)

	// A rolling update, as the controller does it: the last one first.
	for _, p := range slices.Backward(servers) {
		p.delete()
		p.start()
		p.waitReady()
	}
	master := n.master()
	c.check("a rolling update of the servers")
	for _, p := range slices.Backward(sentinels) {
		p.delete()
		p.start()
		p.waitReady()
	}
	n.complete(master)
	if now := n.ids(); !slices.Equal(now, ids) {
		t.Errorf("the ids %v became %v", ids, now)
	}
	c.check("a rolling update of the Sentinels")

	dead := servers[slices.IndexFunc(servers, func(p *pod) bool { return strings.HasPrefix(master, p.name+".") })]
	dead.crash()
	n.wait("another master", func() (string, bool) { now := n.master(); return now, now != master && now != "" })
	now := n.master()
	dead.start()
	n.complete(now)
	c.pause("a master that dies")

	for _, p := range n.pods {
		p.crash()
	}
	for _, p := range n.pods {
		p.start()
	}
	for _, p := range n.pods {
		p.waitReady()
	}
	n.complete(now)
	c.end("power for all")
}

// ask sends a command to a Sentinel or server.
func (p *pod) ask(args ...any) (any, error) {
	port := "6379"
	if p.service == "gosentinel" {
		port = "26379"
	}
	r := redis.NewClient(&redis.Options{Addr: net.JoinHostPort(p.ip, port), Password: password, MaxRetries: -1, DialTimeout: time.Second})
	defer r.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return r.Do(ctx, args...).Result()
}

// complete waits until all Sentinels know the master, two replicas and each other.
func (n *node) complete(master string) {
	n.t.Helper()
	for _, p := range n.of("gosentinel") {
		n.wait(p.name+" to know all", func() (string, bool) {
			text, err := p.ask("INFO", "sentinel")
			want := fmt.Sprintf("status=ok,address=%s:6379,slaves=2,sentinels=3", master)
			return fmt.Sprint(text, err), err == nil && strings.Contains(text.(string), want)
		})
		for _, list := range []string{"replicas", "sentinels"} {
			n.wait(p.name+" to reach all "+list, func() (string, bool) {
				reply, err := p.ask("SENTINEL", list, "mymaster")
				text := fmt.Sprint(reply)
				return text, err == nil && !strings.Contains(text, "_down") && !strings.Contains(text, "disconnected") && !strings.Contains(text, subnet)
			})
		}
	}
}

// master is what two Sentinels say.
func (n *node) master() string {
	said := map[string]int{}
	for _, p := range n.of("gosentinel") {
		if reply, err := p.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster"); err == nil {
			if list, ok := reply.([]any); ok {
				said[fmt.Sprint(list[0])]++
			}
		}
	}
	for name, count := range said {
		if count >= 2 {
			return name
		}
	}
	return ""
}

func (n *node) ids() (all []string) {
	for _, p := range n.of("gosentinel") {
		id, err := p.ask("SENTINEL", "MYID")
		n.must(err)
		all = append(all, fmt.Sprint(id))
	}
	return all
}

// client writes as fast as it is acknowledged, and remembers the last number.
type client struct {
	*node
	redis *redis.Client
	stop  context.CancelFunc
	done  sync.WaitGroup

	mu    sync.Mutex
	acked int
	last  time.Time
	gap   time.Duration
}

func newClient(n *node) *client {
	c := &client{node: n, last: time.Now()}
	c.redis = redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: "mymaster", SentinelAddrs: []string{"gosentinel-0.gosentinel:26379", "gosentinel-1.gosentinel:26379", "gosentinel-2.gosentinel:26379"},
		Password: password, SentinelPassword: password, MaxRetries: -1, DialTimeout: time.Second, ReadTimeout: 2 * time.Second, WriteTimeout: time.Second,
		Dialer: func(ctx context.Context, network, addr string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			return (&net.Dialer{Timeout: time.Second}).DialContext(ctx, network, net.JoinHostPort(n.address(host), port))
		},
	})
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.done.Go(func() { c.write(ctx) })
	n.t.Cleanup(func() { stop(); c.done.Wait(); _ = c.redis.Close() })
	return c
}

func (c *client) write(ctx context.Context) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for number := 1; ; number++ {
		for {
			err := c.redis.RPush(ctx, "numbers", number).Err()
			if err == nil {
				break
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
		c.mu.Lock()
		c.acked, c.gap, c.last = number, max(c.gap, time.Since(c.last)), time.Now()
		c.mu.Unlock()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// check demands that nothing acknowledged is lost. A write without an answer is sent
// again, so a number may be there twice.
func (c *client) check(what string) { c.judge(what, true) }

// pause tells the loss; a master that dies may take writes with it.
func (c *client) pause(what string) { c.judge(what, false) }

func (c *client) judge(what string, strict bool) {
	c.t.Helper()
	c.mu.Lock()
	acked, gap := c.acked, c.gap
	c.gap = 0
	c.mu.Unlock()
	var have []string
	c.wait("the numbers", func() (string, bool) {
		var err error
		have, err = c.redis.LRange(context.Background(), "numbers", 0, -1).Result()
		return fmt.Sprint(err), err == nil
	})
	there := map[string]bool{}
	for _, n := range have {
		there[n] = true
	}
	lost := 0
	for n := 1; n <= acked; n++ {
		if !there[fmt.Sprint(n)] {
			lost++
		}
	}
	c.t.Logf("%s: %d writes acknowledged so far, %d lost, longest gap %v", what, acked, lost, gap.Round(time.Millisecond))
	if strict && lost > 0 {
		c.t.Errorf("%s lost %d acknowledged writes", what, lost)
	}
}

func (c *client) end(what string) {
	c.t.Helper()
	c.mu.Lock()
	before := c.acked
	c.mu.Unlock()
	c.wait("writes after "+what, func() (string, bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		return fmt.Sprint(c.acked), c.acked > before
	})
	c.judge(what, false)
}
