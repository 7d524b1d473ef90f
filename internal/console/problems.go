package console

import (
	"fmt"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// Problem is something that is wrong, in words.
type Problem struct {
	Group string `json:"group,omitempty"` // the name of the master; "": it is about this Sentinel
	// Grave problems are felt by clients now, or keep a failover from happening.
	Grave bool   `json:"grave"`
	Text  string `json:"text"`
}

// troubles are the problems of this Sentinel.
func (s *snapshot) troubles() []Problem {
	list := []Problem{}
	if s.saveTrouble != "" {
		list = append(list, Problem{Grave: true, Text: "The state cannot be saved, so this Sentinel gives no vote and begins no failover: " + s.saveTrouble + "."})
	}
	if s.tilt {
		list = append(list, Problem{Grave: true, Text: "TILT since " + clock(s.at.Add(-s.tiltFor), s.at) + ": this Sentinel stood still or its clock jumped, and it judges nothing for a while."})
	}
	if len(s.groups) == 0 {
		list = append(list, Problem{Text: "No master is monitored."})
	}
	return list
}

// farBehind is from where on a replica that lags is told of.
const farBehind = 16 << 20

// problems are what is wrong with a group, the worst first.
func (g *group) problems(v *Group, now time.Time) []Problem {
	list := []Problem{}
	add := func(grave bool, format string, args ...any) {
		list = append(list, Problem{v.Name, grave, fmt.Sprintf(format, args...)})
	}
	g.masterProblems(v, now, add)
	g.sentinelProblems(v, add)
	g.replicaProblems(v, now, add)
	if v.Pause != nil {
		text := "Failovers are paused until " + clock(v.Pause.Until, now)
		if v.Pause.Reason != "" {
			text += ": " + v.Pause.Reason
		}
		add(false, "%s.", text)
	}
	return list
}

type adder func(grave bool, format string, args ...any)

func (g *group) masterProblems(v *Group, now time.Time, add adder) {
	m := &g.master
	agree := 0
	for _, p := range v.Sentinels {
		if p.SaysDown {
			agree++
		}
	}
	why := because(v.Trouble)
	switch {
	case m.Flags.Has(monitor.FlagODown):
		add(true, "The master %s is down since %s, and enough Sentinels agree (%d of a quorum of %d)%s.%s", m.Addr, clock(v.DownSince, now), agree+1, m.Quorum, why, g.next(v))
	case m.Flags.Has(monitor.FlagSDown):
		add(true, "The master %s is down since %s in the opinion of this Sentinel and %d others, and it takes %d to agree%s.", m.Addr, clock(v.DownSince, now), agree, m.Quorum, why)
	case !m.CommandsUp:
		add(false, "There is no connection to the master %s%s.", m.Addr, why)
	case v.Trouble != "":
		add(false, "The connection to the master %s is not as it should be%s.", m.Addr, why)
	}
	if m.RoleReported == monitor.RoleReplica && m.Details != nil && !m.Flags.Has(monitor.FlagSDown) {
		add(true, "The master %s says that it is a replica.", m.Addr)
	}
}

// next says what happens about a master that is down.
func (g *group) next(v *Group) string {
	switch {
	case v.Attempt != nil && v.Attempt.Led:
		return " This Sentinel fails it over."
	case v.Attempt != nil && v.Attempt.Leader.ID != "":
		return " Sentinel " + short(v.Attempt.Leader.ID) + " fails it over."
	case v.Usable < v.Needed:
		return " No failover is possible."
	}
	return " No failover is under way."
}

func (g *group) sentinelProblems(v *Group, add adder) {
	switch trouble := g.master.QuorumTrouble(); {
	case v.Usable < v.Needed:
		add(true, "%d of %d Sentinels reachable: a failover needs %d. Nothing would take the place of the master.", v.Usable, v.Known, v.Needed)
	case trouble != "":
		add(true, "No failover is possible: %s.", trouble)
	case v.Known == 1:
		add(false, "No other Sentinel is known: if this one fails, nothing takes the place of the master.")
	case v.Usable < v.Known:
		add(false, "%d of %d Sentinels reachable: a failover needs %d.", v.Usable, v.Known, v.Needed)
	case v.Needed == v.Known:
		add(false, "There are %d Sentinels, and a failover needs %d: none of them may fail.", v.Known, v.Needed)
	}
	for _, p := range v.Sentinels {
		if p.Trouble != "" {
			add(false, "Sentinel %s at %s%s.", short(p.ID), p.Addr, because(p.Trouble))
		}
	}
}

func (g *group) replicaProblems(v *Group, now time.Time, add adder) {
	fit := 0
	for _, r := range v.Replicas {
		if r.Unfit == "" {
			fit++
		}
	}
	switch {
	case len(v.Replicas) == 0:
		add(true, "No replica is known: nothing could take the place of the master.")
	case fit == 0:
		add(true, "None of the replicas could take the place of the master (%d).", len(v.Replicas))
	}
	for _, r := range v.Replicas {
		switch {
		case !r.DownSince.IsZero():
			add(false, "Replica %s is down since %s%s.", r.Addr, clock(r.DownSince, now), because(r.Trouble))
		case !r.Up:
			add(false, "Replica %s cannot be reached%s.", r.Addr, because(r.Trouble))
		case r.Trouble != "":
			add(false, "The connection to replica %s is not as it should be%s.", r.Addr, because(r.Trouble))
		case r.Follows != "" && r.Follows != v.Addr && v.Attempt == nil && !strings.Contains(v.State, "down"):
			add(false, "Replica %s follows %s and not the master.", r.Addr, r.Follows)
		case r.Unfit != "" && r.Priority != 0 && r.Software != "":
			add(false, "Replica %s could not be promoted: %s.", r.Addr, r.Unfit)
		case r.Lag != nil && *r.Lag > farBehind:
			add(false, "Replica %s is %s behind.", r.Addr, size(*r.Lag))
		}
	}
}

func because(trouble string) string {
	if trouble == "" {
		return ""
	}
	return ": " + strings.TrimSuffix(trouble, ".")
}

// short is an id as people can compare it.
func short(id string) string { return id[:min(8, len(id))] }

// clock is a time of day, with the date unless it is near.
func clock(t, now time.Time) string {
	t = t.UTC()
	if d := now.Sub(t); d > -12*time.Hour && d < 12*time.Hour {
		return t.Format("15:04:05 UTC")
	}
	return t.Format("2006-01-02 15:04 UTC")
}

// size is a number of bytes for people.
func size(n uint64) string {
	units := []string{"bytes", "kB", "MB", "GB", "TB", "PB", "EB"}
	v, u := float64(n), 0
	for v >= 1000 && u < len(units)-1 {
		v, u = v/1000, u+1
	}
	if u == 0 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.1f %s", v, units[u])
}
