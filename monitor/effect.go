package monitor

import (
	"time"

	"github.com/gosentinel/sentinel/election"
)

// Effect is one thing that the core wants done outside. The set is closed:
// every effect, and every [Command] that one can carry, is a type of this file.
type Effect interface{ isEffect() }

// Effects is what [Core.Drain] fills: the free effects in order, then at most
// one Persist for all that happened since the last Drain.
type Effects struct {
	Free    []Effect
	Persist *Persist
	// Forecast, where it is not nil, is the state that is likely to be saved next:
	// that of a promotion which is about to be ordered. It is a hint, and must not
	// take the place of the one that was saved last.
	Forecast *State
}

// Reset empties e and keeps its memory.
func (e *Effects) Reset() {
	clear(e.Free)
	e.Free, e.Persist, e.Forecast = e.Free[:0], nil, nil
}

// Persist asks for State to be made durable. The shell writes states in the
// order of Seq, answers each with [Persisted], and carries out Then when State
// is durable, and only then: a vote does not leave this field before it is safe
// from a crash (invariant S3).
//
// Until it is answered, a Persist belongs to the core, which may take effects
// out of Then when the write takes too long. The shell reads Then when it
// carries it out, on the goroutine that steps the core, and State at any time.
type Persist struct {
	Seq   uint64
	State State
	Then  []Effect
}

// ConnKind tells the connections to one server apart.
type ConnKind uint8

// A command connection carries PING, INFO and so on; a Pub/Sub connection is
// subscribed to the hello channel. A fence holds back the writes of a server: a
// PUBLISH would wait there for the end of the pause, so that it never carries one.
const (
	ConnCommand ConnKind = iota
	ConnPubSub
	ConnFence
)

// Dial asks for a connection. On it the shell sends AUTH if Pass is set (with
// User if that is set), CLIENT SETNAME ClientName, and for a Pub/Sub connection
// SUBSCRIBE; it ignores the replies except to log them. Commands sent before
// [LinkUp] wait for it.
//
// Others are further addresses of the same name. The shell turns to the next one
// when the one before refuses, cannot be reached or stays silent for a moment,
// and [LinkUp] says which of them answered.
type Dial struct {
	Conn       ConnID
	Kind       ConnKind
	Target     Kind
	Addr       HostPort
	Others     []string
	User, Pass string
	ClientName string
	Rename     *RenameTable
}

// Close asks for a connection to be closed. No input about it may follow.
//
// With Abort, what was sent and has not arrived is given up: the system would go on
// sending it otherwise, and an order could be obeyed long after it was meant.
type Close struct {
	Conn  ConnID
	Abort bool
}

// Send asks for a command to be written to a connection. Its reply arrives as
// an input that repeats Token, unless the connection is lost.
//
// What must not happen late has a NotAfter: when the clock has passed it, the shell
// ends the connection instead of sending. A process may be stopped between a
// decision and the system call that carries it out.
type Send struct {
	Conn     ConnID
	Token    Token
	Rename   *RenameTable
	Cmd      Command
	NotAfter Instant // 0: at any time
}

// Command is a command that a Sentinel sends. The set is closed.
type Command interface{ isCommand() }

// Ping is PING, answered by [Pong].
type Ping struct{}

// InfoRequest is INFO, answered by [InfoReply].
type InfoRequest struct{}

// PublishHello is PUBLISH on the hello channel, answered by [PublishReply].
type PublishHello struct{ Hello Hello }

// AskMasterDown is SENTINEL is-master-down-by-addr, answered by [AskReply].
// An empty RunID is sent as "*". With a Lease, it asks for a vote that leads a
// planned switchover, and says for how long that vote binds; only a peer that is
// known to be a gosentinel understands this (wire.md §3.3, IS-MASTER-DOWN-BY-ADDR).
type AskMasterDown struct {
	IP    string
	Port  int
	Epoch Epoch
	RunID RunID
	Lease time.Duration // whole milliseconds; 0: none
	// WantReplicas asks which replicas the voter knows; not together with a Lease.
	WantReplicas bool
	// Promise asks, without a vote, that the peer neither vote nor stand for so long; 0: it
	// does not. Only a gosentinel understands this.
	Promise time.Duration // whole milliseconds
	// Fenced says beside that this Sentinel has paused the master: a hello there would wait.
	Fenced bool
}

