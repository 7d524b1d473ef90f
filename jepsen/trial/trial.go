package trial

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/jepsen/arena"
	"github.com/gosentinel/sentinel/jepsen/check"
	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/history"
	"github.com/gosentinel/sentinel/jepsen/nemesis"
	"github.com/gosentinel/sentinel/jepsen/netns"
	"github.com/gosentinel/sentinel/jepsen/report"
	"github.com/gosentinel/sentinel/jepsen/schedule"
	"github.com/gosentinel/sentinel/jepsen/workload"
	"github.com/gosentinel/sentinel/journal"
)

// Config says how to play a schedule.
type Config struct {
	// Dir is the directory for everything that the trial leaves. It is made.
	Dir      string
	Schedule schedule.Schedule
	// Programs are those of the Sentinels in turn; the last one serves for the rest.
	Programs []arena.Program
	// Proxy is the command of a proxy in front of the master. Nil: there is none.
	Proxy []string
	// Others are programs that take the place of those where versions are replaced.
	Others map[string]arena.Program
	// Namespaces is whether hosts are network namespaces; otherwise they are addresses of
	// 127.0.0.0/8.
	Namespaces bool
}

const (
	// startLimit bounds the time until all processes know each other. A stock Sentinel
	// looks at a replica every 10 s only.
	startLimit = 60 * time.Second
	// calm is how long clients work before the first fault.
	calm = time.Second
	// Deadline is how long order may take to return after everything is healed.
	Deadline = 15 * time.Second
	// grace is how much longer it is waited for, so that the report can say how long it
	// took.
	grace = 15 * time.Second
	// after is how long clients work when order has returned.
	after = time.Second
)

// Run plays a schedule and judges it. An error means that there was nothing to judge.
func Run(ctx context.Context, cfg Config) (rep check.Report, err error) {
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return rep, err
	}
	if err := cfg.Schedule.Write(filepath.Join(cfg.Dir, scheduleFile)); err != nil {
		return rep, err
	}
	to, err := history.New(filepath.Join(cfg.Dir, historyFile))
	if err != nil {
		return rep, err
	}
	t := &trial{cfg: cfg, to: to}
	err = t.play(ctx)
	h, closed := to.Close()
	if err = errors.Join(err, closed); err != nil {
		return rep, err
	}
	return judge(cfg.Dir, cfg.Schedule, h)
}

// Judge judges what an earlier run has left in dir again, and writes its reports anew.
func Judge(dir string) (check.Report, error) {
	s, err := schedule.Read(filepath.Join(dir, scheduleFile))
	if err != nil {
		return check.Report{}, err
	}
	h, err := history.Load(filepath.Join(dir, historyFile))
	if err != nil {
		return check.Report{}, err
	}
	return judge(dir, s, h)
}

func judge(dir string, s schedule.Schedule, h history.History) (check.Report, error) {
	run := check.Run{Schedule: s, History: h, Deadline: Deadline}
	rep := check.Judge(run)
	return rep, report.Write(dir, run, rep)
}

// Files of a run.
const (
	scheduleFile = "schedule.json"
	historyFile  = "history.jsonl"
)

type trial struct {
	cfg Config
	to  *history.Recorder

	mu     sync.Mutex
	leader string // the Sentinel that was elected last
}

func (t *trial) play(ctx context.Context) (err error) {
	var network *netns.Network
	if t.cfg.Namespaces {
		if network, err = netns.New(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, network.Close()) }()
	}
	starting, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	a, err := arena.New(starting, arena.Config{
		Dir: filepath.Join(t.cfg.Dir, "nodes"), Group: t.cfg.Schedule.Group, Programs: t.cfg.Programs, Proxy: t.cfg.Proxy, Others: t.cfg.Others,
		Network: network, OnEvent: t.event,
	})
	if err != nil {
		return fmt.Errorf("setting up: %w", err)
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	for _, s := range a.Servers {
		t.to.Place(history.Place{Name: s.Name(), Addr: s.Addr()})
	}
	for _, s := range a.Sentinels() {
		id, err := s.MyID(starting)
		if err != nil {
			return err
		}
		t.to.Place(history.Place{Name: s.Name(), Addr: s.Addr(), Program: a.Program(s.Name()).Name, ID: id})
	}
	err = t.phases(ctx, a)
	return errors.Join(err, t.logs(a))
}

// event records what a Sentinel published.
func (t *trial) event(e cluster.Event) {
	t.to.Event(history.Event{At: t.to.At(e.At), Sentinel: e.Sentinel, Name: e.Name, Text: e.Text})
	if e.Name == "+elected-leader" {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.leader = e.Sentinel
	}
}

func (t *trial) lastLeader() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.leader
}

