package main

import (
	"testing"
	"time"
)

func TestReturnsFlags(t *testing.T) {
	refused(t, "returns", "-runs 0", "-clients 0", "-rate 0", "-rate 1001", "-keys -1", "-down-after 0s", "-sentinel=", "stray", "-no-such-flag")
	r := parsed[*returnsTask](t, "returns", "-sentinel", "/x/s", "-clients", "20", "-away", "5m", "-conf", "sentinel return-fence mymaster on")
	if r.Runs != 10 || r.Clients != 20 || r.Away != 5*time.Minute || r.Programs[0].Name != "s" || len(r.Config) != 1 || r.All {
		t.Errorf("got %+v", r)
	}
}
