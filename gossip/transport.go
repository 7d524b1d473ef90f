package gossip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/gosentinel/sentinel/gossip/session"
	"github.com/gosentinel/sentinel/monitor"
)

// Config is the configuration of a [Transport]. ID, Boot, Addrs, Deliver and
// Now are required.
type Config struct {
	ID   monitor.RunID // of this Sentinel
	Boot session.Boot  // of this process, drawn at random

	// Addrs are the IP addresses to listen at, with UDP at Port. 0 takes a free
	// port.
	Addrs []string
	Port  int

	// Announce replaces the address that peers are told: a Host of "" is the one
	// at which they reach this Sentinel, a Port of 0 is the one above.
	Announce monitor.HostPort

	// Keys encrypt everything, see [Transport.SetKeys]. Without any, nothing is
	// accepted until they are set.
	Keys []Key

	// Join are addresses, "host:port", at which peers may be found, in addition
	// to those that peers announce themselves. A probe finds out which peer is
	// there.
	Join []string

	Version string // of this software, for peers to show

	// Deliver takes what peers say, with the time of its arrival. It may block,
	// and is called from several goroutines. Now is the clock of the core.
	Deliver func(monitor.Instant, monitor.Input)
	Now     func() monitor.Instant

	Log func(monitor.Level, string) // nil discards; must not block

	// open replaces the network in tests.
	open func(receiver) (sockets, int, error)
}

// Transport gossips with the peers that the core names. Its methods may be
// called concurrently.
type Transport struct {
	cfg    Config
	port   int
	keys   *keys
	router *router
	list   *memberlist.Memberlist

	wake    chan struct{} // has room for one
	notices chan notice
	joins   chan struct{} // a token for each join under way
	ctx     context.Context
	cancel  context.CancelFunc
	work    sync.WaitGroup

	mu       sync.Mutex
	session  *session.Session
	peers    map[monitor.RunID]*peer
	noGossip map[monitor.RunID]string // the reason, as it was logged
	ended    bool
	hadPeer  bool   // memberlist has had a peer to probe
	missed   uint64 // notices dropped because the channel was full
}

// peer is what the core said about a peer.
type peer struct {
	endpoint monitor.GossipEndpoint
	at       netip.AddrPort
	joining  bool
}

// notice is a change of the membership on its way to the core.
type notice struct {
	at monitor.Instant
	in monitor.PeerLiveness
}

const (
	maxNotices = 1024
	maxJoins   = 4

	// probePeriod bounds how long a goroutine of memberlist outlives it: each
	// waits that long for the answer to its probe.
	probePeriod = 500 * time.Millisecond
)

