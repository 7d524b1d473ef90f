package event

import (
	"log/slog"
	"strconv"
	"time"
)

// NewEpoch is +new-epoch: the current epoch was raised.
type NewEpoch struct{ Epoch Epoch }

func (NewEpoch) Name() string           { return "+new-epoch" }
func (NewEpoch) Level() Level           { return LevelWarning }
func (e NewEpoch) LogValue() slog.Value { return logValue(e, slog.Uint64("epoch", uint64(e.Epoch))) }

func (e NewEpoch) AppendText(dst []byte) []byte {
	return strconv.AppendUint(dst, uint64(e.Epoch), 10)
}

// TryFailover is +try-failover: this Sentinel stands for election to fail a
// master over.
type TryFailover struct{ Instance }

func (TryFailover) Name() string           { return "+try-failover" }
func (e TryFailover) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// VoteForLeader is +vote-for-leader: this Sentinel gave its vote. The vote is
// already on disk.
type VoteForLeader struct {
	Master string
	RunID  RunID
	Epoch  Epoch
}

func (VoteForLeader) Name() string { return "+vote-for-leader" }
func (VoteForLeader) Level() Level { return LevelWarning }

func (e VoteForLeader) AppendText(dst []byte) []byte {
	dst = append(dst, e.RunID...)
	dst = append(dst, ' ')
	return strconv.AppendUint(dst, uint64(e.Epoch), 10)
}

func (e VoteForLeader) LogValue() slog.Value {
	return logValue(e, slog.String("master", e.Master), slog.String("sentinel", string(e.RunID)), slog.Uint64("epoch", uint64(e.Epoch)))
}

// ElectedLeader is +elected-leader: this Sentinel won the election for its
// epoch.
type ElectedLeader struct{ Instance }

func (ElectedLeader) Name() string           { return "+elected-leader" }
func (e ElectedLeader) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// FailoverStateSelectReplica is +failover-state-select-slave: the leader is
// choosing among the replicas.
type FailoverStateSelectReplica struct{ Instance }

func (FailoverStateSelectReplica) Name() string           { return "+failover-state-select-slave" }
func (e FailoverStateSelectReplica) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// FailoverWaits is +failover-waits: a failover has begun, and no replica is
// promoted for its Reason. redis-sentinel has no such event.
type FailoverWaits struct {
	Instance
	Reason string
}

func (FailoverWaits) Name() string { return "+failover-waits" }

func (e FailoverWaits) AppendText(dst []byte) []byte {
	return append(append(e.Instance.AppendText(dst), " #"...), e.Reason...)
}

func (e FailoverWaits) LogValue() slog.Value {
	return logValue(e, append(e.attrs(), slog.String("reason", e.Reason))...)
}

// SelectedReplica is +selected-slave: the leader chose the replica to
// promote.
type SelectedReplica struct{ Instance }

func (SelectedReplica) Name() string           { return "+selected-slave" }
func (e SelectedReplica) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// PromotionWithoutData is +promotion-without-data: a replica is promoted that
// lacks the data of a master that had keys. redis-sentinel has no such event.
type PromotionWithoutData struct {
	Instance
	Reason string
}

func (PromotionWithoutData) Name() string { return "+promotion-without-data" }

func (e PromotionWithoutData) AppendText(dst []byte) []byte {
	return append(append(e.Instance.AppendText(dst), " #"...), e.Reason...)
}

func (e PromotionWithoutData) LogValue() slog.Value {
	return logValue(e, append(e.attrs(), slog.String("reason", e.Reason))...)
}

// FailoverStateSendReplicaOfNoOne is +failover-state-send-slaveof-noone: the
// leader is about to promote the chosen replica.
type FailoverStateSendReplicaOfNoOne struct{ Instance }

func (FailoverStateSendReplicaOfNoOne) Name() string           { return "+failover-state-send-slaveof-noone" }
func (FailoverStateSendReplicaOfNoOne) Level() Level           { return LevelNotice }
func (e FailoverStateSendReplicaOfNoOne) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// FailoverStateWaitPromotion is +failover-state-wait-promotion: the leader
// sent SLAVEOF NO ONE and waits for the new role.
type FailoverStateWaitPromotion struct{ Instance }

