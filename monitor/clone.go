package monitor

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// Clone returns a second core in the same state: both answer the same inputs
// with the same effects from now on, and neither notices what happens to the
// other. A model checker goes several ways from one state with it. Each core has
// its own [Persist] of a write under way, see [Core.InFlight].
func (c *Core) Clone() *Core {
	d := *c
	source := *c.source
	d.source, d.rng = &source, rand.New(&source)
	k := cloner{from: c, to: &d, links: make(map[*link]*link, 2*len(c.members))}
	d.byName = make(map[string]*master, len(c.masters))
	d.byAddr = make(map[string]*master, len(c.byAddr))
	d.members = make(map[InstanceID]member, len(c.members))
	d.peerLinks = make(map[RunID]*link, len(c.peerLinks))
	d.conns = make(map[ConnID]*link, len(c.conns))
	d.timers.items = make([]*timer, len(c.timers.items))
	d.queue, d.out = nil, slices.Clone(c.out)
	k.timer(&d.conflict.timer, &d.conflict)
	d.masters = make([]*master, 0, len(c.masters))
	for _, m := range c.masters {
		d.masters = append(d.masters, k.master(m))
	}
	k.disk()
	k.addresses()
	d.owns, d.names, d.logged = slices.Clone(c.owns), maps.Clone(c.names), maps.Clone(c.logged)
	d.lookups = maps.Clone(c.lookups)
	return &d
}

// cloner knows what has been copied already: several instances share a link.
type cloner struct {
	from, to *Core
	links    map[*link]*link
}

// timer gives a timer that was copied with its owner the place in the heap that
// the original has.
func (k *cloner) timer(t *timer, owner timed) {
	t.owner = owner
	if t.pos >= 0 {
		k.to.timers.items[t.pos] = t
	}
}

func (k *cloner) master(old *master) *master {
	m := new(master)
	*m = *old
	k.instance(&m.instance, m, m)
	k.timer(&m.judge, m)
	m.replicas = make([]*replica, 0, len(old.replicas))
	for _, r := range old.replicas {
		n := new(replica)
		*n = *r
		k.instance(&n.instance, m, n)
		m.replicas = append(m.replicas, n)
		if r == old.promoted {
			m.promoted = n
		}
	}
	m.peers = make([]*peer, 0, len(old.peers))
	for _, p := range old.peers {
		n := new(peer)
		*n = *p
		k.instance(&n.instance, m, n)
		m.peers = append(m.peers, n)
		k.to.peerLinks[n.runID] = n.link
	}
	k.to.byName[m.cfg.Name] = m
	return m
}

// instance makes the copy i of an instance a member of the new core.
func (k *cloner) instance(i *instance, m *master, self member) {
	i.master = m
	k.to.members[i.id] = self
	k.timer(&i.timer, periodic{i})
	i.link = k.link(i.link, i)
}

// link returns the copy of a link, which i owns, too.
func (k *cloner) link(old *link, i *instance) *link {
	l := k.links[old]
	if l == nil {
		l = new(link)
		*l = *old
		l.owners = make([]*instance, len(old.owners))
		k.links[old] = l
		k.timer(&l.timer, l)
		for _, id := range []ConnID{l.cmd.id, l.pubsub.id} {
			if id != 0 {
				k.to.conns[id] = l
			}
		}
	}
	at := slices.IndexFunc(old.owners, func(o *instance) bool { return o.id == i.id })
	l.owners[at] = i
	return l
}

func (k *cloner) disk() {
	d := &k.to.disk
	d.gated = slices.Clone(d.gated)
	if d.inFlight != nil {
		p := *d.inFlight
		p.Then = slices.Clone(p.Then)
		d.inFlight = &p
	}
	d.waiting = nil
	for _, m := range k.from.disk.waiting {
		if n := k.to.byName[m.cfg.Name]; n != nil {
			d.waiting = append(d.waiting, n)
		}
	}
}

// addresses keeps which of the masters at one address is found by it.
func (k *cloner) addresses() {
	for _, m := range k.from.masters {
		for _, key := range addrKeys(m.addr) {
			k.to.byAddr[key] = k.to.byName[k.from.byAddr[key].cfg.Name]
		}
	}
}
