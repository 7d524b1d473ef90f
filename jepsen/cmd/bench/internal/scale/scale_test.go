package scale

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/jepsen/cluster/clustertest"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/fleet"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// TestMain makes a process of a fleet of the test binary when a measurement asks for it.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "fleet" {
		os.Exit(fleet.Main(os.Args[2:]))
	}
	goleak.VerifyTestMain(m, clustertest.Programs())
}

// TestRealSentinel measures one Sentinel: it finds what a fleet has, and is counted right.
func TestRealSentinel(t *testing.T) {
	row := Row{Name: "test", Figures: []Figure{told("PINGs", ""), told("RSS", ""), told("CPU", ""), told("votes", ""), told("missing", "")}}
	row.Run = func(ctx context.Context, s *stage) ([]float64, error) {
		w, err := s.watch(ctx, setting{Layout: fleet.Layout{Masters: 20, Replicas: 2, Doomed: 1}, downAfter: 200 * time.Millisecond}, 300*time.Millisecond)
		if err != nil {
			return nil, err
		}
		votes, err := askVotes(ctx, s.sentinels[0], s.fleet, 20)
		if err != nil {
			return nil, err
		}
		missing, err := field(ctx, s.sentinels[0], "sentinel", "no_such_field")
		if missing != unknown {
			t.Errorf("a field that is not there: %v", missing)
		}
		return []float64{w.pings, w.RSS, float64(w.CPU), float64(votes), missing}, err
	}
	o := Options{Runs: 1, Short: true, Fleet: []string{os.Args[0], "fleet"}, Programs: []trial.Program{{Name: "gosentinel", Command: []string{clustertest.Daemon(t)}}}, Rows: []Row{row}}
	o.Results = &Results{}
	var out bytes.Buffer
	if err := Run(t.Context(), o, &out); err != nil {
		t.Fatal(err)
	}
	m, ok := o.Results.named("test")
	if !ok || len(m.Sides) != 1 {
		t.Fatalf("results: %+v\n%s", o.Results, &out)
	}
	for i, v := range m.Sides[0].Values[:4] {
		if v[0] <= 0 {
			t.Errorf("%s: %v", row.Figures[i].Name, v)
		}
	}
}

// TestRowThatFails: the others are measured all the same.
func TestRowThatFails(t *testing.T) {
	bad := errors.New("bad")
	fail := func(context.Context, *stage) ([]float64, error) { return nil, bad }
	few := func(context.Context, *stage) ([]float64, error) { return nil, nil }
	o := Options{Runs: 2, Programs: []trial.Program{{Name: "a", Command: []string{"true"}}}, Results: &Results{}, Rows: []Row{
		{Name: "first", Run: fail}, {Name: "second", Figures: []Figure{told("x", "")}, Run: few}, {Name: "idle", Run: few},
	}}
	var out bytes.Buffer
	err := Run(t.Context(), o, &out)
	if !errors.Is(err, bad) || !strings.Contains(err.Error(), "0 figures instead of 1") {
		t.Errorf("got %v", err)
	}
	if _, ok := o.Results.named("idle"); !ok || len(o.Results.Rows) != 1 {
		t.Errorf("results: %+v", o.Results)
	}
}

