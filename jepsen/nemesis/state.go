package nemesis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gosentinel/sentinel/jepsen/arena"
	"github.com/gosentinel/sentinel/jepsen/schedule"
)

// withoutState kills the targets, and at the end changes what they find when they start
// again. change returns what was done.
func (t targets) withoutState(change func(arena.Node) (string, error)) (deed, error) {
	_, err := t.each(func(node arena.Node) (string, error) {
		node.Kill()
		return "has ended", nil
	})
	return deed{undo: func(context.Context) (string, error) {
		return t.each(func(node arena.Node) (string, error) {
			node.Kill() // another fault may have started it again
			what, err := change(node)
			return what, errors.Join(err, node.Start())
		})
	}}, err
}

// wiped leaves a Sentinel with its first configuration and nothing else.
func wiped(node arena.Node) (string, error) {
	before, err := os.ReadFile(node.Conf())
	if err != nil {
		return "", err
	}
	if err := clear(node.Dir(), filepath.Base(node.Conf())); err != nil {
		return "", err
	}
	if err := os.WriteFile(node.Conf(), []byte(node.FirstConf()), 0o644); err != nil {
		return "", err
	}
	return fmt.Sprintf("has lost its state: of %d bytes %d are left", len(before), len(node.FirstConf())), nil
}

// clear removes everything in a directory but what is named.
func clear(dir string, but ...string) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range list {
		if !slices.Contains(but, f.Name()) {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, f.Name())))
		}
	}
	return errors.Join(errs...)
}

func wipe(_ context.Context, _ *Nemesis, _ schedule.Fault, t targets) (deed, error) {
	return t.withoutState(wiped)
}

// old puts the state of the beginning back, as a backup does.
func old(_ context.Context, n *Nemesis, _ schedule.Fault, t targets) (deed, error) {
	return t.withoutState(func(node arena.Node) (string, error) {
		before, err := os.ReadFile(node.Conf())
		if err != nil {
			return "", err
		}
		then, there := n.begun[node.Name()]
		if !there {
			return "", errors.New("it was not there at the beginning")
		}
		what := "has its state of the beginning"
		if bytes.Equal(before, then) {
			what += ", which is the newest one"
		}
		return what, os.WriteFile(node.Conf(), then, 0o644)
	})
}

// truncate leaves half of the state, as a disk that loses power may, and looks whether the
// Sentinel starts with that. If it does not, an operator puts the first configuration back.
func truncate(ctx context.Context, _ *Nemesis, f schedule.Fault, t targets) (deed, error) {
	seen, err := t.each(func(node arena.Node) (string, error) {
		node.Kill()
		b, err := os.ReadFile(node.Conf())
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(node.Conf(), b[:len(b)/2], 0o644); err != nil {
			return "", err
		}
		if err := node.Start(); err != nil {
			return "", err
		}
		ready, cancel := context.WithTimeout(ctx, f.For.Of())
		defer cancel()
		if err := node.WaitReady(ready); err != nil {
			return fmt.Sprintf("does not start with %d of %d bytes", len(b)/2, len(b)), nil
		}
		return fmt.Sprintf("starts with %d of %d bytes", len(b)/2, len(b)), nil
	})
	return deed{seen, func(context.Context) (string, error) {
		// What half of a file says may be anything, such as another port or no master.
		_, err := t.each(func(node arena.Node) (string, error) {
			node.Kill()
			what, err := wiped(node)
			return what, errors.Join(err, node.Start())
		})
		return "", err
	}}, err
}

// empty has a server start again without its data. The file that says whom it follows
// stays, as on a machine whose disk for data is new.
func empty(_ context.Context, _ *Nemesis, _ schedule.Fault, t targets) (deed, error) {
	return t.withoutState(func(node arena.Node) (string, error) {
		var size int64
		err := filepath.WalkDir(node.Dir(), func(_ string, f os.DirEntry, err error) error {
			if err == nil && f.Type().IsRegular() {
				if info, err := f.Info(); err == nil {
					size += info.Size()
				}
			}
			return err
		})
		return fmt.Sprintf("has lost its data, %d bytes in all", size), errors.Join(err, clear(node.Dir(), filepath.Base(node.Conf())))
	})
}

// memberLimit bounds a change of the members.
const memberLimit = 20 * time.Second

func join(ctx context.Context, n *Nemesis, _ schedule.Fault, _ targets) (deed, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), memberLimit)
	defer cancel()
	s, err := n.arena.Join(ctx)
	if err != nil {
		return deed{}, err
	}
	return deed{seen: s.Name() + " has joined"}, nil
}

func leave(ctx context.Context, n *Nemesis, _ schedule.Fault, t targets) (deed, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), memberLimit)
	defer cancel()
	seen, err := t.each(func(node arena.Node) (string, error) {
		return "has left", n.arena.Leave(ctx, node.Name())
	})
	return deed{seen: seen}, err
}

// roll replaces every Sentinel by the other implementation, on its files.
func roll(ctx context.Context, n *Nemesis, _ schedule.Fault, _ targets) (deed, error) {
	all := targets{nodes: n.arena.SentinelNodes()}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), memberLimit)
	defer cancel()
	seen, err := all.each(func(node arena.Node) (string, error) {
		p, err := n.arena.Replace(node.Name())
		if err != nil {
			return "", err
		}
		node.Kill()
		if err := node.Start(); err != nil {
			return "", err
		}
		return "runs " + p.Name, node.WaitReady(ctx)
	})
	return deed{seen: seen}, err
}
