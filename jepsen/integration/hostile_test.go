package integration

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/redis/go-redis/v9"
)

// fake is something that listens where a Redis server should.
type fake struct {
	ln    net.Listener
	serve func(net.Conn)

	mu    sync.Mutex
	conns map[net.Conn]bool
	wg    sync.WaitGroup
}

// fake starts a listener on a port of the cluster.
func (e *env) fake(serve func(net.Conn)) *fake {
	e.Helper()
	port, err := e.c.Port()
	e.must(err)
	ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	e.must(err)
	f := &fake{ln: ln, serve: serve, conns: map[net.Conn]bool{}}
	f.wg.Add(1)
	go f.accept()
	e.Cleanup(f.close)
	return f
}

func (f *fake) port() int { return f.ln.Addr().(*net.TCPAddr).Port }

func (f *fake) accept() {
	defer f.wg.Done()
	for {
		conn, err := f.ln.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		f.conns[conn] = true
		f.mu.Unlock()
		f.wg.Add(1)
		go func() {
			defer f.wg.Done()
			f.serve(conn)
			_ = conn.Close()
			f.mu.Lock()
			delete(f.conns, conn)
			f.mu.Unlock()
		}()
	}
}

func (f *fake) close() {
	_ = f.ln.Close()
	f.mu.Lock()
	for conn := range f.conns {
		_ = conn.Close()
	}
	f.mu.Unlock()
	f.wg.Wait()
}

