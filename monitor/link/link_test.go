package link

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

var linkUp = monitor.LinkUp{Conn: 1}

func TestWhatIsSent(t *testing.T) {
	hello := monitor.Hello{IP: "10.1.1.1", Port: 26379, RunID: runID, CurrentEpoch: 5, MasterName: "m", MasterIP: "10.0.0.1", MasterPort: 6379, ConfigEpoch: 4}
	rename := monitor.NewRenameTable(monitor.Renamed{From: "auth", To: "a1"}, monitor.Renamed{From: "CLIENT", To: "c1"},
		monitor.Renamed{From: "subscribe", To: "s1"}, monitor.Renamed{From: "slaveof", To: "so1"}, monitor.Renamed{From: "kill", To: "never"})
	setName := resp("CLIENT", "SETNAME", dialCommand.ClientName)
	dial := func(change func(*monitor.Dial)) monitor.Dial {
		d := dialCommand
		change(&d)
		return d
	}
	renamed := func(cmd monitor.Command) monitor.Send { return monitor.Send{Conn: 1, Rename: rename, Cmd: cmd} }
	for name, c := range map[string]struct {
		effects []monitor.Effect
		want    string
	}{
		"greeting":                       {[]monitor.Effect{dialCommand}, setName},
		"greeting, password":             {[]monitor.Effect{dial(func(d *monitor.Dial) { d.Pass = "p" })}, resp("AUTH", "p") + setName},
		"greeting, user":                 {[]monitor.Effect{dial(func(d *monitor.Dial) { d.Pass, d.User = "p", "u" })}, resp("AUTH", "u", "p") + setName},
		"greeting, user but no password": {[]monitor.Effect{dial(func(d *monitor.Dial) { d.User = "u" })}, setName},
		"greeting, Pub/Sub, renamed": {
			[]monitor.Effect{dial(func(d *monitor.Dial) { d.Kind, d.Pass, d.Rename = monitor.ConnPubSub, "p", rename })},
			resp("a1", "p") + resp("c1", "SETNAME", dialCommand.ClientName) + resp("s1", "__sentinel__:hello"),
		},
		"periodic": {
			[]monitor.Effect{dialCommand, send(1, monitor.Ping{}), send(2, monitor.InfoRequest{}), send(3, monitor.PublishHello{Hello: hello})},
			setName + resp("PING") + resp("INFO") + resp("PUBLISH", "__sentinel__:hello", "10.1.1.1,26379,"+runID+",5,m,10.0.0.1,6379,4"),
		},
		"ask": {
			[]monitor.Effect{dialCommand, send(1, monitor.AskMasterDown{IP: "10.0.0.1", Port: 6379, Epoch: 7}), send(2, monitor.AskMasterDown{IP: "h", Port: 1, RunID: runID})},
			setName + resp("SENTINEL", "is-master-down-by-addr", "10.0.0.1", "6379", "7", "*") + resp("SENTINEL", "is-master-down-by-addr", "h", "1", "0", runID),
		},
		"ask for replicas": {
			[]monitor.Effect{dialCommand, send(1, monitor.AskMasterDown{IP: "h", Port: 1, RunID: runID, WantReplicas: true})},
			setName + resp("SENTINEL", "is-master-down-by-addr", "h", "1", "0", runID, "REPLICAS"),
		},
		"ask for a promise": {
			[]monitor.Effect{dialCommand, send(1, monitor.AskMasterDown{IP: "h", Port: 1, Epoch: 3, Promise: 500 * time.Millisecond})},
			setName + resp("SENTINEL", "is-master-down-by-addr", "h", "1", "3", "*", "PROMISE", "500"),
		},
		"ask for a promise about a paused master": {
			[]monitor.Effect{dialCommand, send(1, monitor.AskMasterDown{IP: "h", Port: 1, Epoch: 3, Promise: 500 * time.Millisecond, Fenced: true})},
			setName + resp("SENTINEL", "is-master-down-by-addr", "h", "1", "3", "*", "PROMISE", "500", "FENCED"),
		},
		"gossip": {[]monitor.Effect{dialCommand, send(1, monitor.AskGossip{})}, setName + resp("SENTINEL", "GOSSIP")},
		"promotion": {
			[]monitor.Effect{dialCommand, send(1, monitor.SlaveOf{})},
			setName + resp("MULTI") + resp("SLAVEOF", "NO", "ONE") + resp("CONFIG", "REWRITE") + resp("CLIENT", "KILL", "TYPE", "normal") + resp("CLIENT", "KILL", "TYPE", "pubsub") + resp("EXEC"),
		},
		"plain, renamed": {
			[]monitor.Effect{dialCommand, renamed(monitor.SlaveOf{Host: "h", Port: 5, Plain: true})},
			setName + resp("so1", "h", "5") + resp("CONFIG", "REWRITE") + resp("c1", "KILL", "TYPE", "normal") + resp("c1", "KILL", "TYPE", "pubsub"),
		},
		"script kill":       {[]monitor.Effect{dialCommand, send(1, monitor.ScriptKill{})}, setName + resp("SCRIPT", "KILL")},
		"role change alone": {[]monitor.Effect{dialCommand, send(1, monitor.SlaveOf{Host: "127.0.0.1", Port: 1, Bare: true})}, setName + resp("SLAVEOF", "127.0.0.1", "1")},
		"promotion alone":   {[]monitor.Effect{dialCommand, send(1, monitor.SlaveOf{Bare: true, Plain: true})}, setName + resp("SLAVEOF", "NO", "ONE")},
		"pause":             {[]monitor.Effect{dialCommand, send(1, monitor.PauseWrites{For: 500 * time.Millisecond})}, setName + resp("CLIENT", "PAUSE", "500", "WRITE")},
		"end of the pause":  {[]monitor.Effect{dialCommand, send(1, monitor.Unpause{})}, setName + resp("CLIENT", "UNPAUSE")},
		"clients":           {[]monitor.Effect{dialCommand, send(1, monitor.KillClients{})}, setName + resp("CLIENT", "KILL", "TYPE", "normal")},
		"subscribers":       {[]monitor.Effect{dialCommand, send(1, monitor.KillClients{PubSub: true})}, setName + resp("CLIENT", "KILL", "TYPE", "pubsub")},
		"configuration":     {[]monitor.Effect{dialCommand, send(1, monitor.RewriteConfig{})}, setName + resp("CONFIG", "REWRITE")},
		"fence": {
			[]monitor.Effect{
				dial(func(d *monitor.Dial) { d.Kind, d.Pass = monitor.ConnFence, "p" }),
				send(1, monitor.PauseWrites{For: 500 * time.Millisecond}), send(2, monitor.InfoRequest{}),
			},
			resp("AUTH", "p") + setName + resp("CLIENT", "PAUSE", "500", "WRITE") + resp("INFO"),
		},
		"to a connection that is not there": {[]monitor.Effect{dialCommand, monitor.Send{Conn: 2, Cmd: monitor.Ping{}}, monitor.Close{Conn: 3}, monitor.Log{}}, setName},
		"command for Pub/Sub":               {[]monitor.Effect{dial(func(d *monitor.Dial) { d.Kind = monitor.ConnPubSub }), send(1, monitor.Ping{})}, setName + resp("SUBSCRIBE", "__sentinel__:hello")},
		"no command":                        {[]monitor.Effect{dialCommand, send(1, nil), send(2, monitor.Ping{})}, setName + resp("PING")},
		"dialled twice":                     {[]monitor.Effect{dialCommand, dialCommand}, setName},
	} {
		t.Run(name, func(t *testing.T) {
			var wire strings.Builder
			virtual(t, Config{}, func(nc net.Conn) { io.Copy(&wire, nc) }, func(r *rig) {
				r.run(c.effects...)
				synctest.Wait()
				if wire.String() != c.want {
					t.Errorf("sent\n got %q\nwant %q", wire.String(), c.want)
				}
				r.want(linkUp)
			})
		})
	}
}

