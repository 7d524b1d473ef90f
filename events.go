package sentinel

import (
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/pubsub"
)

// Event is something that happened: see [monitor.Event] for its methods. A type
// switch over the types below tells events apart; Name gives the Pub/Sub
// channel and AppendText the message that RESP subscribers get for it.
type Event = monitor.Event

// HostPort is an address as shown to users.
type HostPort = monitor.HostPort

// Lagged stands in the event stream for events that were dropped because the
// consumer was too slow.
type Lagged = pubsub.Lagged

// The events, with their Pub/Sub channels.
type (
	Monitor                         = monitor.Monitor                         // +monitor
	MonitorStopped                  = monitor.MonitorStopped                  // -monitor
	Set                             = monitor.Set                             // +set
	ResetMaster                     = monitor.ResetMaster                     // +reset-master
	ReplicaAdded                    = monitor.ReplicaAdded                    // +slave
	SentinelAdded                   = monitor.SentinelAdded                   // +sentinel
	SentinelAddressSwitch           = monitor.SentinelAddressSwitch           // +sentinel-address-switch
	SentinelAddressUpdate           = monitor.SentinelAddressUpdate           // +sentinel-address-update
	SentinelInvalidAddr             = monitor.SentinelInvalidAddr             // +sentinel-invalid-addr
	Reboot                          = monitor.Reboot                          // +reboot
	RoleChange                      = monitor.RoleChange                      // +role-change, -role-change
	SDown                           = monitor.SDown                           // +sdown
	SDownCleared                    = monitor.SDownCleared                    // -sdown
	ODown                           = monitor.ODown                           // +odown
	ODownCleared                    = monitor.ODownCleared                    // -odown
	NewEpoch                        = monitor.NewEpoch                        // +new-epoch
	TryFailover                     = monitor.TryFailover                     // +try-failover
	VoteForLeader                   = monitor.VoteForLeader                   // +vote-for-leader
	ElectedLeader                   = monitor.ElectedLeader                   // +elected-leader
	FailoverStateSelectReplica      = monitor.FailoverStateSelectReplica      // +failover-state-select-slave
	SelectedReplica                 = monitor.SelectedReplica                 // +selected-slave
	FailoverStateSendReplicaOfNoOne = monitor.FailoverStateSendReplicaOfNoOne // +failover-state-send-slaveof-noone
	FailoverStateWaitPromotion      = monitor.FailoverStateWaitPromotion      // +failover-state-wait-promotion
	PromotedReplica                 = monitor.PromotedReplica                 // +promoted-slave
	FailoverStateReconfReplicas     = monitor.FailoverStateReconfReplicas     // +failover-state-reconf-slaves
	ReplicaReconfSent               = monitor.ReplicaReconfSent               // +slave-reconf-sent
	ReplicaReconfInProgress         = monitor.ReplicaReconfInProgress         // +slave-reconf-inprog
	ReplicaReconfDone               = monitor.ReplicaReconfDone               // +slave-reconf-done
	ReplicaReconfSentTimeout        = monitor.ReplicaReconfSentTimeout        // -slave-reconf-sent-timeout
	ReplicaReconfSentBestEffort     = monitor.ReplicaReconfSentBestEffort     // +slave-reconf-sent-be
	FailoverEndForTimeout           = monitor.FailoverEndForTimeout           // +failover-end-for-timeout
	FailoverEnd                     = monitor.FailoverEnd                     // +failover-end
	SwitchMaster                    = monitor.SwitchMaster                    // +switch-master
	ConfigUpdateFrom                = monitor.ConfigUpdateFrom                // +config-update-from
	ConvertToReplica                = monitor.ConvertToReplica                // +convert-to-slave
	FixReplicaConfig                = monitor.FixReplicaConfig                // +fix-slave-config
	FailoverAbortNotElected         = monitor.FailoverAbortNotElected         // -failover-abort-not-elected
	FailoverAbortNoGoodReplica      = monitor.FailoverAbortNoGoodReplica      // -failover-abort-no-good-slave
	FailoverAbortReplicaTimeout     = monitor.FailoverAbortReplicaTimeout     // -failover-abort-slave-timeout
	Tilt                            = monitor.Tilt                            // +tilt, -tilt
	ScriptError                     = monitor.ScriptError                     // -script-error
	ScriptTimeout                   = monitor.ScriptTimeout                   // -script-timeout
	SentinelIDConflict              = monitor.SentinelIDConflict              // +sentinel-id-conflict, -sentinel-id-conflict
	PersistError                    = monitor.PersistError                    // +persist-error, -persist-error
)
