package monitor

import "time"

// MasterView is what SENTINEL MASTERS shows of one master (wire.md §4).
// Durations are ages at the moment of the view.
type MasterView struct {
	InstanceView
	FailoverState   string // meaningful while FailoverInProgress
	ConfigEpoch     Epoch
	Replicas        int // includes replicas that are not announced
	OtherSentinels  int
	Quorum          int
	FailoverTimeout time.Duration
	ParallelSyncs   int
	NotificationScript,
	ClientReconfigScript string
	// Current is the address that clients should use: the promoted replica's as
	// soon as its promotion is confirmed, else the configured one.
	Current HostPort
	// UsableSentinels counts this Sentinel and every peer that is not S_DOWN.
	UsableSentinels int
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
	Name             string // as in field "name": master name, replica address, or run id
	Addr             HostPort
	RunID            RunID
	Flags            Flags
	PendingCommands  int
	LinkRefs         int
	LastPingSent     time.Duration // age of the oldest unanswered PING; 0 when none
	LastOKPingReply  time.Duration
	LastPingReply    time.Duration
	SDownTime        time.Duration // meaningful with FlagSDown
	ODownTime        time.Duration // meaningful with FlagODown
	DownAfter        time.Duration
	InfoRefresh      time.Duration // 0 when INFO was never answered
	RoleReported     Role
	RoleReportedTime time.Duration
	Info             []byte // last INFO reply, nil when none
}

// Flags is the set of flags of an instance (state-machine.md §1.9).
type Flags uint32

// The flags in the order in which they are shown.
const (
	FlagSDown Flags = 1 << iota
	FlagODown
	FlagMaster
	FlagReplica
	FlagSentinel
	FlagDisconnected
	FlagMasterDown
	FlagFailoverInProgress
	FlagPromoted
	FlagReconfSent
	FlagReconfInProg
	FlagReconfDone
	FlagForceFailover
	FlagScriptKillSent
	FlagMasterReboot
)

var flagNames = []string{
	"s_down", "o_down", "master", "slave", "sentinel", "disconnected", "master_down",
	"failover_in_progress", "promoted", "reconf_sent", "reconf_inprog", "reconf_done",
	"force_failover", "script_kill_sent", "master_reboot",
}

// Has reports whether all flags of g are set.
func (f Flags) Has(g Flags) bool { return f&g == g }

// String returns the comma list of wire.md §4.
func (f Flags) String() string {
	var b []byte
	for i, name := range flagNames {
		if f&(1<<i) != 0 {
			if len(b) > 0 {
				b = append(b, ',')
			}
			b = append(b, name...)
		}
	}
	return string(b)
}
