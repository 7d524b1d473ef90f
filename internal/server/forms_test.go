package server

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/internal/respguard"
	"github.com/gosentinel/sentinel/internal/resptest"
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/pubsub"
)

// withoutPoller makes startServer have a goroutine for each connection.
var withoutPoller bool

// inBothForms runs a test with the poller, where there is one, and without.
func inBothForms(t *testing.T, test func(*testing.T)) {
	t.Run("poller", test)
	t.Run("goroutines", func(t *testing.T) {
		withoutPoller = true
		defer func() { withoutPoller = false }()
		test(t)
	})
}

// TestWithoutPoller runs the tests of connections, which otherwise use the poller, with
// a goroutine for each connection.
func TestWithoutPoller(t *testing.T) {
	withoutPoller = true
	defer func() { withoutPoller = false }()
	for name, test := range map[string]func(*testing.T){
		"hostile clients": TestHostileClients, "limits": TestLimitsOfConnections, "slow subscriber": TestSlowSubscriber,
		"around subscribe": TestNoEventIsLostAroundSubscribe, "pipeline": TestPipelineKeepsOrder, "large pipeline": TestLargePipelineIsFlushed,
		"list and kill": TestClientListAndKill, "pause": TestPauseHoldsCommandsBack, "close ends pause": TestCloseEndsPause,
		"close": TestCloseWaitsForHandlers, "votes": TestVotesShareASave, "behind a vote": TestBehindAVote, "idle": TestIdleClientsAreSmall,
	} {
		t.Run(name, test)
	}
}

// TestVeryLongPipeline: a client that sends 100,000 commands and only then reads gets
// all replies, while others are served.
func TestVeryLongPipeline(t *testing.T) {
	inBothForms(t, func(t *testing.T) {
		ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
		c := ts.dial(t)
		const n = 100000
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for i := 0; i < n; i += 1000 {
				io.WriteString(c.Conn, strings.Repeat("*2\r\n$4\r\nPING\r\n$10\r\n0123456789\r\n", 1000))
			}
		}()
		if got := ts.dial(t).Do("SENTINEL GET-MASTER-ADDR-BY-NAME mymaster"); got != "*2\n$8\n10.0.0.1\n$4\n6379\n" {
			t.Errorf("another client got %q", got)
		}
		want := []byte(strings.Repeat("$10\r\n0123456789\r\n", 1000))
		got := make([]byte, len(want))
		for i := 0; i < n; i += 1000 {
			if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("replies from %d on: %v, %.100q", i, err, got)
			}
		}
		<-sent
	})
}

// flood makes a client send commands and read nothing until no more of its replies, and
// then none of its commands, finds room.
func flood(t *testing.T, ts *testServer) *resptest.Conn {
	c := ts.dial(t)
	c.Conn.(*net.TCPConn).SetReadBuffer(4096)
	in := []byte(strings.Repeat("*2\r\n$4\r\nPING\r\n$1000\r\n"+strings.Repeat("x", 1000)+"\r\n", 64))
	for {
		c.Conn.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		if _, err := c.Conn.Write(in); err != nil {
			return c
		}
	}
}

// TestKilledWhileWritten: a client that reads nothing while it is written to can be
// killed, and keeps neither others nor the end of the server waiting.
func TestKilledWhileWritten(t *testing.T) {
	inBothForms(t, func(t *testing.T) {
		ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
		flood(t, ts)
		flood(t, ts)
		c := ts.dial(t)
		if got := c.Do("CLIENT KILL ID 1"); got != ":1\n" {
			t.Errorf("kill: %q", got)
		}
		resptest.Eventually(t, "the killed client is gone", func() bool { return len(ts.snapshot()) == 2 })
		if got := c.Do("PING"); got != "+PONG\n" {
			t.Errorf("another client: %q", got)
		}
	}) // and the second one is ended by the end of the server
}

