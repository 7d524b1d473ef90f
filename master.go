package sentinel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/option"
	"github.com/gosentinel/sentinel/internal/valid"
	"github.com/gosentinel/sentinel/monitor"
)

// MasterConfig is one master to monitor, with everything that a configuration file
// can say about it. Name, Addr and Quorum are required. Durations are whole
// milliseconds of at most ten years. docs/options.md describes each option.
type MasterConfig struct {
	Name   string
	Addr   string // "host:port"
	Quorum int    // how many Sentinels must agree that it is down

	DownAfter       time.Duration // silence after which a server is down; 0: 30 seconds
	FailoverTimeout time.Duration // bounds the steps of a failover; 0: 3 minutes
	ParallelSyncs   int           // replicas that follow the new master at the same time; 0: 1

	AuthUser string // for AUTH to its servers; "": the default user
	AuthPass string // "": no AUTH

	// RenamedCommands maps command words to the names under which its servers know
	// them (rename-command in their files).
	RenamedCommands map[string]string

	// NotificationScript is called for each event of level warning, and
	// ClientReconfigScript when the address of the master changes. Each is the path
	// of a program; "" calls none.
	NotificationScript   string
	ClientReconfigScript string

	// RebootDownAfter is how long a restarted master may load its data before it
	// counts as down. 0: as long as it answers that it is loading.
	RebootDownAfter time.Duration

	// NeverLead makes this Sentinel vote and never lead a failover itself
	// (can-failover no).
	NeverLead bool

	// StockFailover makes planned failovers work as the original does, which loses
	// writes: it promotes a replica while the master takes writes.
	StockFailover bool

	// EmptyPromotionGrace is how long no replica without keys is promoted after a
	// master that had some went down. 0: without end if the master keeps its data
	// on disk, else 10 seconds.
	EmptyPromotionGrace time.Duration
	// AcceptEmpty has the lineage guard take the master as it is, once, when it comes
	// back without its data. The Sentinel sets it to false when that has happened.
	AcceptEmpty bool

	// HoldUnconfirmed has a master that was restarted while this Sentinel did not run take no
	// writes until a majority confirms that it is the master, however long that takes
	// (hold-unconfirmed-master). Without it, it is held back for a second at most.
	HoldUnconfirmed bool

	// DownAfterRefused is for how long the host of the master must refuse all connections,
	// after its process has ended, until the master counts as down; 0: until DownAfter is
	// over.
	DownAfterRefused time.Duration

	// ReplicaExpire is for how long a replica must be down, and not be named by the master,
	// until it is forgotten; 0: for ever.
	ReplicaExpire time.Duration

	// Guards says how far each guard of this master goes, where it does not go as far
	// as Config.Guards says.
	Guards Guards
}

// Guards says how far each guard goes: what a Sentinel does beside failovers so that no
// data are lost around them (docs/safety.md). The zero value leaves it to them.
type Guards = monitor.Guards

// GuardMode is how far a guard goes. The zero value is GuardAuto.
type GuardMode = monitor.GuardMode

// The modes of a guard.
const (
	GuardAuto   = monitor.GuardAuto   // of a master: as Config.Guards say; there: the default of that guard
	GuardOff    = monitor.GuardOff    // it does nothing
	GuardReport = monitor.GuardReport // it only tells what it would do, by event.GuardActs
	GuardOn     = monitor.GuardOn     // it acts, and tells of it
)

// core converts m to the form of the core. names allows host names; a name has no IP
// address yet. The error joins every mistake.
func (m MasterConfig) core(names bool) (monitor.MasterConfig, error) {
	addr, err := parseAddr(m.Addr, names)
	rename, wrong := renameTable(m.RenamedCommands)
	wrong = append(m.mistakes(err), wrong...)
	for i, err := range wrong {
		wrong[i] = fmt.Errorf("sentinel: master %q: %w", m.Name, err)
	}
	planned := monitor.PlannedSafe
	if m.StockFailover {
		planned = monitor.PlannedStock
	}
	return monitor.MasterConfig{
		Name: m.Name, Addr: addr, Quorum: m.Quorum, DownAfter: m.DownAfter, FailoverTimeout: m.FailoverTimeout,
		ParallelSyncs: m.ParallelSyncs, AuthUser: m.AuthUser, AuthPass: m.AuthPass, Rename: rename,
		NotificationScript: m.NotificationScript, ClientReconfigScript: m.ClientReconfigScript,
		RebootDownAfter: m.RebootDownAfter, NeverLead: m.NeverLead,
		PlannedFailover: planned, EmptyPromotionGrace: m.EmptyPromotionGrace, HoldUnconfirmed: m.HoldUnconfirmed, AcceptEmpty: m.AcceptEmpty,
		DownAfterRefused: m.DownAfterRefused, ReplicaExpire: m.ReplicaExpire, Guards: m.Guards,
	}, errors.Join(wrong...)
}

