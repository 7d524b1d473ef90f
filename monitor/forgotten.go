package monitor

import (
	"slices"
	"strconv"
	"time"

	"github.com/gosentinel/sentinel/event"
)

// forgotten are the members that a SENTINEL RESET took away. Nobody names them again
// while the master is silent, and without them it is never failed over. So they are
// remembered until it answers INFO, and come back if it goes down before. Only those
// that had answered lately: the others are what a RESET is for.
type forgotten struct {
	replicas []Addr
	peers    []KnownSentinel
	distant  []distant // they give no votes, but are voters
}

// awaited is a Sentinel that a RESET took away although it had answered lately, or one that
// has taken the place of another. It is
// a voter until it is heard again, or would have been: an operator's failover in the
// first seconds would be elected by the few that are known by then, beside another.
type awaited struct {
	id            RunID
	until         Instant
	toldDownAfter time.Duration // what it said then, and will hardly say anew before it has to be known
}

// stillAwaited is how many of them are not known again.
func (m *master) stillAwaited() (n int) {
	for _, a := range m.awaited {
		if m.peerByID(a.id) == nil && !m.isUnreachable(a.id) {
			n++
		}
	}
	return n
}

// expireAwaited forgets those that are known again, or were not heard in time.
func (c *Core) expireAwaited(now Instant, m *master) Instant {
	m.awaited = slices.DeleteFunc(m.awaited, func(a awaited) bool {
		return now >= a.until || m.peerByID(a.id) != nil || m.isUnreachable(a.id)
	})
	next := Never
	for _, a := range m.awaited {
		next = min(next, a.until)
	}
	return next
}

// await has those of f count as voters for three hello periods.
func (c *Core) await(now Instant, m *master, f *forgotten) {
	until := now.Add(3 * c.tun.PublishPeriod)
	ids := make([]awaited, 0, len(f.peers)+len(f.distant))
	for _, p := range f.peers {
		ids = append(ids, awaited{p.ID, until, m.peerByID(p.ID).toldDownAfter})
	}
	for _, d := range f.distant {
		ids = append(ids, awaited{id: d.id, until: until})
	}
	m.awaited = first(maxSentinels, append(ids, m.awaited...))
}

// resetPause is for how long a RESET is seen to have emptied the lists: what it
// forgot is learned again no sooner than a tick of stock Sentinels ends.
const resetPause = 100 * time.Millisecond

// forget remembers the members of m that a RESET is going to take away, beside those
// of a RESET before it.
func (c *Core) forget(now Instant, m *master) {
	var f forgotten
	for _, r := range m.replicas {
		// While the master is down it names none, and an operator who repeats RESET would
		// take them all away, one after the other.
		if c.answeredLately(now, &r.instance) || m.has(FlagSDown) {
			f.replicas = append(f.replicas, r.addr)
		}
	}
	for _, p := range m.peers {
		if c.answeredLately(now, &p.instance) {
			f.peers = append(f.peers, KnownSentinel{Addr: p.addr, ID: p.runID})
		}
	}
	for _, d := range m.distant {
		if now < d.heard.Add(3*c.tun.PublishPeriod) {
			f.distant = append(f.distant, d)
		}
	}
	c.await(now, m, &f)
	was := m.forgotten
	m.forgotten = forgotten{
		replicas: first(maxReplicas, append(f.replicas, was.replicas...)),
		peers:    first(maxSentinels, append(f.peers, was.peers...)),
		distant:  first(maxSentinels, append(f.distant, was.distant...)),
	}
}

func first[T any](n int, list []T) []T { return list[:min(n, len(list))] }

func (c *Core) answeredLately(now Instant, i *instance) bool {
	return i.link.connected() && !i.has(FlagSDown) && now.Sub(i.link.lastAvail) <= 5*c.tun.PingPeriod
}

// bringBack gives back what a RESET has taken away from a master that is down.
func (c *Core) bringBack(now Instant, m *master) {
	f := m.forgotten
	m.forgotten = forgotten{}
	replicas, peers := len(m.replicas), len(m.peers)
	for _, a := range f.replicas {
		if r := c.addReplica(now, m, a, nil); r != nil {
			c.emit(&r.instance, event.ReplicaAdded{Instance: c.ref(&r.instance)})
		}
	}
	for _, k := range f.peers {
		if m.peerByID(k.ID) != nil || m.peerAt(k.Addr) != nil {
			continue
		}
		if p := c.addPeer(now, m, k.Addr, k.ID); p != nil {
			c.emit(&p.instance, event.SentinelAdded{Instance: c.ref(&p.instance)})
		}
	}
	for _, d := range f.distant {
		if m.peerByID(d.id) == nil && !m.isUnreachable(d.id) && len(m.peers)+len(m.distant) < maxSentinels {
			m.distant = append(m.distant, d)
		}
	}
	replicas, peers = len(m.replicas)-replicas, len(m.peers)-peers
	if replicas+peers == 0 {
		return
	}
	c.log(LevelNotice, "Master "+m.cfg.Name+" was silent since SENTINEL RESET: "+strconv.Itoa(replicas)+" replicas and "+
		strconv.Itoa(peers)+" Sentinels that had answered lately are kept")
	c.changed()
}
