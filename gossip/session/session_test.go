package session

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

func idOf(c byte) monitor.RunID { return monitor.RunID(strings.Repeat(string(c), idSize)) }

var addr = monitor.HostPort{Host: "10.0.0.1", Port: 6379}

func down(master string, since monitor.Instant) monitor.ShareOpinion {
	return monitor.ShareOpinion{Master: master, Addr: addr, ConfigEpoch: 1, Down: true, Since: since}
}

func up(master string) monitor.ShareOpinion {
	return monitor.ShareOpinion{Master: master, Addr: addr, ConfigEpoch: 1}
}

// pair is two sessions that know each other, on a network that the test is.
type pair struct {
	t    *testing.T
	now  monitor.Instant
	a, b *Session
}

func newPair(t *testing.T) *pair {
	p := &pair{t: t, now: 1, a: New(Config{idOf('a'), 1}), b: New(Config{idOf('b'), 2})}
	p.a.Peer(p.now, idOf('b'), 2)
	p.b.Peer(p.now, idOf('a'), 1)
	p.settle()
	return p
}

// out returns what a session sends now.
func (p *pair) out(s *Session) (packets [][]byte, next monitor.Instant) {
	next = s.Poll(p.now, func(_ Target, b []byte) { packets = append(packets, slices.Clone(b)) })
	return packets, next
}

// give hands packets over and returns what they told.
func (p *pair) give(to *Session, packets [][]byte) (inputs []monitor.Input) {
	p.t.Helper()
	for _, b := range packets {
		in, err := to.Receive(p.now, b)
		if err != nil {
			p.t.Fatal(err)
		}
		inputs = append(inputs, in...)
	}
	return inputs
}

// settle exchanges packets without loss until nothing is due.
func (p *pair) settle() {
	for {
		x, _ := p.out(p.a)
		y, _ := p.out(p.b)
		if len(x)+len(y) == 0 {
			return
		}
		p.give(p.b, x)
		p.give(p.a, y)
	}
}

// quiet ends the probes.
func (p *pair) quiet() {
	for _, other := range []*peer{p.a.byID[idOf('b')], p.b.byID[idOf('a')]} {
		other.drop(other.byKey[probeKey])
	}
}

func (p *pair) pass(d time.Duration) { p.now = p.now.Add(d) }

// TestRepeatedUntilConfirmed: 20 ms after the first time, then after twice as
// long each, up to a second; and not any more once it is confirmed.
func TestRepeatedUntilConfirmed(t *testing.T) {
	p := newPair(t)
	p.quiet()
	p.a.ShareConfig(p.now, monitor.Hello{MasterName: "m", MasterIP: "10.0.0.2", MasterPort: 1, ConfigEpoch: 7, CurrentEpoch: 8})
	var waits []time.Duration
	var last [][]byte
	for range 9 {
		x, next := p.out(p.a)
		if len(x) != 1 {
			t.Fatalf("%d packets", len(x))
		}
		last = x
		waits = append(waits, next.Sub(p.now))
		p.pass(next.Sub(p.now))
	}
	ms := time.Millisecond
	if want := []time.Duration{20 * ms, 40 * ms, 80 * ms, 160 * ms, 320 * ms, 640 * ms, 1000 * ms, 1000 * ms, 1000 * ms}; !slices.Equal(waits, want) {
		t.Errorf("repeated after %v, want %v", waits, want)
	}
	if got := p.give(p.b, last); len(got) != 1 || got[0].(monitor.PeerConfig).Hello.ConfigEpoch != 7 {
		t.Errorf("got %v", got)
	}
	if again := p.give(p.b, last); again != nil {
		t.Errorf("the same packet twice is news: %v", again)
	}
	y, _ := p.out(p.b)
	p.give(p.a, y)
	if x, next := p.out(p.a); len(x) != 0 || next != monitor.Instant(1).Add(statementLife) {
		t.Errorf("%d packets after it was confirmed, next at %d", len(x), next)
	}
	if s := p.a.Stats(); s.Repeated != 8 || s.Said != 1 {
		t.Errorf("%+v", s)
	}
}

