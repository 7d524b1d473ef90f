package node

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/internal/listen"
	"github.com/gosentinel/sentinel/internal/logfile"
	"github.com/gosentinel/sentinel/internal/resptest"
	"github.com/gosentinel/sentinel/monitor"
)

// TestToldIsShown: whoever was told of the address of a master, by an event, by the
// reply to a command or by another query, gets that address from then on, and the
// reply is there before the loop has done anything else.
func TestToldIsShown(t *testing.T) {
	const id = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	n, err := New(embedded(monitor.MasterConfig{Name: "m", Addr: monitor.Addr{Host: "127.0.0.1", IP: "127.0.0.1", Port: 1}, Quorum: 1}))
	if err != nil {
		t.Fatal(err)
	}
	n.state.Options.MyID = newRunID()
	log := logfile.Slog(nil)
	l, sh, err := n.build(t.Context(), log, &listen.Sockets{}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	shown := func(name string) string {
		text, ok := l.addrs.Find([]byte(name))
		if !ok {
			return "ended"
		}
		return string(text)
	}
	const old, now = "*2\r\n$9\r\n127.0.0.1\r\n$1\r\n1\r\n", "*2\r\n$9\r\n127.0.0.1\r\n$1\r\n2\r\n"
	events := make(chan string, 10) // what is shown when an event is told
	l.publish = func(ev monitor.Event) {
		switch ev := ev.(type) {
		case event.SwitchMaster:
			events <- shown(ev.Master)
		case event.Monitor:
			events <- shown(ev.Instance.Name)
		case event.MonitorStopped:
			events <- shown(ev.Instance.Name)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	hello := monitor.Hello{IP: "127.0.0.9", Port: 9, RunID: id, CurrentEpoch: 1, MasterName: "m", MasterIP: "127.0.0.1", MasterPort: 2, ConfigEpoch: 1}
	viewed := make(chan string, 2)
	view := func(c *monitor.Core, _ monitor.Instant) {
		addr, _ := c.MasterAddr("m")
		viewed <- addr.String()
		viewed <- shown("m")
	}
	// All of it lies in the inbox when the loop begins: it is taken as one batch.
	l.inbox.put(item{in: monitor.HelloReceived{Hello: hello}})
	l.inbox.put(item{view: view})
	go func() { l.run(ctx); close(ended) }()
	for _, want := range []string{"127.0.0.1:2", now} {
		if got := receive(t, viewed); got != want {
			t.Errorf("a query after the switch: %q, want %q", got, want)
		}
	}
	for _, want := range []string{old, now} { // +monitor and +switch-master
		if got := receive(t, events); got != want {
			t.Errorf("with an event: %q, want %q", got, want)
		}
	}
	if r, ok := l.Call(monitor.MonitorOp{Master: monitor.MasterConfig{Name: "new", Addr: monitor.Addr{Host: "127.0.0.1", IP: "127.0.0.1", Port: 1}, Quorum: 1}}).Wait(); !ok || r.Err != nil {
		t.Errorf("MONITOR: %v, %v", r, ok)
	}
	if got := shown("new"); got != old {
		t.Errorf("after the reply to MONITOR: %q", got)
	}
	if got := receive(t, events); got != old {
		t.Errorf("with +monitor: %q", got)
	}
	if r, ok := l.Call(monitor.RemoveOp{Name: "m"}).Wait(); !ok || r.Err != nil {
		t.Errorf("REMOVE: %v, %v", r, ok)
	}
	if got := shown("m"); got != "" {
		t.Errorf("after the reply to REMOVE: %q", got)
	}
	if got := receive(t, events); got != "" {
		t.Errorf("with -monitor: %q", got)
	}
	stop()
	<-ended
	if got := shown("new"); got != "ended" {
		t.Errorf("after the end: %q", got)
	}
	n.end(sh, log)
	n.bus.Close()
}

// TestAddressInAPipeline: a question sees what its own connection has sent before, and
// what others were told that they have sent, though nobody has waited for the loop.
func TestAddressInAPipeline(t *testing.T) {
	n, err := New(embedded(monitor.MasterConfig{Name: "m", Addr: monitor.Addr{Host: "127.0.0.1", IP: "127.0.0.1", Port: 1}, Quorum: 1, DownAfter: 500 * time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	defer func() {
		stop()
		<-ended
	}()
	<-n.Ready()
	dial := func() *resptest.Conn { return resptest.Dial(t, "tcp", n.Addr().String()) }
	a, b := dial(), dial()
	// Nobody is there: the master is not seen as down first, and then it is.
	const question = "SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 1 0 *"
	if got := a.Do(question); got != "*3\n:0\n$1\n*\n:0\n" {
		t.Errorf("at the start: %q", got)
	}
	resptest.Eventually(t, "the master is seen as down", func() bool { return a.Do(question) == "*3\n:1\n$1\n*\n:0\n" })
	for i := range 25 {
		a.Send("SENTINEL MONITOR x 127.0.0.1 1 1\r\nSENTINEL GET-MASTER-ADDR-BY-NAME x\r\nSENTINEL REMOVE x\r\nSENTINEL GET-MASTER-ADDR-BY-NAME x\r\n")
		for _, want := range []string{"+OK\n", "*2\n$9\n127.0.0.1\n$1\n1\n", "+OK\n", "*-1\n"} {
			if v, err := a.Value(); err != nil || v != want {
				t.Fatalf("%d: %q, %v; want %q", i, v, err, want)
			}
		}
		hello := fmt.Sprintf("127.0.0.9,9,%s,%d,m,127.0.0.1,%d,%[2]d", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", i+1, i+2)
		if got := a.Do("PUBLISH __sentinel__:hello " + hello); got != ":1\n" {
			t.Fatalf("PUBLISH: %q", got)
		}
		port := strconv.Itoa(i + 2)
		if got, want := b.Do("SENTINEL GET-MASTER-ADDR-BY-NAME m"), fmt.Sprintf("*2\n$9\n127.0.0.1\n$%d\n%s\n", len(port), port); got != want {
			t.Fatalf("%d: %q, want %q", i, got, want)
		}
	}
}

func receive(t *testing.T, c <-chan string) string {
	t.Helper()
	select {
	case s := <-c:
		return s
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
		return ""
	}
}

// TestShownWhenReady: a client that connects as soon as it can gets the address, and
// not the answer that nobody knows the master.
func TestShownWhenReady(t *testing.T) {
	n, err := New(embedded(monitor.MasterConfig{Name: "m", Addr: monitor.Addr{Host: "127.0.0.1", IP: "127.0.0.1", Port: 1}, Quorum: 1}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var text string
	n.SetHooks(Hooks{Ready: func() {
		reply, _ := n.running.Load().addrs.Find([]byte("m"))
		text = string(reply)
		cancel()
	}})
	if err := n.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if want := "*2\r\n$9\r\n127.0.0.1\r\n$1\r\n1\r\n"; text != want {
		t.Errorf("%q, want %q", text, want)
	}
}
