package session

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// How often statements are sent.
const (
	firstWait     = 20 * time.Millisecond // before the first repetition; then twice as long
	longestWait   = time.Second
	refreshPeriod = time.Second      // of an opinion that a master is down
	probePeriod   = 2 * time.Second  // of probes to a peer that answers them
	upTimeout     = 5 * time.Second  // after the last confirmation
	statementLife = 15 * time.Second // of all other statements: hellos have told it by then
)

// Bounds.
const (
	// MaxPeers is the number of peers that are gossiped with.
	MaxPeers   = 256
	maxMasters = 32768 // masters that one peer may talk about, times two

	// Packets to one peer in one burst, and the pause after it: ten thousand
	// opinions at once must not overflow the socket buffer of the receiver.
	burst = 32
	pause = 5 * time.Millisecond
)

// Reasons for rejecting packets, see [Session.Receive].
var (
	ErrMalformed = errMalformed
	ErrOversized = errOversized
	ErrVersion   = errVersion
	ErrStranger  = errors.New("its sender is not known")
	ErrReplayed  = errors.New("it is from or for another life of a process")

	errOversized = errors.New("it is too large")
	errVersion   = errors.New("it has another version of this protocol")
)

// Config is the identity of this Sentinel.
type Config struct {
	ID   monitor.RunID
	Boot Boot
}

// Stats counts since the start of the session.
type Stats struct {
	PacketsSent, PacketsReceived uint64
	// Said and Heard count opinions and configurations that were sent and
	// received; one sent to two peers counts twice. Repeated counts those that
	// were not confirmed in time, Expired those that were given up, and Stale
	// what arrived too late or twice.
	Said, Repeated, Expired, Heard, Stale uint64
	// Dropped counts what broke a bound: peers beyond [MaxPeers], masters beyond
	// those that one peer may talk about, and what cannot be put into a packet.
	Dropped uint64
	// Rejected packets by reason. Strangers counts those with an unknown
	// sender.
	Malformed, Oversized, WrongVersion, Strangers, Replayed uint64
}

// Target is where a packet goes: to a peer, or to an address where the peer is
// not known.
type Target struct {
	Peer monitor.RunID // "" for an address
	Addr string        // as given to [Session.ProbeAddr]
}

// Session is the state of the protocol with all peers. It is not safe for
// concurrent use. Instants must not decrease.
type Session struct {
	cfg   Config
	seq   uint64
	order uint64
	peers []*peer
	byID  map[monitor.RunID]*peer

	// forgotten holds the last sequence number of peers that were removed: if
	// one comes back in the same run, a recorded packet is still old.
	forgotten map[monitor.RunID]forgottenPeer

	statements map[key]*statement
	inUse      []key        // the keys of statements, in a fixed order
	expiring   []*statement // in the order of until

	sites []*site

	reached []Reached
	stats   Stats
	buf     []byte
}

// Reached says that a peer answered a probe: packets reach it and come back.
type Reached struct {
	Peer monitor.RunID
	Addr string // the address, if it was found with [Session.ProbeAddr]
}

type forgottenPeer struct {
	boot Boot
	seq  uint64
}

// site is an address that is probed to find out which peer is there.
type site struct {
	addr string
	seq  uint64
	next monitor.Instant
	wait time.Duration
}

// New returns a session without peers. It panics when cfg is incomplete.
func New(cfg Config) *Session {
	if !cfg.ID.Valid() || cfg.Boot == 0 {
		panic(fmt.Sprintf("session: incomplete configuration %+v", cfg))
	}
	return &Session{cfg: cfg, byID: map[monitor.RunID]*peer{}, forgotten: map[monitor.RunID]forgottenPeer{}, statements: map[key]*statement{}}
}

// Stats returns the counters.
func (s *Session) Stats() Stats { return s.stats }

