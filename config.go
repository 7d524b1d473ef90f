package sentinel

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/node"
	"github.com/gosentinel/sentinel/internal/valid"
	"github.com/gosentinel/sentinel/monitor"
)

// Config describes a Sentinel that is embedded in another program. The zero value
// of each field is its default.
type Config struct {
	// Listen is the address of the RESP server, for example ":26379". Clients and
	// other Sentinels connect to it. "" means no server: such a Sentinel monitors
	// and may lead a failover, but cannot be asked for its vote.
	Listen string

	// Listener is an open socket to use in place of Listen, such as one of a network
	// in memory. Run closes it. The addresses of its connections must be IP addresses
	// with ports, since they are what is announced to other Sentinels; or else set
	// AnnounceIP and AnnouncePort. Gossip is then off unless GossipPort is set.
	Listener net.Listener

	// Dial opens the connections to servers and to other Sentinels; nil means TCP.
	// It is called by many goroutines at once and must return when its context ends.
	// Close on what it returns must end reads and writes that are under way.
	Dial DialFunc

	// StateFile stores the identity, the epochs, the votes and what was learned
	// about the masters, in TOML. It is created if it does not exist. "" keeps
	// all of that in memory: after a restart this Sentinel has a new identity,
	// and the others count both the old and the new one until they forget the old
	// one (SENTINEL RESET).
	StateFile string

	// Masters are monitored from the start. Where StateFile already has a master
	// of the same name, its values win, such as the address after a failover.
	Masters []Master

	// Password is required from clients and other Sentinels (requirepass), and is
	// sent when this Sentinel connects to another one.
	Password string

	// AnnounceIP and AnnouncePort replace the address that is announced to other
	// Sentinels, for hosts behind NAT or in containers. "" and 0 announce the
	// actual one.
	AnnounceIP   string
	AnnouncePort int

	// ListenTLS encrypts connections to Listen, and DialTLS those to servers and
	// to other Sentinels. nil means plain TCP. Either all Sentinels use TLS or
	// none does, because the address that one announces is the one that the
	// others dial. An empty ServerName in DialTLS stands for the host that is
	// dialled.
	ListenTLS *tls.Config
	DialTLS   *tls.Config

	// GossipPort is the UDP port of gossip, which lets gosentinels agree faster.
	// 0 means 10000 above the port of Listen, or any free port if that is 0. A
	// negative value turns gossip off. It is also off without a secret
	// (GossipKeys or Password), unless Listen is on loopback. See docs/gossip.md.
	GossipPort int

	// GossipKeys are the keys that encrypt gossip: base64 of 16, 24 or 32 bytes
	// each. The first one encrypts, all of them decrypt. If empty, a key is
	// derived from Password.
	GossipKeys []string

	// GossipJoin are further addresses, as "host:port", where the gossip of other
	// Sentinels may be reached, in addition to those announced over RESP.
	GossipJoin []string

	// ResolveHostnames allows host names in place of IP addresses, in Masters and
	// in what servers and other Sentinels report. They are resolved again while
	// running.
	ResolveHostnames bool

	// Logger receives the log; nil discards it.
	Logger *slog.Logger
}

// DialFunc opens a connection. It is the form of [net.Dialer.DialContext]: network is
// "tcp", and addr an IP address with a port.
type DialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// Master is one master to monitor. Name, Addr and Quorum are required.
type Master struct {
	Name            string
	Addr            string        // "host:port"
	Quorum          int           // how many Sentinels must agree that it is down
	DownAfter       time.Duration // 0: 30 seconds
	FailoverTimeout time.Duration // 0: 3 minutes
	ParallelSyncs   int           // 0: 1
	AuthUser        string        // for AUTH to its servers; "" for the default user
	AuthPass        string

	// StockFailover makes planned failovers work as the original does, which loses
	// writes: it promotes a replica while the master takes writes.
	StockFailover bool
	// EmptyPromotionGrace is how long no replica without keys is promoted after a
	// master that had some went down. 0: without end if the master keeps its data
	// on disk, else 10 seconds.
	EmptyPromotionGrace time.Duration
}

