package sentinel

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gosentinel/sentinel/internal/node"
	"github.com/gosentinel/sentinel/monitor"
)

// Errors that methods return; compare with [errors.Is]. The text of an error says
// more than that of these.
var (
	// ErrNotRunning: Run has not begun to work yet, or has ended.
	ErrNotRunning = node.ErrNotRunning
	// ErrNoSuchMaster: no master of that name is monitored.
	ErrNoSuchMaster = errors.New("sentinel: no such master")
	// ErrMasterExists: a master of that name is monitored already.
	ErrMasterExists = errors.New("sentinel: this master is monitored already")
	// ErrInProgress: a failover of that master is under way.
	ErrInProgress = errors.New("sentinel: a failover is in progress")
	// ErrNoGoodReplica: no replica can be promoted, for reasons that the text tells
	// of each.
	ErrNoGoodReplica = errors.New("sentinel: no replica can be promoted")
	// ErrPaused: the failovers of that master are paused; the text says until when.
	ErrPaused = errors.New("sentinel: failovers are paused")
	// ErrFailoverAborted: a failover has ended without a new master.
	ErrFailoverAborted = errors.New("sentinel: the failover was given up")
	// ErrNotSaved: the state cannot be saved. A change of the configuration stands
	// all the same, and is saved once that works; a failover does not begin.
	ErrNotSaved = errors.New("sentinel: the state cannot be saved")
	// ErrStateInUse is what Run returns while another Sentinel, of this process or
	// another one, works with the same StateFile.
	ErrStateInUse = node.ErrStateInUse
	// ErrShutdownByClient is what Run returns after a client has sent SHUTDOWN.
	ErrShutdownByClient = node.ErrShutdown
	// ErrSimulatedCrash is what Run returns after a crash that a client has asked for
	// with SENTINEL SIMULATE-FAILURE.
	ErrSimulatedCrash = node.ErrSimulatedCrash
)

// QuorumError says that too few Sentinels are usable to fail a master over.
type QuorumError struct {
	Usable int    // this Sentinel, and all others that answer
	Known  int    // all Sentinels of the master, this one included
	Needed int    // how many it takes: the quorum, or the majority if that is more
	Reason string // in words
}

// Error returns the reason.
func (e *QuorumError) Error() string { return "sentinel: " + e.Reason }

// HealthError is the first thing that keeps a Sentinel from doing its work.
type HealthError struct {
	// Check is "running", "loop" (it does not answer), "store" (the state cannot be
	// saved), "tilt" (it has stood still) or "majority" (a master has too few
	// Sentinels).
	Check  string
	Reason string // in words

	err error
}

// Error returns check and reason.
func (e *HealthError) Error() string { return "sentinel: " + e.Check + ": " + e.Reason }

// Unwrap returns the error behind it, such as [ErrNotRunning], or nil.
func (e *HealthError) Unwrap() error { return e.err }

// opError is an error of the core about a master, with the error that it is to
// programs.
type opError struct {
	kind error
	text string
}

func (e *opError) Error() string { return e.text }
func (e *opError) Unwrap() error { return e.kind }

// kinds are the errors of the core and what they are here.
var kinds = []struct {
	core *monitor.CallError
	kind error
}{
	{monitor.ErrNoSuchMaster, ErrNoSuchMaster},
	{monitor.ErrDuplicateName, ErrMasterExists},
	{monitor.ErrInProgress, ErrInProgress},
	{monitor.ErrNoGoodReplica, ErrNoGoodReplica},
	{monitor.ErrPaused, ErrPaused},
	{monitor.ErrSave, ErrNotSaved},
}

// refusal turns an error of the core about a master into one of this package.
func refusal(name string, err error) error {
	var call *monitor.CallError
	if !errors.As(err, &call) {
		return err
	}
	if call.Code == monitor.ErrVetoed.Code {
		_, reason, _ := strings.Cut(call.Text, ": ")
		reason, _, _ = strings.Cut(reason, ". FAILOVER with FORCE")
		return &VetoError{Master: name, Reason: reason}
	}
	text := call.Text
	if call == monitor.ErrSave { // a program may have no log to check
		text = "the state cannot be saved; Health says why"
	}
	e := &opError{text: fmt.Sprintf("sentinel: master %q: %s", name, text)}
	for _, k := range kinds {
		// Some say more than the general text, behind the same code.
		if call == k.core || k.core.Code != "ERR" && call.Code == k.core.Code {
			e.kind = k.kind
		}
	}
	return e
}
