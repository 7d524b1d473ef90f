package integration

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/redis/go-redis/v9"
)

// hosts are machines with addresses of their own: network namespaces on one bridge.
// What is said of 0.0.0.0 cannot be tested where all share one loopback.
type hosts struct {
	*testing.T
	ctx  context.Context
	dir  string
	pids []int // of the processes that hold the namespaces
}

func newHosts(t *testing.T, n int) *hosts {
	t.Helper()
	h := &hosts{T: t, ctx: t.Context(), dir: t.TempDir()}
	command(t, "ip", "link", "add", "hosts", "type", "bridge")
	command(t, "ip", "addr", "add", "10.7.0.254/24", "dev", "hosts")
	command(t, "ip", "link", "set", "hosts", "up")
	for i := range n {
		holder := exec.Command("sleep", "300")
		holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
		h.run(holder)
		pid := strconv.Itoa(holder.Process.Pid)
		h.pids = append(h.pids, holder.Process.Pid)
		port := "port" + strconv.Itoa(i)
		command(t, "ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", pid)
		command(t, "ip", "link", "set", port, "master", "hosts", "up")
		for _, args := range []string{"link set lo up", "addr add " + h.addr(i) + "/24 dev eth0", "link set eth0 up"} {
			command(t, "nsenter", append([]string{"-t", pid, "-n", "ip"}, strings.Fields(args)...)...)
		}
	}
	return h
}

func (h *hosts) addr(i int) string { return "10.7.0." + strconv.Itoa(i+1) }

// run starts a process that ends with the test.
func (h *hosts) run(cmd *exec.Cmd) {
	h.Helper()
	if err := cmd.Start(); err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGKILL) // it may have ended
		cmd.Wait()
	})
}

// start runs a program with a file on a host and returns the process and its log.
func (h *hosts) start(i int, name string, program []string, conf ...string) (cmd *exec.Cmd, log string) {
	h.Helper()
	file := filepath.Join(h.dir, fmt.Sprint(name, i, ".conf"))
	log = file + ".log"
	conf = append(conf, "dir "+h.dir, "protected-mode no", "logfile "+log)
	if err := os.WriteFile(file, []byte(strings.Join(conf, "\n")+"\n"), 0o644); err != nil {
		h.Fatal(err)
	}
	args := append([]string{"-t", strconv.Itoa(h.pids[i]), "-n"}, program...)
	args = append(args, file)
	if strings.HasPrefix(name, "sentinel") {
		args = append(args, "--sentinel")
	}
	cmd = exec.Command("nsenter", args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	h.run(cmd)
	return cmd, log
}

// ask sends a command to a process on a host.
func (h *hosts) ask(ctx context.Context, i, port int, args ...any) (any, error) {
	c := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("%s:%d", h.addr(i), port), MaxRetries: -1, DisableIdentity: true, Protocol: 2})
	defer c.Close()
	return c.Do(ctx, args...).Result()
}

// until waits for an answer that satisfies ok.
func (h *hosts) until(i, port int, ok func(answer string) bool, args ...any) {
	h.Helper()
	err := cluster.WaitFor(h.ctx, fmt.Sprint(args, " on host ", i, " port ", port), func(ctx context.Context) (string, bool) {
		v, err := h.ask(ctx, i, port, args...)
		text := fmt.Sprint(v, " ", err)
		return text, ok(text)
	})
	if err != nil {
		h.dump()
		h.Fatal(err)
	}
}

func (h *hosts) dump() {
	logs, _ := filepath.Glob(filepath.Join(h.dir, "sentinel*.log"))
	for _, path := range logs {
		text, _ := os.ReadFile(path)
		h.Logf("%s:\n%s", filepath.Base(path), text)
	}
}

// replicated starts a master on the first host and a replica on each other one, and
// returns the master.
func (h *hosts) replicated(port int) (master *exec.Cmd) {
	h.Helper()
	for i := range h.pids {
		conf := []string{"port " + strconv.Itoa(port), "save \"\"", fmt.Sprint("dbfilename ", port, "-", i)}
		if i > 0 {
			conf = append(conf, fmt.Sprint("replicaof ", h.addr(0), " ", port), "repl-diskless-sync-delay 0")
		}
		server, _ := h.start(i, fmt.Sprint("server", port, "-"), []string{"redis-server"}, conf...)
		if i == 0 {
			master = server
		}
	}
	h.until(0, port, func(s string) bool { return strings.Count(s, "state=online") == 2 }, "INFO", "replication")
	return master
}

// logged returns how often a text stands in a log.
func (h *hosts) logged(log, text string) int {
	h.Helper()
	all, err := os.ReadFile(log)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // it may not have started yet
		h.Fatal(err)
	}
	return strings.Count(string(all), text)
}

