package agent

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"
)

// Metrics counts what an Agent does. Its methods are safe for concurrent use.
type Metrics struct {
	names   []string // of groups, in order
	groups  map[string]*groupMetrics
	jobs    []string // names of targets, in order
	targets map[string]*targetMetrics
}

// groupMetrics are those of a group.
type groupMetrics struct {
	up        atomic.Bool
	epoch     atomic.Uint64
	replicas  atomic.Int64
	sentinels atomic.Int64 // that answer and know the master
	switches  atomic.Int64
}

func (m *groupMetrics) note(g Group) {
	m.up.Store(g.Up)
	m.epoch.Store(g.Epoch)
	m.replicas.Store(int64(len(g.Replicas)))
}

// targetMetrics are those of a target.
type targetMetrics struct {
	inLine   atomic.Bool
	changes  atomic.Int64
	compared atomic.Int64 // seconds since 1970 of the last time that it was in line
	failures map[cause]*atomic.Int64
}

func (m *targetMetrics) fail(c cause) {
	m.inLine.Store(false)
	m.failures[c].Add(1)
}

func (m *targetMetrics) succeed(changed bool) {
	m.inLine.Store(true)
	m.compared.Store(time.Now().Unix())
	if changed {
		m.changes.Add(1)
	}
}

func newMetrics(groups []string, jobs []*job) *Metrics {
	m := &Metrics{names: groups, groups: map[string]*groupMetrics{}, targets: map[string]*targetMetrics{}}
	for _, name := range groups {
		m.groups[name] = &groupMetrics{}
	}
	for _, j := range jobs {
		t := &targetMetrics{failures: map[cause]*atomic.Int64{}}
		for _, c := range causes {
			t.failures[c] = &atomic.Int64{}
		}
		m.jobs, m.targets[j.name] = append(m.jobs, j.name), t
	}
	return m
}

// WriteTo writes everything in the text format of Prometheus.
func (m *Metrics) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	of := func(name, kind, help, label string, list []string, value func(string) any) {
		fmt.Fprintf(&b, "# HELP gosentinel_agent_%s %s\n# TYPE gosentinel_agent_%s %s\n", name, help, name, kind)
		for _, one := range list {
			fmt.Fprintf(&b, "gosentinel_agent_%s{%s=%s} %v\n", name, label, quoteLabel(one), value(one))
		}
	}
	of("master_up", "gauge", "1 while a master is verified.", "group", m.names, func(n string) any { return digit(m.groups[n].up.Load()) })
	of("master_epoch", "gauge", "Epoch of the failover that made the master.", "group", m.names, func(n string) any { return m.groups[n].epoch.Load() })
	of("replicas", "gauge", "Replicas that are up and connected.", "group", m.names, func(n string) any { return m.groups[n].replicas.Load() })
	of("sentinels", "gauge", "Sentinels that answer and know the master.", "group", m.names, func(n string) any { return m.groups[n].sentinels.Load() })
	of("switches_total", "counter", "Changes of the master that were seen.", "group", m.names, func(n string) any { return m.groups[n].switches.Load() })
	of("in_line", "gauge", "1 if the target had what it should have when it was compared last.", "target", m.jobs, func(n string) any { return digit(m.targets[n].inLine.Load()) })
	of("changes_total", "counter", "Changes that were carried out.", "target", m.jobs, func(n string) any { return m.targets[n].changes.Load() })
	of("last_in_line_seconds", "gauge", "When the target was in line last, in seconds since 1970.", "target", m.jobs, func(n string) any { return m.targets[n].compared.Load() })
	fmt.Fprint(&b, "# HELP gosentinel_agent_failures_total Attempts that failed; the old state stays in force.\n# TYPE gosentinel_agent_failures_total counter\n")
	for _, name := range m.jobs {
		for _, c := range causes {
			fmt.Fprintf(&b, "gosentinel_agent_failures_total{target=%s,cause=\"%s\"} %d\n", quoteLabel(name), c, m.targets[name].failures[c].Load())
		}
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

func digit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// quoteLabel quotes the value of a label.
func quoteLabel(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(s, "?")) + `"`
}
