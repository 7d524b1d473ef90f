package monitor

import (
	"fmt"
	"time"

	"github.com/gosentinel/sentinel/quorum"
)

// MasterView is what SENTINEL MASTERS shows of one master (wire.md §4, Instance
// maps). Durations are ages at the moment of the view.
type MasterView struct {
	InstanceView
	FailoverState  string // meaningful with FlagFailoverInProgress
	ConfigEpoch    Epoch
	Replicas       int // includes those with replica-announced no
	OtherSentinels int
	// Unreachable counts further Sentinels that were heard: they announce an
	// address at which they cannot be reached.
	Unreachable     int
	Quorum          int
	FailoverTimeout time.Duration
	ParallelSyncs   int
	NotificationScript,
	ClientReconfigScript string
	PlannedFailover     PlannedFailover
	EmptyPromotionGrace time.Duration // 0: not set
	AcceptEmpty         bool          // the next return without data is taken as it is
	DownAfterRefused    time.Duration // 0: refusals are not looked at
	ReplicaExpire       time.Duration // 0: replicas are kept for ever
	Observes            bool          // this Sentinel is an observer
	Pause               FailoverPause // Version 0: failovers are not paused
	PauseLeft           time.Duration
	Isolation           IsolationView
	Guards              []GuardView
	// Current is the address that clients should use: the promoted replica's as
	// soon as its promotion is confirmed, else the configured one.
	Current HostPort
	// UsableSentinels counts this Sentinel, unless it observes, and every peer that is not S_DOWN,
	// answers as the one that it should be, and does not refuse questions.
	UsableSentinels int
	// DeafSentinels counts the peers that refuse the question about a master, for
	// example because their SENTINEL command has another name. They are not
	// usable.
	DeafSentinels int
}

// CheckQuorum reports whether enough Sentinels are usable to declare the master
// O_DOWN, and whether enough are to elect the leader of a failover, as SENTINEL
// CKQUORUM does (wire.md §3.2, Read commands). A failover needs both.
func (v *MasterView) CheckQuorum() (quorumOK, majorityOK bool) {
	return quorum.Check(v.UsableSentinels, v.voters(), v.Quorum)
}

// QuorumText is the reply to SENTINEL CKQUORUM, and whether it is no error.
func (v *MasterView) QuorumText() (text string, ok bool) {
	quorum, majority := v.CheckQuorum()
	text = fmt.Sprintf("%d usable Sentinels. ", v.UsableSentinels)
	const noMajority = "Not enough available Sentinels to reach the majority and authorize a failover"
	deaf := ""
	if v.DeafSentinels > 0 {
		deaf = fmt.Sprintf(". %d more refuse SENTINEL IS-MASTER-DOWN-BY-ADDR: see SENTINEL SENTINELS %s EXTENDED", v.DeafSentinels, v.Name)
	}
	switch {
	case quorum && majority:
		return "OK " + text + "Quorum and failover authorization can be reached" + deaf, true
	case !quorum:
		text += "Not enough available Sentinels to reach the specified quorum for this master"
		if !majority {
			text += ". " + noMajority
		}
	default:
		text += noMajority
	}
	return "NOQUORUM " + text + deaf, false
}

// voters is how many Sentinels the master has: an observer is none.
func (v *MasterView) voters() int {
	if v.Observes {
		return v.OtherSentinels + v.Unreachable
	}
	return v.OtherSentinels + v.Unreachable + 1
}

// QuorumTrouble says why a failover of a master would not find enough Sentinels; ""
// when it would.
func (v *MasterView) QuorumTrouble() string {
	quorumOK, majorityOK := v.CheckQuorum()
	known := v.voters()
	var why string
	switch {
	case !quorumOK:
		why = fmt.Sprintf("%d of %d Sentinels are usable, fewer than the quorum of %d", v.UsableSentinels, known, v.Quorum)
	case !majorityOK:
		why = fmt.Sprintf("%d of %d Sentinels are usable, and that is no majority", v.UsableSentinels, known)
	default:
		return ""
	}
	if v.DeafSentinels > 0 {
		why += fmt.Sprintf("; %d refuse the question about a master", v.DeafSentinels)
	}
	if v.Unreachable > 0 {
		why += fmt.Sprintf("; %d announce an address that cannot be reached", v.Unreachable)
	}
	return why
}

// ReplicaView is what SENTINEL REPLICAS shows of one replica.
type ReplicaView struct {
	InstanceView
	MasterLinkDown time.Duration
	MasterLinkUp   bool
	MasterHost     string // "" when not known
	MasterPort     int
	Priority       int
	Offset         uint64
	Announced      bool
}

// SentinelView is what SENTINEL SENTINELS shows of one peer.
type SentinelView struct {
	InstanceView
	LastHello        time.Duration
	VotedLeader      RunID // "" when none
	VotedLeaderEpoch Epoch
	Software         PeerKind
	Gossip           GossipEndpoint // port 0 when it does not gossip, or not with us
}

// InstanceView holds what the three kinds of instance have in common.
type InstanceView struct {
	Name             string // field "name": master name, replica address, or run id
	Addr             HostPort
	RunID            RunID
	Flags            Flags
	CommandsUp       bool // whether commands can be sent; FlagDisconnected also tells of a missing subscription
	PendingCommands  int
	LinkRefs         int
	LastPingSent     time.Duration // age of the oldest unanswered PING; 0 when none
	LastOKPingReply  time.Duration
	LastPingReply    time.Duration
	RoundTrip        time.Duration // of the last PING that was answered; 0 when none was
	SDownTime        time.Duration // meaningful with FlagSDown
	ODownTime        time.Duration // meaningful with FlagODown
	DownAfter        time.Duration
	InfoRefresh      time.Duration // 0 when INFO was never answered
	RoleReported     Role
	RoleReportedTime time.Duration
	Info             InfoText // last INFO reply, "" when none
	Details          *Details // of that reply, not to be changed; nil when none

	// LinkError says why a connection does not come up or what is refused on it;
	// "" while all is well. LinkErrorSince is how long that has been so.
	LinkError      string
	LinkErrorSince time.Duration
}
