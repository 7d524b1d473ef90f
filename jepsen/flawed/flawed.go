package flawed

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gosentinel/sentinel/jepsen/check"
	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/mutants"
	"github.com/gosentinel/sentinel/jepsen/schedule"
)

// Build is a gosentinel with a fault.
type Build struct {
	Name string
	Why  string // what would go wrong in production
	// Of are the names of mutations of package mutants that are put in, and Edits are
	// further ones.
	Of    []string
	Edits []mutants.Edit
	// Schedule returns what is played, by a number that counts up until the fault is
	// found.
	Schedule func(n uint64) schedule.Schedule
	// By are the checks, one of which must find it.
	By []string
}

const second = schedule.Duration(time.Second)

// Builds are all of them.
var Builds = []Build{
	{
		Name: "votes not persisted", Why: "a Sentinel that restarts uses an epoch, and a vote in it, a second time",
		Of: []string{"current epoch not saved", "vote not saved"},
		By: []string{"epochs never fall", "one leader in each epoch"}, Schedule: restartVoters,
	},
	{
		// Without the pause alone nothing is lost: the master is demoted before another is
		// promoted. So this one leaves out both.
		Name: "switchover without pause", Why: "what the master takes while it hands over is lost",
		Edits: []mutants.Edit{
			{File: "monitor/switchover_steps.go", Old: "PauseWrites{For: s.pause.length}", New: "PauseWrites{For: 1}"},
			{
				File: "monitor/switchover_steps.go", Old: "	case pausing:\n		if !s.answered() {",
				New: "	case pausing:\n		if s.stage == pausing {\n			c.promoteTarget(now, m)\n			return Never\n		}\n		if !s.answered() {",
			},
		},
		By: []string{"lists"}, Schedule: drawn("planned"),
	},
}

// drawn returns the schedules of a mix.
func drawn(mix string) func(n uint64) schedule.Schedule {
	return func(n uint64) schedule.Schedule {
		s, err := schedule.Draw(mix, n)
		if err != nil {
			panic(err) // the name stands above, and a test plays all of them
		}
		return s
	}
}

// restartVoters has Sentinels hold an election that leads to nothing, because no server is
// there, and kills them all. What they promised is then in their files alone.
func restartVoters(n uint64) schedule.Schedule {
	s := drawn("kill-master")(n)
	s.Mix = "restart-voters"
	s.Length, s.Faults = 9*second, nil
	for _, on := range []struct {
		role schedule.Role
		pick uint64
	}{{schedule.Replica, 0}, {schedule.Replica, 1}, {schedule.Master, 0}} {
		at := second / 2
		if on.role == schedule.Master {
			at += second / 10 // who the replicas are is asked for before
		}
		s.Faults = append(s.Faults, schedule.Fault{At: at, For: 8 * second, Kind: schedule.Kill, On: on.role, Pick: on.pick})
	}
	for _, pick := range []uint64{0, 1, 2} {
		s.Faults = append(s.Faults, schedule.Fault{At: 4 * second, For: second / 5, Kind: schedule.Kill, On: schedule.Sentinel, Pick: pick})
	}
	return s
}

// mutation joins the edits of a build.
func (b Build) mutation() (mutants.Mutation, error) {
	m := mutants.Mutation{Name: b.Name, Edits: slices.Clone(b.Edits)}
	for _, name := range b.Of {
		i := slices.IndexFunc(mutants.Table, func(m mutants.Mutation) bool { return m.Name == name })
		if i < 0 {
			return m, fmt.Errorf("flawed: %s: there is no mutation %q", b.Name, name)
		}
		m.Edits = append(m.Edits, mutants.Table[i].Edits...)
	}
	return m, nil
}

// Compile builds the daemon with the fault to the file out. root is that of the source
// tree; dir is for temporary files.
func (b Build) Compile(ctx context.Context, root, dir, out string) error {
	m, err := b.mutation()
	if err != nil {
		return err
	}
	overlay, err := m.Overlay(root, dir)
	if err != nil {
		return err
	}
	return cluster.BuildSentinel(ctx, out, "-overlay", overlay)
}

// Found returns the finding of a check that must see the fault, or "".
func (b Build) Found(rep check.Report) string {
	for _, r := range rep.Results {
		if r.Verdict == check.Invalid && slices.Contains(b.By, r.Name) {
			return r.Name + ": " + r.Findings[0]
		}
	}
	return ""
}
