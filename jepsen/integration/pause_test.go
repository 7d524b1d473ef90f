package integration

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/journal"
)

// paused waits until a Sentinel shows a pause, or that there is none, in both places
// where operators look.
func (e *env) paused(s *cluster.Sentinel, master, reason string) {
	e.Helper()
	e.until(fmt.Sprintf("%s to show the pause %q", s.Name(), reason), func(ctx context.Context) (string, bool) {
		words, err := s.Client().Do(ctx, "SENTINEL", "MASTER", master, "EXTENDED").StringSlice()
		info, err2 := s.Client().Info(ctx, "sentinel").Result()
		at := slices.Index(words, "failover-paused")
		if err != nil || err2 != nil || at < 0 || at+5 >= len(words) {
			return fmt.Sprint(words, err, err2), false
		}
		shown := words[at+5]
		inInfo := strings.Contains(info, "sentinel_failovers_paused:1\r\n") && strings.Contains(info, "paused0:name="+master+",ms=")
		return fmt.Sprint(words[at:at+6], info), shown == reason && (words[at+1] != "0") == (reason != "") && inInfo == (reason != "")
	})
}

// TestPausedFailover: an operator pauses failovers at one Sentinel. The master is killed,
// and nobody replaces it, not even where one Sentinel does not take the pause or is killed
// too, until the operator lets it happen or the time is over.
func TestPausedFailover(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	e := newEnv(t)
	g := e.start(usual)
	told, other, deaf := g.Sentinels[0], g.Sentinels[1], g.Sentinels[2]
	first := g.Servers[0]
	e.fill(first, 2)
	for _, ms := range []string{"0", "-1", "soon", "86400001", "99999999999999999999"} {
		if text := e.replyError(told, "SENTINEL", "PAUSE-FAILOVER", g.Master, ms); !strings.Contains(text, "A pause lasts from 1 to 86400000 milliseconds") {
			t.Errorf("a pause of %s ms: %s", ms, text)
		}
	}
	_, err := deaf.Do(e.ctx, "ACL", "SETUSER", "default", "-sentinel|pause-failover")
	e.must(err)
	_, err = told.Do(e.ctx, "SENTINEL", "PAUSE-FAILOVER", g.Master, "600000", "a new kernel")
	e.must(err)
	e.paused(told, g.Master, "a new kernel")
	e.paused(other, g.Master, "a new kernel")
	e.paused(deaf, g.Master, "")
	e.until("it is logged that one does not take the pause", func(context.Context) (string, bool) {
		log, err := told.Log()
		return fmt.Sprint(err), strings.Contains(log, "does not take what an operator says of the failovers of "+g.Master+": NOPERM")
	})
	told.Kill()
	e.must(told.Restart(e.ctx))
	e.paused(told, g.Master, "a new kernel")

	first.Kill()
	e.eventAbout(deaf, "-failover-abort-not-elected", g.Master) // it has asked for votes, in vain
	held := e.reports(other, g.Master)
	if len(held) != 1 || held[0].Over() || !strings.Contains(held[0].String(), "is held back: an operator has paused them until") {
		t.Errorf("while it is held back, the journal has %v", held)
	}
	if text := e.replyError(other, "SENTINEL", "FAILOVER", g.Master); !strings.HasPrefix(text, "PAUSED ") || !strings.Contains(text, "a new kernel") {
		t.Errorf("a failover by order: %s", text)
	}
	if n := e.c.Events().Count(cluster.Named("+switch-master", "+promoted-slave", "+selected-slave")); n > 0 {
		t.Fatalf("%d steps of a failover although it is paused", n)
	}

	_, err = deaf.Do(e.ctx, "ACL", "SETUSER", "default", "+sentinel|pause-failover")
	e.must(err)
	_, err = other.Do(e.ctx, "SENTINEL", "RESUME-FAILOVER", g.Master)
	e.must(err)
	second := e.newMaster(g, first)
	for _, s := range g.Sentinels {
		e.paused(s, g.Master, "")
	}
	e.until("the journal to say that it waited", func(context.Context) (string, bool) {
		// It may have begun an attempt of its own, and have lost that to another, which is
		// the newer report then.
		list := e.reports(other, g.Master)
		waited := list[len(list)-1]
		return fmt.Sprint(list), list[0].Outcome == journal.Promoted && waited.Over() && strings.Contains(waited.Held, "a new kernel")
	})

	// Now all take a pause, and it ends by itself.
	e.complete(second)
	_, err = deaf.Do(e.ctx, "SENTINEL", "PAUSE-FAILOVER", g.Master, "8000", "a short one")
	e.must(err)
	for _, s := range g.Sentinels {
		e.paused(s, g.Master, "a short one")
	}
	second.Kill()
	e.newMaster(g, second)
	var resumed, tried bool
	for _, ev := range e.c.Events().All() {
		if strings.Contains(ev.Text, "the time of the pause is over") {
			resumed = true
		}
		tried = tried || resumed && ev.Name == "+try-failover"
		if ev.Name == "+switch-master" && strings.Contains(ev.Text, fmt.Sprint(" 127.0.0.1 ", second.Port(), " 127.0.0.1 ")) && !tried {
			t.Errorf("before the time was over: %v", ev)
		}
	}
	e.oneLeaderPerEpoch()
}
