package monitor

import "strconv"

// Level is the importance of an event or log line.
type Level uint8

// Levels in rising order. Debug events are logged but not published; warning
// events also go to the notification script (wire.md §6, Events).
const (
	LevelDebug Level = iota
	LevelVerbose
	LevelNotice
	LevelWarning
)

// Event is something that happened to a monitored instance or to this Sentinel.
// Log line, Pub/Sub message, script argument and library callback all come from
// the same value, so they cannot differ.
//
// Every event of a core is a type of this file; package pubsub adds one of its
// own. Values are small structs without references into the core; they may be
// kept and shared.
type Event interface {
	// Name is the Pub/Sub channel, for example "+switch-master".
	Name() string
	// Level is the importance of the event.
	Level() Level
	// AppendText appends the exact payload of the Pub/Sub message.
	AppendText(dst []byte) []byte
}

// MaxEventText is the longest payload, in bytes, that is published; the rest is
// cut off.
const MaxEventText = 1023

// Instance describes the instance that an event is about, as it was when the
// event happened.
type Instance struct {
	Kind       Kind
	Name       string // master name, replica "addr:port", or Sentinel run id
	Addr       HostPort
	Master     string   // name of its master, for replicas and Sentinels
	MasterAddr HostPort // and that master's address
}

// MasterName returns the name of the master that the instance is or belongs to.
func (i Instance) MasterName() string {
	if i.Kind == KindMaster {
		return i.Name
	}
	return i.Master
}

// AppendText appends the instance prefix that most event payloads consist of.
func (i Instance) AppendText(dst []byte) []byte {
	dst = append(dst, i.Kind.String()...)
	dst = append(dst, ' ')
	dst = append(dst, i.Name...)
	dst = append(dst, ' ')
	dst = appendHostPort(dst, i.Addr)
	if i.Kind != KindMaster {
		dst = append(dst, " @ "...)
		dst = append(dst, i.Master...)
		dst = append(dst, ' ')
		dst = appendHostPort(dst, i.MasterAddr)
	}
	return dst
}

func appendHostPort(dst []byte, a HostPort) []byte {
	dst = append(dst, a.Host...)
	dst = append(dst, ' ')
	return strconv.AppendInt(dst, int64(a.Port), 10)
}

// The events about one instance whose payload is just that instance.
type (
	// MonitorStopped is -monitor.
	MonitorStopped struct{ Instance }
	// ResetMaster is +reset-master.
	ResetMaster struct{ Instance }
	// ReplicaAdded is +slave: a replica was discovered or re-added after a switch.
	ReplicaAdded struct{ Instance }
	// SentinelAdded is +sentinel: a peer was learned from its hello.
	SentinelAdded struct{ Instance }
	// SentinelInvalidAddr is +sentinel-invalid-addr: another Sentinel announces this one's address.
	SentinelInvalidAddr struct{ Instance }
	// Reboot is +reboot: the server's run id changed.
	Reboot struct{ Instance }
	// SDown is +sdown.
	SDown struct{ Instance }
	// SDownCleared is -sdown.
	SDownCleared struct{ Instance }
	// ODownCleared is -odown.
	ODownCleared struct{ Instance }
	// SwitchoverTakenOver is +switchover-takeover: a planned switchover was left
	// unfinished by its driver, and this Sentinel stands for finishing it.
	SwitchoverTakenOver struct{ Instance }
	// TryFailover is +try-failover.
	TryFailover struct{ Instance }
	// ElectedLeader is +elected-leader.
	ElectedLeader struct{ Instance }
	// FailoverStateSelectReplica is +failover-state-select-slave.
	FailoverStateSelectReplica struct{ Instance }
	// SelectedReplica is +selected-slave.
	SelectedReplica struct{ Instance }
	// FailoverStateSendReplicaOfNoOne is +failover-state-send-slaveof-noone.
	FailoverStateSendReplicaOfNoOne struct{ Instance }
	// FailoverStateWaitPromotion is +failover-state-wait-promotion.
	FailoverStateWaitPromotion struct{ Instance }
	// PromotedReplica is +promoted-slave: the promoted server said role:master.
	PromotedReplica struct{ Instance }
	// FailoverStateReconfReplicas is +failover-state-reconf-slaves.
	FailoverStateReconfReplicas struct{ Instance }
	// ReplicaReconfSent is +slave-reconf-sent.
	ReplicaReconfSent struct{ Instance }
	// ReplicaReconfInProgress is +slave-reconf-inprog.
	ReplicaReconfInProgress struct{ Instance }
	// ReplicaReconfDone is +slave-reconf-done.
	ReplicaReconfDone struct{ Instance }
	// ReplicaReconfSentTimeout is -slave-reconf-sent-timeout.
	ReplicaReconfSentTimeout struct{ Instance }
	// ReplicaReconfSentBestEffort is +slave-reconf-sent-be.
	ReplicaReconfSentBestEffort struct{ Instance }
	// FailoverEndForTimeout is +failover-end-for-timeout.
	FailoverEndForTimeout struct{ Instance }
	// FailoverEnd is +failover-end.
	FailoverEnd struct{ Instance }
	// ConfigUpdateFrom is +config-update-from: a peer announced a newer configuration.
	ConfigUpdateFrom struct{ Instance }
	// ConvertToReplica is +convert-to-slave.
	ConvertToReplica struct{ Instance }
	// FixReplicaConfig is +fix-slave-config.
	FixReplicaConfig struct{ Instance }
	// FailoverAbortNotElected is -failover-abort-not-elected.
	FailoverAbortNotElected struct{ Instance }
	// FailoverAbortNoGoodReplica is -failover-abort-no-good-slave.
	FailoverAbortNoGoodReplica struct{ Instance }
	// FailoverAbortReplicaTimeout is -failover-abort-slave-timeout.
	FailoverAbortReplicaTimeout struct{ Instance }
)

