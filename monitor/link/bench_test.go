package link

import (
	"bufio"
	"io"
	"net"
	"os"
	"runtime"
	"testing"

	"github.com/gosentinel/sentinel/monitor"
)

// TestPongsAllocateNothing covers the way of a PING that every link takes every
// second: queue it, expect it, read its reply.
func TestPongsAllocateNothing(t *testing.T) {
	p := New(Config{Deliver: func(monitor.Instant, monitor.Input) {}, Now: func() monitor.Instant { return 1 }})
	c := newConn(p, dialCommand, nil)
	if err := c.feed([]byte("+OK\r\n")); err != nil {
		t.Fatal(err)
	}
	ping, reply := send(1, monitor.Ping{}), []byte("+PONG\r\n")
	allocs := testing.AllocsPerRun(1000, func() {
		c.send(ping)
		c.out.b = c.out.b[:0]
		if err := c.feed(reply); err != nil || len(c.in.ready) != 1 {
			t.Fatalf("%v, %d inputs", err, len(c.in.ready))
		}
		c.deliverReady(1)
	})
	if allocs != 0 {
		t.Errorf("a PING and its reply allocate %v times", allocs)
	}
}

// BenchmarkPing is a PING to a server on this machine and its reply: with the
// system calls of both sides.
func BenchmarkPing(b *testing.B) {
	d := listen(b, nil, func(nc net.Conn) {
		r := bufio.NewReader(nc)
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			if line[0] == '*' { // one for each command
				io.WriteString(nc, "+PONG\r\n")
			}
		}
	})
	pong := make(chan struct{}, 1)
	r := New(Config{Now: func() monitor.Instant { return 1 }, Deliver: func(_ monitor.Instant, in monitor.Input) {
		if _, ok := in.(monitor.LinkUp); !ok {
			pong <- struct{}{}
		}
	}})
	defer r.Shutdown()
	r.Do(d)
	ping := send(1, monitor.Ping{})
	b.ReportAllocs()
	for b.Loop() {
		r.Do(ping)
		r.Flush()
		<-pong
	}
}

// BenchmarkIdleLinks reports what a link costs that has talked and is idle: its
// memory and its goroutines. The other side are bare file descriptors, which
// cost the heap next to nothing.
func BenchmarkIdleLinks(b *testing.B) {
	const links = 200
	var bytes, goroutines float64
	for b.Loop() {
		m, g := idleLinks(b, links)
		bytes, goroutines = m/links, g/links
	}
	b.ReportMetric(bytes, "B/link")
	b.ReportMetric(goroutines, "goroutines/link")
}

func idleLinks(b *testing.B, links int) (bytes, goroutines float64) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	before, running := memory(), runtime.NumGoroutine()
	pongs := make(chan struct{}, links)
	p := New(Config{Now: func() monitor.Instant { return 1 }, Deliver: func(_ monitor.Instant, in monitor.Input) {
		if _, ok := in.(monitor.Pong); ok {
			pongs <- struct{}{}
		}
	}})
	defer p.Shutdown()
	d := dialCommand
	d.Addr = hostPort(b, l.Addr().String())
	for i := range links {
		d.Conn = monitor.ConnID(i + 1)
		p.Do(d)
		p.Do(monitor.Send{Conn: d.Conn, Cmd: monitor.Ping{}})
		p.Flush()
		f := bareAccept(b, l)
		defer f.Close()
		if _, err := f.WriteString("+OK\r\n+PONG\r\n"); err != nil {
			b.Fatal(err)
		}
		<-pongs
	}
	return memory() - before, float64(runtime.NumGoroutine() - running)
}

// bareAccept returns the next connection as a file.
func bareAccept(b *testing.B, l net.Listener) *os.File {
	nc, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	f, err := nc.(*net.TCPConn).File()
	if err != nil {
		b.Fatal(err)
	}
	return f
}

// memory returns the bytes of heap and stacks in use.
func memory() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // the second empties what the first moved aside in pools
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}
