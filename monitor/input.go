package monitor

import "time"

// Input is one thing that happened outside the core. The set is closed: every
// input is a type of this file.
type Input interface{ isInput() }

// ConnID names one connection attempt and the connection it becomes. The core
// never uses an id twice, so what arrives late from a replaced connection is
// recognised and ignored.
type ConnID uint64

// Token is an opaque mark that a [Send] carries and the reply to it repeats.
type Token struct {
	Instance InstanceID
	Seq      uint64
}

// InstanceID names one instance record of the core, never used twice.
type InstanceID uint64

// PeerRef is an opaque return address: the caller that puts a request into the
// core chooses it, and finds it on the answer.
type PeerRef uint64

// Tick says that time has passed. The shell sends one when [Core.NextDeadline]
// is reached; more are harmless.
type Tick struct{}

// Stood says that this process has slept: the machine was suspended or paused, or the
// process was stopped. By is how much time went by that the clock of the core does not
// show, as far as the shell can tell; 0: none. The shell sends it before all that
// arrived until then, and with the instant of now, so that what came before the sleep is
// judged after it.
type Stood struct{ By time.Duration }

// LinkUp says that a dialled connection is established and that commands sent
// on it now leave at once. LocalIP is the address of this end, as the peer sees
// it. RemoteIP is the address that answered; "" means the first of the [Dial].
type LinkUp struct {
	Conn     ConnID
	LocalIP  string
	RemoteIP string
}

// LinkDown says that a connection failed, was refused or was closed by the
// other side. It is not sent for connections that the core closed.
type LinkDown struct {
	Conn   ConnID
	Reason string
	Loss   Loss
}

// Loss says how a connection ended, as far as that tells whether there is a process at
// the other end. The zero value is [LossOther].
type Loss uint8

// The ways. LossOther is every end for a reason of this side, a time-out, an error of the
// network or of the protocol, and a failed TLS handshake.
const (
	LossOther   Loss = iota
	LossEnded        // of one that was up: the system at the other end has ended it in order (FIN)
	LossReset        // of one that was up: it was broken off (RST), at the other end or on the way
	LossRefused      // it did not come up: nothing listens there, or a firewall says so
)

// LinkTrouble says that a step of a connection failed, and why. Text is for the
// operator, and says what to do about it if that is known. When the connection
// ends for this reason, [LinkDown] follows.
type LinkTrouble struct {
	Conn  ConnID
	Step  Step
	Cause Cause
	Text  string
}

// PingReply classifies the reply to a PING (state-machine.md §1.7, PING reply).
type PingReply uint8

// The classes of PING reply. Pong, Loading and MasterDown prove that the
// instance is alive; Busy and Other only that something answers.
const (
	PingOther PingReply = iota
	PingPong
	PingLoading
	PingMasterDown
	PingBusy
)

// Pong is the reply to a [Ping].
type Pong struct {
	Conn  ConnID
	Reply PingReply
}

// InfoReply is the reply to an [InfoRequest]. Info is nil when the reply was
// not a bulk string, for example an error.
type InfoReply struct {
	Conn  ConnID
	Token Token
	Info  *Info
}

// PublishReply is the reply to a [PublishHello]; OK is false for an error reply.
type PublishReply struct {
	Conn  ConnID
	Token Token
	OK    bool
}

// AskReply is the reply to an [AskMasterDown]. OK is false when it was not the
// expected triple.
type AskReply struct {
	Conn   ConnID
	Token  Token
	OK     bool
	Down   bool
	Leader RunID // "" for "*"
	Epoch  Epoch
	// DownAfter is for how long the peer lets the master be silent; 0 when it has
	// not been asked with a Lease.
	DownAfter time.Duration
	Replicas  []HostPort // those that the peer knows, if it has been asked for them
	Promise   Promise    // with it Leader and Epoch are a vote that may still lead to a promotion
}

// SlaveOfReply is the outcome of a [SlaveOf]. Refused is the server's error
// text, or "" when the role change was accepted; with it the role has not
// changed for certain. Aborted says that the transaction as a whole was refused
// because of another command than SLAVEOF (EXECABORT or no MULTI), so that
// nothing was executed and the plain form may still work. Already says that the
// server was a replica of that address before: somebody else has given the order.
type SlaveOfReply struct {
	Conn    ConnID
	Token   Token
	Aborted bool
	Already bool
	Refused string
}

// CommandDone is the reply to any other command. Refused is the server's error
// text, or "" when it obeyed.
type CommandDone struct {
	Conn    ConnID
	Token   Token
	Refused string
}

// HelloReceived is a valid hello message. Conn is the Pub/Sub connection it
// came over, or 0 when a peer published it to this Sentinel directly.
type HelloReceived struct {
	Conn  ConnID
	Hello Hello
}

