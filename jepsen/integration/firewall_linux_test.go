package integration

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// insideEnv tells a test binary that it runs in a network of its own.
const insideEnv = "GOSENTINEL_OWN_NETWORK"

// ownNetwork runs the calling test once more, in a process with a network
// namespace of its own, where a packet filter disturbs no other process. It returns true
// in that process and false, after it has ended, in the first one.
func ownNetwork(t *testing.T) (inside bool) {
	t.Helper()
	if os.Getenv(insideEnv) != "" {
		command(t, "ip", "link", "set", "lo", "up")
		command(t, "nft", "add", "table", "inet", "test")
		return true
	}
	for _, program := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed, so there is no packet filter: sh jepsen/install.sh ip nft", program)
		}
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		// A user who is not root may still be root in a new user namespace.
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	var refused *fs.PathError
	if errors.As(err, &refused) && errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.ENOSPC) {
		t.Skipf("this machine does not let us make a network namespace: %v", err)
	}
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("in a network of its own: %v", err)
	}
	if !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatal("in a network of its own it did not run")
	}
	return false
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

// wall is a set of rules of the packet filter.
type wall struct {
	t     *testing.T
	chain string
}

func newWall(t *testing.T, name string) wall {
	t.Helper()
	command(t, "nft", "add", "chain", "inet", "test", name, "{ type filter hook input priority 0 ; }")
	return wall{t, name}
}

// drop adds a rule: what matches is lost.
func (w wall) drop(match string, args ...any) {
	w.t.Helper()
	rule := append([]string{"add", "rule", "inet", "test", w.chain}, strings.Fields(fmt.Sprintf(match, args...))...)
	command(w.t, "nft", append(rule, "drop")...)
}

// open takes all rules away.
func (w wall) open() {
	w.t.Helper()
	command(w.t, "nft", "flush", "chain", "inet", "test", w.chain)
}

// peerAddr is the address from which Sentinels connect, so that a rule can tell
// them from the clients of the test.
const peerAddr = "127.0.0.2"

// TestGossipBehindFirewall: losing gossip costs only speed, whatever the packet
// filter takes; nor does gossip keep a Sentinel in that is out.
func TestGossipBehindFirewall(t *testing.T) {
	onlyGosentinel(t)
	if os.Getenv(insideEnv) == "" {
		t.Parallel()
	}
	if !ownNetwork(t) {
		return
	}
	for name, test := range map[string]func(*walled){
		"never":          (*walled).never,
		"lost and found": (*walled).lostAndFound,
		"one way":        (*walled).oneWay,
		"sentinel port":  (*walled).sentinelPort,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			w := &walled{env: e, wall: newWall(t, strings.ReplaceAll(name, " ", "_"))}
			for range usual.Sentinels {
				port, err := e.c.Port()
				e.must(err)
				w.gossipPorts = append(w.gossipPorts, port)
			}
			test(w)
		})
	}
}

type walled struct {
	*env
	wall        wall
	gossipPorts []int
	group       *cluster.Group
}

func (w *walled) begin() {
	w.Helper()
	top := usual
	top.SentinelConf = []string{"bind-source-addr " + peerAddr, "sentinel announce-ip 127.0.0.1"}
	top.ServerConf = func(int) []string { return []string{"protected-mode no"} } // which knows 127.0.0.1 only
	top.EachSentinelConf = func(i int) []string { return []string{"gossip-port " + strconv.Itoa(w.gossipPorts[i])} }
	w.group = w.start(top)
}

// failover kills the master and demands a successor and one leader.
func (w *walled) failover() {
	w.Helper()
	old := w.group.Servers[0]
	w.fill(old, 2)
	w.signal(old, syscall.SIGKILL)
	w.complete(w.newMaster(w.group, old))
	w.oneLeaderPerEpoch()
}

// states waits until Sentinel i says of the others, in their order, that gossip
// is in these states; "" is any.
func (w *walled) states(i int, want ...string) {
	w.Helper()
	byPort := map[string]string{}
	k := 0
	for n, s := range w.group.Sentinels {
		if n != i {
			byPort[strconv.Itoa(s.Port())] = want[k]
			k++
		}
	}
	s := w.group.Sentinels[i]
	w.until(fmt.Sprintf("gossip of %s to be %q", s.Name(), want), func(ctx context.Context) (string, bool) {
		peers, err := peersOf(ctx, s, w.group.Master)
		text, ok := fmt.Sprint(err), err == nil && len(peers) == len(want)
		for _, p := range peers {
			text += fmt.Sprintf(" %s %s;", p["port"], p["gossip"])
			ok = ok && (byPort[p["port"]] == "" || byPort[p["port"]] == p["gossip"])
		}
		return text, ok
	})
}

// never: the gossip ports are closed from the beginning.
func (w *walled) never() {
	for _, port := range w.gossipPorts {
		w.wall.drop("udp dport %d", port)
	}
	w.begin()
	for i := range w.group.Sentinels {
		w.states(i, "down", "down")
	}
	w.failover()
}

// lostAndFound: they are closed while they are used, and opened again.
func (w *walled) lostAndFound() {
	w.begin()
	for i := range w.group.Sentinels {
		w.states(i, "up", "up")
	}
	for _, port := range w.gossipPorts {
		w.wall.drop("udp dport %d", port)
	}
	// At once, before any Sentinel has noticed: what is said now is lost.
	w.failover()
	for i := range w.group.Sentinels {
		w.states(i, "down", "down")
	}
	w.wall.open()
	for i := range w.group.Sentinels {
		w.states(i, "up", "up")
	}
}

// oneWay: the first Sentinel cannot reach the second, but is reached by it.
func (w *walled) oneWay() {
	w.wall.drop("udp sport %d udp dport %d", w.gossipPorts[0], w.gossipPorts[1])
	w.begin()
	w.states(0, "down", "up")
	w.states(1, "down", "up")
	w.states(2, "up", "up")
	w.failover()
	w.states(0, "down", "up")
}

// sentinelPort: gossip works and the Sentinel port of the third one does not.
// The others see it down, and gossip does not change that.
func (w *walled) sentinelPort() {
	w.begin()
	for i := range w.group.Sentinels {
		w.states(i, "up", "up")
	}
	lost := w.group.Sentinels[2]
	w.wall.drop("ip saddr %s tcp dport %d", peerAddr, lost.Port())
	for _, s := range w.group.Sentinels[:2] {
		w.until(s.Name()+" to see the one behind the wall down", func(ctx context.Context) (string, bool) {
			peers, err := peersOf(ctx, s, w.group.Master)
			text, ok := fmt.Sprint(err), false
			for _, p := range peers {
				text += fmt.Sprintf(" %s %s;", p["port"], p["flags"])
				ok = ok || p["port"] == strconv.Itoa(lost.Port()) && strings.Contains(p["flags"], "s_down")
			}
			return text, ok && len(peers) == 2
		})
	}
	w.failover()
}
