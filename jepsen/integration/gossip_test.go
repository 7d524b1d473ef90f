package integration

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// peersOf returns what a Sentinel says of the others, gossip included.
func peersOf(ctx context.Context, s *cluster.Sentinel, master string) ([]map[string]string, error) {
	v, err := s.Do(ctx, "SENTINEL", "SENTINELS", master, "EXTENDED")
	if err != nil {
		return nil, err
	}
	rows, _ := v.([]any)
	var list []map[string]string
	for _, row := range rows {
		flat, _ := row.([]any)
		m := map[string]string{}
		for i := 0; i+1 < len(flat); i += 2 {
			m[fmt.Sprint(flat[i])] = fmt.Sprint(flat[i+1])
		}
		list = append(list, m)
	}
	return list, nil
}

// gossip waits until a Sentinel says of every other one that gossip is in a
// certain state.
func (e *env) gossip(s *cluster.Sentinel, master string, others int, state string) {
	e.Helper()
	e.until(fmt.Sprintf("gossip of %s with %d others to be %s", s.Name(), others, state), func(ctx context.Context) (string, bool) {
		peers, err := peersOf(ctx, s, master)
		if err != nil {
			return err.Error(), false
		}
		text, ok := "", len(peers) == others
		for _, p := range peers {
			text += fmt.Sprintf("%s %s %s; ", p["kind"], p["version"], p["gossip"])
			ok = ok && p["gossip"] == state
		}
		return text, ok
	})
}

// info returns one counter of the gossip section of INFO.
func (e *env) info(s *cluster.Sentinel, name string) int {
	e.Helper()
	v, err := s.Do(e.ctx, "INFO", "sentinel")
	e.must(err)
	for line := range strings.Lines(fmt.Sprint(v)) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "sentinel_gossip_"+name+":"); ok {
			n, err := strconv.Atoi(text)
			e.must(err)
			return n
		}
	}
	e.Fatalf("INFO of %s has no sentinel_gossip_%s", s.Name(), name)
	return 0
}

// gossipPorts gives each Sentinel a gossip port that no other process takes. The
// default one lies where outgoing connections may be.
func (e *env) gossipPorts(more ...string) func(int) []string {
	return func(int) []string {
		port, err := e.c.Port()
		e.must(err)
		return append([]string{"gossip-port " + strconv.Itoa(port)}, more...)
	}
}

// TestGossip: without any configuration the Sentinels of one machine find each
// other's gossip, it carries a failover, survives restarts, and shows.
func TestGossip(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	e := newEnv(t)
	top := usual
	top.EachSentinelConf = e.gossipPorts()
	g := e.start(top)
	for _, s := range g.Sentinels {
		e.gossip(s, g.Master, 2, "up")
	}
	peers, err := peersOf(e.ctx, g.Sentinels[0], g.Master)
	e.must(err)
	for _, p := range peers {
		if p["kind"] != "gosentinel" || p["version"] == "" {
			t.Errorf("a peer is shown as %v", p)
		}
	}
	plain, err := g.Sentinels[0].Sentinels(e.ctx, g.Master)
	e.must(err)
	if _, shown := plain[0]["gossip"]; shown {
		t.Error("SENTINEL SENTINELS shows fields that stock Sentinels do not have to those who did not ask")
	}

	old := g.Servers[0]
	e.signal(old, syscall.SIGKILL)
	e.newMaster(g, old)
	for _, s := range g.Sentinels {
		// Two opinions at least of each of the others, and who was promoted.
		if n := e.info(s, "heard"); n < 2 {
			t.Errorf("%s heard %d things", s.Name(), n)
		}
		for _, name := range []string{"refused_forged", "refused_malformed", "refused_version", "dropped"} {
			if n := e.info(s, name); n != 0 {
				t.Errorf("%s: %s is %d", s.Name(), name, n)
			}
		}
	}
	e.must(g.Sentinels[1].Restart(e.ctx))
	for _, s := range g.Sentinels {
		e.gossip(s, g.Master, 2, "up")
	}
	g.Sentinels[2].Kill()
	e.until("the others to lose the one that was killed", func(ctx context.Context) (string, bool) {
		peers, err := peersOf(ctx, g.Sentinels[0], g.Master)
		n := 0
		for _, p := range peers {
			if p["gossip"] == "up" {
				n++
			}
		}
		return fmt.Sprint(n, " up ", err), n == 1
	})
	e.oneLeaderPerEpoch()
}

