package agent

import (
	"net"
	"slices"
	"strconv"

	"github.com/gosentinel/sentinel/discovery"
)

// Server is the address of a Redis server.
type Server struct {
	Host string // a numeric address or a name, as the Sentinels say it
	Port int
}

// String returns "host:port", with brackets around an IPv6 address; "" for the zero
// value.
func (s Server) String() string {
	if s == (Server{}) {
		return ""
	}
	return net.JoinHostPort(s.Host, strconv.Itoa(s.Port))
}

// Group is what is known of a group. Templates see its fields.
type Group struct {
	Name     string   // in the configuration of the agent
	Master   Server   // verified last; zero if none ever was
	Epoch    uint64   // of the failover that made it the master: higher is newer
	Replicas []Server // up and connected to the master, in a fixed order
	// Up tells that the master has been verified and that nothing speaks against it.
	// During a failover it is false, and the other fields have the values of before.
	Up bool
}

// Known reports whether there has been a master.
func (g Group) Known() bool { return g.Master != Server{} }

// Snapshot is what is known of the groups at one moment, in the order of the
// configuration. It is never changed, only replaced.
type Snapshot []Group

// Group returns the group of that name; a Group without a master if there is none.
func (s Snapshot) Group(name string) Group {
	for _, g := range s {
		if g.Name == name {
			return g
		}
	}
	return Group{Name: name}
}

// only returns the groups of those names.
func (s Snapshot) only(names []string) Snapshot {
	var some Snapshot
	for _, g := range s {
		if slices.Contains(names, g.Name) {
			some = append(some, g)
		}
	}
	return some
}

// unknown returns the names of the groups that have had no master yet.
func (s Snapshot) unknown() (names []string) {
	for _, g := range s {
		if !g.Known() {
			names = append(names, g.Name)
		}
	}
	return names
}

// follow returns what is known of a group after discovery has said something new.
func (g Group) follow(v discovery.View) Group {
	g.Up = !v.Master.IsZero()
	if g.Up {
		g.Master, g.Epoch = Server{v.Master.Host, v.Master.Port}, v.Master.Epoch
		g.Replicas = nil
		for _, r := range v.Replicas {
			if s := (Server{r.Host, r.Port}); s != g.Master {
				g.Replicas = append(g.Replicas, s)
			}
		}
		slices.SortFunc(g.Replicas, compareServers)
	}
	return g
}

// compareServers orders addresses such that a list has the same bytes whatever
// order Sentinels list their replicas in.
func compareServers(a, b Server) int {
	switch {
	case a.Host < b.Host:
		return -1
	case a.Host > b.Host:
		return 1
	}
	return a.Port - b.Port
}
