package sim

import (
	"fmt"
	"slices"

	"github.com/gosentinel/sentinel/monitor"
)

// swapFaults give the address of a server to one of another group, as when pods are
// started anew. Only replicas swap that nobody follows: those of a server whose address has
// passed to another group fill themselves from that, whatever Sentinels do.
var swapFaults = []kind{
	{"swap-addresses", "swap", func(w *world, f Fault) (string, func()) {
		a, b := w.server(f.A), w.server(f.B)
		for k := 0; k < len(w.servers) && b.group == a.group; k++ {
			b = w.server(f.B + k)
		}
		if b.group == a.group || !w.mayMove(a) || !w.mayMove(b) || w.opts.Stock > 0 {
			return "no two replicas can swap their addresses", nil
		}
		a.swap(b)
		return fmt.Sprintf("%s and %s swap their addresses", a.name, b.name), nil
	}},
}

// mayMove reports whether nobody fills itself from what is at the address of s next, and s can
// be known for what it is: one that starts from an append only file, or with nothing, does not
// say whose data it has or had. Nor does one that has not been in sync since its start, and is
// started once more (state-machine.md §2.5, Foreign nodes).
func (w *world) mayMove(s *server) bool {
	return s.storage.kind == snapshots && s.role == monitor.RoleReplica && s.linkUp && !slices.ContainsFunc(w.servers, func(o *server) bool { return o.following == s.addr })
}

// swap starts two servers anew at the address of each other, with their data, for good.
func (s *server) swap(o *server) {
	s.crash(false)
	o.crash(false)
	s.addr, o.addr = o.addr, s.addr
	s.w.net.listeners[s.addr], s.w.net.listeners[o.addr] = s, o
	s.movedAt, o.movedAt = s.w.now, s.w.now
	s.start(loseNothing)
	o.start(loseNothing)
}

// keepsAway checks an order to change a role to a server whose address has passed to
// another group: it has said of which, by its data and by whom it follows (Foreign).
func (k *checker) keepsAway(n *node, s monitor.Send, c *conn) {
	r, ok := k.w.net.listeners[c.addr].(*server)
	name := n.core.MasterOf(s.Token.Instance)
	if !ok || r.group.name == name || r.movedAt == 0 {
		return
	}
	other, ok := n.core.Master(k.w.now, r.group.name)
	h, ours, theirs := n.seen.infos[c.addr], n.seen.master(name).lineage, n.seen.master(r.group.name).lineage
	if !ok || h.info == nil || h.at <= r.movedAt || ours == nil || theirs == nil || !ours.keys {
		return
	}
	k.stranger(n, name, r, h.info, ours, theirs, other.Addr)
}

// stranger checks that a server is not given a role in a group although it says that it
// follows the master of its own, which is at an address, and has the data of that.
func (k *checker) stranger(n *node, name string, r *server, is *monitor.Info, ours, theirs *lineage, at monitor.HostPort) {
	k.looked[Foreign]++
	if is.Role == monitor.RoleReplica && !ours.knows(is.ReplID) && theirs.id == is.ReplID && at == (monitor.HostPort{Host: is.MasterHost, Port: is.MasterPort}) {
		k.fail(n.name, Foreign, "%s, of %s, was given a role in %s", r.name, r.group.name, name)
	}
}
