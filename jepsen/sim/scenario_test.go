package sim

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestScenarioText(t *testing.T) {
	for seed := range uint64(60) {
		for _, g := range []string{"default", "all", "stock"} {
			s := Draw(seed, []string{g})
			if seed%3 == 0 {
				s.Options.Bug = BugMixedEpochs
			}
			got, err := ParseScenario("# a comment\n\n" + s.String())
			if err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, s)
			}
			if !reflect.DeepEqual(got, s) {
				t.Fatalf("seed %d: read back\n%s\nwritten\n%s", seed, got, s)
			}
		}
	}
}

// small is a scenario that a test can vary.
const small = `seed 7
sentinels 3
masters 1
replicas 2
clients 1
quorum 2
down-after 1s
failover-timeout 5s
parallel-syncs 1
delay 200µs
disk-latency 1ms
repl-timeout 10s
calm 5s
chaos 5s
`

func TestBadScenarios(t *testing.T) {
	if _, err := ParseScenario(small); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ line, want string }{
		{"sentinel 3", `line 15: there is no option "sentinel"`},
		{"sentinels", `want an option and its value`},
		{"sentinels three", "three"},
		{"sentinels 21", "want 1 to 20"},
		{"sentinels -1", "want 1 to 20"},
		{"sentinels 99999999999999999999", "out of range"},
		{"masters 0", "1 to 50 masters"},
		{"replicas 21", "20 replicas"},
		{"clients 1000000", "20 clients"},
		{"quorum 0", "quorum"},
		{"parallel-syncs 0", "parallel-syncs"},
		{"down-after 10", "missing unit"},
		{"down-after 0s", "down-after"},
		{"failover-timeout -1s", "failover-timeout"},
		{"failover-timeout 1000000h", "failover-timeout"},
		{"jitter -1ms", "jitter"},
		{"chaos 9000h", "chaos"},
		{"repl-timeout 1s", "repl-timeout"},
		{"codec yaml", "codec"},
		{"storage tape", "storage"},
		{"bug none", "bug"},
		{"discover perhaps", "perhaps"},
		{"seed -1", "seed"},
		{"seed x", "seed"},
		{"at", "want at TIME"},
		{"at noon crash-master", "want at TIME"},
		{"at -1s crash-master", "want at TIME"},
		{"at 1s", "there is no fault"},
		{"at 1s explode a=1 b=1", `there is no fault "explode"`},
		{"at 1000000h crash-master a=1", "at most 48h"},
		{"at 1s crash-master a=9000000000", "at most"},
		{"at 1s crash-master a=-1", "want at TIME"},
		{"at 1s crash-master a=x", "want at TIME"},
		{"at 1s crash-master c=1", "want at TIME"},
		{"at 1s crash-master a=1 for", "want at TIME"},
		{"at 1s crash-master a=1 for ever", "want at TIME"},
		{"at 1s on +nothing crash-master a=1", `"+nothing"`},
	} {
		_, err := ParseScenario(small + c.line + "\n")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q gives %v, want %q in it", c.line, err, c.want)
		}
	}
	var many strings.Builder
	many.WriteString(small)
	for range maxFaults + 1 {
		many.WriteString("at 1s crash-master a=1 b=1\n")
	}
	if _, err := ParseScenario(many.String()); err == nil {
		t.Error("any number of faults is accepted")
	}
}

// FuzzParseScenario: whatever is read is written and read back as the same, and
// nothing makes the parser panic.
func FuzzParseScenario(f *testing.F) {
	f.Add(small)
	f.Add(Draw(1, nil).String())
	f.Add("at 1s on +odown crash-master a=1 b=2 for 3s")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseScenario(text)
		if err != nil {
			return
		}
		again, err := ParseScenario(s.String())
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("read back %+v (%v), written %+v", again, err, s)
		}
	})
}

// TestSmallestWorlds plays worlds at the edge of what is valid.
func TestSmallestWorlds(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"one Sentinel":        func(o *Options) { o.Sentinels, o.Quorum = 1, 1 },
		"no replica":          func(o *Options) { o.Replicas = 0 },
		"no client":           func(o *Options) { o.Clients = 0 },
		"no chaos":            func(o *Options) { o.Chaos = 0 },
		"quorum out of reach": func(o *Options) { o.Quorum = 9 },
		"only stock":          func(o *Options) { o.Sentinels, o.Stock = 0, 3 },
	} {
		s, err := ParseScenario(small)
		if err != nil {
			t.Fatal(err)
		}
		change(&s.Options)
		s.Faults = []Fault{{At: 6 * time.Second, Kind: "crash-master", D: 4 * time.Second}}
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if r := Run(s, nil); r.Failed() {
			t.Errorf("%s: %s", name, r.Violation)
		}
	}
}
