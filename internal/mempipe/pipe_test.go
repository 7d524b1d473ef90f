package mempipe

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ends() (a, b *End) { return New(Addr("a"), Addr("b")) }

// TestBothWriteFirst: both ends may write before they read, as programs do that rely
// on the buffers of a kernel.
func TestBothWriteFirst(t *testing.T) {
	a, b := ends()
	big := bytes.Repeat([]byte("x"), pipeBytes)
	for _, end := range []net.Conn{a, b} {
		if n, err := end.Write(big); n != len(big) || err != nil {
			t.Fatal(n, err)
		}
	}
	for _, end := range []net.Conn{a, b} {
		got := make([]byte, len(big))
		if _, err := io.ReadFull(end, got); err != nil || !bytes.Equal(got, big) {
			t.Error(err)
		}
	}
	if a.LocalAddr().String() != "a" || a.RemoteAddr().String() != "b" || b.RemoteAddr().Network() != "pipe" {
		t.Errorf("addresses: %v, %v", a.LocalAddr(), a.RemoteAddr())
	}
}

// TestEnds: what the other end sees of a close, of one half, of both, and of a reset.
func TestEnds(t *testing.T) {
	read := func(c net.Conn) (string, error) {
		b := make([]byte, 10)
		n, err := c.Read(b)
		return string(b[:n]), err
	}
	for name, c := range map[string]struct {
		close func(*End)
		text  string
		err   error
	}{
		"half":  {func(e *End) { e.CloseWrite() }, "x", io.EOF},
		"whole": {func(e *End) { e.Close() }, "x", io.EOF},
		"reset": {func(e *End) { e.SetLinger(0); e.Close() }, "", syscall.ECONNRESET},
	} {
		a, b := ends()
		if _, err := a.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		c.close(a)
		text, err := read(b)
		if text != "" {
			_, err = read(b)
		}
		if text != c.text || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %v", name, text, err)
		}
		_, err = b.Write([]byte("y"))
		if wrote := err == nil; wrote != (name == "half") {
			t.Errorf("%s: a write says %v", name, err)
		}
		if name == "half" {
			if text, err := read(a); text != "y" || err != nil {
				t.Errorf("%s: %q, %v", name, text, err)
			}
			continue
		}
		if _, err := read(a); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: a read of the closed end: %v", name, err)
		}
		if err := a.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: closed twice: %v", name, err)
		}
	}
}

// TestDeadlines: a read and a write end in time, and go on after a new deadline.
func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := ends()
		begin := time.Now()
		a.SetDeadline(begin.Add(time.Second))
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("read: %v after %v", err, time.Since(begin))
		}
		a.SetWriteDeadline(time.Now().Add(time.Second))
		if n, err := a.Write(make([]byte, pipeBytes+1)); n != pipeBytes || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("write: %d, %v", n, err)
		}
		a.SetDeadline(time.Time{})
		go func() {
			time.Sleep(time.Hour)
			b.Write([]byte("late"))
		}()
		if n, err := a.Read(make([]byte, 9)); n != 4 || err != nil {
			t.Errorf("read without a deadline: %d, %v", n, err)
		}
		a.SetReadDeadline(time.Now())
		if _, err := a.Read(make([]byte, 9)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read after the deadline: %v", err)
		}
	})
}

func TestListener(t *testing.T) {
	l := Listen("here")
	accepted := make(chan net.Conn)
	go func() {
		nc, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- nc
	}()
	nc, err := l.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	there := <-accepted
	if _, err := nc.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if n, err := there.Read(make([]byte, 2)); n != 1 || err != nil {
		t.Error(n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Dial(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody accepts: %v", err)
	}
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Error(err)
	}
	if _, err := l.Dial(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Dial after Close: %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) || l.Addr().String() != "here" {
		t.Errorf("Accept after Close: %v", err)
	}
}

func Example() {
	l := Listen("in-process")
	defer l.Close()
	go func() {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		io.WriteString(nc, "hello")
	}()
	nc, err := l.Dial(context.Background())
	if err != nil {
		return
	}
	text, _ := io.ReadAll(nc)
	os.Stdout.Write(text)
	// Output: hello
}
