package install

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// bare returns a directory with nothing but Debian, systemd and a Redis server, which
// is made once and kept for later runs.
var bare = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "gosentinel", "bookworm-"+runtime.GOARCH)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	making := dir + ".making"
	if err := os.RemoveAll(making); err != nil {
		return "", err
	}
	out, err := exec.Command("debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,dbus,redis-server", "bookworm", making).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("debootstrap: %w\n%s", err, out[max(0, len(out)-2000):])
	}
	return dir, os.Rename(making, dir)
})

// subnet is the network of all machines, which other tests on this host do not have.
var subnet = fmt.Sprintf("10.79.%d.", os.Getpid()%250)

// machine is a Debian that was booted.
type machine struct {
	*testing.T
	ctx    context.Context
	name   string
	addr   string
	root   string
	nspawn *exec.Cmd
	first  int // the id of its process 1, as seen from here
}

// network makes a bridge to which machines are connected.
func network(t *testing.T) string {
	t.Helper()
	bridge := fmt.Sprintf("gsi%d", os.Getpid())
	command(t, "ip", "link", "add", bridge, "type", "bridge")
	t.Cleanup(func() { command(t, "ip", "link", "del", bridge) })
	command(t, "ip", "addr", "add", subnet+"254/24", "dev", bridge)
	command(t, "ip", "link", "set", bridge, "up")
	return bridge
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// boot starts a machine, which gets an address of its own.
func boot(t *testing.T, ctx context.Context, bridge string, number int) *machine {
	t.Helper()
	base, err := bare()
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{T: t, ctx: ctx, name: fmt.Sprintf("gsi%d-%d", os.Getpid(), number), addr: subnet + strconv.Itoa(number)}
	dir := t.TempDir()
	for _, sub := range []string{"upper", "work", "root"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	m.root = filepath.Join(dir, "root")
	command(t, "mount", "-t", "overlay", "overlay", "-o", fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work", base, dir, dir), m.root)
	t.Cleanup(func() { command(t, "umount", m.root) })
	// Its servers are reached by the others, and do not start by themselves.
	m.write("etc/redis/redis.conf", "bind 0.0.0.0\nprotected-mode no\ndaemonize no\ndir /var/lib/redis\nlogfile /var/log/redis/redis.log\n")
	m.write("etc/hostname", m.name+"\n")

	var log bytes.Buffer
	m.nspawn = exec.Command("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--machine="+m.name,
		"--network-bridge="+bridge, "--kill-signal=SIGRTMIN+3", "-D", m.root, "--boot")
	m.nspawn.Stdout, m.nspawn.Stderr = &log, &log
	m.nspawn.WaitDelay = time.Second
	if err := m.nspawn.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.off(&log) })
	m.wait("process 1", func() (string, bool) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", m.nspawn.Process.Pid))
		m.first, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		// The first child only prepares; the second one becomes process 1.
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.first))
		return fmt.Sprint(string(text), err, log.Len()), strings.Contains(string(status), "Name:\tsystemd\n")
	})
	m.wait("the network", func() (string, bool) {
		out, err := exec.Command("nsenter", "-t", strconv.Itoa(m.first), "-n", "sh", "-c",
			"ip addr add "+m.addr+"/24 dev host0 2>/dev/null; ip link set lo up && ip link set host0 up").CombinedOutput()
		return string(out), err == nil
	})
	m.wait("the system to run", func() (string, bool) {
		out, _ := m.try("systemctl is-system-running")
		return out, strings.Contains(out, "running") || strings.Contains(out, "degraded")
	})
	return m
}

// off turns the machine off.
func (m *machine) off(log *bytes.Buffer) {
	if m.Failed() {
		out, _ := m.try("journalctl --no-pager -u gosentinel -u redis-server | grep -v 'Link to' | tail -40")
		m.Logf("%s:\n%s", m.name, out)
	}
	_ = m.nspawn.Process.Signal(syscall.SIGTERM)
	done := make(chan error, 1)
	go func() { done <- m.nspawn.Wait() }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		_ = m.nspawn.Process.Kill()
		<-done
		m.Errorf("%s did not turn off", m.name)
	}
}

// write makes a file on a machine that is off, or on.
func (m *machine) write(path, text string) {
	m.Helper()
	if err := os.WriteFile(filepath.Join(m.root, path), []byte(text), 0o644); err != nil {
		m.Fatal(err)
	}
}

// try runs a shell command on the machine.
func (m *machine) try(script string) (string, error) {
	ctx, cancel := context.WithTimeout(m.ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nsenter", "-t", strconv.Itoa(m.first), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "sh", "-c", script)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive"}
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// run is [machine.try], and must succeed.
func (m *machine) run(script string) string {
	m.Helper()
	out, err := m.try(script)
	if err != nil {
		m.Fatalf("%s: %s: %v\n%s", m.name, script, err, out)
	}
	return out
}

// wants runs a command, whose output must contain a text.
func (m *machine) wants(script, text string) {
	m.Helper()
	if out, err := m.try(script); !strings.Contains(out, text) {
		m.Errorf("%s: %s: no %q in: %s (%v)", m.name, script, text, out, err)
	}
}

func (m *machine) wait(what string, done func() (string, bool)) {
	m.Helper()
	ctx, cancel := context.WithTimeout(m.ctx, time.Minute)
	defer cancel()
	if err := cluster.WaitFor(ctx, m.name+": "+what, func(context.Context) (string, bool) { return done() }); err != nil {
		m.Fatal(err)
	}
}
