package schedule

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestDraw: a seed gives one schedule, which passes its own check and survives a file.
func TestDraw(t *testing.T) {
	path := filepath.Join(t.TempDir(), "schedule.json")
	struck := map[Kind]bool{}
	for _, m := range append(Mixes(), Scenarios()...) {
		var last Schedule
		for seed := range uint64(200) {
			s, err := Draw(m.Name, seed)
			if err != nil {
				t.Fatal(err)
			}
			again, _ := Draw(m.Name, seed)
			if !reflect.DeepEqual(s, again) {
				t.Fatalf("%s %d: two schedules of one seed:\n%+v\n%+v", m.Name, seed, s, again)
			}
			if seed > 0 && reflect.DeepEqual(s.Faults, last.Faults) {
				t.Errorf("%s: seeds %d and %d do the same", m.Name, seed-1, seed)
			}
			last = s
			if len(s.Faults) == 0 {
				t.Errorf("%s %d: no fault", m.Name, seed)
			}
			for _, f := range s.Faults {
				struck[f.Kind] = true
				if f.At+f.For > s.Length {
					t.Errorf("%s %d: %v ends after the phase of faults", m.Name, seed, f)
				}
			}
			if err := s.Write(path); err != nil {
				t.Fatal(err)
			}
			if read, err := Read(path); err != nil || !reflect.DeepEqual(s, read) {
				t.Fatalf("%s %d: wrote %+v, read %+v, %v", m.Name, seed, s, read, err)
			}
		}
	}
	for _, k := range Kinds() {
		if !struck[k] || k.What() == "" {
			t.Errorf("kind %s: drawn %t, explained as %q", k, struck[k], k.What())
		}
	}
	if _, err := Draw("kil", 1); err == nil || !strings.Contains(err.Error(), "kill") {
		t.Errorf("an unknown mix: %v", err)
	}
}

func TestCheck(t *testing.T) {
	sound, err := Draw("flap", 1)
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Schedule){
		"1 servers":                    func(s *Schedule) { s.Group.Servers = 1 },
		"0 sentinels":                  func(s *Schedule) { s.Group.Sentinels = 0 },
		"quorum 4 of 3":                func(s *Schedule) { s.Group.Quorum = 4 },
		"down-after 1ms":               func(s *Schedule) { s.Group.DownAfter = Duration(time.Millisecond) },
		"failover-timeout 1ms":         func(s *Schedule) { s.Group.FailoverTimeout = Duration(time.Millisecond) },
		"write-every -1ns":             func(s *Schedule) { s.Group.WriteEvery = -1 },
		"length 0s":                    func(s *Schedule) { s.Length = 0 },
		`fault 1: there is no kind`:    func(s *Schedule) { s.Faults[0].Kind = "kil" },
		`fault 1: flap strikes "king"`: func(s *Schedule) { s.Faults[0].On = "king" },
		"is negative":                  func(s *Schedule) { s.Faults[0].For = -1 },
		"percent 1001":                 func(s *Schedule) { s.Faults[0].Percent = 1001 },
		"want 50ms or more":            func(s *Schedule) { s.Faults[0].Every = 0 },
		`beside "friend"`:              func(s *Schedule) { s.Faults[0].Beside = []string{"friend"} },
		"order of their times": func(s *Schedule) {
			s.Faults = append(s.Faults, s.Faults[0])
			s.Faults[0].At = Duration(time.Minute)
		},
	} {
		s := sound
		s.Faults = append([]Fault(nil), sound.Faults...)
		change(&s)
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestReadErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "schedule.json")
	for text, want := range map[string]string{
		"{":                      "unexpected EOF",
		`{"sede": 3}`:            `unknown field "sede"`,
		`{"length": "3 apples"}`: "unknown unit",
		"{}":                     "0 servers",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want %q and the path", text, err, want)
		}
	}
}

func TestString(t *testing.T) {
	f := Fault{Kind: Loss, On: Master, Beside: []string{"client"}, Percent: 20, Delay: Duration(time.Second), Every: Duration(time.Minute), For: Duration(2 * time.Second)}
	if got := f.String(); got != "loss master with a client 20% by 1s every 1m0s for 2s" {
		t.Error(got)
	}
}
