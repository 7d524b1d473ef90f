package sentineltest

import (
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// tunables returns the periods of a Sentinel that judges after downAfter. Those of a
// daemon are made for networks and for down-after periods of seconds.
func tunables(downAfter time.Duration) monitor.Tunables {
	t := monitor.DefaultTunables()
	for _, p := range []struct {
		period *time.Duration
		times  float64 // of downAfter
	}{
		{&t.InfoPeriod, 5},
		{&t.PingPeriod, 1},
		{&t.AskPeriod, 1},
		{&t.PublishPeriod, 1},
		{&t.ElectionTimeout, 50},
		{&t.InfoFast, 0.2},
		{&t.InfoPoll, 0.1},
		{&t.PingFloor, 0.2},
		{&t.AskFast, 0.2},
		{&t.CandidacySlot, 0.2},
		{&t.Desync, 0.5},
		{&t.SelectWait, 2},
		{&t.SelectPatience, 50},
		{&t.ForceGrace, 5},
	} {
		scaled := time.Duration(float64(downAfter) * p.times)
		*p.period = min(*p.period, max(scaled, time.Millisecond))
	}
	return t
}
