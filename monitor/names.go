package monitor

import (
	"errors"
	"slices"
	"time"

	"github.com/gosentinel/sentinel/internal/valid"
)

// maxNames bounds the host names whose addresses are cached: names come from the
// network.
const maxNames = 4096

// resolve asks for the address of a host name. The last known address stays in
// use until there is a better one.
func (c *Core) resolve(i *instance) { c.lookUp(i.addr.Host, i) }

// lookUp asks for the address of a host name on behalf of i. A name is asked for
// once at a time: a name server that does not answer holds nothing up.
func (c *Core) lookUp(host string, i *instance) {
	if !c.isName(host) {
		return
	}
	waiting, asked := c.lookups[host]
	if !slices.Contains(waiting, i.id) {
		c.lookups[host] = slices.Clip(append(waiting, i.id)) // a clone shares what is there
	}
	if !asked {
		c.free(Resolve{Host: host})
	}
}

// isName reports whether a host has to be looked up.
func (c *Core) isName(host string) bool {
	if !c.opts.ResolveHostnames || host == "" {
		return false
	}
	_, literal := IPAddr(host, 0)
	return !literal
}

func (c *Core) resolving(host string) bool {
	_, asked := c.lookups[host]
	return asked
}

func (c *Core) resolved(now Instant, in Resolved) {
	waiting := c.lookups[in.Host]
	delete(c.lookups, in.Host)
	if len(in.IPs) == 0 { // keep what was dialled meanwhile
		c.unresolved(now, in.Host, waiting)
		return
	}
	delete(c.logged, "resolve:"+in.Host)
	ips, changed := c.remember(now, in.Host, in.IPs)
	for _, id := range waiting {
		if mem := c.members[id]; mem != nil {
			c.heedLookup(now, mem, in.Host, ips, changed)
		}
	}
	for _, id := range waiting {
		if mem := c.members[id]; mem != nil {
			mem.base().link.cmd.unconfirmed, mem.base().link.pubsub.unconfirmed = false, false
		}
	}
}

// unresolved tells that a name has no address. A server without an earlier address
// cannot be reached.
func (c *Core) unresolved(now Instant, host string, waiting []InstanceID) {
	c.logOnce("resolve:"+host, LevelWarning, "Failed to resolve hostname '"+host+"'")
	for _, id := range waiting {
		if mem := c.members[id]; mem != nil && mem.base().addr.IP == "" {
			c.note(now, mem.base().link, trouble{step: StepConnect, cause: CauseName, told: true, text: "its name " + host + " does not resolve"})
		}
	}
}

// heedLookup has a member act on what was found for a name.
func (c *Core) heedLookup(now Instant, mem member, host string, ips nameAddrs, changed bool) {
	i := mem.base()
	if i.addr.Host != host {
		// A replica that the master named, see discoverReplicas.
		if m, ok := mem.(*master); ok && m.info != nil {
			c.discoverReplicas(now, m, m.info)
			c.touch(m)
		}
		return
	}
	// An address that the name still has is kept: a resolver may rotate its
	// answers, and what works must not move with them.
	moved := !slices.Contains(ips, i.addr.IP)
	if moved && c.doubted(i) {
		i.link.cmd.unconfirmed, i.link.pubsub.unconfirmed = true, true
	}
	if moved && i.link.cmd.up && !i.link.cmd.unconfirmed {
		// That server is alive and what it should be, and DNS may err.
		c.logOnce("moved:"+i.name+" "+ips[0], LevelNotice, host+" has the address "+ips[0]+" now, but the server at "+
			i.addr.IP+" answers and stays in use while it does")
		return
	}
	if moved && i.addr.IP != "" {
		r := c.ref(i)
		c.log(LevelNotice, string(r.AppendText(nil))+" moves: "+host+" has the address "+ips[0]+" now, not "+i.addr.IP)
	}
	gone := false
	if moved {
		gone = c.moveTo(mem, ips[0])
	} else {
		gone = c.mergeSame(mem)
	}
	if !gone && (moved || (changed && len(ips) > 1)) {
		c.redialResolved(i.link, &i.link.cmd, moved)
		c.redialResolved(i.link, &i.link.pubsub, moved)
	}
}

// hostName is what is known of a name.
type hostName struct {
	ips      nameAddrs
	answered Instant // last answer of the resolver
	changed  Instant // when the preferred address became what it is
}

// remember keeps the addresses of a name and returns them with the preferred one
// first: the one that was preferred before, if the name still has it. changed
// says that there are others than before.
func (c *Core) remember(now Instant, host string, ips nameAddrs) (list nameAddrs, changed bool) {
	list = slices.Clip(slices.Clone(ips[:min(len(ips), maxAddrs)]))
	n, known := c.names[host]
	old := n.ips
	switch {
	case known:
		list = list.preferring(old[0])
	case len(c.names) >= maxNames:
		return list, false
	}
	n.answered = now
	if !known || list[0] != old[0] {
		n.changed = now
	}
	n.ips = list
	c.names[host] = n
	for _, ip := range list {
		changed = changed || !slices.Contains(old, ip)
	}
	return list, changed || len(list) != len(old)
}

// namePeriod is how often a name is looked up while nothing calls for it, so that
// what is said about it, in files and by other servers, is understood. Each name
// has its own time, and half a period of it is random.
const namePeriod = time.Minute

func (c *Core) lookUpIfDue(now Instant, i *instance) Instant {
	if !c.isName(i.addr.Host) {
		return Never
	}
	if now >= i.lookUpDue {
		if i.lookUpDue != 0 {
			c.resolve(i)
		}
		i.lookUpDue = now.Add(namePeriod/2 + c.random(namePeriod))
		if now < i.doubtUntil {
			i.lookUpDue = now.Add(doubtPeriod)
		}
	}
	return i.lookUpDue
}

// A resolver keeps what it has found for a while, so that its first answer may be
// from before a name moved. For doubtWindow it is asked again.
const (
	doubtPeriod = 5 * time.Second
	doubtWindow = 30 * time.Second
)

// doubt looks a name up because the server behind it is not what was expected. If
// it has moved, the connections follow.
func (c *Core) doubt(i *instance) {
	if c.isName(i.addr.Host) {
		i.doubtUntil, i.lookUpDue = c.now.Add(doubtWindow), c.now.Add(doubtPeriod)
		c.resolve(i)
		c.wake(i)
	}
}

// doubted reports whether the server behind a name may be another one than expected.
func (c *Core) doubted(i *instance) bool { return c.now < i.doubtUntil || !c.asExpected(i) }

var errNamesOff = errors.New("host names are not resolved here: set 'sentinel resolve-hostnames yes'")

// addrOf makes an address of a host that INFO or a hello message reports, or says
// why it is none.
func (c *Core) addrOf(host string, port int) (Addr, error) {
	if err := valid.Announced(host); err != nil {
		return Addr{}, err
	}
	if a, literal := IPAddr(host, port); literal {
		return a, nil
	}
	if !c.opts.ResolveHostnames {
		return Addr{}, errNamesOff
	}
	a := Addr{Host: host, Port: port}
	if ips := c.names[host].ips; len(ips) > 0 {
		a.IP = ips[0]
	}
	return a, nil
}