// TestOneWriteForABatch counts writes: a batch costs one, also when it begins
// before the connection is up.
func TestOneWriteForABatch(t *testing.T) {
	sizes := make(chan int, 10)
	// The dialler waits for the whole first batch. A connection that comes up in
	// the middle of one writes what there is, which is a write more.
	batched := make(chan struct{})
	cfg := Config{DialContext: func(context.Context, string, string) (net.Conn, error) {
		<-batched
		client, other := net.Pipe()
		go func() {
			buf := make([]byte, 1<<20)
			for {
				n, err := other.Read(buf) // a pipe hands over one write with one read
				if err != nil {
					return
				}
				sizes <- n
			}
		}()
		return client, nil
	}}
	virtual(t, cfg, nil, func(r *rig) {
		r.run(dialCommand, send(1, monitor.Ping{}), send(2, monitor.InfoRequest{}))
		close(batched)
		synctest.Wait()
		r.run(send(3, monitor.Ping{}), send(4, monitor.Ping{}))
		synctest.Wait()
		r.Flush()
		synctest.Wait()
		if len(sizes) != 2 {
			t.Fatalf("%d writes for two batches", len(sizes))
		}
		<-sizes
		if n := <-sizes; n != 2*len(resp("PING")) {
			t.Errorf("the second write has %d bytes", n)
		}
	})
}

