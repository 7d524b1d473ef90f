package main

import "testing"

func TestFailoverFlags(t *testing.T) {
	refused(t, "failover",
		"-runs 0", "-signal HUP", "-down-after 0s", "-sentinel=", "stray", "-no-such-flag")
	f := parsed[*failoverTask](t, "failover", "-signal", "sigsegv", "-sentinel", "/x/s", "-sentinel", "/y/s --flag")
	if f.Signal != "SEGV" || f.Programs[0].Name == f.Programs[1].Name || len(f.Programs[1].Command) != 2 || f.Runs != 20 || f.Sentinels != 3 {
		t.Errorf("got %+v", f)
	}
}
