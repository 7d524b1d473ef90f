package journal

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// String sums the report up in one line, in words that need no manual.
func (r Report) String() string {
	if r.ID == 0 {
		return "no failover"
	}
	var b strings.Builder
	b.WriteString(r.headline())
	b.WriteString(". ")
	if why := r.why(); why != "" {
		b.WriteString(why + ". ")
	}
	if r.Held != "" && !r.waits() && r.Outcome != Vetoed && r.Outcome != Held {
		b.WriteString("This Sentinel did not begin at once: " + r.Held + ". ")
	}
	if votes := r.votes(); votes != "" {
		b.WriteString(votes + ". ")
	}
	if choice := r.choice(); choice != "" {
		b.WriteString(choice + ". ")
	}
	if times := r.times(); times != "" {
		b.WriteString(times + ". ")
	}
	if lost := r.lost(); lost != "" {
		b.WriteString(lost + ". ")
	}
	return strings.TrimSpace(b.String())
}

// Opening says in one line that an attempt has begun, who tries, and why.
func (r Report) Opening() string {
	s := r.title() + " (" + r.From + ") begins, epoch " + strconv.FormatUint(r.Epoch, 10) + ": "
	if r.Led {
		s += "this Sentinel stands for election. "
	} else {
		s += "this Sentinel has voted for " + r.Leader.String() + ". "
	}
	if why := r.why(); why != "" {
		s += why + ". "
	}
	if phases := r.phaseTimes(); len(phases) > 0 {
		s += "Before that: " + strings.Join(phases, ", ") + ". "
	}
	return strings.TrimSpace(s)
}

// title says what is tried with which master.
func (r *Report) title() string {
	return map[Kind]string{
		Failover: "Failover", Forced: "Failover by order", Switchover: "Planned switchover",
		StockSwitchover: "Failover in the way of stock", Takeover: "Takeover of an unfinished switchover",
	}[r.Kind] + " of " + r.Master
}

// headline says what was tried, and what came of it.
func (r *Report) headline() string {
	s := r.title()
	switch {
	case r.Promoted():
		s += ": " + r.To + " has replaced " + r.From
	case r.Over() && r.To != "":
		s += ": " + r.To + " was promoted in place of " + r.From + ", and the rest was not done"
	case r.waits():
		return s + " (" + r.From + ") is held back: " + r.Held
	case !r.Over():
		s += " (" + r.From + ") goes on"
		if len(r.Phases) > 0 {
			s += ", phase " + r.Phases[len(r.Phases)-1].Name
		}
	case r.Outcome == Interrupted, r.Outcome == Stopped, r.Outcome == NoNews:
		s += " (" + r.From + "): its end is not known"
	default:
		s += " (" + r.From + ") did not happen"
	}
	if why := r.ending(); why != "" {
		s += ", because " + why
	}
	if r.Epoch != 0 {
		s += ", epoch " + strconv.FormatUint(r.Epoch, 10)
	}
	switch {
	case r.Led && r.Promoted():
		s += ", led by this Sentinel"
	case !r.Led && r.Leader != (Sentinel{}):
		s += ", led by " + r.Leader.String() + ", it seems"
	case !r.Led && r.Promoted(), !r.Led && r.Held == "":
		s += ", led by another Sentinel"
	}
	return s
}

// waits reports whether an attempt that is held back has still not begun.
func (r *Report) waits() bool {
	n := len(r.Phases)
	return !r.Over() && r.Held != "" && n > 0 && r.Phases[n-1].Name == PhaseHeld
}

// ending says why an attempt ended without a new master.
func (r *Report) ending() string {
	why := map[Outcome]string{
		NotElected: "this Sentinel was not elected", NoGoodReplica: "no replica can be promoted",
		NotPromoted: "the chosen replica was not promoted", Declined: "it could not begin", Overtaken: "another Sentinel was ahead",
		Recovered: "the master is back", Abandoned: "an operator has ended it", Vetoed: "the program around this Sentinel said no",
		Held:    "it was held back",
		Stopped: "this Sentinel was ended", Interrupted: "this Sentinel ended without a word", NoNews: "nothing more was heard of it",
	}[r.Outcome]
	switch {
	case r.Reason == "":
		return why
	case why == "":
		return r.Reason
	}
	return why + " (" + r.Reason + ")"
}

// why says what began the attempt, and who agreed.
func (r *Report) why() string {
	s := map[Cause]string{
		Silent: "The master did not answer", Refused: "The master let nobody connect", Role: "The master said that it is a replica",
		NoData: "The master came back without its data", Restart: "The master was restarted", Operator: "An operator asked for it",
		Hook: "The program around this Sentinel asked for it", Unfinished: "Another Sentinel left it unfinished",
	}[r.Cause]
	if s == "" {
		return ""
	}
	if r.Detail != "" {
		s += " (" + r.Detail + ")"
	}
	if n := len(r.Down); n > 0 {
		s += "; " + plural(n, "Sentinel") + " said that it is down"
		if r.Quorum > 0 {
			s += ", the quorum is " + strconv.Itoa(r.Quorum)
		}
	}
	return s
}

