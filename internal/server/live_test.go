package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/internal/resptest"
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/pubsub"
)

func TestGoRedis(t *testing.T) {
	ts := startServer(t, Config{Users: usersWithPassword("secret")}, newFakeEngine(), pubsub.Limits{})
	ctx := context.Background()
	for _, proto := range []int{2, 3} {
		c := redis.NewSentinelClient(&redis.Options{Addr: ts.addr, Password: "secret", Protocol: proto, ClientName: "me"})
		defer c.Close()
		addr, err := c.GetMasterAddrByName(ctx, "mymaster").Result()
		if err != nil || !reflect.DeepEqual(addr, []string{"10.0.0.1", "6379"}) {
			t.Errorf("RESP%d: address %v, %v", proto, addr, err)
		}
		if _, err := c.GetMasterAddrByName(ctx, "nosuch").Result(); err != redis.Nil {
			t.Errorf("RESP%d: unknown master: %v", proto, err)
		}
		m, err := c.Master(ctx, "mymaster").Result()
		if err != nil || m["flags"] != "master" || m["num-slaves"] != "2" {
			t.Errorf("RESP%d: master %v, %v", proto, m, err)
		}
		replicas, err := c.Replicas(ctx, "mymaster").Result()
		if err != nil || len(replicas) != 2 || replicas[0]["flags"] != "slave" {
			t.Errorf("RESP%d: replicas %v, %v", proto, replicas, err)
		}
		peers, err := c.Sentinels(ctx, "mymaster").Result()
		if err != nil || len(peers) != 1 || peers[0]["runid"] != idA {
			t.Errorf("RESP%d: sentinels %v, %v", proto, peers, err)
		}
		if masters, err := c.Masters(ctx).Result(); err != nil || len(masters) != 2 {
			t.Errorf("RESP%d: masters %v, %v", proto, masters, err)
		}
		if err := c.CkQuorum(ctx, "other").Err(); err == nil || !strings.HasPrefix(err.Error(), "NOQUORUM 2 usable") {
			t.Errorf("RESP%d: ckquorum %v", proto, err)
		}
		if err := c.Failover(ctx, "mymaster").Err(); err != nil {
			t.Errorf("RESP%d: failover %v", proto, err)
		}

		sub := c.PSubscribe(ctx, "+switch-*")
		defer sub.Close()
		if _, err := sub.Receive(ctx); err != nil {
			t.Fatal(err)
		}
		ts.bus.Publish(event.SwitchMaster{Master: "m", From: monitor.HostPort{Host: "a", Port: 1}, To: monitor.HostPort{Host: "b", Port: 2}})
		msg, err := sub.ReceiveMessage(ctx)
		if err != nil || msg.Channel != "+switch-master" || msg.Payload != "m a 1 b 2" {
			t.Errorf("RESP%d: message %v, %v", proto, msg, err)
		}
		if err := sub.Ping(ctx, "hi"); err != nil {
			t.Errorf("RESP%d: ping while subscribed: %v", proto, err)
		}
		if v, err := sub.Receive(ctx); err != nil || fmt.Sprint(v) != "Pong<hi>" && proto == 2 {
			t.Errorf("RESP%d: pong %v, %v", proto, v, err)
		}
	}
}