// TestGivenUp: what cannot be delivered is given up when it expires; an opinion
// that holds never is.
func TestGivenUp(t *testing.T) {
	p := newPair(t)
	p.quiet()
	p.a.ShareConfig(p.now, monitor.Hello{MasterName: "m", MasterIP: "10.0.0.2", MasterPort: 1})
	p.a.ShareOpinion(p.now, down("m", p.now))
	for range 60 {
		p.out(p.a)
		p.pass(time.Second)
	}
	if s := p.a.Stats(); s.Expired != 1 {
		t.Errorf("%+v", s)
	}
	x, _ := p.out(p.a)
	got := p.give(p.b, x)
	if len(got) != 1 || got[0].(monitor.PeerOpinion).Age != time.Minute {
		t.Errorf("after a minute: %v", got)
	}
	p.settle()
	p.a.ShareOpinion(p.now, up("m"))
	for range 60 {
		p.out(p.a)
		p.pass(time.Second)
	}
	if x, next := p.out(p.a); len(x) != 0 || next != monitor.Never {
		t.Errorf("%d packets are left, next at %d", len(x), next)
	}
	if len(p.a.statements)+len(p.a.inUse)+len(p.a.expiring)+len(p.a.peers[0].byKey)+len(p.a.peers[0].bySeq) != 0 {
		t.Errorf("left behind: %+v", p.a)
	}
}

// TestOlderNeverOverwritesNewer: whatever the order of arrival.
func TestOlderNeverOverwritesNewer(t *testing.T) {
	p := newPair(t)
	p.a.ShareOpinion(p.now, down("m", p.now))
	first, _ := p.out(p.a)
	p.a.ShareOpinion(p.now, up("m"))
	second, _ := p.out(p.a)
	if got := p.give(p.b, second); len(got) != 1 || got[0].(monitor.PeerOpinion).Down {
		t.Errorf("got %v", got)
	}
	if got := p.give(p.b, first); got != nil {
		t.Errorf("an older opinion was news: %v", got)
	}
	y, _ := p.out(p.b)
	p.give(p.a, y)
	p.pass(time.Minute)
	if x, _ := p.out(p.a); len(x) > 1 { // a probe
		t.Errorf("%d packets", len(x))
	}
}

// TestUp: a peer is up while it is a member and confirms what it is sent.
func TestUp(t *testing.T) {
	p := newPair(t)
	id := idOf('b')
	if p.a.Up(p.now, id) {
		t.Error("up without being a member")
	}
	p.a.SetAlive(id, true)
	for range 60 {
		if p.settle(); !p.a.Up(p.now, id) {
			t.Fatal("not up")
		}
		p.pass(time.Second)
	}
	p.settle()
	lost := p.now
	for p.now < lost.Add(upTimeout) {
		if !p.a.Up(p.now, id) {
			t.Fatalf("down after %v", p.now.Sub(lost))
		}
		p.out(p.a)
		p.pass(100 * time.Millisecond)
	}
	if p.pass(probePeriod); p.a.Up(p.now, id) {
		t.Error("up without any sign of it")
	}
	p.settle()
	if !p.a.Up(p.now, id) || p.a.Up(p.now, idOf('x')) {
		t.Error("not up again, or a stranger is")
	}
}

// TestLives: packets of and for earlier runs are rejected, also after a peer
// was forgotten and came back.
func TestLives(t *testing.T) {
	p := newPair(t)
	p.a.ShareOpinion(p.now, down("m", p.now))
	old, _ := p.out(p.a)
	p.give(p.b, old)

	p.b.Forget(idOf('a'))
	if _, err := p.b.Receive(p.now, old[0]); !errors.Is(err, ErrStranger) {
		t.Errorf("from a forgotten peer: %v", err)
	}
	p.b.Peer(p.now, idOf('a'), 1)
	if in, err := p.b.Receive(p.now, old[0]); in != nil || err != nil {
		t.Errorf("played back to a peer that was forgotten meanwhile: %v, %v", in, err)
	}
	p.b.Peer(p.now, idOf('a'), 11)
	if _, err := p.b.Receive(p.now, old[0]); !errors.Is(err, ErrReplayed) {
		t.Errorf("from an earlier life: %v", err)
	}
	again := New(Config{idOf('b'), 22})
	again.Peer(p.now, idOf('a'), 1)
	if _, err := again.Receive(p.now, old[0]); !errors.Is(err, ErrReplayed) {
		t.Errorf("for an earlier life: %v", err)
	}
	if s := p.b.Stats(); s.Replayed != 1 || s.Strangers != 1 {
		t.Errorf("%+v", s)
	}
	// A peer that restarted gets what holds.
	p.a.Peer(p.now, idOf('b'), 22)
	x, _ := p.out(p.a)
	p.b = again
	if got := p.give(again, x); len(got) != 1 || !got[0].(monitor.PeerOpinion).Down {
		t.Errorf("after a restart: %v", got)
	}
}