// TestAnnouncedAddresses: three hosts announce what nobody can use, or all that of one.
func TestAnnouncedAddresses(t *testing.T) {
	onlyGosentinel(t)
	if os.Getenv(insideEnv) == "" {
		t.Parallel()
	}
	for _, program := range []string{"nsenter", "sleep"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	if !ownNetwork(t) {
		return
	}
	const zero, stock, shared, copied = 26379, 26380, 26381, 26382
	masterOf := map[int]string{zero: "zero", stock: "stock", shared: "shared", copied: "copied"}
	h := newHosts(t, 3)
	masters, logs := map[int]*exec.Cmd{}, map[int][]string{}
	for _, port := range []int{6379, 6380} {
		masters[port] = h.replicated(port)
	}
	sentinel := func(i, port int, program []string, lines ...string) {
		name, server := masterOf[port], " 6379" // its own name, or the groups would find each other
		if port == copied {
			server = " 6380"
		}
		lines = append(lines, "port "+strconv.Itoa(port), "sentinel monitor "+name+" "+h.addr(0)+server+" 2",
			"sentinel down-after-milliseconds "+name+" 1000", "sentinel failover-timeout "+name+" 20000")
		_, log := h.start(i, fmt.Sprint("sentinel", port), program, lines...)
		logs[port] = append(logs[port], log)
	}
	for i := range h.pids {
		sentinel(i, zero, underTest(t), `sentinel announce-ip "0.0.0.0"`)
		sentinel(i, shared, underTest(t), "sentinel announce-ip 10.7.0.99", "gossip-port 0")
		sentinel(i, copied, underTest(t), "sentinel announce-ip "+h.addr(0), "gossip-port 0")
	}
	sentinel(0, stock, underTest(t), "gossip-port 0")
	sentinel(1, stock, stockSentinel(t), `sentinel announce-ip "0.0.0.0"`)
	sentinel(2, stock, stockSentinel(t), `sentinel announce-ip "0.0.0.0"`)

	// The others are heard and cannot be asked: three voters, of which one is usable.
	lonely := func(s string) bool { return strings.Contains(s, "NOQUORUM 1 usable Sentinels.") }
	heard := func(log string, n int) func(string) bool {
		return func(string) bool { return h.logged(log, "Its vote cannot be asked for") == n }
	}
	h.until(0, stock, heard(logs[stock][0], 2), "PING")
	h.until(0, stock, lonely, "SENTINEL", "CKQUORUM", "stock")
	for i := range h.pids {
		h.until(i, shared, heard(logs[shared][i], 1), "PING") // the other one is looked for there, in vain
		h.until(i, shared, lonely, "SENTINEL", "CKQUORUM", "shared")
	}
	// Where all announce the address of one, the others can ask that one.
	h.until(0, copied, lonely, "SENTINEL", "CKQUORUM", "copied")
	for _, i := range []int{1, 2} {
		h.until(i, copied, func(s string) bool { return strings.HasPrefix(s, "OK 2 usable") }, "SENTINEL", "CKQUORUM", "copied")
		h.until(i, copied, func(s string) bool { return strings.Contains(s, "num-slaves 2") }, "SENTINEL", "MASTER", "copied")
	}
	// Where 0.0.0.0 counts as not set, they find each other.
	for i := range h.pids {
		h.until(i, zero, func(s string) bool { return strings.HasPrefix(s, "OK 3 usable") }, "SENTINEL", "CKQUORUM", "zero")
		if n := h.logged(logs[zero][i], "It counts as not set"); n != 1 {
			t.Errorf("Sentinel %d warns of 0.0.0.0 %d times", i, n)
		}
		h.until(i, zero, func(s string) bool { return strings.Contains(s, "num-slaves 2") }, "SENTINEL", "MASTER", "zero")
	}
	for _, m := range masters {
		if err := m.Process.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range h.pids {
		for _, port := range []int{zero, copied} {
			h.until(i, port, func(s string) bool { return strings.HasPrefix(s, "[10.7.0.2 ") || strings.HasPrefix(s, "[10.7.0.3 ") },
				"SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterOf[port])
		}
	}
	for port, list := range logs {
		for i, log := range list {
			if port == stock && i > 0 {
				continue // which goes on without end
			}
			most := 0
			if port == copied {
				most = 1 // the first that was heard may not be the one that is there
			}
			if n, saves := h.logged(log, "+sentinel-invalid-addr"), h.logged(log, "configuration saved on disk"); n > most || saves > 30 {
				t.Errorf("Sentinel %d at port %d: %d addresses were found invalid, %d saves", i, port, n, saves)
			}
		}
	}
	if t.Failed() {
		h.dump()
	}
}
