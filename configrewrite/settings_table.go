package configrewrite

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/internal/option"
	"github.com/gosentinel/sentinel/monitor"
)

const maxPort = 65535

// The tables of options that a configuration file holds.
var (
	masterOptions = monitor.MasterOptions()
	globalOptions = monitor.GlobalOptions()
)

// SettingOptions returns the generic directives that mean something to a
// Sentinel. The result must not be changed.
func SettingOptions() option.Table[Settings] { return settingOptions }

// logLevels are the values of loglevel, least important first.
var logLevels = []string{"debug", "verbose", "notice", "warning", "nothing"}

var settingOptions = option.Table[Settings]{
	option.Of(option.Spec{
		Name: "port", Where: option.InFiles, Hi: maxPort,
		Doc: "Port for clients and other Sentinels; 0 is none.",
	}, func(s *Settings) *int { return &s.Port }, 26379),
	option.Of(option.Spec{
		Name: "bind", Where: option.InFiles, Empty: true,
		Doc: "Addresses to listen at; a leading - means: if this machine has it.",
	}, func(s *Settings) *[]string { return &s.Bind }, []string{"*", "-::*"}),
	option.Of(option.Spec{
		Name: "protected-mode", Where: option.InFiles, Since: "3.2",
		Doc: "Refuses clients from other machines as long as there is no password.",
	}, func(s *Settings) *bool { return &s.ProtectedMode }, false),
	option.Of(option.Spec{
		Name: "unixsocket", Where: option.InFiles, Quoted: true,
		Doc: "Path of a Unix socket to listen at as well.",
	}, func(s *Settings) *string { return &s.UnixSocket }, ""),
	option.Custom(option.Spec{
		Name: "unixsocketperm", Where: option.InFiles,
		Doc: "Mode of the Unix socket; 0 leaves it to the umask.",
	}, func(s *Settings) option.Value { return modeValue{&s.UnixSocketPerm} }),
	option.Of(option.Spec{
		Name: "tcp-backlog", Where: option.InFiles, Hi: math.MaxInt32,
		Doc: "Accepted and kept, without effect: the queue is as long as the system allows.",
	}, func(s *Settings) *int { return &s.TCPBacklog }, 511),
	option.Of(option.Spec{
		Name: "tcp-keepalive", Where: option.InFiles, Unit: time.Second, Hi: math.MaxInt32,
		Doc: "Idle time after which the system probes a connection; 0 turns it off.",
	}, func(s *Settings) *time.Duration { return &s.TCPKeepAlive }, 300*time.Second),
	option.Of(option.Spec{
		Name: "timeout", Where: option.InFiles, Unit: time.Second, Hi: math.MaxInt32,
		Doc: "Idle time after which a client is disconnected; 0 is never.",
	}, func(s *Settings) *time.Duration { return &s.Timeout }, 0),
	option.Of(option.Spec{
		Name: "maxclients", Where: option.InFiles, Lo: 1, Hi: math.MaxUint32,
		Doc: "Most clients at the same time.",
	}, func(s *Settings) *int { return &s.MaxClients }, 10000),
	option.Of(option.Spec{
		Name: "bind-source-addr", Where: option.InFiles, Since: "7.0",
		Doc: "Address of this machine from which connections are made.",
	}, func(s *Settings) *string { return &s.BindSourceAddr }, ""),
	option.Custom(option.Spec{
		Name: "client-output-buffer-limit", Where: option.InFiles,
		Doc: "What may wait for a slow client before it is disconnected: class, hard limit, soft limit, seconds.",
	}, func(s *Settings) option.Value { return &s.OutputLimits }, "replica", "256mb", "64mb", "60", "pubsub", "32mb", "8mb", "60"),

	option.Of(option.Spec{
		Name: "dir", Where: option.InFiles, Quoted: true,
		Doc: "Working directory, at which relative paths start.",
	}, func(s *Settings) *string { return &s.Dir }, ""),
	option.Of(option.Spec{
		Name: "state-file", Where: option.InFiles, Quoted: true, Since: "gosentinel",
		Doc: "File for all that the daemon writes; the configuration is then only read.",
	}, func(s *Settings) *string { return &s.StateFile }, ""),
	option.Of(option.Spec{
		Name: "failover-journal-bytes", Where: option.InFiles, Hi: 32 << 20, Since: "gosentinel",
		Doc: "Largest size of the journal of failovers, beside the state; 0 keeps it in memory.",
	}, func(s *Settings) *int { return &s.JournalBytes }, 1<<20),
	option.Of(option.Spec{
		Name: "daemonize", Where: option.InFiles,
		Doc: "Runs in the background.",
	}, func(s *Settings) *bool { return &s.Daemonize }, false),
	option.Of(option.Spec{
		Name: "supervised", Where: option.InFiles, Words: []string{"upstart", "systemd", "auto", "no"}, Since: "3.2",
		Doc: "Which supervisor is told that the daemon is ready.",
	}, func(s *Settings) *string { return &s.Supervised }, "no"),
	option.Of(option.Spec{
		Name: "pidfile", Where: option.InFiles, Quoted: true,
		Doc: "File for the process id.",
	}, func(s *Settings) *string { return &s.PidFile }, ""),

	option.Of(option.Spec{
		Name: "loglevel", Where: option.InFiles | option.ByConfigSet, Words: logLevels,
		Doc: "The least important lines that are logged.",
	}, func(s *Settings) *string { return &s.LogLevel }, "notice"),
	option.Of(option.Spec{
		Name: "logfile", Where: option.InFiles, Quoted: true,
		Doc: "Log file; empty is the standard output.",
	}, func(s *Settings) *string { return &s.LogFile }, ""),
	option.Of(option.Spec{
		Name: "log-format", Where: option.InFiles, Words: []string{"legacy", "default", "logfmt", "json"}, Since: "Valkey 8.1",
		Doc: "Form of a log line. `default` is another name of `legacy`, and `json` gosentinel's own.",
	}, func(s *Settings) *string { return &s.LogFormat }, "legacy"),
	option.Of(option.Spec{
		Name: "log-timestamp-format", Where: option.InFiles, Words: []string{"legacy", "iso8601", "milliseconds"}, Since: "Valkey 8.1",
		Doc: "Form of the time in a log line.",
	}, func(s *Settings) *string { return &s.LogTimestampFormat }, "legacy"),
	option.Of(option.Spec{
		Name: "syslog-enabled", Where: option.InFiles,
		Doc: "Logs to syslog as well.",
	}, func(s *Settings) *bool { return &s.SyslogEnabled }, false),
	option.Of(option.Spec{
		Name: "syslog-ident", Where: option.InFiles, Quoted: true,
		Doc: "Name of the program in syslog.",
	}, func(s *Settings) *string { return &s.SyslogIdent }, "redis"),
	option.Of(option.Spec{
		Name: "syslog-facility", Where: option.InFiles, Words: []string{
			"user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
		},
		Doc: "Facility of syslog.",
	}, func(s *Settings) *string { return &s.SyslogFacility }, "local0"),

	option.Of(option.Spec{
		Name: "requirepass", Where: option.InFiles, Quoted: true, Secret: true,
		Doc: "Password that clients must give; also used towards other Sentinels.",
	}, func(s *Settings) *string { return &s.RequirePass }, ""),
	option.Custom(option.Spec{
		Name: "user", Where: option.InFiles, Secret: true, Since: "6.0",
		Doc: "A user and its rules, in the syntax of ACL SETUSER.",
	}, func(s *Settings) option.Value { return userValue{&s.Users} }),
	option.Of(option.Spec{
		Name: "aclfile", Where: option.InFiles, Quoted: true, Since: "6.0",
		Doc: "File that holds the users.",
	}, func(s *Settings) *string { return &s.ACLFile }, ""),
	option.Of(option.Spec{
		Name: "acllog-max-len", Where: option.InFiles, Since: "6.0",
		Doc: "Entries kept by ACL LOG.",
	}, func(s *Settings) *int { return &s.ACLLogMaxLen }, 128),
	option.Of(option.Spec{
		Name: "acl-pubsub-default", Where: option.InFiles, Words: []string{"allchannels", "resetchannels"}, Since: "6.2",
		Doc: "Whether new users may use all Pub/Sub channels.",
	}, func(s *Settings) *string { return &s.ACLPubSubDefault }, "resetchannels"),
	option.Custom(option.Spec{
		Name: "rename-command", Where: option.InFiles,
		Doc: "Commands of this Sentinel under other names; an empty name removes the command.",
	}, func(s *Settings) option.Value { return monitor.RenameValue(&s.RenameCommands, true) }),

	option.Of(option.Spec{
		Name: "tls-port", Where: option.InFiles, Hi: maxPort, Since: "6.0",
		Doc: "TLS port; 0 is none.",
	}, func(s *Settings) *int { return &s.TLS.Port }, 0),
	option.Of(option.Spec{
		Name: "tls-cert-file", Where: option.InFiles, Quoted: true, Since: "6.0",
		Doc: "Certificate of this server.",
	}, func(s *Settings) *string { return &s.TLS.CertFile }, ""),
	option.Of(option.Spec{
		Name: "tls-key-file", Where: option.InFiles, Quoted: true, Since: "6.0",
		Doc: "Private key of tls-cert-file.",
	}, func(s *Settings) *string { return &s.TLS.KeyFile }, ""),
	option.Of(option.Spec{
		Name: "tls-key-file-pass", Where: option.InFiles, Quoted: true, Secret: true, Since: "6.2",
		Doc: "Password of tls-key-file.",
	}, func(s *Settings) *string { return &s.TLS.KeyFilePass }, ""),
	option.Of(option.Spec{
		Name: "tls-client-cert-file", Where: option.InFiles, Quoted: true, Since: "6.2",
		Doc: "Certificate for connections that this Sentinel makes; empty is tls-cert-file.",
	}, func(s *Settings) *string { return &s.TLS.ClientCertFile }, ""),
	option.Of(option.Spec{
		Name: "tls-client-key-file", Where: option.InFiles, Quoted: true, Since: "6.2",
		Doc: "Private key of tls-client-cert-file.",
	}, func(s *Settings) *string { return &s.TLS.ClientKeyFile }, ""),
	option.Of(option.Spec{
		Name: "tls-client-key-file-pass", Where: option.InFiles, Quoted: true, Secret: true, Since: "6.2",
		Doc: "Password of tls-client-key-file.",
	}, func(s *Settings) *string { return &s.TLS.ClientKeyFilePass }, ""),
	option.Of(option.Spec{
		Name: "tls-ca-cert-file", Where: option.InFiles, Quoted: true, Since: "6.0",
		Doc: "Certificates of the authorities to trust.",
	}, func(s *Settings) *string { return &s.TLS.CACertFile }, ""),
	option.Of(option.Spec{
		Name: "tls-ca-cert-dir", Where: option.InFiles, Quoted: true, Since: "6.0",
		Doc: "Directory with certificates of the authorities to trust.",
	}, func(s *Settings) *string { return &s.TLS.CACertDir }, ""),
	option.Of(option.Spec{
		Name: "tls-dh-params-file", Where: option.InFiles, Quoted: true, Since: "6.0",
		Doc: "Accepted for compatibility, without effect.",
	}, func(s *Settings) *string { return &s.TLS.DHParamsFile }, ""),
	option.Of(option.Spec{
		Name: "tls-auth-clients", Where: option.InFiles, Words: []string{"no", "yes", "optional"}, Since: "6.0",
		Doc: "Whether clients must show a certificate.",
	}, func(s *Settings) *string { return &s.TLS.AuthClients }, "yes"),
	option.Of(option.Spec{
		Name: "tls-replication", Where: option.InFiles, Since: "6.0",
		Doc: "Uses TLS for all connections that this Sentinel makes.",
	}, func(s *Settings) *bool { return &s.TLS.Replication }, false),
	option.Of(option.Spec{
		Name: "tls-protocols", Where: option.InFiles, Quoted: true, Since: "6.0",
		Doc: "Versions of TLS, separated by spaces; empty is the default.",
	}, func(s *Settings) *string { return &s.TLS.Protocols }, ""),
	option.Of(option.Spec{
		Name: "tls-ciphers", Where: option.InFiles, Quoted: true, Since: "6.0",
		Doc: "Ciphers up to TLS 1.2, separated by colons; empty is the default.",
	}, func(s *Settings) *string { return &s.TLS.Ciphers }, ""),
	option.Of(option.Spec{
		Name: "tls-ciphersuites", Where: option.InFiles, Quoted: true, Since: "6.0",
		Doc: "Ciphers of TLS 1.3, separated by colons; empty is the default.",
	}, func(s *Settings) *string { return &s.TLS.CipherSuites }, ""),
	option.Of(option.Spec{
		Name: "tls-prefer-server-ciphers", Where: option.InFiles, Since: "6.0",
		Doc: "The order of this server's ciphers counts.",
	}, func(s *Settings) *bool { return &s.TLS.PreferServerCiphers }, false),
	option.Of(option.Spec{
		Name: "tls-session-caching", Where: option.InFiles, Since: "6.0",
		Doc: "Lets clients resume TLS sessions.",
	}, func(s *Settings) *bool { return &s.TLS.SessionCaching }, true),
	option.Of(option.Spec{
		Name: "tls-session-cache-size", Where: option.InFiles, Hi: math.MaxInt32, Since: "6.0",
		Doc: "How many sessions can be resumed.",
	}, func(s *Settings) *int { return &s.TLS.SessionCacheSize }, 20480),
	option.Of(option.Spec{
		Name: "tls-session-cache-timeout", Where: option.InFiles, Unit: time.Second, Hi: math.MaxInt32, Since: "6.0",
		Doc: "For how long a session can be resumed.",
	}, func(s *Settings) *time.Duration { return &s.TLS.SessionCacheTimeout }, 300*time.Second),

	option.Of(option.Spec{
		Name: "gossip-port", Where: option.InFiles, Lo: -1, Hi: maxPort, Since: "gosentinel",
		Doc: "UDP port for gossip; -1 is 10000 above the port of the Sentinel, 0 turns gossip off.",
	}, func(s *Settings) *int { return &s.Gossip.Port }, -1),
	option.Of(option.Spec{
		Name: "gossip-bind", Where: option.InFiles, Since: "gosentinel",
		Doc: "Addresses to listen at for gossip; none are those of bind.",
	}, func(s *Settings) *[]string { return &s.Gossip.Bind }, nil),
	option.Of(option.Spec{
		Name: "gossip-announce-ip", Where: option.InFiles, Quoted: true, Since: "gosentinel",
		Doc: "Address at which others reach the gossip of this Sentinel.",
	}, func(s *Settings) *string { return &s.Gossip.AnnounceIP }, ""),
	option.Of(option.Spec{
		Name: "gossip-announce-port", Where: option.InFiles, Hi: maxPort, Since: "gosentinel",
		Doc: "Port that goes with gossip-announce-ip; 0 is gossip-port.",
	}, func(s *Settings) *int { return &s.Gossip.AnnouncePort }, 0),
	option.Of(option.Spec{
		Name: "gossip-key", Where: option.InFiles, Secret: true, Since: "gosentinel",
		Doc: "Keys that encrypt gossip, in base64; the first one encrypts, all of them decrypt.",
	}, func(s *Settings) *[]string { return &s.Gossip.Keys }, nil),
	option.Of(option.Spec{
		Name: "gossip-join", Where: option.InFiles, Since: "gosentinel",
		Doc: "Addresses at which the gossip of others may be found.",
	}, func(s *Settings) *[]string { return &s.Gossip.Join }, nil),

	option.Of(option.Spec{
		Name: "http-port", Where: option.InFiles, Hi: maxPort, Since: "gosentinel",
		Doc: "HTTP port for metrics, health and the status page; 0 is none.",
	}, func(s *Settings) *int { return &s.HTTP.Port }, 0),
	option.Of(option.Spec{
		Name: "http-bind", Where: option.InFiles, Since: "gosentinel",
		Doc: "Addresses to listen at for HTTP; a leading - means: if this machine has it.",
	}, func(s *Settings) *[]string { return &s.HTTP.Bind }, []string{"127.0.0.1", "-::1"}),
	option.Of(option.Spec{
		Name: "http-tls", Where: option.InFiles, Since: "gosentinel",
		Doc: "Serves HTTPS, with tls-cert-file and tls-key-file.",
	}, func(s *Settings) *bool { return &s.HTTP.TLS }, false),
	option.Of(option.Spec{
		Name: "http-user", Where: option.InFiles, Quoted: true, Since: "gosentinel",
		Doc: "User name that goes with http-password; empty takes any.",
	}, func(s *Settings) *string { return &s.HTTP.User }, ""),
	option.Of(option.Spec{
		Name: "http-password", Where: option.InFiles, Quoted: true, Secret: true, Since: "gosentinel",
		Doc: "Password that HTTP asks for (basic authentication).",
	}, func(s *Settings) *string { return &s.HTTP.Password }, ""),
	option.Of(option.Spec{
		Name: "http-token", Where: option.InFiles, Quoted: true, Secret: true, Since: "gosentinel",
		Doc: "Token that HTTP takes (bearer), in place of or beside http-password.",
	}, func(s *Settings) *string { return &s.HTTP.Token }, ""),
}

