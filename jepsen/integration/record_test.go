package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gosentinel/sentinel/internal/recorder"
	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/monitor"
)

// TestRecordedDaemons: three daemons record what their cores are told while they
// replace a master. A fresh core that is told the same does the same.
func TestRecordedDaemons(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	dir := t.TempDir()
	e := newEnvOf(t, cluster.Config{Sentinel: append([]string{"env", "GOSENTINEL_RECORD=" + dir}, underTest(t)...)})
	g := e.start(usual)
	old := g.Servers[0]
	e.must(g.WaitViews(e.ctx))
	_, err := g.Sentinels[0].Do(e.ctx, "SENTINEL", "SET", g.Master, "parallel-syncs", "2")
	e.must(err)
	old.Kill()
	e.newMaster(g, old)
	for _, s := range g.Sentinels {
		e.eventAbout(s, "+switch-master", g.Master)
	}
	for _, s := range g.Sentinels {
		e.must(s.Signal(syscall.SIGTERM))
		e.until(s.Name()+" to end", func(context.Context) (string, bool) { return "it runs", !s.Running() })
	}

	records, err := filepath.Glob(filepath.Join(dir, "*.record"))
	if err != nil || len(records) != len(g.Sentinels) {
		t.Fatalf("%d records of %d daemons, %v", len(records), len(g.Sentinels), err)
	}
	elected := 0
	for _, path := range records {
		events := e.replay(path)
		if !strings.Contains(events, "+set ") && !strings.Contains(events, "+switch-master ") {
			t.Errorf("%s holds no failover: %s", path, events)
		}
		elected += strings.Count(events, "+elected-leader ")
	}
	if elected != 1 {
		t.Errorf("%d leaders were elected in all records", elected)
	}
}

// replay plays a record, checks that each effect is the same, and returns the
// events.
func (e *env) replay(path string) string {
	e.Helper()
	f, err := os.Open(path)
	e.must(err)
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Mode().Perm() != 0o600 {
		e.Errorf("a record, which holds passwords, has mode %v, %v", info.Mode(), err)
	}
	var events strings.Builder
	note := func(effects []monitor.Effect) {
		for _, effect := range effects {
			if emit, ok := effect.(monitor.Emit); ok {
				fmt.Fprintf(&events, "%s %s\n", emit.Event.Name(), emit.Event.AppendText(nil))
			}
		}
	}
	_, err = recorder.Replay(f, recorder.Player{
		Stepped: func(monitor.Instant, monitor.Input) {},
		Drained: func(out *monitor.Effects) {
			note(out.Free)
			if out.Persist != nil {
				note(out.Persist.Then)
			}
		},
	})
	if err != nil {
		e.Errorf("%s: %v", path, err)
	}
	return events.String()
}