// Peer adds a peer, or starts afresh with one that has a new boot number. It
// reports false for the id of this Sentinel and beyond [MaxPeers].
func (s *Session) Peer(now monitor.Instant, id monitor.RunID, life Boot) bool {
	old := s.byID[id]
	if old != nil && old.boot == life {
		return true
	}
	if id == s.cfg.ID || !id.Valid() || life == 0 || old == nil && len(s.peers) == MaxPeers {
		s.stats.Dropped++
		return false
	}
	s.Forget(id)
	p := &peer{id: id, boot: life, byKey: map[key]*entry{}, bySeq: map[uint64]*entry{}, lastSeq: map[key]uint64{}}
	if before := s.forgotten[id]; before.boot == life {
		p.floor, p.top = before.seq, before.seq
	}
	s.byID[id] = p
	s.peers = append(s.peers, p)
	for _, k := range s.inUse {
		s.sendTo(now, p, s.statements[k])
	}
	s.probe(now, p)
	return true
}

// Forget removes a peer.
func (s *Session) Forget(id monitor.RunID) {
	if p := s.byID[id]; p != nil {
		if len(s.forgotten) >= 4*MaxPeers {
			clear(s.forgotten)
		}
		s.forgotten[id] = forgottenPeer{p.boot, p.top}
		delete(s.byID, id)
		s.peers = slices.DeleteFunc(s.peers, func(q *peer) bool { return q == p })
	}
}

// SetAlive sets whether a peer is a member.
func (s *Session) SetAlive(id monitor.RunID, alive bool) {
	if p := s.byID[id]; p != nil {
		p.alive = alive
	}
}

// Alive reports what [Session.SetAlive] set last.
func (s *Session) Alive(id monitor.RunID) bool {
	p := s.byID[id]
	return p != nil && p.alive
}

// Up reports whether a peer is a member and packets reach it from here and come
// back. Membership alone is not enough: other members may reach a peer that
// this one does not.
func (s *Session) Up(now monitor.Instant, id monitor.RunID) bool {
	p := s.byID[id]
	return p != nil && p.alive && p.confirmed != 0 && now < p.confirmed.Add(upTimeout)
}

var probeKey = key{kind: kindProbe}

func (s *Session) probe(now monitor.Instant, p *peer) {
	s.sendTo(now, p, &statement{key: probeKey, item: item{kind: kindProbe}, until: monitor.Never})
}

// ProbeAddr probes an address from now on, to find out which peer is there.
func (s *Session) ProbeAddr(now monitor.Instant, addr string) {
	s.sites = append(s.sites, &site{addr: addr, next: now, wait: firstWait})
}

// TakeReached returns which peers have answered a probe since the last call.
func (s *Session) TakeReached() []Reached {
	list := s.reached
	s.reached = nil
	return list
}

// ShareOpinion tells all peers whether this Sentinel sees a master down.
func (s *Session) ShareOpinion(now monitor.Instant, o monitor.ShareOpinion) {
	st := &statement{key: key{kindOpinion, o.Master}, since: now, until: now.Add(statementLife), item: item{
		kind: kindOpinion, master: o.Master, addr: o.Addr, configEpoch: o.ConfigEpoch, down: o.Down,
	}}
	if o.Down {
		st.since, st.until = o.Since, monitor.Never
	}
	s.share(now, st)
}

// ShareConfig tells all peers the address of a master.
func (s *Session) ShareConfig(now monitor.Instant, h monitor.Hello) {
	s.share(now, &statement{key: key{kindConfig, h.MasterName}, since: now, until: now.Add(statementLife), item: item{
		kind: kindConfig, master: h.MasterName, addr: monitor.HostPort{Host: h.MasterIP, Port: h.MasterPort},
		configEpoch: h.ConfigEpoch, currentEpoch: h.CurrentEpoch,
	}})
}

func (s *Session) share(now monitor.Instant, st *statement) {
	if !validName(st.item.master) || !validAddr(st.item.addr) {
		s.stats.Dropped++
		return
	}
	if s.statements[st.key] == nil {
		s.inUse = append(s.inUse, st.key)
	}
	s.statements[st.key] = st
	if !st.standing() {
		s.expiring = append(s.expiring, st)
	}
	for _, p := range s.peers {
		s.sendTo(now, p, st)
	}
}

