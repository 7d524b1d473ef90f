package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/gosentinel/sentinel/discovery"
)

// Config says what a proxy does. Load reads it from a file; proxy.toml.example explains
// every key.
type Config struct {
	Workers   int              `toml:"workers"` // goroutines that serve clients; 0: one for every two processors
	Sentinels []string         `toml:"sentinels"`
	Hold      HoldConfig       `toml:"hold"`
	Limits    LimitConfig      `toml:"limits"`
	Masters   []MasterConfig   `toml:"master"`
	Listeners []ListenerConfig `toml:"listener"`
	// Zones says where replicas are, by host or "host:port".
	Zones map[string]string `toml:"zones"`

	dial  func(ctx context.Context, network, addr string) (net.Conn, error)
	pumps bool // tests: goroutines read and write, whatever the system offers
}

// HoldConfig says what happens to requests while there is no master.
type HoldConfig struct {
	Timeout  Duration `toml:"timeout"`  // how long they wait
	Bytes    Size     `toml:"bytes"`    // how much may wait for one master
	Inflight Inflight `toml:"inflight"` // what was sent and has no reply
}

// LimitConfig bounds what one client can cost.
type LimitConfig struct {
	Clients int  `toml:"clients"` // of one listener
	Request Size `toml:"request"` // bytes of one request
	Output  Size `toml:"output"`  // bytes that a client has not taken yet
}

// MasterConfig names a group that Sentinels watch.
type MasterConfig struct {
	Name      string    `toml:"name"`
	Sentinels []string  `toml:"sentinels"` // empty: those at the top of the file
	User      string    `toml:"user"`
	Password  Secret    `toml:"password"`
	TLS       ClientTLS `toml:"tls"`
	Sentinel  struct {
		User     string    `toml:"user"`
		Password Secret    `toml:"password"`
		TLS      ClientTLS `toml:"tls"`
	} `toml:"sentinel"`
	Inflight Inflight `toml:"inflight"` // empty: that of [hold]
	// AckReplicas is how many replicas must have a write before it is acknowledged, and
	// AckTimeout is how long that may take. 0 replicas: the master's word is enough.
	AckReplicas int      `toml:"ack-replicas"`
	AckTimeout  Duration `toml:"ack-timeout"`

	serverAccess, sentinelAccess discovery.Access
	dial                         func(ctx context.Context, network, addr string) (net.Conn, error)
	reads                        bool   // a listener reads from its replicas
	source                       source // nil: a discovery.Resolver
}

// ListenerConfig is an address that clients connect to.
type ListenerConfig struct {
	Bind   string `toml:"bind"`   // "host:port"
	Master string `toml:"master"` // which one; may be left out if there is one only
	Mode   Mode   `toml:"mode"`   // empty: master
	// For the modes split and replicas.
	Balance        Balance  `toml:"balance"`          // empty: round-robin
	Zone           string   `toml:"zone"`             // for balance = "zone"
	MaxLag         Duration `toml:"max-lag"`          // how old the data of a replica may be; zero: any age
	ReadYourWrites bool     `toml:"read-your-writes"` // a client reads what it has written
	// Announce is what a listener of the mode sentinel tells clients, as "host:port".
	// Empty: the address that they came to, with the port of the listener for the master.
	Announce string    `toml:"announce"`
	User     string    `toml:"user"` // that clients log in as; empty: default
	Password Secret    `toml:"password"`
	TLS      ServerTLS `toml:"tls"`

	tls *tls.Config
}

// Mode says where the requests of a listener go.
type Mode string

const (
	ModeMaster   Mode = "master"   // all to the master
	ModeReplicas Mode = "replicas" // all to a replica, the same for a client as long as it is good
	ModeSplit    Mode = "split"    // reads to replicas, everything else to the master
	ModeTCP      Mode = "tcp"      // bytes to the master and back, whatever they say
	ModeSentinel Mode = "sentinel" // the proxy answers as a Sentinel does, with its own address
)

// Inflight says what becomes of requests that were sent when a connection to the master
// ends without a reply. Nobody knows whether they have been executed.
type Inflight string

const (
	InflightError   Inflight = "error"            // the client gets an error that says so
	RetryIdempotent Inflight = "retry-idempotent" // reads are sent again, and nothing that may write is
	RetryAll        Inflight = "retry-all"        // all are sent again, and some will be executed twice
)

// Secret is a password. Printing it does not print it.
type Secret string

func (Secret) String() string   { return "(secret)" }
func (Secret) GoString() string { return "(secret)" }

// ClientTLS says how the proxy connects with TLS. The zero value is without TLS.
type ClientTLS struct {
	Enable bool   `toml:"enable"`
	CAFile string `toml:"ca-file"` // authorities; empty: those of the system
	Cert   string `toml:"cert-file"`
	Key    string `toml:"key-file"`
	Name   string `toml:"server-name"` // in the certificate; empty: the host of the address
}