func TestJudge(t *testing.T) {
	m := func(sides ...float64) (m Measured) {
		for _, s := range sides {
			m.Sides = append(m.Sides, Sided{"p", [][]float64{{s}}})
		}
		return m
	}
	for _, c := range []struct {
		f       Figure
		m       Measured
		value   float64
		verdict string
	}{
		{ratio("", "", 0.5, 0.8), m(4, 10), 0.4, good},
		{ratio("", "", 0.5, 0.8), m(8, 10), 0.8, enough},
		{ratio("", "", 0.5, 0.8), m(9, 10), 0.9, missed},
		{ratio("", "", 1, 1), m(0, 0), 1, good},
		{ratio("", "", 1, 1), m(1, 0), math.Inf(1), missed},
		{ratio("", "", 1, 0), m(1, 2, 0.5), 2, missed},
		{more("", "", 1, 0.95), m(96, 100), 0.96, enough},
		{more("", "", 1, 0.95), m(94, 100), 0.94, missed},
		{absolute("", "", 20, 50), m(30, 1000), 30, enough},
		{absolute("", "", 20, 50), m(51), 51, missed},
		{absolute("", "", 0, 0.5), m(0), 0, good},
		{absolute("", "", 0, 0.5), m(1), 1, missed},
		{told("", ""), m(3, 2), 1.5, noLimit},
		{absolute("", "", 1, 2), m(1.5, unknown), 1.5, enough},
	} {
		if value, verdict := c.f.judge(c.m, 0); math.Abs(value-c.value) > 1e-9 || verdict != c.verdict {
			t.Errorf("%+v of %+v: %v %q, want %v %q", c.f, c.m, value, verdict, c.value, c.verdict)
		}
	}
	if value, verdict := absolute("", "", 1, 1).judge(m(unknown), 0); !math.IsNaN(value) || verdict != noLimit || spread([]float64{unknown}) != "–" {
		t.Errorf("what is not known: %v %q", value, verdict)
	}
	if value, verdict := ratio("", "", 1, 1).judge(m(1), 0); !math.IsNaN(value) || verdict != noLimit {
		t.Errorf("a ratio to nothing: %v %q", value, verdict)
	}
}

// TestRowsAreSound: names are unique and can be asked for, and goals are not looser than
// what must be.
func TestRowsAreSound(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rows {
		if seen[r.Name] || r.Text == "" || len(r.Figures) == 0 || r.Run == nil {
			t.Errorf("row %q", r.Name)
		}
		seen[r.Name] = true
		for _, f := range r.Figures {
			if f.Must != 0 && (f.More && f.Goal < f.Must || !f.More && f.Goal > f.Must) {
				t.Errorf("%s, %s: goal %v, must %v", r.Name, f.Name, f.Goal, f.Must)
			}
		}
		if rows, err := Named(r.Name); err != nil || len(rows) != 1 || rows[0].Name != r.Name {
			t.Errorf("%s: %v", r.Name, err)
		}
	}
}

