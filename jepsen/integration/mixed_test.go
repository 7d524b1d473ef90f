package integration

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/discovery"
	"github.com/gosentinel/sentinel/internal/testcert"
	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
	"github.com/gosentinel/sentinel/jepsen/mixed"
)

// programs returns both kinds of Sentinels for experiments with mixed sets.
func programs(t *testing.T) mixed.Programs {
	t.Helper()
	return mixed.Programs{
		Stock: stockSentinel(t), Ours: underTest(t),
		Inspect: func(dir string) { clustertest.Sound(t, dir) },
	}
}

// ratios are the smallest sets in which each kind is once the minority.
var ratios = []mixed.Ratio{{Stock: 2, Ours: 1}, {Stock: 1, Ours: 2}}

// Sentinels of both kinds elect one leader among them, whichever kind it is, and
// say the same afterwards. At length: make mixed.
func TestMixedFailovers(t *testing.T) {
	t.Parallel()
	for _, r := range ratios {
		t.Run(r.String(), func(t *testing.T) {
			t.Parallel()
			runs, err := mixed.Failovers{Programs: programs(t), Ratio: r, Runs: 2, DownAfter: 2 * time.Second}.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, run := range runs {
				for _, text := range run.Violations {
					t.Errorf("failover %d: %s", run.N, text)
				}
			}
		})
	}
}

// A Sentinel is replaced by one of the other kind, there and back, on its files,
// and the clients notice nothing.
func TestRollingReplacement(t *testing.T) {
	t.Parallel()
	out, err := mixed.Roll{Programs: programs(t), DownAfter: 2 * time.Second, PerSecond: 200, Quick: true}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range out.Violations {
		t.Error(text)
	}
	if out.Written.Acked == 0 || out.Polls == 0 {
		t.Errorf("nothing was looked at: %+v", out)
	}
}

// Five masters die at once, and the elections of stock Sentinels and gosentinels
// for them meet.
func TestBurst(t *testing.T) {
	t.Parallel()
	for _, r := range ratios {
		t.Run(r.String(), func(t *testing.T) {
			t.Parallel()
			rounds, err := mixed.Burst{
				Programs: programs(t), Ratio: r, Masters: 5, Rounds: 1, DownAfter: 2 * time.Second,
				Late: []time.Duration{200 * time.Millisecond},
			}.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, round := range rounds {
				for _, text := range round.Violations {
					t.Error(text)
				}
			}
		})
	}
}

// mixedSet starts a set of both kinds.
func (e *env) mixedSet(r mixed.Ratio, change func(*cluster.Topology)) *mixed.Set {
	e.Helper()
	top := programs(e.T).Topology(r, 2*time.Second)
	top.Replicas = 1
	change(&top)
	g, err := e.c.Start(e.ctx, top)
	e.must(err)
	return mixed.NewSet(g, top, r.Kinds())
}

// settle waits until all Sentinels of a set are of one mind.
func (e *env) settle(s *mixed.Set) {
	e.Helper()
	e.must(s.Settle(e.ctx))
}

// failOver kills the master of a set for good. That takes votes of both kinds.
func (e *env) failOver(s *mixed.Set) {
	e.Helper()
	s.Servers[0].Kill()
	e.newMaster(s.Group, s.Servers[0])
	e.oneLeaderPerEpoch()
}

