package configrewrite

import (
	"math"
	"time"

	"github.com/gosentinel/sentinel/internal/valid"
	"github.com/gosentinel/sentinel/monitor"
)

// normalState returns the state as a file can hold it: defaults made explicit,
// what cannot be loaded back left out, and an unknown vote taken for a vote in
// every epoch so far. The last is what the core does with it too, and what
// keeps another program that reads the file from voting again.
func normalState(st monitor.State) monitor.State {
	for i := range st.Masters {
		m := st.Masters[i]
		st.CurrentEpoch = max(st.CurrentEpoch, m.ConfigEpoch, m.LeaderEpoch)
	}
	masters := make([]*monitor.MasterState, len(st.Masters))
	for i, was := range st.Masters {
		m := *was
		m.MasterConfig = m.MasterConfig.WithDefaults()
		for k := range masterOptions {
			if d, ok := masterOptions[k].At(&m.MasterConfig).(*time.Duration); ok {
				*d = wholeUnits(*d, masterOptions[k].Unit)
			}
		}
		switch {
		case m.VoteUnknown && st.CurrentEpoch > 0:
			m.LeaderEpoch, m.VoteUnknown = st.CurrentEpoch, false
		case m.VoteUnknown: // no epoch is known: stays unknown, if the file has an id
			m.VoteUnknown = st.Options.MyID != ""
		}
		m.RunID, m.ExMasters = normalRunID(m.RunID), normalFormer(m.ExMasters)
		m.Tombstones = normalTombstones(m.Tombstones)
		m.Lineage, m.Pause, m.Fenced = normalLineage(m.Lineage), normalPause(m.Pause), normalFenced(m.Fenced)
		m.Replicas = normalReplicas(&m, st.Options.ResolveHostnames)
		m.Sentinels = normalSentinels(&m, &st.Options)
		masters[i] = &m
	}
	st.Masters, st.EpochsUnknown = masters, false // the file gets an epoch
	return st
}

// normalLineage leaves out what no line is written for.
func normalLineage(l monitor.Lineage) monitor.Lineage {
	if !l.Heard {
		return monitor.Lineage{}
	}
	if valid.ID(l.ReplID) != nil {
		l.ReplID = ""
	}
	if valid.ID(l.ReplID2) != nil || l.Second == 0 {
		l.ReplID2, l.Second = "", 0
	}
	return l
}

// normalReplicas leaves out what would be dropped by the next start. The core
// accepts none of that, apart from an old master at 0.0.0.0.
func normalReplicas(m *monitor.MasterState, resolve bool) []monitor.Addr {
	master := fileAddr(m.Addr, resolve)
	seen := map[string]bool{}
	var kept []monitor.Addr
	for _, a := range m.Replicas {
		f := fileAddr(a, resolve)
		if key := addrKey(f); valid.Announced(f.Host) == nil && !seen[key] && !f.Same(master) {
			seen[key] = true
			kept = append(kept, a)
		}
	}
	return kept
}

func normalSentinels(m *monitor.MasterState, o *monitor.Options) []monitor.KnownSentinel {
	seen := map[monitor.RunID]bool{o.MyID: true}
	var kept []monitor.KnownSentinel
	for _, s := range m.Sentinels {
		if valid.Announced(fileAddr(s.Addr, o.ResolveHostnames).Host) != nil || seen[s.ID] || !s.ID.Valid() {
			continue
		}
		seen[s.ID] = true
		kept = append(kept, s)
	}
	return kept
}

// fileAddr returns an address as it is after writing and reading it.
func fileAddr(a monitor.Addr, resolve bool) monitor.Addr {
	text := addrText(a, resolve)
	if ip, ok := literalIP(text); ok {
		return monitor.Addr{Host: ip, IP: ip, Port: a.Port}
	}
	return monitor.Addr{Host: text, Port: a.Port}
}

// fileState returns a normal state as it is after writing and reading it.
func fileState(st monitor.State) monitor.State {
	st = normalState(st)
	resolve := st.Options.ResolveHostnames
	for i := range st.Masters {
		m := st.Masters[i]
		m.Addr = fileAddr(m.Addr, resolve)
		for j := range m.Replicas {
			m.Replicas[j] = fileAddr(m.Replicas[j], resolve)
		}
		for j := range m.Sentinels {
			m.Sentinels[j].Addr = fileAddr(m.Sentinels[j].Addr, resolve)
		}
	}
	return st
}

// wholeUnits rounds a time up to the unit of the files: zero is refused for some
// options and means "off" for others, so a short time must not become zero. The
// longest time of all is rounded down, since there is nothing above.
func wholeUnits(d, unit time.Duration) time.Duration {
	longest := math.MaxInt64 / unit * unit
	if d > longest {
		return longest
	}
	return (d + unit - 1) / unit * unit
}