// Monitor is +monitor.
type Monitor struct {
	Instance
	Quorum int
}

// Set is +set: one option of a master was changed at run time.
type Set struct {
	Instance
	Option string
	Values []string // a password is "******"
}

// SentinelAddressSwitch is +sentinel-address-switch: a known peer announced a
// new address. Instance is the master.
type SentinelAddressSwitch struct {
	Instance
	To    HostPort
	RunID RunID
}

// SentinelAddressUpdate is +sentinel-address-update: the new address of a peer
// was copied to Count other masters that know it.
type SentinelAddressUpdate struct {
	Instance
	Count int
}

// RoleChange is +role-change or -role-change: the role that a server reports
// changed and now agrees (Expected) or disagrees with the configuration.
type RoleChange struct {
	Instance
	Role     Role
	Expected bool
}

// ODown is +odown, with the votes that were counted and the quorum.
type ODown struct {
	Instance
	Votes, Quorum int
}

// NewEpoch is +new-epoch: the current epoch was raised.
type NewEpoch struct{ Epoch Epoch }

// VoteForLeader is +vote-for-leader: this Sentinel gave its vote for Master.
type VoteForLeader struct {
	Master string
	RunID  RunID
	Epoch  Epoch
}

// SwitchMaster is +switch-master: the master is at another address now. Epoch
// is the configuration epoch that the new address belongs to.
type SwitchMaster struct {
	Master   string
	From, To HostPort
	Epoch    Epoch
}

// Tilt is +tilt (Entered) or -tilt: the process was stalled and judges nothing
// for a while.
type Tilt struct{ Entered bool }

// ScriptError is -script-error: a script failed for good.
type ScriptError struct {
	Path             string
	Signal, ExitCode int
}

// ScriptTimeout is -script-timeout: a script ran too long and was killed.
type ScriptTimeout struct {
	Path string
	PID  int
}

// ScriptChild is +script-child or -script-child. It is logged, not published.
type ScriptChild struct {
	Started               bool
	PID, ExitCode, Signal int
}

// SwitchoverWaits is +switchover-wait: a planned switchover waits for a replica that
// is being synchronised. Reason says which, and for what.
type SwitchoverWaits struct {
	Instance
	Reason string
}

// SwitchoverDegraded is +switchover-degraded: a planned switchover goes on without
// something that a server refuses. Reason says what, and the server's error, which
// names a missing right.
type SwitchoverDegraded struct {
	Instance
	Reason string
}

// SwitchoverAborted is -switchover-abort: a planned switchover was given up. Reason
// says why.
type SwitchoverAborted struct {
	Instance
	Reason string
}

// LinkReconnection is -cmd-link-reconnection or -pubsub-link-reconnection: a
// connection failed. It is logged, not published.
type LinkReconnection struct {
	Instance
	PubSub bool
	Reason string
}

