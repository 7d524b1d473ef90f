package proxy

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/gosentinel/sentinel/discovery"
	"github.com/gosentinel/sentinel/internal/tomlfile"
)

// Config says what a proxy does. Load reads it from a file; proxy.toml.example explains
// every key.
type Config struct {
	Workers   int              `toml:"workers"` // goroutines that serve clients; 0: one for every two processors
	Sentinels []string         `toml:"sentinels"`
	Hold      HoldConfig       `toml:"hold"`
	Limits    LimitConfig      `toml:"limits"`
	Masters   []MasterConfig   `toml:"master"` // with those of Groups behind them
	Groups    []GroupConfig    `toml:"group"`
	Listeners []ListenerConfig `toml:"listener"`
	// HTTPBind is where metrics, health and the status page are served, as "host:port";
	// empty: nowhere. The others say who may look; all empty: everybody.
	HTTPBind     string    `toml:"http-bind"`
	HTTPUser     string    `toml:"http-user"`
	HTTPPassword Secret    `toml:"http-password"`
	HTTPToken    Secret    `toml:"http-token"`
	HTTPTLS      ServerTLS `toml:"http-tls"`
	// SlowerThan is how long a request takes at least that PROXY SLOWLOG tells, and
	// SlowMost how many of them are kept.
	SlowerThan time.Duration `toml:"slowlog-slower-than"`
	SlowMost   int           `toml:"slowlog-max-len"`
	// Zones says where replicas are, by host or "host:port".
	Zones map[string]string `toml:"zones"`

	httpTLS *tls.Config // nil: plain HTTP

	dir   string // of the file
	dial  func(ctx context.Context, network, addr string) (net.Conn, error)
	pumps bool // tests: goroutines read and write, whatever the system offers
}

// HoldConfig says what happens to requests while there is no master.
type HoldConfig struct {
	Timeout  time.Duration  `toml:"timeout"`  // how long they wait
	Bytes    tomlfile.Bytes `toml:"bytes"`    // how much may wait for one master
	Inflight Inflight       `toml:"inflight"` // what was sent and has no reply
}

// LimitConfig bounds what one client can cost.
type LimitConfig struct {
	Clients int            `toml:"clients"` // of one listener
	Request tomlfile.Bytes `toml:"request"` // bytes of one request
	Output  tomlfile.Bytes `toml:"output"`  // bytes that a client has not taken yet

	Unfinished tomlfile.Bytes `toml:"unfinished"` // bytes of requests of all clients that are not done
	Silence    time.Duration  `toml:"silence"`    // in the middle of a request
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
	AckReplicas int           `toml:"ack-replicas"`
	AckTimeout  time.Duration `toml:"ack-timeout"`

	serverAccess, sentinelAccess discovery.Access
	dial                         func(ctx context.Context, network, addr string) (net.Conn, error)
	reads                        bool   // a listener reads from its replicas
	source                       Source // nil: a discovery.Resolver, or that of the group
	group                        *GroupConfig
	peerTLS                      *tls.Config // of a group
}

