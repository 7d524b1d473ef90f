package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
)

// onMountedFile returns a command that runs the daemon on a configuration file that
// is mounted on its own, as container runtimes mount one file.
func onMountedFile(command ...string) []string {
	const enter = `mount --bind "$1" "$1" && exec "$0" "$@"`
	return append([]string{"unshare", "-m", "sh", "-c", enter}, command...)
}

// inPlaceWarnings counts the warnings in the log of a Sentinel that it writes in place.
func (e *env) inPlaceWarnings(s *cluster.Sentinel) int {
	e.Helper()
	log, err := s.Log()
	e.must(err)
	return strings.Count(log, "it is written in place until the next start")
}

// TestMountedFile: files that are mounted on their own are written in place. Three
// daemons with quorum 2 save, vote and fail over; each warns once. The original
// takes over every file.
func TestMountedFile(t *testing.T) {
	needsMounts(t)
	t.Parallel()
	e := newEnv(t, cluster.Config{Sentinel: onMountedFile(clustertest.Daemon(t))})
	g := e.start(usual)
	g.Servers[0].Kill()
	master, err := g.WaitNewMaster(e.ctx, g.Servers[0])
	e.must(err)
	e.allRun(g)
	ids := make([]string, len(g.Sentinels))
	for i, s := range g.Sentinels {
		if n := e.inPlaceWarnings(s); n != 1 {
			t.Errorf("%s warns %d times", s.Name(), n)
		}
		ids[i], err = s.MyID(e.ctx)
		e.must(err)
		e.must(s.Signal(syscall.SIGTERM))
		_, err := s.WaitExit(e.ctx)
		e.must(err)
		if text := e.conf(s); !strings.Contains(text, "\n# gosentinel wrote this file in place: ") || strings.Contains(text, "#>") {
			t.Errorf("%s has left\n%s", s.Name(), text)
		}
	}
	stock, err := cluster.FindStockSentinel()
	e.must(err)
	for i, s := range g.Sentinels {
		s.SetCommand(stock)
		e.must(s.Start())
		e.must(s.WaitReady(e.ctx))
		id, err := s.MyID(e.ctx)
		e.must(err)
		port, err := s.MasterPort(e.ctx, g.Master)
		e.must(err)
		if id != ids[i] || port != master.Port() {
			t.Errorf("stock on the file of %s: id %s, master at %d", s.Name(), id, port)
		}
	}
}

// TestKilledWhileWritingInPlace: a daemon that is killed at any moment of its writes
// in place starts again with every vote that it has told.
func TestKilledWhileWritingInPlace(t *testing.T) {
	needsMounts(t)
	t.Parallel()
	e := newEnv(t, cluster.Config{Sentinel: onMountedFile(clustertest.Daemon(t))})
	g := e.start(cluster.Topology{Replicas: 1, Sentinels: 1, Quorum: 1, DownAfter: usual.DownAfter})
	s := g.Sentinels[0]
	id, err := s.MyID(e.ctx)
	e.must(err)
	port := g.Servers[0].Port()
	told := int64(0)
	for range 8 {
		votes := make(chan int64)
		go func() { // votes, as fast as they come, until the daemon is gone
			defer close(votes)
			for epoch := told + 1; ; epoch++ {
				v, err := s.Client().Do(e.ctx, "SENTINEL", "is-master-down-by-addr", "127.0.0.1", port, epoch, id[1:]+"0").Slice()
				if err != nil {
					return
				}
				if n, ok := v[2].(int64); ok && n == epoch {
					votes <- n
				}
			}
		}()
		for range 5 {
			told = <-votes
		}
		s.Kill()
		for n := range votes {
			told = n
		}
		e.must(s.Restart(e.ctx))
		if now, err := s.MyID(e.ctx); err != nil || now != id {
			t.Fatalf("the id %s became %s (%v)", id, now, err)
		}
		v, err := s.Client().Do(e.ctx, "SENTINEL", "is-master-down-by-addr", "127.0.0.1", port, told, id[2:]+"00").Slice()
		e.must(err)
		if v[1] == id[2:]+"00" {
			t.Fatalf("the vote of epoch %d was given twice", told)
		}
	}
}

// TestCheckConfigOnMountedFile: --check-config finds out that the file can be
// written in place only, and says so; and that neither way works.
func TestCheckConfigOnMountedFile(t *testing.T) {
	needsMounts(t)
	t.Parallel()
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	const text = "port 26379\nsentinel monitor m 127.0.0.1 6379 2\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(mount string) (string, error) {
		out, err := exec.Command("unshare", "-m", "sh", "-c", mount+` && exec "$1" --check-config "$0"`, conf, clustertest.Daemon(t)).CombinedOutput()
		return string(out), err
	}
	if out, err := check(`mount --bind "$0" "$0"`); err != nil || !strings.Contains(out, "warning: ") || !strings.Contains(out, "it is written in place") {
		t.Errorf("on a mounted file: %v\n%s", err, out)
	}
	if out, err := check(`mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"`); err == nil || !strings.Contains(out, "is not writable") {
		t.Errorf("on a file mounted read-only: %v\n%s", err, out)
	}
	if out, err := check("true"); err != nil || strings.Contains(out, "in place") {
		t.Errorf("on a plain file: %v\n%s", err, out)
	}
	for mount, kind := range map[string]string{`mount --bind "$0" "$0"`: "file-in-place", `mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"`: "file-not-writable"} {
		out, err := exec.Command("unshare", "-m", "sh", "-c", mount+` && exec "$1" doctor --offline "$0"`, conf, clustertest.Daemon(t)).CombinedOutput()
		if err == nil || !strings.Contains(string(out), kind) {
			t.Errorf("the doctor, after %s: %v\n%s", mount, err, out)
		}
	}
	if got, err := os.ReadFile(conf); err != nil || string(got) != text {
		t.Errorf("the file became %q (%v)", got, err)
	}
}

// TestReadOnlyDirectory: the directory may not be written to, but the file may; and
// it becomes read-only while the daemon runs.
func TestReadOnlyDirectory(t *testing.T) {
	needsRoot(t, "the daemon runs as another user")
	t.Parallel()
	for _, mode := range []os.FileMode{0o555, 0o333} {
		for _, late := range []bool{false, true} {
			e := newEnv(t, cluster.Config{User: &syscall.Credential{Uid: 65534, Gid: 65534}})
			port, err := e.c.Port()
			e.must(err)
			s, err := e.c.AddSentinel(cluster.NodeSpec{
				Name: "sentinel", Port: port, Conf: cluster.SentinelConf(port, cluster.Monitored{Name: "mymaster", Port: 1, Quorum: 2}),
			})
			e.must(err)
			change := func() { e.must(os.Chmod(s.Dir(), mode)) }
			if !late {
				change()
			}
			e.must(s.Start())
			e.must(s.WaitReady(e.ctx))
			if late {
				change()
			}
			_, err = s.Do(e.ctx, "SENTINEL", "SET", "mymaster", "quorum", "7")
			e.must(err)
			if text := e.conf(s); !strings.Contains(text, "sentinel monitor mymaster 127.0.0.1 1 7\n") {
				t.Errorf("mode %o, late %v: the file is\n%s", mode, late, text)
			}
			e.logHas(s, "in place")
			if n := e.inPlaceWarnings(s); n != 1 {
				t.Errorf("mode %o, late %v: %d warnings", mode, late, n)
			}
			e.must(os.Chmod(s.Dir(), 0o755))
		}
	}
}