func TestHostileServers(t *testing.T) {
	info := send(1, monitor.InfoRequest{})
	ping := send(1, monitor.Ping{})
	for name, c := range map[string]struct {
		server server
		dial   monitor.Dial
		send   monitor.Effect
		want   string // in the reason of the loss
	}{
		"speaks HTTP":           {saying("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"), dialCommand, ping, `not a Redis reply: "HTTP/1.1 400 Bad Request`},
		"speaks SSH":            {saying("SSH-2.0-OpenSSH_9.2\r\n"), dialCommand, ping, `"SSH-2.0`},
		"bulk of 1 GB":          {answering("+OK\r\n", "$1073741824\r\n"), dialCommand, info, "bulk string of 1073741824 bytes, at most 1048576"},
		"bulk for a PING":       {answering("+OK\r\n", "$65537\r\n"), dialCommand, ping, "bulk string of 65537 bytes, at most 65536"},
		"huge bulk":             {answering("+OK\r\n", "$9223372036854775807\r\n"), dialCommand, info, "bulk string of 9223372036854775807"},
		"huge array":            {answering("+OK\r\n", "*1000000\r\n"), dialCommand, info, "array of 1000000"},
		"endless line":          {saying("+" + strings.Repeat("x", 1<<20)), dialCommand, ping, "line longer than 65536"},
		"endless nesting":       {saying(strings.Repeat("*1\r\n", 1000)), dialCommand, ping, "nested deeper"},
		"says unasked things":   {answering("+OK\r\n", "+PONG\r\n+PONG\r\n"), dialCommand, ping, `nothing was asked, but the server said "+PONG\r\n"`},
		"talks before us":       {saying("+a\r\n+b\r\n+c\r\n"), dialCommand, ping, "nothing was asked"},
		"closes at once":        {func(net.Conn) {}, dialCommand, ping, "closed by the other side"},
		"closes in a reply":     {answerAndClose("+OK\r\n", "$10\r\nabc"), dialCommand, info, "closed by the other side"},
		"refuses and closes":    {func(nc net.Conn) { io.WriteString(nc, "-ERR max number of clients reached\r\n") }, dialCommand, ping, "closed by the other side after ERR max number of clients reached"},
		"Pub/Sub: error":        {answering("+OK\r\n", "*3\r\n$9\r\nsubscribe\r\n$1\r\nh\r\n:1\r\n-ERR later\r\n"), dialPubSub, nil, `the server said "-ERR later`},
		"Pub/Sub: no message":   {answering("+OK\r\n", "*3\r\n$9\r\nsubscribe\r\n$1\r\nh\r\n:1\r\n*2\r\n:1\r\n:2\r\n"), dialPubSub, nil, "no Pub/Sub message but an array of 2"},
		"Pub/Sub: empty array":  {answering("+OK\r\n", "*3\r\n$9\r\nsubscribe\r\n$1\r\nh\r\n:1\r\n*0\r\n"), dialPubSub, nil, "no Pub/Sub message"},
		"Pub/Sub: huge message": {answering("+OK\r\n", "*3\r\n$9\r\nsubscribe\r\n$1\r\nh\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$1\r\nh\r\n$70000\r\n"), dialPubSub, nil, "bulk string of 70000"},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, Config{}, c.server, func(r *rig) {
				r.run(c.dial)
				if c.send != nil {
					r.run(c.send)
				}
				synctest.Wait()
				checkOneLoss(t, r, c.want)
				r.run(ping, monitor.Close{Conn: 1}) // the core has not heard of it yet
				synctest.Wait()
				checkOneLoss(t, r, c.want)
			})
		})
	}
}

