package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// timeline prints the events of all Sentinels as they arrive, each in the lane
// of its Sentinel, with the time since the kill.
type timeline struct {
	screen *screen

	mu    sync.Mutex
	zero  time.Time         // the time of the kill; zero before it
	peers map[string]string // run id -> "Sentinel 2"
}

// start sets the time of the kill and prints the heading.
func (t *timeline) start(zero time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.zero = zero
	t.screen.line("")
	t.screen.line("%s", t.screen.paint(dim, "   since kill  1 2 3  event"))
}

// addPeer records which run id belongs to which Sentinel.
func (t *timeline) addPeer(id string, number int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.peers == nil {
		t.peers = map[string]string{}
	}
	t.peers[id] = fmt.Sprintf("Sentinel %d", number)
}

// event prints one event. Events before the kill are part of the set-up.
func (t *timeline) event(ev cluster.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.zero.IsZero() || !ev.At.After(t.zero) {
		return
	}
	st := styleOf(ev.Name)
	lane := strings.Split("· · ·", " ")
	for i := range lane {
		if ev.Sentinel == sentinelName(i+1) {
			lane[i] = t.screen.paint(cyan, "●")
		} else {
			lane[i] = t.screen.paint(dim, lane[i])
		}
	}
	t.screen.line("  %9s   %s  %s %s", since(ev.At.Sub(t.zero)), strings.Join(lane, " "),
		t.screen.paint(st, fmt.Sprintf("%-34s", ev.Name)), explain(ev.Name, ev.Text, t.peers))
}

// note prints something other than an event, such as what the writer sees.
func (t *timeline) note(at time.Time, st style, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.zero.IsZero() {
		return
	}
	t.screen.line("  %9s   %s  %s", since(at.Sub(t.zero)), t.screen.paint(dim, "- - -"), t.screen.paint(st, text))
}

// since formats a time since the kill.
func since(d time.Duration) string { return fmt.Sprintf("%+.3f s", d.Seconds()) }

// styleOf highlights the events that a reader should find first.
func styleOf(name string) style {
	switch {
	case name == "+switch-master", name == "+promoted-slave", name == "+elected-leader", name == "+convert-to-slave":
		return green
	case name == "+sdown", name == "+odown", strings.HasPrefix(name, "-failover-abort"):
		return red
	case name == "+try-failover", name == "+vote-for-leader", name == "+new-epoch", name == "+selected-slave":
		return yellow
	default:
		return plain
	}
}

// explain sums up the payload of an event in a few words. peers maps run ids to
// names.
func explain(name, text string, peers map[string]string) string {
	word := strings.Fields(text)
	at := func(i int) string {
		if i >= 0 && i < len(word) {
			return word[i]
		}
		return "?"
	}
	// "master <name> <ip> <port> ..." or "slave <name> <ip> <port> @ ..."
	port := at(3)
	peer := func(id string) string {
		if n, ok := peers[id]; ok {
			return n
		}
		return fmt.Sprintf("%.8s", id)
	}
	switch name {
	case "+sdown", "-sdown":
		return subject(at(0), port, peer(at(1))) + map[byte]string{'+': " is silent", '-': " answers"}[name[0]]
	case "+odown":
		return agreed(at(len(word) - 1))
	case "+new-epoch":
		return "epoch " + at(0)
	case "+vote-for-leader":
		return "votes for " + peer(at(0))
	case "+switch-master":
		return at(2) + " -> " + at(4)
	case "+config-update-from":
		return "told by " + peer(at(1))
	case "+role-change", "-role-change":
		return port + " says " + roleWord(word)
	}
	if format, ok := words[name]; ok {
		if strings.Contains(format, "%s") {
			return fmt.Sprintf(format, port)
		}
		return format
	}
	return fmt.Sprintf("%.24s", text)
}

// agreed turns the "2/3" of "#quorum 2/3" into words: votes counted, votes needed.
func agreed(votes string) string {
	have, need, ok := strings.Cut(votes, "/")
	if !ok {
		return votes
	}
	return have + " agree, " + need + " needed"
}

// words explain the events about one server, whose port is %s.
var words = map[string]string{
	"-odown":                             "no quorum against %s",
	"+try-failover":                      "stands for election",
	"+elected-leader":                    "has the majority",
	"+failover-state-select-slave":       "compares the replicas",
	"+selected-slave":                    "%s is the best",
	"+failover-state-send-slaveof-noone": "will tell %s to lead",
	"+failover-state-wait-promotion":     "has told %s to lead",
	"+promoted-slave":                    "%s says it is master",
	"+failover-state-reconf-slaves":      "turns to the others",
	"+slave-reconf-sent":                 "tells %s to follow",
	"+slave-reconf-inprog":               "%s turns round",
	"+slave-reconf-done":                 "%s is in sync",
	"-slave-reconf-sent-timeout":         "%s does not react",
	"+slave-reconf-sent-be":              "tells %s once more",
	"+failover-end":                      "done",
	"+failover-end-for-timeout":          "gives up waiting",
	"+slave":                             "%s counts as replica",
	"+reboot":                            "%s has restarted",
	"+convert-to-slave":                  "tells %s to follow",
	"+fix-slave-config":                  "tells %s to follow",
	"-failover-abort-not-elected":        "no majority",
	"-failover-abort-no-good-slave":      "no fit replica",
	"-failover-abort-slave-timeout":      "%s was not promoted",
}

// subject names an instance: servers by their port, Sentinels by their number.
func subject(kind, port, peer string) string {
	if kind == "sentinel" {
		return peer
	}
	return port
}

func roleWord(word []string) string {
	if len(word) > 0 && word[len(word)-1] == "slave" {
		return "replica"
	}
	return "master"
}

func sentinelName(node int) string { return fmt.Sprintf("node%d-sentinel", node) }
func serverName(node int) string   { return fmt.Sprintf("node%d-server", node) }
