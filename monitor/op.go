package monitor

// Op is an operator's command. The set is closed: every op is a type of this
// file. Arity and number syntax are the front end's business; everything that
// depends on the monitored state is checked by the core.
type Op interface{ isOp() }

// MonitorOp starts monitoring a master (SENTINEL MONITOR). Master.Addr must be
// resolved by the caller, because the core cannot wait for a resolver.
type MonitorOp struct{ Master MasterConfig }

// RemoveOp forgets a master (SENTINEL REMOVE). Its vote memory is kept.
type RemoveOp struct{ Name string }

// ResetOp resets every master whose name Match accepts (SENTINEL RESET).
// Match must be a pure function. CallResult.Count tells how many it accepted.
type ResetOp struct{ Match func(name string) bool }

// FailoverOp starts a manual failover (SENTINEL FAILOVER).
type FailoverOp struct{ Name string }

// FlushOp saves the state (SENTINEL FLUSHCONFIG).
type FlushOp struct{}

// SetOp changes options of a master (SENTINEL SET). Changes are applied in
// order, each with its own +set event; Err is the front end's verdict on what
// followed the last valid option, and becomes the result after the changes
// before it were applied and saved.
type SetOp struct {
	Name    string
	Changes []Change
	Err     error
}

// Change is one option of SENTINEL SET: Option and Values as typed, for the
// +set event, and Apply, which changes the configuration.
type Change struct {
	Option string
	Values []string // for the event; a password is already "******" here
	Apply  func(*MasterConfig)
}

// ConfigSetOp changes global options (SENTINEL CONFIG SET). Apply must be a
// pure function.
type ConfigSetOp struct{ Apply func(*Options) }

// DebugOp changes periods and limits of the running core (SENTINEL DEBUG); they
// act at once and are not saved. Apply must be a pure function and leave every
// duration positive and below ten years, beyond which instants overflow.
type DebugOp struct{ Apply func(*Tunables) }

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
func (RemoveOp) isOp()    {}
func (ResetOp) isOp()     {}
func (FailoverOp) isOp()  {}
func (FlushOp) isOp()     {}
func (SetOp) isOp()       {}
func (ConfigSetOp) isOp() {}
func (DebugOp) isOp()     {}
func (SimulateOp) isOp()  {}

// CallError is the error reply to an operator's command: Code is the first
// word of a RESP error ("ERR", "INPROG"), Text the rest.
type CallError struct{ Code, Text string }

// Error returns the reply as it stands on the wire, without the leading "-".
func (e *CallError) Error() string { return e.Code + " " + e.Text }

// Errors of the core's ops; compare with errors.Is (wire.md §3).
var (
	ErrNoSuchMaster  = &CallError{"ERR", "No such master with that name"}
	ErrDuplicateName = &CallError{"ERR", "Duplicate master name."}
	ErrInProgress    = &CallError{"INPROG", "Failover already in progress"}
	ErrNoGoodReplica = &CallError{"NOGOODSLAVE", "No suitable replica to promote"}
	ErrSave          = &CallError{"ERR", "Failed to save config file. Check server logs."}
)
