package main

import (
	"context"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/jepsen/sim"
)

func TestStats(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"-h", 0, "usage: sim stats"},
		{"-seeds 0", 2, "-seeds 0"},
		{"-seeds x", 2, "invalid value"},
		{"-parallel 0", 2, "-parallel 0"},
		{"-kind nothing", 2, "crash-master"},
		{"-scenario", 2, "-scenario needs -kind"},
		{"-write docs -kind net", 2, "-write needs all kinds"},
		{"more", 2, "an argument too many"},
		{"-kind crash-master -seeds 2 -scenario", 0, "crash-master a=0"},
		{"-kind crash-master -seeds 1", 0, "| master crashes | gosentinel |"},
	} {
		code, out, info := command(t, t.Context(), append([]string{"stats"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(out+info, c.want) {
			t.Errorf("sim stats %s: exit code %d, want %d; output without %q:\n%s%s", c.args, code, c.code, c.want, out, info)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code, _, _ := command(t, ctx, "stats", "-seeds", "1000"); code != 1 {
		t.Errorf("an interrupted run ends with %d", code)
	}
}

// TestScenarioOutput: what stats -scenario prints is what run reads.
func TestScenarioOutput(t *testing.T) {
	code, out, info := command(t, t.Context(), "stats", "-scenario", "-kind", "split", "-seed", "9", "-seeds", "1")
	if code != 0 {
		t.Fatal(out + info)
	}
	s, err := sim.ParseScenario(out)
	if err != nil {
		t.Fatal(err)
	}
	if s.String() != sim.DrawOne(9, "split").String() {
		t.Errorf("read back:\n%s", s)
	}
}
