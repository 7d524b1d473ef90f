package mixed

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// Roll replaces the processes of a set of three stock Sentinels by gosentinels
// and then by stock Sentinels again, one at a time, on the same ports and files,
// while a client writes. Nothing may happen: no write may fail, no instance may be
// taken for dead, and the Sentinels that run must always have a quorum.
//
// The second replacement of each direction is a slow one: the process stays away
// until the others have noticed, as it would when an operator installs a package.
// The noticing is then the only event.
type Roll struct {
	Programs  Programs
	DownAfter time.Duration
	// PerSecond is how many writes the client makes.
	PerSecond int
	// Quick replaces one process only, there and slowly back, and leaves out the
	// failovers before and after.
	Quick bool
	// OnStep, if not nil, is called after each replacement.
	OnStep func(Step)
}

// Step is one replacement.
type Step struct {
	N        int // from 1
	Sentinel int // its place in the set
	Node     string
	From, To Kind
	// Away is the time without a process that answers.
	Away time.Duration
	Slow bool
	// Polls are the questions for CKQUORUM that were answered OK meanwhile.
	Polls int
}

// Rolled is what came of it.
type Rolled struct {
	Steps   []Step
	Written Written
	// Polls are all questions for CKQUORUM, NoQuorum those not answered OK.
	Polls, NoQuorum int
	Violations      []string
}

const rollSentinels = 3

// Run runs the experiment.
func (r Roll) Run(ctx context.Context) (out Rolled, err error) {
	err = r.Programs.inCluster(func(c *cluster.Cluster) error {
		s, err := start(ctx, c, r.Programs, Ratio{Stock: rollSentinels}, r.DownAfter)
		if err != nil {
			return err
		}
		if r.Quick {
			return r.roll(ctx, c, s, &out)
		}
		// A failover first, so that there are epochs and votes which must survive.
		if err := r.failover(ctx, c, s); err != nil {
			return err
		}
		if err := r.roll(ctx, c, s, &out); err != nil {
			return err
		}
		// The set must still be able to do its work.
		return r.failover(ctx, c, s)
	})
	return out, err
}

// failover kills the master and brings it back as a replica.
func (r Roll) failover(ctx context.Context, c *cluster.Cluster, s *Set) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	old, err := s.master(ctx)
	if err != nil {
		return err
	}
	old.Kill()
	master, err := s.WaitNewMaster(ctx, old)
	if err != nil {
		return err
	}
	if err := revive(ctx, old, master, syscall.SIGKILL); err != nil {
		return err
	}
	return s.Settle(ctx)
}

// roll does the replacements.
func (r Roll) roll(ctx context.Context, c *cluster.Cluster, s *Set, out *Rolled) error {
	began := time.Now()
	q := watchQuorum(ctx, s)
	defer q.close()
	w := startWriter(s, r.PerSecond, patient)
	defer w.close()
	if err := w.waitAck(ctx); err != nil {
		return err
	}
	w.mark() // its first connections are not the subject
	for i, step := range r.plan() {
		polls := q.asked()
		if err := r.replace(ctx, c, s, q, &step); err != nil {
			return fmt.Errorf("replacement %d, %s by %s: %w", i+1, step.From, step.To, err)
		}
		step.N, step.Polls = i+1, q.asked()-polls
		out.Steps = append(out.Steps, step)
		if r.OnStep != nil {
			r.OnStep(step)
		}
	}
	out.Written = w.close()
	out.Polls, out.NoQuorum, out.Violations = q.close()
	out.judge(r, c.Events().Since(began), s)
	return nil
}

// plan returns who is replaced by whom.
func (r Roll) plan() (steps []Step) {
	if r.Quick {
		return []Step{{From: Stock, To: Ours}, {From: Ours, To: Stock, Slow: true}}
	}
	for _, change := range [][2]Kind{{Stock, Ours}, {Ours, Stock}} {
		for i := range rollSentinels {
			steps = append(steps, Step{Sentinel: i, From: change[0], To: change[1], Slow: i == 1})
		}
	}
	return steps
}

// replace ends one process and starts the other program on its files.
func (r Roll) replace(ctx context.Context, c *cluster.Cluster, s *Set, q *quorumWatch, step *Step) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	i := step.Sentinel
	n := s.Sentinels[i]
	step.Node = n.Name()
	id, err := n.MyID(ctx)
	if err != nil {
		return err
	}
	q.pause(i)
	gone := time.Now()
	if err := n.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if _, err := n.WaitExit(ctx); err != nil {
		return err
	}
	if step.Slow {
		if err := noticed(ctx, c, s, i, "+sdown", id, gone); err != nil {
			return err
		}
		if err := stillQuorum(ctx, s, i); err != nil {
			return err
		}
	}
	n.SetCommand(r.Programs.command(step.To)...)
	s.Kinds[i] = step.To
	back := time.Now()
	if err := n.Start(); err != nil {
		return err
	}
	if err := n.WaitReady(ctx); err != nil {
		return err
	}
	step.Away = time.Since(gone)
	q.resume(i)
	if step.Slow {
		if err := noticed(ctx, c, s, i, "-sdown", id, back); err != nil {
			return err
		}
	}
	now, err := n.MyID(ctx)
	if err != nil {
		return err
	}
	if now != id {
		return fmt.Errorf("%s has the id %s after the change, had %s", n.Name(), now, id)
	}
	if err := s.Settle(ctx); err != nil {
		return err
	}
	return r.watch(ctx)
}

