package sentinel

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/pubsub"
)

// Event is something that happened, with its place in the stream of all events.
type Event struct {
	// Seq numbers the events of a Sentinel from 1 at each start. A gap means that
	// filters left something out, or that a [Lagged] stands there.
	Seq    uint64
	Time   time.Time
	Master string // the master that it is about; "" for none
	// Body is one of the types below; a type switch tells which. Its Name is the
	// Pub/Sub channel, and AppendText appends the message that RESP subscribers get.
	Body monitor.Event
}

// String returns channel and message, as RESP subscribers see them.
func (e Event) String() string {
	return string(e.Body.AppendText(append([]byte(e.Body.Name()), ' ')))
}

// Filter selects events; see [Sentinel.Events].
type Filter func(Event) bool

// OfMaster selects the events about some masters.
func OfMaster(names ...string) Filter {
	return func(e Event) bool { return slices.Contains(names, e.Master) }
}

// OfType selects the events of one type, as in OfType[SwitchMaster]().
func OfType[T monitor.Event]() Filter {
	return func(e Event) bool { _, ok := e.Body.(T); return ok }
}

// Events returns the events from the moment of the call until ctx ends or the
// Sentinel stops. Filters leave out what any of them does not select, but never a
// [Lagged], which takes the place of events that were dropped because the consumer
// was too slow. It never slows down the Sentinel. The sequence can be ranged over
// once; until then events wait, up to Limits.EventsBytes.
func (s *Sentinel) Events(ctx context.Context, filters ...Filter) iter.Seq[Event] {
	stream := s.node.Events(ctx)
	return func(yield func(Event) bool) {
		for ev := range stream {
			if e := (Event{ev.Seq, ev.Time, masterOf(ev.Body), ev.Body}); selected(e, filters) && !yield(e) {
				return
			}
		}
	}
}

func selected(e Event, filters []Filter) bool {
	if _, gap := e.Body.(Lagged); gap {
		return true
	}
	return !slices.ContainsFunc(filters, func(f Filter) bool { return !f(e) })
}

// masterOf returns the name of the master that an event is about.
func masterOf(ev monitor.Event) string {
	switch ev := ev.(type) {
	case monitor.SwitchMaster:
		return ev.Master
	case monitor.VoteForLeader:
		return ev.Master
	case interface{ MasterName() string }:
		return ev.MasterName()
	}
	return ""
}

// HostPort is an address in the form shown to users.
type HostPort = monitor.HostPort

// Lagged takes the place of events that were dropped from the stream because the
// consumer was too slow.
type Lagged = pubsub.Lagged

