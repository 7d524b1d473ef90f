package node

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/gossip"
	"github.com/gosentinel/sentinel/gossip/session"
	"github.com/gosentinel/sentinel/internal/listen"
	"github.com/gosentinel/sentinel/internal/logfile"
	"github.com/gosentinel/sentinel/internal/valid"
	"github.com/gosentinel/sentinel/monitor"
)

// gossipPortOffset is added to the Sentinel's port to get the default gossip
// port.
const gossipPortOffset = 10000

// gossipRetry is the pause between two attempts to open a gossip port that is
// taken. The default port lies in the range from which systems choose the ports
// of outgoing connections, so it may be free a moment later.
const gossipRetry = 5 * time.Second

// gossipPlan is how to gossip, as decided from the settings and the open sockets.
type gossipPlan struct {
	cfg        gossip.Config
	keyDerived bool   // no key is configured: it is derived from a password, or is the public one
	off        string // why there is no gossip; "" when there is
}

const gossipNotWanted = "gossip-port is 0"

// CheckGossip returns all mistakes in the gossip settings. Names has the names of those
// options that are not called as in a file; it may be nil.
func CheckGossip(set configrewrite.Gossip, names map[string]string) (wrong []error) {
	bad := func(option, format string, args ...any) {
		if name, ok := names[option]; ok {
			option = name
		}
		wrong = append(wrong, errors.New(option+": "+fmt.Sprintf(format, args...)))
	}
	if _, err := gossipKeys(set.Keys); err != nil {
		bad("gossip-key", "%v", err)
	}
	for _, bind := range set.Bind {
		if _, err := gossipBind(bind); err != nil {
			bad("gossip-bind", "%v", err)
		}
	}
	if _, err := netip.ParseAddr(set.AnnounceIP); set.AnnounceIP != "" && err != nil {
		bad("gossip-announce-ip", "%q is not an IP address", set.AnnounceIP)
	} else if err := valid.Announced(set.AnnounceIP); set.AnnounceIP != "" && err != nil {
		bad("gossip-announce-ip", "%q: %v", set.AnnounceIP, err)
	}
	for _, addr := range set.Join {
		host, port, err := net.SplitHostPort(addr)
		n, numErr := strconv.Atoi(port)
		if err != nil || numErr != nil || host == "" || n < 1 || n > 65535 {
			bad("gossip-join", "%q is not host:port", addr)
		}
	}
	return wrong
}

func gossipKeys(texts []string) ([]gossip.Key, error) {
	var list []gossip.Key
	for _, text := range texts {
		key, err := gossip.ParseKey(text)
		if err != nil {
			return nil, err
		}
		list = append(list, key)
	}
	return list, nil
}

// gossipBind converts an address of a bind option to one that gossip can listen
// on.
func gossipBind(bind string) (string, error) {
	host, optional := strings.CutPrefix(bind, "-")
	switch host {
	case "*":
		host = "0.0.0.0"
	case "::*":
		host = "::"
	}
	if _, err := netip.ParseAddr(host); err != nil {
		return "", fmt.Errorf("%q is not an IP address", host)
	}
	if optional {
		return "-" + host, nil
	}
	return host, nil
}

// planGossip decides whether and how to gossip. The decision depends on the open
// sockets, because without a secret gossip is allowed on loopback only.
func planGossip(set configrewrite.Settings, opts monitor.Options, socks *listen.Sockets) (p gossipPlan) {
	g := set.Gossip
	listening, local := socks.IPs()
	if p.cfg.Port = g.Port; g.Port < 0 {
		p.cfg.Port = socks.ShownPort() + gossipPortOffset
		if socks.AnyPort {
			p.cfg.Port = 0
		}
	}
	p.cfg.Addrs = listening
	if len(g.Bind) > 0 {
		p.cfg.Addrs = nil
	}
	for _, bind := range g.Bind {
		addr, _ := gossipBind(bind) // checked by CheckGossip
		p.cfg.Addrs = append(p.cfg.Addrs, addr)
		ip, _ := netip.ParseAddr(strings.TrimPrefix(addr, "-"))
		local = local && ip.IsLoopback()
	}
	p.cfg.Announce = monitor.HostPort{Host: g.AnnounceIP, Port: g.AnnouncePort}
	p.cfg.Join, p.cfg.Version = g.Join, Build()
	p.cfg.Keys, _ = gossipKeys(g.Keys) // checked by CheckGossip
	password := gossipPassword(set, opts)
	switch {
	case g.Port == 0:
		p.off = gossipNotWanted
	case opts.Observe:
		p.off = "this Sentinel only observes"
	case len(listening) == 0:
		p.off = "other Sentinels cannot connect to this one"
	case p.cfg.Port > 65535:
		p.off = fmt.Sprintf("there is no port %d above %d: set gossip-port", gossipPortOffset, socks.ShownPort())
	case len(p.cfg.Keys) > 0:
	case password != "":
		p.keyDerived = true
	case local:
		p.keyDerived, p.cfg.Keys = true, []gossip.Key{gossip.PublicKey()}
	default:
		p.off = "it would not be encrypted; give all Sentinels the same gossip-key (openssl rand -base64 32 makes one), sentinel-pass or requirepass"
	}
	return p
}

// gossipPassword returns the password from which the gossip key is derived.
func gossipPassword(set configrewrite.Settings, opts monitor.Options) string {
	if opts.SentinelPass != "" {
		return opts.SentinelPass
	}
	return set.RequirePass
}