// TestGossipSecrets: a password makes the key, a change of it at run time makes
// another one, and Sentinels with different keys agree without gossip.
func TestGossipSecrets(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	e := newEnv(t)
	top := usual
	const key = "gossip-key AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	top.SentinelConf = []string{"requirepass p", "sentinel sentinel-pass p"}
	top.SentinelPassword = "p"
	ports := e.gossipPorts()
	top.EachSentinelConf = func(i int) []string {
		if i == 2 {
			return append(ports(i), key)
		}
		return ports(i)
	}
	g := e.start(top)
	count := func(s *cluster.Sentinel, up, down int) {
		t.Helper()
		e.until(s.Name()+" to see who has its key", func(ctx context.Context) (string, bool) {
			peers, err := peersOf(ctx, s, g.Master)
			n := map[string]int{}
			for _, p := range peers {
				n[p["gossip"]]++
			}
			return fmt.Sprint(n, err), n["up"] == up && n["down"] == down
		})
	}
	count(g.Sentinels[0], 1, 1)
	count(g.Sentinels[1], 1, 1)
	count(g.Sentinels[2], 0, 2)
	// Others ask for the id of a key once a minute, and over a new connection.
	for _, s := range g.Sentinels {
		e.until(s.Name()+" to have its key", func(ctx context.Context) (string, bool) {
			v, err := s.Do(ctx, "SENTINEL", "GOSSIP")
			flat, _ := v.([]any)
			return fmt.Sprint(v, err), len(flat) > 0 && fmt.Sprint(flat[len(flat)-1]) != ""
		})
	}
	for _, s := range g.Sentinels {
		_, err := s.Do(e.ctx, "CLIENT", "KILL", "TYPE", "normal")
		e.must(err)
	}
	for i, want := range []int{1, 1, 2} {
		s := g.Sentinels[i]
		e.until(fmt.Sprintf("%s to say %d times that keys differ", s.Name(), want), func(context.Context) (string, bool) {
			text, err := s.Log()
			n := strings.Count(text, "has other keys")
			return fmt.Sprint(n, err), n == want
		})
	}
	old := g.Servers[0]
	e.signal(old, syscall.SIGKILL)
	e.newMaster(g, old)
	e.oneLeaderPerEpoch()
}

// TestGossipIsOff: for other machines there must be a secret, and one line says
// how to make one.
func TestGossipIsOff(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	e := newEnv(t)
	top := usual
	top.SentinelConf = []string{"bind 0.0.0.0"}
	g := e.start(top)
	for _, s := range g.Sentinels {
		e.gossip(s, g.Master, 2, "off")
		text, err := s.Log()
		e.must(err)
		if strings.Count(text, "Gossip is off: it would not be encrypted") != 1 {
			t.Errorf("%s does not say that gossip is off and why:\n%s", s.Name(), text)
		}
	}
	old := g.Servers[0]
	e.signal(old, syscall.SIGKILL)
	e.newMaster(g, old)
}

// TestGossipPortIsTaken: the Sentinel works without gossip, and gossips once the
// port is free.
func TestGossipPortIsTaken(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	e := newEnv(t)
	taken, err := e.c.Port()
	e.must(err)
	release := occupy(t, taken)
	top := usual
	ports := e.gossipPorts()
	top.EachSentinelConf = func(i int) []string {
		if i == 0 {
			return []string{"gossip-port " + strconv.Itoa(taken)}
		}
		return ports(i)
	}
	g := e.start(top)
	e.gossip(g.Sentinels[0], g.Master, 2, "off")
	release()
	e.until("the port to be opened", func(ctx context.Context) (string, bool) {
		v, err := g.Sentinels[0].Do(ctx, "SENTINEL", "GOSSIP")
		return fmt.Sprint(v, err), strings.Contains(fmt.Sprint(v), strconv.Itoa(taken))
	})
	// Others ask once a minute, and at once over a new connection.
	_, err = g.Sentinels[0].Do(e.ctx, "CLIENT", "KILL", "TYPE", "normal")
	e.must(err)
	for _, s := range g.Sentinels {
		e.gossip(s, g.Master, 2, "up")
	}
}

// occupy takes a port until release is called.
func occupy(t *testing.T, port int) (release func()) {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		t.Fatal(err)
	}
	return func() { pc.Close() }
}