// SentinelIDConflict is +sentinel-id-conflict, or -sentinel-id-conflict when it
// is Over: the Sentinel at Addr, which may be this one, shares its id with the
// one at Other. It is not an event of stock Sentinels.
type SentinelIDConflict struct {
	RunID       RunID
	Addr, Other HostPort
	Over        bool
}

// PersistError is +persist-error (Failing) or -persist-error: the state cannot
// be saved, so this Sentinel gives no new vote, or it can again. Stock
// Sentinels have no such event.
type PersistError struct {
	Failing bool
	Reason  string
}

// FailoverWaits is +failover-waits: a failover has begun, and no replica is promoted
// for Reason. Stock Sentinels have no such event.
type FailoverWaits struct {
	Instance
	Reason string
}

// PromotionWithoutData is +promotion-without-data: a replica is promoted that lacks,
// by Reason, the data of a master that had keys. Stock Sentinels have no such event.
type PromotionWithoutData struct {
	Instance
	Reason string
}

// Name implements [Event].
func (MonitorStopped) Name() string                  { return "-monitor" }
func (ResetMaster) Name() string                     { return "+reset-master" }
func (ReplicaAdded) Name() string                    { return "+slave" }
func (SentinelAdded) Name() string                   { return "+sentinel" }
func (SentinelInvalidAddr) Name() string             { return "+sentinel-invalid-addr" }
func (Reboot) Name() string                          { return "+reboot" }
func (SDown) Name() string                           { return "+sdown" }
func (SDownCleared) Name() string                    { return "-sdown" }
func (ODownCleared) Name() string                    { return "-odown" }
func (TryFailover) Name() string                     { return "+try-failover" }
func (ElectedLeader) Name() string                   { return "+elected-leader" }
func (FailoverStateSelectReplica) Name() string      { return "+failover-state-select-slave" }
func (SelectedReplica) Name() string                 { return "+selected-slave" }
func (FailoverStateSendReplicaOfNoOne) Name() string { return "+failover-state-send-slaveof-noone" }
func (FailoverStateWaitPromotion) Name() string      { return "+failover-state-wait-promotion" }
func (PromotedReplica) Name() string                 { return "+promoted-slave" }
func (FailoverStateReconfReplicas) Name() string     { return "+failover-state-reconf-slaves" }
func (ReplicaReconfSent) Name() string               { return "+slave-reconf-sent" }
func (ReplicaReconfInProgress) Name() string         { return "+slave-reconf-inprog" }
func (ReplicaReconfDone) Name() string               { return "+slave-reconf-done" }
func (ReplicaReconfSentTimeout) Name() string        { return "-slave-reconf-sent-timeout" }
func (ReplicaReconfSentBestEffort) Name() string     { return "+slave-reconf-sent-be" }
func (FailoverEndForTimeout) Name() string           { return "+failover-end-for-timeout" }
func (FailoverEnd) Name() string                     { return "+failover-end" }
func (ConfigUpdateFrom) Name() string                { return "+config-update-from" }
func (ConvertToReplica) Name() string                { return "+convert-to-slave" }
func (FixReplicaConfig) Name() string                { return "+fix-slave-config" }
func (FailoverAbortNotElected) Name() string         { return "-failover-abort-not-elected" }
func (FailoverAbortNoGoodReplica) Name() string      { return "-failover-abort-no-good-slave" }
func (FailoverAbortReplicaTimeout) Name() string     { return "-failover-abort-slave-timeout" }
func (Monitor) Name() string                         { return "+monitor" }
func (Set) Name() string                             { return "+set" }
func (SentinelAddressSwitch) Name() string           { return "+sentinel-address-switch" }
func (SentinelAddressUpdate) Name() string           { return "+sentinel-address-update" }
func (ODown) Name() string                           { return "+odown" }
func (NewEpoch) Name() string                        { return "+new-epoch" }
func (VoteForLeader) Name() string                   { return "+vote-for-leader" }
func (SwitchMaster) Name() string                    { return "+switch-master" }
func (ScriptError) Name() string                     { return "-script-error" }
func (ScriptTimeout) Name() string                   { return "-script-timeout" }
func (FailoverWaits) Name() string                   { return "+failover-waits" }
func (PromotionWithoutData) Name() string            { return "+promotion-without-data" }
func (e RoleChange) Name() string                    { return signed(e.Expected, "role-change") }
func (e Tilt) Name() string                          { return signed(e.Entered, "tilt") }
func (e ScriptChild) Name() string                   { return signed(e.Started, "script-child") }
func (e SentinelIDConflict) Name() string            { return signed(!e.Over, "sentinel-id-conflict") }
func (e PersistError) Name() string                  { return signed(e.Failing, "persist-error") }
func (SwitchoverTakenOver) Name() string             { return "+switchover-takeover" }
func (SwitchoverWaits) Name() string                 { return "+switchover-wait" }
func (SwitchoverDegraded) Name() string              { return "+switchover-degraded" }
func (SwitchoverAborted) Name() string               { return "-switchover-abort" }
func (e LinkReconnection) Name() string {
	if e.PubSub {
		return "-pubsub-link-reconnection"
	}
	return "-cmd-link-reconnection"
}

