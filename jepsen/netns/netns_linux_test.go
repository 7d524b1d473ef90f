package netns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain runs the tests in namespaces of their own.
func TestMain(m *testing.M) {
	inside, status, err := Enter(context.Background())
	switch {
	case errors.Is(err, ErrNotAllowed):
		fmt.Fprintln(os.Stderr, "no tests:", err)
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	case inside:
		goleak.VerifyTestMain(m)
	}
	os.Exit(status)
}

func newNetwork(t *testing.T, names ...string) (n *Network, hosts []*Host) {
	t.Helper()
	n, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	for _, name := range names {
		h, err := n.Add(name)
		if err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, h)
	}
	return n, hosts
}

// echo answers on a host with what it is sent, over UDP, and returns the address.
func echo(t *testing.T, h *Host) net.Addr {
	t.Helper()
	var c net.PacketConn
	if err := h.Within(func() (err error) {
		c, err = net.ListenPacket("udp4", h.Addr()+":0")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 16)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = c.WriteTo(b[:n], from) // a cut is no error, and what else there is the test sees
		}
	}()
	t.Cleanup(func() { c.Close(); <-done })
	return c.LocalAddr()
}

// socket opens a connection from a host.
func socket(t *testing.T, h *Host, to net.Addr) net.Conn {
	t.Helper()
	var c net.Conn
	if err := h.Within(func() (err error) {
		c, err = net.Dial("udp4", to.String())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func send(t *testing.T, c net.Conn, packets int) {
	t.Helper()
	for range packets {
		if _, err := io.WriteString(c, "x"); err != nil {
			t.Fatal(err)
		}
	}
}

// until waits for a condition. The kernel hands packets on in its own time.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		runtime.Gosched()
	}
}

// reaches waits for an answer, and asks again until there is one.
func reaches(t *testing.T, h *Host, to net.Addr) {
	t.Helper()
	c := socket(t, h, to)
	until(t, h.Name()+" gets an answer", func() bool {
		send(t, c, 1)
		if err := c.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		_, err := c.Read(make([]byte, 16))
		return err == nil
	})
}

// loses sends packets and waits until a set of the filter has lost so many in all.
func loses(t *testing.T, set string, pairs []Pair, c net.Conn, packets, lost int) {
	t.Helper()
	send(t, c, packets)
	until(t, fmt.Sprintf("%d packets are lost", lost), func() bool {
		n, err := count(set, pairs)
		if err != nil {
			t.Fatal(err)
		}
		return n == lost
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestCut(t *testing.T) {
	n, hosts := newNetwork(t, "a", "b", "c")
	a, b, c := hosts[0], hosts[1], hosts[2]
	atB := echo(t, b)
	reaches(t, a, atB)
	to := Across([]*Host{a}, []*Host{b, a})
	if len(to) != 1 {
		t.Fatalf("a is not cut off from itself: %v", to)
	}
	must(t, n.Cut(to...))
	must(t, n.Cut(to...)) // another fault
	conn := socket(t, a, atB)
	loses(t, "cut", to, conn, 2, 2)
	reaches(t, c, atB) // others are not cut off
	if lost, err := n.Mend(to...); err != nil || lost != 2 {
		t.Errorf("%d packets lost, want 2 (%v)", lost, err)
	}
	loses(t, "cut", to, conn, 1, 3) // the other fault goes on
	if lost, err := n.Mend(to...); err != nil || lost != 3 {
		t.Errorf("%d packets lost, want 3 (%v)", lost, err)
	}
	reaches(t, a, atB)
	// A probe is lost where nobody else has anything to say.
	silent := Across([]*Host{c}, []*Host{a})
	must(t, n.Cut(silent...))
	must(t, n.Probe(silent...))
	until(t, "the probe is lost", func() bool {
		lost, err := count("cut", silent)
		must(t, err)
		return lost == 1
	})
	// The other way, it is the answer that is lost.
	back := Across([]*Host{b}, []*Host{a})
	must(t, n.Cut(back...))
	loses(t, "cut", back, conn, 1, 1)
}

func TestThin(t *testing.T) {
	n, hosts := newNetwork(t, "a", "b")
	at := echo(t, hosts[1])
	reaches(t, hosts[0], at)
	both := Both(hosts[:1], hosts[1:])
	must(t, n.Thin(30, both...))
	conn := socket(t, hosts[0], at)
	got := make(chan int)
	go func() {
		answers := 0
		for {
			if _, err := conn.Read(make([]byte, 16)); err != nil {
				got <- answers
				return
			}
			answers++
		}
	}()
	const packets = 60
	send(t, conn, packets)
	must(t, conn.SetReadDeadline(time.Now().Add(2*time.Second)))
	answers := <-got
	lost, err := n.Thicken(30, both...)
	if err != nil || lost == 0 || answers == 0 || answers+lost > packets {
		t.Errorf("of %d packets %d were answered and %d lost (%v)", packets, answers, lost, err)
	}
	reaches(t, hosts[0], at)
}

// TestHold: what a host sends comes late, and is not lost; a cut counts all the same.
func TestHold(t *testing.T) {
	n, hosts := newNetwork(t, "a", "b")
	at := echo(t, hosts[1])
	must(t, n.Hold(300*time.Millisecond, hosts[:1]...))
	if err := n.Hold(time.Second, hosts[:1]...); err == nil {
		t.Error("a host is held twice")
	}
	conn := socket(t, hosts[0], at)
	sent := time.Now()
	send(t, conn, 1)
	must(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	if _, err := conn.Read(make([]byte, 16)); err != nil || time.Since(sent) < 300*time.Millisecond {
		t.Errorf("the answer came after %v (%v)", time.Since(sent), err)
	}
	pairs := Across(hosts[:1], hosts[1:])
	must(t, n.Cut(pairs...))
	loses(t, "cut", pairs, conn, 1, 1)
	if held, err := n.Release(hosts...); err != nil || held < 2 { // the kernel sends some of its own
		t.Errorf("%d packets were held up, want 2 or more (%v)", held, err)
	}
	if _, err := n.Mend(pairs...); err != nil {
		t.Error(err)
	}
	reaches(t, hosts[0], at)
}

// TestWithin: what is made in a host stays there, and the thread goes home.
func TestWithin(t *testing.T) {
	_, hosts := newNetwork(t, "a")
	failed := errors.New("x")
	if err := hosts[0].Within(func() error {
		out, err := exec.Command("ip", "-o", "-4", "addr", "show", "eth0").CombinedOutput()
		if err != nil || len(out) == 0 {
			t.Errorf("%s %v", out, err)
		}
		return failed
	}); !errors.Is(err, failed) {
		t.Error(err)
	}
	if _, err := net.InterfaceByName(bridge); err != nil {
		t.Error("not at home again:", err)
	}
}

// TestAfterTheEnd: who comes too late is sent away.
func TestAfterTheEnd(t *testing.T) {
	n, err := New()
	must(t, err)
	h, err := n.Add("a")
	must(t, err)
	must(t, n.Close())
	if err := h.Within(func() error { return nil }); err == nil {
		t.Error("somebody is in a host that is gone")
	}
}

// TestNothingIsLeft: outside, nothing is to be seen of a network, and a program that is
// killed leaves none.
func TestNothingIsLeft(t *testing.T) {
	newNetwork(t, "left")
	// The namespaces of process 1 are those outside.
	if out, err := exec.Command("nsenter", "-t", "1", "-n", "-m", "ip", "netns", "list").CombinedOutput(); err != nil {
		t.Skipf("the namespaces outside cannot be entered: %v: %s", err, out)
	} else if strings.Contains(string(out), "left") {
		t.Errorf("outside there is %s", out)
	}
}
