package mixed

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRatio(t *testing.T) {
	r, err := ParseRatio("3+2")
	if err != nil || r != (Ratio{3, 2}) || r.String() != "3+2" || r.Total() != 5 || r.Quorum() != 3 {
		t.Errorf("3+2 is %v, %v", r, err)
	}
	if got := fmt.Sprint(Ratio{2, 1}.Kinds()); got != "[stock stock ours]" {
		t.Errorf("kinds of 2+1: %s", got)
	}
	for _, text := range []string{"", "3", "+", "0+0", "-1+2", "a+b", "1+2+3", "9+9"} {
		if r, err := ParseRatio(text); err == nil {
			t.Errorf("%q is %v", text, r)
		}
	}
}

// like returns m with one field changed; an empty value removes it.
func like(m map[string]string, key, value string) map[string]string {
	m = maps.Clone(m)
	if m[key] = value; value == "" {
		delete(m, key)
	}
	return m
}

const (
	idA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	idB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

var wanted = cluster.Monitored{Name: "m", Quorum: 2, DownAfter: 2 * time.Second, FailoverTimeout: 6 * time.Second, ParallelSyncs: 1}

// twoViews are those of two Sentinels that agree about everything.
func twoViews() []view {
	master := map[string]string{
		"ip": "127.0.0.1", "port": "1", "flags": "master", "config-epoch": "3", "quorum": "2", "down-after-milliseconds": "2000",
		"failover-timeout": "6000", "parallel-syncs": "1", "num-slaves": "1", "num-other-sentinels": "1",
	}
	replica := map[string]string{
		"name": "127.0.0.1:2", "ip": "127.0.0.1", "port": "2", "runid": "r", "flags": "slave", "role-reported": "slave",
		"master-link-status": "ok", "master-host": "127.0.0.1", "master-port": "1", "slave-priority": "100",
		"replica-announced": "1", "down-after-milliseconds": "2000",
	}
	peer := func(id, port string) map[string]string {
		return map[string]string{
			"name": id, "runid": id, "ip": "127.0.0.1", "port": port, "flags": "sentinel", "link-refcount": "1",
			"down-after-milliseconds": "2000", "link-pending-commands": "0", "last-ping-sent": "0", "last-ok-ping-reply": "10",
			"last-ping-reply": "10", "last-hello-message": "700", "voted-leader": "?", "voted-leader-epoch": "0",
		}
	}
	file := func(own, peer string, port int) []string {
		return []string{
			"port 9", "sentinel myid " + own, "sentinel monitor m 127.0.0.1 1 2", "sentinel config-epoch m 3", "sentinel current-epoch 4",
			"sentinel known-replica m 127.0.0.1 2", fmt.Sprintf("sentinel known-sentinel m 127.0.0.1 %d %s", port, peer), "",
		}
	}
	ok := "OK 2 usable Sentinels. Quorum and failover authorization can be reached"
	return []view{
		{node: "a", id: idA, addr: "127.0.0.1:11", master: master, replicas: []map[string]string{replica}, peers: []map[string]string{peer(idB, "12")}, ckquorum: ok, saved: file(idA, idB, 12)},
		{node: "b", id: idB, addr: "127.0.0.1:12", master: master, replicas: []map[string]string{replica}, peers: []map[string]string{peer(idA, "11")}, ckquorum: ok, saved: file(idB, idA, 11)},
	}
}

func TestCompareFindsEveryDisagreement(t *testing.T) {
	if wrong := compare(twoViews(), wanted); len(wrong) != 0 {
		t.Fatalf("Sentinels that agree: %q", wrong)
	}
	for name, spoil := range map[string]func(b *view){
		"address":      func(b *view) { b.master = like(b.master, "port", "2") },
		"config-epoch": func(b *view) { b.master = like(b.master, "config-epoch", "2") },
		"flags":        func(b *view) { b.master = like(b.master, "flags", "master,s_down") },
		"quorum":       func(b *view) { b.master = like(b.master, "quorum", "1") },
		"CKQUORUM":     func(b *view) { b.ckquorum = "NOQUORUM 1 usable Sentinels." },
		"lists 0":      func(b *view) { b.peers = nil },
		"lists 2":      func(b *view) { b.peers = append(b.peers, b.peers[0]) },
		"runid":        func(b *view) { b.peers[0] = like(b.peers[0], "name", idB) },
		"does not list a": func(b *view) {
			b.peers[0] = like(b.peers[0], "runid", idB)
		},
		`port "13"`:                     func(b *view) { b.peers[0] = like(b.peers[0], "port", "13") },
		"link-refcount":                 func(b *view) { b.peers[0] = like(b.peers[0], "link-refcount", "") },
		"last-hello-message":            func(b *view) { b.peers[0] = like(b.peers[0], "last-hello-message", "-1") },
		"whom nobody knows":             func(b *view) { b.peers[0] = like(b.peers[0], "voted-leader", "ccc") },
		"REPLICAS lists 0":              func(b *view) { b.replicas = nil },
		"master-port":                   func(b *view) { b.replicas = []map[string]string{like(b.replicas[0], "master-port", "2")} },
		"REPLICAS does not list":        func(b *view) { b.replicas = []map[string]string{like(b.replicas[0], "name", "x")} },
		"0 lines \"sentinel myid":       func(b *view) { b.saved[1] = "" },
		"current-epoch 4":               func(b *view) { b.saved[4] = "sentinel current-epoch 5" },
		"2 lines \"sentinel known-sen":  func(b *view) { b.saved[7] = b.saved[6] },
		"2 lines \"sentinel known-repl": func(b *view) { b.saved[7] = "sentinel known-replica m 127.0.0.1 3" },
	} {
		views := twoViews()
		spoil(&views[1])
		wrong := strings.Join(compare(views, wanted), "\n")
		key := name
		if name == "address" {
			key = `port "2"`
		}
		if name == "runid" {
			key = "has name"
		}
		if !strings.Contains(wrong, key) {
			t.Errorf("%s: got %q", name, wrong)
		}
	}
}

func TestJudgeOfARun(t *testing.T) {
	good := Run{Failover: cluster.Failover{Leaders: 1, Promotions: 1, Epoch: "7"}, HeadStart: Stock, Led: Stock}
	if epoch := good.judge(6); epoch != 7 || len(good.Violations) != 0 {
		t.Errorf("a good run: epoch %d, %q", epoch, good.Violations)
	}
	for name, spoil := range map[string]func(*Run){
		"two leaders":   func(r *Run) { r.SecondLeader = true },
		"2 elections":   func(r *Run) { r.Leaders = 2 },
		"0 promotions":  func(r *Run) { r.Promotions = 0 },
		`epoch "6"`:     func(r *Run) { r.Epoch = "6" },
		`epoch ""`:      func(r *Run) { r.Epoch = "" },
		"led with a he": func(r *Run) { r.Led = Ours },
	} {
		r := Run{Failover: cluster.Failover{Leaders: 1, Promotions: 1, Epoch: "7"}, HeadStart: Stock, Led: Stock}
		spoil(&r)
		r.judge(6)
		if !strings.Contains(strings.Join(r.Violations, "\n"), name) {
			t.Errorf("%s: got %q", name, r.Violations)
		}
	}
}

func TestJudgeOfReplacements(t *testing.T) {
	s := &Set{Group: &cluster.Group{Sentinels: make([]*cluster.Sentinel, 3)}}
	r := Roll{DownAfter: 2 * time.Second}
	noticed := []cluster.Event{{Name: "+sdown", Text: "sentinel x"}, {Name: "+sdown", Text: "sentinel x"}, {Name: "-sdown", Text: "sentinel x"}}
	long := []Step{{Away: time.Second}, {Away: 3 * time.Second}}
	for name, c := range map[string]struct {
		out    Rolled
		events []cluster.Event
		want   string // "": nothing
	}{
		"quiet":             {Rolled{Steps: long}, nil, ""},
		"noticed":           {Rolled{Steps: long}, noticed, ""},
		"noticed for short": {Rolled{Steps: long[:1]}, noticed, "2 events +sdown"},
		"noticed too often": {Rolled{Steps: long}, append(noticed, noticed...), "4 events +sdown"},
		"master down":       {Rolled{Steps: long}, []cluster.Event{{Name: "+sdown", Text: "master m"}}, "event"},
		"election":          {Rolled{Steps: long}, []cluster.Event{{Name: "+new-epoch", Text: "4"}}, "+new-epoch 4"},
		"started":           {Rolled{Steps: []Step{{Node: "n"}}}, []cluster.Event{{Sentinel: "n", Name: "+monitor", Text: "master m"}}, ""},
		"started twice":     {Rolled{Steps: []Step{{Node: "n"}}}, []cluster.Event{{Sentinel: "n", Name: "+monitor"}, {Sentinel: "n", Name: "+monitor"}}, "event"},
		"started by itself": {Rolled{Steps: []Step{{Node: "n"}}}, []cluster.Event{{Sentinel: "o", Name: "+monitor"}}, "event"},
		"failed write":      {Rolled{Written: Written{Failed: 2, FirstError: errors.New("refused")}}, nil, "2 writes failed, first: refused"},
	} {
		c.out.judge(r, c.events, s)
		if got := strings.Join(c.out.Violations, "\n"); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	if plan := r.plan(); len(plan) != 6 || plan[3].Sentinel != 0 || plan[3].To != Stock || !plan[4].Slow {
		t.Errorf("plan %+v", plan)
	}
}

func TestDigestOfABurst(t *testing.T) {
	start := time.Now()
	who := map[string]member{"s": {Stock, "sss"}, "t": {Stock, "ttt"}, "o": {Ours, "ooo"}}
	const m1, m2 = "master m1 127.0.0.1 1", "master m2 127.0.0.1 2"
	play := func(r Ratio, lines ...string) Round {
		t.Helper()
		var events []cluster.Event
		for i, line := range lines {
			w := strings.SplitN(line, " ", 3)
			events = append(events, cluster.Event{At: start.Add(time.Duration(i) * time.Millisecond), Sentinel: w[0], Name: w[1], Text: w[2]})
		}
		round := Round{Ratio: r}
		round.digest(events, who)
		round.judge()
		return round
	}
	stands := func(who, master, epoch string) []string {
		return []string{who + " +new-epoch " + epoch, who + " +try-failover " + master, who + " +vote-for-leader " + strings.Repeat(who, 3) + " " + epoch}
	}
	mix := Ratio{2, 1}
	lines := func(parts ...[]string) []string { return slices.Concat(parts...) }

	// Lost among stock Sentinels, or to a gosentinel that was there first: theirs.
	r := play(mix, lines(stands("o", m2, "1"), stands("s", m1, "1"), stands("s", m2, "2"), stands("t", m2, "3"),
		[]string{"s +elected-leader " + m1, "s -failover-abort-not-elected " + m2})...)
	if len(r.Derailed) != 0 || len(r.Violations) != 0 || r.Attempts[Stock] != 3 || r.Attempts[Ours] != 1 || r.Leaders[Stock] != 1 || r.Aborts[Stock] != 1 {
		t.Errorf("nobody's fault: %+v", r)
	}
	r = play(mix, lines(stands("s", m2, "1"), stands("o", m2, "2"), []string{"s -failover-abort-not-elected " + m2})...)
	if len(r.Derailed) != 1 || len(r.Violations) != 1 {
		t.Errorf("a gosentinel interfered: %+v", r)
	}

	both := []string{"s +elected-leader " + m1, "t +elected-leader " + m1}
	same := lines(stands("s", m1, "1"), stands("t", m1, "1"), both)
	if r := play(mix, same...); len(r.DoubleLeaders) != 1 || len(r.Violations) != 1 {
		t.Errorf("two leaders in one epoch: %+v", r)
	}
	if r := play(Ratio{Stock: 3}, same...); len(r.DoubleLeaders) != 1 || len(r.Violations) != 0 {
		t.Errorf("two leaders among stock Sentinels alone: %+v", r)
	}
	if r := play(mix, lines(stands("s", m1, "1"), stands("t", m1, "2"), both)...); len(r.DoubleLeaders) != 0 || r.Superseded[Stock] != 1 {
		t.Errorf("a later epoch: %+v", r)
	}
	done := []string{"s +elected-leader " + m1, "s +promoted-slave slave x 127.0.0.1 9 @ m1 127.0.0.1 1", "t +elected-leader " + m1}
	if r := play(mix, lines(stands("s", m1, "1"), stands("t", m1, "2"), done)...); r.Superseded[Stock] != 0 {
		t.Errorf("the first leader was done: %+v", r)
	}
	// A gosentinel that repeats its election is elected in the later epoch.
	repeated := func(epoch string) Round {
		return play(mix, lines(stands("o", m1, "4"), stands("s", m1, "4"),
			[]string{"o +new-epoch " + epoch, "o +vote-for-leader ooo " + epoch, "s +elected-leader " + m1},
			[]string{"o +elected-leader " + m1, "t +vote-for-leader ooo " + epoch})...)
	}
	if r := repeated("5"); len(r.DoubleLeaders) != 0 || r.Superseded[Ours] != 1 || len(r.Violations) != 0 {
		t.Errorf("elected in a later epoch: %+v", r)
	}
	if r := repeated("4"); len(r.DoubleLeaders) != 1 {
		t.Errorf("two leaders, who stood in one epoch: %+v", r)
	}
	if r := play(mix, lines(stands("o", m1, "4"), []string{"t +vote-for-leader ooo 5", "o +elected-leader " + m1})...); len(r.Violations) != 1 {
		t.Errorf("a gosentinel added votes of two epochs: %+v", r)
	}
	if r := play(mix, "s +elected-leader "+m1); len(r.Violations) != 1 {
		t.Errorf("elected without standing: %+v", r)
	}
}

// The writer keeps its rate, counts what fails, and sees the gap.
func TestWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		w := newWriter(100, func(ctx context.Context, _ int) error {
			if !down.Load() {
				return nil
			}
			time.Sleep(impatient) // of the bubble: as an unanswered write takes
			return errors.New("timeout")
		})
		time.Sleep(10*time.Second + time.Millisecond)
		if seen := w.written(); seen.Acked < 1000 || seen.Acked > 1001 || seen.Failed != 0 || seen.Longest > 11*time.Millisecond {
			t.Errorf("10 s at 100/s: %+v", seen)
		}
		w.mark()
		down.Store(true)
		time.Sleep(5 * time.Second)
		down.Store(false)
		if err := w.waitAck(t.Context()); err != nil {
			t.Error(err)
		}
		seen := w.close()
		if seen.Failed == 0 || seen.FirstError == nil || seen.Longest < 5*time.Second || seen.Acked <= writerWorkers {
			t.Errorf("after an outage of 5 s: %+v", seen)
		}
		if again := w.close(); again.Acked != seen.Acked {
			t.Errorf("closed again: %+v, before %+v", again, seen)
		}
	})
}

// Refusals count, except while a Sentinel is being replaced.
func TestQuorumWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		q := &quorumWatch{stop: stop, paused: make([]bool, 1)}
		var err atomic.Pointer[error]
		q.done.Go(func() {
			q.watch(ctx, 0, func(context.Context) (string, error) {
				if p := err.Load(); p != nil {
					return "s: NOQUORUM", *p
				}
				return "s: OK", nil
			})
		})
		time.Sleep(time.Second + time.Millisecond)
		if n := q.asked(); n != int(time.Second/quorumEvery) {
			t.Errorf("asked %d times in a second", n)
		}
		no := errors.New("NOQUORUM")
		q.pause(0)
		err.Store(&no)
		time.Sleep(time.Second)
		err.Store(nil)
		q.resume(0)
		time.Sleep(time.Second)
		if len(q.refused) != 0 {
			t.Errorf("refusals of a Sentinel that was away: %q", q.refused)
		}
		err.Store(&no)
		time.Sleep(time.Second)
		polls, refused, violations := q.close()
		if refused != int(time.Second/quorumEvery) || polls <= refused || len(violations) != 3 {
			t.Errorf("%d of %d refused, violations %q", refused, polls, violations)
		}
	})
}