// ServerTLS says how clients connect with TLS. The zero value is without TLS.
type ServerTLS struct {
	Cert   string `toml:"cert-file"`
	Key    string `toml:"key-file"`
	CAFile string `toml:"ca-file"` // clients must have a certificate of these authorities; empty: they need none
}

// Duration is a time such as "15s".
type Duration struct{ d time.Duration }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) (err error) {
	if d.d, err = time.ParseDuration(string(text)); err != nil || d.d <= 0 {
		return fmt.Errorf("%q is no duration: write a number and a unit, such as \"500ms\" or \"15s\"", text)
	}
	return nil
}

func (d Duration) String() string { return d.d.String() }

// Size is a number of bytes such as "64MiB".
type Size struct{ n int64 }

var units = []struct {
	name string
	size int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Size) UnmarshalText(text []byte) error {
	for _, u := range units {
		if number, is := strings.CutSuffix(string(text), u.name); is {
			n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
			if err != nil || n <= 0 || n > 1<<40/u.size {
				break
			}
			s.n = n * u.size
			return nil
		}
	}
	return fmt.Errorf("%q is no size: write a number and a unit, such as \"64MiB\" or \"16KiB\"", text)
}

func (s Size) String() string {
	for _, u := range units {
		if s.n%u.size == 0 {
			return fmt.Sprintf("%d%s", s.n/u.size, u.name)
		}
	}
	return ""
}

// Load reads a configuration. Its error names everything that is wrong, with the line
// and a hint.
func Load(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parse(path, text)
}

