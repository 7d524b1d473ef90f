package reporter

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

// Bounds of one report: who knows how many Sentinels and replicas there are.
const (
	maxEntries = 64
	maxText    = 512
)

// full reports whether a list is, and counts what is left out.
func (a *attempt) full(length int) bool {
	if length < maxEntries {
		return false
	}
	a.Omitted++
	return true
}

// clip bounds a text, part of which comes from the network.
func clip(text string) string {
	if len(text) > maxText {
		text = text[:maxText-3] + "..."
	}
	return strings.ToValidUTF8(text, "?")
}

// enter begins a phase, which ends the one before.
func (a *attempt) enter(r *Reporter, name string, at monitor.Instant) {
	a.leave(at)
	if a.full(len(a.Phases)) {
		return
	}
	a.Phases = append(a.Phases, journal.Phase{Name: name, Begun: r.wall(at)})
	a.phaseAt = at
}

func (a *attempt) leave(at monitor.Instant) {
	if n := len(a.Phases); n > 0 && a.phaseAt != 0 {
		a.Phases[n-1].Took = max(at.Sub(a.phaseAt), 0).Round(time.Microsecond) // as it is written down
	}
	a.phaseAt = 0
}

// in reports whether a phase is running.
func (a *attempt) in(name string) bool {
	n := len(a.Phases)
	return n > 0 && a.phaseAt != 0 && a.Phases[n-1].Name == name
}

func (a *attempt) say(r *Reporter, text string) {
	if n := len(a.Notes); n > 0 && a.Notes[n-1].Text == text || a.full(n) {
		return
	}
	a.Notes = append(a.Notes, journal.Note{At: r.wall(r.now), Text: clip(text)})
}

// vote notes an answer to a vote request. A later one of the same Sentinel replaces
// it, unless it is about an earlier epoch.
func (a *attempt) vote(v journal.Vote) {
	for k := range a.Votes {
		if o := &a.Votes[k]; o.By.ID == v.By.ID {
			if v.Epoch >= o.Epoch || o.Silent {
				*o = v
			}
			return
		}
	}
	if !a.full(len(a.Votes)) {
		a.Votes = append(a.Votes, v)
	}
}

// silent keeps the mark of those who have not answered only where that matters: a vote
// that came after the majority was there is no silence.
func (a *attempt) silent() {
	if a.Outcome != journal.NotElected {
		a.Votes = slices.DeleteFunc(a.Votes, func(v journal.Vote) bool { return v.Silent })
	}
}

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }

func at(a monitor.HostPort) string {
	if a == (monitor.HostPort{}) {
		return ""
	}
	return a.String()
}
