package discovery

import (
	"cmp"
	"slices"
	"time"
)

// Status is a snapshot for a status page: what every machine said last. It can be
// marshalled as JSON, has no secrets, and belongs to the caller.
type Status struct {
	View
	Why       string           // there is no master; empty when there is one
	Sentinels []SentinelStatus // first those of the options, in their order, then those that were learned
	Servers   []ServerStatus   // those whose role is checked, in order of their addresses
	Conns     int              // open connections that DialMaster and DialReplica have returned
}

// SentinelStatus is what is known of a Sentinel.
type SentinelStatus struct {
	Addr       string
	ID         string    // its own; empty before it has told it
	Learned    bool      // other Sentinels have named it
	Says       Addr      // its last answer; zero if it has none for this master
	Heard      time.Time // when that came; zero: never
	Subscribed bool      // it tells when the master changes; without that it is only asked
	// Contradicts tells since when it has stated a higher epoch than most do; zero: it
	// does not. After five seconds it is overruled.
	Contradicts time.Time
	Error       string // why it is of no use now; empty when it is
}

// ServerStatus is what is known of a server that a Sentinel names as the master.
type ServerStatus struct {
	Addr    string
	Role    string    // as it says: "master", "slave", "sentinel", or "" while it does not answer
	Checked time.Time // when it last said so; zero: never
	Error   string    // why it does not answer
}

// Status returns what is known now. It waits for nothing.
func (r *Resolver) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Status{View: View{r.view.Master, slices.Clone(r.view.Replicas)}, Why: r.why, Conns: len(r.conns)}
	for _, v := range r.voices {
		w := v.witness
		one := SentinelStatus{
			Addr: v.addr, ID: w.answer.id, Learned: !v.seed, Says: toAddr(w.answer.master, w.answer.epoch),
			Heard: w.heard, Subscribed: v.subscribed, Contradicts: w.odd,
		}
		switch {
		case v.err != nil:
			one.Error = v.err.Error()
		case v.subErr != nil:
			one.Error = "subscription: " + v.subErr.Error()
		}
		s.Sentinels = append(s.Sentinels, one)
	}
	for _, sv := range r.servers {
		one := ServerStatus{Addr: sv.addr, Role: sv.role.name, Checked: sv.checked}
		if sv.err != nil {
			one.Error = sv.err.Error()
		}
		s.Servers = append(s.Servers, one)
	}
	slices.SortFunc(s.Servers, func(a, b ServerStatus) int { return cmp.Compare(a.Addr, b.Addr) })
	return s
}
