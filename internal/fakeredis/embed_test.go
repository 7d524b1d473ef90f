package fakeredis

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"
)

// TestGivenSockets: a server serves the listener that it is given and dials its master
// as it is told, again and again.
func TestGivenSockets(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	master := start(t, Config{Listener: ln})
	if master.Addr() != ln.Addr().String() {
		t.Errorf("it serves %s, want %s", master.Addr(), ln.Addr())
	}
	dialed := make(chan string, 100)
	replica := start(t, Config{
		ReplicaOf: "10.1.2.3:6379", Redial: time.Millisecond,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			dialed <- network + " " + addr
			if len(dialed) < 3 {
				return nil, net.ErrClosed
			}
			return new(net.Dialer).DialContext(ctx, network, master.Addr())
		},
	})
	waitLink(t, replica)
	if first := <-dialed; first != "tcp 10.1.2.3:6379" || len(dialed) != 2 {
		t.Errorf("it dialled %q and %d times more", first, len(dialed))
	}
}

// repeated is a source of ids that is the same for each server.
type repeated struct{ next byte }

func (r *repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.next
	}
	r.next++
	return len(p), nil
}

func TestGivenIDs(t *testing.T) {
	s := start(t, Config{IDs: &repeated{next: 0xA0}})
	if got, want := s.RunID(), strings.Repeat("a0", 20); got != want {
		t.Errorf("run id %s, want %s", got, want)
	}
	if got, want := info(t, s)["master_replid"], strings.Repeat("a1", 20); got != want {
		t.Errorf("replication id %s, want %s", got, want)
	}
}

// TestFollowAndStatus: what the program that runs a server makes of it, and sees.
func TestFollowAndStatus(t *testing.T) {
	a, b := start(t, Config{}), start(t, Config{})
	must(t, dial(t, a.Addr()), "SET", "k", "v")
	if err := b.Follow("nobody"); err == nil || !strings.Contains(err.Error(), "want host:port") {
		t.Errorf("no address: %v", err)
	}
	if err := b.Follow(a.Addr()); err != nil {
		t.Fatal(err)
	}
	waitSame(t, a, b)
	if st := b.Status(); st.Master != a.Addr() || !st.LinkUp || st.Keys != 1 || st.Offset != a.Status().Offset {
		t.Errorf("the replica is %+v", st)
	}
	if err := b.Follow(""); err != nil {
		t.Fatal(err)
	}
	if st := b.Status(); st.Master != "" || st.LinkUp {
		t.Errorf("the promoted replica is %+v", st)
	}
	b.Crash()
	if err := b.Follow(a.Addr()); err == nil {
		t.Error("a server that has ended follows another")
	}
	if st := b.Status(); st.Keys != 1 {
		t.Errorf("after its end it is %+v", st)
	}
}
