package configrewrite

import (
	"fmt"
	"testing"

	"github.com/gosentinel/sentinel/monitor"
)

// manyMasters returns a state as of a Sentinel of a large installation.
func manyMasters(n int) monitor.State {
	st := monitor.State{CurrentEpoch: 7, Options: monitor.Options{MyID: idA}}
	for i := range n {
		addr := func(k int) monitor.Addr {
			ip := fmt.Sprintf("10.%d.%d.%d", k, i>>8, i&255)
			return monitor.Addr{Host: ip, IP: ip, Port: 6379}
		}
		st.Masters = append(st.Masters, &monitor.MasterState{
			MasterConfig: monitor.MasterConfig{Name: fmt.Sprintf("master-%d", i), Addr: addr(1), Quorum: 2}.WithDefaults(),
			LeaderEpoch:  3,
			Replicas:     []monitor.Addr{addr(2), addr(3)},
			Sentinels:    []monitor.KnownSentinel{{Addr: addr(4), ID: idB}, {Addr: addr(5), ID: idC}},
		})
	}
	return st
}

// BenchmarkRender measures what a save costs beside the disk, for 1000 masters:
// Render and Verify stand between a vote and its reply.
func BenchmarkRender(b *testing.B) {
	st := manyMasters(1000)
	for _, format := range []Format{FormatConf, FormatTOML} {
		b.Run([]string{"conf", "toml"}[format], func(b *testing.B) {
			doc := mustParse(b, "", pureSource(format))
			current := doc.Render(nil, st)
			b.SetBytes(int64(len(current)))
			for b.Loop() {
				out := doc.Render(current, st)
				if err := doc.Verify(out, st); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParse reads a file with 1000 masters, as at the start.
func BenchmarkParse(b *testing.B) {
	st := manyMasters(1000)
	for _, format := range []Format{FormatConf, FormatTOML} {
		b.Run([]string{"conf", "toml"}[format], func(b *testing.B) {
			text := mustParse(b, "", pureSource(format)).Render(nil, st)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				mustParse(b, string(text), pureSource(format))
			}
		})
	}
}
