package flawed

import (
	"os"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/check"
)

const root = "../.."

// TestBuilds: every fault still fits the source, and has schedules that can be played and
// checks that there are.
func TestBuilds(t *testing.T) {
	checks := map[string]bool{}
	for _, r := range check.Judge(check.Run{}).Results {
		checks[r.Name] = true
	}
	for _, b := range Builds {
		m, err := b.mutation()
		if err != nil {
			t.Fatal(err)
		}
		changed, err := m.Apply(root)
		if err != nil {
			t.Errorf("%s: %v", b.Name, err)
		}
		if len(changed) == 0 || b.Why == "" {
			t.Errorf("%s changes %d files; it is explained as %q", b.Name, len(changed), b.Why)
		}
		for n := range uint64(3) {
			if err := b.Schedule(n).Check(); err != nil {
				t.Errorf("%s: schedule %d: %v", b.Name, n, err)
			}
		}
		for _, by := range b.By {
			if !checks[by] {
				t.Errorf("%s: there is no check %q", b.Name, by)
			}
		}
	}
}

// TestCompile: a flawed daemon can be built.
func TestCompile(t *testing.T) {
	dir := t.TempDir()
	if err := Builds[0].Compile(t.Context(), root, dir, dir+"/gosentinel"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir + "/gosentinel"); err != nil {
		t.Error(err)
	}
	missing := Build{Name: "x", Of: []string{"no such mutation"}}
	if err := missing.Compile(t.Context(), root, dir, dir+"/gosentinel"); err == nil {
		t.Error("a mutation that is not there was built")
	}
}

func TestFound(t *testing.T) {
	b := Build{By: []string{"lists"}}
	rep := check.Report{Results: []check.Result{
		{Name: "bank", Verdict: check.Invalid, Findings: []string{"y"}},
		{Name: "lists", Verdict: check.Unknown, Findings: []string{"z"}},
	}}
	if got := b.Found(rep); got != "" {
		t.Error(got)
	}
	rep.Results[1].Verdict = check.Invalid
	if got := b.Found(rep); got != "lists: z" {
		t.Error(got)
	}
}