// New opens the port and starts to gossip. There is no peer yet.
func New(cfg Config) (*Transport, error) {
	if cfg.Log == nil {
		cfg.Log = func(monitor.Level, string) {}
	}
	if !cfg.ID.Valid() || cfg.Boot == 0 {
		return nil, errors.New("gossip: ID and Boot are required")
	}
	k, err := newKeys(cfg.Keys, cfg.Now)
	if err != nil {
		return nil, fmt.Errorf("gossip: %w", err)
	}
	t := &Transport{
		cfg: cfg, keys: k, router: newRouter(k),
		wake: make(chan struct{}, 1), notices: make(chan notice, maxNotices), joins: make(chan struct{}, maxJoins),
		session: session.New(session.Config{ID: cfg.ID, Boot: cfg.Boot}),
		peers:   map[monitor.RunID]*peer{}, noGossip: map[monitor.RunID]string{},
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	if cfg.open == nil {
		cfg.open = func(r receiver) (sockets, int, error) {
			s, err := openSockets(cfg.Addrs, cfg.Port, r)
			if err != nil {
				return nil, 0, err
			}
			return s, s.port, nil
		}
	}
	if t.router.sockets, t.port, err = cfg.open(t.router); err != nil {
		return nil, err
	}
	if t.list, err = memberlist.Create(t.listConfig()); err != nil {
		t.router.Shutdown()
		return nil, fmt.Errorf("gossip: %w", err)
	}
	t.work.Go(t.run)
	t.work.Go(t.notify)
	t.work.Go(t.probeJoinList)
	return t, nil
}

// listConfig is the configuration of memberlist. Indirect probes and probes
// over TCP are off, because all that matters is whether packets from here reach
// a peer and come back.
func (t *Transport) listConfig() *memberlist.Config {
	c := memberlist.DefaultLANConfig()
	c.Name = string(t.cfg.ID)
	c.Transport, c.RequireNodeNames = t.router, true
	pseudo := pseudoAddr(c.Name)
	c.AdvertiseAddr, c.AdvertisePort, c.BindPort = pseudo.Addr().String(), int(pseudo.Port()), int(pseudo.Port())
	c.Keyring = t.keys.ring
	c.EnableCompression = false
	c.UDPBufferSize = session.MaxPacket
	c.TCPTimeout = streamTimeout
	c.ProbeInterval, c.ProbeTimeout = probePeriod, probePeriod*4/5
	c.AwarenessMaxMultiplier = 1 // no longer waits: TILT handles stalls of this process
	c.IndirectChecks, c.DisableTcpPings = 0, true
	c.SuspicionMaxTimeoutMult = 2
	c.GossipToTheDeadTime = 5 * time.Second
	d := delegate{t}
	c.Delegate, c.Events, c.Alive = d, d, d
	c.Logger = newLogger(t.cfg.Log)
	return c
}

// Endpoint returns what peers are to be told about how to reach this Sentinel.
func (t *Transport) Endpoint() monitor.GossipEndpoint {
	e := monitor.GossipEndpoint{Addr: t.cfg.Announce, Boot: t.cfg.Boot.String(), KeyID: t.keys.ids(), Version: t.cfg.Version}
	if e.Addr.Port == 0 {
		e.Addr.Port = t.port
	}
	return e
}

// Port returns the port that is listened at.
func (t *Transport) Port() int { return t.port }

// SetKeys replaces the keys. The first one encrypts. All of them decrypt, and
// for an hour so does the one that was first before. To replace a key without a
// gap, add the new one after the old one on every Sentinel, then move it to the
// front on every one, then remove the old one.
func (t *Transport) SetKeys(list []Key) error {
	if len(list) == 0 {
		return errors.New("gossip: at least one key is required")
	}
	if err := t.keys.set(list); err != nil {
		return fmt.Errorf("gossip: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, p := range t.peers {
		t.compareKeys(id, p.endpoint)
	}
	t.Flush()
	return nil
}

// Do carries out an effect of the core: ShareOpinion, ShareConfig or GossipPeer.
// It never blocks; packets leave after the next [Transport.Flush].
func (t *Transport) Do(e monitor.Effect) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.cfg.Now()
	switch e := e.(type) {
	case monitor.ShareOpinion:
		t.session.ShareOpinion(now, e)
	case monitor.ShareConfig:
		t.session.ShareConfig(now, e.Hello)
	case monitor.GossipPeer:
		t.setPeer(now, e.ID, e.Endpoint)
	}
}

// Flush has everything sent that Do was given.
func (t *Transport) Flush() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// setPeer stores what the core knows about a peer. The caller holds mu.
func (t *Transport) setPeer(now monitor.Instant, id monitor.RunID, e monitor.GossipEndpoint) {
	if e == (monitor.GossipEndpoint{}) {
		t.forget(id)
		return
	}
	at, err := reachable(e)
	boot, ok := session.ParseBoot(e.Boot)
	if err == nil && !ok {
		err = errors.New("it does not tell its start apart from earlier ones")
	}
	if err == nil && !t.session.Peer(now, id, boot) {
		err = fmt.Errorf("there are %d others already", session.MaxPeers)
	}
	if err != nil {
		t.forget(id)
		t.logNoGossip(id, e, err.Error())
		return
	}
	t.peers[id] = &peer{endpoint: e, at: at}
	t.router.setAddr(string(id), at)
	t.compareKeys(id, e)
}

func (t *Transport) forget(id monitor.RunID) {
	delete(t.peers, id)
	t.session.Forget(id)
	t.router.setAddr(string(id), netip.AddrPort{})
}

// compareKeys logs when two Sentinels cannot decrypt what the other sends.
func (t *Transport) compareKeys(id monitor.RunID, e monitor.GossipEndpoint) {
	own := t.keys.ids()
	if own == "" || e.KeyID == "" {
		return // one of the two has no keys yet
	}
	if !canRead(own, e.KeyID) || !canRead(e.KeyID, own) {
		t.logNoGossip(id, e, fmt.Sprintf("it has other keys (%s) than this Sentinel (%s); "+
			"give all Sentinels the same gossip-key, or the same sentinel-pass or requirepass", e.KeyID, own))
		return
	}
	delete(t.noGossip, id)
}

// logNoGossip logs why there is no gossip with a peer, once.
func (t *Transport) logNoGossip(id monitor.RunID, e monitor.GossipEndpoint, why string) {
	if t.noGossip[id] == why {
		return
	}
	if len(t.noGossip) >= session.MaxPeers {
		clear(t.noGossip)
	}
	t.noGossip[id] = why
	t.cfg.Log(monitor.LevelWarning, fmt.Sprintf("No gossip with Sentinel %s at %s: %s. It is asked over its Sentinel port instead", id, e.Addr, why))
}

// Up reports whether packets reach a peer and come back.
func (t *Transport) Up(id monitor.RunID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.session.Up(t.cfg.Now(), id)
}

// Stats are counters since the start, and current numbers of peers.
type Stats struct {
	session.Stats
	// Forged packets were not authenticated by any of the keys, for example
	// because a peer has other keys. Unsent packets could not be sent.
	Forged, Unsent uint64
	Peers, PeersUp int
}

// Stats returns the counters.
func (t *Transport) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Stats{
		Stats: t.session.Stats(), Forged: t.router.forged.Load(),
		Unsent: t.router.unsent.Load(), Peers: len(t.peers),
	}
	s.Oversized += t.router.oversized.Load()
	s.Dropped += t.missed
	now := t.cfg.Now()
	for id := range t.peers {
		if t.session.Up(now, id) {
			s.PeersUp++
		}
	}
	return s
}

