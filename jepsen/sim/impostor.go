package sim

import (
	"fmt"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// nowhere is an address that some Sentinels announce and that none can be reached at.
const nowhere = "0.0.0.0"

// impostorFaults are hellos that do not say where their Sentinel is: of strangers that
// may PUBLISH on a server, and of Sentinels with a wrong announce-ip. What they can do
// to stock Sentinels is not looked at.
var impostorFaults = []kind{
	{"announce-nowhere", "impostor", func(w *world, f Fault) (string, func()) {
		n := w.real(f.A)
		if n == nil || w.opts.Stock > 0 {
			return "no real Sentinel to announce a wrong address, or stock ones are there", nil
		}
		n.nowhere = true
		return n.name + " announces " + nowhere, func() { n.nowhere = false }
	}},
	{"impostor", "impostor", func(w *world, f Fault) (string, func()) {
		s, victim := w.server(f.A), w.node(f.B).base()
		if w.opts.Stock > 0 {
			return "no stranger comes where stock Sentinels are", nil
		}
		h := monitor.Hello{IP: victim.addr.Host, Port: victim.addr.Port, RunID: victim.id, MasterName: s.group.name}
		text := fmt.Sprintf("a stranger says on %s that %s is", s.name, victim.name)
		switch other := w.node(f.A + f.B + 1).base(); f.B / 8 % 3 {
		case 0:
			h.IP = fmt.Sprintf("10.9.9.%d", 1+f.A)
			text += " at " + h.IP
		case 1:
			h.IP, h.Port = other.addr.Host, other.addr.Port
			text += " where " + other.name + " is"
		default:
			h.MasterName, h.CurrentEpoch, h.ConfigEpoch = w.group(s.group.index+1).name, 1000, 1000
			text += fmt.Sprintf(" sure of another address of %s", h.MasterName)
			if len(w.groups) == 1 {
				return "there is no other master to lie about", nil
			}
		}
		h.MasterIP, h.MasterPort = s.addr.Host, s.addr.Port
		w.forge(s, h, w.now.Add(max(f.D, 10*time.Second)))
		return text, nil
	}},
}

// hidden counts the Sentinels that announce nowhere. Where strangers are, it is not
// known which of those that nobody reaches there are.
func (w *world) hidden() (count int) {
	for _, n := range w.nodes {
		if n.base().nowhere && w.forged == nil {
			count++
		}
	}
	return count
}

// forge publishes a hello again and again.
func (w *world) forge(s *server, h monitor.Hello, until Instant) {
	if w.healed || w.now > until {
		return
	}
	if w.forged == nil {
		w.forged = map[monitor.Hello]bool{}
	}
	w.forged[h] = true
	if !s.dead {
		s.publish(w.encoded(h))
	}
	w.after(500*time.Millisecond, func() { w.forge(s, h, until) })
}

// lie is what a forged hello must not change.
type lie struct {
	hello  monitor.Hello
	held   monitor.HostPort // the address at which the Sentinel is heard; zero when it is not
	master monitor.MasterView
	alien  bool // it came over a server of another master
}

// hearing notes who is heard where, and what there is before a forged hello.
func (k *checker) hearing(n *node, in *monitor.HelloReceived) {
	h := &in.Hello
	n.seen.lie = nil
	if !k.w.forged[*h] {
		n.seen.spoke[spoken{h.RunID, monitor.HostPort{Host: h.IP, Port: h.Port}}] = k.w.now
		return
	}
	l := &lie{hello: *h}
	l.master, _ = n.core.Master(k.w.now, h.MasterName)
	if in.Conn != 0 {
		s, _ := k.w.net.listeners[n.link(in.Conn).addr].(*server)
		l.alien = s != nil && s.group.name != h.MasterName
	}
	peers, _ := n.core.Sentinels(k.w.now, h.MasterName)
	for _, p := range peers {
		at, known := n.seen.spoke[spoken{h.RunID, p.Addr}]
		silent := !known || k.w.now.Sub(at) >= 3*n.tun.PublishPeriod
		if p.RunID == h.RunID && !silent && !p.Flags.Has(monitor.FlagDisconnected) && !p.Flags.Has(monitor.FlagSDown) && p.Addr.Host != h.IP {
			l.held = p.Addr
		}
	}
	n.seen.lie = l
}

// heardLie checks what has become of that.
func (k *checker) heardLie(n *node) {
	l := n.seen.lie
	if l == nil {
		return
	}
	n.seen.lie = nil
	k.looked[Impostor]++
	m, _ := n.core.Master(k.w.now, l.hello.MasterName)
	if k.tainted != "" { // of two Sentinels with one id, either may be the real one
		return
	}
	if l.alien && (m.ConfigEpoch != l.master.ConfigEpoch || m.Current != l.master.Current) {
		k.fail(n.name, Impostor, "%s moved to %s by a hello from a server of another master", m.Name, m.Current)
	}
	peers, _ := n.core.Sentinels(k.w.now, l.hello.MasterName)
	for _, p := range peers {
		if p.RunID == l.hello.RunID && l.held.Port != 0 && p.Addr != l.held && k.w.isAt(p.RunID, l.held) {
			k.fail(n.name, Impostor, "%s is taken for one at %s although it is heard at %s", p.RunID, p.Addr, l.held)
		}
	}
}

// isAt reports whether the Sentinel with this id really is at that address, and has
// been for a minute. One that is announced where it was shortly before may be taken to
// be back, until it is found that nobody answers there.
func (w *world) isAt(id monitor.RunID, at monitor.HostPort) bool {
	n, ok := w.net.listeners[at].(sentinel)
	return ok && n.base().id == id && n.base().alive && (n.base().moves == 0 || w.now.Sub(n.base().movedAt) > time.Minute)
}

type spoken struct {
	id monitor.RunID
	at monitor.HostPort
}
