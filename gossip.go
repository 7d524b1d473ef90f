package sentinel

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
	"github.com/gosentinel/sentinel/monitor"
)

// gossipPortOffset is the distance of the gossip port from that of the Sentinel.
const gossipPortOffset = 10000

// gossipRetry is the pause between two attempts to open a gossip port that is
// taken. It lies among the ports from which systems take those of outgoing
// connections, so it may be free a moment later.
const gossipRetry = 5 * time.Second

// gossipPlan is what the settings and the sockets say about gossip.
type gossipPlan struct {
	cfg  gossip.Config
	made bool   // the key is made of a password, or of nothing
	off  string // why there is no gossip; "" when there is
}

const gossipNotWanted = "gossip-port is 0"

// checkGossip finds the mistakes in the settings for gossip.
func checkGossip(set configrewrite.Gossip) error {
	var wrong []error
	bad := func(option, format string, args ...any) {
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
	}
	for _, addr := range set.Join {
		host, port, err := net.SplitHostPort(addr)
		n, numErr := strconv.Atoi(port)
		if err != nil || numErr != nil || host == "" || n < 1 || n > 65535 {
			bad("gossip-join", "%q is not host:port", addr)
		}
	}
	return errors.Join(wrong...)
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

// gossipBind turns an address of a bind option into one that gossip listens at.
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

// planGossip decides whether and how to gossip. Its answer depends on the
// sockets that are open: without a secret it is for loopback only.
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
		addr, _ := gossipBind(bind) // has been checked
		p.cfg.Addrs = append(p.cfg.Addrs, addr)
		ip, _ := netip.ParseAddr(strings.TrimPrefix(addr, "-"))
		local = local && ip.IsLoopback()
	}
	p.cfg.Announce = monitor.HostPort{Host: g.AnnounceIP, Port: g.AnnouncePort}
	p.cfg.Join, p.cfg.Version = g.Join, Version
	p.cfg.Keys, _ = gossipKeys(g.Keys) // has been checked
	password := gossipPassword(set, opts)
	switch {
	case g.Port == 0:
		p.off = gossipNotWanted
	case len(listening) == 0:
		p.off = "other Sentinels cannot connect to this one"
	case p.cfg.Port > 65535:
		p.off = fmt.Sprintf("there is no port %d above %d: set gossip-port", gossipPortOffset, socks.ShownPort())
	case len(p.cfg.Keys) > 0:
	case password != "":
		p.made = true
	case local:
		p.made, p.cfg.Keys = true, []gossip.Key{gossip.PublicKey()}
	default:
		p.off = "it would not be encrypted; give all Sentinels the same gossip-key (openssl rand -base64 32 makes one), sentinel-pass or requirepass"
	}
	return p
}

// gossipPassword is what a key is derived from.
func gossipPassword(set configrewrite.Settings, opts monitor.Options) string {
	if opts.SentinelPass != "" {
		return opts.SentinelPass
	}
	return set.RequirePass
}

// gossipShell is the gossip of a running Sentinel: the transport once its port
// is open, and what it needs to know then.
type gossipShell struct {
	plan gossipPlan
	log  logfile.Sink
	boot session.Boot
	make func(password string) gossip.Key // slow
	work sync.WaitGroup

	mu       sync.Mutex
	t        *gossip.Transport // nil while the port is not open
	peers    map[monitor.RunID]monitor.GossipPeer
	password string // that the key is made of
	derived  bool   // it is, or is being made
	changes  uint64 // of the password
}

// newGossipShell opens the gossip port, now or, in the background, later.
func newGossipShell(ctx context.Context, plan gossipPlan, password string, log logfile.Sink) *gossipShell {
	var b [8]byte
	rand.Read(b[:])
	s := &gossipShell{
		plan: plan, log: log, boot: session.Boot(binary.BigEndian.Uint64(b[:]) | 1),
		peers: map[monitor.RunID]monitor.GossipPeer{}, password: password, make: gossip.KeyFromPassword,
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

// on reports whether there is gossip, now or later.
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

// do carries out an effect that concerns gossip. It does not wait.
func (s *gossipShell) do(e monitor.Effect) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := e.(monitor.GossipPeer); ok {
		if s.peers[p.ID] = p; p.Endpoint == (monitor.GossipEndpoint{}) {
			delete(s.peers, p.ID)
		}
		// Not at the start: most of those who have a password have no use for it.
		if len(s.peers) > 0 && s.password != "" && s.plan.made && !s.derived {
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

// rekey has another password protect gossip, if one did.
func (s *gossipShell) rekey(password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if password == s.password || !s.plan.made || !s.on() {
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

// derive makes the key of the password. That takes long on purpose, so it
// happens in the background. The caller holds mu.
func (s *gossipShell) derive() {
	s.derived = true
	password, change := s.password, s.changes
	s.work.Go(func() {
		list := []gossip.Key{s.make(password)}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.changes != change {
			return // there is another one by now
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

// Endpoint is what other Sentinels are told. announceIP is that of the Sentinel
// now: it can be changed while gossip goes on.
func (s *gossipShell) Endpoint(announceIP string) monitor.GossipEndpoint {
	t := s.transport()
	if t == nil {
		return monitor.GossipEndpoint{Boot: s.boot.String(), Version: Version}
	}
	e := t.Endpoint()
	if _, err := netip.ParseAddr(announceIP); e.Addr.Host == "" && err == nil {
		e.Addr.Host = announceIP
	}
	return e
}

// State tells of a peer whether gossip with it works: up, down or off.
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

// Stats counts since the port was opened.
func (s *gossipShell) Stats() gossip.Stats {
	if t := s.transport(); t != nil {
		return t.Stats()
	}
	return gossip.Stats{}
}

// close ends gossip after the loop has ended. With soon it leaves the last probe
// to the end of the process.
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
