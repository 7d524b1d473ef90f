package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/check"
	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/internal/cli"
	"github.com/gosentinel/sentinel/jepsen/schedule"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestFlags: what is wrong with a command line is said before anything is started.
func TestFlags(t *testing.T) {
	for _, c := range []struct {
		task cli.Task
		args string
		want string // part of the error; empty: none
	}{
		{&run{}, "", ""},
		{&run{}, "-mix kill,isolate -sentinels stock,ours", ""},
		{&run{}, "-mix kil", `no mix "kil"`},
		{&run{}, "-runs 0", "-runs 0 needs a -duration"},
		{&run{}, "-runs 0 -duration 1m", ""},
		{&run{}, "-sentinels theirs", "want ours and stock"},
		{&compare{}, "", ""},
		{&compare{}, "-runs 0", "1 or more"},
		{&compare{}, "-mix nothing", `no mix "nothing"`},
		{&compare{}, "-sides ours,them", "want ours and stock"},
		{&prove{}, "-only [", "missing closing"},
		{&prove{}, "-runs 0", "1 or more"},
		{&judge{}, "", "which directories"},
		{&judge{}, "a b", ""},
		{&list{}, "", ""},
	} {
		err := cli.Parse(c.task, strings.Fields(c.args)...)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%T %s: got %v, want %q", c.task, c.args, err, c.want)
		}
	}
}

func TestList(t *testing.T) {
	var out bytes.Buffer
	if code := program.Run(t.Context(), []string{"list"}, cli.Streams{Out: &out, Info: &out}); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, m := range append(schedule.Mixes(), schedule.Scenarios()...) {
		if !strings.Contains(out.String(), "  "+m.Name+" ") {
			t.Errorf("%s is missing in\n%s", m.Name, &out)
		}
	}
}

func TestPrograms(t *testing.T) {
	p := &player{setting: &setting{}, ours: "/g", stock: "/s"}
	list, err := p.programs("stock,ours;a b;c")
	if err != nil || len(list) != 2 || list[0].Command[0] != "/s" || list[1].Command[0] != "/g" || strings.Join(list[1].Lines, "|") != "a b|c" {
		t.Errorf("%+v, %v", list, err)
	}
	p.stock = ""
	if _, err := p.programs("stock"); err != cluster.ErrNoRedisServer || len(p.others()) != 1 {
		t.Errorf("without redis-sentinel: %v", err)
	}
}

func report(verdict check.Verdict, lost float64) check.Report {
	return check.Report{Verdict: verdict, Results: []check.Result{{Name: "lists", Verdict: verdict, Figures: map[string]float64{"lost": lost}}}}
}

func TestTable(t *testing.T) {
	tab := &table{sides: []string{"ours", "stock"}, mixes: []string{"kill"}, reports: map[string]map[string][]check.Report{"kill": {
		"ours":  {report(check.Valid, 1), report(check.Unknown, 4), report(check.Invalid, 2.5)},
		"stock": {report(check.Valid, 7)},
	}}}
	var out bytes.Buffer
	tab.write(&out)
	text := regexp.MustCompile(" +").ReplaceAllString(out.String(), " ")
	for _, want := range []string{
		"kill ours stock\n", "runs: valid, invalid, unknown 3: 1, 1, 1 1: 1, 0, 0\n", "lost acknowledged writes 2.50 (1 to 4) 7\n", "split brain, s - -\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("want %q in\n%s", want, &out)
		}
	}
	if got := why(report(check.Invalid, 0)); got != " (lists)" || why(check.Report{}) != "" {
		t.Error(got)
	}
	if got := strings.Map(plain, "ours;a b"); got != "ours_a_b" {
		t.Error(got)
	}
}
