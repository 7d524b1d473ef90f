package fakeredis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// sameScript is executed on a redis-server and on a mini-Redis, whose replies
// must be the same byte for byte. A word "@" in place of a command switches to
// the connection with the number that follows.
var sameScript = []string{
	"PING", "PING hello", "PING a b", "ECHO x", "ECHO",
	"SET k v", "GET k", "GET none", "SET k w NX", "SET k w XX", "SET none w XX", "SET k x GET", "SET none2 x GET", "SET k v NX XX", "SET k v FOO",
	"EXISTS k none2 nope", "DEL k none2 nope", "DBSIZE",
	"INCR n", "INCRBY n 41", "GET n", "INCRBY n -50", "INCRBY n x", "INCRBY n 01", "SET big 9223372036854775807", "INCR big", "INCRBY big -1", "SET low -9223372036854775808", "INCRBY low -1", "SET txt abc", "INCR txt",
	"RPUSH l a b c", "RPUSH l d", "LLEN l", "LRANGE l 0 -1", "LRANGE l -2 -1", "LRANGE l 2 1", "LRANGE l 1 100", "LRANGE l -100 0", "LRANGE none 0 1", "LRANGE l a b", "LLEN none",
	"GET l", "RPUSH txt a", "INCR l", "SET l str GET", "LLEN txt", "LRANGE txt 0 1", "SET l str", "GET l",
	"FLUSHALL foo", "FLUSHALL", "DBSIZE", "KEYS *",
	"SET one 1", "KEYS o?e", "KEYS [a-z]ne", "KEYS [^o]*",
	"FOO bar baz", "FOO", "GET", "GET a b", "SELECT 0", "SELECT x",
	"MULTI", "SET t 1", "INCR t", "GET t", "EXEC",
	"MULTI", "MULTI", "GET t", "EXEC",
	"MULTI", "FOO", "SET t 9", "EXEC", "GET t",
	"MULTI", "SET t", "EXEC", "EXEC", "DISCARD", "MULTI", "SET t 5", "DISCARD", "GET t",
	"MULTI", "INCR one", "RPUSH one x", "INCR one", "EXEC",
	"MULTI", "WAIT 3 0", "EXEC",
	"CLIENT SETNAME me", "CLIENT GETNAME", "CLIENT SETNAME", "CLIENT KILL foo bar", "CLIENT KILL TYPE foo", "CLIENT KILL ID x", "CLIENT KILL ID 0", "CLIENT KILL 1.2.3.4:5", "CLIENT KILL TYPE pubsub", "CLIENT KILL ADDR 1.2.3.4:5", "CLIENT KILL TYPE master SKIPME maybe",
	"CLIENT PAUSE x", "CLIENT PAUSE -1", "CLIENT PAUSE 1 FOO", "CLIENT PAUSE 1 WRITE x", "CLIENT PAUSE", "CLIENT", "CLIENT UNPAUSE",
	"CONFIG GET replica-priority", "CONFIG GET repl*prior* slave-pri*", "CONFIG SET replica-priority x", "CONFIG SET replica-priority -1", "CONFIG SET foo bar", "CONFIG SET replica-priority 5 masterauth", "CONFIG SET slave-priority 7", "CONFIG GET slave-priority replica-priority",
	"CONFIG SET replica-priority 8 replica-read-only maybe", "CONFIG GET replica-priority", "CONFIG SET replica-priority 8 replica-priority 9", "CONFIG REWRITE", "CONFIG RESETSTAT", "CONFIG GET min-replicas-*", "CONFIG GET",
	"SCRIPT KILL", "SHUTDOWN ABORT", "SHUTDOWN FOO",
	"WAIT 1 -1", "WAIT a 1", "WAIT 1 a", "WAIT 0 0", "WAIT 1 10",
	"REPLICAOF a b", "SLAVEOF 127.0.0.1 99999", "SLAVEOF 127.0.0.1 -1", "SLAVEOF 127.0.0.1 0", "SLAVEOF 127.0.0.1 0", "REPLICAOF no", "REPLICAOF NO ONE", "REPLCONF foo bar", "REPLCONF a",
	"AUTH a", "AUTH a b", "AUTH a b c", "HELLO x", "HELLO 4", "HELLO 3 FOO", "HELLO 2 AUTH a b", "HELLO 2 SETNAME",
	"PUBLISH ch msg", "PUBSUB NUMSUB ch", "PUBSUB NUMPAT", "PUBSUB CHANNELS",
	"UNSUBSCRIBE", "PUNSUBSCRIBE x",
	"@1", "SUBSCRIBE ch",
	"GET a", "CLIENT ID", "PING", "PING x", "PSUBSCRIBE p*",
	"@2", "PUBLISH ch two", "@1", "+", "@2", "PUBLISH pq three", "@1", "+",
	"UNSUBSCRIBE", "PUNSUBSCRIBE", "UNSUBSCRIBE", "GET one", "SUBSCRIBE", "SUBSCRIBE a", "RESET", "GET one",
	"HELLO 3 SETNAME three", "GET none", "CONFIG GET replica-priority", "CLIENT GETNAME", "SUBSCRIBE ch", "GET one", "PING", "PUBLISH nobody x", "UNSUBSCRIBE ch", "RESET",
	"CONFIG SET requirepass pw", "@3", "GET a", "FOO", "PING", "AUTH bad", "AUTH pw", "PING", "AUTH default pw", "AUTH other pw",
	"@4", "HELLO 3", "HELLO 3 AUTH default bad", "HELLO 2 AUTH default pw SETNAME x", "CLIENT GETNAME", "CONFIG SET requirepass ''",
	"CONFIG SET min-replicas-to-write 1", "SET a b", "GET a", "MULTI", "SET a b", "EXEC", "CONFIG SET min-replicas-to-write 0",
	"MULTI", "SET a b", "CONFIG SET min-replicas-to-write 1", "EXEC", "SET a c", "CONFIG SET min-replicas-to-write 0",
	"QUIT",
}

