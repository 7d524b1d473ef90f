package sentinel

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
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

	// Resolver looks up host names, where ResolveHostnames allows them; nil means that
	// of the system. It is called by many goroutines at once and must return when its
	// context ends.
	Resolver Resolver

	// StateFile stores the identity, the epochs, the votes and what was learned
	// about the masters, in TOML. It is created if it does not exist. Run returns
	// [ErrStateInUse] while another Sentinel works with it. "" keeps all of that in
	// memory: after a restart this Sentinel has a new identity, and the others count both
	// the old and the new one until they forget the old one (SENTINEL RESET).
	StateFile string

	// Store keeps the state in place of StateFile.
	Store Store

	// Masters are monitored from the start. Where the state already has a master
	// of the same name, its values win, such as the address after a failover.
	Masters []MasterConfig

	// Guards says how far the guards of all masters go that do not say otherwise.
	Guards Guards

	// Password is required from clients and other Sentinels (requirepass), and is
	// sent when this Sentinel connects to another one.
	Password string

	// PeerUser and PeerPass log this Sentinel in to the others (sentinel-user and
	// sentinel-pass). "": with Password, as the default user.
	PeerUser string
	PeerPass string

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

	// Observe makes this Sentinel an observer: it watches and reports, announces itself to
	// nobody, and neither votes nor acts.
	Observe bool

	// AllowShutdown lets clients end this Sentinel with SHUTDOWN. Run then returns
	// [ErrShutdownByClient].
	AllowShutdown bool

	// Policy is asked about failovers. The zero value is not.
	Policy Policy

	// Limits bound what clients and slow readers of events can cost.
	Limits Limits

	// Logger receives the log; nil discards it. A handler that is slow or hangs holds up
	// nothing: up to 1 MiB waits for it, then lines are dropped.
	Logger *slog.Logger

	// Record receives what goes into the core and what comes out of it, in a form
	// that `sim replay` plays again, up to 64 MiB; nil records nothing. Writing
	// must not block, since all decisions wait for it. The record holds passwords.
	Record io.Writer
}

// Limits bound what others can cost. The zero value of each field is its default.
type Limits struct {
	Clients         int           // connections of the RESP server; 0: 10000
	ClientIdle      time.Duration // clients that are silent for so long are cut; 0: never
	SubscriberBytes int           // that wait for a subscriber before it is cut; 0: 8 MiB
	EventsBytes     int           // that wait for a reader of Events before the oldest are dropped; 0: 1 MiB
	JournalBytes    int           // of the reports of failovers, in a file beside StateFile; 0: 1 MiB, negative: no file
}

// DialFunc opens a connection. It is the form of [net.Dialer.DialContext]: network is
// "tcp", and addr an IP address with a port.
type DialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// Resolver looks host names up. [*net.Resolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Store keeps the state of a Sentinel: its identity, epochs, votes and what it has
// learned, as a text of some kilobytes. Votes depend on it: what Save has promised to
// keep must survive a crash and a power cut, and one Store must not be used by two
// Sentinels.
//
// Calls come one at a time, and Run waits for Load and for the first Save. Later a
// Save that fails or hangs does not hold the Sentinel up: it works on, gives no new
// vote, and says so (see [Sentinel.Health]). A failed Save is repeated every second,
// with what the state is by then.
type Store interface {
	// Load returns what was saved last: nil, or an error that is [fs.ErrNotExist],
	// if nothing was. Run refuses to start with a text that it did not save, or that
	// a newer version did, and leaves it as it is.
	Load(ctx context.Context) ([]byte, error)

	// Save replaces what was saved before. It returns nil once state is durable. After
	// an error the store must hold either what it held before, or state. The context
	// ends some seconds after Run was told to end: a Save must not be given up
	// earlier, as it could then take effect after the next one.
	Save(ctx context.Context, state []byte) error
}

var _ node.Store = Store(nil)

// MemoryStore is a [Store] in memory: a Sentinel can be stopped and made anew within a
// process. The zero value is empty. It is safe for concurrent use.
type MemoryStore struct {
	mu    sync.Mutex
	state []byte
}

// Load implements [Store].
func (m *MemoryStore) Load(context.Context) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.state), nil
}

// Save implements [Store].
func (m *MemoryStore) Save(_ context.Context, state []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = slices.Clone(state)
	return nil
}

// base converts cfg to the form that a configuration file is read into. The error
// joins every mistake.
func (cfg Config) base() (configrewrite.Config, error) {
	base := configrewrite.Config{Settings: configrewrite.DefaultSettings()}
	base.Settings.RequirePass = cfg.Password
	base.Settings.Gossip = cfg.gossip()
	base.State.Options = monitor.Options{
		AnnounceIP: cfg.AnnounceIP, AnnouncePort: cfg.AnnouncePort, ResolveHostnames: cfg.ResolveHostnames, Observe: cfg.Observe,
		SentinelUser: cfg.PeerUser, SentinelPass: cfg.PeerPass, Guards: cfg.Guards,
	}
	cfg.Limits.apply(&base.Settings)
	wrong := append(cfg.mistakes(), node.CheckGossip(base.Settings.Gossip, gossipFields)...)
	for i, err := range wrong {
		wrong[i] = fmt.Errorf("sentinel: %w", err)
	}
	seen := map[string]bool{}
	for _, m := range cfg.Masters {
		mc, err := m.core(cfg.ResolveHostnames)
		wrong = append(wrong, err)
		if seen[m.Name] {
			wrong = append(wrong, fmt.Errorf("sentinel: master %q: it stands twice in Masters", m.Name))
		}
		seen[m.Name] = true
		base.State.Masters = append(base.State.Masters, &monitor.MasterState{MasterConfig: mc})
	}
	return base, errors.Join(wrong...)
}

