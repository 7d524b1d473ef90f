package integration

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// gated is a group whose servers are known by the ports of gates. A gate shows each
// command of a Sentinel before it passes it on, so that a test can strike at an exact
// step of a switchover.
type gated struct {
	*env
	servers   []*cluster.Server
	gates     []*fake
	sentinels []*cluster.Sentinel
	ids       []string // by which the Sentinels name their connections
	downAfter time.Duration

	mu     sync.Mutex
	old    int // server that is the master when the round begins
	strike func(order) (lost bool)
	orders []order                 // of this round, without PING, INFO and PUBLISH
	paused map[[2]int]pausedServer // by Sentinel and server
	faults []string                // what no Sentinel may do

	pausesRefused bool
}

// order is a command of a Sentinel to a server.
type order struct {
	sentinel, server int
	words            []string
	step             string
}

type pausedServer struct {
	since  time.Time
	length time.Duration
}

// setting is what a group of gated servers is like.
type setting struct {
	downAfter, failoverTimeout time.Duration
	server                     []string   // further lines for each server
	programs                   [][]string // of the Sentinels; nil: what is tested
}

// newGated starts a master, two replicas and three Sentinels.
func newGated(e *env, set setting) *gated {
	e.Helper()
	if *long {
		ctx, cancel := context.WithTimeout(e.Context(), 8*time.Minute)
		e.Cleanup(cancel)
		e.ctx = ctx
	}
	w := &gated{env: e, downAfter: set.downAfter, paused: map[[2]int]pausedServer{}}
	for k := range 3 {
		f := e.fake(func(c net.Conn) { w.pass(k, c) })
		conf := []string{"enable-debug-command local", fmt.Sprint("replica-announce-port ", f.port())}
		if k > 0 {
			conf = append(conf, fmt.Sprint("replicaof 127.0.0.1 ", w.gates[0].port()))
		}
		s := e.server(fmt.Sprint("server", k), cluster.NodeSpec{}, append(conf, set.server...)...)
		w.mu.Lock()
		w.servers, w.gates = append(w.servers, s), append(w.gates, f)
		w.mu.Unlock()
	}
	for _, s := range w.servers[1:] {
		e.until(s.Name()+" to be in sync", func(ctx context.Context) (string, bool) {
			r, err := s.Replication(ctx)
			return r.String(), err == nil && r.LinkUp
		})
	}
	for k := range 3 {
		port, err := e.c.Port()
		e.must(err)
		m := cluster.Monitored{Name: "mymaster", Port: w.gates[0].port(), Quorum: 2, DownAfter: set.downAfter, FailoverTimeout: set.failoverTimeout}
		spec := cluster.NodeSpec{Name: fmt.Sprint("sentinel", k), Port: port, Conf: cluster.SentinelConf(port, m)}
		if set.programs != nil {
			spec.Command = set.programs[k]
		}
		s, err := e.c.StartSentinel(spec)
		e.must(err)
		e.must(s.WaitReady(e.ctx))
		id, err := s.MyID(e.ctx)
		e.must(err)
		w.mu.Lock()
		w.sentinels, w.ids = append(w.sentinels, s), append(w.ids, "sentinel-"+id[:8]+"-cmd")
		w.mu.Unlock()
	}
	return w
}

// pass is one connection through the gate of a server.
func (w *gated) pass(server int, in net.Conn) {
	w.mu.Lock()
	to := w.servers[server].Addr()
	w.mu.Unlock()
	out, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	done := make(chan struct{})
	go func() {
		pass(in, out)
		close(done)
	}()
	w.forward(server, in, out)
	_ = out.Close()
	_ = in.Close()
	<-done
}

// forward passes on what a client says, one command after the other.
func (w *gated) forward(server int, from io.Reader, to io.Writer) {
	in, name := bufio.NewReader(from), ""
	for {
		raw, words, err := readOrder(in)
		if err != nil {
			return
		}
		if len(words) == 3 && strings.EqualFold(words[1], "SETNAME") {
			name = words[2]
		}
		if k := w.named(name); k >= 0 && w.show(order{sentinel: k, server: server, words: words}) {
			return
		}
		if _, err := to.Write(raw); err != nil {
			return
		}
	}
}

// named returns the Sentinel whose connection has a name, or -1.
func (w *gated) named(conn string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	for k, id := range w.ids {
		if id == conn {
			return k
		}
	}
	return -1
}

