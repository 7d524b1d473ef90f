package proxy

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics returns what /metrics shows. Labels are masters and listeners of the
// configuration, so what clients do adds no series.
func (p *Proxy) metrics() prometheus.Gatherer {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collector{p}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("gosentinel_proxy_"+name, help, labels, nil)
}

// masterGauges are told of each master.
var masterGauges = []struct {
	desc *prometheus.Desc
	of   func(*group) int64
}{
	{desc("master_known", "1 while it is known which server is the master.", "master"), func(g *group) int64 { return digit(g.current().master != "") }},
	{desc("master_epoch", "Epoch of the failover that made the master.", "master"), func(g *group) int64 { return int64(g.current().epoch) }},
	{desc("replicas", "Replicas that are known.", "master"), func(g *group) int64 { return int64(len(g.current().replicas)) }},
	{desc("sentinels_answering", "Sentinels that answer. 0: the last verified master stays in use.", "master"), func(g *group) int64 { n, _ := g.sentinels(); return int64(n) }},
	{desc("upstream_connections", "Connections to servers for clients.", "master"), func(g *group) int64 { return g.upstreams.Load() }},
	{desc("held_bytes", "Bytes of requests that wait for a master.", "master"), func(g *group) int64 { return g.held.Load() }},
}

var (
	clientsDesc = desc("clients", "Connections of clients.", "listener")
	requestDesc = desc("request_seconds", "From the arrival of a request to its reply, without commands that wait by themselves.", "listener")
)

// collector collects how the proxy is.
type collector struct{ p *Proxy }

func (collector) Describe(chan<- *prometheus.Desc) {}

func (c collector) Collect(ch chan<- prometheus.Metric) {
	for _, n := range c.p.counts.list() {
		ch <- prometheus.MustNewConstMetric(desc(n.name+"_total", n.help), prometheus.CounterValue, float64(n.n))
	}
	for _, g := range c.p.sortedGroups() {
		for _, m := range masterGauges {
			ch <- prometheus.MustNewConstMetric(m.desc, prometheus.GaugeValue, float64(m.of(g)), label(g.cfg.Name))
		}
	}
	for _, l := range c.p.site.Load().listeners {
		ch <- prometheus.MustNewConstMetric(clientsDesc, prometheus.GaugeValue, float64(l.door.clients.Load()), label(l.cfg.Bind))
		s, buckets := l.door.latency.read(), map[float64]uint64{}
		for i, d := range latencyBounds {
			buckets[d.Seconds()] = s.upTo[i]
		}
		ch <- prometheus.MustNewConstHistogram(requestDesc, s.count(), s.sum.Seconds(), buckets, label(l.cfg.Bind))
	}
}

// label is a text that may be the value of a label.
func label(text string) string { return strings.ToValidUTF8(text, "?") }

func digit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
