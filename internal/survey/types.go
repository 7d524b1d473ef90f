package survey

import (
	"crypto/tls"
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/internal/words"
)

// Survey is what was found out.
type Survey struct {
	Began     time.Time
	Took      time.Duration
	Sentinels []*Sentinel // in the order in which they were heard of, as the servers
	Servers   []*Server
	Strangers []*Node // addresses that were given and of which it is not known what is there
	// Heard has the addresses at which Sentinels announced themselves meanwhile.
	Heard map[string]bool
	// Left says what was not looked at, and why; one text for each.
	Left []string
}

// Access says how to log in.
type Access struct {
	User, Password string
	TLS            *tls.Config // nil: without TLS
}

// Cause is why somebody could not be asked.
type Cause string

// Causes of problems.
const (
	Refused   Cause = "refused"   // nobody listens there
	Silent    Cause = "silent"    // no answer in time
	Unknown   Cause = "unknown"   // a name that does not resolve, or an address that is none
	Closed    Cause = "closed"    // the connection was closed
	HTTP      Cause = "http"      // it is an HTTP server
	Stranger  Cause = "stranger"  // it answers otherwise than Redis
	NeedsTLS  Cause = "needs-tls" // it speaks TLS, and was asked without
	NoTLS     Cause = "no-tls"    // the other way round
	BadTLS    Cause = "bad-tls"   // no TLS connection could be agreed on
	NeedsAuth Cause = "needs-auth"
	BadAuth   Cause = "bad-auth"   // it refuses the password
	Denied    Cause = "denied"     // protected-mode
	Forbidden Cause = "forbidden"  // the user lacks the right
	Busy      Cause = "busy"       // it answers with an error for now, such as -LOADING
	Skipped   Cause = "not-asked"  // the time or the number of those asked was over
	Unusable  Cause = "other"      // anything else
	Blank     Cause = "no-address" // an address that can be nobody's
)

// Problem is why somebody could not be asked.
type Problem struct {
	Cause Cause
	Text  string // in words; strangers may have said it
}

// Node is what a Sentinel and a server have in common.
type Node struct {
	Addr    string // host:port
	FoundBy string // who named it: an address, or "" for whom the survey began with
	Problem *Problem
	Info    Info
	RTT     time.Duration // the shortest of some PINGs; 0 when none was answered
	// Skew is by how much its clock is ahead of the one here, and Unsure by how much that may
	// be wrong. HasSkew tells whether it said its time.
	Skew, Unsure time.Duration
	HasSkew      bool
}

// Asked reports whether it answered.
func (n *Node) Asked() bool { return n.Problem == nil }

// Info is INFO, as keys and values.
type Info map[string]string

// Int returns a number, or 0.
func (i Info) Int(key string) int64 {
	n, _ := strconv.ParseInt(i[key], 10, 64)
	return n
}

// Sentinel is a Sentinel that was asked, or should have been.
type Sentinel struct {
	Node
	ID      string
	Own     bool // it is a gosentinel
	Masters []*View
	Config  map[string]string // SENTINEL CONFIG GET; nil where it is not known
}

// Software is its name and version.
func (s *Sentinel) Software() string {
	if s.Own {
		return "gosentinel " + s.Info["gosentinel_version"]
	}
	if v := s.Info["valkey_version"]; v != "" {
		return "valkey-sentinel " + v
	}
	return "redis-sentinel " + s.Info["redis_version"]
}

// View is what a Sentinel says of a master.
type View struct {
	Fields
	Sentinel  *Sentinel
	Quorum    string // the reply to CKQUORUM; it is well if it begins with OK
	Replicas  []Fields
	Sentinels []Fields // the others
}

// Fields are those of SENTINEL MASTER, REPLICAS and SENTINELS, with EXTENDED where it is known.
type Fields map[string]string

// Int returns a number, or 0.
func (f Fields) Int(key string) int64 { return Info(f).Int(key) }

// Millis returns a duration.
func (f Fields) Millis(key string) time.Duration {
	return time.Duration(min(f.Int(key), 1<<40)) * time.Millisecond
}

// Name is the name of a master.
func (f Fields) Name() string { return f["name"] }

// Addr is its address.
func (f Fields) Addr() string { return join(f["ip"], f["port"]) }

// Is reports whether a flag is set.
func (f Fields) Is(flag string) bool { return words.Listed(f["flags"], flag) }

// Server is a server that was asked, or should have been.
type Server struct {
	Node
	Masters  []string          // the names of the masters for which Sentinels know it
	Config   map[string]string // CONFIG GET; nil where that was refused. Without secrets.
	Replicas []string          // as it says, if it is a master
	User     string            // as whom it was asked
	// Lacks says what a Sentinel could not do here with the same login, by command.
	Lacks []Lack

	DefaultOpen bool // clients need no password
	MasterAuth  bool // it has a password for its master
	secrets     secrets
}

// secrets are never shown.
type secrets struct{ masterUser, masterAuth, requirePass string }

// Role is master, slave or "".
func (s *Server) Role() string { return s.Info["role"] }

// MasterAddr is whose replica it is.
func (s *Server) MasterAddr() string { return join(s.Info["master_host"], s.Info["master_port"]) }

// Version is that of the server.
func (s *Server) Version() string {
	if v := s.Info["valkey_version"]; v != "" {
		return v
	}
	return s.Info["redis_version"]
}

// CouldFollow reports whether its password for a master is the one that m asks for. It is sure
// only where both said their settings and no user is named.
func (s *Server) CouldFollow(m *Server) (could, sure bool) {
	if s.Config == nil || m.Config == nil || s.secrets.masterUser != "" && s.secrets.masterUser != "default" {
		return false, false
	}
	return m.secrets.requirePass == "" || s.secrets.masterAuth == m.secrets.requirePass, true
}

// Lack is a command that a Sentinel needs and cannot use.
type Lack struct {
	Command string // such as CLIENT KILL
	Renamed bool   // there is no command of that name; else the user lacks the right
	Vital   bool   // without it nobody can be promoted, or Sentinels do not find each other
	For     string // what it serves
	Rule    string // what gives the right, in the language of ACL SETUSER
}