// TestBounds: peers, masters of a peer, and what does not fit.
func TestBounds(t *testing.T) {
	s := New(Config{idOf('a'), 1})
	for i := range MaxPeers + 10 {
		id := monitor.RunID(fmt.Sprintf("%040d", i))
		if ok := s.Peer(1, id, 5); ok != (i < MaxPeers) {
			t.Fatalf("peer %d: %t", i, ok)
		}
	}
	if s.Peer(1, idOf('a'), 5) || s.Peer(1, "short", 5) || s.Peer(1, idOf('c'), 0) {
		t.Error("impossible peers were taken")
	}
	if got := s.Stats().Dropped; got != 13 {
		t.Errorf("dropped %d", got)
	}
	for i := range 5 * MaxPeers { // they come and go
		id := monitor.RunID(fmt.Sprintf("%040d", i))
		s.Forget(id)
		s.Forget(monitor.RunID(fmt.Sprintf("%040d", i+1)))
		s.Peer(1, id, 6)
	}
	if len(s.forgotten) > 4*MaxPeers {
		t.Errorf("%d forgotten peers are remembered", len(s.forgotten))
	}
	s.ShareOpinion(1, monitor.ShareOpinion{Master: strings.Repeat("x", 256), Addr: addr})
	s.ShareOpinion(1, monitor.ShareOpinion{Master: "m", Addr: monitor.HostPort{Host: "", Port: 1}})
	if len(s.statements) != 0 {
		t.Error("what nobody can decode was said")
	}

	p := newPair(t)
	heard := 0
	for i := range 2 * maxMasters {
		b := appendHeader(nil, idOf('a'), 1, 2)
		for k := range 20 {
			b = appendItem(b, item{kind: kindOpinion, seq: uint64(1000 + 20*i + k), master: fmt.Sprint(i, k), addr: addr})
		}
		in, err := p.b.Receive(p.now, b)
		if err != nil {
			t.Fatal(err)
		}
		if heard += len(in); i > maxMasters/20+2 && len(in) > 0 {
			t.Fatal("there is no end")
		}
		if i > maxMasters/10 {
			break
		}
	}
	if other := p.b.byID[idOf('a')]; heard != maxMasters || len(other.lastSeq) != maxMasters || len(other.acks) > maxPendingAcks || p.b.Stats().Dropped == 0 {
		t.Errorf("heard %d, remembered %d, owes %d confirmations", heard, len(other.lastSeq), len(other.acks))
	}
}

// TestExplore: a probe finds out which peer is at an address.
func TestExplore(t *testing.T) {
	p := newPair(t)
	p.quiet()
	p.a.TakeReached()
	p.a.ProbeAddr(p.now, "192.0.2.1:5")
	var targets []Target
	var packets [][]byte
	p.a.Poll(p.now, func(to Target, b []byte) {
		targets = append(targets, to)
		packets = append(packets, slices.Clone(b))
	})
	if !slices.Equal(targets, []Target{{Addr: "192.0.2.1:5"}}) {
		t.Fatalf("sent to %v", targets)
	}
	if in := p.give(p.b, packets); in != nil {
		t.Errorf("a probe told %v", in)
	}
	y, _ := p.out(p.b)
	p.give(p.a, y)
	if got := p.a.TakeReached(); !slices.Equal(got, []Reached{{idOf('b'), "192.0.2.1:5"}}) {
		t.Errorf("reached %v", got)
	}
	// Nothing else is accepted that is not for this run.
	b := appendItem(appendHeader(nil, idOf('a'), 1, 0), item{kind: kindOpinion, seq: 99, master: "m", addr: addr})
	if _, err := p.b.Receive(p.now, b); !errors.Is(err, ErrMalformed) {
		t.Errorf("an opinion for whoever gets it: %v", err)
	}
	b = appendAcks(appendHeader(nil, idOf('a'), 1, 0), []uint64{1})
	if _, err := p.b.Receive(p.now, b); !errors.Is(err, ErrMalformed) {
		t.Errorf("confirmations for whoever gets them: %v", err)
	}
}

