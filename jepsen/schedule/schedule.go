package schedule

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// Duration is a time.Duration that JSON has as "1.5s".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// Of returns d as the type of the standard library.
func (d Duration) Of() time.Duration { return time.Duration(d) }

// Role is whom a fault strikes.
type Role string

// The roles. Who has one is decided when the fault begins.
const (
	Master    Role = "master"    // the server that most Sentinels name
	Replica   Role = "replica"   // one of the other servers
	Leader    Role = "leader"    // the Sentinel that was elected last; any, if none was
	Sentinel  Role = "sentinel"  // one Sentinel
	Minority  Role = "minority"  // as many Sentinels as can be lost
	Majority  Role = "majority"  // one more than that
	Everybody Role = "everybody" // all servers and Sentinels
	Anybody   Role = "anybody"   // one server or Sentinel
)

// Group is what a schedule is played with.
type Group struct {
	Servers   int `json:"servers"`
	Sentinels int `json:"sentinels"`
	Quorum    int `json:"quorum"`
	// DownAfter and FailoverTimeout are those of the Sentinels.
	DownAfter       Duration `json:"down-after"`
	FailoverTimeout Duration `json:"failover-timeout"`
	// MinReplicas is min-replicas-to-write of the servers, with a max-lag of 1 s.
	MinReplicas int `json:"min-replicas,omitempty"`
	// Wait has clients say WAIT 1 behind each write, and count it as acknowledged when
	// a replica has it.
	Wait bool `json:"wait,omitempty"`
	// WriteEvery is the time between two writes of one writer; 0: 20 ms.
	WriteEvery Duration `json:"write-every,omitempty"`
	// Gossip is whether gosentinels gossip with each other.
	Gossip bool `json:"gossip,omitempty"`
}

// Fault is one thing that goes wrong.
type Fault struct {
	At   Duration `json:"at"`            // since the beginning of the phase of faults
	For  Duration `json:"for,omitempty"` // 0: over at once, or undone when all is healed
	Kind Kind     `json:"kind"`
	On   Role     `json:"on"`
	// Pick chooses where the role leaves a choice.
	Pick uint64 `json:"pick"`
	// Beside are further hosts on the same side of a partition: "sentinel", "client".
	Beside []string `json:"beside,omitempty"`
	// Percent is a share of packets, or the speed of a clock.
	Percent int `json:"percent,omitempty"`
	// Delay is how long something is held up, or by how much a clock jumps.
	Delay Duration `json:"delay,omitempty"`
	// Every is the time between two changes of something that goes to and fro.
	Every Duration `json:"every,omitempty"`
}

// String returns the fault in words.
func (f Fault) String() string {
	s := fmt.Sprintf("%s %s", f.Kind, f.On)
	for _, b := range f.Beside {
		s += " with a " + b
	}
	if f.Percent != 0 {
		s += fmt.Sprintf(" %d%%", f.Percent)
	}
	if f.Delay != 0 {
		s += fmt.Sprintf(" by %v", f.Delay.Of())
	}
	if f.Every != 0 {
		s += fmt.Sprintf(" every %v", f.Every.Of())
	}
	if f.For != 0 {
		s += fmt.Sprintf(" for %v", f.For.Of())
	}
	return s
}

// Schedule is the plan of a run.
type Schedule struct {
	Mix    string   `json:"mix"`
	Seed   uint64   `json:"seed"`
	Group  Group    `json:"group"`
	Length Duration `json:"length"` // of the phase of faults
	Faults []Fault  `json:"faults"` // in order of At
}

// Check says what is wrong with a schedule that somebody has written or changed.
func (s Schedule) Check() error {
	g := s.Group
	switch {
	case g.Servers < 2 || g.Servers > 9:
		return fmt.Errorf("%d servers: want 2 to 9", g.Servers)
	case g.Sentinels < 1 || g.Sentinels > 9:
		return fmt.Errorf("%d sentinels: want 1 to 9", g.Sentinels)
	case g.Quorum < 1 || g.Quorum > g.Sentinels:
		return fmt.Errorf("quorum %d of %d sentinels", g.Quorum, g.Sentinels)
	case g.DownAfter < Duration(100*time.Millisecond):
		return fmt.Errorf("down-after %v: want 100ms or more", g.DownAfter.Of())
	case g.FailoverTimeout < Duration(time.Second):
		return fmt.Errorf("failover-timeout %v: want 1s or more", g.FailoverTimeout.Of())
	case g.WriteEvery < 0 || g.WriteEvery > Duration(500*time.Millisecond):
		return fmt.Errorf("write-every %v: want up to 500ms", g.WriteEvery.Of())
	case s.Length <= 0 || s.Length > Duration(time.Hour):
		return fmt.Errorf("length %v: want up to 1h", s.Length.Of())
	}
	for i, f := range s.Faults {
		if err := f.check(); err != nil {
			return fmt.Errorf("fault %d: %w", i+1, err)
		}
	}
	if !slices.IsSortedFunc(s.Faults, func(a, b Fault) int { return int(a.At - b.At) }) {
		return errors.New("the faults do not stand in the order of their times")
	}
	return nil
}

func (f Fault) check() error {
	k, known := kinds[f.Kind]
	switch {
	case !known:
		return fmt.Errorf("there is no kind %q", f.Kind)
	case !slices.Contains(k.roles, f.On):
		return fmt.Errorf("%s strikes %q: want one of %v", f.Kind, f.On, k.roles)
	case f.At < 0 || f.For < 0 || f.Every < 0:
		return errors.New("a time is negative")
	case f.Percent < 0 || f.Percent > 1000:
		return fmt.Errorf("percent %d", f.Percent)
	case k.every && f.Every < Duration(50*time.Millisecond):
		return fmt.Errorf("%s every %v: want 50ms or more", f.Kind, f.Every.Of())
	}
	for _, b := range f.Beside {
		if b != "sentinel" && b != "client" {
			return fmt.Errorf("beside %q: want sentinel or client", b)
		}
	}
	return nil
}

// Write writes the schedule to a file that Read can read.
func (s Schedule) Write(path string) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// Read reads and checks a schedule.
func Read(path string) (Schedule, error) {
	f, err := os.Open(path)
	if err != nil {
		return Schedule{}, err
	}
	defer f.Close()
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	var s Schedule
	if err := d.Decode(&s); err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	if err := s.Check(); err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}