// votes says how an attempt that was led and lost was voted on.
func (r *Report) votes() string {
	if r.Outcome != NotElected || len(r.Votes) == 0 {
		return ""
	}
	var mine, silent, none int
	var others []string
	for _, v := range r.Votes {
		switch {
		case v.Silent:
			silent++
		case v.For == "":
			none++
		case r.Leader.ID != "" && v.For == r.Leader.ID:
			mine++
		default:
			others = append(others, v.By.String()+" voted for "+short(v.For))
		}
	}
	parts := []string{plural(mine, "vote") + " for it"}
	parts = append(parts, others...)
	if none > 0 {
		parts = append(parts, strconv.Itoa(none)+" gave none")
	}
	if silent > 0 {
		parts = append(parts, strconv.Itoa(silent)+" did not answer")
	}
	return "Votes: " + strings.Join(parts, ", ")
}

// maxTold bounds how many replicas one line speaks of.
const maxTold = 4

// choice says which replicas there were, and what was said of each.
func (r *Report) choice() string {
	if len(r.Candidates) == 0 {
		return ""
	}
	var told []string
	for _, c := range r.Candidates {
		if len(told) == maxTold {
			break
		}
		if !c.Chosen {
			told = append(told, c.Addr+": "+c.Verdict)
		}
	}
	left := len(r.Candidates) - len(told)
	for _, c := range r.Candidates {
		if c.Chosen {
			s := c.Addr + " was chosen of " + plural(len(r.Candidates), "replica") + " (" + c.Verdict + ")"
			left--
			return s + passedOver(told, left)
		}
	}
	return "None of " + plural(len(r.Candidates), "replica") + " fits" + passedOver(told, left)
}

func passedOver(told []string, left int) string {
	if len(told) == 0 {
		return ""
	}
	s := "; " + strings.Join(told, "; ")
	if left > 0 {
		s += "; and " + strconv.Itoa(left) + " more"
	}
	return s
}

// times says how long it took, and in which parts.
func (r *Report) times() string {
	if !r.Over() || r.Outcome == Interrupted || r.Ended.IsZero() {
		return ""
	}
	parts := r.phaseTimes()
	s := "It took " + round(r.Duration())
	if len(parts) > 1 {
		s += ": " + strings.Join(parts, ", ")
	}
	return s
}

// phaseTimes says how long each phase took that has ended.
func (r *Report) phaseTimes() (parts []string) {
	for _, p := range r.Phases {
		if p.Took > 0 {
			parts = append(parts, p.Name+" "+round(p.Took))
		}
	}
	return parts
}

// lost says what may be lost.
func (r *Report) lost() string {
	l := r.Lost
	switch {
	case !r.Promoted():
		return ""
	case !l.Known && l.Why != "":
		return "What is lost is not known: " + l.Why
	case !l.Known:
		return ""
	case l.Bytes == 0 && r.Kind == Switchover:
		return "Nothing is lost"
	}
	s := "Possibly lost: "
	if l.Bytes == 0 {
		s += "nothing of what the master is known to have had"
	} else {
		s += plural64(l.Bytes, "byte") + " of the replication stream"
	}
	if silence := r.Start().Sub(l.Heard); !l.Heard.IsZero() && silence > 0 {
		s += ", and what it took in the " + round(silence) + " after it was last heard"
	}
	return s
}

// String returns the address and the beginning of the id.
func (s Sentinel) String() string {
	if s.Addr == "" {
		return "Sentinel " + short(s.ID)
	}
	return "Sentinel " + s.Addr + " (" + short(s.ID) + ")"
}

// short returns enough of an id to find it in a log.
func short(id string) string { return id[:min(len(id), 8)] }

// round returns a duration with three digits that matter.
func round(d time.Duration) string {
	unit := time.Microsecond
	switch {
	case d >= time.Minute:
		unit = time.Second
	case d >= 100*time.Millisecond:
		unit = time.Millisecond
	case d >= 10*time.Millisecond:
		unit = 100 * time.Microsecond
	case d >= time.Millisecond:
		unit = 10 * time.Microsecond
	}
	d = d.Round(unit)
	switch {
	case d >= time.Minute:
		return d.String()
	case d >= time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) + " s"
	}
	return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', -1, 64) + " ms"
}

func plural(n int, what string) string { return plural64(uint64(n), what) }

func plural64(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