// Promise is the answer to a question with PROMISE. The zero value: the Sentinel was not
// asked, or binds itself to nothing.
type Promise struct {
	Known bool // there is an answer
	// For is how long the Sentinel neither votes for a failover of the master nor stands
	// for one, in whole milliseconds; 0: it makes no promise now.
	For         time.Duration
	ConfigEpoch Epoch // of the configuration that it knows
}

// SlaveOf changes the role of a server and is answered by [SlaveOfReply]. An
// empty Host promotes it (SLAVEOF NO ONE). The normal form is the transaction
// MULTI, SLAVEOF, CONFIG REWRITE, CLIENT KILL TYPE normal, CLIENT KILL TYPE
// pubsub, EXEC (state-machine.md §6.4, SLAVEOF transaction). Plain sends the
// inner commands on their own, so that a server which refuses one of them still
// changes its role. Bare sends SLAVEOF and nothing else, and takes precedence.
type SlaveOf struct {
	Host  string
	Port  int
	Plain bool
	Bare  bool
}

// PauseWrites is CLIENT PAUSE with the option WRITE, answered by [CommandDone].
// For is sent in whole milliseconds.
type PauseWrites struct{ For time.Duration }

// Unpause is CLIENT UNPAUSE, answered by [CommandDone]. It ends every pause of the
// server, also one that somebody else has begun.
type Unpause struct{}

// KillClients is CLIENT KILL TYPE normal, or TYPE pubsub, answered by
// [CommandDone]. It spares the connection that it comes over.
type KillClients struct{ PubSub bool }

// RewriteConfig is CONFIG REWRITE, answered by [CommandDone].
type RewriteConfig struct{}

// ScriptKill is SCRIPT KILL, answered by [CommandDone].
type ScriptKill struct{}

// AskGossip is SENTINEL GOSSIP, answered by [GossipReply]. It is the first
// question on every connection to a peer, even from a Sentinel that does not
// gossip: the answer identifies the peer.
type AskGossip struct{}

// AskConfig is SENTINEL MASTER, answered by [ConfigReply].
type AskConfig struct{ Master string }

// PassPause passes on what an operator has said about the failovers of a master, to
// a peer that is known to be a gosentinel, and is answered by [CommandDone]. It goes out as
// SENTINEL PAUSE-FAILOVER or RESUME-FAILOVER. Left is how long it still holds: the
// clock of the peer may show another time.
type PassPause struct {
	Master string
	Pause  FailoverPause
	Left   time.Duration
}

// PassForget passes on that a member was forgotten, to a peer that is known to be a
// gosentinel, and is answered by [CommandDone]. It goes out as SENTINEL FORGET. Left is
// how long the tombstone still holds: the clock of the peer may show another time.
type PassForget struct {
	Master    string
	Tombstone Tombstone
	Force     bool
	Left      time.Duration
}

// Reply answers an [Ask]. DownAfter is told only to one that asked with a Lease,
// and tells for how long the voter lets the master be silent; 0: it is not told.
// Replicas are those of the master, at most [MaxToldReplicas], for one that wants them.
type Reply struct {
	To        PeerRef
	Down      bool
	Leader    RunID // "" for "*"
	Epoch     Epoch
	DownAfter time.Duration
	Replicas  []HostPort
	Promise   Promise // with it Leader and Epoch are a vote that may still lead to a promotion
}

// MaxToldReplicas bounds the replicas in one [Reply].
const MaxToldReplicas = 64

