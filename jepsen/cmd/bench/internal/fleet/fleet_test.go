package fleet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/internal/reserve"
	"github.com/gosentinel/sentinel/monitor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakes serves a layout until the test ends. It tries other ports when somebody has
// taken the one behind the first.
func fakes(t *testing.T, l Layout) (port int) {
	t.Helper()
	for {
		addr, free, err := reserve.Addr("127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(free)
		if _, err := fmt.Sscanf(addr, "127.0.0.1:%d", &port); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- Serve(ctx, l, port) }()
		if err := answers(addr, ended); err == nil {
			t.Cleanup(func() {
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
			return port
		} else if !errors.Is(err, syscall.EADDRINUSE) {
			t.Fatal(err)
		}
		cancel()
	}
}

// answers waits until somebody listens, or serving has ended.
func answers(addr string, ended <-chan error) error {
	for deadline := time.Now().Add(time.Minute); ; {
		select {
		case err := <-ended:
			return err
		default:
		}
		nc, err := net.Dial("tcp", addr)
		if err == nil {
			return nc.Close()
		}
		if time.Now().After(deadline) {
			return err
		}
	}
}

type conn struct {
	t  *testing.T
	nc net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, host string, port int) *conn {
	t.Helper()
	nc, err := net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(time.Minute))
	return &conn{t, nc, bufio.NewReader(nc)}
}

// says sends a line and expects replies.
func (c *conn) says(line string, replies ...string) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.nc, "%s\r\n", line); err != nil {
		c.t.Fatal(err)
	}
	c.hears(replies...)
}

func (c *conn) hears(replies ...string) {
	c.t.Helper()
	for _, want := range replies {
		if got, err := c.in.ReadString('\n'); err != nil || got != want+"\r\n" {
			c.t.Fatalf("got %q, %v; want %q", got, err, want)
		}
	}
}

func (c *conn) info() *monitor.Info {
	c.t.Helper()
	if _, err := io.WriteString(c.nc, "INFO\r\n"); err != nil {
		c.t.Fatal(err)
	}
	var n int
	line, err := c.in.ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := fmt.Sscanf(line, "$%d", &n); err != nil {
		c.t.Fatal(err)
	}
	text := make([]byte, n+2)
	if _, err := io.ReadFull(c.in, text); err != nil {
		c.t.Fatal(err)
	}
	return monitor.ParseInfo(text[:n])
}

// TestFakes: each address is a server of its own; replicas are found by INFO, hellos
// reach those who subscribed, a promotion takes effect, and the doomed end.
func TestFakes(t *testing.T) {
	port := fakes(t, Layout{Masters: 2, Replicas: 2, Doomed: 1, First: 300})
	master := dial(t, Host(300, 0), port+1)
	master.says("PING", "+PONG")
	if i := master.info(); len(i.Replicas) != 2 || i.Replicas[1].Host != Host(300, 2) || i.Replicas[1].Port != port {
		t.Errorf("replicas of the doomed master: %+v", i.Replicas)
	}
	replica := dial(t, Host(300, 1), port)
	if i := replica.info(); i.MasterHost != Host(300, 0) || i.MasterPort != port+1 || !i.MasterLinkUp {
		t.Errorf("replica: %+v", i)
	}
	listener := dial(t, Host(301, 0), port)
	listener.says("SUBSCRIBE __sentinel__:hello", "*3", "$9", "subscribe", "$18", "__sentinel__:hello", ":1")
	listener.says("PING", "*2", "$4", "pong", "$0", "")
	dial(t, Host(301, 0), port).says("PUBLISH __sentinel__:hello hi", ":1")
	listener.hears("*3", "$7", "message", "$18", "__sentinel__:hello", "$2", "hi")

	operator := dial(t, "127.0.0.1", port)
	operator.says("HELLO 3", "-ERR unknown command")
	operator.says("DOOM.CLOSE", "+OK")
	if _, err := master.in.ReadByte(); err == nil {
		t.Error("the doomed master still talks")
	}
	if nc, err := net.Dial("tcp", net.JoinHostPort(Host(300, 0), strconv.Itoa(port+1))); err == nil {
		nc.Close()
		t.Error("the doomed master takes connections")
	}
	if i := replica.info(); i.MasterLinkUp {
		t.Error("the link to a dead master is up")
	}
	replica.says("MULTI", "+OK")
	replica.says("SLAVEOF NO ONE", "+QUEUED")
	replica.says("EXEC", "*1", "+OK")
	other := dial(t, Host(300, 2), port)
	other.says("SLAVEOF "+Host(300, 1)+" "+fmt.Sprint(port), "+OK")
	if i := replica.info(); i.Role != monitor.RoleMaster || len(i.Replicas) != 1 {
		t.Errorf("promoted: %+v", i)
	}
	if i := other.info(); i.MasterHost != Host(300, 1) || !i.MasterLinkUp {
		t.Errorf("the other replica: %+v", i)
	}
	if _, err := fmt.Fprint(operator.nc, "COUNTS\r\n"); err != nil {
		t.Fatal(err)
	}
	if line, _ := operator.in.ReadString('\n'); !strings.HasPrefix(line, "$") {
		t.Errorf("counts: %q", line)
	}
}

func TestMute(t *testing.T) {
	port := fakes(t, Layout{Masters: 2, Doomed: 1})
	doomed, spared := dial(t, Host(0, 0), port+1), dial(t, Host(1, 0), port)
	dial(t, "127.0.0.1", port).says("DOOM.MUTE", "+OK")
	spared.says("PING", "+PONG")
	doomed.says("PING")
	if err := doomed.nc.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, err := doomed.in.ReadByte(); err != io.EOF { // it hangs up, having read all
		t.Errorf("the mute master said %q, %v", b, err)
	}
}