func (s *Session) sendTo(now monitor.Instant, p *peer, st *statement) {
	s.order++
	p.enqueue(now, st, s.order)
	if st.key != probeKey {
		s.stats.Said++
	}
}

// expireStatements removes expired statements. Poll drops them from the queues
// of the peers.
func (s *Session) expireStatements(now monitor.Instant) {
	n := 0
	for n < len(s.expiring) && s.expiring[n].until <= now {
		st := s.expiring[n]
		if s.statements[st.key] == st {
			delete(s.statements, st.key)
		}
		n++
	}
	if n == 0 {
		return
	}
	s.expiring = slices.Delete(s.expiring, 0, n)
	s.inUse = slices.DeleteFunc(s.inUse, func(k key) bool { return s.statements[k] == nil })
}

// Poll passes every packet that is due to send, which must not keep its bytes,
// and returns when it must be called again at the latest. Call it also after
// any other method.
func (s *Session) Poll(now monitor.Instant, send func(Target, []byte)) monitor.Instant {
	s.expireStatements(now)
	next := monitor.Never
	if len(s.expiring) > 0 {
		next = s.expiring[0].until
	}
	for _, p := range s.peers {
		for n := 0; p.next() <= now; n++ {
			if n == burst {
				p.rest = now.Add(pause)
				break
			}
			b := s.write(now, p)
			if len(b) > headerSize {
				s.stats.PacketsSent++
				send(Target{Peer: p.id}, b)
			}
		}
		next = min(next, p.next())
	}
	return min(next, s.probeSites(now, send))
}

func (s *Session) probeSites(now monitor.Instant, send func(Target, []byte)) monitor.Instant {
	next := monitor.Never
	for _, t := range s.sites {
		if t.next <= now {
			s.seq++
			t.seq, t.next = s.seq, now.Add(t.wait)
			t.wait = min(2*t.wait, 6*probePeriod)
			s.buf = appendItem(appendHeader(s.buf[:0], s.cfg.ID, s.cfg.Boot, 0), item{kind: kindProbe, seq: t.seq})
			s.stats.PacketsSent++
			send(Target{Addr: t.addr}, s.buf)
		}
		next = min(next, t.next)
	}
	return next
}

// write returns a packet with as much of what is due as fits.
func (s *Session) write(now monitor.Instant, p *peer) []byte {
	b := appendHeader(s.buf[:0], s.cfg.ID, s.cfg.Boot, p.boot)
	if n := min(len(p.acks), maxAcks/2); n > 0 {
		// 128 numbers of ten bytes would not fit. They grow slowly, so nearly
		// all differences take one byte; otherwise fewer are sent.
		for ; ; n /= 2 {
			if full := appendAcks(b, slices.Clone(p.acks[:n])); len(full) <= MaxPacket {
				b = full
				break
			}
		}
		p.acks = slices.Delete(p.acks, 0, n)
	}
	for len(p.sendQueue) > 0 && p.sendQueue[0].next <= now {
		e := p.sendQueue[0]
		if e.st.until <= now {
			s.stats.Expired++
			p.drop(e)
			continue
		}
		if len(b)+e.st.item.maxSize() > MaxPacket {
			break
		}
		b = appendItem(b, s.itemOf(now, p, e))
		p.sent(now, e)
	}
	s.buf = b[:0]
	return b
}

// itemOf returns the item for an entry. A repetition keeps its number, so that
// it is not taken as new. An opinion that still holds after a while gets a new
// one, because the receiver must refresh it.
func (s *Session) itemOf(now monitor.Instant, p *peer, e *entry) item {
	fresh := e.seq == 0 || e.arrived || e.st.standing() && now >= e.said.Add(refreshPeriod)
	if e.seq != 0 && !e.arrived && e.st.key != probeKey {
		s.stats.Repeated++
	}
	if fresh {
		delete(p.bySeq, e.seq)
		s.seq++
		e.seq, e.said, e.arrived = s.seq, now, false
		p.bySeq[e.seq] = e
	}
	it := e.st.item
	it.seq, it.age = e.seq, now.Sub(e.st.since)
	return it
}

