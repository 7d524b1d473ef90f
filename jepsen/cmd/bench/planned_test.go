package main

import "testing"

func TestPlannedFlags(t *testing.T) {
	refused(t, "planned", "-runs 0", "-repeat 0", "-sentinels 0", "-down-after 0s", "-rows nonsense", "-sentinel=", "stray", "-no-such-flag")
	p := parsed[*plannedTask](t, "planned", "-rows", "both,tls", "-words", "COORDINATED TO h 1", "-line", "a b",
		"-sentinel", "/x/s", "-sentinel", "/y/s --flag", "-sentinel", "/z/other")
	if len(p.Rows) != 2 || len(p.Words) != 4 || len(p.Lines) != 1 || p.Runs != 20 || p.Repeat != 1 || p.Server != nil {
		t.Errorf("got %+v", p)
	}
	if p.Programs[0].Name != "1:s" || p.Programs[1].Name != "2:s" || p.Programs[2].Name != "other" {
		t.Errorf("programs %+v", p.Programs)
	}
}