// TestFailoverClient lets go-redis find the master through our server.
func TestFailoverClient(t *testing.T) {
	logging.Disable()
	defer logging.Enable()
	b := newFakeEngine()
	data, err := net.Listen("tcp", "127.0.0.1:0") // stands in for the master
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	b.sentinels["mymaster"] = nil // go-redis would try to connect to them
	b.masters[0].Current = monitor.HostPort{Host: "127.0.0.1", Port: data.Addr().(*net.TCPAddr).Port}
	ts := startServer(t, Config{}, b, pubsub.Limits{})
	c := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "mymaster", SentinelAddrs: []string{ts.addr}, MaxRetries: -1})
	defer c.Close()
	arrived := make(chan struct{})
	go func() {
		defer close(arrived)
		if nc, err := data.Accept(); err == nil {
			nc.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c.Ping(ctx) // fails because the master hangs up, but it was found
	<-arrived
}

func redisCLI(t *testing.T, addr, stdin string, args ...string) string {
	t.Helper()
	host, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command("redis-cli", append([]string{"-h", host, "-p", port}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("redis-cli %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func TestRedisCLI(t *testing.T) {
	ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
	if got, want := redisCLI(t, ts.addr, "", "sentinel", "get-master-addr-by-name", "mymaster"), "10.0.0.1\n6379\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := redisCLI(t, ts.addr, "", "-3", "sentinel", "master", "mymaster"); !strings.Contains(got, "num-other-sentinels 2") &&
		!strings.Contains(got, "num-other-sentinels\n2") {
		t.Errorf("sentinel master over RESP3: %s", got)
	}
	if got := redisCLI(t, ts.addr, "", "sentinel", "help"); !strings.Contains(got, "CKQUORUM <master-name>") {
		t.Errorf("help: %s", got)
	}
	if got := redisCLI(t, ts.addr, "", "info"); !strings.Contains(got, "redis_mode:sentinel\r\n") || !strings.Contains(got, "master1:name=other,status=odown") {
		t.Errorf("info: %s", got)
	}
	got := redisCLI(t, ts.addr, "ping\nsentinel masters\nhelp sentinel masters\nquit\n", "--no-raw")
	if !strings.Contains(got, "PONG") || !strings.Contains(got, `"mymaster"`) || strings.Contains(got, "Error") {
		t.Errorf("session: %s", got)
	}
}

// stockSentinel starts redis-sentinel and returns its address.
func stockSentinel(t *testing.T) *testServer {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	_, port, _ := net.SplitHostPort(addr)
	dir := t.TempDir()
	conf := filepath.Join(dir, "sentinel.conf")
	text := "port " + port + "\nbind 127.0.0.1\ndir " + dir + "\nsentinel monitor mymaster 127.0.0.1 1 2\n"
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("redis-server", conf, "--sentinel")
	if err := cmd.Start(); err != nil {
		t.Fatalf("a stock redis-server is needed to compare with: %v", err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	resptest.Eventually(t, "the stock Sentinel listens", func() bool {
		nc, err := net.Dial("tcp", addr)
		if err == nil {
			nc.Close()
		}
		return err == nil
	})
	return &testServer{addr: addr}
}

// TestSameAsStock sends lines to redis-sentinel and to our server and expects the
// same bytes. Texts that changed after 7.0 are left out.
func TestSameAsStock(t *testing.T) {
	stock := stockSentinel(t)
	ours := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
	lines := []string{
		"PING", "PING x", "PING a b", `PING "a\x41\n\"" `, `PING 'it\'s'`, `PING ""`, "GET", "nosuch a b c",
		"nosuch " + strings.Repeat("x", 200), strings.Repeat("y", 200) + " a", "nosuch " + strings.Repeat("abcdefgh ", 30),
		`"no\r\nsuch" "a\r\nb"`, `"a\x00b" "c\x00d"`, "sentinel", "SenTinel nosuch", "sentinel nosuch a b", "sentinel masters a", "sentinel master",
		"sentinel get-master-addr-by-name", "sentinel get-master-addr-by-name nosuch", "sentinel master nosuch", "sentinel slaves nosuch",
		"sentinel replicas nosuch", "sentinel sentinels nosuch", "sentinel sentinels mymaster x", "sentinel ckquorum nosuch",
		"sentinel failover nosuch", "sentinel failover", "sentinel remove nosuch", "sentinel reset nosuch", "sentinel info-cache nosuch",
		"sentinel info-cache", "sentinel monitor a b", "sentinel monitor a 127.0.0.1 6379 x", "sentinel monitor a 127.0.0.1 x 2",
		"sentinel monitor a 127.0.0.1 x x", "sentinel monitor a 127.0.0.1 6379 0", "sentinel monitor a nosuchhost.invalid 6379 1",
		"sentinel monitor a 127.0.0.1 70000 1", "sentinel monitor a 127.0.0.1 -1 1", "sentinel monitor a 127.0.0.1 +1 1", "sentinel monitor a 127.0.0.1 01 1",
		"sentinel set", "sentinel set mymaster", "sentinel set mymaster quorum", "sentinel set mymaster quorum x", "sentinel set mymaster quorum 0",
		"sentinel set mymaster Foo 1", "sentinel set nosuch quorum 1", "sentinel set mymaster parallel-syncs -1", "sentinel set mymaster down-after-milliseconds 0",
		"sentinel set mymaster notification-script /x", "sentinel set mymaster rename-command a", `sentinel set mymaster rename-command a ""`,
		`sentinel set mymaster rename-command "" b`, "sentinel set mymaster failover-timeout 1x",
		"sentinel config get nosuch", "sentinel config set announce-port x", "sentinel config set announce-port -1", "sentinel config set nosuch x",
		"sentinel config set resolve-hostnames maybe", "sentinel config get announce-port", "sentinel config get announce-hostnames",
		"sentinel is-master-down-by-addr", "sentinel is-master-down-by-addr 1.2.3.4 x 0 *", "sentinel is-master-down-by-addr 1.2.3.4 1 x *",
		"sentinel is-master-down-by-addr 1.2.3.4 1 0 *", "sentinel is-master-down-by-addr 1.2.3.4 99999 0 *",
		"publish x y", "publish x", "publish __sentinel__:hello junk", "publish __sentinel__:hello a,b,c,d,e,f,g,h",
		"role x", "hello 4", "hello x", "hello 2 foo", "hello 2 auth x", `hello 2 setname "a b"`, "hello 3 auth nobody x",
		"auth x", "auth a b c", "auth", "auth nobody x", "client", "client nosuch", "client getname", `client setname "a b"`, "client setname me",
		"client getname", `client setname ""`, "client getname", "client kill", "client kill 1.2.3.4:5", "client kill type nosuch", "client kill id 0", "client kill id x",
		"client kill id 9999", "client kill user nosuch", "client kill foo bar", "client kill skipme maybe", "client kill id", "client list foo", "client list type nosuch",
		"client list type master", "client list id x", "client reply maybe", "client no-evict maybe", "client no-evict on", "client id x",
		"command count", "command nosuch", "command info nosuch", "command docs nosuch", "command list x", "command list filterby pattern *subscribe x",
		"acl nosuch", "acl whoami", "acl users", "acl", "info nosuch", "shutdown abort", "shutdown foo", "shutdown save nosave", "shutdown abort now",
		"unsubscribe", "punsubscribe", "unsubscribe a b", "subscribe", "psubscribe", "subscribe a b a", "psubscribe a*", "ping", "ping x", "role x",
		"sentinel myid x", "nosuch", "unsubscribe a", "unsubscribe", "punsubscribe", "punsubscribe", "ping", "client reply on",
	}
	for _, proto := range []string{"2", "3"} {
		a, b := stock.dial(t), ours.dial(t)
		a.Do("HELLO " + proto)
		b.Do("HELLO " + proto)
		for _, line := range lines {
			want, got := a.Do(line), b.Do(line)
			if got != want {
				t.Errorf("RESP%s: %.100s\n got %q\nwant %q", proto, line, got, want)
			}
		}
	}
}

// TestProtocolErrorsSameAsStock does the same for bytes that are not commands.
func TestProtocolErrorsSameAsStock(t *testing.T) {
	stock := stockSentinel(t)
	ours := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
	answer := func(ts *testServer, in string) string {
		c := ts.dial(t)
		c.Send(in)
		out, err := io.ReadAll(c)
		if err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%.60q: %v", in, err)
		}
		return string(out)
	}
	for _, in := range []string{
		"*1\r\n$9223372036854775807\r\n", "*9223372036854775807\r\n", "*1\r\n$-1\r\n", "*x\r\n", "*1\r\nPING\r\n", "*1\r\n\r\nx\r\n",
		"PING\r\n*x\r\n", "\"\r\n", "PING \"a\"b\r\n", "POST / HTTP/1.1\r\n", "host: x\r\n", "*01\r\n", "*+1\r\n", "*1\r\n$04\r\n", "* 1\r\n",
		"*1\r\n$4\r\nPINGab*x\r\n", "*0\r\n*-7\r\n\r\nPING\r\n*x\r\n", strings.Repeat("a", 65537+100),
	} {
		if got, want := answer(ours, in), answer(stock, in); got != want {
			t.Errorf("%.60q\n got %q\nwant %q", in, got, want)
		}
	}
}

// TestPipelineKeepsOrder sends many commands at once, split at every byte.
func TestPipelineKeepsOrder(t *testing.T) {
	ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
	in := "PING 1\r\n*2\r\n$4\r\nPING\r\n$1\r\n2\r\nSENTINEL MYID\r\nNOSUCH\r\nPING 5\r\n"
	want := "$1\r\n1\r\n$1\r\n2\r\n$40\r\n" + idB + "\r\n-ERR unknown command 'NOSUCH', with args beginning with: \r\n$1\r\n5\r\n"
	c := ts.dial(t)
	for i := range in {
		c.Send(in[:i])
		c.Send(in[i:])
		got := make([]byte, len(want))
		if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
			t.Fatalf("cut at %d: %q, %v", i, got, err)
		}
	}
}

// TestLargePipelineIsFlushed: replies larger than the buffer are written while
// the pipeline is still being executed.
func TestLargePipelineIsFlushed(t *testing.T) {
	ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
	c := ts.dial(t)
	const n = 2000
	go io.WriteString(c.Conn, strings.Repeat("SENTINEL MASTERS\r\n", n))
	for i := range n {
		if v, err := c.Value(); err != nil || !strings.HasPrefix(v, "*2\n*40\n") {
			t.Fatalf("reply %d: %.40q, %v", i, v, err)
		}
	}
}

func TestClientReply(t *testing.T) {
	ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
	c := ts.dial(t)
	c.Send("CLIENT REPLY SKIP\r\nPING skipped\r\nPING 1\r\nCLIENT REPLY OFF\r\nPING no\r\nSUBSCRIBE a\r\nUNSUBSCRIBE\r\nCLIENT REPLY SKIP\r\nCLIENT REPLY ON\r\nPING 2\r\n")
	want := []string{"$1\n1\n", "*3\n$9\nsubscribe\n$1\na\n:1\n", "*3\n$11\nunsubscribe\n$1\na\n:0\n", "+OK\n", "$1\n2\n"}
	for _, w := range want {
		if v, err := c.Value(); err != nil || v != w {
			t.Errorf("got %q, %v; want %q", v, err, w)
		}
	}
}

func TestClientListAndKill(t *testing.T) {
	ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
	a, b := ts.dial(t), ts.dial(t)
	a.Do("CLIENT SETNAME alice")
	b.Do("SUBSCRIBE x")
	info := a.Do("CLIENT INFO")
	for _, part := range []string{"id=1 addr=" + a.LocalAddr().String() + " laddr=" + ts.addr + " fd=", " name=alice ", " flags=N db=0 sub=0 psub=0 ",
		" cmd=client|info user=default redir=-1 resp=2 lib-name= lib-ver=\n"} {
		if !strings.Contains(info, part) {
			t.Errorf("CLIENT INFO lacks %q: %s", part, info)
		}
	}
	if list := a.Do("CLIENT LIST TYPE pubsub"); !strings.Contains(list, "id=2 ") || strings.Contains(list, "id=1 ") || !strings.Contains(list, " flags=P ") {
		t.Errorf("CLIENT LIST TYPE pubsub: %s", list)
	}
	if list := a.Do("CLIENT LIST ID 3 2 1 2"); strings.Count(list, "id=") != 2 || strings.Index(list, "id=2 ") > strings.Index(list, "id=1 ") {
		t.Errorf("CLIENT LIST ID, in the order of the ids: %s", list)
	}
	a.Do("HELLO 3")
	if list := a.Do("CLIENT LIST"); !strings.HasPrefix(list, "=") || !strings.Contains(list, "txt:id=1 ") || !strings.Contains(list, "resp=3") {
		t.Errorf("CLIENT LIST in RESP3: %s", list)
	}
	if got := a.Do("CLIENT KILL TYPE pubsub"); got != ":1\n" {
		t.Errorf("kill: %q", got)
	}
	if v, err := b.Value(); !resptest.Closed(err) {
		t.Errorf("the killed client got %q, %v", v, err)
	}
	if got := a.Do("CLIENT KILL ID 1"); got != ":0\n" {
		t.Errorf("kill spares its caller by default: %q", got)
	}
	if got := a.Do("CLIENT KILL ID 1 SKIPME no"); got != ":1\n(closed)\n" {
		t.Errorf("kill oneself: %q", got)
	}
}

// TestSlowSubscriber: a client that does not read is disconnected with a log
// line. The others get every message, and the bus is not held up.
func TestSlowSubscriber(t *testing.T) {
	logged := make(chan string, 10)
	cfg := Config{Log: func(l monitor.Level, text string) { logged <- fmt.Sprint(l, " ", text) }}
	ts := startServer(t, cfg, newFakeEngine(), pubsub.Limits{ClientQueueBytes: 64 << 10})
	slow, quick := ts.dial(t), ts.dial(t)
	slow.Conn.(*net.TCPConn).SetReadBuffer(4096)
	slow.Do("PSUBSCRIBE *")
	quick.Do("SUBSCRIBE +new-epoch")
	var line string
	for i := 0; line == ""; i++ {
		// Many large messages for the slow one, one small message for the fast
		// one.
		for range 50 {
			ts.bus.Publish(event.ScriptTimeout{Path: strings.Repeat("x", 1000)})
		}
		ts.bus.Publish(event.NewEpoch{Epoch: monitor.Epoch(i)})
		if v, err := quick.Value(); err != nil || !strings.HasSuffix(v, fmt.Sprintf("\n%d\n", i)) {
			t.Fatalf("message %d: %q, %v", i, v, err)
		}
		select {
		case line = <-logged:
		default:
		}
	}
	if !strings.HasPrefix(line, "3 Client id=1 addr="+slow.LocalAddr().String()+" closed: it does not read") {
		t.Errorf("logged %q", line)
	}
	resptest.Eventually(t, "the slow client is forgotten", func() bool { return len(ts.snapshot()) == 1 })
}

// TestNoEventIsLostAroundSubscribe: while events are published all the time,
// every event after the confirmation arrives, without a gap, and none arrives
// before it.
func TestNoEventIsLostAroundSubscribe(t *testing.T) {
	// On a busy machine the reader and the dispatcher may be late, which must not
	// disconnect anything here.
	ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{ClientQueueBytes: 1 << 30, BacklogEvents: 1 << 30})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				ts.bus.Publish(event.NewEpoch{Epoch: monitor.Epoch(i)})
				runtime.Gosched()
			}
		}
	})
	defer wg.Wait()
	defer close(stop)
	for range 5 {
		c := ts.dial(t)
		c.Send("SUBSCRIBE +new-epoch\r\n")
		if v, err := c.Value(); err != nil || v != "*3\n$9\nsubscribe\n$10\n+new-epoch\n:1\n" {
			t.Fatalf("first came %q, %v", v, err)
		}
		last := -1
		for range 30 {
			v, err := c.Value()
			var n, size int
			if _, err2 := fmt.Sscanf(strings.TrimPrefix(v, "*3\n$7\nmessage\n$10\n+new-epoch\n"), "$%d\n%d\n", &size, &n); err != nil || err2 != nil {
				t.Fatalf("message %q, %v, %v", v, err, err2)
			}
			if last >= 0 && n != last+1 {
				t.Fatalf("%d came behind %d", n, last)
			}
			last = n
		}
		c.Send("UNSUBSCRIBE\r\n")
		for v := ""; !strings.HasPrefix(v, "*3\n$11\nunsubscribe\n"); {
			var err error
			if v, err = c.Value(); err != nil {
				t.Fatal(err)
			}
		}
		c.Send("PING\r\n")
		if v, err := c.Value(); err != nil || v != "+PONG\n" {
			t.Fatalf("behind the end of the subscription: %q, %v", v, err)
		}
		c.Close()
	}
}