// watch lets time pass in which harm would show: an instance that does not answer
// the newcomer, or whom it does not answer, is down after down-after.
func (r Roll) watch(ctx context.Context) error {
	t := time.NewTimer(r.DownAfter + time.Second)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// noticed waits until all others have published an event about Sentinel i.
func noticed(ctx context.Context, c *cluster.Cluster, s *Set, i int, name, id string, since time.Time) error {
	for j, n := range s.Sentinels {
		if j == i {
			continue
		}
		_, err := c.Events().Wait(ctx, fmt.Sprintf("%s of %s about %s", name, n.Name(), id), func(ev cluster.Event) bool {
			return ev.Sentinel == n.Name() && ev.Name == name && ev.At.After(since) && strings.HasPrefix(ev.Text, "sentinel "+id+" ")
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// stillQuorum demands that all Sentinels but i count themselves, and not i.
func stillQuorum(ctx context.Context, s *Set, i int) error {
	want := fmt.Sprintf("OK %d usable Sentinels. Quorum and failover authorization can be reached", len(s.Sentinels)-1)
	for j, n := range s.Sentinels {
		if j == i {
			continue
		}
		if v, err := n.Do(ctx, "SENTINEL", "CKQUORUM", s.Master); err != nil || v != want {
			return fmt.Errorf("CKQUORUM of %s: %v, %v; want %s", n.Name(), v, err, want)
		}
	}
	return nil
}

// judge adds what the figures and events violate.
func (out *Rolled) judge(r Roll, events []cluster.Event, s *Set) {
	bad := func(format string, args ...any) {
		out.Violations = append(out.Violations, fmt.Sprintf(format, args...))
	}
	if w := out.Written; w.Failed > 0 {
		bad("%d writes failed, first: %v", w.Failed, w.FirstError)
	}
	// Every event is one too many, but that a Sentinel which was away for longer
	// than down-after was noticed.
	missed := 0
	starts := map[string]int{} // by Sentinel
	for _, st := range out.Steps {
		starts[st.Node]++
		if st.Away > r.DownAfter {
			missed++
		}
	}
	sdown := map[string]int{}
	for _, ev := range events {
		switch {
		case (ev.Name == "+sdown" || ev.Name == "-sdown") && strings.HasPrefix(ev.Text, "sentinel "):
			sdown[ev.Name]++
		case ev.Name == "+monitor" && starts[ev.Sentinel] > 0:
			starts[ev.Sentinel]-- // heard by who subscribed quickly
		default:
			bad("event %s", ev)
		}
	}
	for name, n := range sdown {
		if most := missed * (len(s.Sentinels) - 1); n > most {
			bad("%d events %s of Sentinels, want at most %d for %d that were away for long", n, name, most, missed)
		}
	}
}

// quorumEvery is the pause between two questions to one Sentinel.
const quorumEvery = 50 * time.Millisecond

// quorumWatch asks all Sentinels for CKQUORUM, all the time, each over a
// connection of its own.
type quorumWatch struct {
	stop context.CancelFunc
	done sync.WaitGroup

	mu      sync.Mutex
	paused  []bool
	polls   int
	refused []string
}

func watchQuorum(ctx context.Context, s *Set) *quorumWatch {
	ctx, stop := context.WithCancel(ctx)
	q := &quorumWatch{stop: stop, paused: make([]bool, len(s.Sentinels))}
	for i, n := range s.Sentinels {
		q.done.Go(func() {
			q.watch(ctx, i, func(ctx context.Context) (string, error) {
				v, err := n.Do(ctx, "SENTINEL", "CKQUORUM", s.Master)
				return n.Name() + ": " + fmt.Sprint(v, " ", err), err
			})
		})
	}
	return q
}

// watch asks one Sentinel. A reply counts when the Sentinel was not paused
// before the question nor after the reply.
func (q *quorumWatch) watch(ctx context.Context, i int, ask func(context.Context) (string, error)) {
	tick := time.NewTicker(quorumEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if q.isPaused(i) {
			continue
		}
		text, err := ask(ctx)
		if ctx.Err() != nil {
			return
		}
		q.count(i, text, err)
	}
}

func (q *quorumWatch) isPaused(i int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.paused[i]
}

func (q *quorumWatch) count(i int, text string, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.paused[i] {
		return
	}
	if q.polls++; err != nil && len(q.refused) < 1000 {
		q.refused = append(q.refused, text)
	}
}

// pause ends the questions to Sentinel i, resume starts them again.
func (q *quorumWatch) pause(i int)  { q.setPaused(i, true) }
func (q *quorumWatch) resume(i int) { q.setPaused(i, false) }

func (q *quorumWatch) setPaused(i int, paused bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.paused[i] = paused
}

func (q *quorumWatch) asked() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.polls
}

// close ends the watch and returns the number of questions, of refusals, and a
// few of these as violations. It may be called twice.
func (q *quorumWatch) close() (polls, refused int, violations []string) {
	q.stop()
	q.done.Wait()
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, text := range q.refused[:min(len(q.refused), 3)] {
		violations = append(violations, "CKQUORUM of "+text)
	}
	return q.polls, len(q.refused), slices.Clip(violations)
}
