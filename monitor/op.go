package monitor

import (
	"strconv"
	"time"
)

// Op is an operator's command. The set is closed: every op is a type of this
// file. An op is data: it can be written down and carried out again. Arity is
// the front end's business; values, and everything that depends on the monitored
// state, are checked by the core.
type Op interface{ isOp() }

// MonitorOp starts monitoring a master (SENTINEL MONITOR). Master.Addr must be
// resolved by the caller, because the core cannot wait for a resolver.
type MonitorOp struct{ Master MasterConfig }

// ReplicaOp tells of a replica of a master that the master has not named: it may be down,
// or the server may have to be made its replica first, as one is that comes back as a
// master. At must be an address, or a host name where those are allowed. One that is known
// already is left as it is.
type ReplicaOp struct {
	Name string
	At   HostPort
}

// RemoveOp forgets a master (SENTINEL REMOVE), its votes included: a master that
// is added later begins as one that has voted in every epoch known by then.
type RemoveOp struct{ Name string }

// ResetOp resets every master whose name matches Pattern, in the syntax of Redis
// (SENTINEL RESET). CallResult.Count tells how many did. A pattern longer than
// [MaxPattern] is refused.
type ResetOp struct{ Pattern string }

// MaxPattern is the longest pattern of a [ResetOp] in bytes: it is matched with
// every master, and nothing else happens meanwhile.
const MaxPattern = 1024

// FailoverOp starts a manual failover (SENTINEL FAILOVER). To names the replica to
// promote; the zero value leaves the choice to the Sentinel.
type FailoverOp struct {
	Name string
	Mode FailoverMode
	To   HostPort
	// Program says that the program around the core asks for it, and not an operator.
	Program bool
}

// FailoverMode says how an operator wants a failover to be made.
type FailoverMode uint8

// The modes. Plain is a planned switchover that loses nothing while the master
// serves, and a failover at once while it does not. Coordinated is a planned
// switchover or nothing. Forced promotes a replica even where data are lost by it.
const (
	FailoverPlain FailoverMode = iota
	FailoverCoordinated
	FailoverForced
)

// PauseOp pauses the failovers of a master for a time, or with Resume ends a pause
// (SENTINEL PAUSE-FAILOVER and RESUME-FAILOVER).
type PauseOp struct {
	Name   string
	Resume bool
	// For is how long the pause lasts, at most [MaxFailoverPause]. With Resume it is for
	// how long another Sentinel that passes this on will remember it.
	For    time.Duration
	Reason string
	// Version and By are those of the [FailoverPause] that another Sentinel passes on;
	// zero when an operator says it.
	Version uint64
	By      RunID
}

// ForgetOp forgets one member of a master that is dead for good, on all gosentinels
// (SENTINEL FORGET): the Sentinel with an ID, or else the replica At an address. A member
// that is alive is refused, unless by Force.
type ForgetOp struct {
	Name  string
	ID    RunID
	At    HostPort
	Force bool
	// For, Version and By are those of the [Tombstone] that another Sentinel passes on, For
	// being what is left of its time; zero when an operator says it.
	For     time.Duration
	Version uint64
	By      RunID
}

// FlushOp saves the state (SENTINEL FLUSHCONFIG).
type FlushOp struct{}

// SetOp changes options of a master (SENTINEL SET), those of [MasterOptions] that
// this command may set. Changes are applied in order, each with its own +set
// event. The first bad one ends the op with an error; what stands before it is
// applied and saved all the same, as in the originals.
type SetOp struct {
	Name    string
	Changes []Change
	// Own says that the program which runs the core asks for it, and no client. It may
	// change every option of [MasterOptions], and scripts whatever
	// [Options].AllowScriptsReconfig says.
	Own bool
}

// Change is one option with its new values, as typed.
type Change struct {
	Option string
	Values []string
	// NotExecutable says that the option names a script and that this process
	// could not execute it. Who makes the op finds that out: the core sees no
	// files.
	NotExecutable bool
}

// ConfigSetOp changes global options (SENTINEL CONFIG SET), those of
// [GlobalOptions] that this command may set: all of them, or none and an error.
type ConfigSetOp struct{ Changes []Change }

// DebugOp changes periods and limits of the running core (SENTINEL DEBUG), those
// of [TunableOptions] that this command may set. They act at once and are not
// saved. The first bad change ends the op with an error; what stands before it
// is applied.
type DebugOp struct{ Changes []Change }

// SimulateOp replaces the set of failures to simulate (SENTINEL
// SIMULATE-FAILURE). Zero simulates none.
type SimulateOp struct{ Failures Failures }

// Failures is a set of simulated failures. Its value is what INFO shows.
type Failures uint8

// The failures that can be simulated: this Sentinel crashes right after it was
// elected to lead a failover, or when the promotion of the replica is confirmed
// and saved.
const (
	CrashAfterElection Failures = 1 << iota
	CrashAfterPromotion
)

func (MonitorOp) isOp()   {}
func (ReplicaOp) isOp()   {}
func (RemoveOp) isOp()    {}
func (ResetOp) isOp()     {}
func (FailoverOp) isOp()  {}
func (FlushOp) isOp()     {}
func (SetOp) isOp()       {}
func (ConfigSetOp) isOp() {}
func (DebugOp) isOp()     {}
func (SimulateOp) isOp()  {}
func (PauseOp) isOp()     {}
func (ForgetOp) isOp()    {}

// CallError is the error reply to an operator's command: Code is the first
// word of a RESP error ("ERR", "INPROG"), Text the rest.
type CallError struct{ Code, Text string }

// Error returns the reply as it stands on the wire, without the leading "-".
func (e *CallError) Error() string { return e.Code + " " + e.Text }

// Errors of the core's ops; compare with errors.Is (wire.md §3, SENTINEL subcommands).
var (
	ErrNoSuchMaster  = &CallError{"ERR", "No such master with that name"}
	ErrDuplicateName = &CallError{"ERR", "Duplicate master name."}
	ErrInProgress    = &CallError{"INPROG", "Failover already in progress"}
	ErrNoGoodReplica = &CallError{"NOGOODSLAVE", "No suitable replica to promote"}
	ErrPaused        = &CallError{"PAUSED", "Failovers of this master are paused"}
	ErrVetoed        = &CallError{"VETO", "The program that runs this Sentinel does not want this failover"}
	ErrSave          = &CallError{"ERR", "Failed to save config file. Check server logs."}
	ErrVotesUnknown  = &CallError{"ERR", "The configuration file has no epochs. Wait until the other Sentinels were heard, at most some seconds while they run, and try again."}

	errNoReplica = &CallError{"ERR", "FAILOVER target HOST and PORT is not a replica."}

	ErrPatternTooLong = &CallError{"ERR", "The pattern is longer than " + strconv.Itoa(MaxPattern) + " bytes"}
)
