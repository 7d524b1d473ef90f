package mixed

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// member is a Sentinel, by whose node name it is found.
type member struct {
	kind Kind
	id   string
}

// candidacy is one attempt of one Sentinel to fail over one master.
type candidacy struct {
	sentinel, master string
	from             time.Time
	// epochs are those in which it may have been elected: the one in which it
	// began and, as only gosentinels repeat an election, later ones in which the
	// Sentinel voted for itself. A vote does not say for which master it is.
	epochs  []string
	elected bool
	over    bool // promoted, or given up
}

// registry follows the candidacies of all Sentinels through the events.
type registry struct {
	who    map[string]member
	epoch  map[string]string // node name -> latest +new-epoch
	opened map[string]bool   // node name and epoch -> a candidacy began in it
	// votes are the Sentinels that voted, by id and epoch of the candidate.
	votes map[string]map[string]bool
	list  []*candidacy
}

// newRegistry counts the votes of all events at once: those of different
// Sentinels arrive here in any order.
func newRegistry(who map[string]member, events []cluster.Event) *registry {
	g := &registry{who: who, epoch: map[string]string{}, opened: map[string]bool{}, votes: map[string]map[string]bool{}}
	for _, ev := range events {
		if ev.Name == "+vote-for-leader" {
			if g.votes[ev.Text] == nil {
				g.votes[ev.Text] = map[string]bool{}
			}
			g.votes[ev.Text][ev.Sentinel] = true
		}
	}
	return g
}

// won returns the epochs of a candidacy in which it can have been elected. A
// gosentinel counts votes of one epoch only, so a majority must have voted in it.
func (g *registry) won(c *candidacy) []string {
	m := g.who[c.sentinel]
	if m.kind == Stock {
		return c.epochs
	}
	return slices.DeleteFunc(slices.Clone(c.epochs), func(e string) bool { return len(g.votes[m.id+" "+e]) < len(g.who)/2+1 })
}

func (g *registry) add(ev cluster.Event) {
	switch ev.Name {
	case "+new-epoch":
		g.epoch[ev.Sentinel] = ev.Text
	case "+try-failover":
		// Both kinds raise the epoch right before.
		e := g.epoch[ev.Sentinel]
		g.opened[ev.Sentinel+" "+e] = true
		g.list = append(g.list, &candidacy{sentinel: ev.Sentinel, master: masterOf(ev.Text), from: ev.At, epochs: []string{e}})
	case "+vote-for-leader":
		id, e, _ := strings.Cut(ev.Text, " ")
		if id != g.who[ev.Sentinel].id || g.opened[ev.Sentinel+" "+e] {
			return
		}
		for _, c := range g.list {
			if c.sentinel == ev.Sentinel && !c.elected && !c.over {
				c.epochs = append(c.epochs, e)
			}
		}
	}
}

// of returns the latest candidacy of a Sentinel for a master, or nil.
func (g *registry) of(sentinel, master string) *candidacy {
	for _, c := range slices.Backward(g.list) {
		if c.sentinel == sentinel && c.master == master {
			return c
		}
	}
	return nil
}

// digest counts attempts, leaders and aborted elections by kind, and finds out
// whose doing an abort was.
func (r *Round) digest(events []cluster.Event, who map[string]member) {
	r.Attempts, r.Leaders, r.Aborts, r.Superseded = map[Kind]int{}, map[Kind]int{}, map[Kind]int{}, map[Kind]int{}
	g := newRegistry(who, events)
	for _, ev := range events {
		g.add(ev)
		kind, master := who[ev.Sentinel].kind, masterOf(ev.Text)
		switch ev.Name {
		case "+try-failover":
			r.Attempts[kind]++
		case "+elected-leader":
			r.Leaders[kind]++
			r.elected(g, ev.Sentinel, master, kind)
		case "+promoted-slave":
			if c := g.of(ev.Sentinel, master); c != nil {
				c.over = true
			}
		case "-failover-abort-not-elected":
			r.Aborts[kind]++
			r.aborted(g, ev.Sentinel, master)
		}
	}
}

// elected compares a new leader with those of the same master before it.
func (r *Round) elected(g *registry, sentinel, master string, kind Kind) {
	c := g.of(sentinel, master)
	if c == nil {
		r.Violations = append(r.Violations, sentinel+" was elected for "+master+" without having stood")
		return
	}
	c.elected = true
	if c.epochs = g.won(c); len(c.epochs) == 0 {
		r.Violations = append(r.Violations, sentinel+" was elected for "+master+" without a majority of votes in any epoch")
	}
	for _, other := range g.list {
		if other == c || other.master != master || !other.elected {
			continue
		}
		if slices.ContainsFunc(c.epochs, func(e string) bool { return slices.Contains(other.epochs, e) }) {
			r.DoubleLeaders = append(r.DoubleLeaders, fmt.Sprintf("%s: %s elected in epoch %v and %s in %v", master, other.sentinel, other.epochs, sentinel, c.epochs))
		} else if !other.over {
			r.Superseded[kind]++
		}
	}
}

// aborted notes when a stock Sentinel gave up an election in which a gosentinel
// had stood after it.
func (r *Round) aborted(g *registry, sentinel, master string) {
	c := g.of(sentinel, master)
	if c == nil {
		return
	}
	c.over = true
	if g.who[sentinel].kind != Stock {
		return
	}
	for _, rival := range g.list {
		if g.who[rival.sentinel].kind == Ours && rival.master == master && rival.from.After(c.from) {
			r.Derailed = append(r.Derailed, fmt.Sprintf("%s lost its election for %s, in which %s stood %v later",
				sentinel, master, rival.sentinel, rival.from.Sub(c.from).Round(time.Millisecond)))
			return
		}
	}
}

// masterOf returns the name in "master <name> <ip> <port>" or behind the "@" of
// another instance.
func masterOf(text string) string {
	words := strings.Fields(text)
	at := slices.Index(words, "@")
	if len(words) > 0 && words[0] == "master" {
		at = 0
	}
	if at < 0 || at+1 >= len(words) {
		return ""
	}
	return words[at+1]
}

// elections returns the events of elections and their outcome as lines.
func elections(events []cluster.Event, since time.Time, who map[string]member) (lines []string) {
	telling := cluster.Named("+new-epoch", "+try-failover", "+vote-for-leader", "+elected-leader", "-failover-abort-not-elected",
		"+promoted-slave", "+config-update-from", "+switch-master")
	for _, ev := range events {
		if telling(ev) {
			lines = append(lines, fmt.Sprintf("%5d %-5s %s", ev.At.Sub(since).Milliseconds(), who[ev.Sentinel].kind, ev))
		}
	}
	return lines
}