// TestHostileClients: whatever clients send, the server continues to work and its
// memory is released.
func TestHostileClients(t *testing.T) {
	ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
	for _, in := range []string{
		"*1\r\n$9223372036854775807\r\n", "*9223372036854775807\r\n", "*1\r\n$9223372036854775806\r\n", "*65536\r\n" + strings.Repeat("$0\r\n\r\n", 65536),
		"*2\r\n$9\r\nsubscribe\r\n$1048576\r\n" + strings.Repeat("x", 1<<20) + "\r\n", strings.Repeat("\"\" ", 20000) + "\r\n",
		"PSUBSCRIBE " + strings.Repeat("a*", 20000) + "b\r\n", "SENTINEL RESET " + strings.Repeat("a*", 20000) + "b\r\n",
		"\x00\xff\x16\x03\x01", strings.Repeat("\r\n", 10000), "*1\r\n$1\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		c := ts.dial(t)
		c.Send(in)
		c.Conn.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c)
	}
	if got := ts.dial(t).Do("SENTINEL RESET " + strings.Repeat("a*", 600)); got != "-ERR The pattern is longer than 1024 bytes\n" {
		t.Errorf("long pattern: %q", got)
	}
	if got := ts.dial(t).Do("PING"); got != "+PONG\n" {
		t.Errorf("afterwards: %q", got)
	}
	resptest.Eventually(t, "all hostile clients are gone", func() bool { return len(ts.snapshot()) <= 2 })
}

