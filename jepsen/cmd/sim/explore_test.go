package main

import (
	"context"
	"strings"
	"testing"
)

func TestExplore(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"-sentinels 2 -epochs 1", 0, "2 Sentinels, 1 master, 1 epoch, quorum 1, crashes: "},
		{"-sentinels 2 -epochs 2 -max-states 5", 1, "NOT COMPLETE"},
		{"-alone -others -epochs 1", 0, "one of 3 Sentinels, 1 master, 1 epoch, quorum 1, crashes, others: "},
		{"-alone -sentinels 2 -quorum 2 -max-states 2", 1, "proves nothing"},
		{"-alone -voters 1", 2, "Voters"},
		{"-others", 2, "one Sentinel alone"},
		{"-sentinels 7", 2, "want 1 to 4"},
		{"-sentinels 3 surplus", 2, "an argument too many: \"surplus\""},
		{"-h", 0, "-mixed"},
	} {
		code, out, info := command(t, t.Context(), append([]string{"explore"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(out+info, c.want) {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s%s", c.args, code, c.code, c.want, out, info)
		}
	}
}

// TestExploreEnds: Ctrl-C ends the search, and what was found so far is printed.
func TestExploreEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range []string{"explore", "explore -alone -others -sentinels 4 -epochs 3"} {
		code, out, info := command(t, ctx, strings.Fields(args)...)
		if code != 1 || !strings.Contains(out, "NOT COMPLETE") || strings.Count(out, "states,") != 1 || !strings.Contains(info, "canceled") {
			t.Errorf("%s: exit code %d:\n%s%s", args, code, out, info)
		}
	}
}
