package monitor

import (
	"time"
)

// Bounds on what the network can make a Sentinel remember. Otherwise any client
// that can publish on a monitored server could fill the memory with invented
// members.
const (
	maxReplicas  = 4096
	maxSentinels = 1024
)

// instance is what masters, replicas and Sentinels have in common
// (state-machine.md §1.2, Instance).
type instance struct {
	id         InstanceID
	kind       Kind
	name       string // master name, replica address at creation, Sentinel run id
	master     *master
	addr       Addr
	link       *link
	runID      RunID
	runIDSince Instant // when it was heard first
	flags      Flags   // only flags that are state; instanceView adds the derived ones
	downAfter  time.Duration

	sdownSince, odownSince Instant

	lookUpDue    Instant // of its name; 0 before the first time
	doubtUntil   Instant // until then what is found for its name is believed, see doubt; 0: no doubt
	helloDue     Instant
	helloPending bool

	info         *Info
	infoRefresh  Instant // last INFO reply; 0: never
	infoAsked    Instant // when that was asked for: a process that stands still takes it in later
	infoSent     Instant // last INFO request
	infoSlot     Instant // of the next one, see hurry
	infoSeq      uint64  // token of the last reply to INFO that was no error
	infoPending  bool
	role         Role
	roleSince    Instant
	slaveofSeq   uint64  // token of the role change in flight, 0 when none
	orderSeq     uint64  // token of the last role change that the server was told
	slaveofLost  bool    // the connection went down before its outcome was known
	slaveofError string  // last refusal, so that each is logged once
	refusedAt    Instant // when the last role change was refused; 0: it was not
	refusesUntil Instant // until then it is expected to refuse a promotion again; 0: not

	belonging // what is known of the group to which it belongs

	timer timer
}

func (i *instance) has(f Flags) bool { return i.flags&f != 0 }
func (i *instance) set(f Flags)      { i.flags |= f }
func (i *instance) clear(f Flags)    { i.flags &^= f }

// member is implemented by the three kinds of instance.
type member interface{ base() *instance }

// ref describes an instance for an event, as it is now.
func (c *Core) ref(i *instance) Instance {
	r := Instance{Kind: i.kind, Name: i.name, Addr: c.shown(i.addr)}
	if i.kind != KindMaster {
		r.Master, r.MasterAddr = i.master.cfg.Name, c.shown(i.master.addr)
	}
	return r
}

func (c *Core) shown(a Addr) HostPort {
	return HostPort{Host: a.Shown(c.opts.AnnounceHostnames), Port: a.Port}
}

func (c *Core) initInstance(now Instant, i *instance, kind Kind, name string, m *master, addr Addr, downAfter time.Duration) {
	c.lastInstance++
	*i = instance{
		id: c.lastInstance, kind: kind, name: name, master: m, addr: addr, downAfter: downAfter,
		role: RoleReplica, roleSince: now, helloDue: now,
	}
	switch kind {
	case KindMaster:
		i.role = RoleMaster
	case KindSentinel:
		i.role = RoleNone
	}
}

func (c *Core) register(mem member, l *link) {
	i := mem.base()
	c.members[i.id] = mem
	i.master.outdated()
	c.initTimer(&i.timer, periodic{i})
	c.attach(l, i)
	c.resolve(i)
	c.wake(i)
}

func (c *Core) unregister(i *instance) {
	delete(c.members, i.id)
	c.forgetGuards(i)
	i.master.outdated()
	c.stopTimer(&i.timer)
}
