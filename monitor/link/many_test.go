package link

import (
	"bytes"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// TestAlone runs the tests with real sockets as on systems where each connection has a
// goroutine.
func TestAlone(t *testing.T) {
	everyRigAlone = true
	t.Cleanup(func() { everyRigAlone = false })
	for name, test := range map[string]func(*testing.T){
		"TCP": TestTCP, "reads late": TestTCPServerThatReadsLate, "never reads": TestTCPServerThatNeverReads,
		"closes": TestTCPServerThatCloses, "shutdown": TestShutdownOfManyConnections,
		"keeps nothing": TestIdleConnectionKeepsNothing, "a write fails": TestTCPWriteThatFails, "aborted": TestAbortedTCP,
	} {
		t.Run(name, test)
	}
}

// TestReadTogether: while the loop is busy with the reply of one server, those of others
// arrive. They are delivered at once, stamped with when they were read.
func TestReadTogether(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs epoll: only on Linux one goroutine reads from many connections")
	}
	const others = 20
	busy, free, answer, done := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan []Arrival, others)
	var answered sync.WaitGroup
	answered.Add(others)
	first := listen(t, nil, answering("+OK\r\n", "+PONG\r\n"))
	late := listen(t, nil, func(nc net.Conn) {
		var seen []byte
		for buf := make([]byte, 512); !bytes.Contains(seen, []byte("PING")); {
			n, err := nc.Read(buf)
			if err != nil {
				t.Error(err)
				break
			}
			seen = append(seen, buf[:n]...)
		}
		<-answer
		nc.Write([]byte("+OK\r\n+PONG\r\n"))
		answered.Done()
		nc.Read(make([]byte, 1)) // the connection stays open
	})
	r := newRig(t, Config{DeliverAll: func(all []Arrival) {
		if all[0].In == (monitor.Pong{Conn: 1, Reply: monitor.PingPong}) {
			close(busy)
			<-free
			return
		}
		done <- slices.Clone(all)
	}})
	for i := range others {
		late.Conn = monitor.ConnID(i + 2)
		r.run(late, monitor.Send{Conn: late.Conn, Cmd: monitor.Ping{}})
	}
	for range others {
		await[monitor.LinkUp](r)
	}
	r.run(first, monitor.Send{Conn: 1, Cmd: monitor.Ping{}})
	<-busy
	before := r.cfg.Now()
	close(answer)
	answered.Wait()
	close(free)
	var all []Arrival
	select {
	case all = <-done:
	case <-time.After(patience):
		t.Fatal("nothing was delivered")
	}
	from := map[monitor.ConnID]bool{}
	for _, a := range all {
		from[a.In.(monitor.Pong).Conn] = true
		if a.At < before || a.At > r.cfg.Now() {
			t.Errorf("stamped %d, which is not between %d and now", a.At, before)
		}
	}
	if len(all) != others || len(from) != others {
		t.Errorf("%d replies of %d servers were delivered at once, want %d", len(all), len(from), others)
	}
}

// TestAbortedTCP: what an aborted connection has not delivered never is: its server gets
// an error, not an end.
func TestAbortedTCP(t *testing.T) {
	got := make(chan error, 1)
	d := listen(t, nil, func(nc net.Conn) {
		buf := make([]byte, 4096)
		for {
			if _, err := nc.Read(buf); err != nil {
				got <- err
				return
			}
		}
	})
	r := newRig(t, Config{})
	r.run(d)
	await[monitor.LinkUp](r)
	r.run(monitor.Close{Conn: 1, Abort: true})
	if err := <-got; err == nil || err.Error() == "EOF" {
		t.Errorf("the server saw %v", err)
	}
	r.want()
}
