package sim

import (
	"testing"
	"time"
)

// BenchmarkSeed plays seeds of the default mix and tells what one costs. With
// -cpuprofile it shows where the time goes.
func BenchmarkSeed(b *testing.B) {
	for _, stocked := range []bool{false, true} {
		b.Run(map[bool]string{false: "real", true: "stock"}[stocked], func(b *testing.B) {
			b.ReportAllocs()
			var virtual time.Duration
			events, seed := 0, uint64(0)
			for b.Loop() {
				seed++
				s := DrawFor(seed%50, nil)
				if stocked {
					s = s.Stocked()
				}
				r := Run(s, nil)
				virtual, events = virtual+r.Virtual, events+r.Events
			}
			b.ReportMetric(float64(events)/float64(b.N), "events/op")
			b.ReportMetric(virtual.Seconds()/b.Elapsed().Seconds(), "virtual-s/s")
		})
	}
}
