package nemesis

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/jepsen/arena"
	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/schedule"
)

// each does something to every target and joins what was seen.
func (t targets) each(do func(arena.Node) (string, error)) (seen string, err error) {
	var all []string
	var errs []error
	for _, node := range t.nodes {
		s, err := do(node)
		if err == nil && s == "" {
			err = fmt.Errorf("nothing shows that it happened to %s", node.Name())
		}
		all, errs = append(all, node.Name()+" "+s), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return "", err
	}
	return strings.Join(all, "; "), nil
}

func kill(_ context.Context, _ *Nemesis, _ schedule.Fault, t targets) (deed, error) {
	seen, err := t.each(func(node arena.Node) (string, error) {
		if !node.Running() {
			return "was dead already", nil
		}
		node.Kill()
		return fmt.Sprintf("has ended (pid %d)", node.PID()), nil
	})
	return deed{seen, func(context.Context) (string, error) {
		return "", t.revive()
	}}, err
}

func (t targets) revive() error {
	var errs []error
	for _, node := range t.nodes {
		errs = append(errs, revive(node))
	}
	return errors.Join(errs...)
}

func stop(ctx context.Context, _ *Nemesis, _ schedule.Fault, t targets) (deed, error) {
	seen, err := t.each(func(node arena.Node) (string, error) {
		if !node.Running() {
			return "was dead already", nil
		}
		if err := node.Signal(syscall.SIGSTOP); err != nil {
			return "", err
		}
		return "is stopped", stopped(ctx, node)
	})
	return deed{seen, func(context.Context) (string, error) { return "", t.revive() }}, err
}

// stopped waits until the kernel has a process stopped: a signal takes a moment.
func stopped(ctx context.Context, node arena.Node) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return cluster.WaitFor(ctx, node.Name()+" to be stopped", func(context.Context) (string, bool) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", node.PID()))
		if err != nil {
			return err.Error(), false
		}
		// As in "1234 (redis-server) T 1 ...".
		_, state, _ := strings.Cut(string(b), ") ")
		return state, strings.HasPrefix(state, "T")
	})
}

// suspend stops whole process groups: a process with all that it has started.
func suspend(ctx context.Context, _ *Nemesis, _ schedule.Fault, t targets) (deed, error) {
	seen, err := t.each(func(node arena.Node) (string, error) {
		if !node.Running() {
			return "was dead already", nil
		}
		if err := syscall.Kill(-node.PID(), syscall.SIGSTOP); err != nil {
			return "", fmt.Errorf("stopping the group of %s: %w", node.Name(), err)
		}
		return "and its group are stopped", stopped(ctx, node)
	})
	return deed{seen, func(context.Context) (string, error) {
		for _, node := range t.nodes {
			_ = syscall.Kill(-node.PID(), syscall.SIGCONT) // it may have been killed meanwhile
		}
		return "", t.revive()
	}}, err
}

func switchOver(ctx context.Context, _ *Nemesis, _ schedule.Fault, t targets) (deed, error) {
	seen, err := t.each(func(node arena.Node) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		v, err := node.Do(ctx, "SENTINEL", "FAILOVER", arena.MasterName)
		if err != nil {
			// A refusal is an answer.
			return "answers " + err.Error(), ctx.Err()
		}
		return fmt.Sprintf("answers %v", v), nil
	})
	return deed{seen: seen}, err
}