// mistakes returns what is wrong with m, apart from the renamed commands. addr is what is
// wrong with its address.
func (m MasterConfig) mistakes(addr error) (wrong []error) {
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if err := valid.MasterName(m.Name); err != nil {
		bad("%w", err)
	}
	if addr != nil {
		bad("%w", addr)
	}
	if m.Quorum < 1 {
		bad("Quorum must be 1 or greater")
	}
	if m.ParallelSyncs < 0 {
		bad("ParallelSyncs must not be negative")
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{"DownAfter", m.DownAfter}, {"FailoverTimeout", m.FailoverTimeout}, {"RebootDownAfter", m.RebootDownAfter},
		{"EmptyPromotionGrace", m.EmptyPromotionGrace}, {"DownAfterRefused", m.DownAfterRefused}, {"ReplicaExpire", m.ReplicaExpire},
	} {
		switch {
		case d.value < 0:
			bad("%s must not be negative", d.field)
		case d.value%time.Millisecond != 0:
			bad("%s %v must be whole milliseconds", d.field, d.value)
		case d.value > longestPeriod:
			bad("%s %v is longer than ten years", d.field, d.value)
		}
	}
	for _, w := range []struct{ field, value string }{{"AuthUser", m.AuthUser}, {"AuthPass", m.AuthPass}} {
		if err := valid.Word(w.value); err != nil {
			bad("%s: %w", w.field, err)
		}
	}
	for _, s := range []struct{ field, path string }{
		{"NotificationScript", m.NotificationScript}, {"ClientReconfigScript", m.ClientReconfigScript},
	} {
		if err := checkScript(s.path); err != nil {
			bad("%s: %w", s.field, err)
		}
	}
	return wrong
}

// longestPeriod is the longest time that an operator's command may set.
const longestPeriod = 10 * 365 * 24 * time.Hour