// modeValue is a field for the mode of a file in a table of options.
type modeValue struct{ mode *fs.FileMode }

func (v modeValue) Kind() option.Kind { return option.Mode }

func (v modeValue) SetLine(words []string) error {
	if len(words) != 1 {
		return option.ErrArity
	}
	n, err := strconv.ParseUint(words[0], 8, 32)
	if err != nil || n > 0o777 {
		return errors.New("argument must be an octal mode between 0 and 777")
	}
	*v.mode = fs.FileMode(n)
	return nil
}

func (v modeValue) Lines() [][]string { return [][]string{{strconv.FormatUint(uint64(*v.mode), 8)}} }

func (v modeValue) Clear() { *v.mode = 0 }

// userValue is a field for lines of words, each joined to one text, in a table
// of options.
type userValue struct{ lines *[]string }

func (v userValue) Kind() option.Kind { return option.Lines }

// SetLine adds a line. A save copies lines of the command line into the file,
// where the next start with the same command line finds them.
func (v userValue) SetLine(words []string) error {
	if len(words) == 0 {
		return option.ErrArity
	}
	if line := joinArgs(words...); !slices.Contains(*v.lines, line) {
		*v.lines = append((*v.lines)[:len(*v.lines):len(*v.lines)], line)
	}
	return nil
}

