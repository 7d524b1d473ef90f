package configrewrite

import (
	"fmt"

	"github.com/gosentinel/sentinel/monitor"
)

// learned is a replica or Sentinel in a state.
type learned struct {
	master   string
	sentinel bool
	addr     monitor.HostPort
	id       monitor.RunID
}

func (l learned) String() string {
	if l.sentinel {
		return fmt.Sprintf("Sentinel %s at %s", l.id, l.addr)
	}
	return "replica " + l.addr.String()
}

// verifyTries bounds how often a state is rendered to find lines that a file cannot
// hold. With 12 masters of a thousand replicas each it finds a few in 100.
const verifyTries = 200

// held returns what Render makes of st, and st as the file holds it. A replica or
// Sentinel that could not be read back is left out and returned: the network brings
// it back, and it must not keep this Sentinel from recording its votes. What the
// operator configured is never left out; if it is that which cannot be held, the
// error of Verify is returned.
func (d *Document) held(current []byte, st monitor.State) (text []byte, dropped []learned, err error) {
	text = d.Render(current, st)
	if err = d.Verify(text, st); err == nil {
		return text, nil, nil
	}
	tries := 0
	holds := func(some []learned) bool {
		if tries++; tries > verifyTries {
			return false
		}
		part := withLearned(st, some)
		return d.Verify(d.Render(current, part), part) == nil
	}
	if !holds(nil) {
		return nil, nil, err
	}
	kept, dropped := sieve(learnedIn(st), holds)
	part := withLearned(st, kept)
	text = d.Render(current, part)
	if d.Verify(text, part) != nil { // each alone can be held, and not all together
		part, dropped = withLearned(st, nil), learnedIn(st)
		text = d.Render(current, part)
	}
	return text, dropped, nil
}

// sieve divides a list into what can be held and what cannot.
func sieve(list []learned, holds func([]learned) bool) (kept, dropped []learned) {
	switch {
	case len(list) == 0 || holds(list):
		return list, nil
	case len(list) == 1:
		return nil, list
	}
	half := len(list) / 2
	kept1, dropped1 := sieve(list[:half:half], holds)
	kept2, dropped2 := sieve(list[half:], holds)
	return append(kept1[:len(kept1):len(kept1)], kept2...), append(dropped1, dropped2...)
}

func learnedIn(st monitor.State) (list []learned) {
	for i := range st.Masters {
		m := st.Masters[i]
		for _, a := range m.Replicas {
			list = append(list, learnedReplica(m, a))
		}
		for _, s := range m.Sentinels {
			list = append(list, learnedSentinel(m, s))
		}
	}
	return list
}

func learnedReplica(m *monitor.MasterState, a monitor.Addr) learned {
	return learned{master: m.Name, addr: addrHostPort(a)}
}

func learnedSentinel(m *monitor.MasterState, s monitor.KnownSentinel) learned {
	return learned{master: m.Name, sentinel: true, addr: addrHostPort(s.Addr), id: s.ID}
}

// withLearned returns st with those of its replicas and Sentinels that are listed.
func withLearned(st monitor.State, list []learned) monitor.State {
	wanted := make(map[learned]bool, len(list))
	for _, l := range list {
		wanted[l] = true
	}
	masters := make([]*monitor.MasterState, len(st.Masters))
	for i, was := range st.Masters {
		m := *was
		replicas, sentinels := m.Replicas, m.Sentinels
		m.Replicas, m.Sentinels = nil, nil
		for _, a := range replicas {
			if wanted[learnedReplica(&m, a)] {
				m.Replicas = append(m.Replicas, a)
			}
		}
		for _, s := range sentinels {
			if wanted[learnedSentinel(&m, s)] {
				m.Sentinels = append(m.Sentinels, s)
			}
		}
		masters[i] = &m
	}
	st.Masters = masters
	return st
}

// maxLeft bounds what Save remembers to have left out.
const maxLeft = 1000

// sayLeftOut says what a save has left out, once for each.
func (f *File) sayLeftOut(list []learned) {
	for _, l := range list {
		if f.left[l] || len(f.left) >= maxLeft {
			continue
		}
		if f.left == nil {
			f.left = map[learned]bool{}
		}
		f.left[l] = true
		f.say(fmt.Sprintf("The file cannot hold the %s of master %s; it is left out, and learned again after a restart", printable(l.String()), printable(l.master)))
	}
}
