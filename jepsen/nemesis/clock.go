package nemesis

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gosentinel/sentinel/jepsen/arena"
	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/schedule"
)

// reading is what a clock was told: to jump so far in all, and to run so fast.
type reading struct {
	jump    time.Duration
	percent int
}

// obeyed is how long a clock may take to do what it is told.
const obeyed = 3 * time.Second

// tell changes what the clock of a Sentinel was told, and waits until it obeys. Only
// daemons that are built for it do: internal/node/clock_faulty.go.
func (n *Nemesis) tell(ctx context.Context, node arena.Node, change func(*reading)) (string, error) {
	if !node.Running() {
		return "was dead already", nil
	}
	n.mu.Lock()
	r, known := n.clocks[node.Name()]
	if !known {
		r.percent = 100
	}
	change(&r)
	n.clocks[node.Name()] = r
	n.mu.Unlock()
	order := fmt.Sprintf("%v %g\n", r.jump, float64(r.percent)/100)
	// In place of the old order at once: half of one would be another one.
	path := filepath.Join(node.Dir(), "clock")
	if err := os.WriteFile(path+".new", []byte(order), 0o644); err != nil {
		return "", err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, obeyed)
	defer cancel()
	err := cluster.WaitFor(ctx, "the clock of "+node.Name()+" to obey (is it a build with the tag faultyclock?)", func(context.Context) (string, bool) {
		b, err := os.ReadFile(path + ".obeyed")
		return fmt.Sprintf("%q, %v", b, err), string(b) == order || !node.Running()
	})
	return fmt.Sprintf("has its clock %v ahead at %d %% of the speed", r.jump, r.percent), err
}

func jump(ctx context.Context, n *Nemesis, f schedule.Fault, t targets) (deed, error) {
	seen, err := t.each(func(node arena.Node) (string, error) {
		return n.tell(ctx, node, func(r *reading) { r.jump += f.Delay.Of() })
	})
	return deed{seen: seen}, err
}

func skew(ctx context.Context, n *Nemesis, f schedule.Fault, t targets) (deed, error) {
	seen, err := t.each(func(node arena.Node) (string, error) {
		return n.tell(ctx, node, func(r *reading) { r.percent = f.Percent })
	})
	return deed{seen, func(ctx context.Context) (string, error) {
		_, err := t.each(func(node arena.Node) (string, error) {
			return n.tell(ctx, node, func(r *reading) { r.percent = 100 })
		})
		return "", err
	}}, err
}
