package sentineltest

import (
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/gosentinel/sentinel/internal/server"
	"github.com/gosentinel/sentinel/monitor"
)

// present returns the nodes that run, on the side of the network that has the most
// Sentinels.
func (c *Cluster) present() (servers []*Redis, sentinels []*Sentinel) {
	count := 0
	for _, s := range c.sentinels {
		if c.partition.named(s) {
			count++
		}
	}
	want := 2*count > len(c.sentinels)
	for _, r := range c.set.servers {
		if _, state := r.now(); state == running && c.partition.named(r) == want {
			servers = append(servers, r)
		}
	}
	for _, s := range c.sentinels {
		if _, state := s.now(); state == running && c.partition.named(s) == want {
			sentinels = append(sentinels, s)
		}
	}
	return servers, sentinels
}

// unstable says what is not as WaitStable wants it; "" if all is.
func (c *Cluster) unstable() string {
	servers, sentinels := c.present()
	if why := unstableServers(servers); why != "" {
		return why
	}
	if len(sentinels) == 0 {
		return "no Sentinel is running"
	}
	up := map[string]bool{}
	for _, r := range servers {
		up[r.Addr()] = true
	}
	for _, s := range sentinels {
		up[s.Addr()] = true
	}
	master, _ := masterOf(servers)
	epoch := monitor.Epoch(0)
	for i, s := range sentinels {
		v := look(s, c.opt.Name)
		if i == 0 {
			epoch = v.master.ConfigEpoch
		}
		why := v.unsettled(master.Addr(), epoch)
		for _, r := range c.set.servers {
			if why == "" && r != master {
				why = v.wrongReplica(r.Addr(), master.Addr(), up[r.Addr()])
			}
		}
		for _, p := range c.sentinels {
			if why == "" && p != s {
				why = v.wrongPeer(p.Addr(), up[p.Addr()])
			}
		}
		if why != "" {
			return "sentinel " + s.Addr() + " " + why
		}
	}
	return ""
}

// masterOf returns the only master of servers.
func masterOf(servers []*Redis) (*Redis, bool) {
	for _, r := range servers {
		if s, _ := r.now(); s.Status().Master == "" {
			return r, true
		}
	}
	return nil, false
}

// knowledge is what one Sentinel knows.
type knowledge struct {
	found    bool
	tilt     bool
	master   monitor.MasterView
	replicas []monitor.ReplicaView
	peers    []monitor.SentinelView
}

func look(s *Sentinel, name string) (k knowledge) {
	s.view(func(r server.Reader, now monitor.Instant) {
		if k.master, k.found = r.Master(now, name); !k.found {
			return
		}
		k.tilt, _ = r.Tilt(now)
		k.replicas, _ = r.Replicas(now, name)
		k.peers, _ = r.Sentinels(now, name)
	})
	return k
}

// down are the flags of an instance that cannot be reached.
const down = monitor.FlagSDown | monitor.FlagODown | monitor.FlagDisconnected

func (k *knowledge) unsettled(master string, epoch monitor.Epoch) string {
	switch v := &k.master; {
	case !k.found:
		return "has ended, or does not monitor the master"
	case k.tilt:
		return "is in TILT"
	case v.Addr.String() != master:
		return "names another master than " + master
	case v.ConfigEpoch != epoch:
		return "is at another config epoch"
	case v.Flags&(down|monitor.FlagFailoverInProgress) != 0:
		return fmt.Sprintf("says of the master: %v", v.Flags)
	case v.InfoRefresh == 0:
		return "has no INFO of the master"
	}
	return ""
}

func (k *knowledge) wrongReplica(addr, master string, up bool) string {
	i := slices.IndexFunc(k.replicas, func(v monitor.ReplicaView) bool { return v.Addr.String() == addr })
	if i < 0 {
		return "does not know the replica " + addr
	}
	switch v := &k.replicas[i]; {
	case !up && v.Flags&down == 0:
		return "does not see that " + addr + " is down"
	case !up:
	case v.Flags&^monitor.FlagReplica != 0:
		return fmt.Sprintf("says of the replica %s: %v", addr, v.Flags)
	case !v.MasterLinkUp || net.JoinHostPort(v.MasterHost, strconv.Itoa(v.MasterPort)) != master:
		return "does not see that " + addr + " follows the master"
	}
	return ""
}

func (k *knowledge) wrongPeer(addr string, up bool) string {
	i := slices.IndexFunc(k.peers, func(v monitor.SentinelView) bool { return v.Addr.String() == addr })
	if i < 0 {
		return "does not know the Sentinel " + addr
	}
	if v := &k.peers[i]; up != (v.Flags&down == 0) {
		return fmt.Sprintf("says of the Sentinel %s: %v", addr, v.Flags)
	}
	return ""
}

func hostPort(addr string) monitor.HostPort {
	host, text, _ := net.SplitHostPort(addr)
	port, _ := strconv.Atoi(text)
	return monitor.HostPort{Host: host, Port: port}
}
