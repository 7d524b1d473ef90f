package fakeredis

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// settings are the values of the parameters that can change at run time. It is a
// plain value: CONFIG SET changes a copy and replaces the whole, so that a list
// of changes takes effect entirely or not at all.
type settings struct {
	requirePass, masterAuth, masterUser string

	priority     int
	announceIP   string
	announcePort int
	announced    bool
	readOnly     bool
	serveStale   bool

	minReplicas       int
	minReplicasMaxLag int // seconds
	replTimeout       int // seconds
	pingPeriod        int // seconds
	syncDelay         int // seconds before a full copy begins
	maxMemory         int // bytes
	maxClients        int

	version     version
	versionText string
	forbidden   []string // never changed in place
}

func defaultSettings() settings {
	return settings{
		priority: 100, announced: true, readOnly: true, serveStale: true,
		minReplicasMaxLag: 10, replTimeout: 60, pingPeriod: 10,
		// Redis has no limit by default. Without one, a client of a demo could
		// take all memory.
		maxMemory: 256 << 20, maxClients: 1000,
		version: version70, versionText: redisVersion,
	}
}

// param is one parameter of CONFIG. set is nil if it cannot be changed; get is
// never nil.
type param struct {
	name  string
	alias string // older spelling
	get   func(*Server) string
	set   func(*settings, string) error
	// rewrite says whether CONFIG REWRITE writes a value that differs from the
	// default.
	rewrite bool
}

// params are in the order of the reply to CONFIG GET *.
var params = []param{
	textParam("requirepass", func(s *settings) *string { return &s.requirePass }),
	textParam("masterauth", func(s *settings) *string { return &s.masterAuth }),
	textParam("masteruser", func(s *settings) *string { return &s.masterUser }),
	numberParam("replica-priority", "slave-priority", 0, math.MaxInt32, func(s *settings) *int { return &s.priority }),
	announceIPParam(),
	numberParam("replica-announce-port", "slave-announce-port", 0, 65535, func(s *settings) *int { return &s.announcePort }),
	flagParam("replica-announced", "", func(s *settings) *bool { return &s.announced }),
	flagParam("replica-read-only", "slave-read-only", func(s *settings) *bool { return &s.readOnly }),
	flagParam("replica-serve-stale-data", "slave-serve-stale-data", func(s *settings) *bool { return &s.serveStale }),
	numberParam("min-replicas-to-write", "min-slaves-to-write", 0, math.MaxInt32, func(s *settings) *int { return &s.minReplicas }),
	numberParam("min-replicas-max-lag", "min-slaves-max-lag", 0, math.MaxInt32, func(s *settings) *int { return &s.minReplicasMaxLag }),
	numberParam("repl-timeout", "", 1, 86400, func(s *settings) *int { return &s.replTimeout }),
	numberParam("repl-ping-replica-period", "repl-ping-slave-period", 1, 86400, func(s *settings) *int { return &s.pingPeriod }),
	numberParam("repl-diskless-sync-delay", "", 0, 86400, func(s *settings) *int { return &s.syncDelay }),
	numberParam("maxmemory", "", 1, math.MaxInt, func(s *settings) *int { return &s.maxMemory }),
	numberParam("maxclients", "", 1, 10_000, func(s *settings) *int { return &s.maxClients }),
	versionParam(),
	forbiddenParam(),
	fixedParam("port", func(s *Server) string { return strconv.Itoa(s.port) }),
	fixedParam("bind", func(s *Server) string { return s.host }),
	fixedParam("databases", func(*Server) string { return "1" }),
	fixedParam("save", func(*Server) string { return "" }),
	fixedParam("appendonly", func(*Server) string { return "no" }),
	fixedParam("repl-backlog-size", func(*Server) string { return strconv.Itoa(backlogSize) }),
	fixedParam("proto-max-bulk-len", func(*Server) string { return strconv.Itoa(maxBulkBytes) }),
}

// findParam returns the parameter with the given name or alias, or nil.
func findParam(name string) *param {
	name = strings.ToLower(name)
	for i := range params {
		if p := &params[i]; p.name == name || p.alias != "" && p.alias == name {
			return p
		}
	}
	return nil
}

func fixedParam(name string, get func(*Server) string) param { return param{name: name, get: get} }

func textParam(name string, field func(*settings) *string) param {
	return param{
		name: name, rewrite: true,
		get: func(s *Server) string { return *field(&s.settings) },
		set: func(s *settings, text string) error { *field(s) = text; return nil },
	}
}

func announceIPParam() param {
	p := textParam("replica-announce-ip", func(s *settings) *string { return &s.announceIP })
	p.alias = "slave-announce-ip"
	p.set = func(s *settings, text string) error {
		if text != "" && !validHost(text) {
			return errors.New("argument must be an address or a host name")
		}
		s.announceIP = text
		return nil
	}
	return p
}

func numberParam(name, alias string, lo, hi int, field func(*settings) *int) param {
	return param{
		name: name, alias: alias, rewrite: true,
		get: func(s *Server) string { return strconv.Itoa(*field(&s.settings)) },
		set: func(s *settings, text string) error {
			n, err := strconv.Atoi(text)
			if err != nil {
				return errors.New("argument couldn't be parsed into an integer")
			}
			if n < lo || n > hi {
				return fmt.Errorf("argument must be between %d and %d inclusive", lo, hi)
			}
			*field(s) = n
			return nil
		},
	}
}

func flagParam(name, alias string, field func(*settings) *bool) param {
	return param{
		name: name, alias: alias, rewrite: true,
		get: func(s *Server) string {
			if *field(&s.settings) {
				return "yes"
			}
			return "no"
		},
		set: func(s *settings, text string) error {
			switch strings.ToLower(text) {
			case "yes":
				*field(s) = true
			case "no":
				*field(s) = false
			default:
				return errors.New("argument must be 'yes' or 'no'")
			}
			return nil
		},
	}
}
