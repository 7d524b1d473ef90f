package main

import "testing"

func TestPromoteFlags(t *testing.T) {
	refused(t, "promote", "-runs 0", "-sentinels 0", "-parallel 0", "-down-after 0s", "-sentinel=", "stray", "-no-such-flag")
	p := parsed[*promoteTask](t, "promote", "-sentinel", "/x/s", "-line", "a b", "-seed", "7", "-limits")
	if p.Runs != 200 || p.Programs[0].Name != "s" || len(p.Lines) != 1 || p.Seed != 7 || !p.Limits {
		t.Errorf("got %+v", p)
	}
}
