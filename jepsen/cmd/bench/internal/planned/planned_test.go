package planned

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/traffic"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, clustertest.Programs()) }

// options are those of a short measurement with one Sentinel.
func options(t *testing.T, rows string) Options {
	t.Helper()
	o := Options{
		Setup:  trial.Setup{Runs: 1, Sentinels: 1, DownAfter: 5 * time.Second, Timeout: time.Minute},
		Repeat: 1, Programs: []Program{{Name: "gosentinel", Command: []string{clustertest.Daemon(t)}}},
	}
	var err error
	if o.Rows, err = Named(rows); err != nil {
		t.Fatal(err)
	}
	return o
}

// TestLossIsSeen: where a replica is promoted while the old master takes writes, as the
// original does it, the instrument shows what is lost and for how long.
func TestLossIsSeen(t *testing.T) {
	t.Parallel()
	o := options(t, "replicas1")
	o.Lines = []string{"sentinel planned-failover mymaster stock"}
	rs, err := perform(t.Context(), o, o.Programs[0], o.Rows[0], func(result) {})
	if err != nil {
		t.Fatal(err)
	}
	r := rs[0]
	if r.Refused != "" || r.LostStay < 100 || r.Takes < time.Second || r.Fulls != 1 || r.Switched == 0 || r.Acked < 1000 || r.Gap == 0 || r.Noise == 0 {
		t.Errorf("got %+v", r)
	}
}

// TestNothingIsLost: gosentinel's own way loses nothing and sends no data set again, to
// and fro under load, also where it must not pause clients, and for a client library as
// it is. How long it took is for the
// measurement to judge, on a machine with nothing else to do.
func TestNothingIsLost(t *testing.T) {
	for _, row := range []string{"replicas1", "nopause", "library"} {
		t.Run(row, func(t *testing.T) {
			t.Parallel()
			o := options(t, row)
			o.Rows[0].Replicas = 1
			o.Repeat = 2
			rs, err := perform(t.Context(), o, o.Programs[0], o.Rows[0], func(result) {})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rs {
				if r.Refused != "" || r.LostFollow+r.LostStay+r.Fulls != 0 || r.Switched == 0 || r.Acked == 0 {
					t.Errorf("got %+v", r)
				}
			}
		})
	}
}

// TestRefusal: without a replica there is nobody to promote, and nothing changes.
func TestRefusal(t *testing.T) {
	t.Parallel()
	o := options(t, "replicas1")
	o.Rows[0].Replicas = 0
	rs, err := perform(t.Context(), o, o.Programs[0], o.Rows[0], func(result) {})
	if err != nil {
		t.Fatal(err)
	}
	if r := rs[0]; !strings.Contains(r.Refused, "NOGOODSLAVE") || r.LostFollow+r.LostStay+r.Fulls != 0 || r.Takes != 0 || r.Acked == 0 {
		t.Errorf("got %+v", r)
	}
}

func TestReportAndVerdict(t *testing.T) {
	ms := time.Millisecond
	good := result{Seen: traffic.Seen{Acked: 1000, Gap: 5 * ms, PerConn: 1}, Switched: 3 * ms, Takes: 2 * ms}
	row := Row{Name: "usual", Text: "nothing special"}
	s := side{Name: "gosentinel", Results: [][]result{{good, good}, {good}}}
	var out bytes.Buffer
	printHeader(&out, Options{Setup: trial.Setup{Runs: 2, Sentinels: 3, DownAfter: time.Second}, Repeat: 2, Words: []string{"COORDINATED"}})
	printRow(&out, row)
	printRun(&out, 1, "gosentinel", good)
	refused := good
	refused.Refused = "NOGOODSLAVE none"
	printRun(&out, 1, "gosentinel", refused)
	printSummary(&out, []side{s, {Name: "other", Results: [][]result{{refused}}}, {Name: "none"}})
	for _, want := range []string{"SENTINEL FAILOVER mymaster COORDINATED", "usual: nothing special", "refused: NOGOODSLAVE none", "gosentinel: 3", "1 refused", "5.0 / 5.0"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, &out)
		}
	}
	for line := range strings.Lines(out.String()) {
		if n := len([]rune(line)) - 1; n > 110 {
			t.Errorf("line of %d columns: %s", n, line)
		}
	}
	if err := judge(row, s); err != nil {
		t.Errorf("a good measurement was rejected: %v", err)
	}
	for want, spoil := range map[string]func(*result){
		"refused":           func(r *result) { r.Refused = "x" },
		"lost 1 and 0":      func(r *result) { r.LostFollow = 1 },
		"lost 0 and 1":      func(r *result) { r.LostStay = 1 },
		"a gap of 21ms":     func(r *result) { r.Gap = 21 * ms },
		"for 21ms":          func(r *result) { r.Takes = 21 * ms },
		"1 full":            func(r *result) { r.Fulls = 1 },
		"2 errors of one c": func(r *result) { r.PerConn = 2 },
	} {
		bad := good
		spoil(&bad)
		if err := judge(row, side{Results: [][]result{{good, bad}}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("verdict on %q: %v", want, err)
		}
	}
}

func TestNamed(t *testing.T) {
	if rows, err := Named("all"); err != nil || len(rows) != len(Rows) {
		t.Errorf("all: %d rows, %v", len(rows), err)
	}
	if rows, err := Named("tls, idle"); err != nil || len(rows) != 2 || rows[1].Name != "idle" {
		t.Errorf("got %v, %v", rows, err)
	}
	if _, err := Named("tls,nonsense"); err == nil || !strings.Contains(err.Error(), "backlog") {
		t.Errorf("got %v", err)
	}
}

func TestTold(t *testing.T) {
	const info = "# Commandstats\r\ncmdstat_client|pause:calls=1,usec=1,usec_per_call=1.00,rejected_calls=2,failed_calls=0\r\n" +
		"cmdstat_client|kill:calls=5,rejected_calls=0\r\ncmdstat_slaveof:calls=3,rejected_calls=0\r\n"
	if n := told(info); n != 6 {
		t.Errorf("counted %d", n)
	}
}
