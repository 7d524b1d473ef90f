package integration

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// failover sends SENTINEL FAILOVER with further words, and returns the error.
func (w *gated) failover(sentinel int, words ...any) string {
	w.Helper()
	err := w.sentinels[sentinel].Client().Do(w.ctx, append([]any{"SENTINEL", "FAILOVER", "mymaster"}, words...)...).Err()
	if err != nil {
		return err.Error()
	}
	return ""
}

// to returns the words that name a server as the target.
func (w *gated) to(server int) []any { return []any{"TO", "127.0.0.1", w.gates[server].port()} }

// sent returns the orders since the last call.
func (w *gated) sent() string {
	text := w.stepsSeen()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.orders = nil
	return text
}

// TestRefusedSwitchover: whoever asks for what cannot be gets an answer that says why,
// and no server is told anything.
func TestRefusedSwitchover(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	w := newGated(newEnv(t), setting{downAfter: 2 * time.Second, failoverTimeout: 6 * time.Second})
	other := w.server("other", cluster.NodeSpec{}) // of another group
	w.hurry()
	w.settled()
	w.sent()
	const notReplica = "ERR FAILOVER target HOST and PORT is not a replica."
	refused := func(want string, words ...any) {
		t.Helper()
		if text := w.failover(0, words...); !strings.HasPrefix(text, want) {
			t.Errorf("FAILOVER %v: %q, want %q", words, text, want)
		}
		if sent := w.sent(); sent != "" {
			t.Errorf("FAILOVER %v: %s", words, sent)
		}
	}
	refused(notReplica, "TO", "127.0.0.1", other.Port())
	refused(notReplica, w.to(0)...)
	refused(notReplica, "COORDINATED", "TO", "127.0.0.1", 1)
	refused("ERR Invalid port number", "TO", "127.0.0.1", "sixty")
	refused("ERR Invalid port number", "TO", "127.0.0.1", 65536)
	refused("ERR Invalid IP address", "TO", "no.such.host.invalid", 6379)
	refused("ERR wrong number of arguments", "TO", "127.0.0.1")
	refused("ERR Unknown failover option", "GENTLY")

	// A priority of 0 keeps a replica from being chosen, and not from being named.
	for _, s := range w.servers[1:] {
		w.must(s.Client().ConfigSet(w.ctx, "replica-priority", "0").Err())
	}
	w.seen("slave-priority", "0", 1, 2)
	refused("NOGOODSLAVE ")
	if text := w.failover(0, w.to(2)...); text != "" {
		t.Errorf("a named replica with priority 0: %q", text)
	}
	w.becomesMaster(2)
	w.must(w.servers[1].Client().ConfigSet(w.ctx, "replica-priority", "100").Err())
	w.seen("slave-priority", "100", 1)
	w.sent()

	// A replica that is loading, or gone, is named in the reason.
	w.must(w.servers[0].Client().ConfigSet(w.ctx, "replica-priority", "0").Err())
	w.servers[1].Kill()
	w.seen("flags", "s_down,slave,disconnected", 1)
	refused("NOGOODSLAVE ", w.to(1)...)
	if text := w.failover(0, w.to(1)...); !strings.Contains(text, fmt.Sprint(w.gates[1].port())) {
		t.Errorf("the reason names no replica: %q", text)
	}
	w.must(w.servers[1].Restart(w.ctx))
	w.settled()
}

// seen waits until Sentinel 0 shows a value for servers that are replicas.
func (w *gated) seen(field, want string, servers ...int) {
	w.Helper()
	w.until(field+" "+want+" to be seen", func(ctx context.Context) (string, bool) {
		replicas, err := w.sentinels[0].Replicas(ctx, "mymaster")
		there := map[string]string{}
		for _, r := range replicas {
			there[r["port"]] = r[field]
		}
		for _, k := range servers {
			if there[fmt.Sprint(w.gates[k].port())] != want {
				return fmt.Sprint(there, err), false
			}
		}
		return "", err == nil
	})
}

