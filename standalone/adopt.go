package standalone

import (
	"fmt"
	"slices"
)

// verdict is what becomes of a server of the list that is no member of the group yet.
type verdict struct {
	join bool   // it is made one
	why  string // why not; "" when there is nothing to be said
}

// candidate is such a server, with what is known of the group.
type candidate struct {
	*seen
	master  *seen    // what the master says about itself
	members []string // "ip:port" of the master and of the replicas that are known
	listed  []string // of all servers of the list
	twin    string   // another name of the list for the same process; "" for none
	claims  []claim  // of Sentinels that watch it
	heard   bool     // it has been listened to for long enough
	group   string
}

// adopt says whether a server is made a member. A master that becomes one loses what it
// has, so it must have nothing that the master of the group has not.
func (c *candidate) adopt() verdict {
	switch {
	case c.err != nil && c.info == nil:
		return verdict{why: c.err.Error()}
	case c.twin != "":
		return verdict{why: "it is the same server as " + c.twin + ": remove one of them from servers"}
	case c.replica() && c.follows == c.master.addr:
		return verdict{join: true}
	case c.replica() && slices.Contains(c.members, c.follows), c.replica() && slices.Contains(c.listed, c.follows):
		return verdict{} // a replica of a replica stays one
	case c.replica():
		return verdict{why: fmt.Sprintf("it follows %s, so it belongs to another group: remove it from servers, or send it REPLICAOF NO ONE", c.follows)}
	}
	for _, other := range c.claims {
		if other.group != c.group {
			return verdict{why: fmt.Sprintf("Sentinels watch it as %q, so it belongs to another group: remove it from servers", other.group)}
		}
		if other.master != c.master.addr {
			return verdict{} // that is settled first; see Group.yield
		}
	}
	for _, r := range c.info.Replicas {
		if at := r.String(); !slices.Contains(c.listed, at) && !slices.Contains(c.members, at) {
			return verdict{why: fmt.Sprintf("%s follows it, so it belongs to another group: remove it from servers", at)}
		}
	}
	if !c.master.has(c.seen) {
		return verdict{why: fmt.Sprintf("it is a master with data that %s does not have, and is left alone: to have it join and lose them, send it REPLICAOF with the address of %s", c.master.name, c.master.name)}
	}
	return verdict{join: c.heard}
}