// CallResult answers a [Call]. Count is the number of masters matched by a
// [ResetOp]. Text is what the answer says besides OK; "" when it is no more than
// that. Err is nil or a [*CallError].
type CallResult struct {
	To    PeerRef
	Count int
	Text  string
	Err   error
}

// Emit publishes an event: log line, Pub/Sub message, library subscribers.
type Emit struct{ Event Event }

// Log writes a line that is not an event to the log.
type Log struct {
	Level Level
	Text  string
}

// Note tells what the core knows at a moment of a failover of Master and no event says,
// for those who write down why it happened. Nothing depends on it.
type Note struct {
	Master string
	Addr   HostPort // of the master then
	Fact   Fact
}

// AskPolicy asks whether an attempt may begin, and is answered by [PolicyAnswer]. One
// that comes after the question has lost its meaning is ignored.
type AskPolicy struct {
	Seq     uint64
	Attempt PolicyAttempt
}

// AskChoice asks in which order the replicas are preferred, and is answered by
// [ChoiceAnswer].
type AskChoice struct {
	Seq        uint64
	Attempt    PolicyAttempt
	Candidates []PolicyCandidate
}

// PolicyPhase tells the policy which phase an attempt has reached; [election.None]: it is
// over.
type PolicyPhase struct {
	Attempt PolicyAttempt
	Phase   election.Phase
}

// FailoverDelayed reports that the next attempt for Master cannot start before
// Until. The shell logs it with the wall time that Until corresponds to.
type FailoverDelayed struct {
	Master string
	Until  Instant
}

// RunScript starts a notification or client reconfiguration script.
type RunScript struct {
	Path string
	Args []string
}

// Resolve asks for the addresses of a host name, answered by [Resolved].
type Resolve struct{ Host string }

// Crash asks for the end of the process without any clean-up, because an
// operator simulates a crash ([SimulateOp]). No effect that follows it may be
// carried out.
type Crash struct{}

// ShareOpinion asks for an opinion about a master to be sent to all peers that
// gossip, and to be repeated to each until it has arrived or the next one about
// the same Master replaces it. While Down it is to be refreshed, as
// [Tunables].AskPeriod does for answers. Since is when S_DOWN began.
type ShareOpinion struct {
	Master      string
	Addr        HostPort
	ConfigEpoch Epoch
	Down        bool
	Since       Instant
}

// ShareConfig asks for a configuration, which is durable, to be sent to all
// peers that gossip.
type ShareConfig struct{ Hello Hello }

// GossipPeer permits gossip with a peer at an endpoint. The zero Endpoint
// revokes it.
type GossipPeer struct {
	ID       RunID
	Endpoint GossipEndpoint
}

func (Dial) isEffect()            {}
func (Close) isEffect()           {}
func (Send) isEffect()            {}
func (Reply) isEffect()           {}
func (CallResult) isEffect()      {}
func (Emit) isEffect()            {}
func (Log) isEffect()             {}
func (Note) isEffect()            {}
func (AskPolicy) isEffect()       {}
func (AskChoice) isEffect()       {}
func (PolicyPhase) isEffect()     {}
func (FailoverDelayed) isEffect() {}
func (RunScript) isEffect()       {}
func (Resolve) isEffect()         {}
func (Crash) isEffect()           {}
func (ShareOpinion) isEffect()    {}
func (ShareConfig) isEffect()     {}
func (GossipPeer) isEffect()      {}

func (Ping) isCommand()          {}
func (InfoRequest) isCommand()   {}
func (PublishHello) isCommand()  {}
func (AskMasterDown) isCommand() {}
func (SlaveOf) isCommand()       {}
func (ScriptKill) isCommand()    {}
func (PauseWrites) isCommand()   {}
func (Unpause) isCommand()       {}
func (KillClients) isCommand()   {}
func (RewriteConfig) isCommand() {}
func (AskGossip) isCommand()     {}
func (AskConfig) isCommand()     {}
func (PassPause) isCommand()     {}
func (PassForget) isCommand()    {}
