package mixed

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// Failovers has one set go through several failovers while a client writes.
//
// Every second one is a crash (SIGKILL), the others are hangs (SIGSTOP). In half
// of them the stock Sentinels get a head start: they alone reach their verdict in
// time, as gosentinels are faster and would lead every time.
type Failovers struct {
	Programs  Programs
	Ratio     Ratio
	Runs      int
	DownAfter time.Duration
	// OnRun, if not nil, is called after each failover.
	OnRun func(Run)
}

// Run is one failover.
type Run struct {
	cluster.Failover
	Ratio     Ratio
	N         int // from 1
	Fault     syscall.Signal
	HeadStart Kind // who was to lead; empty: the faster one
	Led       Kind
	// Agreed is when all Sentinels named the new master and it said so itself.
	Agreed time.Duration
	Client Written // from the fault until the first write to the new master
	// Violations are the promises that were broken; there should be none.
	Violations []string
}

// headStart is by how much the gosentinels' down-after is longer when the stock
// Sentinels are to lead.
const headStart = 4 * time.Second

// Run runs the experiment.
func (f Failovers) Run(ctx context.Context) (runs []Run, err error) {
	err = f.Programs.inCluster(func(c *cluster.Cluster) error {
		s, err := start(ctx, c, f.Programs, f.Ratio, f.DownAfter)
		if err != nil {
			return err
		}
		if err := s.Settle(ctx); err != nil {
			return err
		}
		w := startWriter(s, 100, impatient)
		defer w.close()
		before := uint64(0)
		for i := range f.Runs {
			r := Run{Ratio: f.Ratio, N: i + 1, Fault: syscall.SIGKILL}
			if i%2 == 1 {
				r.Fault = syscall.SIGSTOP
			}
			if i/2%2 == 1 || f.Runs < 4 && i == 1 {
				r.HeadStart = Stock
			}
			if err := f.one(ctx, c, s, w, &r); err != nil {
				return fmt.Errorf("failover %d of %s (%v): %w", r.N, r.Ratio, r.Fault, err)
			}
			before = r.judge(before)
			runs = append(runs, r)
			if f.OnRun != nil {
				f.OnRun(r)
			}
		}
		return nil
	})
	return runs, err
}

// one runs one failover and brings the old master back.
func (f Failovers) one(ctx context.Context, c *cluster.Cluster, s *Set, w *writer, r *Run) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	old, err := s.master(ctx)
	if err != nil {
		return err
	}
	if r.HeadStart == Stock {
		if err := f.handicap(ctx, s); err != nil {
			return err
		}
	}
	w.mark()
	start := time.Now()
	if err := old.Signal(r.Fault); err != nil {
		return err
	}
	master, err := s.WaitNewMaster(ctx, old)
	if err != nil {
		return err
	}
	r.Agreed = time.Since(start)
	if err := w.waitAck(ctx); err != nil {
		return err
	}
	r.Client = w.written()
	if err := f.takeBack(ctx, s, r); err != nil {
		return err
	}
	if err := revive(ctx, old, master, r.Fault); err != nil {
		return err
	}
	// A second leader would show up late, so the events are counted now.
	if err := s.Settle(ctx); err != nil {
		r.Violations = append(r.Violations, err.Error())
	}
	r.Failover = cluster.Digest(c.Events().Since(start), start)
	r.Led = s.kindOf(r.Leader)
	m, err := s.Sentinels[0].Master(ctx, s.Master)
	if err == nil && m["config-epoch"] != r.Epoch {
		r.Violations = append(r.Violations, fmt.Sprintf("the config epoch is %s, the leader was elected in %s", m["config-epoch"], r.Epoch))
	}
	return err
}

// handicap lets the stock Sentinels be first: they may start alone, and the
// others are slow to notice. Votes and the majority stay what they are.
func (f Failovers) handicap(ctx context.Context, s *Set) error {
	return errors.Join(
		s.set(ctx, s.of(Ours), "down-after-milliseconds", (f.DownAfter+headStart).Milliseconds()),
		s.set(ctx, s.of(Stock), "quorum", int64(min(f.Ratio.Stock, f.Ratio.Quorum()))),
	)
}

// takeBack undoes handicap.
func (f Failovers) takeBack(ctx context.Context, s *Set, r *Run) error {
	if r.HeadStart != Stock {
		return nil
	}
	return errors.Join(
		s.set(ctx, s.of(Ours), "down-after-milliseconds", f.DownAfter.Milliseconds()),
		s.set(ctx, s.of(Stock), "quorum", int64(f.Ratio.Quorum())),
	)
}

// revive brings a server back, which has to become a replica of master.
func revive(ctx context.Context, old, master *cluster.Server, fault syscall.Signal) error {
	if fault == syscall.SIGSTOP {
		if err := old.Signal(syscall.SIGCONT); err != nil {
			return err
		}
	} else if err := old.Restart(ctx); err != nil {
		return err
	}
	return old.WaitReplicaOf(ctx, master)
}

// master returns the server that all Sentinels name.
func (s *Set) master(ctx context.Context) (*cluster.Server, error) {
	port, err := s.Sentinels[0].MasterPort(ctx, s.Master)
	if err != nil {
		return nil, err
	}
	m := s.ServerAt(port)
	if m == nil {
		return nil, fmt.Errorf("%s names port %d, where there is no server", s.Sentinels[0].Name(), port)
	}
	return m, nil
}

// judge adds what the figures violate, and returns the epoch of the election.
// before is that of the failover before.
func (r *Run) judge(before uint64) uint64 {
	bad := func(format string, args ...any) { r.Violations = append(r.Violations, fmt.Sprintf(format, args...)) }
	if r.SecondLeader {
		bad("two leaders in one epoch, or two promoted replicas")
	}
	if r.Leaders != 1 || r.Promotions != 1 {
		bad("%d elections and %d promotions, want one of each", r.Leaders, r.Promotions)
	}
	epoch, err := strconv.ParseUint(r.Epoch, 10, 64)
	if err != nil || epoch <= before {
		bad("elected in epoch %q after %d", r.Epoch, before)
	}
	if r.HeadStart != "" && r.Led != r.HeadStart {
		bad("%s led with a head start for %s", r.Led, r.HeadStart)
	}
	return epoch
}
