package discovery

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// within fails if more virtual time has passed.
func (w *world) within(start time.Time, most time.Duration) {
	w.Helper()
	if d := time.Since(start); d > most {
		w.Errorf("it took %v, more than %v", d, most)
	}
}

// simulated runs a test in virtual time.
func simulated(t *testing.T, sentinels int, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, sentinels)
		defer func() {
			if w.stop != nil {
				w.stop()
			}
		}()
		f(t, w)
	})
}

func TestFindsMasterAndReplicas(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		w.sentinels[0].down = []string{"c:1"} // one of three says so
		start := time.Now()
		w.run()
		w.master("a:1", 5)
		w.within(start, 0)
		synctest.Wait() // for the third Sentinel
		list, err := w.r.Replicas(t.Context())
		if err != nil || fmt.Sprint(list) != "[b:1 c:1]" || list[0].Epoch != 5 {
			t.Errorf("replicas %v, %v", list, err)
		}
	})
}

// An event brings the new master at once, whoever publishes it.
func TestFollowsEvents(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		w.run()
		w.master("a:1", 5)
		time.Sleep(time.Second) // of virtual time, so that all is quiet
		w.failover(w.sentinels...)
		start := time.Now()
		w.sentinels[2].publish("other", "a:1", "b:1")
		synctest.Wait()
		w.master("a:1", 5)
		w.sentinels[2].publish("cache", "a:1", "b:1")
		w.until("b:1", 6)
		w.within(start, 100*time.Millisecond)
	})
}

// Without events, which get lost, polling finds it.
func TestPolls(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		for _, s := range w.sentinels {
			s.events = false
		}
		w.opt.Poll = 3 * time.Second
		w.run()
		w.master("a:1", 5)
		w.failover(w.sentinels...)
		start := time.Now()
		w.until("b:1", 6)
		w.within(start, 4*time.Second)
	})
}

// While there is no master everybody waits, and nobody longer than wanted.
func TestWaitsDuringFailover(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		w.run()
		w.master("a:1", 5)
		w.net.kill("a:1")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		_, err := w.r.Master(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "a:1 does not say that it is a master (a:1: dial: connection refused)") {
			t.Errorf("Master: %v", err)
		}
		conn, err := w.r.DialMaster(ctx, "tcp", "ignored")
		var op *net.OpError
		if conn != nil || !errors.As(err, &op) || op.Op != "dial" || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("DialMaster: %v, %v", conn, err)
		}
		w.within(start, 3*time.Second)
		if list, err := w.r.Replicas(t.Context()); err != nil || len(list) != 2 {
			t.Errorf("the replicas of before: %v, %v", list, err)
		}

		dialled := make(chan error)
		go func() {
			conn, err := w.r.DialMaster(context.Background(), "tcp", "")
			if err == nil {
				err = said(conn, "b:1")
			}
			dialled <- err
		}()
		time.Sleep(20 * time.Second)
		w.failover(w.sentinels...)
		start = time.Now()
		w.sentinels[1].publish("cache", "a:1", "b:1")
		if err := <-dialled; err != nil {
			t.Error(err)
		}
		w.within(start, time.Second)
	})
}

// said checks who is at the other end of a connection, and closes it.
func said(conn net.Conn, want string) error {
	defer conn.Close()
	if _, err := io.WriteString(conn, bulks("WHO")); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && line != "+"+want+"\r\n" {
		err = fmt.Errorf("it is %q, not %s", line, want)
	}
	return err
}

// Connections to a master end when it is demoted, whether it is still there or
// has vanished without a word, and only those.
func TestCutsDemotedMaster(t *testing.T) {
	for name, end := range map[string]func(w *world){
		"says it is a replica": func(w *world) { w.servers["a:1"].become(aReplica) },
		"has vanished":         func(w *world) { w.net.serve("a:1", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			simulated(t, 3, func(t *testing.T, w *world) {
				w.run()
				master, err := w.r.DialMaster(t.Context(), "", "")
				if err != nil {
					t.Fatal(err)
				}
				defer master.Close()
				replica, err := w.r.DialReplica(t.Context(), "", "")
				if err != nil {
					t.Fatal(err)
				}
				if n := w.r.Status().Conns; n != 2 {
					t.Errorf("%d connections", n)
				}
				read := make(chan error)
				go func() {
					_, err := master.Read(make([]byte, 1))
					read <- err
				}()
				end(w)
				w.failover(w.sentinels...)
				start := time.Now()
				w.sentinels[0].publish("cache", "a:1", "b:1")
				if err := <-read; !errors.Is(err, ErrDemoted) || !errors.Is(err, io.EOF) {
					t.Errorf("read: %v", err)
				}
				w.within(start, 100*time.Millisecond)
				if _, err := master.Write([]byte("x")); !errors.Is(err, ErrDemoted) {
					t.Errorf("write: %v", err)
				}
				for _, set := range []func(time.Time) error{master.SetDeadline, master.SetReadDeadline, master.SetWriteDeadline} {
					if err := set(time.Now()); !errors.Is(err, ErrDemoted) {
						t.Errorf("deadline: %v", err)
					}
				}
				w.until("b:1", 6)
				if err := said(replica, "b:1"); err != nil {
					t.Errorf("the connection to the replica: %v", err)
				}
				if n := w.r.Status().Conns; n != 0 {
					t.Errorf("%d connections", n)
				}
			})
		})
	}
}

