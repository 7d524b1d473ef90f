package ecosystem

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

const (
	zatoMaster = "redis-ha"
	nodes      = 3
	// Ports of node 1; each further node has 10000 more.
	zatoServer, zatoSentinel, zatoStep = 16300, 16355, 10000
)

// zatoHosts are the names of the guide. The sandbox has them in its hosts file.
var zatoHosts = []string{"redis1", "redis2", "redis3"}

// host returns the name of a node, counted from 0.
func host(i int) string {
	if sandboxed() {
		return zatoHosts[i]
	}
	return "localhost" // the one name that resolves everywhere
}

// zatoCase is one way to follow the guide.
type zatoCase struct {
	name  string
	kinds set
	// global stands before the guide's lines in the Sentinels' files.
	global []string
	// announced makes all instances speak of names in place of addresses.
	announced bool
}

func zatoCases() []zatoCase {
	allOurs, allStock := set{ours, ours, ours}, set{stock, stock, stock}
	resolve := []string{"sentinel resolve-hostnames yes"}
	announce := append(resolve[:1:1], "sentinel announce-hostnames yes")
	cases := []zatoCase{{name: "as written", kinds: allOurs}}
	if *long {
		// The original refuses the guide's files as they are, since version 6.2.
		cases = append(cases,
			zatoCase{name: "resolve-hostnames", kinds: allOurs, global: resolve},
			zatoCase{name: "resolve-hostnames", kinds: allStock, global: resolve},
			zatoCase{name: "announce-hostnames", kinds: allOurs, global: announce, announced: true},
			zatoCase{name: "announce-hostnames", kinds: allStock, global: announce, announced: true})
	}
	return cases
}

// The guide to high availability of the Zato platform: hosts with names, and
// servers that write while the master is stopped.
func TestZato(t *testing.T) {
	t.Parallel()
	for _, c := range zatoCases() {
		t.Run(c.name+", "+c.kinds.String(), func(t *testing.T) {
			var ports []int
			for i := range nodes {
				ports = append(ports, zatoServer+i*zatoStep, zatoSentinel+i*zatoStep)
			}
			z := &zato{env: newEnv(t, ports...), zatoCase: c}
			z.g.Master = zatoMaster
			z.start()
			master := z.g.Servers[0]
			z.sees(z.look("kept"), master)
			if z.announced {
				master = z.stop(master, syscall.SIGKILL)
				z.saysNames(master)
				z.planned(master)
			} else {
				z.stop(master, syscall.SIGTERM)
			}
		})
	}
}

// zato is one performance.
type zato struct {
	*env
	zatoCase
	g cluster.Group
}

func (z *zato) row(what, expected, got string) {
	seen.row("Zato, "+z.name+", "+z.kinds.String(), what, expected, got)
}

// conf makes a node's file out of the guide's file of node 1: bind and port are
// its own. Everything else is the same for all.
func (z *zato) conf(name string, i, firstPort int) string {
	z.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "zato", name))
	z.must(err)
	text := string(b)
	for _, edit := range [][2]string{
		{"bind redis1\n", "bind " + host(i) + "\n"},
		{fmt.Sprintf("port %d\n", firstPort), fmt.Sprintf("port %d\n", firstPort+i*zatoStep)},
	} {
		text, err = replace(text, edit[0], edit[1], 1)
		z.must(err)
	}
	return text
}

func (z *zato) serverConf(i int) string {
	z.Helper()
	text := z.conf("node1.conf", i, zatoServer)
	if i > 0 {
		text += fmt.Sprintf("slaveof %s %d\n", host(0), zatoServer)
	}
	if z.announced {
		text += "replica-announce-ip " + host(i) + "\n"
	}
	return text
}

func (z *zato) sentinelConf(i int) string {
	z.Helper()
	text, err := replace(z.conf("sentinel1.conf", i, zatoSentinel), " redis1 ", " "+host(0)+" ", 1)
	z.must(err)
	lines := z.global
	if z.announced {
		lines = append(lines[:len(lines):len(lines)], "sentinel announce-ip "+host(i))
	}
	return strings.Join(append(lines[:len(lines):len(lines)], text), "\n")
}