func parse(path string, text []byte) (*Config, error) {
	c := &Config{}
	meta, err := toml.Decode(string(text), c)
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		return nil, fmt.Errorf("%s:%d: %s", path, syntax.Position.Line, syntax.Message)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var wrong problems
	wrong.path, wrong.text = path, string(text)
	for _, key := range meta.Undecoded() {
		wrong.unknown(key)
	}
	c.complete(&wrong, filepath.Dir(path))
	if err := wrong.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// Defaults of what a file leaves out.
const (
	defaultHold    = 15 * time.Second
	defaultBytes   = 64 << 20
	defaultClients = 10000
	defaultAck     = time.Second
)

// complete fills in defaults and objects to what makes no sense.
func (c *Config) complete(wrong *problems, dir string) {
	if c.dial == nil {
		c.dial = (&net.Dialer{}).DialContext
	}
	if c.Workers < 0 || c.Workers > 256 {
		wrong.add("workers", "workers is a number from 1 to 256", "leave it out for one worker to every two processors")
	}
	if c.Hold.Timeout.d == 0 {
		c.Hold.Timeout.d = defaultHold
	}
	for _, s := range []*Size{&c.Hold.Bytes, &c.Limits.Request, &c.Limits.Output} {
		if s.n == 0 {
			s.n = defaultBytes
		}
	}
	if c.Limits.Request.n > 1<<30 {
		wrong.add("request", "limits.request is at most 1GiB", "Redis takes no string of more than 512MiB")
	}
	if c.Limits.Clients == 0 {
		c.Limits.Clients = defaultClients
	}
	if c.Hold.Inflight == "" {
		c.Hold.Inflight = RetryIdempotent
	}
	c.Hold.Inflight.check(wrong)
	if len(c.Masters) == 0 {
		wrong.add("", "there is no [[master]]", "name the master as the Sentinels do:\n  [[master]]\n  name = \"mymaster\"")
	}
	if len(c.Listeners) == 0 {
		wrong.add("", "there is no [[listener]]", "say where clients connect:\n  [[listener]]\n  bind = \"127.0.0.1:6379\"")
	}
	for i := range c.Masters {
		c.Masters[i].complete(c, i, wrong, dir)
	}
	for i := range c.Listeners {
		c.Listeners[i].complete(c, i, wrong, dir)
	}
}

func (f Inflight) check(wrong *problems) {
	switch f {
	case InflightError, RetryIdempotent, RetryAll:
	default:
		wrong.add("inflight", fmt.Sprintf("inflight = %q is unknown", f), `it is "error", "retry-idempotent" or "retry-all"`)
	}
}

func (m *MasterConfig) complete(c *Config, i int, wrong *problems, dir string) {
	at := fmt.Sprintf("master#%d", i)
	m.dial = c.dial
	if m.Name == "" {
		wrong.add(at, "a [[master]] has no name", `name = "mymaster" is what most Sentinels call it; SENTINEL MASTERS tells`)
	}
	for _, o := range c.Masters[:i] {
		if o.Name == m.Name && m.Name != "" {
			wrong.add(at, fmt.Sprintf("the master %q is defined twice", m.Name), "several listeners may name one master")
		}
	}
	if len(m.Sentinels) == 0 {
		m.Sentinels = c.Sentinels
	}
	if len(m.Sentinels) == 0 {
		wrong.add(at, fmt.Sprintf("nobody is there to be asked for the master %q", m.Name),
			`write sentinels = ["host:26379", ...] at the top of the file, or below [[master]]`)
	}
	if m.Inflight != "" {
		m.Inflight.check(wrong)
	}
	if m.AckReplicas < 0 || m.AckReplicas > 100 {
		wrong.add("ack-replicas", "ack-replicas is a number of replicas", "leave it out if the master's word is enough")
	}
	if m.AckTimeout.d == 0 {
		m.AckTimeout.d = defaultAck
	}
	var err error
	if m.serverAccess, err = access(m.User, m.Password, m.TLS, dir); err != nil {
		wrong.add(at, err.Error(), "")
	}
	if m.sentinelAccess, err = access(m.Sentinel.User, m.Sentinel.Password, m.Sentinel.TLS, dir); err != nil {
		wrong.add(at, err.Error(), "")
	}
	if m.Name != "" && len(m.Sentinels) > 0 {
		if _, err := discovery.New(discovery.Options{Sentinels: m.Sentinels, Master: m.Name}); err != nil {
			wrong.add(at, err.Error(), "")
		}
	}
}

func (l *ListenerConfig) complete(c *Config, i int, wrong *problems, dir string) {
	at := fmt.Sprintf("listener#%d", i)
	if _, port, err := net.SplitHostPort(l.Bind); err != nil || port == "" {
		wrong.add(at, fmt.Sprintf("bind = %q is no address", l.Bind), `write "host:port", such as "127.0.0.1:6379", or ":6379" for all interfaces`)
	}
	if l.Mode == "" {
		l.Mode = ModeMaster
	}
	switch l.Mode {
	case ModeMaster, ModeReplicas, ModeSplit, ModeTCP, ModeSentinel:
	default:
		wrong.add(at, fmt.Sprintf("mode = %q is unknown", l.Mode), `it is "master", "split", "replicas", "tcp" or "sentinel"`)
	}
	l.completeReads(at, wrong)
	if l.Master == "" && len(c.Masters) == 1 {
		l.Master = c.Masters[0].Name
	}
	var names []string
	for _, m := range c.Masters {
		names = append(names, m.Name)
		if m.Name == l.Master {
			names = nil
			break
		}
	}
	switch {
	case l.Master == "" && len(c.Masters) > 1:
		wrong.add(at, "a [[listener]] does not say which master it is for", "master = \""+names[0]+"\"")
	case len(names) > 0 && l.Master != "":
		hint := "the masters are: " + strings.Join(names, ", ")
		if n := nearest(l.Master, names); n != "" {
			hint = fmt.Sprintf("did you mean %q?", n)
		}
		wrong.add(at, fmt.Sprintf("there is no [[master]] with the name %q", l.Master), hint)
	}
	for _, o := range c.Listeners[:i] {
		if o.Bind == l.Bind {
			wrong.add(at, fmt.Sprintf("two listeners have the address %q", l.Bind), "")
		}
	}
	for i := range c.Masters {
		if m := &c.Masters[i]; m.Name == l.Master && (l.Mode == ModeSplit || l.Mode == ModeReplicas) {
			m.reads = true
		}
	}
	var err error
	if l.tls, err = l.TLS.config(dir); err != nil {
		wrong.add(at, err.Error(), "")
	}
	if l.User != "" && l.Password == "" {
		wrong.add(at, "a listener has a user and no password", `add password = "..."`)
	}
}

// completeReads looks at what is for reading from replicas.
func (l *ListenerConfig) completeReads(at string, wrong *problems) {
	reads := l.Mode == ModeSplit || l.Mode == ModeReplicas
	if !reads && (l.Balance != "" || l.Zone != "" || l.MaxLag.d != 0 || l.ReadYourWrites) {
		wrong.add(at, "balance, zone, max-lag and read-your-writes are for reading from replicas", `add mode = "split" or mode = "replicas", or remove them`)
	}
	if l.Mode == ModeReplicas && l.ReadYourWrites {
		wrong.add(at, "nothing is written by a listener of the mode replicas", `read-your-writes is for mode = "split"`)
	}
	if l.Balance == "" {
		l.Balance = RoundRobin
	}
	switch l.Balance {
	case RoundRobin, LeastLatency, ZoneFirst:
	default:
		wrong.add(at, fmt.Sprintf("balance = %q is unknown", l.Balance), `it is "round-robin", "least-latency" or "zone"`)
	}
	if (l.Balance == ZoneFirst) != (l.Zone != "") {
		wrong.add(at, `balance = "zone" and zone = "..." belong together`, "zone is where the clients are; [zones] says where the servers are")
	}
	if l.Announce != "" {
		if _, port, err := net.SplitHostPort(l.Announce); err != nil || port == "" || l.Mode != ModeSentinel {
			wrong.add(at, fmt.Sprintf("announce = %q is no address, or not for this mode", l.Announce), `write "host:port" below a listener with mode = "sentinel"`)
		}
	}
}

// SetDial replaces how connections are opened, for tests and for networks of one's own.
// It must be called before New.
func (c *Config) SetDial(dial func(ctx context.Context, network, addr string) (net.Conn, error)) {
	c.dial, c.pumps = dial, true
}
