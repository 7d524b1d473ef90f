package pubsub

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/internal/glob"
	"github.com/gosentinel/sentinel/monitor"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	master  = monitor.Instance{Name: "m", Addr: monitor.HostPort{Host: "10.0.0.1", Port: 6379}}
	sdown   = event.SDown{Instance: master}
	switchM = event.SwitchMaster{Master: "m", From: monitor.HostPort{Host: "a", Port: 1}, To: monitor.HostPort{Host: "b", Port: 2}}
)

func mustSubscribe(t *testing.T, c *Client, k Kind, names ...string) {
	t.Helper()
	for _, n := range names {
		if _, err := c.Subscribe(k, n); err != nil {
			t.Fatal(err)
		}
	}
}

// drain waits until the dispatcher is idle and returns what is pending.
func drain(c *Client) string {
	synctest.Wait()
	return string(c.AppendPending(nil, 1<<30))
}

func TestFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBus(Limits{})
		defer b.Close()
		two, three := b.NewClient(nil, nil), b.NewClient(nil, nil)
		defer two.Close()
		defer three.Close()
		three.SetRESP3(true)
		for _, c := range []*Client{two, three} {
			mustSubscribe(t, c, Channel, "+switch-master", "+sdown", "+script-child")
			mustSubscribe(t, c, Pattern, "[-+]s*", "x*")
		}
		b.Publish(switchM)
		b.Publish(event.ScriptChild{Started: true}) // debug level: not published
		body := "$7\r\nmessage\r\n$14\r\n+switch-master\r\n$9\r\nm a 1 b 2\r\n"
		pbody := "$8\r\npmessage\r\n$6\r\n[-+]s*\r\n$14\r\n+switch-master\r\n$9\r\nm a 1 b 2\r\n"
		if got, want := drain(two), "*3\r\n"+body+"*4\r\n"+pbody; got != want {
			t.Errorf("RESP2\n got %q\nwant %q", got, want)
		}
		if got, want := drain(three), ">3\r\n"+body+">4\r\n"+pbody; got != want {
			t.Errorf("RESP3\n got %q\nwant %q", got, want)
		}
		mustUnsubscribe := func(k Kind, name string, want int) {
			if got := two.Unsubscribe(k, name); got != want {
				t.Errorf("%d subscriptions left after %v %s, want %d", got, k, name, want)
			}
		}
		mustUnsubscribe(Channel, "+switch-master", 4)
		mustUnsubscribe(Channel, "+switch-master", 4)
		mustUnsubscribe(Pattern, "[-+]s*", 3)
		b.Publish(switchM)
		if got := drain(two); got != "" {
			t.Errorf("after unsubscribing: %q", got)
		}
		if got := fmt.Sprint(two.Names(Channel), two.Names(Pattern)); got != "[+sdown +script-child] [x*]" {
			t.Errorf("names %s", got)
		}
	})
}

// TestPayloadIsCut: no message is longer than those of stock Sentinels, whose
// readers may have a buffer of just that size.
func TestPayloadIsCut(t *testing.T) {
	long := event.ScriptTimeout{Path: strings.Repeat("x", 2000), PID: 1}
	for name, frame := range map[string][]byte{
		"message":  newMessage(long).frame(false),
		"pmessage": newMessage(long).patternFrames("*").get(true),
	} {
		if want := "$1023\r\n" + strings.Repeat("x", 1023) + "\r\n"; !strings.HasSuffix(string(frame), want) {
			t.Errorf("%s ends in %q", name, frame[len(frame)-30:])
		}
	}
}

func TestConfirmationFrames(t *testing.T) {
	got := string(AppendSubscribed(nil, false, Channel, "c", 1)) + string(AppendSubscribed(nil, true, Pattern, "p", 2)) +
		string(AppendUnsubscribed(nil, true, Channel, "c", 1)) + string(AppendUnsubscribed(nil, false, Pattern, "p", 0)) +
		string(AppendNothingToUnsubscribe(nil, false, Channel, 0)) + string(AppendNothingToUnsubscribe(nil, true, Pattern, 1))
	want := "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n>3\r\n$10\r\npsubscribe\r\n$1\r\np\r\n:2\r\n" +
		">3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:1\r\n*3\r\n$12\r\npunsubscribe\r\n$1\r\np\r\n:0\r\n" +
		"*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n>3\r\n$12\r\npunsubscribe\r\n_\r\n:1\r\n"
	if got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

// TestSlowClientIsCut: the queue of one client overflows; it is told, its
// memory is freed at once, and no other client notices.
func TestSlowClientIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBus(Limits{ClientQueueBytes: 500})
		defer b.Close()
		cuts := 0
		slow, quick := b.NewClient(nil, func() { cuts++ }), b.NewClient(nil, nil)
		defer slow.Close()
		defer quick.Close()
		mustSubscribe(t, slow, Pattern, "*")
		mustSubscribe(t, quick, Channel, "+sdown")
		for range 100 {
			b.Publish(sdown)
			if !strings.Contains(drain(quick), "+sdown") {
				t.Fatal("the other client missed a message")
			}
		}
		if !slow.Slow() || quick.Slow() {
			t.Errorf("slow %v, quick %v", slow.Slow(), quick.Slow())
		}
		if cuts != 1 {
			t.Errorf("onSlow was called %d times", cuts)
		}
		if n := slow.QueuedBytes(); n != 0 {
			t.Errorf("%d bytes still queued for a client that was cut", n)
		}
	})
}

