package server

import (
	"context"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/gossip"
	"github.com/gosentinel/sentinel/internal/acl"
	"github.com/gosentinel/sentinel/internal/scripts"
	"github.com/gosentinel/sentinel/monitor"
)

// Config is what the front end needs to know. Functions and interfaces that are
// nil have defaults that do nothing.
type Config struct {
	Users         *acl.List     // nil = only the default user, without a password
	ACLFile       *ACLFile      // nil = none
	Commands      *Commands     // nil = all, not renamed
	ProtectedMode bool          // accept only local connections while there is no password
	MaxClients    int           // 0 = 10000
	Room          func() int    // how many clients there is room for now; nil: MaxClients
	IdleTimeout   time.Duration // 0 = never

	NoPoller bool // have a goroutine for each connection, as everywhere but on Linux

	Version    string   // of gosentinel, for INFO
	RunID      string   // of this process, for INFO; unrelated to MyID
	Supervisor string   // for INFO; "" = none
	Port       int      // for INFO
	Listeners  []string // lines for INFO
	Executable string   // for INFO
	ConfigFile string   // for INFO

	Resolve     func(ctx context.Context, host string) string // "" when the name does not resolve
	Shutdown    func()                                        // SHUTDOWN; must return at once; nil = not allowed
	Log         func(monitor.Level, string)                   // must not block
	LogLevel    func() string
	SetLogLevel func(string) // is given the name of a level in lower case
	Scripts     ScriptQueue
	Gossip      Gossip
	Journal     Journal
	LoopTimes   func() LoopTimes // for INFO
}

// LoopTimes are the longest times of the loop that owns the core: since the start, and
// in the last minute or two.
type LoopTimes struct {
	Stall, RecentStall time.Duration // from an arrival or a deadline to the end of what follows from it
	Round, RecentRound time.Duration // the part of it in which the loop was at work
}

// Gossip is what commands see of gossip. Its methods must be safe for concurrent
// use.
type Gossip interface {
	Endpoint(announceIP string) monitor.GossipEndpoint // what to announce to other Sentinels
	State(monitor.SentinelView) string                 // "up", "down" or "off" with one of them
	Stats() gossip.Stats
}

// noGossip stands in for the gossip of a Sentinel that has none.
type noGossip struct{ version string }

func (n noGossip) Endpoint(string) monitor.GossipEndpoint {
	return monitor.GossipEndpoint{Version: n.version}
}
func (noGossip) State(monitor.SentinelView) string { return "off" }
func (noGossip) Stats() gossip.Stats               { return gossip.Stats{} }

// ScriptQueue is what commands see and change of the script runner. Its methods
// must be safe for concurrent use.
type ScriptQueue interface {
	Counts() (running, queued int) // queued includes running
	Pending() []scripts.Job
	Periods() scripts.Periods
	Adjust(func(*scripts.Periods))
}

func (cfg Config) withDefaults() Config {
	if cfg.Users == nil {
		cfg.Users = newUsers(configrewrite.DefaultSettings())
	}
	if cfg.Commands == nil {
		cfg.Commands = serverCommands()
	}
	if cfg.Resolve == nil {
		cfg.Resolve = func(context.Context, string) string { return "" }
	}
	if cfg.Log == nil {
		cfg.Log = func(monitor.Level, string) {}
	}
	if cfg.LogLevel == nil {
		cfg.LogLevel = func() string { return "notice" }
	}
	if cfg.SetLogLevel == nil {
		cfg.SetLogLevel = func(string) {}
	}
	if cfg.Scripts == nil {
		cfg.Scripts = noScripts{}
	}
	if cfg.Journal == nil {
		cfg.Journal = noJournal{}
	}
	if cfg.Gossip == nil {
		cfg.Gossip = noGossip{cfg.Version}
	}
	if cfg.LoopTimes == nil {
		cfg.LoopTimes = func() LoopTimes { return LoopTimes{} }
	}
	return cfg
}

// noScripts stands in for the queue of a Sentinel that runs no scripts.
type noScripts struct{}

func (noScripts) Counts() (running, queued int) { return 0, 0 }
func (noScripts) Pending() []scripts.Job        { return nil }
func (noScripts) Periods() scripts.Periods      { return scripts.PeriodOptions().Defaults() }
func (noScripts) Adjust(func(*scripts.Periods)) {}
