package relay

import (
	"bufio"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo accepts one connection after the other and returns what it gets.
func echo(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(c, c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); <-done })
	return ln
}

// ask sends a line and returns the answer and how long it took.
func ask(t *testing.T, c net.Conn, in *bufio.Reader, line string) time.Duration {
	t.Helper()
	start := time.Now()
	if _, err := io.WriteString(c, line); err != nil {
		t.Fatal(err)
	}
	if got, err := in.ReadString('\n'); err != nil || got != line {
		t.Fatalf("got %q, %v", got, err)
	}
	return time.Since(start)
}

// TestOnlyReplicationIsDelayed: a connection is fast until REPLCONF and slow from
// then on, in both directions. Delays have a least length, which is no matter of how
// busy the machine is; that the fast part is fast is seen by the other test.
func TestOnlyReplicationIsDelayed(t *testing.T) {
	ln := echo(t)
	r, err := Start("127.0.0.1:0", ln.Addr().String(), Shape{Delay: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	ask(t, c, in, "PING\n")
	if took := ask(t, c, in, "replconf listening-port 1\n"); took < 40*time.Millisecond {
		t.Errorf("REPLCONF and its answer took %v", took)
	}
	if took := ask(t, c, in, "psync ? -1\n"); took < 40*time.Millisecond {
		t.Errorf("PSYNC and its answer took %v", took)
	}
}

// TestPace: in virtual time, 64 KiB at 64 KiB a second take about a second of a
// replica, and no time of anybody else.
func TestPace(t *testing.T) {
	for name, slow := range map[string]bool{"replica": true, "client": false} {
		synctest.Test(t, func(t *testing.T) {
			near, in := net.Pipe()
			out, far := net.Pipe()
			done := make(chan struct{})
			start := time.Now()
			go func() {
				defer close(done)
				pipe(t.Context(), out, in, Shape{Delay: 10 * time.Millisecond, Rate: 64 << 10}, func([]byte) bool { return slow })
				_ = out.Close()
			}()
			go func() { _, _ = near.Write(make([]byte, 64<<10)); _ = near.Close() }()
			n, _ := io.Copy(io.Discard, far)
			<-done
			took := time.Since(start)
			if n != 64<<10 || slow != (took >= 500*time.Millisecond) || took > 2*time.Second {
				t.Errorf("%s: %d bytes in %v", name, n, took)
			}
		})
	}
}

// TestCutReachesTheOtherSide: when the server hangs up, so does the relay.
func TestCutReachesTheOtherSide(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	r, err := Start("127.0.0.1:0", ln.Addr().String(), Shape{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	server, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = server.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("read %d bytes, %v", n, err)
	}
}
