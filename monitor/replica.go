package monitor

import (
	"slices"
	"time"
)

// replica is a replica of a monitored master.
type replica struct {
	instance
	masterLinkDown time.Duration
	masterLinkUp   bool
	loading        bool
	syncing        bool // a full resynchronisation is under way
	masterHost     string
	masterPort     int
	priority       int
	offset         uint64
	announced      bool
	rank           int    // in the order that the policy wants; 0: it has said nothing
	inSync         bool   // its data were those of the master when both were seen, see noteSync
	linkedAs       string // the history that it had when its link to the master was up last, see noteLink
	applied        applied
	confChange     Instant // when its reported master changed, or its role became replica
	reconfSentAt   Instant
	foundSo        bool     // its role and master were in the first INFO of a connection
	linkedTo       HostPort // where the master was to which its link was up last, while it was connected here
	listedAt       Instant  // when it was down and its master named it last; 0: never
	recheckAt      Instant  // when INFO is asked for once more before it is corrected; 0: not planned
}

func (r *replica) base() *instance { return &r.instance }

// addReplica adds a replica with the given link, or with a new one when l is
// nil. It returns nil when the address cannot be one of a replica of m.
func (c *Core) addReplica(now Instant, m *master, addr Addr, l *link) *replica {
	if addr.Port < 0 || addr.Port > 65535 || addr.Same(m.addr) || m.replicaAt(addr) != nil {
		return nil
	}
	if len(m.replicas) >= maxReplicas {
		c.logOnce("replicas:"+m.cfg.Name, LevelWarning, "Master "+m.cfg.Name+" reports too many replicas; the others are ignored")
		return nil
	}
	r := &replica{priority: 100, announced: true, confChange: now}
	c.initInstance(now, &r.instance, KindReplica, c.shown(addr).String(), m, addr, m.downAfter)
	if l == nil {
		l = c.newLink(now, true)
	}
	m.replicas = append(m.replicas, r)
	c.register(r, l)
	if !r.isOnThisHost() {
		c.warnLoopback(m, addr)
	}
	return r
}

func (m *master) replicaAt(addr Addr) *replica {
	for _, r := range m.replicas {
		if r.addr.Same(addr) {
			return r
		}
	}
	return nil
}

func (c *Core) removeReplica(r *replica) {
	m := r.master
	m.replicas = slices.DeleteFunc(m.replicas, func(o *replica) bool { return o == r })
	c.dropReplica(r)
	c.touch(m)
	c.changed()
}

func (c *Core) dropReplica(r *replica) {
	c.unregister(&r.instance)
	c.detach(r.link, &r.instance)
}
