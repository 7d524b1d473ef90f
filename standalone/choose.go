package standalone

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// choice is which server is the master of a group that is seen for the first time.
type choice struct {
	master   string   // "ip:port"; "" while it cannot be said
	replicas []string // that follow it as far as they say
	promote  bool     // it is a replica now, and nobody is a master
	why      string
}

// scene is what choose decides from.
type scene struct {
	group   string
	list    []*seen // in the order of the configuration
	claims  []claim // what Sentinels say on these servers
	patient bool    // those that do not answer have been waited for
}

// choose says which server is the master. Where data could be lost by it, or where it
// is somebody else's to say, it says why not.
func (s *scene) choose() choice {
	if c, ok := s.claimed(); ok {
		return c
	}
	var masters, replicas, silent []*seen
	for _, one := range s.list {
		switch {
		case one.err != nil:
			silent = append(silent, one)
		case one.master():
			masters = append(masters, one)
		default:
			replicas = append(replicas, one)
		}
	}
	switch {
	case len(silent) == len(s.list):
		return choice{why: "no server answers: " + texts(silent)}
	case len(masters) == 0:
		return s.leaderless(replicas, silent)
	case len(silent) > 0 && !s.followed(masters) && (!s.patient || slices.ContainsFunc(silent, loading)):
		return choice{why: "waiting for " + texts(silent)}
	}
	return s.among(masters, silent)
}

// claimed follows other Sentinels that watch this group already: the highest epoch is
// right, and among equals the server that comes first.
func (s *scene) claimed() (choice, bool) {
	var best claim
	at := -1
	for _, c := range s.claims {
		i := s.index(c.master)
		switch {
		case c.group != s.group:
			return choice{why: fmt.Sprintf("Sentinels watch these servers as %q already: write name = %q below [[group]], or use a [[master]]", c.group, c.group)}, true
		case i < 0:
			return choice{why: fmt.Sprintf("others that watch %q say that its master is %s, which servers does not have: add it there, or choose another name", s.group, c.master)}, true
		case at < 0 || c.epoch > best.epoch || c.epoch == best.epoch && i < at:
			best, at = c, i
		}
	}
	if at < 0 {
		return choice{}, false
	}
	return s.settle(best.master, "others that watch it say so"), true
}

// settle completes a choice.
func (s *scene) settle(master, why string) choice {
	c := choice{master: master, why: why}
	for _, one := range s.list {
		if one.replica() && one.follows == master {
			c.replicas = append(c.replicas, one.addr)
		}
	}
	return c
}

func (s *scene) index(addr string) int {
	return slices.IndexFunc(s.list, func(o *seen) bool { return o.addr == addr })
}

// followers counts the servers of the list that follow one.
func (s *scene) followers(addr string) (n int) {
	for _, one := range s.list {
		if one.replica() && one.follows == addr {
			n++
		}
	}
	return n
}

// followed reports whether there is one master, and a server of the list follows it:
// then those that do not answer change nothing.
func (s *scene) followed(masters []*seen) bool {
	return len(masters) == 1 && s.followers(masters[0].addr) > 0
}

// among chooses from those that say that they are masters.
func (s *scene) among(masters, silent []*seen) choice {
	if len(masters) == 1 {
		why := "it is the master already"
		if len(silent) > 0 {
			why = "it is the only master that answers"
		}
		return s.settle(masters[0].addr, why)
	}
	full := slices.DeleteFunc(slices.Clone(masters), func(o *seen) bool { return !o.info.Keys })
	if len(full) == 0 {
		best := slices.MaxFunc(masters, func(a, b *seen) int { return cmp.Compare(s.followers(a.addr), s.followers(b.addr)) })
		return s.settle(best.addr, "no master has data, and it comes first")
	}
	if best := richest(full); best != nil {
		why := "it is the only master with data"
		if len(full) > 1 {
			why = "it has the data of all the other masters"
		}
		return s.settle(best.addr, why)
	}
	return choice{why: texts(full) + ", and neither has what the other has. Nothing is changed until you choose: send REPLICAOF <host> <port> to each whose data may go"}
}

// richest returns who has the data of all others, the first of equals; nil if nobody does.
func richest(list []*seen) *seen {
	for _, one := range list {
		if !slices.ContainsFunc(list, func(o *seen) bool { return o != one && !one.has(o) }) {
			return one
		}
	}
	return nil
}

// leaderless is for groups in which nobody says that it is a master.
func (s *scene) leaderless(replicas, silent []*seen) choice {
	var lost []string // masters of the list that do not answer
	for _, r := range replicas {
		i := s.index(r.follows)
		switch {
		case i < 0 && r.info.MasterLinkUp:
			return choice{why: fmt.Sprintf("%s, which servers does not have: add it there, or, if %s belongs to another group, take that out", r, r.name)}
		case i < 0:
			return choice{why: fmt.Sprintf("%s, which servers does not have and which it cannot reach: add it there, or send REPLICAOF NO ONE to the server that is to be the master", r)}
		case s.list[i].err != nil:
			lost = append(lost, r.follows)
		}
	}
	if len(lost) > 0 {
		if !s.patient {
			return choice{why: "waiting for " + texts(silent)}
		}
		// The Sentinels replace it as they replace every master that fails: by a vote, with
		// the replica that has most of its data.
		best := slices.MaxFunc(lost, func(a, b string) int { return cmp.Compare(s.followers(a), s.followers(b)) })
		return s.settle(best, "it does not answer, and the others follow it: one of them will be promoted")
	}
	if len(silent) > 0 {
		return choice{why: "the servers that answer follow each other and nobody is a master: waiting for " + texts(silent)}
	}
	best := richest(replicas)
	if best == nil {
		return choice{why: texts(replicas) + ": nobody is a master, and nobody has the data of all. Nothing is changed until you choose: send REPLICAOF NO ONE to the one that is to be the master"}
	}
	c := choice{master: best.addr, promote: true, why: "nobody is a master, and it has the data of all"}
	for _, one := range replicas {
		if one != best {
			c.replicas = append(c.replicas, one.addr)
		}
	}
	return c
}

func loading(s *seen) bool { return s.err == errLoading }

// texts says what servers are.
func texts(list []*seen) string {
	var parts []string
	for _, one := range list {
		parts = append(parts, one.String())
	}
	return strings.Join(parts, "; ")
}
