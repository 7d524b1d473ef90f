package fakeredis

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

// mainEnv makes the test binary run Main instead of the tests, as the demo's
// child processes do.
const mainEnv = "MINIREDIS_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(mainEnv) != "" {
		os.Exit(Main(os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

// patience bounds every wait of the tests. No test depends on its length.
const patience = 20 * time.Second

// eventually waits for a condition. The condition also returns what it saw, for
// the failure message.
func eventually(t *testing.T, what string, cond func() (saw any, ok bool)) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		saw, ok := cond()
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not after %v; last seen: %v", what, patience, saw)
		}
	}
}

// testLog writes to the test's log.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(testLog{t}, nil))
	}
	s, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func startReplica(t *testing.T, master *Server) *Server {
	t.Helper()
	r := start(t, Config{ReplicaOf: master.Addr()})
	waitLink(t, r)
	return r
}

func dial(t *testing.T, addr string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, ReadTimeout: patience})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// must runs one command and returns its reply as go-redis decodes it.
func must(t *testing.T, c *redis.Client, args ...any) any {
	t.Helper()
	val, err := c.Do(context.Background(), args...).Result()
	if err != nil && err != redis.Nil {
		t.Fatalf("%v: %v", args, err)
	}
	return val
}

// failing runs one command that must fail and returns the error's text.
func failing(t *testing.T, c *redis.Client, args ...any) string {
	t.Helper()
	val, err := c.Do(context.Background(), args...).Result()
	if err == nil {
		t.Fatalf("%v: got %v, want an error", args, val)
	}
	return err.Error()
}

// info returns the fields of INFO by querying the server, so the tests see what a
// Sentinel sees.
func info(t *testing.T, s *Server) map[string]string {
	t.Helper()
	r := dialRaw(t, s.Addr())
	defer r.conn.Close()
	return fieldsOf(r.ask(t, "INFO"))
}

func fieldsOf(text string) map[string]string {
	fields := make(map[string]string)
	for l := range strings.Lines(text) {
		if name, val, ok := strings.Cut(strings.TrimSpace(l), ":"); ok {
			fields[name] = val
		}
	}
	return fields
}

func waitInfo(t *testing.T, s *Server, name, want string) {
	t.Helper()
	c := dial(t, s.Addr())
	defer c.Close()
	eventually(t, fmt.Sprintf("%s of %s to become %s", name, s.Addr(), want), func() (any, bool) {
		text, err := c.Info(context.Background()).Result()
		if err != nil {
			return err, false // a Sentinel that changes the role closes all connections
		}
		got := fieldsOf(text)[name]
		return got, got == want
	})
}

func waitLink(t *testing.T, s *Server) { t.Helper(); waitInfo(t, s, "master_link_status", "up") }

// waitSame waits until two servers hold the same data at the same offset of the
// same history.
func waitSame(t *testing.T, a, b *Server) {
	t.Helper()
	eventually(t, "equal data", func() (any, bool) {
		da, db := a.Data(), b.Data()
		same := da.id == db.id && da.offset == db.offset && string(appendSnapshot(nil, da.db)) == string(appendSnapshot(nil, db.db))
		return fmt.Sprint(da.id, da.offset, len(da.db.keys), " against ", db.id, db.offset, len(db.db.keys)), same
	})
}

// rawConn is a connection without a client library.
type rawConn struct {
	conn net.Conn
	r    *bufio.Reader
}

func dialRaw(t *testing.T, addr string) *rawConn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &rawConn{conn, bufio.NewReader(conn)}
}

func (c *rawConn) write(t *testing.T, words ...string) {
	t.Helper()
	if _, err := c.conn.Write(appendCommand(nil, words...)); err != nil {
		t.Fatal(err)
	}
}

// ask sends a command and returns the reply as readReply shows it.
func (c *rawConn) ask(t *testing.T, words ...string) string {
	t.Helper()
	c.write(t, words...)
	return c.read(t)
}

func (c *rawConn) read(t *testing.T) string {
	t.Helper()
	s, err := readReply(c.r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// readReply renders one reply of any RESP type: simple ones unchanged, aggregates
// in brackets after their type byte.
func readReply(r *bufio.Reader) (string, error) {
	l, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	l = strings.TrimSuffix(l, "\r\n")
	switch l[0] {
	case '$', '=':
		n, err := strconv.Atoi(l[1:])
		if err != nil || n < 0 {
			return "(nil)", err
		}
		b := make([]byte, n+2)
		_, err = io.ReadFull(r, b)
		return string(b[:n]), err
	case '*', '%', '>':
		n, err := strconv.Atoi(l[1:])
		if err != nil || n < 0 {
			return "(nil array)", err
		}
		if l[0] == '%' {
			n *= 2
		}
		var parts []string
		for range n {
			p, err := readReply(r)
			if err != nil {
				return "", err
			}
			parts = append(parts, p)
		}
		return l[:1] + "[" + strings.Join(parts, " ") + "]", nil
	}
	return l, nil
}

// tool finds a program that the tests need. It is in Debian's redis packages.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is needed for this test: install the Debian packages redis-server and redis-sentinel, or run make test, which does", name)
	}
	return path
}

// spawn runs a program until the end of the test and returns it; its output is
// logged if the test fails.
func spawn(t *testing.T, path string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), env...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended already
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("output of %s %v:\n%s", path, args, out.String())
		}
	})
	return cmd
}

// waitPing waits until a server answers.
func waitPing(t *testing.T, addr string) {
	t.Helper()
	c := dial(t, addr)
	eventually(t, addr+" to answer", func() (any, bool) {
		err := c.Ping(context.Background()).Err()
		return err, err == nil
	})
}

// twoWrites is a transaction for TxPipelined.
func twoWrites(p redis.Pipeliner) error {
	p.Set(context.Background(), "t1", "1", 0)
	p.Set(context.Background(), "t2", "2", 0)
	return nil
}
