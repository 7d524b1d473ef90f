package election

import (
	"strings"
	"testing"
	"time"
)

const (
	histR = "r" // of the master, at offset 1000
	histS = "s" // that of a server promoted after it
	histP = "p" // from which R departed at offset 600, by a promotion
	histO = "o" // any other
)

func TestHas(t *testing.T) {
	for _, c := range []struct {
		what string
		Data
		want bool
	}{
		{"the very offset", Data{ReplID: histR, Offset: 1000}, true},
		{"beyond it", Data{ReplID: histR, Offset: 1001}, true},
		{"short of it", Data{ReplID: histR, Offset: 999}, false},
		{"it is loading", Data{ReplID: histR, Offset: 1000, Loading: true}, false},
		{"its old data, while others are sent", Data{ReplID: histR, Offset: 1000, Syncing: true}, true},
		{"it was promoted there", Data{ReplID: histS, ReplID2: histR, Second: 1001, Offset: 1000}, true},
		{"it was promoted before", Data{ReplID: histS, ReplID2: histR, Second: 1000, Offset: 5000}, false},
		{"it was promoted and is loading", Data{ReplID: histS, ReplID2: histR, Second: 1001, Loading: true}, false},
		{"another history", Data{ReplID: histO, Offset: 5000}, false},
		{"nothing", Data{}, false},
	} {
		if got := c.Has(histR, 1000); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
	if (Data{Offset: 5}).Has("", 1) || (Data{Second: 5}).Has("", 1) {
		t.Error("two histories without a name are taken for one")
	}
}

// TestUnplannedTable goes through the cases of state-machine.md §6.12, Lineage, for
// a master that has failed: who is better than whom, and who has nothing.
func TestUnplannedTable(t *testing.T) {
	master := Lineage{ReplID: histR, Offset: 1000, Keys: true, Heard: true, ReplID2: histP, Second: 600}
	replica := func(d Data, more ...func(*Replica)) Replica {
		r := Replica{Data: d, Keys: true, LinkDown: 3, Priority: 100, Connected: true, LastInfo: 1}
		for _, f := range more {
			f(&r)
		}
		return r
	}
	noLink := func(r *Replica) { r.LinkDown = -1 }
	noKeys := func(r *Replica) { r.Keys = false }
	isMaster := func(r *Replica) { r.Master, r.LinkDown = true, 0 }
	seen := func(r *Replica) { r.InSync = true }
	rows := []struct {
		what string
		Replica
		want Standing
	}{
		{"promoted beyond the offset", replica(Data{ReplID: histS, ReplID2: histR, Second: 1001, Offset: 1200}, isMaster), Successor},
		{"follows one that was promoted", replica(Data{ReplID: histS, ReplID2: histR, Second: 1001, Offset: 1200}), Successor},
		{"in sync, link up", replica(Data{ReplID: histR, Offset: 1000}, func(r *Replica) { r.LinkDown = 0 }), Whole},
		{"in sync, link down", replica(Data{ReplID: histR, Offset: 900}), Whole},
		{"restarted from its RDB", replica(Data{ReplID: histR, Offset: 900}, noLink), Whole},
		{"filled by a master that had read its data itself", replica(Data{ReplID: histR}), Whole},
		{"all deleted or expired", replica(Data{ReplID: histR, Offset: 1000}, noKeys), Whole},
		{"old data while new are sent", replica(Data{ReplID: histR, Offset: 700, Syncing: true}), Replaced},
		{"promoted, and being filled by another master since", replica(Data{ReplID: histS, ReplID2: histR, Second: 1001, Offset: 1200, Syncing: true}), Replaced},
		{"restarted from an RDB of before the last promotion", replica(Data{ReplID: histP, Offset: 599}, noLink), Past},
		{"not told of the last promotion yet", replica(Data{ReplID: histP, Offset: 599}), Past},
		{"beyond the last promotion, in the old history", replica(Data{ReplID: histP, Offset: 600}), Strange},
		{"promoted at another point of the old history", replica(Data{ReplID: histS, ReplID2: histP, Second: 700, Offset: 1200}), Strange},
		{"promoted before the offset", replica(Data{ReplID: histS, ReplID2: histR, Second: 500, Offset: 1200}, isMaster), Strange},
		{"follows another history", replica(Data{ReplID: histO, Offset: 5000}), Strange},
		{"filled, but no place in the stream", replica(Data{ReplID: histR, Offset: 1}), Strange},
		{"loading", replica(Data{ReplID: histO, Loading: true}, noLink), Reading},
		{"loading what the master sent", replica(Data{ReplID: histR, Offset: 900, Loading: true, Syncing: true}), Reading},
		{"restarted from its AOF", replica(Data{ReplID: histO}, noLink, seen), Stale},
		{"restarted from its AOF, as a master", replica(Data{ReplID: histO}, isMaster, seen), Stale},
		{"first resynchronisation under way", replica(Data{ReplID: histO, Syncing: true}, noLink, noKeys), Empty},
		{"never synchronised", replica(Data{ReplID: histO}, noLink, noKeys), Empty},
		{"never synchronised, own keys", replica(Data{ReplID: histO, Offset: 5000}, noLink), Empty},
		{"restarted without data", replica(Data{ReplID: histO}, noLink, noKeys, seen), Empty},
		{"restarted without data, as a master", replica(Data{ReplID: histO}, isMaster, noKeys, seen), Empty},
		{"another master", replica(Data{ReplID: histO, Offset: 5000}, isMaster), Empty},
		{"filled from a master that came back empty", replica(Data{ReplID: histO, Offset: 14}, noKeys), Empty},
		{"its link broke before the master had keys", replica(Data{ReplID: histR, Offset: 900}, noKeys), Empty},
		{"restarted from an RDB of before, without keys", replica(Data{ReplID: histP, Offset: 500}, noLink, noKeys), Empty},
		{"restarted from an RDB without keys", replica(Data{ReplID: histR, Offset: 14}, noLink, noKeys), Empty},
		{"emptied for data that never came", replica(Data{ReplID: histR}, noKeys), Empty},
		{"promoted, then emptied for data that never came", replica(Data{ReplID: histS, ReplID2: histR, Second: 1001, Offset: 1200, Syncing: true}, noKeys), Empty},
	}
	rules := Rules{Now: 1, MaxPingAge: time.Hour, MaxInfoAge: time.Hour, MaxLinkDown: time.Hour, Lineage: master}
	for i, row := range rows {
		if got := master.Standing(row.Replica); got != row.want {
			t.Errorf("%s: standing %d, want %d", row.what, got, row.want)
		}
		for _, worse := range rows[i+1:] {
			better := row.Replica
			better.Priority, better.Refused = 200, true
			if worse.want < row.want && Select(rules, []Replica{worse.Replica, better}) != 1 {
				t.Errorf("%s is chosen before %s", worse.what, row.what)
			}
		}
	}
}

// TestMastersWithoutHistory has the cases where nothing tells histories apart.
func TestMastersWithoutHistory(t *testing.T) {
	named := Lineage{ReplID: histR, Offset: 1000, Keys: true, Heard: true}
	for _, c := range []struct {
		what string
		Lineage
		Replica
		want Standing
	}{
		{"the master was never heard", Lineage{}, Replica{Data: Data{ReplID: histR, Offset: 9}}, Whole},
		{"servers before 4.0", Lineage{Keys: true, Heard: true}, Replica{Data: Data{Offset: 9}}, Whole},
		{"an old replica", named, Replica{Data: Data{Offset: 9}}, Whole},
		{"a master since its start", named, Replica{Master: true, Data: Data{Offset: 9}}, Strange},
		{"no offset", named, Replica{}, Strange},
		{"being filled", named, Replica{Data: Data{Offset: 9, Syncing: true}}, Replaced},
		{"never filled", named, Replica{LinkDown: -1}, Empty},
		{"first resynchronisation", named, Replica{LinkDown: -1, Data: Data{Syncing: true}}, Empty},
		{"loading", named, Replica{Data: Data{Offset: 9, Loading: true}}, Reading},
		// A master without a replica does not count: the offset of all is 0.
		{"an empty master", Lineage{ReplID: histR, Heard: true}, Replica{Data: Data{ReplID: histR}}, Whole},
	} {
		if got := c.Lineage.Standing(c.Replica); got != c.want {
			t.Errorf("%s: standing %d, want %d", c.what, got, c.want)
		}
	}
}

// TestPastBeforeOthers: of what is left, the largest part is taken. A server that was
// promoted before the end of the history has all that one from before it has.
func TestPastBeforeOthers(t *testing.T) {
	rules := Rules{Now: 1, MaxPingAge: time.Hour, MaxInfoAge: time.Hour,
		Lineage: Lineage{ReplID: histR, Offset: 1000, Keys: true, ReplID2: histP, Second: 600}}
	past := Replica{Data: Data{ReplID: histP, Offset: 599}, Keys: true, Priority: 1, Connected: true, LastInfo: 1, LinkDown: -1}
	behind := Replica{Data: Data{ReplID: histR, Offset: 700}, Keys: true, Priority: 2, Connected: true, LastInfo: 1}
	promoted := Replica{Data: Data{ReplID: histS, ReplID2: histR, Second: 800, Offset: 900}, Master: true, Keys: true, Priority: 2, Connected: true, LastInfo: 1}
	if Select(rules, []Replica{past, behind}) != 1 {
		t.Error("data from before the last promotion are preferred to newer ones")
	}
	if Select(rules, []Replica{past, promoted}) != 1 {
		t.Error("data from before the last promotion are preferred to those of a server promoted later")
	}
}

// TestSuccessorLacksWhatAnotherHas: the last INFO of the master is old, and a
// replica has come further than the promoted one ever did.
func TestSuccessorLacksWhatAnotherHas(t *testing.T) {
	rules := Rules{Now: 1, MaxPingAge: time.Hour, MaxInfoAge: time.Hour, Lineage: Lineage{ReplID: histR, Offset: 1000, Keys: true}}
	promoted := Replica{Data: Data{ReplID: histS, ReplID2: histR, Second: 1051, Offset: 1060}, Master: true, Keys: true, Priority: 1, Connected: true, LastInfo: 1}
	follower := Replica{Data: Data{ReplID: histR, Offset: 1050}, Keys: true, Priority: 2, Connected: true, LastInfo: 1}
	if Select(rules, []Replica{follower, promoted}) != 1 {
		t.Error("the successor has all that the other has, and is not chosen")
	}
	follower.Offset++
	if Select(rules, []Replica{follower, promoted}) != 0 {
		t.Error("the promoted server is chosen, and a write of the master is lost")
	}
	rules.Lineage.Offset = 2000
	follower.Offset--
	if Select(rules, []Replica{follower, promoted}) != 1 {
		t.Error("the follower is chosen, which lacks the same end of the history as the successor, and more")
	}
	follower.Offset++
	follower.SDown = true
	if Select(rules, []Replica{follower, promoted}) != 1 {
		t.Error("what a replica has that is down keeps another from being chosen")
	}
}

// TestLaterHistory: a master was restarted from an AOF again and again, and has a new
// history each time. Offsets in different ones cannot be compared.
func TestLaterHistory(t *testing.T) {
	rules := Rules{Now: 1, MaxPingAge: time.Hour, MaxInfoAge: time.Hour, Lineage: Lineage{ReplID: histR, Offset: 0, Keys: true}}
	older := Replica{Data: Data{ReplID: histO, Offset: 74}, Keys: true, Priority: 1, Connected: true, LastInfo: 1}
	later := Replica{Data: Data{ReplID: histS, Offset: 37}, Keys: true, Priority: 2, Connected: true, LastInfo: 1, Latest: true}
	if Select(rules, []Replica{older, later}) != 1 {
		t.Error("what the master had before its last restarts is preferred to what it had then")
	}
	later.Latest, older.Latest = false, true
	if Select(rules, []Replica{later, older}) != 1 {
		t.Error("a history that nobody has seen the master with is preferred to one of its own")
	}
	whole := Replica{Data: Data{ReplID: histR, Offset: 5}, Keys: true, Priority: 1, Connected: true, LastInfo: 1}
	other := whole
	other.Priority, other.Latest = 2, true
	if Select(rules, []Replica{other, whole}) != 1 {
		t.Error("the priority does not decide between two that have the data of the master")
	}
}

// TestPlannedTable goes through the cases of state-machine.md §6.12, Lineage, for
// a master that serves.
func TestPlannedTable(t *testing.T) {
	master := Data{ReplID: histR, Offset: 1000}
	good := Follower{
		Data: Data{ReplID: histR, Offset: 1000}, Names: true, LinkUp: true, Listed: true, Online: true, Lag: time.Second, Priority: 100,
	}
	for _, c := range []struct {
		what  string
		spoil func(*Follower)
		why   string // "" for one that is in sync
		soon  bool
	}{
		{"in sync", func(*Follower) {}, "", false},
		{"all empty", func(f *Follower) { f.Offset = 0 }, "", false},
		{"chained", func(f *Follower) { f.Names, f.Listed, f.Online = false, false, false }, "", false},
		{"listed at another address than it names", func(f *Follower) { f.Names = false }, "", false},
		{"priority 0, named", func(f *Follower) { f.Priority, f.Named = 0, true }, "", false},
		{"priority 0", func(f *Follower) { f.Priority = 0 }, "priority is 0", false},
		{"link down", func(f *Follower) { f.LinkUp, f.Listed, f.Online = false, false, false }, "link to the master is down", false},
		{"link down, awaited", func(f *Follower) { f.LinkUp, f.Listed, f.Online, f.Awaited = false, false, false, true }, "link to the master is down", true},
		{"link down to another, awaited", func(f *Follower) { f.LinkUp, f.Names, f.Listed, f.Awaited = false, false, false, true }, "link to the master is down", false},
		{"link down, and the master may list it by now", func(f *Follower) { f.LinkUp, f.Listed, f.Online, f.Unheard = false, false, false, true }, "link to the master is down", true},
		{"link to another down", func(f *Follower) { f.LinkUp, f.Listed, f.Names, f.Unheard = false, false, false, true }, "link to the master is down", false},
		{"waits for the master to begin", func(f *Follower) { f.LinkUp, f.Online = false, false }, "being synchronised", true},
		{"transfer", func(f *Follower) { f.LinkUp, f.Online, f.Syncing = false, false, true }, "being synchronised", true},
		{"transfer, not listed yet", func(f *Follower) { f.LinkUp, f.Listed, f.Online, f.Syncing = false, false, false, true }, "being synchronised", true},
		{"transfer from another", func(f *Follower) { f.LinkUp, f.Listed, f.Names, f.Syncing = false, false, false, true }, "being synchronised", false},
		{"loading", func(f *Follower) { f.Loading, f.LinkUp = true, false }, "loading", true},
		{"loading, follows another", func(f *Follower) { f.Loading, f.Listed, f.Names = true, false, false }, "loading", false},
		{"just filled, the stream is held", func(f *Follower) { f.Online = false }, "does not send", true},
		{"promoted", func(f *Follower) { f.Master, f.ReplID, f.ReplID2, f.Second = true, histS, histR, 1001 }, "is a master", false},
		{"successor", func(f *Follower) { f.ReplID, f.ReplID2, f.Second = histS, histR, 1001 }, "not those of the master", false},
		{"the master came back with another history", func(f *Follower) { f.ReplID = histO }, "not those of the master", false},
		{"silent", func(f *Follower) { f.Lag += time.Second }, "acknowledged nothing for 2s", false},
		{"writable", func(f *Follower) { f.Writable = true }, "clients may write", false},
		{"servers before 4.0", func(f *Follower) { f.ReplID = "" }, "", false},
		{"servers before 4.0, chained", func(f *Follower) { f.ReplID, f.Names, f.Listed = "", false, false }, "follows another", false},
	} {
		f := good
		c.spoil(&f)
		why, soon := f.Unfit(master)
		if (why == "") != (c.why == "") || !strings.Contains(why, c.why) || soon != c.soon {
			t.Errorf("%s: %q %v, want %q %v", c.what, why, soon, c.why, c.soon)
		}
	}
}
