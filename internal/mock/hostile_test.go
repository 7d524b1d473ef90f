package mock

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/resptest"
)

// Clients that send garbage, too much, or read nothing are cut, and others are
// served.
func TestHostileClients(t *testing.T) {
	m := play(t, "step x\nwait next\n")
	random := rand.New(rand.NewPCG(1, 2))
	for _, node := range []string{"s1", "a"} {
		for _, text := range []string{
			"*9223372036854775807\r\n", "*1\r\n$9223372036854775807\r\n", "*-2\r\n$x\r\n", "*1\r\n$4\r\nPINGxx", "*3\r\n$0\r\n\r\n$0\r\n\r\n$0\r\n\r\n",
			"SENTINEL\r\n", "SENTINEL \"\"\r\n", "SENTINEL get-master-addr-by-name\r\n", "MOCK\r\n", "MOCK DO \"kill\"\r\n", "CLIENT\r\n", "HELLO 3 AUTH\r\n", "\"\"\r\n", "SUBSCRIBE\r\n",
			"SUBSCRIBE " + strings.Repeat("x", 1000) + "\r\n", "PSUBSCRIBE " + strings.Repeat("[a", 100) + "\r\n", strings.Repeat("A", 70_000), "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
			"SENTINEL failover\r\n", "SENTINEL ckquorum \xff\xfe\r\n",
		} {
			poke(t, m.at(node), []byte(text))
		}
		for range 50 {
			noise := make([]byte, random.IntN(300))
			for i := range noise {
				noise[i] = byte(random.Uint32())
			}
			poke(t, m.at(node), noise)
		}
		expectReplies(t, m, node, [2]string{"PING", "+PONG\n"})
	}

	t.Run("reads nothing", func(t *testing.T) {
		c := resptest.Dial(t, "tcp", m.at("s1"))
		must(t, c.SetWriteDeadline(time.Now().Add(20*time.Second)))
		ask := []byte(strings.Repeat("SENTINEL replicas mymaster\r\n", 1000))
		for {
			if _, err := c.Write(ask); err != nil {
				if !resptest.Closed(err) {
					t.Error(err)
				}
				return
			}
		}
	})
	t.Run("subscribes to everything", func(t *testing.T) {
		c := resptest.Dial(t, "tcp", m.at("s1"))
		for i := range 100 {
			c.Send(fmt.Sprintf("SUBSCRIBE c%d\r\n", i))
			v, err := c.Value()
			if err != nil {
				t.Fatal(err)
			}
			if i >= maxSubscriptions && !strings.HasPrefix(v, "-ERR too many subscriptions") {
				t.Fatalf("%d: %q", i, v)
			}
		}
	})
	t.Run("steers without end", func(t *testing.T) {
		for i := range 3 * maxRules {
			do(t, m, fmt.Sprintf("answer s2 c%d nil", i), fmt.Sprintf("field s2 b f%d x", i))
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		if n := m.named("s2"); len(n.rules) > maxRules || len(n.voice.fields[m.named("b")]) > maxFields {
			t.Errorf("%d rules, %d fields", len(n.rules), len(n.voice.fields[m.named("b")]))
		}
	})
	for _, node := range []string{"s1", "s2", "a"} {
		expectReplies(t, m, node, [2]string{"PING", "+PONG\n"})
	}
}

// poke sends bytes and waits until the end of the stream, which the sender's end
// brings about.
func poke(t *testing.T, addr string, text []byte) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	must(t, err)
	defer c.Close()
	must(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	_, _ = c.Write(text) // it may have been cut already
	_ = c.(*net.TCPConn).CloseWrite()
	buffer := make([]byte, 4096)
	for {
		if _, err := c.Read(buffer); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Errorf("%.40q: no end", text)
			}
			return
		}
	}
}