// base converts cfg to the form that a configuration file is read into. The error
// joins every mistake.
func (cfg Config) base() (configrewrite.Config, error) {
	base := configrewrite.Config{Settings: configrewrite.DefaultSettings()}
	base.Settings.RequirePass = cfg.Password
	base.State.Options = monitor.Options{
		AnnounceIP: cfg.AnnounceIP, AnnouncePort: cfg.AnnouncePort, ResolveHostnames: cfg.ResolveHostnames,
	}
	base.Settings.Gossip = cfg.gossip()
	var wrong []error
	if err := node.CheckGossip(base.Settings.Gossip); err != nil {
		wrong = append(wrong, fmt.Errorf("sentinel: %w", err))
	}
	if cfg.Listen != "" && cfg.Listener != nil {
		wrong = append(wrong, errors.New("sentinel: Listen and Listener exclude each other: leave one of them out"))
	}
	if cfg.AnnouncePort < 0 || cfg.AnnouncePort > 65535 {
		wrong = append(wrong, fmt.Errorf("sentinel: AnnouncePort %d must be from 0 to 65535", cfg.AnnouncePort))
	}
	if err := valid.Announced(cfg.AnnounceIP); cfg.AnnounceIP != "" && err != nil {
		wrong = append(wrong, fmt.Errorf("sentinel: AnnounceIP %q: %w", cfg.AnnounceIP, err))
	}
	if _, ok := monitor.IPAddr(cfg.AnnounceIP, 0); cfg.AnnounceIP != "" && !ok && !cfg.ResolveHostnames {
		wrong = append(wrong, fmt.Errorf("sentinel: AnnounceIP %q is not an IP address: set ResolveHostnames to use names", cfg.AnnounceIP))
	}
	seen := map[string]bool{}
	for _, m := range cfg.Masters {
		mc, err := m.config(cfg.ResolveHostnames)
		if seen[m.Name] {
			err = errors.Join(err, errors.New("it stands twice in Masters"))
		}
		seen[m.Name] = true
		if err != nil {
			wrong = append(wrong, fmt.Errorf("sentinel: master %q: %w", m.Name, err))
		}
		base.State.Masters = append(base.State.Masters, monitor.MasterState{MasterConfig: mc})
	}
	return base, errors.Join(wrong...)
}

func (cfg Config) gossip() configrewrite.Gossip {
	g := configrewrite.Gossip{Port: cfg.GossipPort, Keys: cfg.GossipKeys, Join: cfg.GossipJoin}
	switch {
	case cfg.GossipPort < 0:
		g.Port = 0
	case cfg.GossipPort == 0 && cfg.Listener == nil:
		g.Port = -1
	}
	return g
}

func (m Master) config(names bool) (monitor.MasterConfig, error) {
	addr, err := m.addr(names)
	for _, check := range []struct {
		wrong bool
		text  string
	}{
		{valid.MasterName(m.Name) != nil, fmt.Sprint(valid.MasterName(m.Name))},
		{m.Quorum < 1, "Quorum must be 1 or greater"},
		{m.DownAfter < 0, "DownAfter must not be negative"},
		{m.FailoverTimeout < 0, "FailoverTimeout must not be negative"},
		{m.ParallelSyncs < 0, "ParallelSyncs must not be negative"},
		{m.EmptyPromotionGrace < 0, "EmptyPromotionGrace must not be negative"},
	} {
		if check.wrong {
			err = errors.Join(err, errors.New(check.text))
		}
	}
	planned := monitor.PlannedSafe
	if m.StockFailover {
		planned = monitor.PlannedStock
	}
	return monitor.MasterConfig{
		Name: m.Name, Addr: addr, Quorum: m.Quorum, DownAfter: m.DownAfter, FailoverTimeout: m.FailoverTimeout,
		ParallelSyncs: m.ParallelSyncs, AuthUser: m.AuthUser, AuthPass: m.AuthPass,
		PlannedFailover: planned, EmptyPromotionGrace: m.EmptyPromotionGrace,
	}, err
}

func (m Master) addr(names bool) (monitor.Addr, error) {
	host, portText, err := net.SplitHostPort(m.Addr)
	if err != nil {
		return monitor.Addr{}, fmt.Errorf("Addr %q must be host:port: %w", m.Addr, err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil || port < 1 || port > 65535 {
		return monitor.Addr{}, fmt.Errorf("port %q must be a number from 1 to 65535", portText)
	}
	if err := valid.Announced(host); err != nil {
		return monitor.Addr{}, fmt.Errorf("Addr %q: %w", m.Addr, err)
	}
	addr, literal := monitor.IPAddr(host, port)
	switch {
	case literal:
		return addr, nil
	case !names:
		return addr, fmt.Errorf("%q is not an IP address: set ResolveHostnames to use names", host)
	}
	return monitor.Addr{Host: host, Port: port}, nil
}
