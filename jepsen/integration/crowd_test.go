package integration

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// crowd is a Sentinel with many bad clients, and one good one that must not
// notice.
type crowd struct {
	*env
	s      *cluster.Sentinel
	conns  []net.Conn
	before int // memory
}

// dial opens a connection that stays open until the test ends.
func (c *crowd) dial() net.Conn {
	c.Helper()
	conn, err := net.Dial("tcp", c.s.Addr())
	c.must(err)
	c.conns = append(c.conns, conn)
	return conn
}

func (c *crowd) hangUp() {
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

// memory reports what the process takes now.
func (c *crowd) memory(what string) int {
	c.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.s.PID()))
	c.must(err)
	m := regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`).FindSubmatch(status)
	if m == nil {
		c.Fatalf("no memory in %q", status)
	}
	kb, err := strconv.Atoi(string(m[1]))
	c.must(err)
	c.Logf("%-40s %6.1f MB", what, float64(kb)/1024)
	return kb << 10
}

// clients waits until the Sentinel has that many.
func (c *crowd) clients(n int) {
	c.Helper()
	c.until(fmt.Sprintf("%d clients", n), func(ctx context.Context) (string, bool) {
		text, err := c.s.Client().Info(ctx, "clients").Result()
		m := regexp.MustCompile(`(?m)^connected_clients:(\d+)\r$`).FindStringSubmatch(text)
		if err != nil || m == nil {
			return fmt.Sprint(text, err), false
		}
		k, _ := strconv.Atoi(m[1])
		return m[0], k >= n
	})
}

// bystander asks all the time, over a connection of its own, until stop is
// called, which reports a question that was not answered.
func (c *crowd) bystander() (stop func()) {
	conn, err := net.Dial("tcp", c.s.Addr())
	c.must(err)
	done, ended := make(chan struct{}), make(chan error, 1)
	asked, worst := 0, time.Duration(0)
	go func() {
		in := bufio.NewReader(conn)
		for {
			select {
			case <-done:
				ended <- nil
				return
			default:
			}
			start := time.Now()
			// An emergency brake, as everywhere in these tests: no judgement.
			err := conn.SetDeadline(start.Add(20 * time.Second))
			if err == nil {
				_, err = io.WriteString(conn, "PING\r\n")
			}
			line := ""
			if err == nil {
				line, err = in.ReadString('\n')
			}
			if err != nil || line != "+PONG\r\n" {
				ended <- fmt.Errorf("PING number %d: %q, %w", asked+1, line, err)
				return
			}
			asked, worst = asked+1, max(worst, time.Since(start))
		}
	}()
	return func() {
		c.Helper()
		close(done)
		c.must(<-ended)
		c.Logf("%d PINGs of another client were answered meanwhile, the slowest after %v", asked, worst.Round(time.Microsecond))
		c.must(conn.Close())
	}
}

// Clients in crowds, clients that stop in the middle of a word, clients that do
// not read and clients that do not stop: memory stays bounded, and others do not
// notice. The race detector makes all of it about five times as large; without
// it the numbers are those of docs/operations.md.
func TestCrowd(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	// Masters that are never connected to, with names that make events long.
	loud := strings.Repeat("x", 200)
	lines := []string{"client-output-buffer-limit pubsub 1mb 1mb 60"} // 8 MB take many events, and each one is saved
	for i := range loudMasters {
		lines = append(lines, fmt.Sprintf("sentinel monitor %s%d 127.0.0.1 0 1", loud, i),
			fmt.Sprintf("sentinel down-after-milliseconds %s%d 3600000", loud, i))
	}
	s := e.sentinel("sentinel", e.server("server", cluster.NodeSpec{}), lines...)
	e.must(s.WaitView(e.ctx, "mymaster", 0, 0))
	c := &crowd{env: e, s: s}
	defer c.hangUp()
	c.before = c.memory("before")
	stop := c.bystander()

	for range 1000 {
		c.dial()
	}
	c.clients(1000)
	idle := c.memory("1,000 idle connections")
	for i := range 100 {
		_, err := io.WriteString(c.dial(), []string{"*3\r\n$8\r\nSENT", "SENTINEL MAST"}[i%2])
		e.must(err)
	}
	c.clients(1100)
	c.memory("100 more that stop within a command")
	c.endless("64 MB without a newline", "", "a")
	if !testingStock() { // it takes up to 512 MB as one word
		c.endless("64 MB as one word", "*1\r\n$67108864\r\n", "a")
		c.endless("commands of 1,000,000 words", "", "*1000000\r\n"+strings.Repeat("$1\r\na\r\n", 10000))
	}
	c.deafSubscriber(loud + "*")
	stop()
	c.memory("at the end")
	if peak := peakMemory(t, s.PID()); !testingStock() && peak > 384<<20 {
		t.Errorf("the daemon grew to %d MB", peak>>20)
	}
	if idle-c.before > 200<<20 {
		t.Errorf("1,000 idle connections take %d MB", (idle-c.before)>>20)
	}
	if n := e.c.Events().Count(cluster.Named("+tilt", "+sdown")); n > 0 {
		t.Errorf("the Sentinel itself was disturbed: %v", e.c.Events().All())
	}
}

// endless sends head and then pattern again and again, 64 MB of it, and demands
// to be cut before the end.
func (c *crowd) endless(what, head, pattern string) {
	c.Helper()
	conn := c.dial()
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	chunk := []byte(strings.Repeat(pattern, max(1, 64<<10/len(pattern))))
	_, err := io.WriteString(conn, head)
	sent := 0
	for err == nil && sent < 64<<20 {
		c.must(conn.SetWriteDeadline(time.Now().Add(20 * time.Second)))
		var n int
		n, err = conn.Write(chunk)
		sent += n
	}
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		c.Errorf("%s: %d bytes were taken, and the connection was not cut: %v", what, sent, err)
	}
	c.memory(fmt.Sprintf("%s (cut after %.1f MB)", what, float64(sent)/(1<<20)))
}

const (
	loudMasters = 20 // one RESET makes an event for each
	together    = 10 // RESETs that are sent at once, so that one write may save them all
)

// deafSubscriber subscribes to everything and never reads, while events come by
// the thousands. It must be cut.
func (c *crowd) deafSubscriber(loud string) {
	c.Helper()
	conn := c.dial()
	c.must(conn.(*net.TCPConn).SetReadBuffer(4096))
	_, err := io.WriteString(conn, "CLIENT SETNAME deaf\r\nPSUBSCRIBE *\r\n")
	c.must(err)
	deaf := func(ctx context.Context) (string, bool) {
		text, err := c.s.Client().Do(ctx, "CLIENT", "LIST", "TYPE", "pubsub").Text()
		c.must(err)
		return text, strings.Contains(text, " name=deaf ")
	}
	c.until("the deaf subscriber", deaf)
	resets := c.dial()
	replies := bufio.NewReader(resets)
	events := 0
	for {
		c.must(resets.SetDeadline(time.Now().Add(20 * time.Second)))
		_, err := io.WriteString(resets, strings.Repeat("SENTINEL RESET "+loud+"\r\n", together))
		c.must(err)
		for range together {
			reply, err := replies.ReadString('\n')
			c.must(err)
			if reply != fmt.Sprintf(":%d\r\n", loudMasters) {
				c.Fatalf("SENTINEL RESET: %q", reply)
			}
			events += loudMasters
		}
		if events%2000 == 0 {
			c.memory(fmt.Sprintf("%d events for a deaf subscriber", events))
		}
		if text, still := deaf(c.ctx); !still {
			break
		} else if events > 2_000_000 {
			c.Fatalf("not cut after %d events: %s", events, text)
		}
	}
	c.memory(fmt.Sprintf("deaf subscriber cut (%d events)", events))
}