// TLS is all that servers and Sentinels of both kinds speak and understand. A client of
// package discovery follows the failover, and is cut off from a master that is only
// silent; without a certificate of its own it is told why it gets nothing.
func TestMixedTLS(t *testing.T) {
	t.Parallel()
	for _, r := range ratios {
		t.Run(r.String(), func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			ca := testcert.NewAuthority(t, "mixed")
			files := ca.Write(t, t.TempDir(), "node")
			pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
			e.must(err)
			lines := []string{
				"tls-cert-file " + files.Cert, "tls-key-file " + files.Key, "tls-ca-cert-file " + files.CA, "tls-replication yes",
			}
			s := e.mixedSet(r, func(top *cluster.Topology) {
				top.TLS = &tls.Config{RootCAs: ca.Pool(), ServerName: "node.example", Certificates: []tls.Certificate{pair}}
				top.ServerConf = func(int) []string { return lines }
				top.SentinelConf = lines
			})
			e.settle(s)
			o := discovery.Options{Sentinels: sentinelAddrs(s.Group), Master: s.Master}
			o.SentinelAccess.TLS = &tls.Config{RootCAs: ca.Pool(), ServerName: "node.example", Certificates: []tls.Certificate{pair}}
			o.ServerAccess = o.SentinelAccess
			client := e.resolver(o)
			epoch := e.master(client, s.Servers[0]).Epoch
			conn, err := client.DialMaster(e.ctx, "tcp", "")
			e.must(err)
			defer conn.Close()
			o.SentinelAccess.TLS = &tls.Config{RootCAs: ca.Pool(), ServerName: "node.example"}
			stranger := e.resolver(o)

			e.signal(s.Servers[0], syscall.SIGSTOP)
			now := e.newMaster(s.Group, s.Servers[0])
			e.oneLeaderPerEpoch()
			if a := e.master(client, now); a.Epoch <= epoch {
				e.Errorf("the epoch was %d and is %d", epoch, a.Epoch)
			}
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, discovery.ErrDemoted) {
				e.Errorf("the connection to the old master: %v", err)
			}
			for _, one := range client.Status().Sentinels {
				if one.Error != "" || !one.Subscribed {
					e.Errorf("%+v", one)
				}
			}
			for _, one := range stranger.Status().Sentinels {
				if !strings.Contains(one.Error, "certificate required") {
					e.Errorf("without a certificate: %+v", one)
				}
			}
			e.signal(s.Servers[0], syscall.SIGCONT)
		})
	}
}

// behindNAT puts a listener on another address before a Sentinel and returns it.
// Sentinels listen on 127.0.0.1 only, so no connection gets through to 127.0.0.2 but by
// this. Each forwards for as long as the test runs.
func (e *env) behindNAT(port int) (addr string) {
	e.Helper()
	public, err := e.c.Port()
	e.must(err)
	ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.2:%d", public))
	e.must(err)
	e.forward(ln, fmt.Sprintf("127.0.0.1:%d", port))
	return ln.Addr().String()
}

// forward connects every client of ln to target.
func (e *env) forward(ln net.Listener, target string) *fake {
	f := &fake{ln: ln, conns: map[net.Conn]bool{}, serve: func(in net.Conn) {
		out, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.Copy(out, in)
			_ = out.Close()
		}()
		_, _ = io.Copy(in, out)
		_ = in.Close()
		<-done
	}}
	f.wg.Add(1)
	go f.accept()
	e.Cleanup(f.close)
	return f
}

// Behind address translation Sentinels know each other by what they announce,
// and follow when one announces another port.
func TestMixedAnnounced(t *testing.T) {
	t.Parallel()
	for _, r := range ratios {
		t.Run(r.String(), func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			var public []string
			s := e.mixedSet(r, func(top *cluster.Topology) {
				top.Sentinels = 0 // they need to know their ports first
			})
			for i, k := range r.Kinds() {
				port, err := e.c.Port()
				e.must(err)
				public = append(public, e.behindNAT(port))
				ip, announced, _ := net.SplitHostPort(public[i])
				n := e.mixedSentinel(s, k, "sentinel"+strconv.Itoa(i), port, "sentinel announce-ip "+ip, "sentinel announce-port "+announced)
				s.Sentinels = append(s.Sentinels, n)
			}
			s.Announced = public
			e.settle(s)

			// Each in turn moves to another port; two kinds look at it.
			for i, n := range s.Sentinels {
				public[i] = e.behindNAT(n.Port())
				_, announced, _ := net.SplitHostPort(public[i])
				e.do(n, "SENTINEL", "CONFIG", "SET", "announce-port", announced)
				id, err := n.MyID(e.ctx)
				e.must(err)
				for j, other := range s.Sentinels {
					if j != i {
						e.eventAbout(other, "+sentinel-address-switch", "ip 127.0.0.2 port "+announced+" for "+id)
					}
				}
				e.settle(s)
			}
			e.failOver(s)
		})
	}
}

// mixedSentinel starts a Sentinel of a kind that watches the master of a set.
func (e *env) mixedSentinel(s *mixed.Set, k mixed.Kind, name string, port int, lines ...string) *cluster.Sentinel {
	e.Helper()
	m := s.Want
	m.Port = s.Servers[0].Port()
	command := underTest(e.T)
	if k == mixed.Stock {
		command = stockSentinel(e.T)
	}
	n, err := e.c.StartSentinel(cluster.NodeSpec{Name: name, Port: port, Conf: cluster.SentinelConf(port, m, lines...), Command: command})
	e.must(err)
	e.must(n.WaitReady(e.ctx))
	return n
}