// phases goes through the run from the first write to the last.
func (t *trial) phases(ctx context.Context, a *arena.Arena) error {
	w, err := workload.New(ctx, a, t.to)
	if err != nil {
		return err
	}
	s := t.cfg.Schedule
	watching, stopWatching := context.WithCancel(ctx)
	working, stopWorking := context.WithCancel(ctx)
	var watch, work sync.WaitGroup
	defer func() { stopWorking(); work.Wait(); stopWatching(); watch.Wait() }()
	watch.Go(func() { a.Watch(watching, t.to) })
	watch.Go(func() { lateness(watching, t.to) })
	var failed error
	work.Go(func() {
		failed = w.Run(working, workload.Settings{Seed: s.Seed, Wait: s.Group.Wait, WriteEvery: s.Group.WriteEvery.Of()})
	})

	t.to.Mark("clients begin")
	pass(ctx, calm)
	n, err := nemesis.New(a, t.to, t.lastLeader)
	if err != nil {
		return err
	}
	t.to.Mark(check.MarkFaults)
	n.Run(ctx, s)
	if err := n.Heal(); err != nil {
		return fmt.Errorf("healing: %w", err)
	}
	t.to.Mark(check.MarkHealed)
	t.settle(ctx, a)
	pass(ctx, after)
	stopWorking()
	work.Wait()
	t.to.Mark(check.MarkOver)
	if failed != nil || ctx.Err() != nil {
		return errors.Join(failed, context.Cause(ctx))
	}
	return t.finish(ctx, a, w)
}

// pass lets time go by in which others work.
func pass(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}

// settle waits for order, and marks when it came or what was missing.
func (t *trial) settle(ctx context.Context, a *arena.Arena) {
	ctx, cancel := context.WithTimeout(ctx, Deadline+grace)
	defer cancel()
	last := ""
	err := cluster.WaitFor(ctx, "order", func(probe context.Context) (string, bool) {
		state, ok := a.Settled(probe)
		if ctx.Err() == nil { // else the deadline is what went wrong
			last = state
		}
		return state, ok
	})
	if err != nil {
		t.to.Mark(check.MarkUnsettled + last)
		return
	}
	t.to.Mark(check.MarkSettled)
}

// finish reads what there is at the end from the server that most Sentinels name. Without
// one there is nothing to compare, and the checkers say so.
func (t *trial) finish(ctx context.Context, a *arena.Arena, w *workload.Workload) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	master := a.Present(ctx)
	if master == nil {
		t.to.Mark("nothing is read at the end: no Sentinel names a master")
		return nil
	}
	for _, s := range a.Sentinels() {
		if err := journalOf(ctx, a, s, t.to); err != nil {
			t.to.Mark(fmt.Sprintf("the journal of %s is not read: %v", s.Name(), err))
		}
	}
	if err := w.Finish(ctx, master.Client()); err != nil {
		t.to.Mark("not all is read at the end: " + err.Error())
	}
	return nil
}

// journalOf records what a gosentinel says of past attempts. A stock Sentinel keeps none.
func journalOf(ctx context.Context, a *arena.Arena, s *cluster.Sentinel, to *history.Recorder) error {
	if a.Program(s.Name()).Name != arena.Ours {
		return nil
	}
	list, err := s.Client().Do(ctx, "SENTINEL", "FAILOVERS", arena.MasterName, 1000, "JSON").StringSlice()
	if err != nil {
		return err
	}
	for _, text := range list {
		var rep journal.Report
		if err := json.Unmarshal([]byte(text), &rep); err != nil {
			return err
		}
		to.Attempt(history.Attempt{Sentinel: s.Name(), From: rep.From, To: rep.To, Epoch: rep.Epoch, Kind: string(rep.Kind), Outcome: string(rep.Outcome)})
	}
	return nil
}

// logs adds the events in the logs of the Sentinels, in the order of their time stamps.
func (t *trial) logs(a *arena.Arena) error {
	var errs []error
	for _, s := range a.AllSentinels() {
		text, err := s.Log()
		errs = append(errs, err)
		for _, sign := range []string{"WARNING: DATA RACE", "\npanic: ", "\nfatal error: ", "=== REDIS BUG REPORT START"} {
			if i := strings.Index(text, sign); i >= 0 {
				t.to.Mark(check.MarkCrash + s.Name() + ": " + strings.TrimSpace(text[i:min(len(text), i+200)]))
			}
		}
		for _, e := range check.ParseLog(s.Name(), text, t.to.At) {
			t.to.Event(e)
		}
	}
	return errors.Join(errs...)
}

const (
	tickEvery = 10 * time.Millisecond
	// noticed is the least lateness that is recorded.
	noticed = 50 * time.Millisecond
)

// lateness records when this program did not run although it was due. The processes under
// test share its processors, so they did not run either.
func lateness(ctx context.Context, to *history.Recorder) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now()
		if late := now.Sub(last) - tickEvery; late > noticed {
			to.Late(late)
		}
		last = now
	}
}