// readOrder returns one command as it was sent, and its words.
func readOrder(in *bufio.Reader) (raw []byte, words []string, err error) {
	length := func(kind byte) int {
		var line []byte
		if err == nil {
			line, err = in.ReadBytes('\n')
		}
		raw = append(raw, line...)
		if err == nil && line[0] != kind {
			err = errNotRESP
		}
		if err != nil {
			return 0
		}
		var n int
		n, err = strconv.Atoi(strings.TrimSpace(string(line[1:])))
		return n
	}
	for range length('*') {
		word := make([]byte, length('$')+2)
		if err == nil {
			_, err = io.ReadFull(in, word)
		}
		raw, words = append(raw, word...), append(words, string(word[:len(word)-2]))
	}
	return raw, words, err
}

var errNotRESP = errors.New("not a command in RESP")

// show notes a command, and what it breaks, and strikes if it is the one. It reports
// whether the command is lost, and its connection with it.
func (w *gated) show(o order) (lost bool) {
	w.mu.Lock()
	o.step = w.step(o)
	w.rules(&o)
	if o.step != "" {
		w.orders = append(w.orders, o)
	}
	strike := w.strike
	w.mu.Unlock()
	return o.step != "" && strike != nil && strike(o)
}

// step names a command of a switchover, with the server that it goes to.
func (w *gated) step(o order) string {
	name := ""
	switch text := strings.ToUpper(strings.Join(o.words, " ")); {
	case strings.HasPrefix(text, "CLIENT PAUSE"):
		name = "pause"
	case strings.HasPrefix(text, "CLIENT UNPAUSE"):
		name = "unpause"
	case strings.HasPrefix(text, "CLIENT KILL"):
		name = "kill " + o.words[3]
	case text == "CONFIG REWRITE":
		name = "rewrite"
	case text == "SLAVEOF NO ONE":
		name = "promote"
	case text == "SLAVEOF 127.0.0.1 0":
		name = "demote"
	case strings.HasPrefix(text, "SLAVEOF"):
		name = "follow"
	default:
		return ""
	}
	if o.server == w.old {
		return name + " old"
	}
	return name + " other"
}

// rules notes what no Sentinel may do: pause a server for too long, or one that is
// not the master, and publish where its own pause holds up the answer.
func (w *gated) rules(o *order) {
	at := [2]int{o.sentinel, o.server}
	switch {
	case strings.HasPrefix(o.step, "pause"):
		ms, _ := strconv.Atoi(o.words[2])
		length := time.Duration(ms) * time.Millisecond
		if o.server != w.old || length <= 0 || length > min(time.Second, w.downAfter/2) {
			w.faults = append(w.faults, fmt.Sprint(*o))
		}
		if !w.pausesRefused {
			w.paused[at] = pausedServer{time.Now(), length}
		}
	case strings.HasPrefix(o.step, "unpause"):
		delete(w.paused, at)
	case strings.EqualFold(o.words[0], "PUBLISH"):
		if p := w.paused[at]; time.Since(p.since) < p.length {
			w.faults = append(w.faults, fmt.Sprintf("a hello %v after a pause of %v", time.Since(p.since), p.length))
		}
	}
}

// hurry has the Sentinels look at servers more often, and end TILT soon, into which
// one falls that was stopped.
func (w *gated) hurry() {
	w.Helper()
	for _, s := range w.sentinels {
		w.do(s, "SENTINEL", "DEBUG", "info-period", 1000, "tilt-period", 1000)
	}
}

// masterNow returns the index of the server that all running Sentinels name, and -1
// while they do not agree.
func (w *gated) masterNow(ctx context.Context) int {
	port := 0
	for _, s := range w.sentinels {
		if !s.Running() {
			continue
		}
		p, err := s.MasterPort(ctx, "mymaster")
		if err != nil || port != 0 && p != port {
			return -1
		}
		port = p
	}
	for k, g := range w.gates {
		if g.port() == port {
			return k
		}
	}
	return -1
}

// settled waits until all Sentinels see one master with two replicas, and returns
// the master.
func (w *gated) settled() int {
	w.Helper()
	for _, s := range w.sentinels {
		w.must(s.WaitView(w.ctx, "mymaster", 2, 2))
	}
	master := -1
	w.until("the Sentinels to agree", func(ctx context.Context) (string, bool) {
		master = w.masterNow(ctx)
		return fmt.Sprint(master), master >= 0
	})
	w.must(w.servers[master].WaitRole(w.ctx, "master"))
	return master
}