// TestRefused: each reason has its error and its counter.
func TestRefused(t *testing.T) {
	p := newPair(t)
	good := appendItem(appendHeader(nil, idOf('a'), 1, 2), item{kind: kindProbe, seq: 5})
	bad := map[string]struct {
		b    []byte
		want error
	}{
		"empty":          {nil, ErrMalformed},
		"short":          {good[:headerSize-1], ErrMalformed},
		"version":        {append([]byte{9}, good[1:]...), ErrVersion},
		"large":          {append(slices.Clone(good), make([]byte, MaxPacket)...), ErrOversized},
		"kind":           {append(slices.Clone(good), 77, 1), ErrMalformed},
		"no number":      {append(slices.Clone(good), byte(kindProbe)), ErrMalformed},
		"number 0":       {append(slices.Clone(good), byte(kindProbe), 0), ErrMalformed},
		"no acks":        {append(slices.Clone(good), byte(kindAcks), 0), ErrMalformed},
		"ack twice":      {append(slices.Clone(good), byte(kindAcks), 2, 5, 0), ErrMalformed},
		"many acks":      {append(slices.Clone(good), byte(kindAcks), 0xff, 0xff, 1), ErrMalformed},
		"ack overflow":   {append(slices.Clone(good), append([]byte{byte(kindAcks), 2, 5}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1)...), ErrMalformed},
		"half an item":   {appendItem(slices.Clone(good), item{kind: kindOpinion, seq: 6, master: "m", addr: addr})[:len(good)+8], ErrMalformed},
		"no master":      {appendItem(slices.Clone(good), item{kind: kindOpinion, seq: 6, addr: addr}), ErrMalformed},
		"control":        {appendItem(slices.Clone(good), item{kind: kindOpinion, seq: 6, master: "m\n", addr: addr}), ErrMalformed},
		"no host":        {appendItem(slices.Clone(good), item{kind: kindConfig, seq: 6, master: "m"}), ErrMalformed},
		"host of blanks": {appendItem(slices.Clone(good), item{kind: kindConfig, seq: 6, master: "m", addr: monitor.HostPort{Host: "a b", Port: 1}}), ErrMalformed},
		"port 0":         {appendItem(slices.Clone(good), item{kind: kindConfig, seq: 6, master: "m", addr: monitor.HostPort{Host: "h"}}), ErrMalformed},
		"no life":        {appendHeader(nil, idOf('a'), 0, 2), ErrMalformed},
		"stranger":       {appendHeader(nil, idOf('x'), 1, 2), ErrStranger},
		"oneself":        {appendHeader(nil, idOf('b'), 2, 2), ErrStranger},
		"other life":     {appendHeader(nil, idOf('a'), 3, 2), ErrReplayed},
		"not for us":     {appendHeader(nil, idOf('a'), 1, 3), ErrReplayed},
	}
	wants := map[error]uint64{}
	for name, c := range bad {
		wants[c.want]++
		if in, err := p.b.Receive(p.now, c.b); in != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: %v, %v; want %v", name, in, err, c.want)
		}
	}
	s := p.b.Stats()
	for err, got := range map[error]uint64{ErrMalformed: s.Malformed, ErrVersion: s.WrongVersion, ErrOversized: s.Oversized, ErrStranger: s.Strangers, ErrReplayed: s.Replayed} {
		if got != wants[err] {
			t.Errorf("%v: counted %d, want %d", err, got, wants[err])
		}
	}
	if _, err := p.b.Receive(p.now, good); err != nil {
		t.Errorf("a good packet: %v", err)
	}
}

