package acl

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// oracle is a redis-sentinel 7.0.15, reached over a Unix socket so that it needs
// no port.
type oracle struct {
	*client
	dir, socket string
}

// aclFile is a file in the oracle's directory, empty at first. It is used if the
// configuration says so.
const aclFile = "users.acl"

func startOracle(t *testing.T, config ...string) *oracle {
	t.Helper()
	binary, err := exec.LookPath("redis-sentinel")
	if err != nil {
		t.Fatal("redis-sentinel is not installed: run `make deps`")
	}
	dir, err := os.MkdirTemp("", "acl") // t.TempDir's path is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	o := &oracle{dir: dir, socket: filepath.Join(dir, "s")}
	conf := append([]string{"port 0", "unixsocket " + o.socket, "dir " + dir, "logfile log"}, config...)
	file := filepath.Join(dir, "sentinel.conf")
	if err := os.WriteFile(file, []byte(strings.Join(conf, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, aclFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-exited })
	deadline := time.Now().Add(20 * time.Second)
	for {
		if conn, err := net.Dial("unix", o.socket); err == nil {
			o.client = newClient(t, conn)
			return o
		}
		select {
		case <-exited:
		case <-time.After(10 * time.Millisecond):
			if time.Now().Before(deadline) {
				continue
			}
		}
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		t.Fatalf("redis-sentinel does not answer:\n%s", log)
	}
}

// dial returns another connection.
func (o *oracle) dial(t *testing.T) *client {
	t.Helper()
	conn, err := net.Dial("unix", o.socket)
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, conn)
}

// client is a minimal RESP2 client. Replies are string, int64, nil, []any or
// wireError.
type client struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
	w    *bufio.Writer
}

type wireError string

func newClient(t *testing.T, conn net.Conn) *client {
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(5 * time.Minute))
	return &client{t: t, conn: conn, r: bufio.NewReader(conn), w: bufio.NewWriter(conn)}
}

// send queues a request.
func (c *client) send(words ...string) {
	fmt.Fprintf(c.w, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(c.w, "$%d\r\n%s\r\n", len(w), w)
	}
}

func (c *client) receive() any {
	c.t.Helper()
	reply, err := c.read()
	if err != nil {
		c.t.Fatalf("redis-sentinel: %v", err)
	}
	return reply
}

func (c *client) do(words ...string) any {
	c.t.Helper()
	c.send(words...)
	return c.receive()
}

func (c *client) read() (any, error) {
	if err := c.w.Flush(); err != nil {
		return nil, err
	}
	line, err := c.r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	text := strings.TrimSuffix(line[1:], "\r\n")
	if line[0] == '+' {
		return text, nil
	}
	if line[0] == '-' {
		return wireError(text), nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return nil, err
	case line[0] == ':':
		return n, nil
	case n < 0:
		return nil, nil
	case line[0] == '$':
		b := make([]byte, n+2)
		_, err := io.ReadFull(c.r, b)
		return string(b[:n]), err
	case line[0] == '*':
		list := make([]any, n)
		for i := range list {
			if list[i], err = c.read(); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	return nil, errors.New("not RESP2: " + line)
}

// texts converts a list reply.
func texts(t *testing.T, reply any) []string {
	t.Helper()
	list, ok := reply.([]any)
	if !ok {
		t.Fatalf("not a list: %#v", reply)
	}
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = fmt.Sprint(e)
	}
	return out
}

// userView converts the reply to ACL GETUSER.
func userView(t *testing.T, reply any) UserView {
	t.Helper()
	m, ok := reply.([]any)
	if !ok || len(m) != 12 || m[0] != "flags" || m[2] != "passwords" || m[4] != "commands" || m[6] != "keys" || m[8] != "channels" || m[10] != "selectors" {
		t.Fatalf("ACL GETUSER: %q", reply)
	}
	v := UserView{Flags: texts(t, m[1]), Passwords: texts(t, m[3]),
		SelectorView: SelectorView{Commands: m[5].(string), Keys: m[7].(string), Channels: m[9].(string)}}
	for _, e := range m[11].([]any) {
		s := texts(t, e)
		if len(s) != 6 || s[0] != "commands" || s[2] != "keys" || s[4] != "channels" {
			t.Fatalf("ACL GETUSER: selector %q", s)
		}
		v.Selectors = append(v.Selectors, SelectorView{Commands: s[1], Keys: s[3], Channels: s[5]})
	}
	return v
}

// loose removes the intended differences from 7.0.15 in how a user is shown. They
// never concern what the user may do.
func loose(v UserView) string {
	// Since 7.2 a new user shows sanitize-payload; in 7.0 only after a rule or
	// reset.
	v.Flags = slices.DeleteFunc(slices.Clone(v.Flags), func(f string) bool { return f == "sanitize-payload" })
	all := append([]SelectorView{v.SelectorView}, v.Selectors...)
	for i := range all {
		s := &all[i]
		// 7.0 derives command rules from the result, 7.2 keeps those given.
		// sameCommands compares their meaning.
		s.Commands = ""
		// The key pattern * is shown so that the rules can be loaded again.
		s.Keys = strings.ReplaceAll(s.Keys, "%RW~*", "~*")
	}
	return fmt.Sprintf("%q", []any{v.Flags, v.Passwords, all})
}

// newest converts a refusal of 7.0.15 to the wording of newer versions.
func newest(text, user string) string {
	return strings.Replace(text, "This user has", "User "+user+" has", 1)
}
