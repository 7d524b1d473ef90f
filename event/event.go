package event

import (
	"log/slog"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/election"
)

// Epoch numbers elections and configurations; see [election.Epoch].
type Epoch = election.Epoch

// RunID is the identity of a Sentinel or server; see [election.RunID].
type RunID = election.RunID

// Event is something that happened to a monitored instance or to this Sentinel.
// Log line, Pub/Sub message, script argument and library callback all come from
// the same value, so they cannot differ.
//
// Every event is a type of this package. Values are small structs without
// references into the core; they may be kept and shared.
type Event interface {
	// Name is the Pub/Sub channel, for example "+switch-master".
	Name() string
	// Level is the importance of the event.
	Level() Level
	// AppendText appends the exact payload of the Pub/Sub message.
	AppendText(dst []byte) []byte
	// LogValue is a group: the name as "event", and then what the event tells, one
	// attribute for each field.
	LogValue() slog.Value
}

// MaxText is the longest payload, in bytes, that is published; the rest is cut off.
const MaxText = 1023

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

// Instance describes the instance that an event is about, as it was when the
// event happened: a master, a replica or another Sentinel.
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

// About returns what the instance is.
func (i Instance) About() Kind { return i.Kind }

// Level makes warning the default level of the events about an instance.
func (Instance) Level() Level { return LevelWarning }

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

func (i Instance) appendReason(dst []byte, reason string) []byte {
	return append(append(i.AppendText(dst), " #"...), reason...)
}

// attrs returns what a log shows of the instance.
func (i Instance) attrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("master", i.MasterName()), slog.String("kind", i.Kind.String()), slog.String("addr", i.Addr.String())}
	if i.Kind == KindSentinel {
		attrs = append(attrs, slog.String("sentinel", i.Name))
	}
	if i.Kind != KindMaster {
		attrs = append(attrs, slog.String("master_addr", i.MasterAddr.String()))
	}
	return attrs
}

func logValue(e Event, attrs ...slog.Attr) slog.Value {
	return slog.GroupValue(append([]slog.Attr{slog.String("event", e.Name())}, attrs...)...)
}

func signed(plus bool, name string) string {
	if plus {
		return "+" + name
	}
	return "-" + name
}

// Kind is what an instance is to this Sentinel, which may differ from the role that
// the server reports. The zero value is [KindMaster].
type Kind uint8

// The three kinds of instance (state-machine.md §1.2, Instance).
const (
	KindMaster Kind = iota
	KindReplica
	KindSentinel
)

// String returns the word used in events and flags. Replicas are "slave" on
// the wire in every version of Redis and Valkey.
func (k Kind) String() string {
	switch k {
	case KindMaster:
		return "master"
	case KindReplica:
		return "slave"
	default:
		return "sentinel"
	}
}

// Role is the replication role that a server reported in INFO.
type Role uint8

// Roles; the zero value means that no role line was seen.
const (
	RoleNone Role = iota
	RoleMaster
	RoleReplica
)

// String returns "master", or "slave" for the other two as stock Sentinel does.
func (r Role) String() string {
	if r == RoleMaster {
		return "master"
	}
	return "slave"
}

// HostPort is an address as it is shown to users and written to files.
type HostPort struct {
	Host string
	Port int
}

// String returns "host:port", with brackets around an IPv6 host.
func (h HostPort) String() string {
	if strings.Contains(h.Host, ":") {
		return "[" + h.Host + "]:" + strconv.Itoa(h.Port)
	}
	return h.Host + ":" + strconv.Itoa(h.Port)
}

func appendHostPort(dst []byte, a HostPort) []byte {
	dst = append(dst, a.Host...)
	dst = append(dst, ' ')
	return strconv.AppendInt(dst, int64(a.Port), 10)
}