// play executes the script and returns one line for each step.
func play(t *testing.T, addr string) []string {
	conns := map[string]*rawConn{}
	use := func(name string) *rawConn {
		if conns[name] == nil {
			conns[name] = dialRaw(t, addr)
		}
		return conns[name]
	}
	c := use("@0")
	var out []string
	for _, l := range sameScript {
		if strings.HasPrefix(l, "@") {
			c = use(l)
			continue
		}
		if l == "+" { // only read a message
			out = append(out, c.read(t))
			continue
		}
		words := strings.Fields(l)
		for i := range words {
			words[i] = strings.Trim(words[i], "'")
		}
		reply := c.ask(t, words...)
		if l == "CLIENT ID" && !strings.HasPrefix(reply, "-") {
			reply = "(id)"
		}
		if strings.HasPrefix(l, "CONFIG GET") { // its order is arbitrary
			fields := strings.Fields(strings.Trim(reply, "*%[]"))
			slices.Sort(fields)
			reply = strings.Join(fields, " ")
		}
		if i := strings.Index(reply, " id :"); words[0] == "HELLO" && i > 0 {
			rest := reply[i+5:]
			reply = reply[:i] + rest[strings.IndexByte(rest, ' '):]
		}
		out = append(out, l+" -> "+reply)
	}
	return out
}

func TestSameAsRedis(t *testing.T) {
	spawn(t, tool(t, "redis-server"), nil, "--port", "22020", "--save", "", "--bind", "127.0.0.1")
	waitPing(t, "127.0.0.1:22020")
	want := play(t, "127.0.0.1:22020")
	got := play(t, start(t, Config{}).Addr())
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("step %d\n mini: %s\nredis: %s", i, got[i], want[i])
		}
	}
}

func TestGoRedis(t *testing.T) {
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) {
			ctx := context.Background()
			s := start(t, Config{Password: "secret"})
			c := redis.NewClient(&redis.Options{Addr: s.Addr(), Protocol: proto, Password: "secret", ClientName: "tester"})
			defer c.Close()
			if err := c.Set(ctx, "k", "v", 0).Err(); err != nil {
				t.Fatal(err)
			}
			if got := c.Get(ctx, "k").Val(); got != "v" {
				t.Errorf("GET: %q", got)
			}
			if err := c.Get(ctx, "none").Err(); !errors.Is(err, redis.Nil) {
				t.Errorf("GET of nothing: %v", err)
			}
			if name := c.ClientGetName(ctx).Val(); name != "tester" {
				t.Errorf("client name: %q", name)
			}
			if ok := c.SetNX(ctx, "k", "w", 0).Val(); ok {
				t.Error("SETNX over a value")
			}
			cmds, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.Incr(ctx, "n")
				p.RPush(ctx, "l", "a", "b")
				p.LRange(ctx, "l", 0, -1)
				return nil
			})
			if err != nil || cmds[2].(*redis.StringSliceCmd).Val()[1] != "b" {
				t.Errorf("transaction: %v %v", cmds, err)
			}
			if m := c.ConfigGet(ctx, "replica-priority").Val(); m["replica-priority"] != "100" {
				t.Errorf("CONFIG GET: %v", m)
			}
			if text := c.Info(ctx, "replication").Val(); !strings.Contains(text, "role:master\r\n") {
				t.Errorf("INFO: %q", text)
			}
			if list := c.ClientList(ctx).Val(); !strings.Contains(list, "name=tester") {
				t.Errorf("CLIENT LIST: %q", list)
			}
			testGoRedisPubSub(t, ctx, c)
		})
	}
}

