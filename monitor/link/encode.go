package link

import (
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// appendArgs appends a command as an array of bulk strings.
func appendArgs(dst []byte, args ...string) []byte {
	dst = append(strconv.AppendInt(append(dst, '*'), int64(len(args)), 10), '\r', '\n')
	for _, a := range args {
		dst = append(strconv.AppendInt(append(dst, '$'), int64(len(a)), 10), '\r', '\n')
		dst = append(append(dst, a...), '\r', '\n')
	}
	return dst
}

// encoder appends commands and what is to be expected in return. A server can
// rename only the first word of a command, so only that is mapped.
type encoder struct {
	out    []byte
	expect *fifo
	rename *monitor.RenameTable
	token  monitor.Token
}

func (e *encoder) command(r reply, word string, args ...string) {
	var all [8]string
	line := append(append(all[:0], e.rename.Map(word)), args...)
	e.out = appendArgs(e.out, line...)
	e.expect.push(expected{reply: r, token: e.token})
}

// greeting appends what every new connection starts with (wire.md §11.1,
// Commands a Sentinel sends).
func (e *encoder) greeting(d monitor.Dial) {
	if d.Pass != "" && d.User != "" {
		e.command(replyAuth, "AUTH", d.User, d.Pass)
	} else if d.Pass != "" {
		e.command(replyAuth, "AUTH", d.Pass)
	}
	e.command(replySetName, "CLIENT", "SETNAME", d.ClientName)
	if d.Kind == monitor.ConnPubSub {
		e.command(replySubscribe, "SUBSCRIBE", monitor.HelloChannel)
	}
}

// send appends one command of the core. It returns false for a command that it
// does not know.
func (e *encoder) send(cmd monitor.Command) bool {
	switch cmd := cmd.(type) {
	case monitor.Ping:
		e.command(replyPing, "PING")
	case monitor.InfoRequest:
		e.command(replyInfo, "INFO")
	case monitor.PublishHello:
		var buf [256]byte
		e.command(replyPublish, "PUBLISH", monitor.HelloChannel, string(monitor.AppendHello(buf[:0], cmd.Hello)))
	case monitor.AskMasterDown:
		id := string(cmd.RunID)
		if id == "" {
			id = "*"
		}
		words := []string{"is-master-down-by-addr", cmd.IP, strconv.Itoa(cmd.Port), strconv.FormatUint(uint64(cmd.Epoch), 10), id}
		if cmd.Lease > 0 {
			words = append(words, "LEASE", milliseconds(cmd.Lease))
		}
		if cmd.WantReplicas {
			words = append(words, "REPLICAS")
		}
		if cmd.Promise > 0 {
			words = append(words, "PROMISE", milliseconds(cmd.Promise))
			if cmd.Fenced {
				words = append(words, "FENCED")
			}
		}
		e.command(replyAsk, "SENTINEL", words...)
	case monitor.AskGossip:
		e.command(replyGossip, "SENTINEL", "GOSSIP")
	case monitor.AskConfig:
		e.command(replyConfig, "SENTINEL", "MASTER", cmd.Master)
	case monitor.PassPause:
		e.passPause(cmd)
	case monitor.PassForget:
		e.passForget(cmd)
	case monitor.SlaveOf:
		e.slaveOf(cmd)
	case monitor.ScriptKill:
		e.command(replyDone, "SCRIPT", "KILL")
	case monitor.PauseWrites:
		e.command(replyDone, "CLIENT", "PAUSE", milliseconds(cmd.For), "WRITE")
	case monitor.Unpause:
		e.command(replyDone, "CLIENT", "UNPAUSE")
	case monitor.KillClients:
		kind := "normal"
		if cmd.PubSub {
			kind = "pubsub"
		}
		e.command(replyDone, "CLIENT", "KILL", "TYPE", kind)
	case monitor.RewriteConfig:
		e.command(replyDone, "CONFIG", "REWRITE")
	default:
		return false
	}
	return true
}

// passForget appends FORGET with the words that other Sentinels add.
func (e *encoder) passForget(cmd monitor.PassForget) {
	what := string(cmd.Tombstone.ID)
	if what == "" {
		what = cmd.Tombstone.At.String()
	}
	left, version := milliseconds(max(cmd.Left, time.Millisecond)), strconv.FormatUint(cmd.Tombstone.Version, 10)
	if cmd.Force {
		e.command(replyDone, "SENTINEL", "FORGET", cmd.Master, what, "FORCE", left, version, string(cmd.Tombstone.By))
		return
	}
	e.command(replyDone, "SENTINEL", "FORGET", cmd.Master, what, left, version, string(cmd.Tombstone.By))
}

// passPause appends PAUSE-FAILOVER or RESUME-FAILOVER with the words that other
// Sentinels add (wire.md §3.5, REMOVE, RESET, FLUSHCONFIG, FAILOVER, SIMULATE-FAILURE).
func (e *encoder) passPause(cmd monitor.PassPause) {
	left := milliseconds(max(cmd.Left, time.Millisecond))
	version, by := strconv.FormatUint(cmd.Pause.Version, 10), string(cmd.Pause.By)
	if cmd.Pause.Resumed {
		e.command(replyDone, "SENTINEL", "RESUME-FAILOVER", cmd.Master, left, version, by)
		return
	}
	e.command(replyDone, "SENTINEL", "PAUSE-FAILOVER", cmd.Master, left, cmd.Pause.Reason, version, by)
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// slaveOf appends the role change as a transaction, or its commands on their
// own. CLIENT KILL spares the connection that it comes over.
func (e *encoder) slaveOf(cmd monitor.SlaveOf) {
	host, port := "NO", "ONE"
	if cmd.Host != "" {
		host, port = cmd.Host, strconv.Itoa(cmd.Port)
	}
	if cmd.Bare {
		e.command(replyBareSlaveOf, "SLAVEOF", host, port)
		return
	}
	role, other, last := replyQueuedSlaveOf, replyQueued, replyQueued
	if cmd.Plain {
		role, other, last = replyPlainSlaveOf, replyIgnored, replyPlainEnd
	} else {
		e.command(replyMulti, "MULTI")
	}
	e.command(role, "SLAVEOF", host, port)
	e.command(other, "CONFIG", "REWRITE")
	e.command(other, "CLIENT", "KILL", "TYPE", "normal")
	e.command(last, "CLIENT", "KILL", "TYPE", "pubsub")
	if !cmd.Plain {
		e.command(replyExec, "EXEC")
	}
}

// reply is the kind of reply that a command gets, which decides how it is read.
type reply uint8

const (
	replyAuth reply = iota
	replySetName
	replySubscribe
	replyPing
	replyInfo
	replyPublish
	replyAsk
	replyGossip
	replyConfig
	replyDone          // an error, or any other reply: the command is done
	replyBareSlaveOf   // of a role change that is one command
	replyMulti         // start of a role change as a transaction
	replyQueuedSlaveOf // +QUEUED, or +OK when MULTI was refused
	replyQueued
	replyExec
	replyPlainSlaveOf // start of a role change by single commands
	replyIgnored
	replyPlainEnd
)

// expected is a reply that has not arrived yet.
type expected struct {
	reply reply
	token monitor.Token
}

// fifo is a ring of expected replies that grows as needed. The caller of push
// must bound it. The zero value is empty.
type fifo struct {
	ring []expected // length 0 or a power of two
	head int
	n    int
}

func (f *fifo) push(e expected) {
	if f.n == len(f.ring) {
		bigger := make([]expected, max(4, 2*len(f.ring)))
		for i := range f.n {
			bigger[i] = *f.at(i)
		}
		f.ring, f.head = bigger, 0
	}
	f.n++
	*f.at(f.n - 1) = e
}

func (f *fifo) at(i int) *expected { return &f.ring[(f.head+i)&(len(f.ring)-1)] }

// pop takes the first one out. An idle connection keeps no large ring.
func (f *fifo) pop() expected {
	e := *f.at(0)
	f.head = (f.head + 1) & (len(f.ring) - 1)
	f.n--
	if f.n == 0 && len(f.ring) > 16 {
		f.ring, f.head = nil, 0
	}
	return e
}
