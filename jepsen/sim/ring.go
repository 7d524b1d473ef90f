package sim

import (
	"slices"

	"github.com/gosentinel/sentinel/monitor"
)

// ringed checks a master that counts as down although it answers, and before it has been a
// replica for long enough: its chain of masters leads back to it, or ends at nobody, and
// that has lasted for a while (Ring).
func (k *checker) ringed(n *node, i monitor.Instance) {
	m, ok := n.core.Master(k.w.now, i.Name)
	if i.Kind != monitor.KindMaster || !ok || n.seen.master(i.Name).downBy != monitor.DownRole || m.RoleReported != monitor.RoleReplica || m.Flags.Has(monitor.FlagMasterReboot) ||
		m.LastOKPingReply >= m.DownAfter || m.RoleReportedTime >= m.DownAfter+2*n.tun.InfoPeriod {
		return
	}
	k.looked[Ring]++
	if wait := 4 * n.tun.PublishPeriod; m.RoleReportedTime < wait {
		k.fail(n.name, Ring, "%s counts as down %v after it became a replica", i.Addr, m.RoleReportedTime)
	}
	replicas, _ := n.core.Replicas(k.w.now, i.Name)
	says, by := monitor.ParseInfo(m.Info.Bytes()), m.Addr
	for range len(replicas) + 1 {
		at := monitor.HostPort{Host: says.MasterHost, Port: says.MasterPort}
		switch next := slices.IndexFunc(replicas, func(r monitor.ReplicaView) bool { return r.Addr == at }); {
		case says.Role != monitor.RoleReplica || says.MasterLinkUp || says.Syncing:
			k.fail(n.name, Ring, "%s counts as down, and a server of its chain takes writes, or gets data", i.Addr)
			return
		case at == m.Addr || at == by || at.Host == "127.0.0.1":
			return
		case next < 0:
			k.fail(n.name, Ring, "%s counts as down, and its chain leads to %s, which is not of the group", i.Addr, at)
			return
		default:
			says, by = monitor.ParseInfo(replicas[next].Info.Bytes()), at
		}
	}
}