// The events. Each comment names the Pub/Sub channel first. An instance in an
// event is a master, a replica or another Sentinel; see [monitor.Instance].
type (
	// Monitor is +monitor: a master is monitored, from the start or since
	// SENTINEL MONITOR.
	Monitor = monitor.Monitor

	// MonitorStopped is -monitor: a master is no longer monitored.
	MonitorStopped = monitor.MonitorStopped

	// Set is +set: one option of a master was changed at run time. Passwords
	// show as ******.
	Set = monitor.Set

	// ResetMaster is +reset-master: the replicas and other Sentinels of a master
	// were forgotten at an operator's request.
	ResetMaster = monitor.ResetMaster

	// ReplicaAdded is +slave: a replica was discovered, or added again after a
	// switch.
	ReplicaAdded = monitor.ReplicaAdded

	// SentinelAdded is +sentinel: another Sentinel was learned from its hello
	// message.
	SentinelAdded = monitor.SentinelAdded

	// SentinelAddressSwitch is +sentinel-address-switch: another Sentinel moved
	// to a new address.
	SentinelAddressSwitch = monitor.SentinelAddressSwitch

	// SentinelAddressUpdate is +sentinel-address-update: that new address was
	// copied to this Sentinel's entry under another master.
	SentinelAddressUpdate = monitor.SentinelAddressUpdate

	// SentinelInvalidAddr is +sentinel-invalid-addr: the address of a known
	// Sentinel was taken over by another id.
	SentinelInvalidAddr = monitor.SentinelInvalidAddr

	// Reboot is +reboot: the run id of a server changed, so it was restarted.
	Reboot = monitor.Reboot

	// RoleChange is +role-change when the role that a server reports changed and
	// now agrees with the configuration, and -role-change when it changed and now
	// disagrees.
	RoleChange = monitor.RoleChange

	// SDown is +sdown: this Sentinel, on its own, considers an instance down.
	SDown = monitor.SDown

	// SDownCleared is -sdown: it no longer does.
	SDownCleared = monitor.SDownCleared

	// ODown is +odown: at least quorum Sentinels agree that a master is down.
	ODown = monitor.ODown

	// ODownCleared is -odown: fewer than quorum Sentinels still agree.
	ODownCleared = monitor.ODownCleared

	// NewEpoch is +new-epoch: the current epoch was raised.
	NewEpoch = monitor.NewEpoch

	// TryFailover is +try-failover: this Sentinel stands for election to fail a
	// master over.
	TryFailover = monitor.TryFailover

	// VoteForLeader is +vote-for-leader: this Sentinel gave its vote. The vote is
	// already on disk.
	VoteForLeader = monitor.VoteForLeader

	// ElectedLeader is +elected-leader: this Sentinel won the election for its
	// epoch.
	ElectedLeader = monitor.ElectedLeader

	// FailoverStateSelectReplica is +failover-state-select-slave: the leader is
	// choosing among the replicas.
	FailoverStateSelectReplica = monitor.FailoverStateSelectReplica

	// SelectedReplica is +selected-slave: the leader chose the replica to
	// promote.
	SelectedReplica = monitor.SelectedReplica

	// FailoverStateSendReplicaOfNoOne is +failover-state-send-slaveof-noone: the
	// leader is about to promote the chosen replica.
	FailoverStateSendReplicaOfNoOne = monitor.FailoverStateSendReplicaOfNoOne

	// FailoverStateWaitPromotion is +failover-state-wait-promotion: the leader
	// sent SLAVEOF NO ONE and waits for the new role.
	FailoverStateWaitPromotion = monitor.FailoverStateWaitPromotion

	// PromotedReplica is +promoted-slave: the promoted server reports
	// role:master.
	PromotedReplica = monitor.PromotedReplica

	// FailoverStateReconfReplicas is +failover-state-reconf-slaves: the leader
	// begins to reconfigure the other replicas.
	FailoverStateReconfReplicas = monitor.FailoverStateReconfReplicas

	// ReplicaReconfSent is +slave-reconf-sent: a replica was told to follow the
	// new master.
	ReplicaReconfSent = monitor.ReplicaReconfSent

	// ReplicaReconfInProgress is +slave-reconf-inprog: a replica follows the new
	// master and is not in sync yet.
	ReplicaReconfInProgress = monitor.ReplicaReconfInProgress

	// ReplicaReconfDone is +slave-reconf-done: a replica is in sync with the new
	// master.
	ReplicaReconfDone = monitor.ReplicaReconfDone

	// ReplicaReconfSentTimeout is -slave-reconf-sent-timeout: a replica did not
	// begin to follow in time, so others are no longer held up by it.
	ReplicaReconfSentTimeout = monitor.ReplicaReconfSentTimeout

	// ReplicaReconfSentBestEffort is +slave-reconf-sent-be: at the end of the
	// failover the leader tells a remaining replica once more to follow.
	ReplicaReconfSentBestEffort = monitor.ReplicaReconfSentBestEffort

	// FailoverEndForTimeout is +failover-end-for-timeout: the failover ends
	// although not every replica follows the new master.
	FailoverEndForTimeout = monitor.FailoverEndForTimeout

	// FailoverEnd is +failover-end: the failover is complete.
	FailoverEnd = monitor.FailoverEnd

	// SwitchMaster is +switch-master: the address that clients must use for a
	// master has changed.
	SwitchMaster = monitor.SwitchMaster

	// ConfigUpdateFrom is +config-update-from: another Sentinel announced a
	// newer configuration of a master.
	ConfigUpdateFrom = monitor.ConfigUpdateFrom

	// ConvertToReplica is +convert-to-slave: a server that wrongly reports
	// role:master was told to follow.
	ConvertToReplica = monitor.ConvertToReplica

	// FixReplicaConfig is +fix-slave-config: a replica of the wrong master was
	// told to follow the right one.
	FixReplicaConfig = monitor.FixReplicaConfig

	// FailoverAbortNotElected is -failover-abort-not-elected: this Sentinel was
	// not elected in time.
	FailoverAbortNotElected = monitor.FailoverAbortNotElected

	// FailoverAbortNoGoodReplica is -failover-abort-no-good-slave: no replica is
	// suitable for promotion.
	FailoverAbortNoGoodReplica = monitor.FailoverAbortNoGoodReplica

	// FailoverAbortReplicaTimeout is -failover-abort-slave-timeout: the chosen
	// replica did not become a master in time.
	FailoverAbortReplicaTimeout = monitor.FailoverAbortReplicaTimeout

	// Tilt is +tilt: this process stood still for so long that it makes no
	// judgement for a while; -tilt: it judges again.
	Tilt = monitor.Tilt

	// ScriptError is -script-error: a notification or client reconfiguration
	// script failed for good.
	ScriptError = monitor.ScriptError

	// ScriptTimeout is -script-timeout: a script ran too long and was killed.
	ScriptTimeout = monitor.ScriptTimeout

	// ScriptChild is +script-child or -script-child: a script was started, or
	// ended. It is logged at debug level and not published to RESP subscribers.
	ScriptChild = monitor.ScriptChild

	// SwitchoverTakenOver is +switchover-takeover: a planned switchover was left
	// unfinished by its driver, and this Sentinel stands for finishing it.
	SwitchoverTakenOver = monitor.SwitchoverTakenOver
	// SwitchoverWaits is +switchover-wait: a planned switchover waits for a replica
	// that is being synchronised.
	SwitchoverWaits = monitor.SwitchoverWaits
	// SwitchoverDegraded is +switchover-degraded: a planned switchover goes on
	// without something that a server refuses.
	SwitchoverDegraded = monitor.SwitchoverDegraded
	// SwitchoverAborted is -switchover-abort: a planned switchover was given up.
	SwitchoverAborted = monitor.SwitchoverAborted
	// LinkReconnection is -cmd-link-reconnection or -pubsub-link-reconnection: a
	// connection failed. It is logged at debug level and not published to RESP
	// subscribers.
	LinkReconnection = monitor.LinkReconnection

	// SentinelIDConflict is +sentinel-id-conflict: two Sentinels share one id;
	// -sentinel-id-conflict: they no longer do. redis-sentinel has no such event.
	SentinelIDConflict = monitor.SentinelIDConflict

	// PersistError is +persist-error: the state cannot be saved, so this Sentinel
	// gives no new vote; -persist-error: it can be saved again. redis-sentinel
	// has no such event.
	PersistError = monitor.PersistError

	// FailoverWaits is +failover-waits: a failover has begun, and no replica is
	// promoted for its Reason. redis-sentinel has no such event.
	FailoverWaits = monitor.FailoverWaits

	// PromotionWithoutData is +promotion-without-data: a replica is promoted that
	// lacks the data of a master that had keys. redis-sentinel has no such event.
	PromotionWithoutData = monitor.PromotionWithoutData
)