// start starts the three nodes and then the Sentinels.
func (z *zato) start() {
	z.Helper()
	for i := range nodes {
		s, err := z.c.StartServer(cluster.NodeSpec{
			Name: fmt.Sprintf("node%d", i+1), Port: zatoServer + i*zatoStep, Conf: z.serverConf(i),
		})
		z.must(err)
		z.must(s.WaitReady(z.ctx))
		z.g.Servers = append(z.g.Servers, s)
	}
	for _, s := range z.g.Servers[1:] {
		z.must(s.WaitReplicaOf(z.ctx, z.g.Servers[0]))
	}
	began := time.Now()
	for i := range nodes {
		s, err := z.c.StartSentinel(cluster.NodeSpec{
			Name: fmt.Sprintf("sentinel%d", i+1), Port: zatoSentinel + i*zatoStep, Conf: z.sentinelConf(i),
			Command: []string{z.program(z.kinds[i])},
		})
		z.must(err)
		z.g.Sentinels = append(z.g.Sentinels, s)
	}
	for _, s := range z.g.Sentinels {
		z.must(s.WaitReady(z.ctx))
		z.logs(s, fmt.Sprintf(`# \+monitor master redis-ha %s %d quorum 2`, z.spoken(0), zatoServer))
	}
	z.must(z.g.WaitViews(z.ctx))
	z.row("start to a complete set", "at most 3 s", seconds(time.Since(began)))
}

// spoken is how a node is called in replies and events.
func (z *zato) spoken(i int) string {
	if z.announced {
		return host(i)
	}
	return "127.0.0.1"
}

func (z *zato) addr(s *cluster.Server) pyAddr {
	return pyAddr{z.spoken(slices.Index(z.g.Servers, s)), s.Port()}
}

func (z *zato) sentinelList() string {
	var list []string
	for i, s := range z.g.Sentinels {
		list = append(list, host(i)+":"+strconv.Itoa(s.Port()))
	}
	return strings.Join(list, ",")
}

// sees checks what the Python client got.
func (z *zato) sees(l look, master *cluster.Server) {
	z.Helper()
	if !l.Ping || l.Value != "kept" || l.Master != z.addr(master) {
		z.Errorf("the Python client sees %+v; want ping, the value \"kept\" and the master %v", l, z.addr(master))
	}
	for _, s := range z.g.Servers {
		// Until it counts as down, a dead replica is listed as well.
		listed := slices.Contains(l.Slaves, z.addr(s))
		if s == master && listed || s != master && s.Running() && !listed {
			z.Errorf("the master is %v, %v runs: %t; the Python client sees replicas %v", z.addr(master), z.addr(s), s.Running(), l.Slaves)
		}
	}
}

// stop ends the master by a signal, with a client writing, and starts it again
// afterwards. It returns the new master.
func (z *zato) stop(old *cluster.Server, sig syscall.Signal) *cluster.Server {
	z.Helper()
	w := z.startWriter("zato:writes", old)
	signalled := time.Now()
	z.must(old.Signal(sig))
	_, err := old.WaitExit(z.ctx)
	z.must(err)
	gone := time.Now()
	master, err := z.g.WaitNewMaster(z.ctx, old)
	z.must(err)
	first, last := z.switched(old, master)
	z.row("exit to the first +switch-master", "11.1 s; 10.0-12.5", seconds(first.Sub(gone)))
	z.waitWrites(w, master, 20)
	z.sees(z.look(""), master)
	o := z.outcome(w, master)
	z.row("writes rejected meanwhile", "218 over 11.09 s", o.String())
	z.onlyMeanwhile(o, signalled, last)
	if sig == syscall.SIGTERM && o.lost > 0 {
		z.Errorf("%d accepted writes are gone, though the old master waited for its replicas", o.lost)
	}
	z.row("accepted writes lost", "", strconv.Itoa(o.lost))

	restarted := time.Now()
	z.must(old.Start())
	z.must(old.WaitReady(z.ctx))
	z.must(old.WaitReplicaOf(z.ctx, master))
	z.row("restart to a replica in sync", "at most 15 s", seconds(time.Since(restarted)))
	z.must(z.g.WaitViews(z.ctx))
	z.sees(z.look(""), master)
	return master
}