// becomesMaster waits until a server is the master for all.
func (w *gated) becomesMaster(server int) {
	w.Helper()
	w.until(fmt.Sprintf("server %d to be the master", server), func(ctx context.Context) (string, bool) {
		master := w.masterNow(ctx)
		return fmt.Sprint(master), master == server
	})
	if master := w.settled(); master != server {
		w.Fatalf("server %d is the master, want %d", master, server)
	}
}

// TestOperatorsInterfere: two operators ask at once, or one changes his mind while the
// master changes. There is one master afterwards, and no acknowledged write is lost.
func TestOperatorsInterfere(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	w := newGated(newEnv(t), setting{downAfter: 2 * time.Second, failoverTimeout: 6 * time.Second})
	writes := w.writeTo(w.servers)
	w.hurry()
	for _, c := range []struct {
		name string
		do   func(old int)
	}{
		{"two operators ask two Sentinels", func(old int) {
			var both sync.WaitGroup
			for k := range 2 {
				both.Go(func() {
					_ = w.sentinels[k].Client().Do(w.ctx, append([]any{"SENTINEL", "FAILOVER", "mymaster"}, w.to((old+1+k)%3)...)...).Err()
				})
			}
			both.Wait()
		}},
		{"two operators ask one Sentinel", func(old int) {
			pipe := w.sentinels[0].Client().Pipeline()
			pipe.Do(w.ctx, append([]any{"SENTINEL", "FAILOVER", "mymaster"}, w.to((old+1)%3)...)...)
			second := pipe.Do(w.ctx, "SENTINEL", "FAILOVER", "mymaster")
			if _, err := pipe.Exec(w.ctx); err == nil || second.Err() == nil || !strings.HasPrefix(second.Err().Error(), "INPROG ") {
				t.Errorf("a second FAILOVER: %v, want -INPROG", second.Err())
			}
		}},
		{"RESET follows", func(int) { w.both("SENTINEL", "RESET", "mymaster") }},
		{"SET follows", func(int) { w.both("SENTINEL", "SET", "mymaster", "quorum", "3") }},
		{"REMOVE follows, and MONITOR", func(int) {
			w.both("SENTINEL", "REMOVE", "mymaster")
			port, err := w.sentinels[1].MasterPort(w.ctx, "mymaster")
			w.must(err)
			w.do(w.sentinels[0], "SENTINEL", "MONITOR", "mymaster", "127.0.0.1", port, 2)
			w.do(w.sentinels[0], "SENTINEL", "SET", "mymaster", "down-after-milliseconds", 2000)
		}},
		{"an operator has paused the master", func(old int) {
			w.must(w.servers[old].Client().Do(w.ctx, "CLIENT", "PAUSE", 1000, "WRITE").Err())
			w.both("PING")
		}},
		{"the master fails", func(old int) {
			w.both("PING")
			_ = w.servers[old].Client().Do(w.ctx, "DEBUG", "SLEEP", "0.5").Err()
		}},
	} {
		old, begun := w.settled(), writes.count()
		w.mu.Lock()
		w.old = old
		w.mu.Unlock()
		c.do(old)
		n := writes.count()
		w.until(c.name+": a write to be acknowledged", func(context.Context) (string, bool) { return "", writes.count() > n+5 })
		master, acks := w.settled(), writes.since(begun)
		w.oneMaster(c.name, acks)
		if n, err := lost(w.ctx, w.servers[master], acks); n > 0 || err != nil {
			t.Errorf("%s: %d of %d acknowledged writes are lost, %v; %s", c.name, n, len(acks), err, w.sent())
		}
	}
	w.allowed()
}

// both sends FAILOVER and another command in one write.
func (w *gated) both(words ...any) {
	w.Helper()
	pipe := w.sentinels[0].Client().Pipeline()
	first := pipe.Do(w.ctx, "SENTINEL", "FAILOVER", "mymaster")
	second := pipe.Do(w.ctx, words...)
	if _, err := pipe.Exec(w.ctx); err != nil {
		w.Errorf("FAILOVER: %v; %v: %v", first.Err(), words, second.Err())
	}
}