func (FailoverStateWaitPromotion) Name() string           { return "+failover-state-wait-promotion" }
func (FailoverStateWaitPromotion) Level() Level           { return LevelNotice }
func (e FailoverStateWaitPromotion) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// PromotedReplica is +promoted-slave: the promoted server reports
// role:master.
type PromotedReplica struct{ Instance }

func (PromotedReplica) Name() string           { return "+promoted-slave" }
func (e PromotedReplica) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// FailoverStateReconfReplicas is +failover-state-reconf-slaves: the leader
// begins to reconfigure the other replicas.
type FailoverStateReconfReplicas struct{ Instance }

func (FailoverStateReconfReplicas) Name() string           { return "+failover-state-reconf-slaves" }
func (e FailoverStateReconfReplicas) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// ReplicaReconfSent is +slave-reconf-sent: a replica was told to follow the
// new master.
type ReplicaReconfSent struct{ Instance }

func (ReplicaReconfSent) Name() string           { return "+slave-reconf-sent" }
func (ReplicaReconfSent) Level() Level           { return LevelNotice }
func (e ReplicaReconfSent) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// ReplicaReconfInProgress is +slave-reconf-inprog: a replica follows the new
// master and is not in sync yet.
type ReplicaReconfInProgress struct{ Instance }

func (ReplicaReconfInProgress) Name() string           { return "+slave-reconf-inprog" }
func (ReplicaReconfInProgress) Level() Level           { return LevelNotice }
func (e ReplicaReconfInProgress) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// ReplicaReconfDone is +slave-reconf-done: a replica is in sync with the new
// master.
type ReplicaReconfDone struct{ Instance }

func (ReplicaReconfDone) Name() string           { return "+slave-reconf-done" }
func (ReplicaReconfDone) Level() Level           { return LevelNotice }
func (e ReplicaReconfDone) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// ReplicaReconfSentTimeout is -slave-reconf-sent-timeout: a replica did not
// begin to follow in time, so others are no longer held up by it.
type ReplicaReconfSentTimeout struct{ Instance }

func (ReplicaReconfSentTimeout) Name() string           { return "-slave-reconf-sent-timeout" }
func (ReplicaReconfSentTimeout) Level() Level           { return LevelNotice }
func (e ReplicaReconfSentTimeout) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// ReplicaReconfSentBestEffort is +slave-reconf-sent-be: at the end of the
// failover the leader tells a remaining replica once more to follow.
type ReplicaReconfSentBestEffort struct{ Instance }

func (ReplicaReconfSentBestEffort) Name() string           { return "+slave-reconf-sent-be" }
func (ReplicaReconfSentBestEffort) Level() Level           { return LevelNotice }
func (e ReplicaReconfSentBestEffort) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// FailoverEndForTimeout is +failover-end-for-timeout: the failover ends
// although not every replica follows the new master.
type FailoverEndForTimeout struct{ Instance }

func (FailoverEndForTimeout) Name() string           { return "+failover-end-for-timeout" }
func (e FailoverEndForTimeout) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// FailoverEnd is +failover-end: the failover is complete.
type FailoverEnd struct{ Instance }

func (FailoverEnd) Name() string           { return "+failover-end" }
func (e FailoverEnd) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// SwitchMaster is +switch-master: the address that clients must use for a
// master has changed.
type SwitchMaster struct {
	Master   string
	From, To HostPort
	Epoch    Epoch
}

func (SwitchMaster) Name() string { return "+switch-master" }
func (SwitchMaster) Level() Level { return LevelWarning }

func (e SwitchMaster) AppendText(dst []byte) []byte {
	dst = append(dst, e.Master...)
	dst = append(dst, ' ')
	dst = appendHostPort(dst, e.From)
	dst = append(dst, ' ')
	return appendHostPort(dst, e.To)
}

func (e SwitchMaster) LogValue() slog.Value {
	return logValue(e, slog.String("master", e.Master), slog.String("from", e.From.String()), slog.String("to", e.To.String()), slog.Uint64("epoch", uint64(e.Epoch)))
}

// ConfigUpdateFrom is +config-update-from: another Sentinel announced a
// newer configuration of a master.
type ConfigUpdateFrom struct{ Instance }

func (ConfigUpdateFrom) Name() string           { return "+config-update-from" }
func (e ConfigUpdateFrom) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// ConvertToReplica is +convert-to-slave: a server that wrongly reports
// role:master was told to follow.
type ConvertToReplica struct{ Instance }