// parseAddr reads "host:port". names allows a host name, which then has no IP
// address yet.
func parseAddr(text string, names bool) (monitor.Addr, error) {
	host, portText, err := net.SplitHostPort(text)
	if err != nil {
		return monitor.Addr{}, fmt.Errorf("Addr %q must be host:port: %w", text, err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil || port < 1 || port > 65535 {
		return monitor.Addr{}, fmt.Errorf("port %q must be a number from 1 to 65535", portText)
	}
	if err := valid.Announced(host); err != nil {
		return monitor.Addr{}, fmt.Errorf("Addr %q: %w", text, err)
	}
	addr, literal := monitor.IPAddr(host, port)
	switch {
	case literal:
		return addr, nil
	case !names:
		return addr, fmt.Errorf("%q is not an IP address: set ResolveHostnames to use names", host)
	}
	return monitor.Addr{Host: host, Port: port}, nil
}

func checkScript(path string) error {
	switch {
	case path == "":
		return nil
	case valid.Word(path) != nil:
		return valid.Word(path)
	case !filepath.IsAbs(path):
		return fmt.Errorf("%q must be an absolute path", path)
	}
	return configrewrite.CheckExecutable(path)
}

// renameTable makes the table in the order of the words.
func renameTable(renamed map[string]string) (table *monitor.RenameTable, wrong []error) {
	field := monitor.RenameValue(&table, false)
	for _, from := range slices.Sorted(maps.Keys(renamed)) {
		to := renamed[from]
		err := cmp.Or(valid.Word(from), valid.Word(to))
		switch {
		case err != nil:
		case from == "" || to == "":
			err = errors.New("an empty command word cannot be sent")
		default:
			err = field.SetLine([]string{from, to})
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("RenamedCommands: %q: %w", from, err))
		}
	}
	return table, wrong
}

// masterConfig converts from the form of the core.
func masterConfig(m monitor.MasterConfig) MasterConfig {
	c := MasterConfig{
		Name: m.Name, Addr: monitor.HostPort{Host: m.Addr.Host, Port: m.Addr.Port}.String(), Quorum: m.Quorum,
		DownAfter: m.DownAfter, FailoverTimeout: m.FailoverTimeout, ParallelSyncs: m.ParallelSyncs,
		AuthUser: m.AuthUser, AuthPass: m.AuthPass,
		NotificationScript: m.NotificationScript, ClientReconfigScript: m.ClientReconfigScript,
		RebootDownAfter: m.RebootDownAfter, NeverLead: m.NeverLead,
		StockFailover: m.PlannedFailover == monitor.PlannedStock, EmptyPromotionGrace: m.EmptyPromotionGrace, HoldUnconfirmed: m.HoldUnconfirmed, AcceptEmpty: m.AcceptEmpty,
		DownAfterRefused: m.DownAfterRefused, ReplicaExpire: m.ReplicaExpire, Guards: m.Guards,
	}
	for _, e := range m.Rename.Entries() {
		if c.RenamedCommands == nil {
			c.RenamedCommands = map[string]string{}
		}
		c.RenamedCommands[e.From] = e.To
	}
	return c
}

// changes returns what turns one configuration of a master into another, as SENTINEL
// SET would be told: for each option that differs.
func changes(from, to monitor.MasterConfig) []monitor.Change {
	var list []monitor.Change
	table := monitor.MasterOptions()
	for i := range table {
		row := &table[i]
		before, after := row.Lines(&from), row.Lines(&to)
		if row.Kind() == option.Pairs {
			list = append(list, pairChanges(row.Name, before, after)...)
			continue
		}
		if !slices.EqualFunc(before, after, slices.Equal) {
			list = append(list, monitor.Change{Option: row.Name, Values: after[0]})
		}
	}
	return list
}

// pairChanges is for options that a command sets pair by pair. A word that is mapped
// to itself is mapped no more.
func pairChanges(name string, before, after [][]string) (list []monitor.Change) {
	for _, pair := range before {
		if !slices.ContainsFunc(after, func(p []string) bool { return valid.SameCommand(p[0], pair[0]) }) {
			list = append(list, monitor.Change{Option: name, Values: []string{pair[0], pair[0]}})
		}
	}
	for _, pair := range after {
		if !slices.ContainsFunc(before, func(p []string) bool { return slices.Equal(p, pair) }) {
			list = append(list, monitor.Change{Option: name, Values: pair})
		}
	}
	return list
}

// Monitor starts monitoring a master, as SENTINEL MONITOR does, with all of its
// configuration. It returns after that is saved. If Addr names a host, it is
// resolved first. The error joins every mistake in cfg, or is [ErrMasterExists],
// [ErrNotSaved], [ErrNotRunning] or that of ctx.
func (s *Sentinel) Monitor(ctx context.Context, cfg MasterConfig) error {
	m, err := cfg.core(true)
	if err != nil {
		return err
	}
	port := m.Addr.Port
	if m.Addr, err = s.node.Resolve(ctx, m.Addr.Host); err != nil {
		return fmt.Errorf("sentinel: master %q: %w", cfg.Name, err)
	}
	m.Addr.Port = port
	return s.call(ctx, cfg.Name, monitor.MonitorOp{Master: m})
}

// Update changes the configuration of a master, as SENTINEL SET does: change is
// called once with the present one, and what it changed is applied. It must not call
// Update itself. Update returns after that is saved. Other changes that are made
// meanwhile stand, except to the same options. Name and Addr cannot be changed: Remove
// the master and Monitor it anew.
func (s *Sentinel) Update(ctx context.Context, name string, change func(*MasterConfig)) error {
	select { // one at a time
	case s.updating <- struct{}{}:
		defer func() { <-s.updating }()
	case <-ctx.Done():
		return ctx.Err()
	}
	before, err := ask(ctx, s, name, func(c *monitor.Core, _ monitor.Instant) (monitor.MasterConfig, bool) {
		return c.MasterConfig(name)
	})
	if err != nil {
		return err
	}
	was := masterConfig(before)
	cfg := masterConfig(before)
	change(&cfg)
	if cfg.Name != was.Name || cfg.Addr != was.Addr {
		return fmt.Errorf("sentinel: master %q: Update cannot change Name and Addr: Remove the master and Monitor it anew", name)
	}
	after, err := cfg.core(true)
	if err != nil {
		return err
	}
	op := monitor.SetOp{Name: name, Changes: changes(before, after.WithDefaults()), Own: true}
	if len(op.Changes) == 0 {
		return nil
	}
	return s.call(ctx, name, op)
}

// AddReplica tells of a replica, as "host:port", that the master has not named: one that is
// down, or a server that is to become a replica of it. A server that says that it is a
// master is made a replica of this one after some seconds, as one is that comes back after
// a failover, and what it has of its own is lost. It returns after that is saved; a
// replica that is known already is no error.
func (s *Sentinel) AddReplica(ctx context.Context, name, replica string) error {
	addr, err := parseAddr(replica, true)
	if err != nil {
		return fmt.Errorf("sentinel: master %q: replica: %w", name, err)
	}
	return s.call(ctx, name, monitor.ReplicaOp{Name: name, At: monitor.HostPort{Host: addr.Host, Port: addr.Port}})
}

// Remove stops monitoring a master, as SENTINEL REMOVE does. It returns after that is
// saved.
func (s *Sentinel) Remove(ctx context.Context, name string) error {
	return s.call(ctx, name, monitor.RemoveOp{Name: name})
}

// Reset forgets the replicas and the other Sentinels of a master, as SENTINEL RESET
// does, and learns anew which there are. It returns after that is saved.
func (s *Sentinel) Reset(ctx context.Context, name string) error {
	r, err := s.node.Call(ctx, monitor.ResetOp{Pattern: globQuote.Replace(name)})
	switch {
	case err != nil:
		return err
	case r.Err != nil:
		return refusal(name, r.Err)
	case r.Count == 0:
		return refusal(name, monitor.ErrNoSuchMaster)
	}
	return nil
}

// globQuote makes a pattern that matches one name only.
var globQuote = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// call carries out an operator's command about a master.
func (s *Sentinel) call(ctx context.Context, name string, op monitor.Op) error {
	r, err := s.node.Call(ctx, op)
	if err == nil && r.Err != nil {
		err = refusal(name, r.Err)
	}
	return err
}