func TestBoot(t *testing.T) {
	for _, b := range []Boot{1, 0xabcdef, 1<<64 - 1} {
		if got, ok := ParseBoot(b.String()); !ok || got != b {
			t.Errorf("%s: %v %t", b, got, ok)
		}
	}
	for _, text := range []string{"", "0", strings.Repeat("0", 16), strings.Repeat("g", 16), strings.Repeat("A", 16), strings.Repeat("1", 17)} {
		if b, ok := ParseBoot(text); ok {
			t.Errorf("%q is %v", text, b)
		}
	}
}

// TestAnyNetwork: three sessions on a network that loses, duplicates and
// reorders, and is one-way for a while, with restarts. None ever goes back to
// an older statement, and once the network works all have the newest.
func TestAnyNetwork(t *testing.T) {
	seeds := 150
	if testing.Short() {
		seeds = 30
	}
	for seed := range seeds {
		w := newWorld(t, uint64(seed))
		w.run()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// world runs sessions against each other in virtual time.
type world struct {
	t     *testing.T
	rng   *rand.Rand
	now   monitor.Instant
	nodes []*actor

	flying             []flight
	loss, double, slow float64
	oneWay             [2]int // from, to: nothing gets there; equal: none
}

type flight struct {
	at   monitor.Instant
	from int
	to   int
	b    []byte
}

// actor is a node: what it sent and what it received in its present run. A
// statement is told apart by its config epoch, which counts them.
type actor struct {
	id    monitor.RunID
	s     *Session
	boot  Boot
	epoch monitor.Epoch
	last  map[key]saying
	heard map[hearing]monitor.Epoch
	down  map[hearing]bool
}

type saying struct {
	epoch monitor.Epoch
	down  bool
	at    monitor.Instant
}

type hearing struct {
	from monitor.RunID
	boot Boot
	key  key
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 7)), now: 1}
	w.loss, w.double, w.slow = w.rng.Float64()*0.6, w.rng.Float64()*0.4, w.rng.Float64()
	for i := range 3 {
		w.nodes = append(w.nodes, &actor{id: idOf(byte('a' + i))})
	}
	for i := range w.nodes {
		w.boot(i)
	}
	return w
}

// boot restarts a node. The others learn its new boot number, as over RESP.
func (w *world) boot(i int) {
	n := w.nodes[i]
	n.boot = Boot(w.rng.Uint64() | 1)
	n.s = New(Config{n.id, n.boot})
	n.last, n.heard, n.down = map[key]saying{}, map[hearing]monitor.Epoch{}, map[hearing]bool{}
	for k, other := range w.nodes {
		if k != i && other.s != nil {
			n.s.Peer(w.now, other.id, other.boot)
			other.s.Peer(w.now, n.id, n.boot)
		}
	}
}

func (w *world) run() {
	const chaos, calm = 20 * time.Second, 10 * time.Second
	for w.now < monitor.Instant(chaos) {
		w.disturb()
		w.step()
	}
	w.loss, w.double, w.oneWay = 0, 0, [2]int{}
	for w.now < monitor.Instant(chaos+calm) {
		w.step()
	}
	w.agree()
}

func (w *world) disturb() {
	switch w.rng.IntN(40) {
	case 0, 1, 2, 3, 4:
		w.say(w.nodes[w.rng.IntN(len(w.nodes))])
	case 5:
		w.oneWay = [2]int{w.rng.IntN(3), w.rng.IntN(3)}
	case 6:
		if w.rng.IntN(20) == 0 {
			w.boot(w.rng.IntN(len(w.nodes)))
		}
	case 7:
		n := w.nodes[w.rng.IntN(len(w.nodes))]
		n.s.SetAlive(w.nodes[w.rng.IntN(len(w.nodes))].id, w.rng.IntN(2) == 0)
	}
}

func (w *world) say(n *actor) {
	n.epoch++
	master := string(rune('k' + w.rng.IntN(5)))
	if w.rng.IntN(3) == 0 {
		n.s.ShareConfig(w.now, monitor.Hello{MasterName: master, MasterIP: addr.Host, MasterPort: addr.Port, ConfigEpoch: n.epoch})
		n.last[key{kindConfig, master}] = saying{epoch: n.epoch, at: w.now}
		return
	}
	o := monitor.ShareOpinion{Master: master, Addr: addr, ConfigEpoch: n.epoch, Down: w.rng.IntN(2) == 0, Since: w.now}
	n.s.ShareOpinion(w.now, o)
	n.last[key{kindOpinion, master}] = saying{n.epoch, o.Down, w.now}
}