func (ConvertToReplica) Name() string           { return "+convert-to-slave" }
func (ConvertToReplica) Level() Level           { return LevelNotice }
func (e ConvertToReplica) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// FixReplicaConfig is +fix-slave-config: a replica of the wrong master was
// told to follow the right one.
type FixReplicaConfig struct{ Instance }

func (FixReplicaConfig) Name() string           { return "+fix-slave-config" }
func (FixReplicaConfig) Level() Level           { return LevelNotice }
func (e FixReplicaConfig) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// FailoverAbortNotElected is -failover-abort-not-elected: this Sentinel was
// not elected in time.
type FailoverAbortNotElected struct{ Instance }

func (FailoverAbortNotElected) Name() string           { return "-failover-abort-not-elected" }
func (e FailoverAbortNotElected) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// FailoverAbortNoGoodReplica is -failover-abort-no-good-slave: no replica is
// suitable for promotion.
type FailoverAbortNoGoodReplica struct{ Instance }

func (FailoverAbortNoGoodReplica) Name() string           { return "-failover-abort-no-good-slave" }
func (e FailoverAbortNoGoodReplica) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// FailoverAbortReplicaTimeout is -failover-abort-slave-timeout: the chosen
// replica did not become a master in time.
type FailoverAbortReplicaTimeout struct{ Instance }

func (FailoverAbortReplicaTimeout) Name() string           { return "-failover-abort-slave-timeout" }
func (e FailoverAbortReplicaTimeout) LogValue() slog.Value { return logValue(e, e.attrs()...) }

// FailoverHeld is +failover-held: the program that runs this Sentinel does not let it
// fail a master over now. It is asked again. redis-sentinel has no such event.
type FailoverHeld struct {
	Instance
	Veto   bool   // and not only a delay
	Reason string // in words: the verdict, and why
}

func (FailoverHeld) Name() string                   { return "+failover-held" }
func (e FailoverHeld) AppendText(dst []byte) []byte { return e.appendReason(dst, e.Reason) }

func (e FailoverHeld) LogValue() slog.Value {
	return logValue(e, append(e.attrs(), slog.Bool("veto", e.Veto), slog.String("reason", e.Reason))...)
}

// FailoverPaused is +failover-paused: an operator has paused the failovers of a
// master. redis-sentinel has no such event.
type FailoverPaused struct {
	Instance
	Until  time.Time
	By     RunID  // the Sentinel that the operator told
	Reason string // "" when none was given
}

func (FailoverPaused) Name() string { return "+failover-paused" }

func (e FailoverPaused) AppendText(dst []byte) []byte {
	dst = append(e.Until.AppendFormat(append(e.Instance.AppendText(dst), " #until "...), time.RFC3339), " by "...)
	dst = append(dst, e.By...)
	if e.Reason != "" {
		dst = append(append(dst, ": "...), e.Reason...)
	}
	return dst
}

func (e FailoverPaused) LogValue() slog.Value {
	return logValue(e, append(e.attrs(), slog.Time("until", e.Until), slog.String("by", string(e.By)), slog.String("reason", e.Reason))...)
}

// Forgotten is +forgotten: an operator has had a replica, or another Sentinel, of a master
// forgotten. redis-sentinel has no such event.
type Forgotten struct {
	Instance
	By RunID // the Sentinel that the operator told
}

func (Forgotten) Name() string { return "+forgotten" }
func (e Forgotten) AppendText(dst []byte) []byte {
	return append(append(e.Instance.AppendText(dst), " #by "...), e.By...)
}

func (e Forgotten) LogValue() slog.Value {
	return logValue(e, append(e.attrs(), slog.String("by", string(e.By)))...)
}

// FailoverResumed is +failover-resumed: a pause of the failovers of a master is over.
// redis-sentinel has no such event.
type FailoverResumed struct {
	Instance
	Reason string // in words: who has ended it, or that its time is over
}

func (FailoverResumed) Name() string                   { return "+failover-resumed" }
func (e FailoverResumed) AppendText(dst []byte) []byte { return e.appendReason(dst, e.Reason) }

func (e FailoverResumed) LogValue() slog.Value {
	return logValue(e, append(e.attrs(), slog.String("reason", e.Reason))...)
}
