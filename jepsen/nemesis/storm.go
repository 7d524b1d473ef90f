package nemesis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gosentinel/sentinel/jepsen/arena"
	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/schedule"
)

// order is a command of an operator to a Sentinel. The reply may be a refusal.
type order func(ctx context.Context, n *Nemesis, s *cluster.Sentinel) error

// storm gives an order to any Sentinel, again and again.
func (n *Nemesis) storm(ctx context.Context, f schedule.Fault, give order) (deed, error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan [2]int, 1)
	go func() {
		r := rand.New(rand.NewPCG(f.Pick, 0))
		given, refused := 0, 0
		for wait(ctx, f.Every.Of()) {
			all := n.arena.Sentinels()
			limited, stop := context.WithTimeout(ctx, time.Second)
			err := give(limited, n, all[r.IntN(len(all))])
			stop()
			if given++; err != nil {
				refused++
			}
		}
		done <- [2]int{given, refused}
	}()
	return deed{undo: func(context.Context) (string, error) {
		cancel()
		count := <-done
		if count[0] == count[1] {
			return "", fmt.Errorf("of %d orders all were refused", count[0])
		}
		return fmt.Sprintf("%d orders, of which %d were refused", count[0], count[1]), nil
	}}, nil
}

func failovers(ctx context.Context, n *Nemesis, f schedule.Fault, _ targets) (deed, error) {
	return n.storm(ctx, f, func(ctx context.Context, _ *Nemesis, s *cluster.Sentinel) error {
		_, err := s.Do(ctx, "SENTINEL", "FAILOVER", arena.MasterName)
		return err
	})
}

func resets(ctx context.Context, n *Nemesis, f schedule.Fault, _ targets) (deed, error) {
	return n.storm(ctx, f, func(ctx context.Context, _ *Nemesis, s *cluster.Sentinel) error {
		_, err := s.Do(ctx, "SENTINEL", "RESET", "*")
		return err
	})
}

// monitors has a Sentinel forget the master, and names the present one to it.
func monitors(ctx context.Context, n *Nemesis, f schedule.Fault, _ targets) (deed, error) {
	// What was asked for is carried through: a Sentinel without a master would be no
	// fault of its own.
	return n.storm(ctx, f, func(ctx context.Context, n *Nemesis, s *cluster.Sentinel) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoLimit/2)
		defer cancel()
		master := n.arena.Present(ctx)
		if master == nil {
			return arena.ErrNoMaster
		}
		if _, err := s.Do(ctx, "SENTINEL", "REMOVE", arena.MasterName); err != nil {
			return err
		}
		return n.arena.Monitor(ctx, s, master)
	})
}