func signed(plus bool, name string) string {
	if plus {
		return "+" + name
	}
	return "-" + name
}

// Level makes warning the default level of the events about an instance.
func (Instance) Level() Level { return LevelWarning }

// Level implements [Event] for the events below warning level.
func (ReplicaAdded) Level() Level                    { return LevelNotice }
func (SentinelAdded) Level() Level                   { return LevelNotice }
func (SentinelInvalidAddr) Level() Level             { return LevelNotice }
func (SentinelAddressSwitch) Level() Level           { return LevelNotice }
func (SentinelAddressUpdate) Level() Level           { return LevelNotice }
func (Reboot) Level() Level                          { return LevelNotice }
func (ConvertToReplica) Level() Level                { return LevelNotice }
func (FixReplicaConfig) Level() Level                { return LevelNotice }
func (FailoverStateSendReplicaOfNoOne) Level() Level { return LevelNotice }
func (FailoverStateWaitPromotion) Level() Level      { return LevelNotice }
func (ReplicaReconfSent) Level() Level               { return LevelNotice }
func (ReplicaReconfInProgress) Level() Level         { return LevelNotice }
func (ReplicaReconfDone) Level() Level               { return LevelNotice }
func (ReplicaReconfSentTimeout) Level() Level        { return LevelNotice }
func (ReplicaReconfSentBestEffort) Level() Level     { return LevelNotice }
func (RoleChange) Level() Level                      { return LevelVerbose }
func (LinkReconnection) Level() Level                { return LevelDebug }
func (SwitchoverTakenOver) Level() Level             { return LevelWarning }
func (SwitchoverWaits) Level() Level                 { return LevelNotice }
func (SwitchoverDegraded) Level() Level              { return LevelWarning }
func (SwitchoverAborted) Level() Level               { return LevelWarning }
func (ScriptChild) Level() Level                     { return LevelDebug }
func (NewEpoch) Level() Level                        { return LevelWarning }
func (VoteForLeader) Level() Level                   { return LevelWarning }
func (SwitchMaster) Level() Level                    { return LevelWarning }
func (Tilt) Level() Level                            { return LevelWarning }
func (ScriptError) Level() Level                     { return LevelWarning }
func (ScriptTimeout) Level() Level                   { return LevelWarning }
func (SentinelIDConflict) Level() Level              { return LevelWarning }
func (PersistError) Level() Level                    { return LevelWarning }

// AppendText implements [Event] for the events that say more than the instance.
func (e Monitor) AppendText(dst []byte) []byte {
	dst = append(e.Instance.AppendText(dst), " quorum "...)
	return strconv.AppendInt(dst, int64(e.Quorum), 10)
}

// AppendText implements [Event].
func (e Set) AppendText(dst []byte) []byte {
	dst = append(e.Instance.AppendText(dst), ' ')
	dst = append(dst, e.Option...)
	for _, v := range e.Values {
		dst = append(dst, ' ')
		dst = append(dst, v...)
	}
	return dst
}

// AppendText implements [Event].
func (e SentinelAddressSwitch) AppendText(dst []byte) []byte {
	dst = append(e.Instance.AppendText(dst), " ip "...)
	dst = append(dst, e.To.Host...)
	dst = append(dst, " port "...)
	dst = strconv.AppendInt(dst, int64(e.To.Port), 10)
	dst = append(dst, " for "...)
	return append(dst, e.RunID...)
}

// AppendText implements [Event].
func (e SentinelAddressUpdate) AppendText(dst []byte) []byte {
	dst = append(e.Instance.AppendText(dst), ' ')
	dst = strconv.AppendInt(dst, int64(e.Count), 10)
	return append(dst, " additional matching instances"...)
}

