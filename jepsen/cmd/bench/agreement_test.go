package main

import "testing"

func TestAgreementFlags(t *testing.T) {
	refused(t, "agreement", "-runs 0", "-sentinels 1", "-down-after 0s", "-replicas 0", "stray", "-no-such-flag")
	if a := parsed[*agreementTask](t, "agreement"); a.Runs != 50 || a.Sentinels != 5 || a.Quorum() != 3 {
		t.Errorf("got %+v", a)
	}
}
