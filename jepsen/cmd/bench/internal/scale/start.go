package scale

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/fleet"
)

// startRows are how soon a Sentinel with many masters answers.
var startRows = []Row{
	startRow("start", "sentinel.conf", false, false),
	startRow("start-toml", "sentinel.toml", true, true),
}

func startRow(name, file string, toml, own bool) Row {
	masters := fitting(10000)
	return Row{
		Name: name, Text: fmt.Sprintf("from the start to the first PONG, %d masters, %s; waited for %v at most", masters, file, startPatience), Own: own, Timeout: 5 * time.Minute,
		Figures: []Figure{absolute("first PONG", "ms", 1000, 1000), absolute("longest stall", "ms", 100, 200), told("CPU up to then", "ms")},
		Run: func(ctx context.Context, s *stage) ([]float64, error) {
			set := setting{Layout: fleet.Layout{Masters: s.size(masters, 100), Replicas: 1}, downAfter: 30 * time.Second}
			if err := s.launch(ctx, set); err != nil {
				return nil, err
			}
			port, err := s.c.Port()
			if err != nil {
				return nil, err
			}
			n, err := s.c.AddSentinel(cluster.NodeSpec{Name: "sentinel", Port: port, Conf: s.conf(port, set)})
			if err == nil && toml {
				err = s.toTOML(ctx, n)
			}
			if err != nil {
				return nil, err
			}
			pong, err := s.firstPong(ctx, n)
			if err != nil {
				return nil, err
			}
			used, err := usageOf(n.PID())
			if err != nil || pong == s.patience() {
				return []float64{milliseconds(pong), unknown, milliseconds(used.CPU)}, err
			}
			if err := s.settled(ctx, n, setting{Layout: set.Layout, sentinels: 1}); err != nil {
				return nil, err
			}
			stall, err := longestStall(ctx, n)
			return []float64{milliseconds(pong), stall, milliseconds(used.CPU)}, err
		},
	}
}

// startPatience is how long the first PONG is waited for. The original saves its whole
// file for each replica that it finds, and answers nobody meanwhile.
const startPatience = 20 * time.Second

func (s *stage) patience() time.Duration { return s.span(startPatience, 4*time.Second) }

// firstPong starts a Sentinel and returns how long it took to answer, or the patience at
// most.
func (s *stage) firstPong(ctx context.Context, n *cluster.Sentinel) (time.Duration, error) {
	begun := time.Now()
	if err := n.Start(); err != nil {
		return 0, err
	}
	waiting, cancel := context.WithTimeout(ctx, s.patience())
	defer cancel()
	err := cluster.WaitFor(waiting, "the first PONG", func(ctx context.Context) (string, bool) {
		err := n.Client().Ping(ctx).Err()
		return fmt.Sprint(err), err == nil
	})
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case err != nil:
		return s.patience(), nil
	}
	return time.Since(begun), nil
}

// toTOML has a Sentinel start with the same configuration as a sentinel.toml.
func (s *stage) toTOML(ctx context.Context, n *cluster.Sentinel) error {
	program, err := filepath.Abs(s.program.Command[0])
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, "convert", "sentinel.conf", "sentinel.toml")
	cmd.Dir = n.Dir()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s convert: %w: %s", program, err, out)
	}
	n.SetArgv(append(slices.Clone(s.program.Command), "sentinel.toml", "--sentinel")...)
	return nil
}
