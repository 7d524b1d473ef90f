package reporter

import (
	"slices"
	"time"

	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

// Config is what a [Reporter] works with. Every field must be set, except LastID.
type Config struct {
	// ID is that of the Sentinel whose effects are told.
	ID monitor.RunID
	// Wall turns an instant into a time of day.
	Wall func(monitor.Instant) time.Time
	// LastID is the greatest id of a report that an earlier process has made.
	LastID uint64
	// Report takes a report: when an attempt has begun, at each step that must not be
	// forgotten, and when it is over. The later one with an id replaces the earlier.
	// The report belongs to whom it is given.
	Report func(journal.Report)
	// Begun takes a report once, when its attempt has begun: this Sentinel stands for
	// election, or has voted for another. Nil: nobody wants to know.
	Begun func(journal.Report)
}

// Reporter makes reports. It is used by one goroutine, that of the core. Nil makes
// none.
type Reporter struct {
	cfg     Config
	now     monitor.Instant
	lastID  uint64
	masters []*master // with a running attempt, or that are down
	// epochs are those of the latest switches of the masters that are watched.
	epochs map[string]uint64
}

// New returns a Reporter that knows of nothing.
func New(cfg Config) *Reporter { return &Reporter{cfg: cfg, lastID: cfg.LastID} }

// master is what a reporter remembers of one master between two events.
type master struct {
	name   string
	addr   string
	down   *monitor.DownFact
	sdown  monitor.Instant // 0: it is not
	odown  monitor.Instant
	quorum int       // that was reached then
	said   []accuser // the other Sentinels that say that it is down
	grant  *monitor.GrantFact
	told   *journal.Sentinel // who announced the configuration that comes next
	paused bool              // the failovers, in the present attempt
	why    string            // what the next abort means, in words
	open   *attempt
}

// accuser is a Sentinel that says that a master is down.
type accuser struct {
	who journal.Sentinel
	at  monitor.Instant
}

// attempt is a report in the making.
type attempt struct {
	journal.Report
	phaseAt monitor.Instant // when the last phase began; 0: none is running
	moved   bool            // watched: the address has changed, and what was lost is not known yet
	until   monitor.Instant // watched: nothing is waited for after this
	heard   monitor.Instant // when the old master told its offset
	chosen  string
	held    bool // it has not begun, because it is held back
	veto    bool // by a veto of the embedding program
	told    bool // that it has begun
}

// Effect takes one effect at the instant at which it is carried out.
func (r *Reporter) Effect(now monitor.Instant, e monitor.Effect) {
	if r == nil {
		return
	}
	switch e := e.(type) {
	case monitor.Note:
		r.now = max(r.now, now)
		m := r.master(e.Master)
		m.addr = at(e.Addr)
		r.note(m, e.Fact)
	case monitor.Emit:
		r.now = max(r.now, now)
		r.event(e.Event)
	default:
		return
	}
	r.Advance(now)
}

// Advance ends what was waited for in vain. It is cheap.
func (r *Reporter) Advance(now monitor.Instant) {
	if r == nil {
		return
	}
	r.now = max(r.now, now)
	for _, m := range r.masters {
		if a := m.open; a != nil && a.until != 0 && r.now >= a.until {
			r.expire(m)
		}
	}
}

// expire ends a watched attempt of which nothing more is to be expected.
func (r *Reporter) expire(m *master) {
	a := m.open
	if a.moved {
		a.Lost.Why = "the new master did not tell in time from where on it has another history"
		r.finish(m, journal.Promoted, "")
		return
	}
	r.finish(m, journal.NoNews, "")
}

// Open returns the attempts that go on, as they are now.
func (r *Reporter) Open() []journal.Report {
	if r == nil {
		return nil
	}
	var list []journal.Report
	for _, m := range r.masters {
		if m.open != nil {
			list = append(list, m.open.Clone())
		}
	}
	return list
}

// Close ends all attempts because the Sentinel ends.
func (r *Reporter) Close(now monitor.Instant) {
	if r == nil {
		return
	}
	r.now = max(r.now, now)
	for _, m := range r.masters {
		switch {
		case m.open == nil:
		case m.open.moved:
			r.expire(m)
		default:
			r.finish(m, journal.Stopped, "")
		}
	}
}

func (r *Reporter) master(name string) *master {
	for _, m := range r.masters {
		if m.name == name {
			return m
		}
	}
	m := &master{name: name}
	r.masters = append(r.masters, m)
	return m
}

// tidy forgets masters of which there is nothing to remember, so that the list holds
// those that are in trouble only.
func (r *Reporter) tidy(m *master) {
	if m.open == nil && m.sdown == 0 && m.down == nil && len(m.said) == 0 && m.grant == nil && m.told == nil {
		r.masters = slices.DeleteFunc(r.masters, func(o *master) bool { return o == m })
	}
}

// begin opens a report. What is known of the failure goes into it.
func (r *Reporter) begin(m *master, rep journal.Report) *attempt {
	if m.open != nil {
		r.supersede(m)
	}
	begun := r.wall(r.now)
	r.lastID = max(r.lastID+1, uint64(max(begun.UnixMilli(), 1)))
	rep.ID, rep.Master, rep.From, rep.Begun = r.lastID, m.name, m.addr, begun
	a := &attempt{Report: rep}
	m.open, m.why, m.paused = a, "", false
	return a
}

// supersede ends an attempt because another begins.
func (r *Reporter) supersede(m *master) {
	switch a := m.open; {
	case a.moved:
		r.expire(m)
	case a.held:
		r.letGo(m, "another attempt has begun")
	case a.Led:
		r.finish(m, journal.Overtaken, "another attempt has begun")
	default:
		r.finish(m, journal.NoNews, "another attempt has begun")
	}
}

// accuse copies who said that the master is down, this Sentinel first.
func (r *Reporter) accuse(m *master, a *attempt) {
	if m.sdown != 0 {
		a.Down = append(a.Down, journal.Accusation{By: r.self(), Self: true, At: r.wall(m.sdown)})
	}
	for _, o := range m.said {
		if a.full(len(a.Down)) {
			break
		}
		a.Down = append(a.Down, journal.Accusation{By: o.who, At: r.wall(o.at)})
	}
	if d := m.down; d != nil {
		a.heard = d.OffsetAt
	}
}

// failure opens the report of an attempt that follows from the failure of a master.
func (r *Reporter) failure(m *master) *attempt {
	a := r.begin(m, journal.Report{Kind: journal.Failover, Cause: m.cause()})
	if m.down != nil {
		a.Detail = clip(m.down.Detail)
	}
	if m.odown != 0 {
		a.Quorum = m.quorum
	}
	r.accuse(m, a)
	r.detected(m, a)
	return a
}

// detected adds the phases before the attempt.
func (r *Reporter) detected(m *master, a *attempt) {
	if d := m.down; d != nil && m.sdown != 0 {
		since := d.Since
		if since <= 0 || since > m.sdown {
			since = m.sdown
		}
		a.enter(r, journal.PhaseSilence, since)
		a.enter(r, journal.PhaseAgreement, m.sdown)
		if m.odown >= m.sdown {
			a.enter(r, journal.PhaseCandidacy, m.odown)
		}
	}
}

// save hands out what must not be forgotten by a crash.
func (r *Reporter) save(a *attempt) { r.cfg.Report(a.Clone()) }

// begun tells once that an attempt has begun.
func (r *Reporter) begun(a *attempt) {
	if !a.told && r.cfg.Begun != nil {
		a.told = true
		r.cfg.Begun(a.Clone())
	}
}

// finish ends an attempt.
func (r *Reporter) finish(m *master, how journal.Outcome, reason string) {
	a := m.open
	a.leave(r.now)
	a.Outcome, a.Ended = how, r.wall(r.now)
	if reason != "" {
		a.Reason = clip(reason)
	}
	a.silent()
	m.open, m.why, m.grant, m.told = nil, "", nil, nil
	r.save(a)
}

func (r *Reporter) self() journal.Sentinel { return journal.Sentinel{ID: string(r.cfg.ID)} }

func (r *Reporter) wall(at monitor.Instant) time.Time { return r.cfg.Wall(at).UTC().Round(0) }