// PubSubActivity is any other traffic on a Pub/Sub connection: confirmations,
// this Sentinel's own hellos, messages that are no valid hello.
//
// BadHello says why a message on the channel of hellos could not be read; it is ""
// for all else.
type PubSubActivity struct {
	Conn     ConnID
	BadHello string
}

// Ask is the question of another Sentinel (SENTINEL is-master-down-by-addr).
// It is answered by exactly one [Reply].
type Ask struct {
	From  PeerRef
	IP    string // as sent: an IP, or a host name when peers announce names
	Port  int
	Epoch Epoch
	RunID RunID // candidate that asks for a vote; "" when none is asked for ("*")
	// Lease is for how long a vote that leads a planned switchover binds the voter,
	// at most [MaxLease]; 0 for every other vote.
	Lease time.Duration
	// WantReplicas asks beside the vote which replicas of the master are known.
	WantReplicas bool
	// Promise asks, without a vote, that the Sentinel neither vote nor stand for so long,
	// at most [MaxPromise]; 0: it does not.
	Promise time.Duration
	// Fenced says beside that who asks has paused the master.
	Fenced bool
}

// MaxLease bounds for how long one request can keep a Sentinel from voting for
// others.
const MaxLease = 10 * time.Second

// Call is an operator's command. It is answered by exactly one [CallResult].
type Call struct {
	From PeerRef
	Op   Op
}

// PolicyAnswer is the answer to [AskPolicy].
type PolicyAnswer struct {
	Seq     uint64
	Verdict PolicyVerdict
	For     time.Duration // with PolicyDelay: at least 1
	Reason  string        // for operators: a line of text, "" for none
	Failed  string        // why there is no verdict; "" when there is one
}

// ChoiceAnswer is the answer to [AskChoice]: the replicas in the order in which they are
// preferred, each by the address that the question had. Those that are left out come last.
type ChoiceAnswer struct {
	Seq    uint64
	Order  []HostPort
	Failed string // why there is no order; "" when there is one
}

// Persisted reports the outcome of a [Persist]. Err is "" when State is durable.
type Persisted struct {
	Seq uint64
	Err string
}

// Resolved is the answer to [Resolve]. IPs are the addresses of the name in
// canonical text form, the preferred one first; none means that the name does not
// resolve.
type Resolved struct {
	Host string
	IPs  []string
}

// ConfigReply is the reply to an [AskConfig]: the config epoch of the master at a peer. OK is
// false when the peer does not know the master, or may not tell.
type ConfigReply struct {
	Conn  ConnID
	Token Token
	OK    bool
	Epoch Epoch
}

// GossipReply is the reply to an [AskGossip]. Known is false when the peer does
// not know the command. Denied says that it refused, for example because a
// password is wrong, so that its kind stays unknown.
type GossipReply struct {
	Conn     ConnID
	Token    Token
	Known    bool
	Denied   bool
	Endpoint GossipEndpoint
}

// PeerOpinion is what a peer said over gossip about a master that it knows at
// Addr, with the configuration of ConfigEpoch. Age is how long the peer had
// held this opinion when it sent it. It counts like the answer to an
// [AskMasterDown].
type PeerOpinion struct {
	From        RunID
	Master      string
	Addr        HostPort
	ConfigEpoch Epoch
	Down        bool
	Age         time.Duration
}

// PeerConfig is the configuration of a master that a peer sent over gossip. Its
// sender is Hello.RunID.
type PeerConfig struct{ Hello Hello }

// PeerLiveness says that gossip has found a peer, or lost it. It is no verdict:
// it only makes the core check the peer sooner.
type PeerLiveness struct {
	ID    RunID
	Alive bool
}

func (Tick) isInput()           {}
func (Stood) isInput()          {}
func (LinkUp) isInput()         {}
func (LinkDown) isInput()       {}
func (LinkTrouble) isInput()    {}
func (Pong) isInput()           {}
func (InfoReply) isInput()      {}
func (PublishReply) isInput()   {}
func (AskReply) isInput()       {}
func (SlaveOfReply) isInput()   {}
func (CommandDone) isInput()    {}
func (HelloReceived) isInput()  {}
func (PubSubActivity) isInput() {}
func (Ask) isInput()            {}
func (Call) isInput()           {}
func (PolicyAnswer) isInput()   {}
func (ChoiceAnswer) isInput()   {}
func (Persisted) isInput()      {}
func (Resolved) isInput()       {}
func (ConfigReply) isInput()    {}
func (GossipReply) isInput()    {}
func (PeerOpinion) isInput()    {}
func (PeerConfig) isInput()     {}
func (PeerLiveness) isInput()   {}
