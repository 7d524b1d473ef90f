package proxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/discovery"
)

// Source says which server is the master. A [discovery.Resolver] is one, and so is a
// [standalone.Group]. If it has a method Leave, that is called when another Source for the
// same group takes its place, in this process or another one.
//
// [standalone.Group]: https://pkg.go.dev/github.com/gosentinel/sentinel/standalone#Group
type Source interface {
	// Run works until the context ends, and then returns nil. It is called once.
	Run(ctx context.Context) error
	// Changes yields what is known now, and then every change, until the context ends.
	Changes(ctx context.Context) iter.Seq[discovery.View]
	// Ask has it look at once, as something seems to have happened. It does not wait.
	Ask()
	// Status returns what is known now.
	Status() discovery.Status
}

// GroupConfig names servers that the proxy watches itself, without any Sentinel. Listeners
// name it as they name a [MasterConfig], which it becomes.
type GroupConfig struct {
	Name        string        `toml:"name"`
	Servers     []string      `toml:"servers"` // "host:port", all of them
	User        string        `toml:"user"`
	Password    Secret        `toml:"password"`
	TLS         ClientTLS     `toml:"tls"`
	Inflight    Inflight      `toml:"inflight"`
	AckReplicas int           `toml:"ack-replicas"`
	AckTimeout  time.Duration `toml:"ack-timeout"`

	DownAfter time.Duration `toml:"down-after"` // silence after which a server is down; 0: 5s
	Proxies   int           `toml:"proxies"`    // how many watch this group; 0: those that are heard of
	State     string        `toml:"state"`      // file for votes and members; empty: "<name>.state.toml"
	Sentinel  struct {
		Listen   string    `toml:"listen"`   // where other proxies ask this one
		Announce string    `toml:"announce"` // what they are told in its place
		Password Secret    `toml:"password"` // between the proxies
		TLS      ServerTLS `toml:"tls"`      // where the servers have TLS, too
	} `toml:"sentinel"`
}

// GroupOptions is a group as Options.Standalone gets it.
type GroupOptions struct {
	GroupConfig
	Access discovery.Access // to the servers
	// ListenTLS is for the Sentinel inside, which others connect to with Access.TLS.
	ListenTLS *tls.Config
	Dial      func(ctx context.Context, network, addr string) (net.Conn, error)
	Logger    *slog.Logger
}

const defaultDownAfter = 5 * time.Second

// completeGroup makes a master of a group.
func (c *Config) completeGroup(i int, wrong problems, dir string) MasterConfig {
	g := &c.Groups[i]
	if g.DownAfter == 0 {
		g.DownAfter = defaultDownAfter
	}
	if g.DownAfter < 100*time.Millisecond || g.DownAfter%time.Millisecond != 0 {
		wrong("down-after", `leave it out for "5s"`, "down-after = %v is too short, or no whole number of milliseconds: at least 100ms", g.DownAfter)
	}
	g.checkServers(wrong)
	if strings.ContainsAny(g.Name, " \t\r\n,\"") {
		wrong("name", "letters, digits, - and _ are fine", "the name %q has a blank, a comma or a quote", g.Name)
	}
	if g.Proxies < 0 || g.Proxies > 100 {
		wrong("proxies", "leave it out for one proxy, or if all can hear each other", "proxies is a number of proxies")
	}
	if g.State == "" {
		g.State = strings.ReplaceAll(g.Name, string(filepath.Separator), "_") + ".state.toml"
	}
	if !filepath.IsAbs(g.State) {
		g.State = filepath.Join(dir, g.State)
	}
	for _, o := range c.Groups[:i] {
		if o.State == g.State {
			wrong("state", "each group needs a file of its own", "two groups have the state file %q", g.State)
		}
	}
	for key, addr := range map[string]string{"sentinel.listen": g.Sentinel.Listen, "sentinel.announce": g.Sentinel.Announce} {
		if _, port, err := net.SplitHostPort(addr); addr != "" && (err != nil || port == "") {
			wrong(key, `write "host:port"`, "%s = %q is no address", key, addr)
		}
	}
	if host, _, err := net.SplitHostPort(g.Sentinel.Announce); err == nil && net.ParseIP(host) == nil {
		wrong("sentinel.announce", "write the numeric address at which the other proxies reach this one", "sentinel.announce = %q has no IP address", g.Sentinel.Announce)
	}
	peerTLS, err := g.Sentinel.TLS.config(dir)
	switch {
	case err != nil:
		wrong("sentinel.tls", "", "%v", err)
	case !g.TLS.Enable && peerTLS != nil:
		wrong("sentinel.tls", "add tls = { enable = true }, or remove it", "proxies use TLS between them where the servers have it")
	case g.TLS.Enable && peerTLS == nil && (g.Proxies > 1 || g.Sentinel.Listen != ""):
		wrong("tls", `add sentinel = { tls = { cert-file = "...", key-file = "..." } }`, "where the servers have TLS, proxies ask each other over TLS too")
	}
	return MasterConfig{
		peerTLS: peerTLS,
		Name:    g.Name, User: g.User, Password: g.Password, TLS: g.TLS, Inflight: g.Inflight,
		AckReplicas: g.AckReplicas, AckTimeout: g.AckTimeout, group: g,
	}
}

