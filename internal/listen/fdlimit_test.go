package listen

import (
	"fmt"
	"strings"
	"testing"

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
	if got, want := linkFiles(st), 2*2+2*1+2*3+3; got != want {
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
		f, err := fitClients(c.limit, c.links, 7, c.wanted)
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
