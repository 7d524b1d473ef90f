package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// TestFileCutByOthers: what `cp` or a full disk leaves of the file while the daemon
// runs does not become the next configuration. The next start asks for the password.
func TestFileCutByOthers(t *testing.T) {
	t.Parallel()
	e := newEnv(t, cluster.Config{})
	port, err := e.c.Port()
	e.must(err)
	conf := "requirepass secret\n" + cluster.SentinelConf(port, cluster.Monitored{Name: "mymaster", Port: 1, Quorum: 2})
	s, err := e.c.StartSentinel(cluster.NodeSpec{Name: "sentinel", Port: port, Conf: conf, Password: "secret"})
	e.must(err)
	e.must(s.WaitReady(e.ctx))
	id, err := s.MyID(e.ctx)
	e.must(err)
	for _, cut := range []int{0, 10, 60} {
		e.must(os.WriteFile(s.Conf(), []byte(e.conf(s)[:cut]), 0o644))
		_, err := s.Do(e.ctx, "SENTINEL", "FLUSHCONFIG")
		e.must(err)
		if text := e.conf(s); !strings.HasPrefix(text, "requirepass secret\n") {
			t.Errorf("cut to %d bytes the file becomes\n%s", cut, text)
		}
	}
	e.logHas(s, "was damaged while this process ran")
	if kept, err := filepath.Glob(s.Conf() + ".broken-*"); err != nil || len(kept) != 2 {
		t.Errorf("kept: %v (%v)", kept, err)
	}
	e.must(s.Restart(e.ctx))
	if now, err := s.MyID(e.ctx); err != nil || now != id {
		t.Errorf("the id %s became %s (%v)", id, now, err)
	}
}
