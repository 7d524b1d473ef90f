package console

import (
	"fmt"
	"time"

	"github.com/gosentinel/sentinel/journal"
)

// The samples are what pages are made of in tests: they need no cluster to be in such a
// state at the right moment.

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func lag(n uint64) *uint64 { return &n }

func up(version string) Server { return Server{Up: true, Software: version, Offset: 123456789} }

// well is a group of which there is nothing to say.
func well(name string) Group {
	return Group{
		Name: name, State: "ok", Addr: "10.0.0.1:6379", Epoch: 7, Server: up("7.2.4"), Quorum: 2, Usable: 3, Known: 3, Needed: 2,
		Replicas: []Replica{
			{Addr: "10.0.0.2:6379", Server: up("7.2.4"), Follows: "10.0.0.1:6379", LinkUp: true, Lag: lag(0), Priority: 100, Announced: true},
			{Addr: "10.0.0.3:6379", Server: up("7.2.4"), Follows: "10.0.0.1:6379", LinkUp: true, Lag: lag(52000), Priority: 50, Announced: true},
		},
		Sentinels: []Peer{
			{ID: "aaaaaaaaaaaaaaaa", Addr: "10.0.1.2:26379", Server: up("gosentinel 0.1.0")},
			{ID: "bbbbbbbbbbbbbbbb", Addr: "10.0.1.3:26379", Server: up("redis-sentinel")},
		},
	}
}

// of is the status of a Sentinel with groups.
func of(groups ...Group) *Status {
	st := &Status{ID: "cccccccccccccccc", Addr: "10.0.1.1:26379", Version: "0.1.0", CompatibleWith: "7.4.0", Now: noon, Started: noon, Epoch: 7, Ready: true, Problems: []Problem{}, Groups: groups}
	for _, g := range groups {
		st.Problems = append(st.Problems, g.Problems...)
	}
	return st
}

func failingOver() *Status {
	g := well("orders")
	g.State, g.Up, g.DownSince, g.Trouble = "failing-over", false, noon.Add(-5*time.Second), "connect: connection refused"
	g.Attempt = &journal.Report{
		Kind: journal.Failover, Cause: journal.Refused, Detail: "connection refused", Led: true, Epoch: 8, From: g.Addr, To: "10.0.0.3:6379", Begun: noon.Add(-time.Second),
		Phases: []journal.Phase{
			{Name: journal.PhaseSilence, Took: 5 * time.Second}, {Name: journal.PhaseAgreement, Took: 2 * time.Millisecond},
			{Name: journal.PhaseElection, Took: 6 * time.Millisecond}, {Name: journal.PhaseChoice, Took: time.Millisecond}, {Name: journal.PhasePromotion},
		},
	}
	g.Replicas[1].Promoting = true
	g.Sentinels[0].SaysDown, g.Sentinels[0].VotedFor, g.Sentinels[0].Epoch = true, "cccccccccccccccc", 8
	g.Problems = []Problem{{"orders", true, "The master 10.0.0.1:6379 is down since 11:59:55 UTC, and enough Sentinels agree (2 of a quorum of 2): connect: connection refused. This Sentinel fails it over."}}
	return of(g, well("carts"))
}

func noQuorum() *Status {
	g := well("orders")
	g.Usable = 1
	for i := range g.Sentinels {
		g.Sentinels[i].Up, g.Sentinels[i].DownSince = false, noon.Add(-time.Minute)
	}
	g.Replicas[0].Up, g.Replicas[0].DownSince, g.Replicas[0].Unfit = false, noon.Add(-time.Hour), "it is down"
	g.Pause = &Pause{Until: noon.Add(time.Hour), Reason: "new disks"}
	g.History = []string{"failover of orders by this Sentinel in epoch 7: 10.0.0.9:6379 was silent for 5 s; promoted 10.0.0.1:6379 in 5.2 s; nothing lost that is known of"}
	g.Problems = []Problem{
		{"orders", true, "1 of 3 Sentinels reachable: a failover needs 2. Nothing would take the place of the master."},
		{"orders", false, "Replica 10.0.0.2:6379 is down since 11:00:00 UTC."},
		{"orders", false, "Failovers are paused until 13:00:00 UTC: new disks."},
	}
	return of(g)
}

func many(n int) *Status {
	var list []Group
	for k := range n {
		g := well(fmt.Sprintf("group-%03d", k))
		if k == 120 {
			g.Problems = []Problem{{g.Name, false, "2 of 3 Sentinels reachable: a failover needs 2."}}
			g.Usable = 2
		}
		list = append(list, g)
	}
	return of(list...)
}

const nasty = `"><script>document.title='hacked'</script><img src=x onerror="document.title='hacked'">'` + "\x1b[31m\x00\u202e{{.}}"

// hostile has texts of others wherever they can be.
func hostile() *Status {
	g := well(nasty)
	g.Software, g.Trouble, g.History = nasty, nasty, []string{nasty}
	g.Replicas[0].Software, g.Replicas[0].Trouble, g.Replicas[0].Follows, g.Replicas[0].Addr = nasty, nasty, nasty, nasty
	g.Sentinels[0].ID, g.Sentinels[0].Software, g.Sentinels[0].VotedFor = nasty, nasty, nasty
	g.Pause = &Pause{Until: noon, By: nasty, Reason: nasty}
	g.Attempt = &journal.Report{Detail: nasty, From: nasty, To: nasty, Leader: journal.Sentinel{ID: nasty}, Phases: []journal.Phase{{Name: nasty}}}
	g.Problems = []Problem{{nasty, true, nasty}}
	st := of(g)
	st.ID, st.Addr, st.Version = nasty, nasty, nasty
	return st
}