func (w *world) step() {
	w.now = w.now.Add(time.Duration(1+w.rng.IntN(15)) * time.Millisecond)
	for i, n := range w.nodes {
		n.s.Poll(w.now, func(to Target, b []byte) { w.send(i, to, b) })
	}
	var due []flight
	w.flying = slices.DeleteFunc(w.flying, func(f flight) bool {
		if f.at <= w.now {
			due = append(due, f)
		}
		return f.at <= w.now
	})
	slices.SortFunc(due, func(x, y flight) int { return cmp.Compare(x.at, y.at) })
	for _, f := range due {
		w.arrive(f)
	}
}

func (w *world) send(from int, target Target, b []byte) {
	if len(b) > MaxPacket {
		w.t.Errorf("a packet of %d bytes", len(b))
	}
	to := slices.IndexFunc(w.nodes, func(n *actor) bool { return n.id == target.Peer })
	copies := 1
	if w.rng.Float64() < w.double {
		copies = 3
	}
	for range copies {
		lost := w.rng.Float64() < w.loss || w.oneWay == [2]int{from, to} && from != to
		if lost {
			continue
		}
		delay := time.Duration(w.rng.IntN(5)) * time.Millisecond
		if w.rng.Float64() < w.slow*0.2 {
			delay = time.Duration(w.rng.IntN(3000)) * time.Millisecond
		}
		w.flying = append(w.flying, flight{w.now.Add(delay), from, to, slices.Clone(b)})
	}
}

func (w *world) arrive(f flight) {
	n := w.nodes[f.to]
	inputs, err := n.s.Receive(w.now, f.b)
	if err != nil && !errors.Is(err, ErrReplayed) {
		w.t.Error(err)
	}
	for _, in := range inputs {
		var h hearing
		var epoch monitor.Epoch
		isDown := false
		switch in := in.(type) {
		case monitor.PeerOpinion:
			h, epoch, isDown = hearing{from: in.From, key: key{kindOpinion, in.Master}}, in.ConfigEpoch, in.Down
			if in.Age < 0 || in.Age > w.now.Sub(0) {
				w.t.Errorf("an age of %v", in.Age)
			}
		case monitor.PeerConfig:
			h, epoch = hearing{from: in.Hello.RunID, key: key{kindConfig, in.Hello.MasterName}}, in.Hello.ConfigEpoch
		}
		sender := w.nodes[f.from]
		h.boot = sender.boot
		if sender.id != h.from {
			w.t.Errorf("%s said something in the name of %s", sender.id[:1], h.from[:1])
		}
		if epoch < n.heard[h] {
			w.t.Errorf("%s went back from statement %d to %d about %v", n.id[:1], n.heard[h], epoch, h.key)
		}
		n.heard[h], n.down[h] = epoch, isDown
	}
}

// agree demands that all have received the newest of everything that holds or
// was sent a short while ago.
func (w *world) agree() {
	for _, from := range w.nodes {
		for k, said := range from.last {
			standing := k.kind == kindOpinion && said.down
			if !standing && w.now.Sub(said.at) > statementLife {
				continue // it may have been given up
			}
			for _, n := range w.nodes {
				h := hearing{from.id, from.boot, k}
				if n != from && (n.heard[h] != said.epoch || n.down[h] != said.down) {
					w.t.Errorf("%s said statement %d (down %t) about %v, %s has heard %d (down %t)", from.id[:1], said.epoch, said.down, k, n.id[:1], n.heard[h], n.down[h])
				}
			}
		}
		for _, p := range from.s.peers {
			if len(p.acks) > maxPendingAcks || len(p.bySeq) > len(p.byKey) || len(p.sendQueue) != len(p.byKey) {
				w.t.Errorf("%s holds for %s: %d entries, %d in the queue, %d unconfirmed, %d owed", from.id[:1], p.id[:1], len(p.byKey), len(p.sendQueue), len(p.bySeq), len(p.acks))
			}
		}
	}
}