// ListenerConfig is an address that clients connect to.
type ListenerConfig struct {
	Bind   string `toml:"bind"`   // "host:port"
	Master string `toml:"master"` // which one; may be left out if there is one only
	Mode   Mode   `toml:"mode"`   // empty: master
	// For the modes split and replicas.
	Balance        Balance       `toml:"balance"`          // empty: round-robin
	Zone           string        `toml:"zone"`             // for balance = "zone"
	MaxLag         time.Duration `toml:"max-lag"`          // how old the data of a replica may be; zero: any age
	ReadYourWrites bool          `toml:"read-your-writes"` // a client reads what it has written
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

// Load reads a configuration. Its error names everything that is wrong, with the line
// and a hint.
func Load(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if filepath.Ext(path) == ".json" {
		return parseJSON(path, text)
	}
	return parse(path, text)
}

func parse(path string, text []byte) (*Config, error) {
	c, doc := defaults(), tomlfile.Parse(path, text)
	doc.Top().Decode(c)
	c.complete(doc.Top().Problem, filepath.Dir(path))
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

// problems takes what is wrong with a key, and what to do about it.
type problems func(key, hint, format string, args ...any)

// below names keys of a table.
func (wrong problems) below(path string) problems {
	return func(key, hint, format string, args ...any) { wrong(path+"."+key, hint, format, args...) }
}

// Defaults of what a file leaves out.
const (
	defaultHold    = 15 * time.Second
	defaultBytes   = 64 << 20
	defaultClients = 10000
	defaultSilence = time.Minute

	defaultUnfinished = 256 << 20

	defaultAck     = time.Second
	defaultSlow    = 10 * time.Millisecond
	defaultSlowlog = 128
	maxSlowlog     = 10_000
)

// defaults returns a configuration without masters and listeners.
func defaults() *Config {
	return &Config{
		Hold:       HoldConfig{Timeout: defaultHold, Bytes: defaultBytes, Inflight: RetryIdempotent},
		Limits:     LimitConfig{Clients: defaultClients, Request: defaultBytes, Output: defaultBytes, Unfinished: defaultUnfinished, Silence: defaultSilence},
		SlowerThan: defaultSlow, SlowMost: defaultSlowlog,
		dial: (&net.Dialer{}).DialContext,
	}
}

// complete fills in what follows from the rest and objects to what makes no sense.
func (c *Config) complete(wrong problems, dir string) {
	c.dir = dir
	if c.Workers < 0 || c.Workers > 256 {
		wrong("workers", "leave it out for one worker to every two processors", "workers is a number from 1 to 256")
	}
	if c.Hold.Timeout <= 0 {
		wrong("hold.timeout", "leave it out for "+defaultHold.String(), "nothing can wait for %v", c.Hold.Timeout)
	}
	for key, n := range map[string]int64{
		"hold.bytes": int64(c.Hold.Bytes), "limits.clients": int64(c.Limits.Clients),
		"limits.request": int64(c.Limits.Request), "limits.output": int64(c.Limits.Output),
		"limits.unfinished": int64(c.Limits.Unfinished), "limits.silence": int64(c.Limits.Silence),
	} {
		if n <= 0 {
			wrong(key, "leave it out for what is usual", "%s is a limit, and nothing would be below %d", key, n)
		}
	}
	if c.Limits.Request > 1<<30 {
		wrong("limits.request", "Redis takes no string of more than 512MiB", "limits.request is at most 1GiB")
	}
	if _, port, err := net.SplitHostPort(c.HTTPBind); c.HTTPBind != "" && (err != nil || port == "") {
		wrong("http-bind", `write "host:port", such as "127.0.0.1:9121"`, "http-bind = %q is no address", c.HTTPBind)
	}
	var err error
	if c.httpTLS, err = c.HTTPTLS.config(dir); err != nil {
		wrong("http-tls", "cert-file and key-file are files, and so is ca-file", "%v", err)
	}
	if c.SlowerThan < 0 {
		wrong("slowlog-slower-than", "slowlog-max-len = 0 turns the slow log off", "no request takes less than nothing")
	}
	if c.SlowMost < 0 || c.SlowMost > maxSlowlog {
		wrong("slowlog-max-len", "0 turns the slow log off", "slowlog-max-len is a number of requests, at most %d", maxSlowlog)
	}
	c.Hold.Inflight.check(wrong.below("hold"))
	if len(c.Masters) == 0 && len(c.Groups) == 0 {
		wrong("master", `write [[master]], and below it the name that the Sentinels know: name = "mymaster"`, "there is no [[master]]")
	}
	if len(c.Listeners) == 0 {
		wrong("listener", `write [[listener]], and below it where clients connect: bind = "127.0.0.1:6379"`, "there is no [[listener]]")
	}
	watched := len(c.Masters)
	for i := range c.Groups {
		c.Masters = append(c.Masters, c.completeGroup(i, wrong.below(fmt.Sprintf("group[%d]", i)), dir))
	}
	for i := range c.Masters {
		path := fmt.Sprintf("master[%d]", i)
		if i >= watched {
			path = fmt.Sprintf("group[%d]", i-watched)
		}
		c.completeMaster(i, wrong.below(path), dir)
	}
	for i := range c.Listeners {
		c.completeListener(i, wrong.below(fmt.Sprintf("listener[%d]", i)), dir)
	}
	for i := range c.Listeners {
		c.checkTold(&c.Listeners[i], wrong.below(fmt.Sprintf("listener[%d]", i)))
	}
}

// checkTold objects to a listener of the mode sentinel that has no address to tell of.
func (c *Config) checkTold(l *ListenerConfig, wrong problems) {
	if l.Mode != ModeSentinel || l.Announce != "" || l.Master == "" {
		return
	}
	for _, o := range c.Listeners {
		if o.Master == l.Master && (o.Mode == ModeMaster || o.Mode == ModeSplit || o.Mode == ModeTCP) {
			return
		}
	}
	wrong("announce", `add a [[listener]] with mode = "master", or announce = "host:port"`, "no listener leads to the master %q, so clients cannot be told of one", l.Master)
}

func (f Inflight) check(wrong problems) {
	switch f {
	case InflightError, RetryIdempotent, RetryAll:
	default:
		wrong("inflight", `it is "error", "retry-idempotent" or "retry-all"`, "inflight = %q is unknown", f)
	}
}

func (c *Config) completeMaster(i int, wrong problems, dir string) {
	m := &c.Masters[i]
	m.dial = c.dial
	switch {
	case m.Name == "" && m.group == nil:
		wrong("name", `name = "mymaster" is what most Sentinels call it; SENTINEL MASTERS tells`, "a [[master]] has no name")
	case m.Name == "":
		wrong("name", `name = "mymaster"; all proxies of the group must agree on it`, "a [[group]] has no name")
	}
	for _, o := range c.Masters[:i] {
		if o.Name == m.Name && m.Name != "" {
			wrong("name", "several listeners may name one master", "the master %q is defined twice", m.Name)
		}
	}
	if len(m.Sentinels) == 0 && m.group == nil {
		m.Sentinels = c.Sentinels
	}
	if len(m.Sentinels) == 0 && m.group == nil {
		wrong("sentinels", `write sentinels = ["host:26379", ...] at the top of the file, or below [[master]]`, "nobody is there to be asked for the master %q", m.Name)
	}
	if m.Inflight != "" {
		m.Inflight.check(wrong)
	}
	if m.AckReplicas < 0 || m.AckReplicas > 100 {
		wrong("ack-replicas", "leave it out if the master's word is enough", "ack-replicas is a number of replicas")
	}
	m.AckTimeout = cmp.Or(m.AckTimeout, defaultAck)
	var err error
	if m.serverAccess, err = access(m.User, m.Password, m.TLS, dir); err != nil {
		wrong("tls", "", "%v", err)
	}
	if m.sentinelAccess, err = access(m.Sentinel.User, m.Sentinel.Password, m.Sentinel.TLS, dir); err != nil {
		wrong("sentinel", "", "%v", err)
	}
	if m.Name != "" && len(m.Sentinels) > 0 {
		if _, err := discovery.New(discovery.Options{Sentinels: m.Sentinels, Master: m.Name}); err != nil {
			wrong("sentinels", "", "%v", err)
		}
	}
}

func (c *Config) completeListener(i int, wrong problems, dir string) {
	l := &c.Listeners[i]
	if _, port, err := net.SplitHostPort(l.Bind); err != nil || port == "" {
		wrong("bind", `write "host:port", such as "127.0.0.1:6379", or ":6379" for all interfaces`, "bind = %q is no address", l.Bind)
	}
	l.Mode = cmp.Or(l.Mode, ModeMaster)
	switch l.Mode {
	case ModeMaster, ModeReplicas, ModeSplit, ModeTCP, ModeSentinel:
	default:
		wrong("mode", `it is "master", "split", "replicas", "tcp" or "sentinel"`, "mode = %q is unknown", l.Mode)
	}
	l.completeReads(wrong)
	c.findMaster(l, wrong)
	for _, o := range c.Listeners[:i] {
		if o.Bind == l.Bind {
			wrong("bind", "", "two listeners have the address %q", l.Bind)
		}
	}
	var err error
	if l.tls, err = l.TLS.config(dir); err != nil {
		wrong("tls", "", "%v", err)
	}
	if l.User != "" && l.Password == "" {
		wrong("user", `add password = "..."`, "a listener has a user and no password")
	}
}

// findMaster completes which master a listener is for.
func (c *Config) findMaster(l *ListenerConfig, wrong problems) {
	if l.Master == "" && len(c.Masters) == 1 {
		l.Master = c.Masters[0].Name
	}
	var names []string
	for i := range c.Masters {
		m := &c.Masters[i]
		if names = append(names, m.Name); m.Name == l.Master {
			m.reads = m.reads || l.Mode == ModeSplit || l.Mode == ModeReplicas
			return
		}
	}
	switch {
	case len(names) == 0: // that is said already
	case l.Master == "":
		wrong("master", "master = \""+names[0]+"\"", "a [[listener]] does not say which master it is for")
	default:
		wrong("master", tomlfile.Known("masters", l.Master, names), "there is no [[master]] or [[group]] with the name %q", l.Master)
	}
}

// completeReads looks at what is for reading from replicas.
func (l *ListenerConfig) completeReads(wrong problems) {
	reads := l.Mode == ModeSplit || l.Mode == ModeReplicas
	if !reads && (l.Balance != "" || l.Zone != "" || l.MaxLag != 0 || l.ReadYourWrites) {
		wrong("mode", `add mode = "split" or mode = "replicas", or remove them`, "balance, zone, max-lag and read-your-writes are for reading from replicas")
	}
	if l.Mode == ModeReplicas && l.ReadYourWrites {
		wrong("read-your-writes", `read-your-writes is for mode = "split"`, "nothing is written by a listener of the mode replicas")
	}
	l.Balance = cmp.Or(l.Balance, RoundRobin)
	switch l.Balance {
	case RoundRobin, LeastLatency, ZoneFirst:
	default:
		wrong("balance", `it is "round-robin", "least-latency" or "zone"`, "balance = %q is unknown", l.Balance)
	}
	if (l.Balance == ZoneFirst) != (l.Zone != "") {
		wrong("zone", "zone is where the clients are; [zones] says where the servers are", `balance = "zone" and zone = "..." belong together`)
	}
	if l.Announce != "" {
		if _, port, err := net.SplitHostPort(l.Announce); err != nil || port == "" || l.Mode != ModeSentinel {
			wrong("announce", `write "host:port" below a listener with mode = "sentinel"`, "announce = %q is no address, or not for this mode", l.Announce)
		}
	}
}

// SetDial replaces how connections are opened, for tests and for networks of one's own.
// It must be called before New.
func (c *Config) SetDial(dial func(ctx context.Context, network, addr string) (net.Conn, error)) {
	c.dial, c.pumps = dial, true
}
