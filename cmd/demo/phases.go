package main

import (
	"fmt"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// phases are the times of the steps of a failover, counted from the kill.
type phases struct {
	sdown, odown, elected, promoted time.Duration
	everywhere                      time.Duration // when the last Sentinel switched
	leaders                         int
}

// phasesOf finds the times in the events since the kill. It returns an error when
// one of the steps is missing.
func phasesOf(events []cluster.Event, killed time.Time, sentinels int) (phases, error) {
	var p phases
	first := map[string]time.Duration{}
	switched := map[string]bool{}
	for _, ev := range events {
		at := ev.At.Sub(killed)
		name := ev.Name
		if name == "+sdown" && kindOf(ev.Text) != "master" {
			continue // a Sentinel or a replica may be silent for a moment as well
		}
		if _, seen := first[name]; !seen {
			first[name] = at
		}
		switch name {
		case "+elected-leader":
			p.leaders++
		case "+switch-master":
			if !switched[ev.Sentinel] {
				switched[ev.Sentinel] = true
				p.everywhere = max(p.everywhere, at)
			}
		}
	}
	for name, to := range map[string]*time.Duration{
		"+sdown": &p.sdown, "+odown": &p.odown, "+elected-leader": &p.elected, "+promoted-slave": &p.promoted,
	} {
		at, seen := first[name]
		if !seen {
			return p, fmt.Errorf("no Sentinel announced %s", name)
		}
		*to = at
	}
	if len(switched) != sentinels {
		return p, fmt.Errorf("%d of %d Sentinels announced +switch-master", len(switched), sentinels)
	}
	return p, nil
}

func kindOf(text string) string {
	var kind string
	// An empty payload leaves kind empty.
	_, _ = fmt.Sscan(text, &kind)
	return kind
}

// lines returns the durations of the phases as a table.
func (p phases) lines(silence time.Duration) []string {
	row := func(name string, d time.Duration, what string) string {
		return fmt.Sprintf("%-10s %7.3f s  %s", name, d.Seconds(), what)
	}
	// down-after counts from the moment when nothing answers any more. A server
	// that is killed by SIGSEGV first writes a crash report.
	dying := max(p.sdown-silence, 0)
	return []string{
		row("dying", dying, "the kill to silence: it reports its crash first"),
		row("detection", p.odown-dying, fmt.Sprintf("to +odown; down-after is %.3f s of it", silence.Seconds())),
		row("election", p.elected-p.odown, "to +elected-leader"),
		row("promotion", p.promoted-p.elected, "to +promoted-slave: the new master takes writes"),
		row("spreading", p.everywhere-p.promoted, "to +switch-master on the last Sentinel"),
		row("total", p.promoted, fmt.Sprintf("to a new master: %d ms more than dying and down-after",
			(p.promoted-silence-dying).Milliseconds())),
	}
}
