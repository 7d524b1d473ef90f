package fakeredis

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestStartErrors(t *testing.T) {
	taken := start(t, Config{})
	for name, tc := range map[string]struct {
		cfg  Config
		want string
	}{
		"port taken":        {Config{Addr: taken.Addr()}, "cannot listen on " + taken.Addr()},
		"bad address":       {Config{Addr: "127.0.0.1:99999"}, "cannot listen on 127.0.0.1:99999"},
		"master without":    {Config{ReplicaOf: "localhost"}, "want host:port"},
		"master port":       {Config{ReplicaOf: "localhost:0"}, "port between 1 and 65535"},
		"master host":       {Config{ReplicaOf: "a\nb:1"}, "want host:port"},
		"priority":          {Config{Priority: -2}, "NeverPromote"},
		"unknown parameter": {Config{Parameters: map[string]string{"foo": "1"}}, `Parameters["foo"]`},
		"fixed parameter":   {Config{Parameters: map[string]string{"port": "1"}}, `Parameters["port"]`},
		"bad value":         {Config{Parameters: map[string]string{"repl-timeout": "soon"}}, "integer"},
	} {
		if s, err := Start(tc.cfg); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
			if err == nil {
				s.Close()
			}
		}
	}
}

// TestCloseSaysGoodbye: queued replies arrive, then the connection ends in an
// orderly way.
func TestCloseSaysGoodbye(t *testing.T) {
	s := start(t, Config{})
	c := dialRaw(t, s.Addr())
	c.ask(t, "SET", "k", strings.Repeat("x", 1<<20))
	c.write(t, "GET", "k")
	if _, err := c.r.Peek(1); err != nil { // the reply is arriving
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); s.Close() }()
	if got := c.read(t); len(got) != 1<<20 {
		t.Errorf("got %d bytes", len(got))
	}
	if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("after Close: %v, want EOF", err)
	}
	<-ended
	s.Close() // a second Close has no effect
	s.Crash() // neither has a Crash after it
	if _, err := net.Dial("tcp", s.Addr()); err == nil {
		t.Error("the port is still open")
	}
}

func TestCrashResets(t *testing.T) {
	s := start(t, Config{})
	replica := startReplica(t, s)
	c := dialRaw(t, s.Addr())
	c.ask(t, "PING")
	s.Crash()
	if _, err := c.r.ReadByte(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after Crash: %v, want a reset", err)
	}
	waitInfo(t, replica, "master_link_status", "down")
}

// TestRestartWithData: a replica continues where it stopped. A master returns
// with its data under a new history, which its former replicas can join without a
// full copy.
func TestRestartWithData(t *testing.T) {
	master := start(t, Config{})
	replica := startReplica(t, master)
	m := dial(t, master.Addr())
	must(t, m, "RPUSH", "l", "a")
	waitSame(t, master, replica)
	replica.Crash()
	data := replica.Data()
	must(t, m, "RPUSH", "l", "b")

	replica = start(t, Config{ReplicaOf: master.Addr(), Data: data})
	waitLink(t, replica)
	waitSame(t, master, replica)
	if got := info(t, master); got["sync_full"] != "1" || got["sync_partial_ok"] != "1" {
		t.Errorf("full copies %s, partial %s; want 1 and 1", got["sync_full"], got["sync_partial_ok"])
	}
	master.Close()
	again := start(t, Config{Data: master.Data()})
	if info(t, again)["master_replid"] == info(t, replica)["master_replid"] {
		t.Error("a restarted master goes on under the old id")
	}
	follow(t, replica, again)
	if got := info(t, again)["sync_full"]; got != "0" {
		t.Errorf("full copies: %s", got)
	}
	must(t, dial(t, again.Addr()), "RPUSH", "l", "c")
	waitSame(t, again, replica)
	if len(data.db.keys["l"].list) != 1 {
		t.Error("Data changed after it was taken")
	}
}

// TestPause: a frozen server keeps its connections and accepts new ones, but
// answers nothing until it is resumed.
func TestPause(t *testing.T) {
	s := start(t, Config{})
	old := dialRaw(t, s.Addr())
	old.ask(t, "PING")
	s.Pause()
	s.Pause()
	fresh := dialRaw(t, s.Addr())
	old.write(t, "INCR", "n")
	fresh.write(t, "INCR", "n")
	if n := len(s.Data().db.keys); n != 0 {
		t.Errorf("%d keys while frozen", n)
	}
	s.Resume()
	if a, b := old.read(t), fresh.read(t); a+b != ":1:2" && a+b != ":2:1" {
		t.Errorf("after Resume: %s %s", a, b)
	}
	s.Pause()
	s.Close() // a frozen server can be closed
}

