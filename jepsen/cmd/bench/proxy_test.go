package main

import "testing"

func TestProxyFlags(t *testing.T) {
	refused(t, "proxy", "-runs 0", "-rate 0", "-requests 0", "-span 0s", "-idle 0", "-replicas 0", "-down-after 0s", "-rows nonsense", "stray", "-no-such-flag")
	p := parsed[*proxyTask](t, "proxy", "-rows", "mix,kill", "-sentinel", "/x/s --flag")
	if len(p.Rows) != 2 || len(p.Gosentinel) != 2 || p.Runs != 5 || p.Rate != 5000 {
		t.Errorf("got %+v", p)
	}
}