// gossipFields are the fields of Config that hold options of gossip.
var gossipFields = map[string]string{"gossip-key": "GossipKeys", "gossip-join": "GossipJoin"}

// stateMistakes returns what is wrong with the state file.
func (cfg Config) stateMistakes() error {
	if cfg.StateFile == "" {
		return nil
	}
	unresolved := func(context.Context, string) (string, error) { return "0.0.0.0", nil } // names are no mistake
	_, err := configrewrite.Loader{Resolve: unresolved}.New(cfg.StateFile, configrewrite.Config{Settings: configrewrite.DefaultSettings()})
	return err
}

// mistakes returns what is wrong with the fields that do not belong to a master.
func (cfg Config) mistakes() (wrong []error) {
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if cfg.Listen != "" && cfg.Listener != nil {
		bad("Listen and Listener exclude each other: leave one of them out")
	}
	if cfg.StateFile != "" && cfg.Store != nil {
		bad("StateFile and Store exclude each other: leave one of them out")
	}
	if _, err := net.ResolveTCPAddr("tcp", literalHost(cfg.Listen)); cfg.Listen != "" && err != nil {
		bad("Listen %q: %w", cfg.Listen, err)
	}
	if cfg.Limits.JournalBytes > 32<<20 {
		bad("Limits.JournalBytes %d must be at most %d", cfg.Limits.JournalBytes, 32<<20)
	}
	if cfg.GossipPort > 65535 {
		bad("GossipPort %d must be at most 65535", cfg.GossipPort)
	}
	if cfg.Policy.Timeout < 0 || cfg.Policy.Timeout > monitor.MaxFailoverPause {
		bad("Policy.Timeout %v must be from 0 to %v", cfg.Policy.Timeout, monitor.MaxFailoverPause)
	}
	if err := cfg.listenTLS(); err != nil {
		bad("ListenTLS %w", err)
	}
	if cfg.AnnouncePort < 0 || cfg.AnnouncePort > 65535 {
		bad("AnnouncePort %d must be from 0 to 65535", cfg.AnnouncePort)
	}
	if err := valid.Announced(cfg.AnnounceIP); cfg.AnnounceIP != "" && err != nil {
		bad("AnnounceIP %q: %w", cfg.AnnounceIP, err)
	} else if _, ok := monitor.IPAddr(cfg.AnnounceIP, 0); cfg.AnnounceIP != "" && !ok && !cfg.ResolveHostnames {
		bad("AnnounceIP %q is not an IP address: set ResolveHostnames to use names", cfg.AnnounceIP)
	}
	for _, w := range []struct{ field, value string }{{"Password", cfg.Password}, {"PeerUser", cfg.PeerUser}, {"PeerPass", cfg.PeerPass}} {
		if err := valid.Word(w.value); err != nil {
			bad("%s: %w", w.field, err)
		}
	}
	if cfg.PeerUser != "" && cfg.PeerPass == "" {
		bad("PeerUser %q has no PeerPass", cfg.PeerUser)
	}
	for _, n := range []struct {
		field string
		value int
	}{
		{"Clients", cfg.Limits.Clients}, {"ClientIdle", int(cfg.Limits.ClientIdle)},
		{"SubscriberBytes", cfg.Limits.SubscriberBytes}, {"EventsBytes", cfg.Limits.EventsBytes},
	} {
		if n.value < 0 {
			bad("Limits.%s must not be negative", n.field)
		}
	}
	return wrong
}

// listenTLS says why no client could connect with ListenTLS.
func (cfg Config) listenTLS() error {
	c := cfg.ListenTLS
	switch {
	case c == nil:
	case cfg.Listen == "" && cfg.Listener == nil:
		return errors.New("needs Listen or Listener")
	case len(c.Certificates) == 0 && c.GetCertificate == nil && c.GetConfigForClient == nil:
		return errors.New("has no certificate: set Certificates, GetCertificate or GetConfigForClient")
	}
	return nil
}

// literalHost returns addr with 0.0.0.0 in the place of a host name, which is
// resolved only when the socket is opened.
func literalHost(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if _, literal := monitor.IPAddr(host, 0); err == nil && host != "" && !literal && valid.Host(host) == nil {
		return net.JoinHostPort("0.0.0.0", port)
	}
	return addr
}

func (l Limits) apply(set *configrewrite.Settings) {
	if l.Clients > 0 {
		set.MaxClients = l.Clients
	}
	set.Timeout = l.ClientIdle
	if l.JournalBytes != 0 {
		set.JournalBytes = max(l.JournalBytes, 0)
	}
	if l.SubscriberBytes > 0 {
		set.OutputLimits.PubSub = configrewrite.OutputLimit{HardBytes: int64(l.SubscriberBytes)}
	}
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
