package console

import (
	"strconv"

	"github.com/gosentinel/sentinel/monitor"
)

// The metrics of a Sentinel that redis_exporter gives, with its names and labels, so
// that dashboards and rules made for it go on to work.
var (
	exMasters  = desc("redis_sentinel_masters", "The number of masters that are monitored.")
	exTilt     = desc("redis_sentinel_tilt", "Whether this Sentinel is in TILT, in which it judges nothing.")
	exRunning  = desc("redis_sentinel_running_scripts", "Scripts that run now.")
	exQueue    = desc("redis_sentinel_scripts_queue_length", "Scripts that run or wait.")
	exFailures = desc("redis_sentinel_simulate_failure_flags", "Failures that are simulated.")

	exStatus     = desc("redis_sentinel_master_status", "1 while the state of a master is ok, and 0 for sdown and odown.", "master_name", "master_address", "master_status")
	exSlaves     = desc("redis_sentinel_master_slaves", "The replicas of a master.", "master_name", "master_address")
	exSentinels  = desc("redis_sentinel_master_sentinels", "The Sentinels of a master, this one included.", "master_name", "master_address")
	exOKSlaves   = desc("redis_sentinel_master_ok_slaves", "The replicas of a master that are up and connected.", "master_name", "master_address")
	exOKSents    = desc("redis_sentinel_master_ok_sentinels", "The Sentinels of a master that are up and connected, this one included.", "master_name", "master_address")
	exCkQuorum   = desc("redis_sentinel_master_ckquorum_status", "1 if enough Sentinels are usable for a failover; the message is that of SENTINEL CKQUORUM.", "master_name", "message")
	exSetQuorum  = desc("redis_sentinel_master_setting_ckquorum", "The quorum of a master.", "master_name", "master_address")
	exSetTimeout = desc("redis_sentinel_master_setting_failover_timeout", "failover-timeout, in milliseconds.", "master_name", "master_address")
	exSetSyncs   = desc("redis_sentinel_master_setting_parallel_syncs", "parallel-syncs.", "master_name", "master_address")
	exSetDown    = desc("redis_sentinel_master_setting_down_after_milliseconds", "down-after-milliseconds.", "master_name", "master_address")
	exEpoch      = desc("redis_sentinel_master_config_epoch", "The epoch of the failover that made the master.", "master_name", "master_address")
	exLastOK     = desc("redis_sentinel_master_last_ok_ping_reply_seconds", "Seconds since the last good answer to PING.", "master_name", "master_address")
)

// healthy says what redis_exporter counts as okay.
func healthy(f monitor.Flags) bool {
	return f&(monitor.FlagSDown|monitor.FlagODown|monitor.FlagDisconnected) == 0
}

// exporter collects the metrics that redis_exporter gives.
func (s *snapshot) exporter(put put) {
	put(exMasters, float64(len(s.groups)))
	put(exTilt, number(s.tilt))
	put(exRunning, float64(s.Running))
	put(exQueue, float64(s.Queued))
	put(exFailures, float64(s.failures))
	for k := range s.groups {
		s.groups[k].exporter(put)
	}
}

func (g *group) exporter(put put) {
	m := &g.master
	status := "ok"
	switch {
	case m.Flags.Has(monitor.FlagODown):
		status = "odown"
	case m.Flags.Has(monitor.FlagSDown):
		status = "sdown"
	}
	// INFO has no brackets around an IPv6 address, and SENTINEL MASTERS has host and port
	// apart, which redis_exporter joins with a colon.
	addr := m.Addr.Host + ":" + strconv.Itoa(m.Addr.Port)
	put(exStatus, number(status == "ok"), m.Name, addr, status)
	put(exSlaves, float64(m.Replicas), m.Name, addr)
	put(exSentinels, float64(m.OtherSentinels+1), m.Name, addr)
	slaves, sentinels := 0, 1
	for i := range g.replicas {
		if g.replicas[i].Announced && healthy(g.replicas[i].Flags) {
			slaves++
		}
	}
	for i := range g.sentinels {
		if healthy(g.sentinels[i].Flags) {
			sentinels++
		}
	}
	put(exOKSlaves, float64(slaves), m.Name, addr)
	put(exOKSents, float64(sentinels), m.Name, addr)
	text, ok := m.QuorumText()
	put(exCkQuorum, number(ok), m.Name, text)
	put(exSetQuorum, float64(m.Quorum), m.Name, addr)
	put(exSetTimeout, float64(m.FailoverTimeout.Milliseconds()), m.Name, addr)
	put(exSetSyncs, float64(m.ParallelSyncs), m.Name, addr)
	put(exSetDown, float64(m.DownAfter.Milliseconds()), m.Name, addr)
	put(exEpoch, float64(m.ConfigEpoch), m.Name, addr)
	put(exLastOK, m.LastOKPingReply.Seconds(), m.Name, addr)
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