func (v userValue) Lines() [][]string {
	var lines [][]string
	for _, l := range *v.lines {
		words, err := splitArgs(l)
		if err != nil {
			words = []string{l} // cannot be; the comparison after writing would find it
		}
		lines = append(lines, words)
	}
	return lines
}

func (v userValue) Clear() { *v.lines = nil }

// Kind makes OutputLimits a field in a table of options.
func (l *OutputLimits) Kind() option.Kind { return option.Classes }

// SetLine changes the classes that the words name.
func (l *OutputLimits) SetLine(words []string) error {
	if len(words) == 0 || len(words)%4 != 0 {
		return option.ErrArity
	}
	next := *l
	for ; len(words) > 0; words = words[4:] {
		var class *OutputLimit
		switch strings.ToLower(words[0]) {
		case "normal":
			class = &next.Normal
		case "slave", "replica":
			class = &next.Replica
		case "pubsub":
			class = &next.PubSub
		default:
			return errors.New("Invalid client class specified in buffer limit configuration.")
		}
		hard, ok1 := parseSize(words[1])
		soft, ok2 := parseSize(words[2])
		secs, err := strconv.ParseInt(words[3], 10, 32)
		if !ok1 || !ok2 || err != nil || secs < 0 {
			return errors.New("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
		}
		*class = OutputLimit{hard, soft, time.Duration(secs) * time.Second}
	}
	*l = next
	return nil
}

// Lines returns one line for each class.
func (l *OutputLimits) Lines() [][]string {
	line := func(class string, o OutputLimit) []string {
		return strings.Fields(fmt.Sprintf("%s %d %d %d", class, o.HardBytes, o.SoftBytes, o.SoftFor/time.Second))
	}
	return [][]string{line("normal", l.Normal), line("replica", l.Replica), line("pubsub", l.PubSub)}
}

// Clear removes all limits.
func (l *OutputLimits) Clear() { *l = OutputLimits{} }

// parseSize reads a number of bytes with an optional unit: k, kb, m, mb, g, gb.
func parseSize(s string) (int64, bool) {
	digits := strings.TrimRight(strings.ToLower(s), "bkmg")
	factor := map[string]int64{"": 1, "b": 1, "k": 1e3, "kb": 1 << 10, "m": 1e6, "mb": 1 << 20, "g": 1e9, "gb": 1 << 30}[strings.ToLower(s)[len(digits):]]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || factor == 0 || n > math.MaxInt64/factor {
		return 0, false
	}
	return n * factor, true
}