// A server that is demoted and becomes the master again is connected to again; what
// was opened in its first reign stays cut.
func TestMasterAgain(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		w.run()
		first, err := w.r.DialMaster(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer first.Close()
		epoch := uint64(5)
		for _, to := range []string{"b:1", "a:1", "b:1", "a:1"} {
			epoch++
			for addr, s := range w.servers {
				s.become(map[bool]string{true: aMaster, false: aReplica}[addr == to])
			}
			for _, s := range w.sentinels {
				s.say(to, epoch, "a:1", "b:1", "c:1")
			}
			w.sentinels[0].publish("cache", "c:1", to)
			start := time.Now()
			w.until(to, epoch)
			w.within(start, time.Second)
			conn := w.connect()
			if err := said(conn, to); err != nil {
				t.Error(err)
			}
		}
		if _, err := first.Read(make([]byte, 1)); !errors.Is(err, ErrDemoted) {
			t.Errorf("the connection of the first reign: %v", err)
		}
	})
}

// However many wait for the new master, all get it, and neither the old one nor the
// Sentinels are asked more often for that.
func TestManyWaitDuringFailover(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		w.run()
		w.master("a:1", 5)
		w.net.kill("a:1")
		synctest.Wait()
		before := w.net.dialled("a:1")
		const callers = 500
		done := make(chan error, callers)
		for range callers {
			go func() {
				conn, err := w.r.DialMaster(context.Background(), "", "")
				if err == nil {
					err = said(conn, "b:1")
				}
				done <- err
			}()
		}
		time.Sleep(30 * time.Second)
		if n := w.net.dialled("a:1") - before; n > 60 {
			t.Errorf("the dead master was dialled %d times in 30 s", n)
		}
		if n := w.sentinels[0].asked(); n > 60 {
			t.Errorf("a Sentinel was asked %d times", n)
		}
		w.failover(w.sentinels...)
		w.sentinels[0].publish("cache", "a:1", "b:1")
		for range callers {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		if n := w.net.dialled("b:1"); n > callers+2 {
			t.Errorf("the new master was dialled %d times for %d connections", n, callers)
		}
	})
}

// A master that takes no more clients is not stormed by those who want a connection,
// and neither are the Sentinels that they ask about it.
func TestManyAreTurnedAway(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		w.run()
		w.master("a:1", 5)
		synctest.Wait()
		const callers = 50
		w.net.serve("a:1", func(c net.Conn) { // to new ones
			c.Read(make([]byte, 100))
			c.Write([]byte("-ERR max number of clients reached\r\n"))
		})
		time.AfterFunc(59*time.Second, func() { w.net.serve("a:1", nil) }) // their last try is cut short
		before, asked := w.net.dialled("a:1"), w.sentinels[0].asked()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		done := make(chan error, callers)
		for range callers {
			go func() {
				_, err := w.r.DialMaster(ctx, "", "")
				done <- err
			}()
		}
		for range callers {
			if err := <-done; err == nil || !strings.Contains(err.Error(), "max number of clients reached") || !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("turned away: %v", err)
			}
		}
		if n := w.net.dialled("a:1") - before; n > callers*90 {
			t.Errorf("each caller dialled %d times in a minute", n/callers)
		}
		if n := w.sentinels[0].asked() - asked; n > 240 {
			t.Errorf("a Sentinel was asked %d times in a minute", n)
		}
	})
}

// A subscription that has gone silent without an end, as behind a firewall that
// forgets, is noticed and replaced: events are heard again.
func TestSilentSubscription(t *testing.T) {
	simulated(t, 1, func(t *testing.T, w *world) {
		w.opt.Poll = time.Hour
		s := w.sentinels[0]
		w.run()
		w.master("a:1", 5)
		synctest.Wait()
		s.forget()
		time.Sleep(2*pingEvery + time.Second)
		w.failover(s)
		start := time.Now()
		s.publish("cache", "a:1", "b:1")
		w.until("b:1", 6)
		w.within(start, time.Second)
	})
}

