package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
	"github.com/gosentinel/sentinel/journal"
)

// TestJournalTellsWhatHappened has a master killed and then one handed over, and
// compares what each Sentinel writes into its journal with the events, with its log,
// with the other two ways to read it, and with what is there after the Sentinel is
// killed too.
func TestJournalTellsWhatHappened(t *testing.T) {
	onlyGosentinel(t)
	t.Parallel()
	e := newEnv(t)
	g := e.start(usual)
	first := g.Servers[0]
	e.fill(first, 2)
	first.Kill()
	second := e.newMaster(g, first)
	e.toldBy(g, journal.Failover, first, second)

	driver := g.Sentinels[0]
	e.until("a planned switchover begins", func(ctx context.Context) (string, bool) {
		_, err := driver.Do(ctx, "SENTINEL", "FAILOVER", g.Master)
		return fmt.Sprint(err), err == nil
	})
	third := e.newMaster(g, second)
	e.toldBy(g, journal.Switchover, second, third)
	if r := e.reports(driver, g.Master)[0]; !r.Led || r.Cause != journal.Operator || !r.Lost.Known || r.Lost.Bytes != 0 || !strings.Contains(r.String(), "Nothing is lost") {
		t.Errorf("the driver of a switchover tells %+v", r)
	}

	before := e.reports(driver, g.Master)
	driver.Kill()
	c, err := journal.Read(driver.Conf() + ".failovers")
	e.must(err)
	slices.Reverse(c.Reports)
	if c.Unreadable > 0 || c.Torn || !slices.EqualFunc(c.Reports, before, func(a, b journal.Report) bool { return a.String() == b.String() }) {
		t.Errorf("after kill -9 the file has\n%v\nand the Sentinel said\n%v", c, before)
	}
	e.must(driver.Restart(e.ctx))
	if after := e.reports(driver, g.Master); !slices.EqualFunc(after, before, func(a, b journal.Report) bool { return a.String() == b.String() }) {
		t.Errorf("after its restart it tells\n%v\nand before\n%v", after, before)
	}
	out, err := exec.CommandContext(e.ctx, clustertest.Daemon(t), "history", driver.Conf()).Output()
	e.must(err)
	if got := string(out); !strings.Contains(got, before[0].String()) || !strings.Contains(got, before[1].String()) {
		t.Errorf("gosentinel history prints\n%s", got)
	}
}

// reports asks a Sentinel for its journal, newest first.
func (e *env) reports(s *cluster.Sentinel, master string) []journal.Report {
	e.Helper()
	texts, err := s.Client().Do(e.ctx, "SENTINEL", "FAILOVERS", master, "100", "JSON").StringSlice()
	e.must(err)
	list := make([]journal.Report, len(texts))
	for k, text := range texts {
		e.must(json.Unmarshal([]byte(text), &list[k]))
	}
	return list
}

// toldBy waits until every Sentinel has a report of a move, and compares it with the
// events and the log.
func (e *env) toldBy(g *cluster.Group, kind journal.Kind, from, to *cluster.Server) {
	e.Helper()
	addr := func(s *cluster.Server) string { return "127.0.0.1:" + strconv.Itoa(s.Port()) }
	led := 0
	var epoch uint64
	for _, s := range g.Sentinels {
		var r journal.Report
		e.until(s.Name()+" to have the end of it in its journal", func(ctx context.Context) (string, bool) {
			list := e.reports(s, g.Master)
			if len(list) == 0 {
				return "nothing", false
			}
			r = list[0]
			return r.String(), r.Over() && r.To == addr(to)
		})
		if r.Outcome != journal.Promoted || r.Kind != kind || r.From != addr(from) || r.Master != g.Master {
			e.Errorf("%s tells %+v", s.Name(), r)
		}
		if epoch == 0 {
			epoch = r.Epoch
		}
		if r.Epoch != epoch || !r.Lost.Known {
			e.Errorf("%s tells of epoch %d, another of %d; of what is lost: %+v", s.Name(), r.Epoch, epoch, r.Lost)
		}
		e.inLog(s, r)
		if r.Led {
			led++
			e.ledReport(g, s, r)
		} else {
			e.watchedReport(g, s, r)
		}
	}
	if led != 1 {
		e.Errorf("%d Sentinels say that they led the failover to %s", led, addr(to))
	}
}

// inLog checks that the report is in the log, once, in the words that it has.
func (e *env) inLog(s *cluster.Sentinel, r journal.Report) {
	e.Helper()
	e.until(s.Name()+" to have it in its log", func(context.Context) (string, bool) {
		log, err := s.Log()
		return fmt.Sprint(r.String(), err), strings.Count(log, r.String()) == 1
	})
}

// ledReport compares the report of a leader with its events: when each phase began, who
// was chosen, and how long it took.
func (e *env) ledReport(g *cluster.Group, s *cluster.Sentinel, r journal.Report) {
	e.Helper()
	for phase, name := range map[string]string{journal.PhaseElection: "+try-failover", journal.PhaseReconf: "+promoted-slave"} {
		ev := e.last(s, name)
		i := slices.IndexFunc(r.Phases, func(p journal.Phase) bool { return p.Name == phase })
		if i < 0 {
			e.Errorf("%s tells no phase %s: %v", s.Name(), phase, r.Phases)
			continue
		}
		if begun := r.Phases[i].Begun; begun.After(ev.At) {
			e.Errorf("%s: phase %s began at %v, and %s was heard at %v", s.Name(), phase, begun, name, ev.At)
		}
	}
	chosen := slices.IndexFunc(r.Candidates, func(c journal.Candidate) bool { return c.Chosen })
	if len(r.Candidates) != len(g.Servers)-1 || chosen < 0 || r.Candidates[chosen].Addr != r.To {
		e.Errorf("%s tells of the replicas %+v", s.Name(), r.Candidates)
	}
	votes := 0
	for _, v := range r.Votes {
		if v.For == r.Leader.ID && v.Epoch == r.Epoch {
			votes++
		}
	}
	if votes < 2 {
		e.Errorf("%s was elected with %d votes: %+v", s.Name(), votes, r.Votes)
	}
	if r.Kind == journal.Failover {
		if r.Cause != journal.Refused || len(r.Down) < 2 || r.Quorum != 2 || !r.Down[0].Self {
			e.Errorf("%s tells of the failure %v (%s), said by %+v", s.Name(), r.Cause, r.Detail, r.Down)
		}
		if took := r.Phases[0]; took.Name != journal.PhaseSilence || took.Took < 900*time.Millisecond {
			e.Errorf("%s: with a down-after of 1 s the first phase is %+v", s.Name(), took)
		}
	}
}

// watchedReport compares the report of another with its own vote.
func (e *env) watchedReport(g *cluster.Group, s *cluster.Sentinel, r journal.Report) {
	e.Helper()
	for _, v := range r.Votes {
		if !v.Self || v.Epoch > r.Epoch {
			e.Errorf("%s watched, and tells of the vote %+v", s.Name(), v)
		}
	}
	if len(r.Notes) == 0 || !strings.Contains(r.Notes[0].Text, "the new address came from Sentinel 127.0.0.1:") {
		e.Errorf("%s does not tell who told it: %+v", s.Name(), r.Notes)
	}
}

// last returns the last event of a Sentinel with a name.
func (e *env) last(s *cluster.Sentinel, name string) (last cluster.Event) {
	e.Helper()
	for _, ev := range e.c.Events().All() {
		if ev.Sentinel == s.Name() && ev.Name == name {
			last = ev
		}
	}
	return last
}