func TestShutdown(t *testing.T) {
	s := start(t, Config{})
	c := dialRaw(t, s.Addr())
	if got := c.ask(t, "SHUTDOWN", "SAVE"); !strings.Contains(got, "memory only") {
		t.Errorf("SHUTDOWN SAVE: %s", got)
	}
	c.write(t, "SHUTDOWN", "NOSAVE")
	if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("after SHUTDOWN: %v, want EOF", err)
	}
	<-s.Done()
}

// TestSlowReadersAreCut: a subscriber and a replica that do not read must neither
// delay the others nor take more memory than their limit.
func TestSlowReadersAreCut(t *testing.T) {
	s := start(t, Config{})
	slow := dialRaw(t, s.Addr())
	slow.ask(t, "SUBSCRIBE", "ch")
	attachFake(t, s)
	c := dialRaw(t, s.Addr())
	message := strings.Repeat("x", 1<<20)
	delivered := ""
	for i := 0; i < 200 && delivered != ":0"; i++ {
		delivered = c.ask(t, "PUBLISH", "ch", message)
	}
	if delivered != ":0" {
		t.Error("the subscriber was not cut")
	}
	eventually(t, "the replica to be cut", func() (any, bool) {
		c.ask(t, "PUBLISH", "ch", message)
		n := info(t, s)["connected_slaves"]
		return n, n == "0"
	})
	if got := info(t, s)["client_output_buffer_limit_disconnections"]; got != "2" {
		t.Errorf("cut: %s, want 2", got)
	}
}

