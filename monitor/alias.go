package monitor

import (
	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
)

// Package monitor uses these types of package election in its own API.
type (
	// Epoch is a Sentinel logical clock value; see [election.Epoch].
	Epoch = election.Epoch
	// RunID is the identity of a Sentinel or server; see [election.RunID].
	RunID = election.RunID
	// Instant is a point in monotonic time; see [election.Instant].
	Instant = election.Instant
	// Lineage is what a master had when it was last heard; see [election.Lineage].
	Lineage = election.Lineage
)

// Never is later than every instant of a clock; see [election.Never].
const Never = election.Never

// Package monitor uses these types of package event in its own API.
type (
	// Event is something that happened; see [event.Event].
	Event = event.Event
	// Instance is what an event is about; see [event.Instance].
	Instance = event.Instance
	// Level is the importance of an event or log line; see [event.Level].
	Level = event.Level
	// Kind is what an instance is to this Sentinel; see [event.Kind].
	Kind = event.Kind
	// Role is what a server says it is; see [event.Role].
	Role = event.Role
	// HostPort is an address as it is shown; see [event.HostPort].
	HostPort = event.HostPort
)

// The values of these types.
const (
	LevelDebug   = event.LevelDebug
	LevelVerbose = event.LevelVerbose
	LevelNotice  = event.LevelNotice
	LevelWarning = event.LevelWarning

	KindMaster   = event.KindMaster
	KindReplica  = event.KindReplica
	KindSentinel = event.KindSentinel

	RoleNone    = event.RoleNone
	RoleMaster  = event.RoleMaster
	RoleReplica = event.RoleReplica
)
