package proxy

import (
	"fmt"
	"strconv"
	"strings"
)

// metrics is the answer to /metrics, in the text format of Prometheus. Labels are masters
// and listeners of the configuration, so what clients do adds no series.
func (p *Proxy) metrics() string {
	var b strings.Builder
	family := func(name, kind, help string) {
		fmt.Fprintf(&b, "# HELP gosentinel_proxy_%s %s\n# TYPE gosentinel_proxy_%s %s\n", name, help, name, kind)
	}
	value := func(name string, n any, labels ...string) {
		fmt.Fprintf(&b, "gosentinel_proxy_%s%s %v\n", name, labelled(labels...), n)
	}
	for _, c := range p.counts.list() {
		family(c.name+"_total", "counter", c.help)
		value(c.name+"_total", c.n)
	}
	groups := p.sortedGroups()
	masters := func(name, help string, of func(g *group) int64) {
		family(name, "gauge", help)
		for _, g := range groups {
			value(name, of(g), "master", g.cfg.Name)
		}
	}
	masters("master_known", "1 while it is known which server is the master.", func(g *group) int64 { return digit(g.current().master != "") })
	masters("master_epoch", "Epoch of the failover that made the master.", func(g *group) int64 { return int64(g.current().epoch) })
	masters("replicas", "Replicas that are known.", func(g *group) int64 { return int64(len(g.current().replicas)) })
	masters("sentinels_answering", "Sentinels that answer. 0: the last verified master stays in use.", func(g *group) int64 { n, _ := g.sentinels(); return int64(n) })
	masters("upstream_connections", "Connections to servers for clients.", func(g *group) int64 { return g.upstreams.Load() })
	masters("held_bytes", "Bytes of requests that wait for a master.", func(g *group) int64 { return g.held.Load() })
	listeners := p.site.Load().listeners
	family("clients", "gauge", "Connections of clients.")
	for _, l := range listeners {
		value("clients", l.door.clients.Load(), "listener", l.cfg.Bind)
	}
	family("request_seconds", "histogram", "From the arrival of a request to its reply, without commands that wait by themselves.")
	for _, l := range listeners {
		s := l.door.latency.read()
		for i, d := range latencyBounds {
			value("request_seconds_bucket", s.upTo[i], "listener", l.cfg.Bind, "le", strconv.FormatFloat(d.Seconds(), 'g', -1, 64))
		}
		value("request_seconds_bucket", s.count(), "listener", l.cfg.Bind, "le", "+Inf")
		value("request_seconds_sum", s.sum.Seconds(), "listener", l.cfg.Bind)
		value("request_seconds_count", s.count(), "listener", l.cfg.Bind)
	}
	return b.String()
}

func digit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

var labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// labelled writes labels, given as names and values in turn.
func labelled(pairs ...string) string {
	var list []string
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, pairs[i]+`="`+labelEscapes.Replace(strings.ToValidUTF8(pairs[i+1], "?"))+`"`)
	}
	if list == nil {
		return ""
	}
	return "{" + strings.Join(list, ",") + "}"
}