// Receive decodes a packet and returns the inputs for the core. The error says
// why the packet was rejected; it wraps one of those above. A rejected packet
// changes nothing but a counter.
func (s *Session) Receive(now monitor.Instant, b []byte) ([]monitor.Input, error) {
	pk, err := decode(b)
	var p *peer
	if err == nil {
		p, err = s.sender(pk)
	}
	if err != nil {
		s.refuse(err)
		return nil, err
	}
	s.stats.PacketsReceived++
	for _, seq := range pk.acks {
		s.confirmed(now, p, seq)
	}
	var inputs []monitor.Input
	for _, it := range pk.items {
		if in := s.receiveItem(p, it); in != nil {
			inputs = append(inputs, in)
		}
	}
	return inputs, nil
}

// sender returns the peer that sent a packet, if it was sent in the present run
// of that peer to the present run of this process.
func (s *Session) sender(pk packet) (*peer, error) {
	p := s.byID[pk.from]
	switch {
	case p == nil:
		return nil, ErrStranger
	case pk.boot != p.boot:
		return nil, ErrReplayed
	case pk.to == s.cfg.Boot:
		return p, nil
	case pk.to != 0:
		return nil, ErrReplayed
	case len(pk.acks) > 0 || slices.ContainsFunc(pk.items, func(it item) bool { return it.kind != kindProbe }):
		return nil, ErrMalformed
	}
	return p, nil
}

func (s *Session) refuse(err error) {
	switch {
	case errors.Is(err, ErrOversized):
		s.stats.Oversized++
	case errors.Is(err, ErrVersion):
		s.stats.WrongVersion++
	case errors.Is(err, ErrStranger):
		s.stats.Strangers++
	case errors.Is(err, ErrReplayed):
		s.stats.Replayed++
	default:
		s.stats.Malformed++
	}
}

func (s *Session) confirmed(now monitor.Instant, p *peer, seq uint64) {
	if p.confirm(now, seq) {
		s.reached = append(s.reached, Reached{Peer: p.id})
		return
	}
	for _, t := range s.sites {
		if t.seq == seq {
			t.seq = 0
			s.reached = append(s.reached, Reached{p.id, t.addr})
		}
	}
}

// maxPendingAcks bounds the confirmations that wait to be sent to a peer. What
// is not confirmed is sent again.
const maxPendingAcks = 4096

// receiveItem handles one item and returns the input for the core if it is new.
func (s *Session) receiveItem(p *peer, it item) monitor.Input {
	k := key{it.kind, it.master}
	last, known := p.lastSeq[k]
	if !known && len(p.lastSeq) >= maxMasters {
		s.stats.Dropped++
		return nil
	}
	if len(p.acks) < maxPendingAcks {
		p.acks = append(p.acks, it.seq)
	}
	if it.kind == kindProbe {
		return nil
	}
	if it.seq <= max(last, p.floor) {
		s.stats.Stale++
		return nil
	}
	p.lastSeq[k], p.top = it.seq, max(p.top, it.seq)
	s.stats.Heard++
	if it.kind == kindConfig {
		return monitor.PeerConfig{Hello: monitor.Hello{
			RunID: p.id, CurrentEpoch: it.currentEpoch, MasterName: it.master,
			MasterIP: it.addr.Host, MasterPort: it.addr.Port, ConfigEpoch: it.configEpoch,
		}}
	}
	return monitor.PeerOpinion{
		From: p.id, Master: it.master, Addr: it.addr, ConfigEpoch: it.configEpoch, Down: it.down, Age: it.age,
	}
}