// TestSlowReaderGetsAll: what a client does not read at once is not lost, mixed up or
// out of order when it does, neither replies nor events.
func TestSlowReaderGetsAll(t *testing.T) {
	inBothForms(t, func(t *testing.T) {
		ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
		c := ts.dial(t)
		c.Do("HELLO 3")
		c.Do("SUBSCRIBE +new-epoch")
		c.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
		const n = 2000
		text := strings.Repeat("x", 3000)
		go func() {
			for i := range n {
				fmt.Fprintf(c.Conn, "*2\r\n$4\r\nPING\r\n$%d\r\n%s%08d\r\n", len(text)+8, text, i)
			}
		}()
		go func() {
			for i := range n {
				ts.bus.Publish(event.NewEpoch{Epoch: monitor.Epoch(i)})
			}
		}()
		pongs, events := 0, 0
		for pongs+events < 2*n {
			v, err := c.Value()
			switch {
			case err != nil:
				t.Fatal(err)
			case v == fmt.Sprintf("$%d\n%s%08d\n", len(text)+8, text, pongs):
				pongs++
			case strings.HasPrefix(v, ">3\n$7\nmessage\n$10\n+new-epoch\n") && strings.HasSuffix(v, fmt.Sprintf("\n%d\n", events)):
				events++
			default:
				t.Fatalf("after %d replies and %d events: %.60q", pongs, events, v)
			}
		}
	})
}

// guardedServer starts a server with other limits on its connections.
func guardedServer(t *testing.T, lim respguard.Limits) *testServer {
	ts := &testServer{fake: newFakeEngine(), bus: pubsub.NewBus(pubsub.Limits{})}
	ts.Server = New(Config{NoPoller: withoutPoller}, ts.fake, ts.bus)
	ts.guard = respguard.New(lim)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ts.addr = ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- ts.Serve(ln) }()
	t.Cleanup(func() {
		ts.Close()
		ts.bus.Close()
		<-served
	})
	return ts
}

// TestSilentClients: clients that send nothing, or only parts of a command, are closed
// when their time is over. Subscribers, and those that go on, are not.
func TestSilentClients(t *testing.T) {
	inBothForms(t, func(t *testing.T) {
		ts := guardedServer(t, respguard.Limits{IdleTimeout: 300 * time.Millisecond, PartialTimeout: 200 * time.Millisecond})
		silent, half, slow, subscriber := ts.dial(t), ts.dial(t), ts.dial(t), ts.dial(t)
		subscriber.Do("SUBSCRIBE +new-epoch")
		half.Send("PING\r\n*2\r\n$4\r\nPI")
		if v, err := half.Value(); err != nil || v != "+PONG\n" {
			t.Errorf("before half a command: %q, %v", v, err)
		}
		ended := make(chan struct{})
		go func() { // one byte after the other does not keep a command alive
			defer close(ended)
			for _, err := io.WriteString(slow.Conn, "*1\r\n$999\r\n"); err == nil; _, err = slow.Conn.Write([]byte("x")) {
				slow.Conn.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
				if _, err := slow.Conn.Read(make([]byte, 1)); !os.IsTimeout(err) {
					return
				}
			}
		}()
		for name, c := range map[string]*resptest.Conn{"silent": silent, "half a command": half} {
			if v, err := c.Value(); !resptest.Closed(err) {
				t.Errorf("%s: %q, %v", name, v, err)
			}
		}
		<-ended
		ts.bus.Publish(event.NewEpoch{Epoch: 1})
		if v, err := subscriber.Value(); err != nil || !strings.HasPrefix(v, "*3\n$7\nmessage") {
			t.Errorf("the subscriber got %q, %v", v, err)
		}
		resptest.Eventually(t, "the others are gone", func() bool { return len(ts.snapshot()) == 1 })
	})
}

