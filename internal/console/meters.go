package console

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

// meters count what happens in a Sentinel. Their methods take constant time and never
// wait, so the loop may call them; they may be called by several goroutines.
//
// No label has more values than this program gives it: none comes from a server or
// another Sentinel. Labels with the names of masters end with the master.
type meters struct {
	events    *prometheus.CounterVec
	votes     *prometheus.CounterVec
	attempts  *prometheus.CounterVec
	phases    *prometheus.HistogramVec
	took      *prometheus.HistogramVec
	lost      prometheus.Counter
	lostUnsur prometheus.Counter
	vetoes    *prometheus.CounterVec
	saves     prometheus.Histogram
	saveFails prometheus.Counter

	mu      sync.Mutex
	id      monitor.RunID
	masters map[string]*masterMeter
}

// masterMeter counts what happens to one master.
type masterMeter struct {
	sdown, odown, switches uint64
	switched               time.Time // last; zero: not that is known
}

const prefix = "gosentinel_"

var (
	phaseBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 180}
	saveBuckets  = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5}
)

// newMeters returns meters that stand at zero.
func newMeters() *meters {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: prefix + name, Help: help, Buckets: buckets}, labels)
	}
	m := &meters{masters: map[string]*masterMeter{}}
	m.events = counter("events_total", "Events by their name, and by what they are about: a master, a replica or another Sentinel.", "event", "about")
	m.votes = counter("votes_total", "Votes that this Sentinel has given: to itself or to another one.", "to")
	m.attempts = counter("failovers_total", "Attempts to move a master that are over, by their kind, cause and outcome, and by whether this Sentinel led them.", "kind", "cause", "outcome", "led")
	m.phases = histogram("failover_phase_seconds", "How long the phases of attempts took.", phaseBuckets, "phase")
	m.took = histogram("failover_seconds", "From the first sign to the end of attempts that this Sentinel led and that moved the master.", phaseBuckets, "kind")
	m.lost = prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + "failover_lost_bytes_total", Help: "Bytes of the replication stream that old masters had and the promoted replicas lacked, as far as is known."})
	m.lostUnsur = prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + "failover_loss_unknown_total", Help: "Failovers of which nobody knows what was lost."})
	m.vetoes = counter("failovers_held_total", "Times that the embedding program forbade a failover or put it off.", "veto")
	m.saves = prometheus.NewHistogram(prometheus.HistogramOpts{Name: prefix + "save_seconds", Help: "How long it took to make the state durable.", Buckets: saveBuckets})
	m.saveFails = prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + "save_errors_total", Help: "Times that the state could not be saved."})
	for _, to := range []string{"self", "other"} {
		m.votes.WithLabelValues(to)
	}
	for _, veto := range []string{"yes", "no"} {
		m.vetoes.WithLabelValues(veto)
	}
	return m
}

func (m *meters) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.events, m.votes, m.attempts, m.phases, m.took, m.lost, m.lostUnsur, m.vetoes, m.saves, m.saveFails}
}

// Begin says who this Sentinel is, and which attempts were known before.
func (m *meters) Begin(id monitor.RunID, known []journal.Report) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.id = id
	for _, r := range known {
		if r.Promoted() {
			m.of(r.Master).moved(r.Ended)
		}
	}
}

// of returns the meter of a master.
func (m *meters) of(name string) *masterMeter {
	one := m.masters[name]
	if one == nil {
		one = &masterMeter{}
		m.masters[name] = one
	}
	return one
}

func (m *masterMeter) moved(at time.Time) {
	if at.After(m.switched) {
		m.switched = at
	}
}

// master returns a copy of the meter of a master.
func (m *meters) master(name string) masterMeter {
	m.mu.Lock()
	defer m.mu.Unlock()
	if one := m.masters[name]; one != nil {
		return *one
	}
	return masterMeter{}
}

var kindWords = [...]string{event.KindMaster: "master", event.KindReplica: "replica", event.KindSentinel: "sentinel"}

// Event counts an event.
func (m *meters) Event(ev monitor.Event) {
	about := ""
	if i, ok := ev.(interface{ About() event.Kind }); ok {
		about = kindWords[i.About()]
	}
	m.events.WithLabelValues(ev.Name(), about).Inc()
	m.mu.Lock()
	defer m.mu.Unlock()
	switch ev := ev.(type) {
	case event.SDown:
		if ev.Kind == event.KindMaster {
			m.of(ev.MasterName()).sdown++
		}
	case event.ODown:
		m.of(ev.MasterName()).odown++
	case event.SwitchMaster:
		one := m.of(ev.Master)
		one.switches++
		one.moved(time.Now())
	case event.MonitorStopped:
		delete(m.masters, ev.MasterName())
	case event.VoteForLeader:
		to := "other"
		if ev.RunID == m.id {
			to = "self"
		}
		m.votes.WithLabelValues(to).Inc()
	case event.FailoverHeld:
		m.vetoes.WithLabelValues(yesNo(ev.Veto)).Inc()
	}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// Report counts an attempt that is over.
func (m *meters) Report(r journal.Report) {
	m.attempts.WithLabelValues(r.Kind.String(), r.Cause.String(), r.Outcome.String(), yesNo(r.Led)).Inc()
	for _, p := range r.Phases {
		m.phases.WithLabelValues(p.Name).Observe(p.Took.Seconds())
	}
	if !r.Led || !r.Promoted() {
		return
	}
	m.took.WithLabelValues(r.Kind.String()).Observe(r.Duration().Seconds())
	if r.Lost.Known {
		m.lost.Add(float64(r.Lost.Bytes))
	} else {
		m.lostUnsur.Inc()
	}
}

// Saved counts a save.
func (m *meters) Saved(took time.Duration, err error) {
	m.saves.Observe(took.Seconds())
	if err != nil {
		m.saveFails.Inc()
	}
}
