package listen

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

func TestLinkFiles(t *testing.T) {
	peer := func(id string) monitor.KnownSentinel { return monitor.KnownSentinel{ID: monitor.RunID(id)} }
	st := &monitor.State{Masters: []*monitor.MasterState{
		{Sentinels: []monitor.KnownSentinel{peer("a"), peer("b")}},
		{Replicas: make([]monitor.Addr, 3), Sentinels: []monitor.KnownSentinel{peer("b"), peer("c")}},
	}}
	// Two each for two masters, one assumed replica and three known ones, and one
	// for each of the three peers.
	if got, want := LinkFiles(st), 2*2+2*1+2*3+3; got != want {
		t.Errorf("%d descriptors, want %d", got, want)
	}
}

func TestFitClients(t *testing.T) {
	for _, c := range []struct {
		limit         uint64
		links, wanted int
		clients       int
		warns, fails  bool
	}{
		{limit: 20000, links: 100, wanted: 10000, clients: 10000},
		{limit: 10132, links: 100, wanted: 10000, clients: 10000},
		{limit: 10131, links: 100, wanted: 10000, clients: 9999, warns: true},
		{limit: 164, links: 100, wanted: 10000, clients: 32, warns: true},
		{limit: 163, links: 100, wanted: 10000, fails: true},
		{limit: 163, links: 100, wanted: 1, fails: true},
		{limit: 1 << 62, links: 0, wanted: 1<<31 - 1, clients: 1<<31 - 1},
	} {
		f, err := fitClients(c.limit, c.links, 7, c.wanted, reservedFiles)
		if f.Clients != c.clients || (len(f.Warnings) > 0) != c.warns || (err != nil) != c.fails {
			t.Errorf("%+v: %+v, %v", c, f, err)
		}
		if want := fmt.Sprintf("%d for the links of 7 masters, %d for %d clients", c.links, c.clients, c.clients); err == nil && !strings.Contains(f.Need, want) {
			t.Errorf("%q, want %q in it", f.Need, want)
		}
		if err != nil && !strings.Contains(err.Error(), "at least 164. (7 masters need 100 connections") {
			t.Error(err)
		}
	}
}

// TestRoom: what the links need beyond the start is taken from the clients, and not from
// the log and the file. What is missing is said, but not all the time.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said []string
		r := Room{Limit: 300, Clients: 100, Warn: func(text string) { said = append(said, text) }}
		need := func() int { return 1000 }
		for _, c := range []struct {
			links, clients int
			fails, later   bool
			says           string
		}{
			{links: 10, clients: 258},
			{links: 168, clients: 100},
			{links: 169, clients: 99, says: "no room for 100 clients. Increase it to at least 1132 "},
			{links: 236, clients: 32},
			{links: 237, clients: 32, fails: true, says: "cannot be connected to. Increase it to at least 1064 "},
			{links: 237, clients: 32, fails: true},
			{links: 237, clients: 32, fails: true, later: true, says: "at least 1064 "},
		} {
			if c.later {
				time.Sleep(tellAgain)
			}
			before := len(said)
			err := r.Link(c.links, need)
			if (err != nil) != c.fails || r.MaxClients(c.links) != c.clients {
				t.Errorf("%d links: %v, %d clients", c.links, err, r.MaxClients(c.links))
			}
			switch now := said[before:]; {
			case c.says == "" && len(now) > 0, c.says != "" && (len(now) != 1 || !strings.Contains(now[0], c.says)):
				t.Errorf("%d links: said %q", c.links, now)
			}
		}
	})
	var none Room
	if none.Link(1<<30, nil) != nil || none.MaxClients(1<<30) < 1<<30 {
		t.Error("a limit that is not known limits something")
	}
}
