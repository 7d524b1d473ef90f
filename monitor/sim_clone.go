package monitor

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// Clone returns a second core in the same state: both answer the same inputs
// with the same effects from now on, and they are independent. A model checker
// follows several paths from one state with it. Each core has its own [Persist]
// of a write in flight, see [Core.InFlight].
func (c *Core) Clone() *Core {
	d := new(Core)
	c.CopyTo(d)
	return d
}

// CopyTo makes d a clone of c. The old state of d is lost and its memory
// reused; d may be a zero Core. c and d must differ.
func (c *Core) CopyTo(d *Core) {
	old := *d
	*d = *c
	if old.source == nil {
		old.source = new(rand.PCG)
		old.rng = rand.New(old.source)
	}
	d.source, d.rng = old.source, old.rng
	*d.source = *c.source
	d.byName, d.byAddr, d.members = emptied(old.byName), emptied(old.byAddr), emptied(old.members)
	d.peerLinks, d.conns, d.fences = emptied(old.peerLinks), emptied(old.conns), emptied(old.fences)
	d.timers.items = append(old.timers.items[:0], c.timers.items...)
	d.holds = append(old.holds[:0], c.holds...)
	d.queue, d.unshown = old.queue[:0], append(old.unshown[:0], c.unshown...)
	d.out, d.ownAddrs = append(old.out[:0], c.out...), append(old.ownAddrs[:0], c.ownAddrs...)
	k := cloner{from: c, to: d}
	k.timer(&d.conflict.timer, &d.conflict)
	d.masters = old.masters[:0]
	for at, m := range c.masters {
		d.masters = append(d.masters, k.master(m, reused(old.masters, at)))
	}
	k.disk(&old.disk)
	k.addresses()
	d.names, d.logged, d.lookups, d.guarded = emptied(old.names), emptied(old.logged), emptied(old.lookups), emptied(old.guarded)
	maps.Copy(d.names, c.names)
	maps.Copy(d.logged, c.logged)
	maps.Copy(d.lookups, c.lookups)
	maps.Copy(d.guarded, c.guarded)
}

func emptied[M ~map[K]V, K comparable, V any](m M) M {
	if m == nil {
		return make(M)
	}
	clear(m)
	return m
}

// reused returns the memory at a place of a list, or new one.
func reused[T any](old []*T, at int) *T {
	if at < len(old) {
		return old[at]
	}
	return new(T)
}

type cloner struct{ from, to *Core }

// timer gives a timer that was copied with its owner the same entry in the heap
// as the original. Between two steps no timer is in the queue.
func (k *cloner) timer(t *timer, owner timerOwner) {
	t.owner = owner
	if t.pos >= 0 {
		k.to.timers.items[t.pos].timer = t
	}
}

func (k *cloner) master(from, m *master) *master {
	replicas, peers, link, distant, gone, calls := m.replicas, m.peers, m.link, m.distant, m.forgotten, m.inquiry.calls
	orders, awaited, fences, former := m.policy.calls, m.awaited, m.fences, m.exMasters
	buried := m.tombstones
	*m = *from
	m.awaited = append(awaited[:0], from.awaited...)
	m.tombstones = append(buried[:0], from.tombstones...)
	m.distant = append(distant[:0], from.distant...)
	m.inquiry.calls = append(calls[:0], from.inquiry.calls...)
	m.policy.calls = append(orders[:0], from.policy.calls...)
	m.forgotten = forgotten{
		append(gone.replicas[:0], from.forgotten.replicas...),
		append(gone.peers[:0], from.forgotten.peers...),
		append(gone.distant[:0], from.forgotten.distant...),
	}
	m.fences = fences[:0]
	for at, f := range from.fences {
		n := reused(fences, at)
		*n = *f
		n.m = m
		m.fences = append(m.fences, n)
		if n.open() {
			k.to.fences[n.id] = n
		}
	}
	m.exMasters = former[:0]
	for at, e := range from.exMasters {
		n := reused(former, at)
		*n = *e
		m.exMasters = append(m.exMasters, n)
	}
	k.instance(&m.instance, m, m, link)
	k.timer(&m.judge, m)
	m.replicas = replicas[:0]
	for at, r := range from.replicas {
		n := reused(replicas, at)
		link := n.link
		*n = *r
		k.instance(&n.instance, m, n, link)
		m.replicas = append(m.replicas, n)
		if r == from.promoted {
			m.promoted = n
		}
	}
	m.peers = peers[:0]
	for at, p := range from.peers {
		n := reused(peers, at)
		link := n.link
		*n = *p
		k.instance(&n.instance, m, n, link)
		m.peers = append(m.peers, n)
		k.to.peerLinks[n.runID] = n.link
	}
	k.to.byName[m.cfg.Name] = m
	return m
}

// instance makes the copy i of an instance a member of the new core. old is the
// link that used to be in its place.
func (k *cloner) instance(i *instance, m *master, self member, old *link) {
	i.master = m
	k.timer(&i.timer, periodic{i})
	i.link = k.link(i.link, i, old)
	k.to.members[i.id] = self
}

// link returns the copy of a link, which i owns, too.
func (k *cloner) link(from *link, i *instance, old *link) *link {
	at := -1
	var l *link
	for place, o := range from.owners {
		if o.id == i.id {
			at = place
		} else if n := k.to.members[o.id]; n != nil {
			l = n.base().link // an owner that was copied before has it
		}
	}
	if l != nil {
		l.owners[at] = i
		return l
	}
	// Several instances may have shared the old link; the first of its owners
	// reuses it.
	var owners []*instance
	var troubles []trouble
	if l = old; l == nil || len(l.owners) == 0 || l.owners[0] != i {
		l = new(link)
	} else {
		owners, troubles = l.owners[:0], l.troubles[:0]
	}
	*l = *from
	l.troubles = append(troubles, from.troubles...)
	l.owners = slices.Grow(owners, len(from.owners))[:len(from.owners)]
	clear(l.owners)
	l.owners[at] = i
	k.timer(&l.timer, l)
	for _, id := range []ConnID{l.cmd.id, l.pubsub.id} {
		if id != 0 {
			k.to.conns[id] = l
		}
	}
	return l
}

func (k *cloner) disk(old *disk) {
	d := &k.to.disk
	d.gated = append(old.gated[:0], d.gated...)
	if from := d.inFlight; from != nil {
		p := old.inFlight
		if p == nil {
			p = new(Persist)
		}
		then := p.Then[:0]
		*p = *from
		p.Then = append(then, from.Then...)
		d.inFlight = p
	}
	d.waiting = old.waiting[:0]
	for _, m := range k.from.disk.waiting {
		d.waiting = append(d.waiting, k.to.byName[m.cfg.Name])
	}
}

// addresses copies the index: of several masters at one address the same one is
// found.
func (k *cloner) addresses() {
	for _, m := range k.from.masters {
		for key := range addrKeys(m.addr) {
			k.to.byAddr[key] = k.to.byName[k.from.byAddr[key].cfg.Name]
		}
	}
}
