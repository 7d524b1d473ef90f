package configrewrite

import (
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

const maxPort = 65535

// masterOptions are the options of one master, in the order in which
// sentinel.conf lists them (wire.md §10.3).
var masterOptions = []option[monitor.MasterConfig]{
	{spec{toml: "quorum", lo: 1}, func(m *monitor.MasterConfig) any { return &m.Quorum }},
	{spec{conf: "down-after-milliseconds", toml: "down-after", unit: time.Millisecond, lo: 1},
		func(m *monitor.MasterConfig) any { return &m.DownAfter }},
	{spec{conf: "failover-timeout", toml: "failover-timeout", unit: time.Millisecond, lo: 1},
		func(m *monitor.MasterConfig) any { return &m.FailoverTimeout }},
	{spec{conf: "parallel-syncs", toml: "parallel-syncs", lo: 1, lenient: true},
		func(m *monitor.MasterConfig) any { return &m.ParallelSyncs }},
	{spec{conf: "notification-script", toml: "notification-script"},
		func(m *monitor.MasterConfig) any { return &m.NotificationScript }},
	{spec{conf: "client-reconfig-script", toml: "client-reconfig-script"},
		func(m *monitor.MasterConfig) any { return &m.ClientReconfigScript }},
	{spec{conf: "auth-pass", toml: "auth-pass", secret: true}, func(m *monitor.MasterConfig) any { return &m.AuthPass }},
	{spec{conf: "auth-user", toml: "auth-user"}, func(m *monitor.MasterConfig) any { return &m.AuthUser }},
	{spec{conf: "master-reboot-down-after-period", toml: "reboot-down-after", unit: time.Millisecond},
		func(m *monitor.MasterConfig) any { return &m.RebootDownAfter }},
	{spec{conf: "can-failover", toml: "can-failover"}, func(m *monitor.MasterConfig) any { return negated{&m.NeverLead} }},
	{spec{conf: "rename-command", toml: "rename-command"}, func(m *monitor.MasterConfig) any { return &m.Rename }},
}

// globalOptions are the process-wide options that the core acts on.
var globalOptions = []option[monitor.Options]{
	{spec{conf: "myid", toml: "myid"}, func(o *monitor.Options) any { return &o.MyID }},
	{spec{conf: "deny-scripts-reconfig", toml: "deny-scripts-reconfig"},
		func(o *monitor.Options) any { return negated{&o.AllowScriptsReconfig} }},
	{spec{conf: "resolve-hostnames", toml: "resolve-hostnames"},
		func(o *monitor.Options) any { return &o.ResolveHostnames }},
	{spec{conf: "announce-hostnames", toml: "announce-hostnames"},
		func(o *monitor.Options) any { return &o.AnnounceHostnames }},
	{spec{conf: "announce-ip", toml: "announce-ip", quoted: true}, func(o *monitor.Options) any { return &o.AnnounceIP }},
	{spec{conf: "announce-port", toml: "announce-port", hi: maxPort, lenient: true},
		func(o *monitor.Options) any { return &o.AnnouncePort }},
	{spec{conf: "sentinel-user", toml: "sentinel-user"}, func(o *monitor.Options) any { return &o.SentinelUser }},
	{spec{conf: "sentinel-pass", toml: "sentinel-pass", secret: true}, func(o *monitor.Options) any { return &o.SentinelPass }},
}

// serverOptions are the generic directives that mean something to a Sentinel.
var serverOptions = []option[Settings]{
	{spec{conf: "port", toml: "port", hi: maxPort}, func(s *Settings) any { return &s.Port }},
	{spec{conf: "bind", toml: "bind", none: true}, func(s *Settings) any { return &s.Bind }},
	{spec{conf: "protected-mode", toml: "protected-mode"}, func(s *Settings) any { return &s.ProtectedMode }},
	{spec{conf: "unixsocket", toml: "unixsocket", quoted: true}, func(s *Settings) any { return &s.UnixSocket }},
	{spec{conf: "unixsocketperm", toml: "unixsocketperm"}, func(s *Settings) any { return &s.UnixSocketPerm }},
	{spec{conf: "tcp-backlog", toml: "tcp-backlog", hi: 1<<31 - 1}, func(s *Settings) any { return &s.TCPBacklog }},
	{spec{conf: "tcp-keepalive", toml: "tcp-keepalive", unit: time.Second, hi: 1<<31 - 1},
		func(s *Settings) any { return &s.TCPKeepAlive }},
	{spec{conf: "timeout", toml: "timeout", unit: time.Second, hi: 1<<31 - 1}, func(s *Settings) any { return &s.Timeout }},
	{spec{conf: "maxclients", toml: "maxclients", lo: 1, hi: 1<<32 - 1}, func(s *Settings) any { return &s.MaxClients }},
	{spec{conf: "bind-source-addr", toml: "bind-source-addr"}, func(s *Settings) any { return &s.BindSourceAddr }},
	{spec{conf: "client-output-buffer-limit", toml: "client-output-buffer-limit"},
		func(s *Settings) any { return &s.OutputLimits }},

	{spec{conf: "dir", toml: "dir", quoted: true}, func(s *Settings) any { return &s.Dir }},
	{spec{conf: "state-file", toml: "state-file", quoted: true}, func(s *Settings) any { return &s.StateFile }},
	{spec{conf: "daemonize", toml: "daemonize"}, func(s *Settings) any { return &s.Daemonize }},
	{spec{conf: "supervised", toml: "supervised", words: []string{"upstart", "systemd", "auto", "no"}},
		func(s *Settings) any { return &s.Supervised }},
	{spec{conf: "pidfile", toml: "pidfile", quoted: true}, func(s *Settings) any { return &s.PidFile }},

	{spec{conf: "loglevel", toml: "loglevel", words: []string{"debug", "verbose", "notice", "warning", "nothing"}},
		func(s *Settings) any { return &s.LogLevel }},
	{spec{conf: "logfile", toml: "logfile", quoted: true}, func(s *Settings) any { return &s.LogFile }},
	{spec{conf: "log-format", toml: "log-format", words: []string{"legacy", "logfmt"}},
		func(s *Settings) any { return &s.LogFormat }},
	{spec{conf: "log-timestamp-format", toml: "log-timestamp-format", words: []string{"legacy", "iso8601", "milliseconds"}},
		func(s *Settings) any { return &s.LogTimestampFormat }},
	{spec{conf: "syslog-enabled", toml: "syslog-enabled"}, func(s *Settings) any { return &s.SyslogEnabled }},
	{spec{conf: "syslog-ident", toml: "syslog-ident", quoted: true}, func(s *Settings) any { return &s.SyslogIdent }},
	{spec{conf: "syslog-facility", toml: "syslog-facility", words: []string{
		"user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"}},
		func(s *Settings) any { return &s.SyslogFacility }},

	{spec{conf: "requirepass", toml: "requirepass", quoted: true, secret: true}, func(s *Settings) any { return &s.RequirePass }},
	{spec{conf: "user", toml: "user", multi: true, secret: true}, func(s *Settings) any { return &s.Users }},
	{spec{conf: "aclfile", toml: "aclfile", quoted: true}, func(s *Settings) any { return &s.ACLFile }},
	{spec{conf: "acllog-max-len", toml: "acllog-max-len"}, func(s *Settings) any { return &s.ACLLogMaxLen }},
	{spec{conf: "acl-pubsub-default", toml: "acl-pubsub-default", words: []string{"allchannels", "resetchannels"}},
		func(s *Settings) any { return &s.ACLPubSubDefault }},
	{spec{conf: "rename-command", toml: "rename-command", removes: true}, func(s *Settings) any { return &s.RenameCommands }},

	{spec{conf: "tls-port", toml: "tls-port", hi: maxPort}, func(s *Settings) any { return &s.TLS.Port }},
	{spec{conf: "tls-cert-file", toml: "tls-cert-file", quoted: true}, func(s *Settings) any { return &s.TLS.CertFile }},
	{spec{conf: "tls-key-file", toml: "tls-key-file", quoted: true}, func(s *Settings) any { return &s.TLS.KeyFile }},
	{spec{conf: "tls-key-file-pass", toml: "tls-key-file-pass", quoted: true, secret: true},
		func(s *Settings) any { return &s.TLS.KeyFilePass }},
	{spec{conf: "tls-client-cert-file", toml: "tls-client-cert-file", quoted: true},
		func(s *Settings) any { return &s.TLS.ClientCertFile }},
	{spec{conf: "tls-client-key-file", toml: "tls-client-key-file", quoted: true},
		func(s *Settings) any { return &s.TLS.ClientKeyFile }},
	{spec{conf: "tls-client-key-file-pass", toml: "tls-client-key-file-pass", quoted: true, secret: true},
		func(s *Settings) any { return &s.TLS.ClientKeyFilePass }},
	{spec{conf: "tls-ca-cert-file", toml: "tls-ca-cert-file", quoted: true}, func(s *Settings) any { return &s.TLS.CACertFile }},
	{spec{conf: "tls-ca-cert-dir", toml: "tls-ca-cert-dir", quoted: true}, func(s *Settings) any { return &s.TLS.CACertDir }},
	{spec{conf: "tls-dh-params-file", toml: "tls-dh-params-file", quoted: true},
		func(s *Settings) any { return &s.TLS.DHParamsFile }},
	{spec{conf: "tls-auth-clients", toml: "tls-auth-clients", words: []string{"no", "yes", "optional"}},
		func(s *Settings) any { return &s.TLS.AuthClients }},
	{spec{conf: "tls-replication", toml: "tls-replication"}, func(s *Settings) any { return &s.TLS.Replication }},
	{spec{conf: "tls-protocols", toml: "tls-protocols", quoted: true}, func(s *Settings) any { return &s.TLS.Protocols }},
	{spec{conf: "tls-ciphers", toml: "tls-ciphers", quoted: true}, func(s *Settings) any { return &s.TLS.Ciphers }},
	{spec{conf: "tls-ciphersuites", toml: "tls-ciphersuites", quoted: true}, func(s *Settings) any { return &s.TLS.CipherSuites }},
	{spec{conf: "tls-prefer-server-ciphers", toml: "tls-prefer-server-ciphers"},
		func(s *Settings) any { return &s.TLS.PreferServerCiphers }},
	{spec{conf: "tls-session-caching", toml: "tls-session-caching"}, func(s *Settings) any { return &s.TLS.SessionCaching }},
	{spec{conf: "tls-session-cache-size", toml: "tls-session-cache-size", hi: 1<<31 - 1},
		func(s *Settings) any { return &s.TLS.SessionCacheSize }},
	{spec{conf: "tls-session-cache-timeout", toml: "tls-session-cache-timeout", unit: time.Second, hi: 1<<31 - 1},
		func(s *Settings) any { return &s.TLS.SessionCacheTimeout }},

	{spec{conf: "gossip-port", toml: "gossip-port", lo: -1, hi: maxPort}, func(s *Settings) any { return &s.Gossip.Port }},
	{spec{conf: "gossip-bind", toml: "gossip-bind"}, func(s *Settings) any { return &s.Gossip.Bind }},
	{spec{conf: "gossip-announce-ip", toml: "gossip-announce-ip", quoted: true}, func(s *Settings) any { return &s.Gossip.AnnounceIP }},
	{spec{conf: "gossip-announce-port", toml: "gossip-announce-port", hi: maxPort},
		func(s *Settings) any { return &s.Gossip.AnnouncePort }},
	{spec{conf: "gossip-key", toml: "gossip-key", secret: true}, func(s *Settings) any { return &s.Gossip.Keys }},
	{spec{conf: "gossip-join", toml: "gossip-join"}, func(s *Settings) any { return &s.Gossip.Join }},
}

// find returns the option for which match holds, or nil.
func find[T any](options []option[T], match func(spec) bool) *option[T] {
	for i := range options {
		if match(options[i].spec) {
			return &options[i]
		}
	}
	return nil
}

func byConf(directive string) func(spec) bool {
	return func(s spec) bool { return s.conf == directive }
}

func byTOML(key string) func(spec) bool {
	return func(s spec) bool { return s.toml == key }
}

// statement aliases: spellings that mean the same directive.
var sentinelAliases = map[string]string{
	"known-slave":                      "known-replica",
	"primary-reboot-down-after-period": "master-reboot-down-after-period",
}
