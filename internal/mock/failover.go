package mock

import (
	"fmt"
	"strconv"
)

// failover does what an unplanned or requested failover looks like from outside:
// the roles change, every living Sentinel tells each event in the order of
// wire.md §6, and the clients of the old master are cut.
func (m *Mock) failover(to *node) {
	f := m.beginFailover(to)
	for _, n := range m.nodes { // the Sentinels may name an address that is nobody's
		if f.old == nil && !n.Sentinel && n != to && n.redis.of == nil {
			f.old = n
		}
	}
	if f.old == nil {
		return
	}
	f.tellElection()
	to.redis.obey(nil)
	f.tell("+promoted-slave", f.replica(to, f.old))
	f.tell("+failover-state-reconf-slaves", f.master())
	others := m.redirect(f.old, to)
	for _, n := range others {
		if n != f.old {
			f.tell("+slave-reconf-sent", f.replica(n, f.old))
			f.tell("+slave-reconf-inprog", f.replica(n, f.old))
			f.tell("+slave-reconf-done", f.replica(n, f.old))
		}
	}
	f.tell("+failover-end", f.master())
	m.mu.Lock()
	for _, v := range f.living {
		v.master, v.nobody, v.epoch = to, false, f.epoch
	}
	m.mu.Unlock()
	f.tell("+switch-master", fmt.Sprintf("%s %s %d %s %d", f.name, f.old.host, f.old.port, to.host, to.port))
	for _, n := range others {
		f.tell("+slave", f.replica(n, to))
	}
	m.opt.Log("failover from " + f.old.addr() + " to " + to.addr())
	f.old.redis.cut()
}

// failover is one that goes on.
type failover struct {
	name    string // of the master, as Sentinels know it
	epoch   int64
	living  []*sentinel // they tell of it
	old, to *node       // old is nil when there is nobody to replace
}

// beginFailover begins an epoch, and finds out whom the Sentinels take for the master.
func (m *Mock) beginFailover(to *node) failover {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch++
	f := failover{name: m.script.Master, epoch: m.epoch, to: to}
	for _, n := range m.nodes {
		if n.Sentinel && n.up {
			f.living = append(f.living, &n.voice)
		}
	}
	for _, v := range f.living {
		if f.old == nil && v.master != to {
			f.old = v.master
		}
	}
	return f
}

// redirect makes those follow a new master who followed the old one, and the old one
// too. It returns them.
func (m *Mock) redirect(old, to *node) (others []*node) {
	for _, n := range m.nodes {
		if !n.Sentinel && n != to && (n == old || n.redis.of == old) {
			others = append(others, n)
			if !n.redis.dead { // which comes back as what it was
				n.redis.obey(to)
			}
		}
	}
	return others
}

// tellElection tells what comes before the promotion.
func (f *failover) tellElection() {
	if f.old.redis.dead || f.old.redis.frozen {
		f.tell("+sdown", f.master())
		f.tell("+odown", f.master()+fmt.Sprintf(" #quorum %d/2", max(2, len(f.living))))
	}
	f.tell("+new-epoch", strconv.FormatInt(f.epoch, 10))
	for _, channel := range []string{"+try-failover", "+elected-leader", "+failover-state-select-slave"} {
		f.tell(channel, f.master())
	}
	for _, channel := range []string{"+selected-slave", "+failover-state-send-slaveof-noone", "+failover-state-wait-promotion"} {
		f.tell(channel, f.replica(f.to, f.old))
	}
}

func (f *failover) tell(channel, text string) {
	for _, v := range f.living {
		v.publish(channel, text)
	}
}

// master names the old master as events do.
func (f *failover) master() string {
	return fmt.Sprintf("master %s %s %d", f.name, f.old.host, f.old.port)
}

// replica names a replica of a server as events do.
func (f *failover) replica(n, of *node) string {
	return fmt.Sprintf("slave %s %s %d @ %s %s %d", n.addr(), n.host, n.port, f.name, of.host, of.port)
}