// TestPendingComesInPortions: what does not fit into one write is announced again.
func TestPendingComesInPortions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBus(Limits{})
		defer b.Close()
		ready := make(chan struct{}, 10)
		c := b.NewClient(func() { ready <- struct{}{} }, nil)
		defer c.Close()
		mustSubscribe(t, c, Channel, "+sdown")
		for range 5 {
			b.Publish(sdown)
		}
		synctest.Wait()
		var frames int
		for range 5 {
			<-ready
			frames += strings.Count(string(c.AppendPending(nil, 1)), "message")
		}
		if len(ready) != 0 {
			t.Error("told of frames that are not there")
		}
		if frames != 5 || c.QueuedBytes() != 0 {
			t.Errorf("%d frames, %d bytes left", frames, c.QueuedBytes())
		}
	})
}

func TestNameLimits(t *testing.T) {
	b := NewBus(Limits{ClientNameBytes: 210, TotalNameBytes: 300})
	defer b.Close()
	a, c := b.NewClient(nil, nil), b.NewClient(nil, nil)
	defer c.Close()
	mustSubscribe(t, a, Channel, "one", "two")
	if n, err := a.Subscribe(Channel, "three"+strings.Repeat("x", 100)); err != ErrTooManyNames || n != 2 {
		t.Errorf("over the limit of a client: %d, %v", n, err)
	}
	mustSubscribe(t, a, Channel, "one") // once more costs nothing
	mustSubscribe(t, c, Pattern, "one", "two")
	if _, err := c.Subscribe(Pattern, "three"); err != ErrTooManyNames {
		t.Errorf("over the limit of all clients: %v", err)
	}
	a.Close()
	mustSubscribe(t, c, Pattern, "four")
	c.Close()
	c.Close()
	if b.nameBytes != 0 || len(b.channels) != 0 || len(b.patterns) != 0 || len(b.byPattern) != 0 {
		t.Errorf("left over: %d bytes, %v, %v", b.nameBytes, b.channels, b.patterns)
	}
}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBus(Limits{})
		seq := b.Events(context.Background())
		b.Publish(sdown)
		b.Publish(event.ScriptChild{Started: true, PID: 7}) // debug events too
		b.Publish(switchM)
		b.Close()
		b.Publish(sdown) // after Close: nothing
		var got []string
		for ev := range seq {
			got = append(got, fmt.Sprint(ev.Seq, ev.Body.Name()))
		}
		if want := "[1+sdown 2+script-child 3+switch-master]"; fmt.Sprint(got) != want {
			t.Errorf("got %v, want %s", got, want)
		}
		for ev := range b.Events(context.Background()) {
			t.Errorf("an event after Close: %v", ev)
		}
	})
}

// TestLagged: a consumer that does not keep up gets the newest events and, in
// front of them, the exact number of those that are gone.
func TestLagged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBus(Limits{EventsQueueBytes: 3 * newMessage(event.NewEpoch{Epoch: 10}).size()})
		defer b.Close()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		seq := b.Events(ctx)
		for i := 10; i < 30; i++ {
			b.Publish(event.NewEpoch{Epoch: monitor.Epoch(i)})
		}
		synctest.Wait()
		var got []string
		for ev := range seq {
			got = append(got, fmt.Sprint(ev.Seq, ev.Body.Name()+" "+string(ev.Body.AppendText(nil))))
			if len(got) == 4 {
				break
			}
		}
		want := "[17+lagged #17 events missed 18+new-epoch 27 19+new-epoch 28 20+new-epoch 29]"
		if fmt.Sprint(got) != want {
			t.Errorf("got %v, want %s", got, want)
		}
		if len(b.listeners) != 0 {
			t.Error("the listener is not forgotten after the range")
		}
	})
}

