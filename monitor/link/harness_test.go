package link

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/monitor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test on real sockets waits for something that must
// happen. It is only ever reached by a failing test.
const patience = 20 * time.Second

// rig is a Pool under test, what it delivered and what it logged.
type rig struct {
	*Pool
	t testing.TB

	mu      sync.Mutex
	inputs  []monitor.Input
	logged  []string // and what the core is to log
	causes  []monitor.Cause
	changed chan struct{} // closed and replaced at every delivery
}

// everyRigAlone has rigs work as on systems where no goroutine reads from many.
var everyRigAlone bool

// newRig returns a rig that is shut down at the end of the test.
func newRig(t testing.TB, cfg Config) *rig {
	t.Helper()
	r := &rig{t: t, changed: make(chan struct{})}
	cfg.Alone = cfg.Alone || everyRigAlone
	start := time.Now()
	cfg.Now = func() monitor.Instant { return monitor.Instant(time.Since(start)) + 1 }
	deliver := cfg.Deliver
	cfg.Deliver = func(at monitor.Instant, in monitor.Input) {
		if at <= 0 || at > cfg.Now() {
			t.Errorf("%T was stamped %d", in, at)
		}
		if deliver != nil {
			deliver(at, in)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if trouble, ok := in.(monitor.LinkTrouble); ok {
			r.logged = append(r.logged, trouble.Text)
			r.causes = append(r.causes, trouble.Cause)
		} else {
			r.inputs = append(r.inputs, in)
		}
		close(r.changed)
		r.changed = make(chan struct{})
	}
	cfg.Log = func(_ monitor.Level, text string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.logged = append(r.logged, text)
	}
	r.Pool = New(cfg)
	t.Cleanup(r.Shutdown)
	return r
}

// got returns what was delivered so far.
func (r *rig) got() []monitor.Input {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.inputs)
}

func (r *rig) log() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.logged)
}

func (r *rig) want(inputs ...monitor.Input) {
	r.t.Helper()
	if got := r.got(); len(got)+len(inputs) > 0 && !reflect.DeepEqual(got, inputs) {
		r.t.Errorf("delivered\n got %+v\nwant %+v", got, inputs)
	}
}

// await waits on real time until an input of type T was delivered, takes
// everything up to it, and returns it.
func await[T monitor.Input](r *rig) T {
	r.t.Helper()
	deadline := time.After(patience)
	for {
		r.mu.Lock()
		for i, in := range r.inputs {
			if found, ok := in.(T); ok {
				r.inputs = r.inputs[i+1:]
				r.mu.Unlock()
				return found
			}
		}
		changed := r.changed
		got := slices.Clone(r.inputs)
		r.mu.Unlock()
		select {
		case <-changed:
		case <-deadline:
			var want T
			r.t.Fatalf("no %T came, only %+v; log %q", want, got, r.log())
		}
	}
}

// run does effects and flushes.
func (r *rig) run(effects ...monitor.Effect) {
	for _, e := range effects {
		r.Do(e)
	}
	r.Flush()
}

func send(seq uint64, cmd monitor.Command) monitor.Send {
	return monitor.Send{Conn: 1, Token: monitor.Token{Instance: 9, Seq: seq}, Cmd: cmd}
}

func token(seq uint64) monitor.Token { return monitor.Token{Instance: 9, Seq: seq} }

var dialCommand = monitor.Dial{
	Conn: 1, Addr: monitor.HostPort{Host: "10.0.0.1", Port: 6379}, ClientName: "sentinel-abcdef01-cmd",
}

var dialPubSub = monitor.Dial{
	Conn: 1, Kind: monitor.ConnPubSub, Target: monitor.KindReplica,
	Addr: monitor.HostPort{Host: "10.0.0.2", Port: 6379}, ClientName: "sentinel-abcdef01-pubsub",
}

// server is the other end of every connection of a virtual rig. The nc that it
// gets is a serverConn.
type server func(nc net.Conn)

// serverConn tells a server that does not read when the test is over.
type serverConn struct {
	net.Conn
	done <-chan struct{}
}

// virtual runs test in virtual time with connections to s that exist in memory
// only. It ends when all goroutines, also those of s, have ended.
func virtual(t *testing.T, cfg Config, s server, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		done := make(chan struct{})
		defer close(done)
		if cfg.DialContext == nil {
			cfg.DialContext = func(context.Context, string, string) (net.Conn, error) {
				client, other := net.Pipe()
				go func() {
					defer other.Close()
					s(serverConn{other, done})
				}()
				return client, nil
			}
		}
		r := newRig(t, cfg)
		defer r.Shutdown()
		test(r)
	})
}

// readCommand reads one command as a server does.
func readCommand(b *bufio.Reader) ([]string, error) {
	var n int
	if _, err := fmt.Fscanf(b, "*%d\r\n", &n); err != nil {
		return nil, err
	}
	words := make([]string, n)
	for i := range words {
		var size int
		if _, err := fmt.Fscanf(b, "$%d\r\n", &size); err != nil {
			return nil, err
		}
		text := make([]byte, size+2)
		if _, err := io.ReadFull(b, text); err != nil {
			return nil, err
		}
		words[i] = string(text[:size])
	}
	return words, nil
}

// answerAndClose returns a server that answers each command with the next of
// replies, and then closes.
func answerAndClose(replies ...string) server {
	return func(nc net.Conn) {
		b := bufio.NewReader(nc)
		for _, reply := range replies {
			if _, err := readCommand(b); err != nil {
				return
			}
			if _, err := io.WriteString(nc, reply); err != nil {
				return
			}
		}
	}
}

// answering returns a server that answers each command with the next of
// replies, and then reads on without answering.
func answering(replies ...string) server {
	return func(nc net.Conn) {
		answerAndClose(replies...)(nc)
		io.Copy(io.Discard, nc)
	}
}

// saying returns a server that says what it has to say whether asked or not,
// and then reads until the connection ends.
func saying(text string) server {
	return func(nc net.Conn) {
		go io.WriteString(nc, text)
		io.Copy(io.Discard, nc)
	}
}

// resp renders a command as it must stand on the wire.
func resp(words ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	return b.String()
}