// run sends what is due.
func (t *Transport) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		next := t.poll()
		wait := time.Duration(1<<63 - 1)
		if next != monitor.Never {
			wait = next.Sub(t.cfg.Now())
		}
		timer.Reset(wait)
		select {
		case <-t.wake:
		case <-timer.C:
		case <-t.ctx.Done():
			return
		}
	}
}

// outgoing is a packet and the name that it goes to.
type outgoing struct {
	name string
	b    []byte
}

func (t *Transport) poll() monitor.Instant {
	t.mu.Lock()
	var out []outgoing
	next := t.session.Poll(t.cfg.Now(), func(to session.Target, b []byte) {
		name := string(to.Peer)
		if to.Peer == "" {
			name = siteName(to.Addr)
		}
		out = append(out, outgoing{name, append([]byte(nil), b...)})
	})
	reached := t.session.TakeReached()
	for _, r := range reached {
		t.reached(r)
	}
	t.mu.Unlock()
	// Without the lock: a socket may take its time, and memberlist has locks too.
	for _, o := range out {
		_ = t.list.SendToAddress(memberlist.Address{Addr: pseudoAddr(o.name).String(), Name: o.name}, o.b)
	}
	return next
}

// reached handles an answered probe of a peer, which can join now. The
// caller holds mu.
func (t *Transport) reached(r session.Reached) {
	p := t.peers[r.Peer]
	if p == nil {
		return
	}
	if r.Addr != "" && !t.session.Alive(r.Peer) {
		if at, err := netip.ParseAddrPort(r.Addr); err == nil && at != p.at {
			p.at = at
			t.router.setAddr(string(r.Peer), at)
		}
	}
	if p.joining || t.session.Alive(r.Peer) || t.ended {
		return
	}
	select {
	case t.joins <- struct{}{}:
	default:
		return // the next probe gets its turn
	}
	p.joining = true
	t.work.Go(func() {
		t.join(r.Peer)
		t.mu.Lock()
		p.joining = false
		t.mu.Unlock()
		<-t.joins
	})
}

// join exchanges the list of members with a peer, which makes each known to the
// other.
func (t *Transport) join(id monitor.RunID) {
	if _, err := t.list.Join([]string{string(id) + "/" + pseudoAddr(string(id)).String()}); err != nil {
		return // tried again after the next probe
	}
	// There is no event for a peer that restarted before memberlist missed it.
	for _, n := range t.list.Members() {
		if n.Name == string(id) {
			t.changed(n.Name, true)
		}
	}
}

// notify delivers changes of the membership. memberlist reports them with its
// lock held, where waiting for the core is not allowed.
func (t *Transport) notify() {
	for {
		select {
		case n := <-t.notices:
			t.cfg.Deliver(n.at, n.in)
		case <-t.ctx.Done():
			return
		}
	}
}

// siteName is the name of an address of the join list.
func siteName(addr string) string { return "join " + addr }

// resolvePeriod is how often the names of the join list are looked up.
const resolvePeriod = time.Minute

// probeJoinList looks up the join list, again in each resolvePeriod.
func (t *Transport) probeJoinList() {
	if len(t.cfg.Join) == 0 {
		return
	}
	known := map[string]bool{}
	tick := time.NewTicker(resolvePeriod)
	defer tick.Stop()
	for {
		for _, addr := range t.cfg.Join {
			for _, at := range t.resolve(addr) {
				if known[at.String()] || len(known) >= maxSites {
					continue
				}
				known[at.String()] = true
				t.router.setAddr(siteName(at.String()), at)
				t.mu.Lock()
				t.session.ProbeAddr(t.cfg.Now(), at.String())
				t.mu.Unlock()
				t.Flush()
			}
		}
		select {
		case <-tick.C:
		case <-t.ctx.Done():
			return
		}
	}
}

// maxSites bounds the addresses of the join list after name resolution.
const maxSites = 256

func (t *Transport) resolve(addr string) []netip.AddrPort {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return nil
	}
	port, err := net.DefaultResolver.LookupPort(t.ctx, "udp", portText)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(t.ctx, 5*time.Second)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil
	}
	var list []netip.AddrPort
	for _, ip := range ips {
		list = append(list, netip.AddrPortFrom(ip.Unmap(), uint16(port)))
	}
	return list
}

// Close ends everything. No goroutine is left when it returns. It can take half
// a second, because the last probe of memberlist cannot be interrupted.
func (t *Transport) Close() {
	t.CloseSoon()
	t.mu.Lock()
	met := t.hadPeer
	t.mu.Unlock()
	if !met {
		return
	}
	settle := time.NewTimer(probePeriod + probePeriod/10)
	defer settle.Stop()
	<-settle.C
}

// CloseSoon is Close without that wait, for a process that is about to end.
func (t *Transport) CloseSoon() {
	t.mu.Lock()
	t.ended = true
	t.mu.Unlock()
	t.cancel()
	_ = t.list.Shutdown() // has no error of its own
	t.work.Wait()
}
