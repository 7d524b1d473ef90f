package promote

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, clustertest.Programs()) }

// TestLossIsSeen: the original promotes a replica of a higher rank although it is being
// synchronised and another one is in sync, and the instrument says so.
func TestLossIsSeen(t *testing.T) {
	t.Parallel()
	stock, err := cluster.FindStockSentinel()
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Setup: trial.Setup{Sentinels: 1, DownAfter: 5 * time.Second, Timeout: time.Minute}}
	one := try{n: 1, moment: Full, beside: true, ranked: true, after: 100 * time.Millisecond}
	r, err := perform(t.Context(), o, trial.Program{Name: "stock", Command: []string{stock}}, one)
	if err != nil {
		t.Fatal(err)
	}
	if r.Promoted != "server1" || r.KeysAt != keys || r.LostWrites == 0 || !strings.Contains(r.wrong(), "acknowledged writes") {
		t.Errorf("got %+v: %q", r, r.wrong())
	}
}

// TestDataFirst: gosentinel promotes no replica that lacks data, however high its rank
// and whoever asks for it.
func TestDataFirst(t *testing.T) {
	t.Parallel()
	o := Options{Setup: trial.Setup{Sentinels: 1, DownAfter: time.Second, Timeout: time.Minute}}
	p := trial.Program{Name: "gosentinel", Command: []string{clustertest.Daemon(t)}}
	for _, one := range []try{
		{n: 1, moment: Full, beside: true, ranked: true, after: 100 * time.Millisecond},
		{n: 2, moment: Empty, kill: true},
	} {
		t.Run(one.fault(), func(t *testing.T) {
			t.Parallel()
			r, err := perform(t.Context(), o, p, one)
			if err != nil {
				t.Fatal(err)
			}
			if text := r.wrong(); text != "" || one.kill == (r.Promoted != "") {
				t.Errorf("got %+v: %s", r, text)
			}
		})
	}
}

// TestTries: forty tries are all combinations, and a seed gives the same instants again.
func TestTries(t *testing.T) {
	type kind struct {
		m                    Moment
		kill, beside, ranked bool
	}
	seen := map[kind]bool{}
	for _, one := range tries(40, 7) {
		seen[kind{one.moment, one.kill, one.beside, one.ranked}] = true
		if one.after < 0 || one.after >= window {
			t.Errorf("%s", one)
		}
	}
	if len(seen) != 40 {
		t.Errorf("%d combinations", len(seen))
	}
	if a, b := tries(3, 7)[2], tries(3, 7)[2]; a != b || a == tries(3, 8)[2] {
		t.Errorf("%s and %s", a, b)
	}
}

func TestVerdict(t *testing.T) {
	for name, c := range map[string]struct {
		r    result
		want string
	}{
		"nothing happened":      {result{Refused: "NOGOODSLAVE"}, ""},
		"sound":                 {result{Promoted: "a", KeysAt: keys}, ""},
		"empty":                 {result{Promoted: "a"}, "with 0 of"},
		"wiped in the end":      {result{LostKeys: 3}, "3 keys"},
		"planned, writes gone":  {result{Promoted: "a", KeysAt: keys, LostWrites: 1}, "1 acknowledged"},
		"killed, last resort":   {result{try: try{kill: true}, Promoted: "a", KeysAt: keys, LostWrites: 1}, ""},
		"killed, other there":   {result{try: try{kill: true, beside: true}, Promoted: "a", KeysAt: keys, LostWrites: 1}, "1 acknowledged"},
		"killed, higher rank":   {result{try: try{kill: true, beside: true, ranked: true}, Promoted: "a", KeysAt: keys, LostWrites: 1}, ""},
		"killed, other lineage": {result{try: try{kill: true}, Promoted: "a", KeysAt: keys, Stranger: true}, "of before"},
		"nobody promoted, gone": {result{try: try{kill: true}, LostWrites: 1}, "1 acknowledged"},
	} {
		got := c.r.wrong()
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
		if err := judge(side{results: []result{c.r}}); (err == nil) != (c.want == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReport(t *testing.T) {
	one := try{n: 1, moment: RDB, kill: true, after: time.Second}
	rs := []result{{try: one, Promoted: "server1", KeysAt: 7}, {try: one, Refused: "NOGOODSLAVE none"}}
	var out bytes.Buffer
	printHeader(&out, Options{Setup: trial.Setup{Runs: 2, Sentinels: 3}, Seed: 9})
	for _, r := range rs {
		printTry(&out, "gosentinel", r)
	}
	printSummary(&out, []side{{"gosentinel", rs}})
	for _, want := range []string{"seed 9", "WRONG: server1 was promoted with 7 of 2000 keys", "refused: NOGOODSLAVE none",
		"gosentinel     rdb    kill         2        1         1      1         0          0"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, &out)
		}
	}
}