// TestEventsEndsWithContext: also while waiting, and also if never ranged over.
func TestEventsEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBus(Limits{})
		defer b.Close()
		ctx, cancel := context.WithCancel(context.Background())
		seq := b.Events(ctx)
		b.Events(ctx)
		done := make(chan struct{})
		go func() {
			for range seq {
			}
			close(done)
		}()
		synctest.Wait()
		cancel()
		<-done
		synctest.Wait()
		if len(b.listeners) != 0 {
			t.Errorf("%d listeners left", len(b.listeners))
		}
	})
}

// TestPublishDoesNotWait: while the dispatcher is stuck, Publish returns, and
// what exceeds the backlog is reported to all.
func TestPublishDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBus(Limits{BacklogEvents: 10})
		defer b.Close()
		c := b.NewClient(nil, nil)
		defer c.Close()
		p := b.NewClient(nil, nil)
		defer p.Close()
		mustSubscribe(t, c, Channel, "+sdown")
		mustSubscribe(t, p, Pattern, "none*")
		seq := b.Events(context.Background())
		b.mu.Lock()
		b.Publish(sdown)
		for len(b.snapshotBacklog()) > 0 { // until the dispatcher holds the first event
			b.waitTurn()
		}
		for range 15 {
			b.Publish(sdown)
		}
		b.mu.Unlock()
		synctest.Wait()
		if !c.Slow() || !p.Slow() {
			t.Error("clients are not cut although events were lost")
		}
		for ev := range seq {
			if ev.Seq != 16 || ev.Body != (event.Lagged{Missed: 16}) {
				t.Errorf("got %v, want 16 missed", ev)
			}
			break
		}
	})
}

func (b *Bus) snapshotBacklog() []Event {
	b.inMu.Lock()
	defer b.inMu.Unlock()
	return b.backlog
}

// waitTurn lets the dispatcher run up to the lock that the test holds.
func (b *Bus) waitTurn() {
	c := make(chan struct{})
	go close(c)
	<-c
}

// TestManyAtOnce compares every message with an obvious second implementation
// while subscribers come and go, for the race detector.
func TestManyAtOnce(t *testing.T) {
	b := NewBus(Limits{})
	defer b.Close()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 0))
			c := b.NewClient(nil, nil)
			defer c.Close()
			patterns := []string{"*", "+s*", "[-+]sdown", "-*", "?s[a-e]own", "nothing"}
			for range 300 {
				p := patterns[rng.IntN(len(patterns))]
				if rng.IntN(2) == 0 {
					c.Subscribe(Pattern, p)
				} else {
					c.Unsubscribe(Pattern, p)
				}
				b.Publish(sdown)
				for _, line := range strings.Split(string(c.AppendPending(nil, 1<<20)), "*4\r\n") {
					f := strings.Split(line, "\r\n")
					if len(f) > 3 && !glob.Match(f[3], "+sdown") {
						t.Errorf("pattern %q got +sdown", f[3])
					}
				}
			}
		})
	}
	wg.Wait()
}

// TestMatchesOnce: what was matched before is remembered rightly, also beyond
// the number of channels that can be remembered.
func TestMatchesOnce(t *testing.T) {
	b := NewBus(Limits{})
	defer b.Close()
	for range 2 {
		for i := range 100 {
			channel := fmt.Sprintf("+event-%d", i)
			for _, pattern := range []string{"*", "*[02468]", "+event-7?", "x*"} {
				p := b.byPattern[pattern]
				if p == nil {
					p = &patternSubs{pattern: pattern}
					b.byPattern[pattern] = p
				}
				if got := p.matches(channel, b.number(channel)); got != glob.Match(pattern, channel) {
					t.Errorf("%q matches %q: %v", pattern, channel, got)
				}
			}
		}
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, n := range []int{0, 10, 1000} {
		b.Run(fmt.Sprintf("%d subscribers", n), func(b *testing.B) {
			bus := NewBus(Limits{ClientQueueBytes: 1 << 40})
			defer bus.Close()
			for range n {
				c := bus.NewClient(nil, nil)
				c.Subscribe(Pattern, "*")
				defer c.Close()
			}
			b.ReportAllocs()
			for b.Loop() {
				bus.deliver(Event{Body: switchM})
				for _, p := range bus.patterns {
					for _, c := range p.clients {
						c.queue, c.bytes = c.queue[:0], 0
					}
				}
			}
		})
	}
}
