package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// TestObserver: an observer beside a quorum of redis-sentinel sees what happens, is known
// to nobody, and votes for nobody.
func TestObserver(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	e := newEnv(t)
	top := usual
	top.SentinelCommands = [][]string{stockSentinel(t)}
	g := e.start(top)
	e.fill(g.Servers[0], 2)
	port, err := e.c.Port()
	e.must(err)
	conf := fmt.Sprintf("port %d\nsentinel monitor %s 127.0.0.1 %d 2\nsentinel down-after-milliseconds %s 2500\nsentinel observe yes\n",
		port, g.Master, g.Servers[0].Port(), g.Master)
	observer, err := e.c.StartSentinel(cluster.NodeSpec{Name: "observer", Port: port, Conf: conf, Command: underTest(t)})
	e.must(err)
	e.must(observer.WaitReady(e.ctx))
	e.counts(observer, g.Master, 2, 3)
	if text := e.replyError(observer, "SENTINEL", "FAILOVER", g.Master, "FORCE"); !strings.HasPrefix(text, "OBSERVES") {
		t.Errorf("FAILOVER at an observer: %s", text)
	}
	old := g.Servers[0]
	old.Kill()
	e.eventAbout(observer, "+odown", "master "+g.Master)
	master := e.newMaster(g, old)
	e.eventAbout(observer, "+switch-master", fmt.Sprintf("%s 127.0.0.1 %d 127.0.0.1 %d", g.Master, old.Port(), master.Port()))
	for _, s := range g.Sentinels {
		e.counts(s, g.Master, 2, 2)
	}
	if n := e.c.Events().Count(func(ev cluster.Event) bool {
		return ev.Sentinel == observer.Name() && (ev.Name == "+vote-for-leader" || ev.Name == "+try-failover")
	}); n != 0 {
		t.Errorf("the observer voted or stood %d times", n)
	}
	reply, err := observer.Do(e.ctx, "SENTINEL", "IS-MASTER-DOWN-BY-ADDR", "127.0.0.1", old.Port(), 99, strings.Repeat("a", 40))
	if e.must(err); fmt.Sprint(reply) != "[0 * 0]" {
		t.Errorf("the observer answers %v", reply)
	}
}