// checkOneLoss checks that LinkUp came first and one LinkDown last.
func checkOneLoss(t *testing.T, r *rig, reason string) {
	t.Helper()
	got := r.got()
	if len(got) < 2 || got[0] != monitor.Input(linkUp) {
		t.Fatalf("delivered %+v", got)
	}
	for _, in := range got[:len(got)-1] {
		if _, ok := in.(monitor.LinkDown); ok {
			t.Errorf("a LinkDown is not the last of %+v", got)
		}
	}
	down, ok := got[len(got)-1].(monitor.LinkDown)
	if !ok || down.Conn != 1 || !strings.Contains(down.Reason, reason) {
		t.Errorf("lost with %+v, want a reason with %s", got[len(got)-1], reason)
	}
}

func TestServerThatNeverAnswers(t *testing.T) {
	virtual(t, Config{}, answering(), func(r *rig) {
		r.run(dialCommand, send(1, monitor.Ping{}))
		time.Sleep(24 * time.Hour)
		r.want(linkUp)
		r.run(monitor.Close{Conn: 1})
		synctest.Wait()
		r.want(linkUp)
	})
}

func TestServerThatNeverReads(t *testing.T) {
	for name, c := range map[string]struct {
		target  monitor.Kind
		masters int
		bytes   int
	}{
		"server":                      {monitor.KindMaster, 1, 64 << 10},
		"server of a large Sentinel":  {monitor.KindMaster, 3000, 64 << 10},
		"peer":                        {monitor.KindSentinel, 1, 1 << 20},
		"peer that shares many names": {monitor.KindSentinel, 3000, 3000 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			sent := 0
			deaf := func(nc net.Conn) { <-nc.(serverConn).done }
			virtual(t, Config{Limits: Limits{Pending: 1 << 20}, Masters: func() int { return c.masters }}, deaf, func(r *rig) {
				d := dialCommand
				d.Target = c.target
				r.run(d)
				synctest.Wait()
				for len(r.got()) < 2 && sent < 2*c.bytes {
					for range 50 {
						r.Do(send(1, monitor.Ping{}))
						sent += len(resp("PING"))
					}
					r.Flush()
					synctest.Wait()
				}
				checkOneLoss(t, r, "bytes of commands that the other side does not read")
			})
			if sent < c.bytes*9/10 || sent > c.bytes*11/10 {
				t.Errorf("cut after %d bytes, want about %d", sent, c.bytes)
			}
		})
	}
}

func TestUnsentBytesAreBoundedWhileDialling(t *testing.T) {
	never := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	virtual(t, Config{DialContext: never, Limits: Limits{UnsentBytes: 1000}}, nil, func(r *rig) {
		r.run(dialCommand)
		for range 100 {
			r.run(send(1, monitor.Ping{}))
		}
		synctest.Wait()
		got := r.got()
		if down, ok := got[0].(monitor.LinkDown); !ok || len(got) != 1 || !strings.Contains(down.Reason, "does not read") {
			t.Errorf("delivered %+v", got)
		}
	})
}

func TestPendingIsBounded(t *testing.T) {
	virtual(t, Config{Limits: Limits{Pending: 10}}, answering("+OK\r\n"), func(r *rig) {
		r.run(dialCommand)
		synctest.Wait()
		for range 10 {
			r.run(send(1, monitor.Ping{}))
		}
		synctest.Wait()
		r.want(linkUp)
		r.run(send(1, monitor.Ping{}))
		synctest.Wait()
		checkOneLoss(t, r, "11 commands without a reply")
	})
}

