package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// Exec runs a program when the master of a group has changed, with the arguments of a
// client-reconfig-script: name, role, state, old host, old port, new host, new port.
// The role is "observer" and the state "start". When the agent starts, it is run once
// for each group, with the present master as old and new. It is run again until its
// status is 0, for the newest master only.
type Exec struct {
	Common
	Command Command       `toml:"command"`
	Timeout time.Duration `toml:"timeout"` // 0 means 30 s
	// ChangesOnly leaves out the run at the start.
	ChangesOnly bool `toml:"changes-only"`
}

func (x *Exec) check(wrong problems, _ string) {
	x.Type = "exec"
	if !x.Command.set() {
		wrong("command", `add command = ["/usr/local/bin/moved"]`, "the target does not say what to run")
	}
	x.describe(x.Command.String())
}

func (x *Exec) open(e *environment) []*job {
	return []*job{newJob(&x.Common, x.Name, fileEvery, &execWorker{x, e.log, told{}})}
}

// told is what has been passed on, by group.
type told map[string]Group

// news returns the groups of which there is something new to tell. At the start
// everything is new, unless only changes count.
func (t told) news(s Snapshot, changesOnly bool, same func(before, now Group) bool) (list []Group) {
	for _, g := range s {
		before, has := t[g.Name]
		switch {
		case !g.Known() || has && same(before, g):
		case !has && changesOnly:
			t[g.Name] = g
		default:
			list = append(list, g)
		}
	}
	return list
}

// before returns what was passed on last; of a group of which nothing was, what holds.
func (t told) before(g Group) Group {
	if before, has := t[g.Name]; has {
		return before
	}
	return g
}

// sameMaster tells that the address is the same. An epoch alone is no news for a
// program that gets none.
func sameMaster(a, b Group) bool { return a.Master == b.Master }

type execWorker struct {
	*Exec
	log  *slog.Logger
	told told
}

func (x *execWorker) plan(_ context.Context, s Snapshot) (*plan, error) {
	news := x.told.news(s, x.ChangesOnly, sameMaster)
	if len(news) == 0 {
		return nil, nil
	}
	var diff strings.Builder
	for _, g := range news {
		fmt.Fprintf(&diff, "+ %s %s\n", x.Command, strings.Join(x.arguments(g), " "))
	}
	return &plan{diff.String(), func(ctx context.Context) error {
		var errs []error // one group does not keep the others waiting
		for _, g := range news {
			output, err := x.with(x.arguments(g)).run(ctx, "", x.env(g), x.Timeout)
			if err != nil {
				errs = append(errs, fmt.Errorf("group %s: %w", g.Name, err))
				continue
			}
			x.log.Info("Command has run", "target", x.Name, "group", g.Name, "output", output)
			x.told[g.Name] = g
		}
		return failed(causeCommand, errors.Join(errs...))
	}}, nil
}

func (x *execWorker) arguments(g Group) []string {
	before := x.told.before(g)
	return []string{
		g.Name, "observer", "start", before.Master.Host, strconv.Itoa(before.Master.Port), g.Master.Host, strconv.Itoa(g.Master.Port),
	}
}

// env is for programs that would rather read the environment.
func (x *execWorker) env(g Group) []string {
	return []string{
		"GOSENTINEL_GROUP=" + g.Name, "GOSENTINEL_MASTER=" + g.Master.String(), "GOSENTINEL_EPOCH=" + strconv.FormatUint(g.Epoch, 10),
		"GOSENTINEL_OLD_MASTER=" + x.told.before(g).Master.String(),
	}
}

// with returns the command with arguments. A line for the shell gets them as $1 to $7.
func (x *execWorker) with(arguments []string) Command {
	if x.Command.shell == "" {
		return Program(append(append([]string{}, x.Command.args...), arguments...)...)
	}
	return Program(append(append(shellOf(x.Command.shell), "gosentinel"), arguments...)...)
}
