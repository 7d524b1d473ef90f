package console_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/httpconsole"
	"github.com/gosentinel/sentinel/internal/console"
	"github.com/gosentinel/sentinel/sentineltest"
)

// site is what one Sentinel of a cluster in virtual time shows.
type site struct {
	t *testing.T
	c *sentineltest.Cluster
	s *sentineltest.Sentinel
}

func (s site) get(path string) (int, string) {
	w := httptest.NewRecorder()
	httpconsole.Handler(s.s.Instance()).ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Code, w.Body.String()
}

// metric returns the value of a metric as it is written.
func (s site) metric(name string) string {
	_, text := s.get("/metrics")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func (s site) status() (st console.Status) {
	s.t.Helper()
	code, text := s.get("/status")
	if err := json.Unmarshal([]byte(text), &st); err != nil || code != 200 {
		s.t.Fatalf("/status says %d %s: %v", code, text, err)
	}
	return st
}

func (s site) problems() string {
	var b strings.Builder
	for _, p := range s.status().Problems {
		b.WriteString(p.Text + "\n")
	}
	return b.String()
}

// cluster runs f with a cluster in virtual time.
func cluster(t *testing.T, f func(site)) {
	synctest.Test(t, func(t *testing.T) {
		c := sentineltest.NewCluster(t, sentineltest.ClusterOptions{Network: sentineltest.NewNetwork(), DownAfter: 5 * time.Second, FailoverTimeout: time.Minute})
		for _, one := range c.Sentinels() {
			httpconsole.Handler(one.Instance()) // it counts from now on
		}
		c.WaitStable()
		f(site{t, c, c.Sentinels()[0]})
	})
}

// TestFailover: metrics, status and readiness tell of a failover, and of the loss of a
// majority.
func TestFailover(t *testing.T) {
	cluster(t, func(s site) {
		name := s.c.Name()
		label := `{master="` + name + `"}`
		if code, text := s.get("/livez"); code != 200 || text != "ok\n" {
			t.Fatalf("/livez: %d %q", code, text)
		}
		if code, text := s.get("/readyz"); code != 200 || !strings.HasPrefix(text, "ready\n") {
			t.Fatalf("/readyz: %d %q", code, text)
		}
		if list := s.problems(); list != "" {
			t.Fatalf("a sound cluster has problems: %s", list)
		}
		old := s.status().Groups[0].Addr
		s.c.Master().Kill()
		s.c.WaitStable()
		time.Sleep(time.Second)
		st := s.status()
		g := st.Groups[0]
		if g.Addr == old || g.State != "ok" || len(g.History) != 1 || !strings.Contains(g.History[0], old) {
			t.Errorf("after the failover: %+v", g)
		}
		for metric, want := range map[string]string{
			"gosentinel_master_switches_total" + label: "1", "gosentinel_master_odown_total" + label: "1", "gosentinel_master_objectively_down" + label: "0",
			`gosentinel_events_total{about="master",event="+sdown"}`: "1", "gosentinel_master_failover_possible" + label: "1",
			`redis_sentinel_master_status{master_address="` + g.Addr + `",master_name="` + name + `",master_status="ok"}`: "1",
		} {
			if got := s.metric(metric); got != want {
				t.Errorf("%s is %q, want %q", metric, got, want)
			}
		}
		if got := s.metric("gosentinel_master_last_switch_timestamp_seconds" + label); got == "" {
			t.Error("it is not told when the master moved")
		}

		for _, other := range s.c.Sentinels()[1:] {
			other.Kill()
		}
		time.Sleep(10 * time.Second)
		if list := s.problems(); !strings.Contains(list, "1 of 3 Sentinels reachable: a failover needs 2. Nothing would take the place of the master.") {
			t.Errorf("without a majority: %q", list)
		}
		code, text := s.get("/readyz")
		if code != 200 || !strings.Contains(text, "no failover is possible: 1 of 3 Sentinels are usable") {
			t.Errorf("without a majority: /readyz says %d %q", code, text)
		}
		if got := s.metric("gosentinel_master_failover_possible" + label); got != "0" {
			t.Errorf("without a majority: failover_possible is %q", got)
		}
		addr := s.status().Groups[0].Addr
		s.c.Master().Kill()
		time.Sleep(10 * time.Second)
		if list := s.problems(); !strings.HasPrefix(list, "The master "+addr+" is down since") || s.status().Groups[0].State != "down" {
			t.Errorf("while the master is down, and no Sentinel is there: %q", list)
		}
		if got := s.metric(`redis_sentinel_master_status{master_address="` + addr + `",master_name="` + name + `",master_status="sdown"}`); got != "0" {
			t.Errorf("redis_sentinel_master_status of a master that is down is %q", got)
		}
	})
}

// TestAttempts: the leader counts the attempt with its phases.
func TestAttempts(t *testing.T) {
	cluster(t, func(s site) {
		s.c.Master().Kill()
		s.c.WaitStable()
		time.Sleep(2 * time.Minute) // what was lost is known late
		led := 0
		for _, one := range s.c.Sentinels() {
			at := site{s.t, s.c, one}
			_, text := at.get("/metrics")
			if !strings.Contains(text, `gosentinel_failovers_total{cause="`) {
				t.Errorf("%s counts no attempt", one)
			}
			if strings.Contains(text, `kind="failover",led="yes",outcome="promoted"} 1`) {
				led++
				for _, phase := range []string{"silence", "election", "promotion"} {
					if got := at.metric(`gosentinel_failover_phase_seconds_count{phase="` + phase + `"}`); got != "1" {
						t.Errorf("the leader has seen phase %s %q times", phase, got)
					}
				}
				if got := at.metric(`gosentinel_failover_seconds_count{kind="failover"}`); got != "1" {
					t.Errorf("the leader has timed %q failovers", got)
				}
				if got := at.metric(`gosentinel_votes_total{to="self"}`); got != "1" {
					t.Errorf("the leader has voted for itself %q times", got)
				}
			}
		}
		if led != 1 {
			t.Errorf("%d Sentinels have led the failover", led)
		}
	})
}

// TestNotRunning: before and after its run a Sentinel says that it does not work.
func TestNotRunning(t *testing.T) {
	cluster(t, func(s site) {
		handler := httpconsole.Handler(s.s.Instance())
		s.s.Kill()
		for path, want := range map[string]int{"/livez": 503, "/readyz": 503, "/status": 503, "/metrics": 200} {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			if w.Code != want {
				t.Errorf("%s says %d: %s", path, w.Code, w.Body)
			}
			if path == "/metrics" && !strings.Contains(w.Body.String(), "gosentinel_loop_answers 0") {
				t.Errorf("%s does not say that the loop does not answer", path)
			}
		}
	})
}