// TestPendingGrowsWithTheMasters: each master has its own hellos and questions on a link
// to another Sentinel.
func TestPendingGrowsWithTheMasters(t *testing.T) {
	masters := 5
	virtual(t, Config{Limits: Limits{Pending: 1}, Masters: func() int { return masters }}, answering("+OK\r\n"), func(r *rig) {
		d := dialCommand
		d.Target = monitor.KindSentinel
		r.run(d)
		synctest.Wait()
		for range pendingByMaster * 5 {
			r.run(send(1, monitor.Ping{}))
		}
		synctest.Wait()
		r.want(linkUp)
		masters = 6
		r.run(send(1, monitor.Ping{}))
		synctest.Wait()
		r.want(linkUp)
		masters = 5
		r.run(send(1, monitor.Ping{}))
		synctest.Wait()
		checkOneLoss(t, r, "42 commands without a reply")
	})
}

// TestNoRoom: where there is room for one connection, another one fails at once, and a
// later one finds the room that the first has left.
func TestNoRoom(t *testing.T) {
	full := errors.New("full")
	room := func(conns int) error {
		if conns > 1 {
			return full
		}
		return nil
	}
	virtual(t, Config{Room: room}, answering(), func(r *rig) {
		second := dialCommand
		second.Conn = 2
		third := dialCommand
		third.Conn = 3
		r.run(dialCommand, second)
		synctest.Wait()
		if n := r.Count(); n != 1 {
			t.Errorf("%d connections", n)
		}
		if got := r.got(); !slices.Contains(got, monitor.Input(monitor.LinkDown{Conn: 2, Reason: "full"})) || len(got) != 2 {
			t.Errorf("delivered %+v", got)
		}
		r.run(monitor.Close{Conn: 1}, third)
		synctest.Wait()
		if n := r.Count(); n != 1 || r.got()[2].(monitor.LinkUp).Conn != 3 {
			t.Errorf("%d connections, delivered %+v", n, r.got())
		}
	})
}

func TestByteByByte(t *testing.T) {
	text := "role:slave\r\nmaster_port:1\r\n"
	replies := "+OK\r\n+PONG\r\n$27\r\n" + text + "\r\n-LOADING\r\n"
	virtual(t, Config{}, func(nc net.Conn) {
		go io.Copy(io.Discard, nc)
		for i := range replies {
			io.WriteString(nc, replies[i:i+1])
			time.Sleep(time.Second)
		}
		<-nc.(serverConn).done
	}, func(r *rig) {
		r.run(dialCommand, send(1, monitor.Ping{}), send(2, monitor.InfoRequest{}), send(3, monitor.Ping{}))
		time.Sleep(time.Hour)
		r.want(linkUp, monitor.Pong{Conn: 1, Reply: monitor.PingPong},
			monitor.InfoReply{Conn: 1, Token: token(2), Info: monitor.ParseInfo([]byte(text))},
			monitor.Pong{Conn: 1, Reply: monitor.PingLoading})
	})
}

func TestDialFailures(t *testing.T) {
	dialed := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no route") }
	for name, c := range map[string]struct {
		cfg  Config
		addr monitor.HostPort
		want string
	}{
		"refused":     {Config{DialContext: dialed}, dialCommand.Addr, "no route"},
		"no host":     {Config{DialContext: dialed}, monitor.HostPort{Port: 1}, "no address"},
		"no port":     {Config{DialContext: dialed}, monitor.HostPort{Host: "h"}, "no address"},
		"large port":  {Config{DialContext: dialed}, monitor.HostPort{Host: "h", Port: 65536}, "no address"},
		"bind source": {Config{BindSource: "eth0"}, dialCommand.Addr, `bind-source-addr "eth0" is not an IP address`},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, c.cfg)
			d := dialCommand
			d.Addr = c.addr
			r.run(d)
			if down := await[monitor.LinkDown](r); down.Conn != 1 || !strings.Contains(down.Reason, c.want) {
				t.Errorf("got %+v, want %q", down, c.want)
			}
			r.Shutdown()
			r.want()
		})
	}
}