// TestOutboxLimit: bytes that are queued and bytes that the writer has taken
// count together; those of a snapshot do not count at all.
func TestOutboxLimit(t *testing.T) {
	ours, theirs := net.Pipe()
	o := newOutbox(ours, &gate{}, 100)
	done := make(chan struct{})
	go func() { defer close(done); o.run() }()
	snapshot := bytes.Repeat([]byte("s"), 1000)
	if !o.putSnapshot(snapshot) || !o.put(make([]byte, 60)) || o.put(make([]byte, 41)) || !o.put(make([]byte, 40)) || o.put([]byte("x")) {
		t.Error("the limit of 100 bytes beside the snapshot is not kept")
	}
	if _, err := io.ReadFull(theirs, make([]byte, 1100)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the writer to have written", func() (any, bool) { n := o.waiting(); return n, n == 0 })
	if o.put(make([]byte, 101)) || !o.put([]byte("farewell")) {
		t.Error("the limit of 100 bytes is not kept after the snapshot")
	}
	o.finish()
	if got, err := io.ReadAll(theirs); string(got) != "farewell" || err != nil {
		t.Errorf("after finish: %q, %v", got, err)
	}
	<-done
}

// TestStrangers: no input may change the state of the server.
func TestStrangers(t *testing.T) {
	s := start(t, Config{})
	for _, packet := range []string{
		"*1\r\n$9223372036854775807\r\n", "*9223372036854775807\r\n", "*1\r\n$-5\r\n", "*1000000000\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\n\r\n",
		"\"open\r\n", "\x00\xff\r\n", strings.Repeat("x", 1<<17), "*2\r\n$3\r\nGET\r\n$20000000\r\n", "*1\r\n$0\r\n\r\n", "*2\r\n$6\r\nCLIENT\r\n$0\r\n\r\n",
		"*1\r\n$5\r\nPSYNC\r\n", "*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$20\r\n-9223372036854775808\r\n", "*4\r\n$6\r\nSELECT\r\n",
	} {
		c := dialRaw(t, s.Addr())
		_, _ = c.conn.Write([]byte(packet))                  // the server may close the connection at once
		_ = c.conn.(*net.TCPConn).CloseWrite()               // half a command must not keep the connection open
		_, _ = io.Copy(io.Discard, io.LimitReader(c.r, 1e6)) // until it is closed
	}
	if got := dialRaw(t, s.Addr()).ask(t, "PING"); got != "+PONG" {
		t.Error(got)
	}
	eventually(t, "all of them to be forgotten", func() (any, bool) {
		n := info(t, s)["connected_clients"]
		return n, n == "2" // the client above and the one that asks
	})
}

// child runs Main in a child process.
func child(t *testing.T, args ...string) (stop func(os.Signal) int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := spawn(t, self, []string{mainEnv + "=1"}, args...)
	return func(sig os.Signal) int {
		t.Helper()
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // the status is read from ProcessState
		return cmd.ProcessState.ExitCode()
	}
}

func TestMainAsProcess(t *testing.T) {
	dir := t.TempDir()
	masterConf, replicaConf := filepath.Join(dir, "m.conf"), filepath.Join(dir, "r.conf")
	write(t, masterConf, "bind 127.0.0.1\nport 22030\n\ndir .\n")
	write(t, replicaConf, "# the second node\nbind 127.0.0.1\nport 22031\n\ndir "+dir+"\n\nslaveof 127.0.0.1 22030\nmasterauth \"p w\"\n")
	stopMaster := child(t, masterConf, "--requirepass", "x")
	waitNoAuth(t, "127.0.0.1:22030")
	m := dialRaw(t, "127.0.0.1:22030")
	m.ask(t, "AUTH", "x")
	m.ask(t, "CONFIG", "SET", "requirepass", "p w")
	m.ask(t, "SET", "k", "v")
	stopReplica := child(t, replicaConf, "--replica-priority", "5")
	waitPing(t, "127.0.0.1:22031")
	r := dial(t, "127.0.0.1:22031")
	eventually(t, "the copy", func() (any, bool) {
		v := must(t, r, "GET", "k")
		return v, v == "v"
	})
	if got := stopMaster(syscall.SIGSEGV); got == 0 {
		t.Error("a process killed by SIGSEGV has status 0")
	}
	must(t, r, "REPLICAOF", "NO", "ONE")
	must(t, r, "CONFIG", "SET", "requirepass", "a \"b\" #c")
	must(t, r, "CONFIG", "REWRITE")
	got, err := os.ReadFile(replicaConf)
	if err != nil {
		t.Fatal(err)
	}
	want := "# the second node\nbind 127.0.0.1\nport 22031\n\ndir " + dir + "\n\nmasterauth \"p w\"\n\n" + generatedMark + "\nrequirepass \"a \\\"b\\\" #c\"\nreplica-priority 5\n"
	if string(got) != want {
		t.Errorf("rewritten file:\n%s\nwant:\n%s", got, want)
	}
	if got := stopReplica(syscall.SIGTERM); got != 0 {
		t.Errorf("status after SIGTERM: %d", got)
	}
	cfg, err := loadFile(replicaConf, nil)
	if err != nil || cfg.ReplicaOf != "" || cfg.Parameters["requirepass"] != "a \"b\" #c" || cfg.Addr != "127.0.0.1:22031" {
		t.Errorf("read back: %+v, %v", cfg, err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// waitNoAuth waits for a server that requires a password.
func waitNoAuth(t *testing.T, addr string) {
	t.Helper()
	c := dial(t, addr)
	eventually(t, addr+" to answer", func() (any, bool) {
		err := c.Ping(context.Background()).Err()
		return err, err != nil && strings.Contains(err.Error(), "NOAUTH")
	})
}

func TestMainComplains(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "bad.conf")
	for text, want := range map[string]string{
		"port 70000\n":                   "bad.conf:1: port 70000: want a port between 1 and 65535",
		"\n\nappendonly yes\n":           "bad.conf:3: appendonly yes: a mini-Redis only knows no here",
		"cluster-enabled yes\n":          "a mini-Redis does not know this directive",
		"requirepass \"open\n":           "quotes are not balanced",
		"slaveof 127.0.0.1\n":            "want a host and a port",
		"replicaof 127.0.0.1 0\n":        "port between 1 and 65535",
		"replica-priority low\n":         "integer",
		"dir /does/not/exist\n":          "no such file",
		"bind 127.0.0.1 ::1\n":           "exactly one value",
		"requirepass \"a\"b\n":           "followed by a blank",
		"replica-announce-ip \"a b\"\n":  "address or a host name",
		"min-replicas-to-write 1 2 3 \n": "exactly one value",
	} {
		write(t, conf, text)
		if _, err := loadFile(conf, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if got := Main([]string{conf}); got != 1 {
			t.Errorf("%q: status %d", text, got)
		}
	}
	if got := Main([]string{"/does/not/exist.conf"}) + Main([]string{"--port"}) + Main([]string{conf, "stray"}); got != 3 {
		t.Errorf("bad command lines: %d of 3 refused", got)
	}
}
