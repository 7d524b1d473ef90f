package integration

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// page gets a page over HTTP.
func (e *env) page(url string) (status int, body string) {
	e.Helper()
	ctx, cancel := context.WithTimeout(e.ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	e.must(err)
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(text)
}

// sentinelMetrics returns the metrics of redis_exporter about a Sentinel, without those
// that the other side does not have.
func sentinelMetrics(text string) (list []string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "redis_sentinel_") {
			list = append(list, strings.TrimSpace(line))
		}
	}
	slices.Sort(list)
	return list
}

// metricNames returns the names of metrics.
func metricNames(list []string) map[string]bool {
	all := map[string]bool{}
	for _, line := range list {
		name, _, _ := strings.Cut(line, "{")
		name, _, _ = strings.Cut(name, " ")
		all[name] = true
	}
	return all
}

// TestMetricsOfExporter: whatever redis_exporter says of a Sentinel, the Sentinel says
// too, with the same names, labels and values: while all is well, while servers and
// Sentinels are down, in O_DOWN, and after a failover.
func TestMetricsOfExporter(t *testing.T) {
	onlyGosentinel(t)
	if _, err := exec.LookPath("prometheus-redis-exporter"); err != nil {
		t.Skip("needs prometheus-redis-exporter: make monitoring")
	}
	t.Parallel()
	e := newEnv(t)
	port, err := e.c.Port()
	e.must(err)
	g := e.start(cluster.Topology{Replicas: 2, Sentinels: 3, EachSentinelConf: func(i int) []string {
		if i > 0 {
			return nil
		}
		return []string{fmt.Sprint("http-port ", port)}
	}})
	other, err := e.c.Port()
	e.must(err)
	exporter := exec.CommandContext(e.ctx, "prometheus-redis-exporter", "-redis.addr", "redis://"+g.Sentinels[0].Addr(), "-web.listen-address", fmt.Sprint("127.0.0.1:", other))
	e.must(exporter.Start())
	t.Cleanup(func() { _ = exporter.Process.Kill(); _ = exporter.Wait() })

	same := func(when, sign string) {
		t.Helper()
		e.until("the same metrics "+when, func(context.Context) (string, bool) {
			_, theirText := e.page(fmt.Sprintf("http://127.0.0.1:%d/metrics", other))
			_, ourText := e.page(fmt.Sprintf("http://127.0.0.1:%d/metrics", port))
			theirs, ours := sentinelMetrics(theirText), sentinelMetrics(ourText)
			had := metricNames(theirs)
			var shared []string
			for _, line := range ours {
				name, _, _ := strings.Cut(line, "{")
				name, _, _ = strings.Cut(name, " ")
				if had[name] {
					shared = append(shared, line)
				}
			}
			return fmt.Sprintf("theirs:\n%s\nours:\n%s", strings.Join(theirs, "\n"), strings.Join(shared, "\n")),
				len(had) >= 11 && strings.Contains(theirText, sign) && slices.Equal(theirs, shared)
		})
	}
	same("while all is well", `redis_sentinel_master_ok_slaves{master_address="127.0.0.1:`+fmt.Sprint(g.Servers[0].Port())+`",master_name="mymaster"} 2`)
	e.signal(g.Servers[2], syscall.SIGSTOP)
	same("with a replica down", `,master_name="mymaster"} 1`)
	e.signal(g.Servers[2], syscall.SIGCONT)
	old := g.Servers[0]
	old.Kill()
	e.newMaster(g, old)
	same("after a failover", `redis_sentinel_master_status`)
	for _, s := range g.Sentinels[1:] {
		e.signal(s, syscall.SIGSTOP)
	}
	same("without a majority", `message="NOQUORUM 1 usable Sentinels.`)
	for _, s := range g.Servers[1:] {
		e.signal(s, syscall.SIGSTOP)
	}
	same("with everything down", `master_status="sdown"`)
	_, err = g.Sentinels[0].Do(e.ctx, "SENTINEL", "SET", g.Master, "quorum", 1)
	e.must(err)
	same("in O_DOWN", `master_status="odown"`)
	for _, s := range g.Servers[1:] {
		e.signal(s, syscall.SIGCONT)
	}
	for _, s := range g.Sentinels[1:] {
		e.signal(s, syscall.SIGCONT)
	}
}
