package scale

import (
	"context"
	"fmt"
	"math"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/redcon"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/fleet"
)

// failureRows are what happens when much fails at once, or nothing does.
var failureRows = []Row{
	{
		Name: "mass", Text: "a fifth of all masters killed together, 3 Sentinels, down-after 10 s", Timeout: 15 * time.Minute,
		Figures: []Figure{
			told("masters killed", ""), absolute("last promoted beyond down-after", "s", 2, 5), absolute("attempts beyond one each", "", 0, 0.5), told("still not promoted", ""), inTilt,
		},
		Run: killMany,
	}, {
		Name: "cut-off", Text: "cut off from 1,000 masters, but not from 4 other Sentinels, down-after 5 s", Timeout: 3 * time.Minute,
		Figures: []Figure{absolute("questions after 10 s", "1/s", 1000, 4000), told("CPU", "ms/s"), told("+sdown", ""), inTilt},
		Run:     cutOff,
	}, {
		Name: "alarm", Text: "20 masters and replicas, down-after 1 s, CPU and network loaded", Timeout: time.Hour, Once: true,
		Figures: []Figure{ratio("false +sdown", "", 1, 1), told("CPU", "ms/min"), inTilt},
		Run:     falseAlarms,
	},
}

// inTilt is how often a Sentinel noticed that it was held up itself. For half a minute it
// then judges nothing, and other figures mean little.
var inTilt = told("+tilt", "")

func killMany(ctx context.Context, s *stage) ([]float64, error) {
	const patience = time.Minute
	downAfter := s.downAfter(10 * time.Second)
	masters := s.size(s.o.Mass, 30)
	doomed := masters / 5
	set := setting{Layout: fleet.Layout{Masters: masters, Replicas: 1, Doomed: doomed}, sentinels: 3, downAfter: downAfter}
	if err := s.enter(ctx, set); err != nil {
		return nil, err
	}
	begun := time.Now()
	if err := s.fleet.Close(ctx); err != nil {
		return nil, err
	}
	switched := func() (masters map[string]time.Time) {
		masters = map[string]time.Time{}
		for _, ev := range s.c.Events().Since(begun) {
			if name, _, _ := strings.Cut(ev.Text, " "); ev.Name == "+switch-master" && masters[name].IsZero() {
				masters[name] = ev.At
			}
		}
		return masters
	}
	waiting, cancel := context.WithTimeout(ctx, downAfter+patience)
	defer cancel()
	_ = cluster.WaitFor(waiting, "all to be replaced", func(context.Context) (string, bool) { // who is missing is a figure
		n := len(switched())
		return fmt.Sprint(n), n == doomed
	})
	last := math.NaN() // where none is replaced
	for _, at := range switched() {
		if beyond := (at.Sub(begun) - downAfter).Seconds(); math.IsNaN(last) || beyond > last {
			last = beyond
		}
	}
	events := s.c.Events().Since(begun)
	extra := max(0, count(events, "+try-failover")-doomed) + count(events, "-failover-abort")
	return []float64{float64(doomed), last, float64(extra), float64(doomed - len(switched())), float64(count(events, "+tilt"))}, ctx.Err()
}

func cutOff(ctx context.Context, s *stage) ([]float64, error) {
	const peers = 4
	downAfter := s.downAfter(5 * time.Second)
	masters := s.size(1000, 50)
	set := setting{Layout: fleet.Layout{Masters: masters, Replicas: 1, Doomed: masters}, downAfter: downAfter, quorum: peers/2 + 1}
	var questions atomic.Int64
	for i := range peers {
		p, err := newPeer(&questions)
		if err != nil {
			return nil, err
		}
		defer p.close()
		for m := range masters {
			set.lines = append(set.lines, fmt.Sprintf("sentinel known-sentinel m%d 127.0.0.1 %d %040x", m, p.port(), i+1))
		}
	}
	if err := s.launch(ctx, set); err != nil {
		return nil, err
	}
	n, err := s.startSentinel(0, set)
	if err != nil {
		return nil, err
	}
	if err := n.WaitReady(ctx); err != nil {
		return nil, err
	}
	if err := s.settled(ctx, n, setting{Layout: set.Layout, sentinels: 1 + peers}); err != nil {
		return nil, err
	}
	begun := time.Now()
	if err := s.fleet.Mute(ctx); err != nil {
		return nil, err
	}
	if err := rest(ctx, downAfter+s.span(10*time.Second, 2*time.Second)); err != nil {
		return nil, err
	}
	before, while := questions.Load(), s.span(10*time.Second, 3*time.Second)
	u, err := s.spend(ctx, n, while)
	asked := float64(questions.Load()-before) / while.Seconds()
	events := s.c.Events().Since(begun)
	return []float64{asked, milliseconds(u.CPU) / while.Seconds(), float64(count(events, "+sdown")), float64(count(events, "+tilt"))}, err
}

// peer is a fake Sentinel to which every master is up. It counts what it is asked.
type peer struct {
	ln        net.Listener
	questions *atomic.Int64
	work      sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

func newPeer(questions *atomic.Int64) (*peer, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &peer{ln: ln, questions: questions}
	p.work.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.conns = append(p.conns, nc)
			p.mu.Unlock()
			p.work.Go(func() { p.serve(nc) })
		}
	})
	return p, nil
}

func (p *peer) port() int { return p.ln.Addr().(*net.TCPAddr).Port }

func (p *peer) serve(nc net.Conn) {
	defer nc.Close()
	r, w := redcon.NewReader(nc), redcon.NewWriter(nc)
	for {
		commands, err := r.ReadCommands()
		if err != nil {
			return
		}
		for _, c := range commands {
			switch name := strings.ToUpper(string(c.Args[0])); {
			case name == "PING":
				w.WriteString("PONG")
			case name == "SENTINEL" && len(c.Args) == 6:
				p.questions.Add(1)
				w.WriteArray(3)
				w.WriteInt(0)
				w.WriteBulkString("*")
				w.WriteInt(0)
			case name == "PUBLISH":
				w.WriteInt(1)
			default:
				w.WriteString("OK")
			}
		}
		if w.Flush() != nil {
			return
		}
	}
}

func (p *peer) close() {
	_ = p.ln.Close() // it ends with its last connection
	p.mu.Lock()
	for _, nc := range p.conns {
		_ = nc.Close() // may be closed already
	}
	p.mu.Unlock()
	p.work.Wait()
}
