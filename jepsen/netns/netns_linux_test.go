package netns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
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

// answered counts the answers to packets from a host, one after the other.
func answered(t *testing.T, h *Host, to net.Addr, packets int) (n int) {
	t.Helper()
	var c net.Conn
	if err := h.Within(func() (err error) {
		c, err = net.Dial("udp4", to.String())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range packets {
		if _, err := io.WriteString(c, "x"); err != nil {
			t.Fatal(err)
		}
		if err := c.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 16)); err == nil {
			n++
		}
	}
	return n
}

func TestCut(t *testing.T) {
	n, hosts := newNetwork(t, "a", "b", "c")
	a, b, c := hosts[0], hosts[1], hosts[2]
	atB := echo(t, b)
	if got := answered(t, a, atB, 1); got != 1 {
		t.Fatal("a does not reach b")
	}
	to := Across([]*Host{a}, []*Host{b, a})
	if len(to) != 1 {
		t.Fatalf("a is not cut off from itself: %v", to)
	}
	for range 2 { // two faults
		if err := n.Cut(to...); err != nil {
			t.Fatal(err)
		}
	}
	if got := answered(t, a, atB, 2); got != 0 {
		t.Error("the cut is leaky")
	}
	if got := answered(t, c, atB, 1); got != 1 {
		t.Error("others are cut off too")
	}
	if lost, err := n.Mend(to...); err != nil || lost != 2 {
		t.Errorf("%d packets lost, want 2 (%v)", lost, err)
	}
	if got := answered(t, a, atB, 1); got != 0 {
		t.Error("one of two cuts was undone, and the other with it")
	}
	if lost, err := n.Mend(to...); err != nil || lost != 3 {
		t.Errorf("%d packets lost, want 3 (%v)", lost, err)
	}
	if got := answered(t, a, atB, 1); got != 1 {
		t.Error("mended, a does not reach b")
	}
	// The other way, it is the answer that is lost.
	back := Across([]*Host{b}, []*Host{a})
	if err := n.Cut(back...); err != nil {
		t.Fatal(err)
	}
	if got := answered(t, a, atB, 1); got != 0 {
		t.Error("the cut is leaky")
	}
	if lost, err := n.Mend(back...); err != nil || lost != 1 {
		t.Errorf("%d packets lost, want 1 (%v)", lost, err)
	}
}

func TestThin(t *testing.T) {
	n, hosts := newNetwork(t, "a", "b")
	at := echo(t, hosts[1])
	both := Both(hosts[:1], hosts[1:])
	if err := n.Thin(30, both...); err != nil {
		t.Fatal(err)
	}
	got := answered(t, hosts[0], at, 40)
	lost, err := n.Thicken(30, both...)
	if err != nil || lost != 40-got || lost == 0 || got == 0 {
		t.Errorf("of 40 packets %d were answered and %d lost (%v)", got, lost, err)
	}
	if got := answered(t, hosts[0], at, 5); got != 5 {
		t.Error("thickened, packets are lost")
	}
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