func TestCloseWhileDialling(t *testing.T) {
	for name, end := range map[string]func(*rig){
		"close":    func(r *rig) { r.run(monitor.Close{Conn: 1}) },
		"shutdown": func(r *rig) { r.Shutdown() },
	} {
		t.Run(name, func(t *testing.T) {
			ended := false
			virtual(t, Config{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				ended = true
				return nil, ctx.Err()
			}}, nil, func(r *rig) {
				r.run(dialCommand, send(1, monitor.Ping{}))
				synctest.Wait()
				end(r)
				synctest.Wait()
				r.want()
				if !ended {
					t.Error("the attempt goes on")
				}
			})
		})
	}
}

// TestCloseAsTheDialSucceeds closes a connection that a dialler returns after
// it was told to stop: it must be neither leaked nor reported.
func TestCloseAsTheDialSucceeds(t *testing.T) {
	virtual(t, Config{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		client, other := net.Pipe()
		go io.Copy(io.Discard, other) // ends when client is closed
		return client, nil
	}}, nil, func(r *rig) {
		r.run(dialCommand)
		synctest.Wait()
		r.run(monitor.Close{Conn: 1})
		synctest.Wait()
		r.want()
	})
}

// TestBackPressure holds up the delivery: the loop must not be held up too, and
// what follows a Close must not be delivered.
func TestBackPressure(t *testing.T) {
	var goOn chan struct{}
	var once sync.Once
	deliver := func(monitor.Instant, monitor.Input) { once.Do(func() { <-goOn }) }
	virtual(t, Config{Deliver: deliver}, answering("+OK\r\n", "+PONG\r\n", "+PONG\r\n"), func(r *rig) {
		goOn = make(chan struct{}) // inside the bubble, as virtual time demands
		r.run(dialCommand, send(1, monitor.Ping{}))
		synctest.Wait()
		r.run(send(2, monitor.Ping{}))
		synctest.Wait()
		r.run(monitor.Close{Conn: 1})
		synctest.Wait()
		r.want()
		close(goOn)
		synctest.Wait()
		r.want(linkUp)
	})
}

func TestNothingHappensAfterShutdown(t *testing.T) {
	virtual(t, Config{}, answering("+OK\r\n", "+PONG\r\n"), func(r *rig) {
		r.run(dialCommand)
		synctest.Wait()
		r.Do(send(1, monitor.Ping{}))
		r.Shutdown()
		r.Flush()
		r.run(dialCommand, send(1, monitor.Ping{}), monitor.Close{Conn: 1})
		r.Shutdown()
		r.want(linkUp)
	})
}

func TestNewNeedsItsFunctions(t *testing.T) {
	for _, cfg := range []Config{{}, {Now: func() monitor.Instant { return 1 }}, {Deliver: func(monitor.Instant, monitor.Input) {}}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("New(%+v) returned", cfg)
				}
			}()
			New(cfg)
		}()
	}
}

// stuckConn takes no writes and says nothing, not even that it is lost.
type stuckConn struct{ net.Conn }

func (stuckConn) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestWriteThatFails(t *testing.T) {
	var last net.Conn
	dial := func(context.Context, string, string) (net.Conn, error) {
		var client net.Conn
		client, last = net.Pipe()
		return stuckConn{client}, nil
	}
	t.Run("silence", func(t *testing.T) {
		virtual(t, Config{DialContext: dial}, nil, func(r *rig) {
			r.run(dialCommand)
			synctest.Wait()
			r.want(linkUp)
			time.Sleep(failedWriteGrace)
			synctest.Wait()
			r.want(linkUp, monitor.LinkDown{Conn: 1, Reason: "write: broken pipe"})
		})
	})
	t.Run("last words", func(t *testing.T) {
		virtual(t, Config{DialContext: dial}, nil, func(r *rig) {
			r.run(dialCommand)
			synctest.Wait()
			io.WriteString(last, "-DENIED go away\r\n")
			last.Close()
			synctest.Wait()
			r.want(linkUp, monitor.LinkDown{Conn: 1, Reason: "closed by the other side after DENIED go away", Loss: monitor.LossEnded})
		})
	})
	t.Run("shutdown", func(t *testing.T) {
		virtual(t, Config{DialContext: dial}, nil, func(r *rig) {
			r.run(dialCommand)
			synctest.Wait()
			r.Shutdown()
			r.want(linkUp)
		})
	})
}