func (g *GroupConfig) checkServers(wrong problems) {
	if len(g.Servers) < 2 {
		wrong("servers", `write servers = ["host:6379", "other:6379"]`, "a group has two servers or more: nobody could take the place of the only one")
	}
	for i, s := range g.Servers {
		host, port, err := net.SplitHostPort(s)
		switch {
		case err != nil || host == "" || port == "":
			wrong("servers", `write "host:6379"`, "%q is no address of a server", s)
		case slices.Contains(g.Servers[:i], s):
			wrong("servers", "remove one of them", "the server %q is there twice", s)
		}
	}
	if g.User != "" && g.Password == "" {
		wrong("user", `add password = "..."`, "a group has a user and no password")
	}
}

// newSource returns what says which server is the master.
func (g *group) newSource() (Source, error) {
	p, cfg := g.p, g.cfg
	switch {
	case cfg.source != nil:
		return cfg.source, nil
	case cfg.group == nil:
		return discovery.New(discovery.Options{
			Sentinels: cfg.Sentinels, Master: cfg.Name, SentinelAccess: cfg.sentinelAccess, ServerAccess: cfg.serverAccess,
			Dial: cfg.dial, Logger: p.log,
		})
	case p.opt.Standalone == nil:
		return nil, fmt.Errorf("proxy: the group %q has no Sentinel, and this program has none inside: set Options.Standalone", cfg.Name)
	}
	o := GroupOptions{GroupConfig: *cfg.group, Access: cfg.serverAccess, Dial: cfg.dial, Logger: p.log}
	o.Access.TLS, o.ListenTLS = g.renewed()
	return p.opt.Standalone(o)
}

// renewed returns the TLS of a group such that certificates which are read again are used
// from then on.
func (g *group) renewed() (client, server *tls.Config) {
	if client = g.cfg.serverAccess.TLS.Clone(); client != nil {
		client.Certificates = nil
		client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if own := g.access.Load().TLS.Certificates; len(own) > 0 {
				return &own[0], nil
			}
			return &tls.Certificate{}, nil // none
		}
	}
	if server = g.cfg.peerTLS.Clone(); server != nil {
		server.Certificates = nil
		server.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &g.peerTLS.Load().Certificates[0], nil
		}
	}
	return client, server
}

// leaver is a Source that can give its place up.
type leaver interface{ Leave() }

// leave has the source of a group give its place up to another one.
func (g *group) leave() {
	if s, ok := g.source.(leaver); ok {
		s.Leave()
	}
}

// whyNot says why there is no master, if the source knows.
func (g *group) whyNot() string {
	if g.current().master != "" {
		return ""
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := time.Now(); now.Sub(g.whyAt) > whyLife {
		g.why, g.whyAt = g.source.Status().Why, now
	}
	return g.why
}

// whyLife is for how long a reason is repeated before it is asked for again.
const whyLife = 100 * time.Millisecond