// AppendText implements [Event].
func (e RoleChange) AppendText(dst []byte) []byte {
	dst = append(e.Instance.AppendText(dst), " new reported role is "...)
	return append(dst, e.Role.String()...)
}

// AppendText implements [Event].
func (e ODown) AppendText(dst []byte) []byte {
	dst = append(e.Instance.AppendText(dst), " #quorum "...)
	dst = strconv.AppendInt(dst, int64(e.Votes), 10)
	dst = append(dst, '/')
	return strconv.AppendInt(dst, int64(e.Quorum), 10)
}

// AppendText implements [Event].
func (e NewEpoch) AppendText(dst []byte) []byte {
	return strconv.AppendUint(dst, uint64(e.Epoch), 10)
}

// AppendText implements [Event].
func (e VoteForLeader) AppendText(dst []byte) []byte {
	dst = append(dst, e.RunID...)
	dst = append(dst, ' ')
	return strconv.AppendUint(dst, uint64(e.Epoch), 10)
}

// AppendText implements [Event].
func (e SwitchMaster) AppendText(dst []byte) []byte {
	dst = append(dst, e.Master...)
	dst = append(dst, ' ')
	dst = appendHostPort(dst, e.From)
	dst = append(dst, ' ')
	return appendHostPort(dst, e.To)
}

// AppendText implements [Event].
func (e Tilt) AppendText(dst []byte) []byte {
	if e.Entered {
		return append(dst, "#tilt mode entered"...)
	}
	return append(dst, "#tilt mode exited"...)
}

// AppendText implements [Event].
func (e ScriptError) AppendText(dst []byte) []byte {
	dst = append(dst, e.Path...)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, int64(e.Signal), 10)
	dst = append(dst, ' ')
	return strconv.AppendInt(dst, int64(e.ExitCode), 10)
}

// AppendText implements [Event].
func (e ScriptTimeout) AppendText(dst []byte) []byte {
	dst = append(dst, e.Path...)
	dst = append(dst, ' ')
	return strconv.AppendInt(dst, int64(e.PID), 10)
}

// AppendText implements [Event]. Exit code and signal stand in the opposite
// order to -script-error, as in stock Sentinels.
func (e ScriptChild) AppendText(dst []byte) []byte {
	dst = strconv.AppendInt(dst, int64(e.PID), 10)
	if e.Started {
		return dst
	}
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, int64(e.ExitCode), 10)
	dst = append(dst, ' ')
	return strconv.AppendInt(dst, int64(e.Signal), 10)
}

// AppendText implements [Event].
func (e SwitchoverWaits) AppendText(dst []byte) []byte { return e.appendReason(dst, e.Reason) }

// AppendText implements [Event].
func (e SwitchoverDegraded) AppendText(dst []byte) []byte { return e.appendReason(dst, e.Reason) }

// AppendText implements [Event].
func (e SwitchoverAborted) AppendText(dst []byte) []byte { return e.appendReason(dst, e.Reason) }

func (i Instance) appendReason(dst []byte, reason string) []byte {
	return append(append(i.AppendText(dst), " #"...), reason...)
}

// AppendText implements [Event].
func (e LinkReconnection) AppendText(dst []byte) []byte {
	dst = append(e.Instance.AppendText(dst), " #"...)
	return append(dst, e.Reason...)
}

// AppendText implements [Event].
func (e SentinelIDConflict) AppendText(dst []byte) []byte {
	dst = append(dst, e.RunID...)
	dst = appendHostPort(append(dst, ' '), e.Addr)
	return appendHostPort(append(dst, ' '), e.Other)
}

// AppendText implements [Event].
func (e FailoverWaits) AppendText(dst []byte) []byte {
	return append(append(e.Instance.AppendText(dst), " #"...), e.Reason...)
}

// AppendText implements [Event].
func (e PromotionWithoutData) AppendText(dst []byte) []byte {
	return append(append(e.Instance.AppendText(dst), " #"...), e.Reason...)
}

// AppendText implements [Event].
func (e PersistError) AppendText(dst []byte) []byte {
	if e.Failing {
		dst = append(dst, "#no vote is given until the state can be saved: "...)
		return append(dst, e.Reason...)
	}
	return append(dst, "#state saved again"...)
}
