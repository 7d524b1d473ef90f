package proxies

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
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// way is how clients get to the server.
type way struct {
	name string
	port int
	pid  int // of the proxy; 0: there is none
	most int // clients that it can have; 0: no matter
}

func (w way) addr() string { return "127.0.0.1:" + strconv.Itoa(w.port) }

// stage is a group of servers with proxies in front.
type stage struct {
	c *cluster.Cluster
	g *cluster.Group
}

// setStage starts servers and Sentinels.
func setStage(ctx context.Context, c *cluster.Cluster, o Options, replicas, sentinels int) (*stage, error) {
	g, err := c.Start(ctx, cluster.Topology{
		Replicas: replicas, Sentinels: sentinels, Quorum: sentinels/2 + 1, DownAfter: o.DownAfter, FailoverTimeout: 10 * time.Second,
		ServerConf: func(int) []string { return []string{"maxclients 15000"} },
	})
	return &stage{c: c, g: g}, err
}

// start runs a proxy. Its configuration is a format whose only value is the port.
func (s *stage) start(ctx context.Context, name, file, conf string, command ...string) (w way, err error) {
	port, err := s.c.Port()
	if err != nil {
		return w, err
	}
	f, err := s.c.StartFront(file, cluster.NodeSpec{Name: name, Port: port, Conf: fmt.Sprintf(conf, port), Command: command})
	if err != nil {
		return w, err
	}
	w = way{name: name, port: port, pid: f.PID()}
	return w, cluster.WaitFor(ctx, name+" to listen", func(context.Context) (string, bool) {
		if !f.Running() {
			log, err := f.Log()
			return fmt.Sprint("it has ended: ", log, err), false
		}
		conn, err := net.Dial("tcp", w.addr())
		if err == nil {
			conn.Close()
		}
		return fmt.Sprint(err), err == nil
	})
}

// proxy starts the proxy of gosentinel with further lines of configuration at the top.
func (s *stage) proxy(ctx context.Context, o Options, top string) (way, error) {
	var sentinels []string
	for _, n := range s.g.Sentinels {
		sentinels = append(sentinels, strconv.Quote(n.Addr()))
	}
	conf := "sentinels = [" + strings.Join(sentinels, ", ") + "]\n" + top + "\n[limits]\nclients = 15000\n[[master]]\nname = " + strconv.Quote(s.g.Master) +
		"\n[[listener]]\nbind = \"127.0.0.1:%d\"\n"
	return s.start(ctx, "gosentinel", "proxy.toml", conf, slices.Concat(o.Gosentinel, []string{"proxy"})...)
}

// haproxyMost is how many clients HAProxy may have: it needs two descriptors for each, and
// refuses to start where there are fewer.
func haproxyMost() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1000
	}
	return int(min(limit.Max, 1<<20)-200) / 2
}

func (s *stage) haproxy(ctx context.Context) (way, error) {
	w, err := s.start(ctx, "haproxy", "haproxy.cfg", fmt.Sprintf("global\n\tmaxconn %d\n", haproxyMost())+"defaults\n\tmode tcp\n\ttimeout connect 1s\n\ttimeout client 10m\n\ttimeout server 10m\n"+
		"listen redis\n\tbind 127.0.0.1:%d\n\tserver master "+s.g.Servers[0].Addr()+"\n", find("haproxy"), "-db", "-f")
	w.most = haproxyMost() - 10
	return w, err
}

func (s *stage) nutcracker(ctx context.Context) (w way, err error) {
	stats, err := s.c.Port()
	if err != nil {
		return w, err
	}
	return s.start(ctx, "nutcracker", "nutcracker.yml", "pool:\n  listen: 127.0.0.1:%d\n  hash: fnv1a_64\n  distribution: ketama\n  redis: true\n  preconnect: true\n"+
		"  auto_eject_hosts: false\n  servers:\n   - "+s.g.Servers[0].Addr()+":1 master\n", find("nutcracker"), "-s", strconv.Itoa(stats), "-c")
}

// ways starts everything that is compared.
func (s *stage) ways(ctx context.Context, o Options) ([]way, error) {
	list := []way{{name: "direct", port: s.g.Servers[0].Port()}}
	ours := func(ctx context.Context) (way, error) { return s.proxy(ctx, o, "") }
	for _, start := range []func(context.Context) (way, error){ours, s.haproxy, s.nutcracker} {
		w, err := start(ctx)
		if err != nil {
			return nil, err
		}
		list = append(list, w)
	}
	return list, nil
}

// find returns the path of a program; Debian's users other than root do not have /usr/sbin
// in PATH. Where there is none, starting it says so.
func find(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	return filepath.Join("/usr/sbin", name)
}

// memory returns the resident bytes of a process.
func memory(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(text), "VmRSS:")
	words := strings.Fields(after)
	if len(words) == 0 {
		return 0, fmt.Errorf("/proc/%d/status has no VmRSS", pid)
	}
	kib, err := strconv.ParseInt(words[0], 10, 64)
	return kib << 10, err
}
