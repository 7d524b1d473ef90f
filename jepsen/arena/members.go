package arena

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// Join starts a further Sentinel, which belongs to the group from now on.
func (a *Arena) Join(ctx context.Context) (*cluster.Sentinel, error) {
	master := a.Present(ctx)
	if master == nil {
		return nil, ErrNoMaster
	}
	a.mu.Lock()
	number := len(a.programs)
	a.mu.Unlock()
	name := "sentinel" + strconv.Itoa(number)
	if err := a.addHost(name, 30+number); err != nil {
		return nil, err
	}
	port, err := a.cluster.Port()
	if err != nil {
		return nil, err
	}
	program, host, g := a.cfg.Programs[min(number, len(a.cfg.Programs)-1)], a.Place(name), a.cfg.Group
	s, err := a.cluster.AddSentinel(cluster.NodeSpec{
		Name: name, Host: host, Port: port, Command: program.Command,
		Conf: cluster.SentinelConf(port, cluster.Monitored{
			Name: MasterName, Host: a.hostOf(master), Port: master.Port(), Quorum: g.Quorum,
			DownAfter: g.DownAfter.Of(), FailoverTimeout: g.FailoverTimeout.Of(),
		}, append(host.Lines(), a.sentinelLines(program)...)...),
	})
	if err != nil {
		return nil, err
	}
	if err := s.Start(); err != nil {
		return nil, err
	}
	if err := s.WaitReady(ctx); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.programs[name] = program
	a.sentinels = append(a.sentinels, s)
	if a.watch != nil {
		a.watch(s)
	}
	return s, nil
}

// hostOf returns the address of a server without its port.
func (a *Arena) hostOf(s *cluster.Server) string { return a.Place(s.Name()).Addr }

// Leave ends a Sentinel for good, and has the others forget it as operators do: with
// SENTINEL RESET, one after the other.
func (a *Arena) Leave(ctx context.Context, name string) error {
	a.mu.Lock()
	i := slices.IndexFunc(a.sentinels, func(s *cluster.Sentinel) bool { return s.Name() == name })
	if i < 0 {
		a.mu.Unlock()
		return fmt.Errorf("%s does not belong to the group", name)
	}
	gone := a.sentinels[i]
	a.sentinels = slices.Delete(slices.Clone(a.sentinels), i, i+1)
	a.left = append(a.left, gone)
	a.mu.Unlock()
	gone.Kill()
	for _, s := range a.Sentinels() {
		if _, err := s.Do(ctx, "SENTINEL", "RESET", MasterName); err != nil {
			return fmt.Errorf("SENTINEL RESET at %s: %w", s.Name(), err)
		}
		err := cluster.WaitFor(ctx, s.Name()+" to find the others again", func(ctx context.Context) (string, bool) {
			peers, err := s.Sentinels(ctx, MasterName)
			return fmt.Sprintf("%d peers, %v", len(peers), err), err == nil && len(peers) >= len(a.Sentinels())-1
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Replace has a Sentinel run another program from its next start on: the stock one instead
// of ours, or the other way round.
func (a *Arena) Replace(name string) (Program, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	other := Ours
	if a.programs[name].Name == Ours {
		other = Stock
	}
	p, known := a.cfg.Others[other]
	if !known {
		return p, fmt.Errorf("there is no %s here to take the place of %s", other, a.programs[name].Name)
	}
	for _, s := range a.sentinels {
		if s.Name() == name {
			s.SetCommand(p.Command...)
			a.programs[name] = p
			return p, nil
		}
	}
	return p, fmt.Errorf("%s does not belong to the group", name)
}

// Monitor names a master to a Sentinel that has none, with the settings of the group.
func (a *Arena) Monitor(ctx context.Context, s *cluster.Sentinel, master *cluster.Server) error {
	g := a.cfg.Group
	for _, command := range [][]any{
		{"SENTINEL", "MONITOR", MasterName, a.hostOf(master), master.Port(), g.Quorum},
		{"SENTINEL", "SET", MasterName, "down-after-milliseconds", g.DownAfter.Of().Milliseconds()},
		{"SENTINEL", "SET", MasterName, "failover-timeout", g.FailoverTimeout.Of().Milliseconds()},
	} {
		err := cluster.WaitFor(ctx, fmt.Sprint(command, " at ", s.Name()), func(ctx context.Context) (string, bool) {
			_, err := s.Do(ctx, command...)
			return fmt.Sprint(err), err == nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
