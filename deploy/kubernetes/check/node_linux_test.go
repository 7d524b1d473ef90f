package check

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
)

const (
	password  = `a "pass" word`
	namespace = "redis"
)

// subnet is the network of all pods, which other tests on this host do not have.
var subnet = fmt.Sprintf("10.78.%d.", os.Getpid()%250)

// node runs pods, and is the name server of all.
type node struct {
	t      *testing.T
	dir    string
	bridge string

	mu    sync.Mutex
	count int
	pods  []*pod
}

// newNode makes the pods of the manifests, none of which runs yet.
func newNode(t *testing.T) *node {
	t.Helper()
	n := &node{t: t, dir: t.TempDir(), bridge: fmt.Sprintf("gsk%d", os.Getpid())}
	n.must(os.Chmod(n.dir, 0o755))
	n.must(os.Chmod(filepath.Dir(n.dir), 0o755))
	n.run("ip", "link", "add", n.bridge, "type", "bridge")
	t.Cleanup(func() { n.run("ip", "link", "del", n.bridge) })
	n.run("ip", "addr", "add", subnet+"254/24", "dev", n.bridge)
	n.run("ip", "link", "set", n.bridge, "up")
	n.must(os.WriteFile(filepath.Join(n.dir, "hosts"), nil, 0o644))
	images := map[string]string{"gosentinel": n.image(), "redis": n.debian()}
	for _, text := range strings.Split(build(t, "base"), "\n---\n") {
		o, _, err := legacyscheme.Codecs.UniversalDeserializer().Decode([]byte(text), nil, nil)
		n.must(err)
		switch o := o.(type) {
		case *corev1.ConfigMap:
			dir := filepath.Join(n.dir, "config", o.Name)
			n.must(os.MkdirAll(dir, 0o755))
			for name, text := range o.Data {
				n.must(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
			}
		case *appsv1.StatefulSet:
			for k := range int(*o.Spec.Replicas) {
				p := &pod{node: n, name: fmt.Sprintf("%s-%d", o.Name, k), service: o.Spec.ServiceName, spec: o.Spec.Template.Spec, roots: images[o.Name]}
				p.volume = filepath.Join(n.dir, "volume", p.name)
				n.must(os.MkdirAll(p.volume, 0o770))
				n.must(os.Chown(p.volume, 0, int(*p.spec.SecurityContext.FSGroup))) // as fsGroup does
				n.must(os.Chmod(p.volume, 0o2775))
				n.pods = append(n.pods, p)
			}
		}
	}
	t.Cleanup(n.end)
	return n
}

func (n *node) end() {
	for _, p := range n.pods {
		if p.cmd != nil {
			p.kill()
			n.detach(p.netns)
		}
		if n.t.Failed() {
			text, _ := os.ReadFile(filepath.Join(n.dir, p.name+".log"))
			n.t.Logf("%s:\n%s", p.name, text[max(0, len(text)-3000):])
		}
	}
}

// image builds the image and unpacks it.
func (n *node) image() string {
	n.t.Helper()
	cmd := exec.Command("sh", "../../dist.sh", "image")
	cmd.Env = append(os.Environ(), "OUT="+n.dir, "VERSION=1.0.0")
	if out, err := cmd.CombinedOutput(); err != nil {
		n.t.Fatalf("%v\n%s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(n.dir, "*.image.tar"))
	n.must(err)
	dir := filepath.Join(n.dir, "image")
	n.must(os.Mkdir(dir, 0o755))
	n.run("tar", "-xf", files[0], "-C", n.dir)
	var docker []struct{ Layers []string }
	text, err := os.ReadFile(filepath.Join(n.dir, "manifest.json"))
	n.must(err)
	n.must(json.Unmarshal(text, &docker))
	layer, err := os.Open(filepath.Join(n.dir, docker[0].Layers[0]))
	n.must(err)
	defer layer.Close()
	r, err := gzip.NewReader(layer)
	n.must(err)
	n.unpack(tar.NewReader(r), dir)
	return dir
}

func (n *node) unpack(r *tar.Reader, dir string) {
	for {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		n.must(err)
		path, mode := filepath.Join(dir, h.Name), fs.FileMode(h.Mode)
		if h.Typeflag == tar.TypeDir {
			n.must(os.MkdirAll(path, mode))
		} else {
			text, err := io.ReadAll(r)
			n.must(err)
			n.must(os.WriteFile(path, text, mode))
		}
		n.must(os.Chmod(path, mode&fs.ModePerm))
		n.must(os.Chown(path, h.Uid, h.Gid))
	}
}

// debian stands for the servers' image: Debian with a Redis server.
func (n *node) debian() string {
	n.t.Helper()
	cache, err := os.UserCacheDir()
	n.must(err)
	dir := filepath.Join(cache, "gosentinel", "bookworm-"+runtime.GOARCH)
	if _, err := os.Stat(dir); err != nil {
		n.must(os.MkdirAll(filepath.Dir(dir), 0o755))
		n.run("debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,dbus,redis-server", "bookworm", dir+".making")
		n.must(os.Rename(dir+".making", dir))
	}
	return dir
}

// attach makes a network namespace with an address that was not used before.
func (n *node) attach(name string) (ip, netns string) {
	n.t.Helper()
	n.mu.Lock()
	n.count++
	ip, netns = subnet+strconv.Itoa(n.count), fmt.Sprintf("gsk%d-%d", os.Getpid(), n.count)
	link := fmt.Sprintf("gk%d-%d", os.Getpid()%100000, n.count)
	n.mu.Unlock()
	n.run("ip", "netns", "add", netns)
	n.run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", netns)
	n.run("ip", "link", "set", link, "master", n.bridge, "up")
	for _, words := range []string{"link set lo up", "link set eth0 up", "addr add " + ip + "/24 dev eth0"} {
		n.run("ip", append([]string{"-n", netns}, strings.Fields(words)...)...)
	}
	return ip, netns
}

func (n *node) detach(netns string) {
	if netns != "" {
		_ = exec.Command("ip", "netns", "del", netns).Run()
	}
}

// publish tells all pods the addresses of all.
func (n *node) publish() {
	n.t.Helper()
	var b strings.Builder
	b.WriteString("127.0.0.1 localhost\n")
	for _, p := range n.pods {
		if p.ip != "" {
			name := p.name + "." + p.service
			fmt.Fprintf(&b, "%s %s.%s.svc %s\n", p.ip, name, namespace, name)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.must(os.WriteFile(filepath.Join(n.dir, "hosts"), []byte(b.String()), 0o644)) // in place: it is mounted
}

// address is what the name server says.
func (n *node) address(host string) string {
	i := slices.IndexFunc(n.pods, func(p *pod) bool { return strings.HasPrefix(host, p.name+".") })
	if i < 0 {
		return host
	}
	return n.pods[i].ip
}

func (n *node) of(set string) (some []*pod) {
	for _, p := range n.pods {
		if strings.HasPrefix(p.name, set+"-") {
			some = append(some, p)
		}
	}
	return some
}

func (n *node) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) run(name string, args ...string) {
	n.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		n.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func (n *node) wait(what string, done func() (string, bool)) {
	n.t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		state, ok := done()
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			n.t.Fatalf("waiting for %s; last seen: %s", what, state)
		}
	}
}
