package main

import "testing"

func TestMixedFlags(t *testing.T) {
	refused(t, "mixed",
		"-runs -1", "-masters 0", "-parallel 0", "-writes 0", "-writes 1000000", "-down-after 500ms", "-ratios 2+", "-ratios 2+1,x", "stray", "-no-such-flag")
	m := parsed[*mixedTask](t, "mixed", "-ratios", "2+1, 1+2", "-sentinel", "/x/s --flag", "-line", "port 1", "-line", "dir .")
	if len(m.Ratios) != 2 || len(m.Programs.Ours) != 2 || len(m.Programs.OursConf) != 2 || m.Runs != 10 {
		t.Errorf("got %+v", m)
	}
}