func testGoRedisPubSub(t *testing.T, ctx context.Context, c *redis.Client) {
	sub := c.Subscribe(ctx, "ch")
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	if err := sub.PSubscribe(ctx, "[x-z]*"); err != nil {
		t.Fatal(err)
	}
	if _, err := sub.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	if err := sub.Ping(ctx, "alive"); err != nil {
		t.Fatal(err)
	}
	if n := c.Publish(ctx, "ch", "one").Val() + c.Publish(ctx, "yes", "two").Val(); n != 2 {
		t.Errorf("delivered to %d, want 2", n)
	}
	var got []string
	for len(got) < 2 {
		msg, err := sub.ReceiveMessage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, msg.Pattern+"|"+msg.Channel+"|"+msg.Payload)
	}
	if got[0] != "|ch|one" || got[1] != "[x-z]*|yes|two" {
		t.Errorf("messages: %q", got)
	}
}

func TestUnsupportedExpiryIsAnError(t *testing.T) {
	c := dial(t, start(t, Config{}).Addr())
	for _, opt := range []string{"EX", "px"} {
		if got := failing(t, c, "SET", "k", "v", opt, "10"); !strings.Contains(got, "not supported") {
			t.Errorf("%s: %s", opt, got)
		}
	}
	if got := must(t, c, "EXISTS", "k"); got != int64(0) {
		t.Error("the key was set nevertheless")
	}
}

func TestCommandTable(t *testing.T) {
	c := dialRaw(t, start(t, Config{}).Addr())
	if got := c.ask(t, "COMMAND", "COUNT"); got != fmt.Sprintf(":%d", len(commands)) {
		t.Errorf("COMMAND COUNT: %s", got)
	}
	if got := c.ask(t, "COMMAND", "INFO", "get", "nope"); got != "*[*[get :2 *[+readonly] :1 :1 :1] (nil)]" {
		t.Errorf("COMMAND INFO: %s", got)
	}
	for _, words := range [][]string{{"COMMAND"}, {"COMMAND", "DOCS"}, {"COMMAND", "LIST"}} {
		if got := c.ask(t, words...); !strings.HasPrefix(got, "*[") {
			t.Errorf("%v: %s", words, got)
		}
	}
}

// TestSentinelTransaction sends what a Sentinel sends to reconfigure a server.
// The connection that sends it must survive and get its reply; all others must be
// closed.
func TestSentinelTransaction(t *testing.T) {
	master, s := start(t, Config{}), start(t, Config{})
	other, sub, me := dialRaw(t, s.Addr()), dialRaw(t, s.Addr()), dialRaw(t, s.Addr())
	other.ask(t, "PING")
	sub.ask(t, "SUBSCRIBE", "__sentinel__:hello")
	host, port, _ := strings.Cut(master.Addr(), ":")
	for _, words := range [][]string{{"MULTI"}, {"SLAVEOF", host, port}, {"CONFIG", "REWRITE"}, {"CLIENT", "KILL", "TYPE", "normal"}, {"CLIENT", "KILL", "TYPE", "pubsub"}} {
		me.ask(t, words...)
	}
	if got, want := me.ask(t, "EXEC"), "*[+OK -ERR The server is running without a config file :1 :1]"; got != want {
		t.Errorf("EXEC: %s, want %s", got, want)
	}
	for name, c := range map[string]*rawConn{"other": other, "subscriber": sub} {
		if l, err := readReply(c.r); err == nil {
			t.Errorf("%s is still served: %s", name, l)
		}
	}
	if got := me.ask(t, "PING"); got != "+PONG" {
		t.Errorf("the caller: %s", got)
	}
	waitLink(t, s)
}