// drain reads and forgets until the peer hangs up.
func drain(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// afterRequest answers the first bytes that arrive with text, once.
func afterRequest(text string) func(net.Conn) {
	return func(conn net.Conn) {
		if _, err := conn.Read(make([]byte, 4096)); err != nil {
			return
		}
		if _, err := io.WriteString(conn, text); err == nil {
			drain(conn)
		}
	}
}

// flood writes one pattern for as long as the peer reads.
func flood(head, pattern string) func(net.Conn) {
	return func(conn net.Conn) {
		go drain(conn)
		chunk := []byte(strings.Repeat(pattern, 64<<10/len(pattern)))
		if _, err := io.WriteString(conn, head); err != nil {
			return
		}
		for {
			if _, err := conn.Write(chunk); err != nil {
				return
			}
		}
	}
}

// almostRedis answers every command correctly, but INFO with what info returns.
func almostRedis(info func() string) func(net.Conn) {
	return func(conn net.Conn) {
		in := bufio.NewReader(conn)
		for {
			args, err := readCommand(in)
			if err != nil {
				return
			}
			reply := "+OK\r\n"
			switch strings.ToUpper(args[0]) {
			case "PING":
				reply = "+PONG\r\n"
			case "INFO":
				text := info()
				reply = fmt.Sprintf("$%d\r\n%s\r\n", len(text), text)
			case "PUBLISH":
				reply = ":1\r\n"
			case "SUBSCRIBE":
				reply = fmt.Sprintf("*3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:1\r\n", len(args[1]), args[1])
			}
			if _, err := io.WriteString(conn, reply); err != nil {
				return
			}
		}
	}
}

// readCommand reads a command as Sentinels send it: an array of bulk strings.
func readCommand(in *bufio.Reader) ([]string, error) {
	number := func(kind byte) (int, error) {
		line, err := in.ReadString('\n')
		if err != nil {
			return 0, err
		}
		if line[0] != kind {
			return 0, fmt.Errorf("got %q, want a line with %q", line, kind)
		}
		return strconv.Atoi(strings.TrimSpace(line[1:]))
	}
	n, err := number('*')
	if err != nil || n < 1 {
		return nil, fmt.Errorf("array of %d: %w", n, err)
	}
	args := make([]string, n)
	for i := range args {
		size, err := number('$')
		if err != nil {
			return nil, err
		}
		b := make([]byte, size+2)
		if _, err := io.ReadFull(in, b); err != nil {
			return nil, err
		}
		args[i] = string(b[:size])
	}
	return args, nil
}

// A monitored "server" may be anything. Whatever it says, the daemon lives,
// stays small, and serves the other masters.
func TestHostileServers(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	garbage := "role:master\r\nrun_id:\x00\xff\r\nslave0:ip=,port=99999999999999999999\r\nslave1:ip=127.0.0.1,port=-1,state=x\r\n" +
		"slave2:\r\nslave99999999999999999999:ip=%s,port=%d\r\nmaster_link_down_since_seconds:9223372036854775808\r\n" +
		strings.Repeat("x", 100_000) + "\r\n:::\r\n\n\r\nslave_repl_offset:-1"
	many := strings.Builder{}
	many.WriteString("role:master\r\n")
	for i := range 100_000 {
		fmt.Fprintf(&many, "slave%d:ip=10.%d.%d.%d,port=1\r\n", i, i>>16, i>>8&255, i&255)
	}
	// down tells whether such a server must be judged down: one that answers PING
	// is up, however odd its INFO.
	kinds := map[string]struct {
		serve func(net.Conn)
		down  bool
	}{
		"silent":      {drain, true},
		"hangs-up":    {func(net.Conn) {}, true},
		"http":        {afterRequest("HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html></html>\r\n"), true},
		"huge-bulk":   {afterRequest("$1073741824\r\n"), true},
		"bulk-flood":  {flood("$1073741824\r\n", "x"), true},
		"huge-array":  {afterRequest("*1000000000\r\n"), true},
		"overflow":    {afterRequest("$9223372036854775807\r\n"), true},
		"nested":      {flood("", "*1\r\n"), true},
		"endless":     {flood("", "a"), true},
		"not-a-reply": {flood("", "\x00\r\n"), true},
		"odd-info":    {almostRedis(func() string { return garbage }), false},
		"empty-info":  {almostRedis(func() string { return "" }), false},
		"many-slaves": {almostRedis(many.String), false},
	}
	if testingStock() {
		// The original believes a server that it has a hundred thousand replicas.
		delete(kinds, "many-slaves")
	}
	good := e.server("good", cluster.NodeSpec{})
	var lines []string
	for name, k := range kinds {
		f := e.fake(k.serve)
		lines = append(lines, fmt.Sprintf("sentinel monitor %s 127.0.0.1 %d 1", name, f.port()),
			fmt.Sprintf("sentinel down-after-milliseconds %s 1000", name))
	}
	s := e.sentinel("sentinel", good, lines...)
	pid := s.PID()
	for name, k := range kinds {
		if k.down {
			e.eventAbout(s, "+sdown", "master "+name+" ")
		}
	}
	for name, k := range kinds {
		m, err := s.Master(e.ctx, name)
		e.must(err)
		if !k.down && strings.Contains(m["flags"], "s_down") {
			t.Errorf("%s answers PING and is called %s", name, m["flags"])
		}
	}
	// The sound master was not disturbed by its neighbours.
	e.must(s.WaitView(e.ctx, "mymaster", 0, 0))
	if s.PID() != pid || !s.Running() {
		t.Error("the daemon did not survive")
	}
	// The original stores what the flooding servers send for as long as they send.
	if peak := peakMemory(t, pid); peak > 128<<20 && !testingStock() {
		t.Errorf("the daemon grew to %d MB", peak>>20)
	}
}

var peakLine = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// peakMemory returns the largest resident size that a process has had, in
// bytes; 0 where the system does not tell. The race detector makes it about
// five times what it would be.
func peakMemory(t *testing.T, pid int) int {
	if runtime.GOOS != "linux" {
		return 0
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	m := peakLine.FindSubmatch(status)
	if m == nil {
		t.Fatalf("no peak memory in %q", status)
	}
	kb, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("peak memory %d MB", kb>>10)
	return kb << 10
}

// Clients that have not logged in can send anything. None of it ends the daemon
// or keeps it from answering others.
func TestHostileClients(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	e := newEnv(t)
	s := e.sentinel("sentinel", e.server("server", cluster.NodeSpec{}))
	pid := s.PID()
	for _, packet := range []string{
		"*1\r\n$9223372036854775807\r\n",
		"*9223372036854775807\r\n",
		"*-9223372036854775808\r\n",
		"*1000000\r\n$1\r\na\r\n",
		"*1\r\n$-5\r\nPING\r\n",
		"POST / HTTP/1.1\r\nHost: sentinel\r\n\r\nSHUTDOWN\r\n",
		"\"unbalanced\r\n",
		strings.Repeat("x", 100<<10),
		strings.Repeat("*1\r\n", 1000),
		strings.Repeat("\x00\r\n", 1000),
	} {
		conn, err := net.Dial("tcp", s.Addr())
		e.must(err)
		// The daemon may hang up while we are still talking.
		_, _ = io.WriteString(conn, packet)
		e.must(s.Client().Ping(e.ctx).Err())
		e.must(conn.Close())
	}
	e.must(s.WaitView(e.ctx, "mymaster", 0, 0))
	if !s.Running() || s.PID() != pid {
		t.Error("the daemon did not survive")
	}
	if peak := peakMemory(t, pid); peak > 128<<20 {
		t.Errorf("the daemon grew to %d MB", peak>>20)
	}
}

// hello is the text by which a Sentinel makes itself known.
func hello(ip string, port any, id string, epoch any, name string, masterPort int, configEpoch any) string {
	return fmt.Sprintf("%s,%v,%s,%v,%s,127.0.0.1,%d,%v", ip, port, id, epoch, name, masterPort, configEpoch)
}

// peerID returns a made-up run id.
func peerID(c string) string { return strings.Repeat(c, 40) }

// forged are hellos that must change nothing, for a Sentinel with the id own
// whose master listens on port. Epoch 7 would show.
func forged(own string, port int) []string {
	const huge = "18446744073709551615"
	a := peerID("a")
	return []string{
		"", ",", ",,,,,,,", "\x00\xff\r\n", strings.Repeat(",", 1000),
		"127.0.0.1,1,2,3,4,5,6",
		hello("127.0.0.1", 1, a, 7, "mymaster", port, 0) + ",9",
		hello("127.0.0.1", 0, a, 7, "mymaster", port, 0),
		hello("127.0.0.1", 65536, a, 7, "mymaster", port, 0),
		hello("127.0.0.1", "abc", a, 7, "mymaster", port, 0),
		hello("127.0.0.1", -1, a, 7, "mymaster", port, 0),
		hello("no such host", 1, a, 7, "mymaster", port, 0),
		hello("127.0.0.1", 1, "short", 7, "mymaster", port, 0),
		hello("127.0.0.1", 1, a+"b", 7, "mymaster", port, 0),
		hello("127.0.0.1", 1, a, -1, "mymaster", port, 0),
		hello("127.0.0.1", 1, a, "7x", "mymaster", port, 0),
		hello("127.0.0.1", 1, a, "", "mymaster", port, 0),
		hello("127.0.0.1", 1, a, 7, "mymaster", port, "-1"),
		hello("127.0.0.1", 1, a, 7, "mymaster", 0, 1),
		hello("127.0.0.1", 1, a, 7, "mymaster", 70000, 1),
		hello("127.0.0.1", 1, a, 7, "nobody", port, 0),
		hello("127.0.0.1", 1, a, huge, "mymaster", port, 0),
		hello("127.0.0.1", 1, a, 0, "mymaster", port+1, huge),
		hello("127.0.0.1", 1, own, 7, "mymaster", port, 7),
	}
}

// oversized are payloads for which a connection may be cut.
var oversized = []string{strings.Repeat(",", 100_000), strings.Repeat("x", 1<<20)}

// Anyone who may publish on a monitored server can send a hello. Only a
// well-formed one from another sender changes anything.
func TestForgedHellos(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	e := newEnv(t)
	server := e.server("server", cluster.NodeSpec{})
	// A stall of the machine must not look like the effect of a hello.
	s := e.sentinel("sentinel", server, "sentinel down-after-milliseconds mymaster 60000")
	own, err := s.MyID(e.ctx)
	e.must(err)
	e.must(s.WaitView(e.ctx, "mymaster", 0, 0))
	// Through the monitored server, and straight to the Sentinel's own port.
	for i, client := range []*redis.Client{server.Client(), s.Client()} {
		for _, payload := range forged(own, server.Port()) {
			e.must(client.Publish(e.ctx, "__sentinel__:hello", payload).Err())
		}
		// Messages keep their order, so once this peer is known, all of the above
		// have been dealt with.
		e.introduce(s, client, hello("127.0.0.1", 2*i+1, peerID(strconv.Itoa(2*i+1)), 0, "mymaster", server.Port(), 0))
		for _, payload := range oversized {
			// The Sentinel may hang up at once, and then this reports it.
			_ = client.Publish(e.ctx, "__sentinel__:hello", payload).Err()
		}
		e.introduce(s, client, hello("127.0.0.1", 2*i+2, peerID(strconv.Itoa(2*i+2)), 0, "mymaster", server.Port(), 0))
	}
	e.nothingChanged(s, server.Port(), 4)
}

// introduce publishes an honest hello until the Sentinel knows its sender: one
// that arrives while a connection is being replaced is lost, as any hello may be.
func (e *env) introduce(s *cluster.Sentinel, client *redis.Client, payload string) {
	e.Helper()
	id := strings.Split(payload, ",")[2]
	e.until("the Sentinel to know "+id, func(ctx context.Context) (string, bool) {
		err := client.Publish(ctx, "__sentinel__:hello", payload).Err()
		n := e.c.Events().Count(about(s, "+sentinel", "sentinel "+id))
		return fmt.Sprint(err), n > 0
	})
}

// nothingChanged checks that the honest peers are all that the hellos brought.
func (e *env) nothingChanged(s *cluster.Sentinel, port, honest int) {
	e.Helper()
	for _, ev := range e.c.Events().All() {
		switch ev.Name {
		case "+switch-master", "+config-update-from", "+new-epoch", "+sentinel-address-switch", "+sentinel-invalid-addr", "+try-failover":
			e.Errorf("a forged hello caused %s", ev)
		}
	}
	if n := e.c.Events().Count(cluster.Named("+sentinel")); n != honest {
		e.Errorf("%d Sentinels were learned, want the %d honest ones: %v", n, honest, e.c.Events().All())
	}
	m, err := s.Master(e.ctx, "mymaster")
	e.must(err)
	if m["port"] != strconv.Itoa(port) || m["config-epoch"] != "0" || m["num-other-sentinels"] != strconv.Itoa(honest) {
		e.Errorf("the master's row changed: %v", m)
	}
	if n := e.confNumber(s, "sentinel current-epoch"); n != 0 {
		e.Errorf("current-epoch is %d", n)
	}
}

// A newer configuration in a well-formed hello is followed: that is how
// Sentinels that did not lead learn of a switch.
func TestHelloSwitchesMaster(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	first, second := e.server("first", cluster.NodeSpec{}), e.server("second", cluster.NodeSpec{})
	s := e.sentinel("sentinel", first)
	e.must(s.WaitView(e.ctx, "mymaster", 0, 0))
	payload := fmt.Sprintf("127.0.0.1,1,%s,5,mymaster,127.0.0.1,%d,5", strings.Repeat("b", 40), second.Port())
	e.until("the Sentinel to switch", func(ctx context.Context) (string, bool) {
		if err := first.Client().Publish(ctx, "__sentinel__:hello", payload).Err(); err != nil {
			return err.Error(), false
		}
		got, err := s.MasterPort(ctx, "mymaster")
		return fmt.Sprint(got, err), got == second.Port()
	})
	e.eventAbout(s, "+switch-master", fmt.Sprintf("mymaster 127.0.0.1 %d 127.0.0.1 %d", first.Port(), second.Port()))
	e.eventAbout(s, "+new-epoch", "5")
	e.until("the epoch to be in the file", func(context.Context) (string, bool) {
		n := e.confNumber(s, "sentinel current-epoch")
		return fmt.Sprint(n), n == 5
	})
}