// TestComingAndGoing: while clients come, go and are killed all the time, so that
// descriptors are used again and again, each gets its own replies only.
func TestComingAndGoing(t *testing.T) {
	inBothForms(t, func(t *testing.T) {
		ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
		stop := make(chan struct{})
		var killer, clients sync.WaitGroup
		killer.Go(func() {
			c := ts.dial(t)
			for {
				select {
				case <-stop:
					return
				default:
					c.Do("CLIENT KILL TYPE normal")
					ts.bus.Publish(event.NewEpoch{Epoch: 1})
				}
			}
		})
		for i := range 4 {
			clients.Go(func() {
				for k := range 40 {
					nc, err := net.Dial("tcp", ts.addr)
					if err != nil {
						t.Error(err)
						return
					}
					nc.SetDeadline(time.Now().Add(20 * time.Second))
					me := fmt.Sprintf("client%d/%d", i, k)
					if k%4 == 0 {
						io.WriteString(nc, "SUBSCRIBE +new-epoch\r\n")
					}
					in := strings.Repeat(fmt.Sprintf("PING %s\r\nSENTINEL MYID\r\n", me), 20)
					io.WriteString(nc, in)
					if k%3 == 0 {
						nc.(*net.TCPConn).CloseWrite()
					}
					if k%3 == 1 {
						nc.Close()
						continue
					}
					got := make([]byte, 1500)
					n, _ := io.ReadAtLeast(nc, got, 100)
					nc.Close()
					for _, line := range strings.Split(string(got[:n]), "\r\n") {
						if strings.HasPrefix(line, "client") && !strings.HasPrefix(me, line) {
							t.Errorf("%s got %q", me, line)
						}
					}
				}
			})
		}
		clients.Wait()
		close(stop)
		killer.Wait()
		resptest.Eventually(t, "all are gone", func() bool { return len(ts.snapshot()) <= 1 })
	})
}

// FuzzForms sends the same bytes, in the same pieces, to a server with a poller and to
// one without, and expects the same from both.
func FuzzForms(f *testing.F) {
	for i, in := range []string{
		"PING\r\n*2\r\n$4\r\nPING\r\n$1\r\nx\r\nSENTINEL MASTERS\r\n", "SUBSCRIBE a b\r\nPING\r\nPING x\r\nUNSUBSCRIBE\r\nNOSUCH\r\n",
		"HELLO 3\r\nSENTINEL GET-MASTER-ADDR-BY-NAME mymaster\r\nCLIENT REPLY SKIP\r\nPING\r\nPING\r\n", "PING\r\nQUIT\r\nPING\r\n", "PING\r\n*1\r\n$-5\r\n",
		voteRequest(3) + "PING\r\n", "*3\r\n$8\r\nsentinel\r\n$23\r\nget-master-addr-by-name\r\n$5\r\nother\r\n*1\r\n$4\r\nPI",
	} {
		f.Add([]byte(in), uint8(i*7))
	}
	polled := startServer(f, Config{}, newFakeEngine(), pubsub.Limits{})
	alone := startServer(f, Config{NoPoller: true}, newFakeEngine(), pubsub.Limits{})
	f.Fuzz(func(t *testing.T, in []byte, size uint8) {
		text := strings.ToLower(string(in))
		for _, differs := range []string{"info", "list", "id", "kill", "debug", "time", "shutdown", "log", "pause", "genpass", "acl", "auth", "failovers", "tracking", "hello"} {
			if strings.Contains(text, differs) && !strings.HasPrefix(text, "hello 3\r\n") {
				t.Skip("what is told differs between servers, or changes them")
			}
		}
		answer := func(ts *testServer) string {
			c, err := net.Dial("tcp", ts.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(20 * time.Second))
			step := int(size)%61 + 1
			if len(in) > 40*step {
				step = len(in)
			}
			for rest := in; len(rest) > 0; rest = rest[min(step, len(rest)):] {
				if _, err := c.Write(rest[:min(step, len(rest))]); err != nil {
					break
				}
			}
			c.(*net.TCPConn).CloseWrite()
			out, _ := io.ReadAll(c)
			return string(out)
		}
		if a, b := answer(polled), answer(alone); a != b && !strings.HasPrefix(a, b) && !strings.HasPrefix(b, a) { // a reset may take the end away
			t.Errorf("with the poller %q, without %q", a, b)
		}
	})
}
