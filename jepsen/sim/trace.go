package sim

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

// tell writes an event of a Sentinel into the trace. A link that is lost again
// and again for the same reason is told once.
func (w *world) tell(p *process, e monitor.Event) {
	if w.trace == nil {
		return
	}
	if l, ok := e.(event.LinkReconnection); ok {
		link := l.Kind.String() + l.Instance.Name + strconv.FormatBool(l.PubSub)
		if p.lostLinks[link] == l.Reason {
			return
		}
		if p.lostLinks == nil {
			p.lostLinks = map[string]string{}
		}
		p.lostLinks[link] = l.Reason
	}
	w.say(p.name, "%s", w.readable(text(e)))
}

// readable puts names in the place of addresses and ids. Events tell an instance
// by its name and its address, which is twice the same then.
func (w *world) readable(text string) string {
	words := strings.Split(text, " ")
	out := words[:0]
	for k := 0; k < len(words); k++ {
		word := words[k]
		if k+1 < len(words) {
			if name := w.nameAt(word, words[k+1]); name != "" {
				word = name
				k++
			}
		}
		if colon := strings.LastIndexByte(word, ':'); colon > 0 {
			port := strings.TrimRight(word[colon+1:], ",;)")
			if name := w.nameAt(word[:colon], port); name != "" {
				word = name + word[colon+1+len(port):]
			}
		}
		if len(word) == election.RunIDLen {
			word = readableID(word)
		}
		if n := len(out); n == 0 || out[n-1] != word {
			out = append(out, word)
		}
	}
	return strings.Join(out, " ")
}

// readableID keeps what tells ids apart: n0.0_____ is the first one of n0, a
// later one begins with n0- and some digits.
func readableID(id string) string {
	if name, ok := strings.CutSuffix(strings.TrimRight(id, "_"), ".0"); ok {
		return name
	}
	return id[:8]
}

// nameAt is the name of who listens at an address, or "".
func (w *world) nameAt(host, port string) string {
	if _, err := netip.ParseAddr(host); err != nil {
		return ""
	}
	p, err := strconv.Atoi(port)
	if err != nil {
		return ""
	}
	return w.nameOf(monitor.HostPort{Host: host, Port: p})
}

func (w *world) nameOf(at monitor.HostPort) string {
	switch a := w.net.listeners[at].(type) {
	case *server:
		return a.name
	case sentinel:
		return a.base().name
	}
	return ""
}
