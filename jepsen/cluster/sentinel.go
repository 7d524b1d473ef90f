package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Sentinel is one Sentinel process.
type Sentinel struct{ *node }

// ErrNoSentinelCommand means that the Config does not say how to start a Sentinel.
var ErrNoSentinelCommand = errors.New("no Sentinel command given")

// StartSentinel starts a Sentinel as "command sentinel.conf --sentinel args",
// which both gosentinel and redis-sentinel understand, and follows its events.
// It does not wait until the Sentinel answers; use WaitReady.
func (c *Cluster) StartSentinel(spec NodeSpec) (*Sentinel, error) {
	s, err := c.AddSentinel(spec)
	if err != nil {
		return nil, err
	}
	return s, s.Start()
}

// AddSentinel prepares what StartSentinel starts, for those who want to change
// the files before.
func (c *Cluster) AddSentinel(spec NodeSpec) (*Sentinel, error) {
	command := c.cfg.Sentinel
	if spec.Command != nil {
		command = spec.Command
	}
	if len(command) == 0 {
		return nil, ErrNoSentinelCommand
	}
	n, err := c.add(spec, "sentinel.conf", true, func(conf string) []string {
		return concat(command, []string{conf, "--sentinel"}, spec.Args)
	})
	if err != nil {
		return nil, err
	}
	return &Sentinel{n}, nil
}

// SetCommand replaces the program from the next start on; the files stay. It
// shows that two implementations can take over each other's files.
func (s *Sentinel) SetCommand(command ...string) {
	s.SetArgv(concat(command, []string{filepath.Base(s.conf), "--sentinel"})...)
}

// SetArgv replaces the whole command line from the next start on.
func (s *Sentinel) SetArgv(argv ...string) {
	s.proc.mu.Lock()
	defer s.proc.mu.Unlock()
	s.proc.argv = argv
}

// Master returns what SENTINEL MASTER says, as field name to value.
func (s *Sentinel) Master(ctx context.Context, name string) (map[string]string, error) {
	v, err := s.Do(ctx, "SENTINEL", "MASTER", name)
	if err != nil {
		return nil, err
	}
	return fields(v)
}

// Replicas returns what SENTINEL REPLICAS says, one map for each replica.
func (s *Sentinel) Replicas(ctx context.Context, name string) ([]map[string]string, error) {
	return s.list(ctx, "REPLICAS", name)
}

// Sentinels returns what SENTINEL SENTINELS says, one map for each peer.
func (s *Sentinel) Sentinels(ctx context.Context, name string) ([]map[string]string, error) {
	return s.list(ctx, "SENTINELS", name)
}

func (s *Sentinel) list(ctx context.Context, sub, name string) ([]map[string]string, error) {
	v, err := s.Do(ctx, "SENTINEL", sub, name)
	if err != nil {
		return nil, err
	}
	rows, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("SENTINEL %s: %w: %v", sub, errUnexpected, v)
	}
	list := make([]map[string]string, len(rows))
	for i, row := range rows {
		if list[i], err = fields(row); err != nil {
			return nil, fmt.Errorf("SENTINEL %s: %w", sub, err)
		}
	}
	return list, nil
}

var errUnexpected = errors.New("unexpected reply")

// fields turns a flat RESP2 list of names and values into a map.
func fields(v any) (map[string]string, error) {
	flat, ok := v.([]any)
	if !ok || len(flat)%2 != 0 {
		return nil, fmt.Errorf("%w: %v", errUnexpected, v)
	}
	m := make(map[string]string, len(flat)/2)
	for i := 0; i < len(flat); i += 2 {
		m[fmt.Sprint(flat[i])] = fmt.Sprint(flat[i+1])
	}
	return m, nil
}

// MasterPort returns the port of the master's address that the Sentinel gives
// to clients, 0 when it knows no such master.
func (s *Sentinel) MasterPort(ctx context.Context, name string) (int, error) {
	addr, err := s.client.Do(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", name).StringSlice()
	if err != nil {
		return 0, err
	}
	if len(addr) != 2 {
		return 0, fmt.Errorf("get-master-addr-by-name: %w: %q", errUnexpected, addr)
	}
	return strconv.Atoi(addr[1])
}

// MyID returns the Sentinel's id.
func (s *Sentinel) MyID(ctx context.Context) (string, error) {
	return s.client.Do(ctx, "SENTINEL", "MYID").Text()
}

// WaitView returns when the Sentinel sees a sound group: the master up, so many
// replicas up and replicating, and so many other Sentinels up.
func (s *Sentinel) WaitView(ctx context.Context, name string, replicas, others int) error {
	what := fmt.Sprintf("%s to see %s with %d replicas and %d other Sentinels", s.Name(), name, replicas, others)
	return WaitFor(ctx, what, func(ctx context.Context) (string, bool) {
		return s.view(ctx, name, replicas, others)
	})
}

func (s *Sentinel) view(ctx context.Context, name string, replicas, others int) (string, bool) {
	m, err := s.Master(ctx, name)
	if err != nil {
		return err.Error(), false
	}
	reps, err := s.Replicas(ctx, name)
	if err != nil {
		return err.Error(), false
	}
	peers, err := s.Sentinels(ctx, name)
	if err != nil {
		return err.Error(), false
	}
	var b strings.Builder
	fmt.Fprintf(&b, "master %s %s;", m["port"], m["flags"])
	ok := m["flags"] == "master" && m["num-slaves"] == strconv.Itoa(replicas) && m["num-other-sentinels"] == strconv.Itoa(others)
	for _, r := range reps {
		fmt.Fprintf(&b, " replica %s %s link %s;", r["port"], r["flags"], r["master-link-status"])
		ok = ok && r["flags"] == "slave" && r["master-link-status"] == "ok" && r["master-port"] == m["port"]
	}
	for _, p := range peers {
		fmt.Fprintf(&b, " sentinel %s %s;", p["port"], p["flags"])
		ok = ok && p["flags"] == "sentinel"
	}
	return b.String(), ok
}

// SentinelConf returns a configuration that monitors one master. Zero durations
// and counts leave the Sentinel's defaults. lines are appended.
func SentinelConf(port int, m Monitored, lines ...string) string {
	conf := []string{
		"bind 127.0.0.1",
		"port " + strconv.Itoa(port),
		fmt.Sprintf("sentinel monitor %s %s %d %d", m.Name, cmp.Or(m.Host, loopback), m.Port, m.Quorum),
	}
	set := func(directive string, n int64) {
		if n != 0 {
			conf = append(conf, fmt.Sprintf("sentinel %s %s %d", directive, m.Name, n))
		}
	}
	set("down-after-milliseconds", m.DownAfter.Milliseconds())
	set("failover-timeout", m.FailoverTimeout.Milliseconds())
	set("parallel-syncs", int64(m.ParallelSyncs))
	return strings.Join(append(conf, lines...), "\n") + "\n"
}

// Monitored is a master as a Sentinel's configuration names it.
type Monitored struct {
	Name            string
	Host            string // empty means 127.0.0.1
	Port            int
	Quorum          int
	DownAfter       time.Duration // whole milliseconds
	FailoverTimeout time.Duration // whole milliseconds
	ParallelSyncs   int
}
