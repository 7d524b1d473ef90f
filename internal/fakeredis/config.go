package fakeredis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// NeverPromote is a Config.Priority that makes a replica report replica-priority
// 0, so no Sentinel promotes it.
const NeverPromote = -1

// Config configures a server. The zero value is an empty master without a
// password on a free port of 127.0.0.1.
type Config struct {
	// Addr is the address to listen on. Empty means "127.0.0.1:0". The host must
	// be an IP address or empty (all interfaces).
	Addr string
	// Listener is an open socket to use in place of Addr; the server closes it. Its
	// address and those of its connections must be *net.TCPAddr.
	Listener net.Listener
	// Dial opens the connection to the master; nil means TCP.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Redial is how long a replica waits before it dials its master again; 0 means
	// 250 milliseconds.
	Redial time.Duration
	// IDs is where the run id and the replication ids come from; nil means random
	// ones. The server reads it from one goroutine at a time.
	IDs io.Reader
	// ReplicaOf is the "host:port" of the master; empty for a master.
	ReplicaOf string
	// Password is the password that clients must AUTH with (requirepass); empty
	// for none.
	Password string
	// MasterPassword is the password for authentication to the master
	// (masterauth); empty for none. MasterUser is the user to name with it; empty
	// for the default user.
	MasterPassword, MasterUser string
	// Priority is the replica-priority in INFO: the lowest is promoted first. 0
	// means 100, the default; see also NeverPromote.
	Priority int
	// Parameters sets other parameters that CONFIG SET knows, by name, for
	// example "min-replicas-to-write": "1". Two are its own: "imitated-version"
	// makes it answer as an older release, such as "6.0.20", and
	// "forbidden-commands", such as "client|pause slaveof", makes it refuse
	// commands as an ACL does.
	Parameters map[string]string
	// Data is the initial state, from Server.Data; nil for none. It includes the
	// replication id and offset, so that a restarted replica can continue where
	// it stopped.
	Data *Data
	// Logger receives the server's log; nil discards it.
	Logger *slog.Logger
	// Hook sees and may change what clients get; nil for none.
	Hook Hook

	// file is the configuration file for CONFIG REWRITE; empty if there is none.
	file string
}

// Data is the state of a server, to be kept after its end like an RDB file. It is
// immutable and may be used for any number of starts.
type Data struct {
	db     *keyspace
	id     string // "": without a history
	offset int64
}

// WithoutHistory returns the same keys without replication id and offset: what a
// server has that was restarted from its append-only file.
func (d *Data) WithoutHistory() *Data { return &Data{db: d.db} }

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

func (c *Config) dialer() dialFunc {
	if c.Dial != nil {
		return c.Dial
	}
	return new(net.Dialer).DialContext
}

func (c *Config) ids() io.Reader {
	if c.IDs != nil {
		return c.IDs
	}
	return rand.Reader
}

// listen returns the open socket of the server.
func (c *Config) listen() (net.Listener, error) {
	if c.Listener != nil {
		return c.Listener, nil
	}
	addr := c.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("fakeredis: cannot listen on %s: %w", addr, err)
	}
	return ln, nil
}

// prepare checks the configuration and returns the resulting parameters and
// master ("" for none).
func (c *Config) prepare() (st settings, masterHost string, masterPort int, err error) {
	st = defaultSettings()
	st.requirePass, st.masterAuth, st.masterUser = c.Password, c.MasterPassword, c.MasterUser
	switch {
	case c.Priority == NeverPromote:
		st.priority = 0
	case c.Priority < 0:
		return st, "", 0, fmt.Errorf("fakeredis: Priority %d: use a positive number, 0 for the default or NeverPromote", c.Priority)
	case c.Priority > 0:
		st.priority = c.Priority
	}
	for _, name := range slices.Sorted(maps.Keys(c.Parameters)) {
		p, text := findParam(name), c.Parameters[name]
		if p == nil || p.set == nil {
			return st, "", 0, fmt.Errorf("fakeredis: Parameters[%q]: no parameter of that name can be set", name)
		}
		if err := p.set(&st, text); err != nil {
			return st, "", 0, fmt.Errorf("fakeredis: Parameters[%q]: %w", name, err)
		}
	}
	if c.ReplicaOf != "" {
		masterHost, masterPort, err = splitHostPort(c.ReplicaOf)
		if err != nil {
			return st, "", 0, fmt.Errorf("fakeredis: ReplicaOf %q: %w", c.ReplicaOf, err)
		}
	}
	return st, masterHost, masterPort, nil
}

func splitHostPort(addr string) (string, int, error) {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("want host:port: %w", err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || port == 0 || !validHost(host) {
		return "", 0, errors.New("want host:port with a port between 1 and 65535")
	}
	return host, int(port), nil
}

// validHost rejects host names that could inject lines into INFO or a
// configuration file.
func validHost(host string) bool {
	return host != "" && len(host) <= 255 && !strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r == '"' || r == 0x7F })
}
