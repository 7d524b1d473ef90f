package console_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// metricName is how a metric is named in rules, dashboards and documents.
var metricName = regexp.MustCompile(`\b(?:gosentinel|redis_sentinel)_[a-z_]+`)

// TestNamesInUse: alert rules, the dashboard and the document name metrics that there
// are. One with a wrong name would never say anything.
func TestNamesInUse(t *testing.T) {
	var all strings.Builder
	cluster(t, func(s site) {
		s.c.Master().Kill()
		s.c.WaitStable()
		for _, one := range s.c.Sentinels() {
			_, text := site{s.t, s.c, one}.get("/metrics")
			all.WriteString(text)
		}
	})
	there := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z_]+)[{ ]`).FindAllStringSubmatch(all.String(), -1) {
		there[m[1]] = true
	}
	for _, path := range []string{"deploy/prometheus/alerts.yml", "deploy/prometheus/alerts_test.yml", "deploy/grafana/gosentinel.json"} {
		text, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, name := range metricName.FindAllString(string(text), -1) {
			if strings.HasPrefix(name, "gosentinel_proxy_") || strings.HasPrefix(name, "gosentinel_agent_") {
				continue // of other programs
			}
			if found++; !there[name] {
				t.Errorf("%s: there is no metric %s", path, name)
			}
		}
		if found < 10 {
			t.Errorf("%s names %d metrics", path, found)
		}
	}
	// The document leaves the prefix out.
	text, err := os.ReadFile("../../docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), "Of each master:")
	list, _, _ = strings.Cut(list, "No label has")
	for name := range there {
		short, ours := strings.CutPrefix(name, "gosentinel_")
		for _, part := range []string{"_bucket", "_sum", "_count"} {
			short = strings.TrimSuffix(short, part)
		}
		if ours && !strings.Contains(list, "`"+short) {
			t.Errorf("docs/monitoring.md does not name %s", short)
		}
	}
}

// TestDashboard: Grafana's file is JSON whose panels do not lie over each other.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("../../deploy/grafana/gosentinel.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Title  string
		Panels []struct {
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	taken := map[[2]int]string{}
	for _, p := range d.Panels {
		if len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %s: %+v", p.Title, p)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("panel %s lies over %s", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// promtool runs the tool of Prometheus, and returns what it says.
func promtool(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("needs promtool: make monitoring")
	}
	cmd := exec.Command("promtool", args...)
	cmd.Stdin, cmd.Dir = strings.NewReader(stdin), "../../deploy/prometheus"
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestAlertRules(t *testing.T) {
	if out, err := promtool(t, "", "test", "rules", "alerts_test.yml"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestMetricsLint: promtool objects to nothing but a name of redis_exporter's.
func TestMetricsLint(t *testing.T) {
	var text string
	cluster(t, func(s site) {
		s.c.Master().Kill()
		s.c.WaitStable()
		_, text = s.get("/metrics")
	})
	out, _ := promtool(t, text, "check", "metrics")
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "redis_sentinel_master_setting_down_after_milliseconds ") {
			t.Error(line)
		}
	}
	if out, err := promtool(t, "BrokenName 1\n", "check", "metrics"); err == nil || out == "" {
		t.Errorf("promtool objects to nothing at all: %q", out)
	}
}