func TestClientPause(t *testing.T) {
	s := start(t, Config{})
	a, b := dialRaw(t, s.Addr()), dialRaw(t, s.Addr())
	a.ask(t, "CLIENT", "PAUSE", "100000", "WRITE")
	b.write(t, "SET", "k", "v")
	b.write(t, "GET", "k") // waits behind the write
	eventually(t, "the write to be held", func() (any, bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		n := 0
		for _, c := range s.clients {
			n += len(c.pending)
		}
		return n, n == 2
	})
	if got := a.ask(t, "GET", "k"); got != "(nil)" {
		t.Errorf("a read during CLIENT PAUSE WRITE: %s", got)
	}
	a.ask(t, "CLIENT", "UNPAUSE")
	if got := b.read(t) + b.read(t); got != "+OKv" {
		t.Errorf("after UNPAUSE: %s", got)
	}
	a.ask(t, "CLIENT", "PAUSE", "30", "ALL")
	if got := a.ask(t, "PING"); got != "+PONG" {
		t.Errorf("after the pause: %s", got)
	}
}

func TestMaxMemoryAndMaxClients(t *testing.T) {
	s := start(t, Config{Parameters: map[string]string{"maxmemory": "1000", "maxclients": "2"}})
	c := dialRaw(t, s.Addr())
	if got := c.ask(t, "SET", "k", strings.Repeat("x", 1000)); got != "+OK" {
		t.Fatal(got)
	}
	if got := c.ask(t, "RPUSH", "l", "x"); !strings.HasPrefix(got, "-OOM") {
		t.Errorf("above maxmemory: %s", got)
	}
	if got := c.ask(t, "DEL", "k"); got != ":1" {
		t.Errorf("DEL above maxmemory: %s", got)
	}
	if got := c.ask(t, "RPUSH", "l", "x"); got != ":1" {
		t.Errorf("after DEL: %s", got)
	}
	second, third := dialRaw(t, s.Addr()), dialRaw(t, s.Addr())
	second.ask(t, "PING")
	if got := third.read(t); got != "-ERR max number of clients reached" {
		t.Errorf("third client: %s", got)
	}
	_ = second.conn.Close()
	eventually(t, "room for another client", func() (any, bool) {
		n := dialRaw(t, s.Addr())
		defer n.conn.Close()
		n.write(t, "PING")
		got, err := readReply(n.r)
		return fmt.Sprint(got, err), got == "+PONG"
	})
}

// TestRepliesOfTransactionAreBounded: EXEC must not collect more than the output
// limit, but must execute everything.
func TestRepliesOfTransactionAreBounded(t *testing.T) {
	s := start(t, Config{})
	c := dialRaw(t, s.Addr())
	for range 20 {
		c.ask(t, "RPUSH", "l", strings.Repeat("x", 1<<20))
	}
	c.ask(t, "MULTI")
	for range 4 {
		c.ask(t, "LRANGE", "l", "0", "-1")
	}
	c.ask(t, "SET", "last", "done")
	c.write(t, "EXEC")
	if reply, err := readReply(c.r); err == nil {
		t.Errorf("got a reply of %d bytes, want the end of the connection", len(reply))
	}
	if got := dialRaw(t, s.Addr()).ask(t, "GET", "last"); got != "done" {
		t.Errorf("the last command of the transaction: %s", got)
	}
}

// TestTransactionIsBounded: queued commands are refused before they become too
// many or too large, and then EXEC does nothing.
func TestTransactionIsBounded(t *testing.T) {
	c := dialRaw(t, start(t, Config{}).Addr())
	c.ask(t, "MULTI")
	big := strings.Repeat("x", maxQueuedBytes/4)
	var last string
	for range 5 {
		last = c.ask(t, "SET", "k", big)
	}
	if !strings.Contains(last, "transaction too large") {
		t.Errorf("the last SET: %.80s", last)
	}
	if got := c.ask(t, "EXEC"); !strings.HasPrefix(got, "-EXECABORT") {
		t.Errorf("EXEC: %s", got)
	}
	if got := c.ask(t, "DBSIZE"); got != ":0" {
		t.Errorf("DBSIZE: %s", got)
	}
}