// Sentinels that come back after all were away are found, though their connections
// ended long ago.
func TestAllSentinelsComeBack(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		for _, s := range w.sentinels {
			w.net.kill(s.addr)
		}
		w.net.kill("a:1")
		w.run()
		time.Sleep(time.Hour)
		for _, s := range w.sentinels {
			if n := w.net.dialled(s.addr); n > 2*3600/2 {
				t.Errorf("%s was dialled %d times in an hour", s.addr, n)
			}
		}
		w.net.serve("a:1", w.servers["a:1"].serve)
		for _, s := range w.sentinels {
			w.net.serve(s.addr, s.serve)
		}
		start := time.Now()
		w.master("a:1", 5)
		w.within(start, 6*time.Second)
	})
}

// Who is slow with one change holds up nobody, misses the steps in between, and gets
// the latest.
func TestSlowConsumerOfChanges(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		r := w.run()
		w.master("a:1", 5)
		synctest.Wait()
		var seen []uint64
		for v := range r.Changes(t.Context()) {
			seen = append(seen, v.Master.Epoch)
			if v.Master.Epoch == 15 {
				break
			}
			for epoch := uint64(6); epoch <= 15; epoch++ { // while this body does not return
				for _, s := range w.sentinels {
					s.say("a:1", epoch, "b:1", "c:1")
				}
				w.sentinels[0].publish("cache", "b:1", "a:1")
				w.until("a:1", epoch)
			}
		}
		if fmt.Sprint(seen) != "[5 15]" {
			t.Errorf("epochs %v", seen)
		}
	})
}

// A server that says that it is a replica loses its clients at once, though the Sentinels
// still name it and there is no other master.
func TestCutsBeforeSentinelsAgree(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		w.run()
		conn := w.connect()
		time.Sleep(time.Second)
		w.servers["a:1"].become(aReplica)
		start := time.Now()
		conn.SetReadDeadline(start.Add(time.Minute))
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, ErrDemoted) {
			t.Errorf("read: %v", err)
		}
		w.within(start, 6*time.Second) // one poll
		synctest.Wait()
		if s := w.r.Status(); !s.Master.IsZero() {
			t.Errorf("the master is still %v", s.Master)
		}
		w.failover(w.sentinels...)
		w.until("b:1", 6)
	})
}

// The end of the connection to the master has the Sentinels asked, and again and again
// while there is none, whatever Poll is and though nothing is announced.
func TestLostMasterIsAskedFor(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		w.opt.Poll = time.Hour
		for _, s := range w.sentinels {
			s.events = false
		}
		w.run()
		w.master("a:1", 5)
		time.Sleep(time.Second)
		w.net.kill("a:1")
		time.Sleep(3 * time.Second)
		w.failover(w.sentinels...)
		start := time.Now()
		w.until("b:1", 6)
		w.within(start, 2*time.Second)
	})
}

// Who cannot connect has the Sentinels asked, long before the next poll.
func TestFailedDialAsks(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		w.opt.Poll = time.Hour
		w.run()
		w.master("a:1", 5)
		time.Sleep(time.Second)
		w.failover(w.sentinels...)
		w.net.serve("a:1", func(c net.Conn) {}) // new connections end, those of before stay
		start := time.Now()
		conn := w.connect()
		if err := said(conn, "b:1"); err != nil {
			t.Error(err)
		}
		w.within(start, time.Second)
	})
}

// Who is connecting to a machine that has vanished goes on with the new master as soon
// as there is one, and does not wait for the end of the time-out.
func TestDialLeavesTheOldMaster(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		w.opt.Timeout = time.Minute
		w.run()
		w.master("a:1", 5)
		time.Sleep(time.Second)
		w.net.serve("a:1", nil) // for new connections
		dialled := make(chan error)
		go func() {
			conn, err := w.r.DialMaster(context.Background(), "", "")
			if err == nil {
				err = said(conn, "b:1")
			}
			dialled <- err
		}()
		time.Sleep(time.Second)
		w.failover(w.sentinels...)
		start := time.Now()
		w.sentinels[0].publish("cache", "a:1", "b:1")
		if err := <-dialled; err != nil {
			t.Error(err)
		}
		w.within(start, time.Second)
	})
}

// What a server said before it hung up is known though nothing could be sent to it.
func TestHungUpBeforeTheQuestion(t *testing.T) {
	mine, theirs := net.Pipe()
	go func() {
		io.WriteString(theirs, "-ERR max number of clients reached\r\n")
		theirs.Close()
	}()
	conn := &deaf{mine}
	if _, err := exchange(t.Context(), conn, newReader(conn), command{"ROLE"}); err == nil || !strings.Contains(err.Error(), "max number of clients") {
		t.Error(err)
	}
}

// deaf is a connection that can only be read.
type deaf struct{ net.Conn }