func TestParseHammered(t *testing.T) {
	const text = "WARNING: Could not fetch server CONFIG\n\"test\",\"rps\",\"avg_latency_ms\",\"p99_latency_ms\"\n\"SENTINEL GET-MASTER\",\"5000.50\",\"0.1\",\"1.25\"\n"
	if h, err := parseHammered(text); err != nil || h != (hammered{5000.5, 1.25}) {
		t.Errorf("got %+v, %v", h, err)
	}
	for _, bad := range []string{"", "Could not connect", "\"test\",\"rps\"\n\"x\",\"1\"\n", "\"test\",\"rps\",\"p99_latency_ms\"\n\"x\",\"y\",\"1\"\n"} {
		if _, err := parseHammered(bad); !errors.Is(err, errNoBenchmark) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestDocument: what was measured comes into the page and its pictures, also when it was
// kept in a file meanwhile, and how it was measured, which may differ from row to row.
func TestDocument(t *testing.T) {
	dir := t.TempDir()
	r, err := OpenResults(filepath.Join(dir, "kept"))
	if err != nil {
		t.Fatal(err)
	}
	two := func(values ...float64) []Sided {
		var a, b Sided
		a.Program, b.Program = "gosentinel", "redis-sentinel"
		for _, v := range values {
			a.Values, b.Values = append(a.Values, []float64{v, v + 1, v + 2}), append(b.Values, []float64{2 * v, 2*v + 2, 2*v + 4})
		}
		return []Sided{a, b}
	}
	early := Environment{"bench table -runs 3", "a machine", []string{"gosentinel: 1", "redis-sentinel: 7"}}
	late := Environment{"bench table -rows kill", "another machine", []string{"gosentinel: 2"}}
	r.put(Measured{Name: "idle", Runs: 3, Load: "0.5", Environment: late, Sides: two(9, 3, 12)})
	r.put(Measured{Name: "idle", Runs: 3, Load: "0.5", Environment: early, Sides: two(19, 3, 12)}) // anew
	r.put(Measured{Name: "n100", Runs: 3, Environment: early, Sides: two(100, 10, 200)})
	r.put(Measured{Name: "n1000", Runs: 3, Sides: two(1000, 50, 2000)})
	r.put(Measured{Name: "kill", Runs: 3, Environment: late, Sides: two(14, 1, 2, 3, 9, 12)})
	if err := r.Save(); err != nil {
		t.Fatal(err)
	}
	if r, err = OpenResults(filepath.Join(dir, "kept")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "img"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteDocument(dir); err != nil {
		t.Fatal(err)
	}
	page := read(t, filepath.Join(dir, "benchmarks.md"))
	for _, want := range []string{
		"| `idle` | CPU, ms/min | 20.0 (19.0–21.0) | 40.0 (38.0–42.0) | 0.50 | ≤ 1 (1.20) × | goal | 3, 0.5, ",
		"Measured for `n100`, `idle`:\n\n- command: `bench table -runs 3`\n- machine: a machine\n- gosentinel: 1\n- redis-sentinel: 7\n\n",
		"Measured for `kill`:\n\n- command: `bench table -rows kill`\n- machine: another machine\n- gosentinel: 2\n\n",
		"Measured for `n1000`:\n\n- command, machine and versions: not known\n\n", "Not measured: `ping`", "(img/bench-cpu.svg)", "(img/bench-kill.svg)", "benchstat",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q:\n%s", want, page)
		}
	}
	for file, want := range map[string]string{"bench-cpu.svg": ">gosentinel<", "bench-memory.svg": ">redis-sentinel<", "bench-kill.svg": "promoted"} {
		if text := read(t, filepath.Join(dir, "img", file)); !strings.Contains(text, want) {
			t.Errorf("%s does not show %q:\n%s", file, want, text)
		}
	}
}

// TestDocumentKeepsRows: a row that is measured again on another machine does not cost the
// document all other rows.
func TestDocumentKeepsRows(t *testing.T) {
	dir := t.TempDir()
	ping, err := Named("ping")
	if err != nil {
		t.Fatal(err)
	}
	fresh := &Results{}
	if err := fresh.Keeps(dir, ping); err != nil {
		t.Error("without a document: ", err)
	}
	if err := os.WriteFile(filepath.Join(dir, documentName), []byte("# B\n\n| `ping` | figure |\n| `idle` | figure |\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := fresh.Keeps(dir, ping); err == nil || !strings.Contains(err.Error(), "lack them: idle;") {
		t.Errorf("a document without idle: %v", err)
	}
	fresh.put(Measured{Name: "idle", Runs: 3})
	if err := fresh.Keeps(dir, ping); err != nil {
		t.Error("all are there: ", err)
	}
	if fresh.Keeps(dir, nil) == nil {
		t.Error("ping may be lost")
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestNumber(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 0.5: "0.50", 1: "1", 1.234: "1.23", 12.34: "12.3", 123.4: "123", 12345: "12.3k"} {
		if got := number(x); got != want {
			t.Errorf("%v is shown as %s, want %s", x, got, want)
		}
	}
}

// TestLoad: it ends.
func TestLoad(t *testing.T) {
	end, err := load()
	if err != nil {
		t.Fatal(err)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

func TestUsage(t *testing.T) {
	before, err := usageOf(os.Getpid())
	if err != nil || before.CPU <= 0 || before.RSS < 1 || before.Switches == 0 {
		t.Errorf("this process: %+v, %v", before, err)
	}
	if u := (usage{CPU: 5, Switches: 7, RSS: 9}).since(usage{CPU: 2, Switches: 3, RSS: 4}); u != (usage{3, 4, 9}) {
		t.Errorf("since: %+v", u)
	}
}