func TestLimitsOfConnections(t *testing.T) {
	ts := startServer(t, Config{MaxClients: 1}, newFakeEngine(), pubsub.Limits{})
	first := ts.dial(t)
	first.Do("PING")
	if v, err := ts.dial(t).Value(); v != "-ERR max number of clients reached\n" || err != nil {
		t.Errorf("one too many: %q, %v", v, err)
	}
	if info := first.Do("INFO stats"); !strings.Contains(info, "rejected_connections:1\n") {
		t.Errorf("INFO: %s", info)
	}
}

func TestProtectedMode(t *testing.T) {
	for _, c := range []struct {
		addr  string
		local bool
	}{{"127.0.0.1:5", true}, {"[::1]:5", true}, {"[::ffff:127.0.0.1]:5", true}, {"10.0.0.1:5", false}, {"[fe80::1%eth0]:5", false}} {
		if a, err := net.ResolveTCPAddr("tcp", strings.Replace(c.addr, "%eth0", "", 1)); err != nil || isLocal(a) != c.local {
			t.Errorf("isLocal(%s) is %v, %v", c.addr, isLocal(a), err)
		}
	}
	if !isLocal(&net.UnixAddr{Net: "unix"}) {
		t.Error("a unix socket is not local")
	}
	ts := startServer(t, Config{ProtectedMode: true}, newFakeEngine(), pubsub.Limits{})
	if got := ts.dial(t).Do("PING"); got != "+PONG\n" {
		t.Errorf("over loopback: %q", got)
	}
	ln := newPipeListener("192.0.2.1:5")
	served := make(chan error, 1)
	go func() { served <- ts.Serve(ln) }()
	stranger := resptest.New(t, ln.dial())
	v, err := stranger.Value()
	if err != nil || !strings.HasPrefix(v, "-DENIED ") {
		t.Errorf("a stranger got %q, %v", v, err)
	}
	if _, err := stranger.Value(); err != io.EOF {
		t.Errorf("a stranger is not cut off: %v", err)
	}
	ts.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// pipeListener accepts in-memory connections that seem to come from a given
// address.
type pipeListener struct {
	from   string
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipeListener(from string) *pipeListener {
	return &pipeListener{from: from, conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) dial() net.Conn {
	near, far := net.Pipe()
	l.conns <- &pipeConn{far, l.from}
	return near
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

type pipeConn struct {
	net.Conn
	from string
}

func (c *pipeConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.from))
}

// TestStuckReaderIsClosed: a client that does not read its replies or events is
// disconnected after writeTimeout.
func TestStuckReaderIsClosed(t *testing.T) {
	for _, in := range []string{"SENTINEL MASTERS\r\n", "*2\r\n$9\r\nSUBSCRIBE\r\n$6\r\n+sdown\r\n"} {
		synctest.Test(t, func(t *testing.T) {
			bus := pubsub.NewBus(pubsub.Limits{})
			s := New(Config{}, newFakeEngine(), bus)
			ln := newPipeListener("192.0.2.1:5")
			served := make(chan error, 1)
			go func() { served <- s.Serve(ln) }()
			nc := ln.dial()
			start := time.Now()
			nc.Write([]byte(in))
			if strings.Contains(in, "SUBSCRIBE") {
				io.ReadFull(nc, make([]byte, len("*3\r\n$9\r\nsubscribe\r\n$6\r\n+sdown\r\n:1\r\n")))
				bus.Publish(event.SDown{})
			}
			synctest.Wait()
			time.Sleep(writeTimeout - time.Second)
			if n := len(s.snapshot()); n != 1 {
				t.Errorf("%q: closed before its time", in)
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if n := len(s.snapshot()); n != 0 {
				t.Errorf("%q: still open after %v", in, time.Since(start))
			}
			s.Close()
			bus.Close()
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
}

// FuzzCommands sends any single command line and expects a complete reply: Do
// fails if the reply to its own marker command does not follow.
func FuzzCommands(f *testing.F) {
	scripts, err := filepath.Glob("testdata/commands/*")
	if err != nil || len(scripts) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, path := range scripts {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			if rest, ok := strings.CutPrefix(line, "> "); ok {
				f.Add(rest, len(rest)%2 == 0)
			}
		}
	}
	ts := startServer(f, Config{}, newFakeEngine(), pubsub.Limits{})
	f.Fuzz(func(t *testing.T, line string, resp3 bool) {
		if strings.ContainsAny(line, "\n*") || strings.Contains(strings.ToLower(line), "reply") {
			return
		}
		c := ts.dial(t)
		defer c.Close()
		c.SetDeadline(time.Now().Add(10 * time.Second))
		if resp3 {
			c.Do("HELLO 3")
		}
		if got := c.Do(line); strings.Contains(got, "unknown command 'mark-") {
			t.Fatalf("%q: %q", line, got)
		}
		if _, err := ts.cfg.Users.Load("", nil); err != nil { // back to only the default user
			t.Fatal(err)
		}
		ts.pause.end() // or the next PING waits as long as the input says
		if got := ts.dial(t).Do("PING"); got != "+PONG\n" {
			t.Fatalf("after %q: %q", line, got)
		}
	})
}

// TestInfo compares the names of all fields with redis-sentinel: we have each of
// its fields, in the same section and order.
func TestInfo(t *testing.T) {
	stock := stockSentinel(t)
	ours := startServer(t, Config{Version: "1.2.3"}, newFakeEngine(), pubsub.Limits{})
	want, got := infoKeys(stock.dial(t).Do("INFO")), infoKeys(ours.dial(t).Do("INFO"))
	i := 0
	for _, k := range want {
		j := i
		for j < len(got) && got[j] != k {
			j++
		}
		if j == len(got) {
			t.Errorf("field %s is missing or at the wrong place", k)
			continue
		}
		i = j + 1
	}
	b := newFakeEngine()
	b.tilt = true
	tilt := startServer(t, Config{}, b, pubsub.Limits{})
	if info := tilt.dial(t).Do("INFO Sentinel"); !strings.Contains(info, "sentinel_tilt:1\nsentinel_tilt_since_seconds:7\n") {
		t.Errorf("in tilt: %s", info)
	}
}

func infoKeys(info string) []string {
	var keys []string
	for _, line := range strings.Split(info, "\n")[1:] {
		if key, _, found := strings.Cut(line, ":"); found || strings.HasPrefix(line, "# ") {
			keys = append(keys, key)
		}
	}
	return keys
}

// TestCloseWaitsForHandlers: Close returns only when the command being executed
// is done and all connections and goroutines have ended.
func TestCloseWaitsForHandlers(t *testing.T) {
	b := newFakeEngine()
	entered, leave := make(chan struct{}), make(chan struct{})
	b.hook = func() { close(entered); <-leave }
	bus := pubsub.NewBus(pubsub.Limits{})
	defer bus.Close()
	s := New(Config{}, b, bus)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	ts := &testServer{addr: ln.Addr().String()}
	sub := ts.dial(t)
	sub.Do("SUBSCRIBE x")
	ts.dial(t).Send("SENTINEL FLUSHCONFIG\r\n")
	<-entered
	closed := make(chan struct{})
	go func() { s.Close(); close(closed) }()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := sub.Value(); !resptest.Closed(err) {
		t.Errorf("the subscriber: %v", err)
	}
	select {
	case <-closed:
		t.Error("close returned while a command was executed")
	default:
	}
	close(leave)
	<-closed
	if n := len(s.snapshot()); n != 0 {
		t.Errorf("%d clients left", n)
	}
	if err := s.Serve(ln); err != nil {
		t.Errorf("serve after close: %v", err)
	}
	s.Close() // a second Close does nothing
}

// TestIdleClientsAreSmall bounds the heap that an idle connection takes.
func TestIdleClientsAreSmall(t *testing.T) {
	ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	const n = 300
	conns := make([]net.Conn, n)
	for i := range conns {
		nc, err := net.Dial("tcp", ts.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		conns[i] = nc
		nc.Write([]byte("SENTINEL MASTERS\r\n"))
		buf := make([]byte, 1<<16)
		for got := []byte{}; !bytes.HasSuffix(got, []byte("/c.sh\r\n")); {
			k, err := nc.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, buf[:k]...)
		}
	}
	each := (int64(heap()) - int64(before)) / n
	t.Logf("%d bytes of heap an idle client, both ends", each)
	if each > 16<<10 {
		t.Errorf("an idle client takes %d bytes of heap, both ends", each)
	}
}

func BenchmarkGetMasterAddr(b *testing.B) {
	ts := startServer(b, Config{}, newFakeEngine(), pubsub.Limits{})
	c := ts.dial(b)
	const batch = 64
	in := []byte(strings.Repeat("*3\r\n$8\r\nSENTINEL\r\n$23\r\nget-master-addr-by-name\r\n$8\r\nmymaster\r\n", batch))
	out := make([]byte, batch*len("*2\r\n$8\r\n10.0.0.1\r\n$4\r\n6379\r\n"))
	c.SetDeadline(time.Time{})
	b.ReportAllocs()
	for i := 0; i < b.N; i += batch {
		c.Write(in)
		if _, err := io.ReadFull(c, out); err != nil {
			b.Fatal(err)
		}
	}
}