func (deaf) Write([]byte) (int, error) { return 0, syscall.EPIPE }

// What a server says on a connection when it has been demoted is noticed without
// an event and long before the next poll.
func TestDemotionIsSeenOnConnections(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		w.run()
		conn := w.connect()
		time.Sleep(time.Second)
		w.servers["a:1"].become(aReplica)
		w.servers["a:1"].echo = "-READONLY You can't write against a read only replica.\r\n"
		w.failover(w.sentinels...)
		start := time.Now()
		io.WriteString(conn, bulks("SET", "a", "b"))
		line, err := bufio.NewReader(conn).ReadString('\n')
		if !strings.HasPrefix(line, "-READONLY") || err != nil {
			t.Errorf("%q, %v: a refusal belongs to the client", line, err)
		}
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, ErrDemoted) {
			t.Errorf("read: %v", err)
		}
		w.until("b:1", 6)
		w.within(start, time.Second)
	})
}

// An address of before, that has become somebody else, is not handed out.
func TestVerifiesEachConnection(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		w.run()
		w.master("a:1", 5)
		w.net.serve("a:1", w.servers["c:1"].serve) // connections of before stay
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if conn, err := w.r.DialMaster(ctx, "", ""); err == nil {
			t.Errorf("connected to %v", said(conn, "a:1"))
		} else if !strings.Contains(err.Error(), "a:1: it says that it is a slave") {
			t.Error(err)
		}
	})
}

func TestDialReplica(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		w.run()
		dial := func() (who []string) {
			for range 4 {
				conn, err := w.r.DialReplica(t.Context(), "tcp", "ignored")
				if err != nil {
					t.Fatal(err)
				}
				io.WriteString(conn, bulks("WHO"))
				line, _ := bufio.NewReader(conn).ReadString('\n')
				conn.Close()
				who = append(who, strings.Trim(line, "+\r\n"))
			}
			return who
		}
		if who := dial(); !slices.Equal(who, []string{"b:1", "c:1", "b:1", "c:1"}) {
			t.Errorf("in turn: %v", who)
		}
		w.servers["b:1"].become(aLoner)
		if who := dial(); !slices.Equal(who, []string{"c:1", "c:1", "c:1", "c:1"}) {
			t.Errorf("one is without its master: %v", who)
		}
		w.net.kill("c:1")
		if who := dial(); !slices.Equal(who, []string{"a:1", "a:1", "a:1", "a:1"}) {
			t.Errorf("none is left: %v", who)
		}
	})
}

func TestChanges(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		r := w.run()
		views := make(chan View)
		go func() {
			defer close(views)
			for v := range r.Changes(context.Background()) {
				if v.Master.IsZero() && v.Replicas == nil {
					continue // the beginning, which may have passed
				}
				views <- v
			}
		}()
		expect := func(want string) {
			t.Helper()
			select {
			case v := <-views:
				if got := fmt.Sprint(v.Master, v.Replicas); got != want {
					t.Errorf("%q, want %q", got, want)
				}
			case <-time.After(time.Minute):
				t.Fatalf("%q did not come: %+v", want, r.Status())
			}
		}
		w.master("a:1", 5)
		expect("a:1 [b:1 c:1]")
		w.net.kill("a:1")
		expect(" [b:1 c:1]")
		for _, s := range w.sentinels {
			s.say("b:1", 6, "c:1")
		}
		w.servers["b:1"].become(aMaster)
		expect("b:1 [c:1]")

		// The loop body may end it, and so may the context.
		for range r.Changes(t.Context()) {
			break
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range r.Changes(ctx) {
			cancel()
		}
		w.stop()
		if v, more := <-views; more {
			t.Errorf("after the end: %v", v)
		}
	})
}

func TestRunEnds(t *testing.T) {
	simulated(t, 3, func(t *testing.T, w *world) {
		r, err := New(w.opt)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.Master(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "Run has not been called") {
			t.Errorf("before Run: %v", err)
		}
		r = w.run()
		w.master("a:1", 5)
		if err := r.Run(t.Context()); err == nil {
			t.Error("a second Run succeeded")
		}
		conn, err := r.DialMaster(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		ended := make(chan error)
		w.net.kill("a:1")
		synctest.Wait()
		go func() {
			_, err := r.DialMaster(context.Background(), "", "")
			ended <- err
		}()
		synctest.Wait()
		w.stop()
		if err := <-ended; !errors.Is(err, ErrEnded) {
			t.Errorf("who waited: %v", err)
		}
		if _, err := r.Master(context.Background()); !errors.Is(err, ErrEnded) {
			t.Errorf("after Run: %v", err)
		}
		if _, err := r.Replicas(context.Background()); !errors.Is(err, ErrEnded) {
			t.Errorf("after Run: %v", err)
		}
	})
}