// gossipShell is the gossip of a running Sentinel. It owns the transport once its
// port is open, and remembers until then what the transport must know.
type gossipShell struct {
	plan    gossipPlan
	log     logfile.Sink
	boot    session.Boot
	keyFrom func(password string) gossip.Key // slow
	work    sync.WaitGroup

	mu       sync.Mutex
	t        *gossip.Transport // nil while the port is not open
	peers    map[monitor.RunID]monitor.GossipPeer
	password string // the key is derived from it
	derived  bool   // the key is derived, or is being derived
	changes  uint64 // number of changes of the password
}

// newGossipShell opens the gossip port. If that fails, it tries again in the
// background until it succeeds or ctx ends.
func newGossipShell(ctx context.Context, plan gossipPlan, password string, log logfile.Sink) *gossipShell {
	var b [8]byte
	rand.Read(b[:])
	s := &gossipShell{
		plan: plan, log: log, boot: session.Boot(binary.BigEndian.Uint64(b[:]) | 1),
		peers: map[monitor.RunID]monitor.GossipPeer{}, password: password, keyFrom: gossip.KeyFromPassword,
	}
	s.plan.cfg.Boot = s.boot
	if plan.off != "" {
		if plan.off != gossipNotWanted {
			log.Log(monitor.LevelNotice, "Gossip is off: "+plan.off)
		}
		return s
	}
	if err := s.open(); err != nil {
		log.Log(monitor.LevelWarning, fmt.Sprintf("Gossip is off until its port can be opened (gossip-port chooses another): %v", err))
		s.work.Go(func() { s.openLater(ctx) })
	}
	return s
}

// on reports whether gossip is enabled, even if its port is not open yet.
func (s *gossipShell) on() bool { return s.plan.off == "" }

func (s *gossipShell) open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := gossip.New(s.plan.cfg)
	if err != nil {
		return err
	}
	s.t = t
	for _, p := range s.peers {
		t.Do(p)
	}
	t.Flush()
	s.log.Log(monitor.LevelVerbose, "Gossip is on at port "+strconv.Itoa(t.Port()))
	return nil
}

func (s *gossipShell) openLater(ctx context.Context) {
	tick := time.NewTicker(gossipRetry)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if s.open() == nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func (s *gossipShell) transport() *gossip.Transport {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.t
}

// do carries out an effect that concerns gossip. It does not block.
func (s *gossipShell) do(e monitor.Effect) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := e.(monitor.GossipPeer); ok {
		if s.peers[p.ID] = p; p.Endpoint == (monitor.GossipEndpoint{}) {
			delete(s.peers, p.ID)
		}
		// Not at the start: deriving a key is slow, and most Sentinels that have
		// a password never meet a peer that gossips.
		if len(s.peers) > 0 && s.password != "" && s.plan.keyDerived && !s.derived {
			s.derive()
		}
	}
	if s.t != nil {
		s.t.Do(e)
	}
}

func (s *gossipShell) flush() {
	if t := s.transport(); t != nil {
		t.Flush()
	}
}

// rekey derives a new key from another password, if the key is a derived one.
func (s *gossipShell) rekey(password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if password == s.password || !s.plan.keyDerived || !s.on() {
		return
	}
	if password == "" {
		s.log.Log(monitor.LevelWarning, "Gossip goes on with the key of the last password until this Sentinel is restarted")
		return
	}
	s.password = password
	s.changes++
	if s.derived || len(s.plan.cfg.Keys) > 0 {
		s.derive()
	}
}

// derive derives the key from the password. That is slow by design, so it happens
// in the background. The caller holds mu.
func (s *gossipShell) derive() {
	s.derived = true
	password, change := s.password, s.changes
	s.work.Go(func() {
		list := []gossip.Key{s.keyFrom(password)}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.changes != change {
			return // the password has changed again
		}
		s.plan.cfg.Keys = list
		if s.t == nil {
			return
		}
		if err := s.t.SetKeys(list); err != nil {
			s.log.Log(monitor.LevelWarning, err.Error())
		}
	})
}

// Endpoint returns what to announce about gossip to other Sentinels. announceIP
// is the current announce-ip of the Sentinel, which can change while gossip runs.
// It is safe for concurrent use.
func (s *gossipShell) Endpoint(announceIP string) monitor.GossipEndpoint {
	t := s.transport()
	if t == nil {
		return monitor.GossipEndpoint{Boot: s.boot.String(), Version: Build()}
	}
	e := t.Endpoint()
	if _, err := netip.ParseAddr(announceIP); e.Addr.Host == "" && err == nil {
		e.Addr.Host = announceIP
	}
	return e
}

// State reports whether gossip with a peer works: "up", "down", or "off" when
// either side has none. It is safe for concurrent use.
func (s *gossipShell) State(v monitor.SentinelView) string {
	t := s.transport()
	switch {
	case t == nil || v.Gossip.Addr.Port == 0:
		return "off"
	case t.Up(v.RunID):
		return "up"
	}
	return "down"
}

// Stats returns the counters since the port was opened. It is safe for concurrent
// use.
func (s *gossipShell) Stats() gossip.Stats {
	if t := s.transport(); t != nil {
		return t.Stats()
	}
	return gossip.Stats{}
}

// close ends gossip. It is called after the loop has ended. With soon, it does
// not wait for the last probe, because the process is about to exit.
func (s *gossipShell) close(soon bool) {
	s.work.Wait()
	t := s.transport()
	switch {
	case t == nil:
	case soon:
		t.CloseSoon()
	default:
		t.Close()
	}
}
