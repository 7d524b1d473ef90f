package epoll

import (
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// pair returns both ends of a TCP connection.
func pair(t *testing.T) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	far.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// started returns a Set at work, and what it finds ready.
func started(t *testing.T) (*Set, <-chan *Conn) {
	t.Helper()
	set, found := Open(), make(chan *Conn, 16)
	if set == nil {
		t.Fatal("there is no epoll instance")
	}
	go set.Run(func(p *Conn) { found <- p }, func() {})
	t.Cleanup(set.Close)
	return set, found
}

func next(t *testing.T, found <-chan *Conn) *Conn {
	t.Helper()
	select {
	case p := <-found:
		return p
	case <-time.After(patience):
		t.Fatal("nothing was found ready")
		return nil
	}
}

// TestWatched: a connection is found ready once for each Watch, also after its end.
func TestWatched(t *testing.T) {
	set, found := started(t)
	near, far := pair(t)
	p := set.Take(near)
	if p == nil {
		t.Fatal("the connection was not taken")
	}
	if _, err := p.TryRead(make([]byte, 8)); err != Again {
		t.Errorf("read with nothing there: %v", err)
	}
	if err := p.Watch(); err != nil {
		t.Fatal(err)
	}
	far.Write([]byte("abc"))
	if next(t, found) != p {
		t.Fatal("another connection was found ready")
	}
	buf := make([]byte, 8)
	if n, err := p.TryRead(buf); err != nil || string(buf[:n]) != "abc" {
		t.Errorf("read %q, %v", buf[:n], err)
	}
	if n, err := p.TryWrite([]byte("def")); n != 3 || err != nil {
		t.Errorf("wrote %d, %v", n, err)
	}
	if _, err := io.ReadFull(far, buf[:3]); err != nil || string(buf[:3]) != "def" {
		t.Errorf("the other side read %q, %v", buf[:3], err)
	}
	p.Watch()
	p.Close()
	next(t, found)
	if _, err := p.TryRead(buf); err != io.EOF {
		t.Errorf("read after the end: %v", err)
	}
	p.Release()
	if len(found) != 0 {
		t.Error("a connection was found ready that nobody watched")
	}
}

// TestReleased: the descriptor of a connection that was released is that of another one
// soon. The first has no part in that any more, in no call.
func TestReleased(t *testing.T) {
	set, found := started(t)
	near, _ := pair(t)
	old := set.Take(near)
	old.Watch()
	old.Close()
	next(t, found)
	old.Release()
	for range 100 {
		near, far := pair(t)
		p := set.Take(near)
		if p.Descriptor() != old.Descriptor() {
			p.Close()
			p.Release()
			continue
		}
		if _, err := old.TryWrite([]byte("x")); err != net.ErrClosed {
			t.Errorf("the old connection wrote: %v", err)
		}
		if _, err := old.TryRead(make([]byte, 1)); err != net.ErrClosed {
			t.Errorf("the old connection read: %v", err)
		}
		old.Abort()
		old.Watch()
		p.Watch()
		far.Write([]byte("y"))
		if next(t, found) != p {
			t.Error("the old connection was found ready")
		}
		p.Close()
		p.Release()
		return
	}
	t.Skip("no descriptor came back")
}

// TestAbort: the other side gets an error and not an end, and nothing is written to it.
func TestAbort(t *testing.T) {
	set, found := started(t)
	near, far := pair(t)
	p := set.Take(near)
	p.Watch()
	p.Abort()
	next(t, found)
	if _, err := p.TryWrite([]byte("late")); err != net.ErrClosed {
		t.Errorf("something was written: %v", err)
	}
	p.Release()
	if n, err := far.Read(make([]byte, 8)); n != 0 || err == nil || err == io.EOF {
		t.Errorf("the other side read %d bytes, %v", n, err)
	}
}

// TestOthersAreNotTaken: only plain TCP is.
func TestOthersAreNotTaken(t *testing.T) {
	set, _ := started(t)
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if set.Take(a) != nil {
		t.Error("a pipe was taken")
	}
	near, _ := pair(t)
	if (*Set)(nil).Take(near) != nil {
		t.Error("no Set took a connection")
	}
}