// switched waits for the event of all Sentinels and returns its times.
func (z *zato) switched(old, master *cluster.Server) (first, last time.Time) {
	z.Helper()
	from, to := z.addr(old), z.addr(master)
	for _, s := range z.g.Sentinels {
		at := z.event(s.Name()+" to switch", about(s, "+switch-master",
			fmt.Sprintf("redis-ha %s %d %s %d", from.host, from.port, to.host, to.port))).At
		if first.IsZero() || at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	return first, last
}

// onlyMeanwhile checks that writes were rejected only between the signal and
// the last Sentinel's switch, and "no master" was heard only while it was down.
func (z *zato) onlyMeanwhile(o outcome, signalled, switched time.Time) {
	z.Helper()
	down := z.event("+sdown of the master", func(ev cluster.Event) bool {
		return ev.Name == "+sdown" && strings.HasPrefix(ev.Text, "master ") && ev.At.After(signalled)
	})
	for _, c := range o.rejected {
		if c.begin().Before(signalled.Add(-time.Second)) || c.begin().After(switched) {
			z.Errorf("write %d was rejected at %v, outside %v to %v: %s: %s", c.Number, c.begin(), signalled, switched, c.Error, c.Text)
		}
		// The event takes its way to us, the reply its own to the client.
		end := c.begin().Add(time.Duration(c.Took * float64(time.Second)))
		if c.Error == notFound && end.Before(down.At.Add(-time.Second)) {
			z.Errorf("write %d found no master at %v, though it counted as down only from %v on", c.Number, end, down.At)
		}
	}
}

// saysNames checks that no address is spoken of: files, orders and replies.
func (z *zato) saysNames(master *cluster.Server) {
	z.Helper()
	name, port := z.addr(master).host, master.Port()
	for _, s := range z.g.Sentinels {
		z.until(s.Name()+"'s file to name hosts", func(context.Context) (string, bool) {
			b, err := os.ReadFile(s.Conf())
			text := string(b)
			return text, err == nil && strings.Contains(text, fmt.Sprintf("sentinel monitor redis-ha %s %d 2", name, port)) && !strings.Contains(text, "127.0.0.1")
		})
		for what, list := range map[string]func(context.Context, string) ([]map[string]string, error){"replica": s.Replicas, "sentinel": s.Sentinels} {
			rows, err := list(z.ctx, zatoMaster)
			z.must(err)
			for _, row := range rows {
				if !slices.Contains(zatoHosts, row["ip"]) {
					z.Errorf("%s: a %s is called %s", s.Name(), what, row["ip"])
				}
			}
		}
	}
	for _, s := range z.g.Servers {
		if s != master {
			z.logs(s, fmt.Sprintf(`\* REPLICAOF %s:%d enabled \(.*\)`, name, port))
		}
	}
}

// planned is a failover on demand, with the client writing. What it costs is
// only told: the guide does not speak of it.
func (z *zato) planned(old *cluster.Server) {
	z.Helper()
	w := z.startWriter("zato:planned", old)
	z.until("the failover to be accepted", func(ctx context.Context) (string, bool) {
		v, err := z.g.Sentinels[0].Do(ctx, "SENTINEL", "FAILOVER", zatoMaster)
		return fmt.Sprint(v, err), err == nil
	})
	master, err := z.g.WaitNewMaster(z.ctx, old)
	z.must(err)
	z.switched(old, master)
	z.must(old.WaitReplicaOf(z.ctx, master))
	z.waitWrites(w, master, 20)
	o := z.outcome(w, master)
	z.row("failover on demand: writes rejected", "", o.String())
	z.row("failover on demand: accepted writes lost", "", strconv.Itoa(o.lost))
	z.sees(z.look(""), master)
}
