package install

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// podman runs podman with a store of its own, which ends with the test.
type podman struct {
	*testing.T
	dir string
}

func newPodman(t *testing.T) *podman {
	t.Helper()
	p := &podman{T: t, dir: t.TempDir()}
	t.Cleanup(func() {
		_, _ = p.try("rm", "-fa", "-t", "0")
		_, _ = p.try("volume", "rm", "-fa")
		_, _ = p.try("system", "reset", "-f")
	})
	return p
}

func (p *podman) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	base := []string{"--root", filepath.Join(p.dir, "root"), "--runroot", filepath.Join(p.dir, "run"), "--storage-driver", "vfs",
		"--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "file", "--log-level", "error"}
	cmd := exec.CommandContext(ctx, "podman", append(base, args...)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+p.dir)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (p *podman) run(args ...string) string {
	p.Helper()
	out, err := p.try(args...)
	if err != nil {
		p.Fatalf("podman %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// TestImage runs three Sentinels from the image, each with a read-only root, no
// capability and a volume. They fail over, end within a second when they are told to,
// and are the same Sentinels afterwards.
func TestImage(t *testing.T) {
	needsMachines(t)
	if _, err := exec.LookPath("podman"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c, err := cluster.New(cluster.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	servers := []*cluster.Server{startServer(t, ctx, c, "first", nil)}
	servers = append(servers, startServer(t, ctx, c, "second", servers[0]))
	p := newPodman(t)
	p.run("load", "-q", "-i", dist(t, "image", "1.0.0+abc"))
	image := "localhost/gosentinel:1.0.0_abc"
	p.run("image", "exists", image)
	p.run("image", "exists", "localhost/gosentinel:latest")

	var all []*contained
	for k := range 3 {
		port, err := c.Port()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p.sentinel(image, fmt.Sprintf("s%d", k), port, servers[0].Port()))
	}
	for _, s := range all {
		s.knows(servers[0].Port(), 1, 2)
		s.isConfined()
	}
	servers[0].Kill()
	for _, s := range all {
		s.knows(servers[1].Port(), 1, 2)
	}
	s := all[0]
	id := s.ask("SENTINEL", "MYID")
	s.leavesNoZombies()
	begin := time.Now()
	p.run("stop", s.name)
	took := time.Since(begin)
	if status := p.run("inspect", "-f", "{{.State.ExitCode}}", s.name); status != "0" || took > 5*time.Second {
		t.Errorf("it ended with status %s after %v", status, took)
	}
	log := p.run("logs", s.name)
	if !strings.Contains(log, "Received SIGTERM scheduling shutdown") {
		t.Errorf("the log: %s", log)
	}
	p.run("start", s.name)
	s.knows(servers[1].Port(), 1, 2)
	if now := s.ask("SENTINEL", "MYID"); now != id {
		t.Errorf("the id %s became %s", id, now)
	}
	t.Logf("podman stop took %v", took)
	p.withoutVolume(image)
}

func startServer(t *testing.T, ctx context.Context, c *cluster.Cluster, name string, master *cluster.Server) *cluster.Server {
	t.Helper()
	port, err := c.Port()
	if err != nil {
		t.Fatal(err)
	}
	spec := cluster.NodeSpec{Name: name, Port: port, Conf: cluster.ServerConf(port)}
	if master != nil {
		spec.Conf = cluster.ServerConf(port, fmt.Sprintf("replicaof 127.0.0.1 %d", master.Port()))
	}
	s, err := c.StartServer(spec)
	if err == nil {
		err = s.WaitReady(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// contained is a Sentinel in a container.
type contained struct {
	*podman
	name string
	port int
}

// confined is how docs/install.md runs it. The limits are podman's own where it may set
// them, which a machine for tests may forbid.
var confined = []string{
	"--network", "host", "--read-only", "--read-only-tmpfs=false", "--cap-drop", "all", "--security-opt", "no-new-privileges",
	"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000",
}

func (p *podman) sentinel(image, name string, port, master int) *contained {
	p.Helper()
	p.run(slices.Concat([]string{"run", "-d", "--name", name}, confined, []string{
		"-v", "state-" + name + ":/var/lib/gosentinel", image, "/etc/gosentinel/sentinel.conf", "--port", strconv.Itoa(port),
		"--sentinel", "monitor", "mymaster", "127.0.0.1", strconv.Itoa(master), "2", "--sentinel", "down-after-milliseconds", "mymaster", "1000",
	})...)
	return &contained{podman: p, name: name, port: port}
}

func (s *contained) ask(args ...any) string {
	s.Helper()
	text, err := s.tryAsk(args...)
	if err != nil {
		s.Fatal(err)
	}
	return text
}

func (s *contained) tryAsk(args ...any) (string, error) {
	r := redis.NewClient(&redis.Options{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), MaxRetries: -1})
	defer r.Close()
	return r.Do(context.Background(), args...).Text()
}

func (s *contained) knows(master, replicas, sentinels int) {
	s.Helper()
	err := cluster.WaitFor(context.Background(), s.name+" to know all", func(context.Context) (string, bool) {
		text, err := s.tryAsk("INFO", "sentinel")
		want := fmt.Sprintf("address=127.0.0.1:%d,slaves=%d,sentinels=%d", master, replicas, sentinels+1)
		return fmt.Sprint(text, err), err == nil && strings.Contains(text, want)
	})
	if err != nil {
		log, _ := s.try("logs", s.name)
		s.Fatalf("%v\n%s", err, log)
	}
}

// first is the id of the daemon as seen from here; in the container it is 1.
func (s *contained) first() string {
	s.Helper()
	return s.podman.run("inspect", "-f", "{{.State.Pid}}", s.name)
}

func (s *contained) isConfined() {
	s.Helper()
	text, err := os.ReadFile("/proc/" + s.first() + "/status")
	if err != nil {
		s.Fatal(err)
	}
	for _, want := range []string{"Uid:\t65532\t65532", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "\t1\nNSpgid"} {
		if !strings.Contains(string(text), want) {
			s.Errorf("no %q in\n%s", want, text)
		}
	}
	mounts, err := os.ReadFile("/proc/" + s.first() + "/mounts")
	if err != nil || !strings.Contains(string(mounts), " / ") {
		s.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); f[1] == "/" && !strings.HasPrefix(f[3], "ro") {
			s.Errorf("its root can be written to: %s", line)
		}
	}
}

// leavesNoZombies: what health checks leave behind is reaped.
func (s *contained) leavesNoZombies() {
	s.Helper()
	for range 3 {
		if out, err := s.try("exec", s.name, "/usr/bin/gosentinel", "--version"); err != nil {
			s.Errorf("%v\n%s", err, out)
		}
	}
	if out, err := exec.Command("nsenter", "-t", s.first(), "-p", "sh", "-c", "(sleep 0.1 &)").CombinedOutput(); err != nil {
		s.Errorf("%v\n%s", err, out)
	}
	err := cluster.WaitFor(context.Background(), "no child to be left", func(context.Context) (string, bool) {
		text, err := os.ReadFile("/proc/" + s.first() + "/task/" + s.first() + "/children")
		return fmt.Sprint(string(text), err), err == nil && len(text) == 0
	})
	if err != nil {
		s.Error(err)
	}
}

// withoutVolume: where the state cannot be written, the start is refused in words.
func (p *podman) withoutVolume(image string) {
	p.Helper()
	own := filepath.Join(p.dir, "own")
	if err := os.Mkdir(own, 0o755); err != nil {
		p.Fatal(err)
	}
	for name, args := range map[string][]string{
		"a directory of root":             {"-v", own + ":/var/lib/gosentinel"},
		"a read-only directory":           {"-v", own + ":/var/lib/gosentinel:ro"},
		"a directory of a user unlike it": {"--user", "1000:1000", "-v", own + ":/var/lib/gosentinel"},
	} {
		out, err := p.try(slices.Concat([]string{"run", "--rm"}, confined, args, []string{
			image, "/etc/gosentinel/sentinel.conf", "--port", "0", "--unixsocket", "/var/lib/gosentinel/s",
		})...)
		if err == nil || !strings.Contains(out, "/var/lib/gosentinel") {
			p.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
