package configrewrite

import (
	"io/fs"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// Config is what a configuration says: how the process runs, and what the core
// starts with.
type Config struct {
	Settings Settings
	State    monitor.State
}

// Settings are the options that concern the process and not the core: sockets,
// log, files, access (wire.md §9.2, Generic directives). The zero value is not usable; start from
// [DefaultSettings]. A Settings is not changed after loading.
type Settings struct {
	Port           int      // RESP port; 0 = none
	Bind           []string // addresses; a leading "-" means "if available"
	ProtectedMode  bool
	UnixSocket     string // "" = none
	UnixSocketPerm fs.FileMode
	TCPBacklog     int           // kept, without effect: Go's queue is as long as the system allows
	TCPKeepAlive   time.Duration // 0 = off
	Timeout        time.Duration // idle clients are closed after it; 0 = never
	MaxClients     int
	BindSourceAddr string // source address of outgoing links; "" = any

	// Dir is absolute after loading a file. This package does not change the
	// working directory; the process may.
	Dir        string
	Daemonize  bool
	Supervised string // no, auto, systemd, upstart
	PidFile    string

	LogFile            string // "" = standard output; relative to Dir
	LogLevel           string // debug, verbose, notice, warning, nothing
	LogFormat          string // legacy, default, logfmt, json
	LogTimestampFormat string // legacy, iso8601, milliseconds
	SyslogEnabled      bool
	SyslogIdent        string
	SyslogFacility     string

	RequirePass      string   // password of the default user; "" = none
	Users            []string // "name rule…", one per user, in configuration syntax
	ACLFile          string
	ACLLogMaxLen     int
	ACLPubSubDefault string
	RenameCommands   *monitor.RenameTable // this Sentinel's own commands, old to new; new "" = the command is removed

	OutputLimits OutputLimits
	TLS          TLS
	Gossip       Gossip
	HTTP         HTTP

	// StateFile takes all state, so that the configuration is only read; "" = the
	// state is kept in the configuration file.
	StateFile string

	// JournalBytes bounds the journal of failovers, which is kept in a file beside the
	// state; 0 = it is kept in memory, and lost at the end.
	JournalBytes int
}

// OutputLimits bound what may wait for a slow client, by class.
type OutputLimits struct{ Normal, Replica, PubSub OutputLimit }

// OutputLimit disconnects a client with more than HardBytes waiting, or with
// more than SoftBytes for longer than SoftFor. Zero bytes mean no limit.
type OutputLimit struct {
	HardBytes, SoftBytes int64
	SoftFor              time.Duration
}

// TLS are the TLS options of the listener and of outgoing links.
type TLS struct {
	Port                int // 0 = no TLS listener
	CertFile            string
	KeyFile             string
	KeyFilePass         string
	ClientCertFile      string
	ClientKeyFile       string
	ClientKeyFilePass   string
	CACertFile          string
	CACertDir           string
	DHParamsFile        string
	AuthClients         string // yes, no, optional
	Replication         bool   // outgoing links use TLS
	Protocols           string // space-separated, "" = library default
	Ciphers             string
	CipherSuites        string
	PreferServerCiphers bool
	SessionCaching      bool
	SessionCacheSize    int
	SessionCacheTimeout time.Duration
}

// Gossip are the options of the second way by which gosentinels reach each
// other. Whether they make sense is found out when it is opened.
type Gossip struct {
	Port         int      // UDP; 0 = off, -1 = 10000 above the port of the Sentinel
	Bind         []string // addresses as in Bind; none = those of Bind
	AnnounceIP   string   // "" = as peers reach the Sentinel
	AnnouncePort int      // 0 = Port
	Keys         []string // base64; the first one encrypts, all open
	Join         []string // "host:port" at which peers may be found besides
}

// HTTP are the options of what is shown to operators.
type HTTP struct {
	Port     int      // 0 = off
	Bind     []string // addresses as in Bind
	TLS      bool     // with the certificate of TLS
	User     string   // "" = any
	Password string   // "" = none
	Token    string   // "" = none
}

// DefaultSettings returns what an empty configuration file means.
func DefaultSettings() Settings { return settingOptions.Defaults() }
