package gossip

import (
	"errors"

	"github.com/hashicorp/memberlist"

	"github.com/gosentinel/sentinel/monitor"
)

// delegate is what memberlist calls. All methods but NotifyMsg are called with
// a lock of memberlist held, so none may call memberlist or wait for the core.
type delegate struct{ t *Transport }

// NotifyMsg takes a packet of a session. It is authenticated.
func (d delegate) NotifyMsg(b []byte) {
	t := d.t
	now := t.cfg.Now()
	t.mu.Lock()
	inputs, err := t.session.Receive(now, b)
	t.mu.Unlock()
	if err != nil {
		return // counted
	}
	t.Flush() // confirmations are due
	for _, in := range inputs {
		t.cfg.Deliver(now, in)
	}
}

var errNotKnown = errors.New("the core does not know it")

// NotifyAlive rejects nodes that the core does not know: membership must not be
// a way to become a voter, or to fill the memory.
func (d delegate) NotifyAlive(n *memberlist.Node) error {
	d.t.mu.Lock()
	defer d.t.mu.Unlock()
	id := monitor.RunID(n.Name)
	if id == d.t.cfg.ID {
		return nil
	}
	if d.t.peers[id] != nil {
		d.t.hadPeer = true
		return nil
	}
	return errNotKnown
}

// NotifyJoin implements [memberlist.EventDelegate].
func (d delegate) NotifyJoin(n *memberlist.Node) { d.t.changed(n.Name, true) }

// NotifyLeave implements [memberlist.EventDelegate].
func (d delegate) NotifyLeave(n *memberlist.Node) { d.t.changed(n.Name, false) }

// NotifyUpdate implements [memberlist.EventDelegate].
func (d delegate) NotifyUpdate(*memberlist.Node) {}

// changed handles that memberlist has found or lost a node.
func (t *Transport) changed(name string, alive bool) {
	id := monitor.RunID(name)
	if id == t.cfg.ID {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended || t.peers[id] == nil || t.session.Alive(id) == alive {
		return
	}
	now := t.cfg.Now()
	t.session.SetAlive(id, alive)
	select {
	case t.notices <- notice{now, monitor.PeerLiveness{ID: id, Alive: alive}}:
	default:
		t.missed++
	}
	word := "lost"
	if alive {
		word = "up"
	}
	t.cfg.Log(monitor.LevelVerbose, "Gossip with Sentinel "+name+" is "+word)
	t.Flush()
}

// NodeMeta implements [memberlist.Delegate]. There is no data of nodes, no
// broadcast, and no state in the exchange of members.
func (delegate) NodeMeta(int) []byte { return nil }

// GetBroadcasts implements [memberlist.Delegate].
func (delegate) GetBroadcasts(int, int) [][]byte { return nil }

// LocalState implements [memberlist.Delegate].
func (delegate) LocalState(bool) []byte { return nil }

// MergeRemoteState implements [memberlist.Delegate].
func (delegate) MergeRemoteState([]byte, bool) {}

var (
	_ memberlist.Delegate      = delegate{}
	_ memberlist.EventDelegate = delegate{}
	_ memberlist.AliveDelegate = delegate{}
)
