package console

import (
	"context"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/lookout"
	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

// fleet is a Source with a core that monitors many masters, each with two replicas and
// two other Sentinels, and some with names of one's own.
type fleet struct{ core *monitor.Core }

func (f fleet) Look(_ context.Context, see func(*monitor.Core, monitor.Instant, []journal.Report)) error {
	see(f.core, monitor.Instant(time.Hour), nil)
	return nil
}
func (f fleet) Wall(monitor.Instant) time.Time { return noon }
func (f fleet) Reports(int) []journal.Report   { return nil }
func (f fleet) Vitals() lookout.Vitals         { return lookout.Vitals{Version: "0", MadeFor: "7"} }

func newFleet(b testing.TB, masters int, more ...string) fleet {
	id := func(k int) monitor.RunID { return monitor.RunID(fmt.Sprintf("%040x", k)) }
	st := monitor.State{Options: monitor.Options{MyID: id(1)}}
	for k := range masters + len(more) {
		host := fmt.Sprintf("10.%d.%d.", k/250, k%250)
		m := &monitor.MasterState{MasterConfig: monitor.MasterConfig{}.WithDefaults()}
		m.Name, m.Addr, m.Quorum = fmt.Sprintf("group-%04d", k), monitor.Addr{Host: host + "1", IP: host + "1", Port: 6379}, 2
		if k >= masters {
			m.Name = more[k-masters]
		}
		for r := range 2 {
			at := host + fmt.Sprint(2+r)
			m.Replicas = append(m.Replicas, monitor.Addr{Host: at, IP: at, Port: 6379})
			m.Sentinels = append(m.Sentinels, monitor.KnownSentinel{Addr: monitor.Addr{Host: fmt.Sprint("10.9.9.", r), IP: fmt.Sprint("10.9.9.", r), Port: 26379}, ID: id(2 + r)})
		}
		st.Masters = append(st.Masters, m)
	}
	core, err := monitor.New(1, monitor.Params{State: st, Port: 26379})
	if err != nil {
		b.Fatal(err)
	}
	return fleet{core}
}

// BenchmarkScrape is what a scrape of 1,000 masters costs, and BenchmarkLook for how long
// the loop is held up by a part of it.
func BenchmarkScrape(b *testing.B) {
	c := New(newFleet(b, 1000))
	for b.Loop() {
		h := c.Handler() // which has no text at hand
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		b.ReportMetric(float64(w.Body.Len()), "bytes")
	}
}

func BenchmarkPage(b *testing.B) {
	s, err := take(b.Context(), newFleet(b, 1000))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.status().page(1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLook(b *testing.B) {
	f := newFleet(b, 1000)
	names := f.core.MasterNames()[:atOnce]
	for b.Loop() {
		look(f.core, monitor.Instant(time.Hour), names)
	}
}
