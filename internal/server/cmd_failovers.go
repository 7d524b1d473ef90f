package server

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

// Journal is what commands see of the journal of failovers.
type Journal interface {
	// Open returns the attempts that go on. It is called on the loop's goroutine.
	Open() []journal.Report
	// Reports returns the newest reports about a master, newest first, at most count,
	// with those that go on as open has them. It is safe for concurrent use.
	Reports(open []journal.Report, master string, count int) []journal.Report
}

// noJournal stands in for the journal of a Sentinel that keeps none.
type noJournal struct{}

func (noJournal) Open() []journal.Report                                 { return nil }
func (noJournal) Reports([]journal.Report, string, int) []journal.Report { return nil }

// Bounds of SENTINEL FAILOVERS.
const (
	defaultFailovers = 10
	maxFailovers     = 1000
)

// cmdFailovers answers SENTINEL FAILOVERS, which redis-sentinel does not have.
func cmdFailovers(r *request) {
	count, asJSON := defaultFailovers, false
	if n := len(r.args); n > 3 && strings.EqualFold(r.arg(n-1), "json") {
		asJSON, r.args = true, r.args[:n-1]
	}
	switch {
	case len(r.args) > 4:
		r.fail("ERR", "syntax error")
		return
	case len(r.args) == 4:
		n, err := strconv.Atoi(r.arg(3))
		if err != nil || n < 1 || n > maxFailovers {
			r.fail("ERR", "the count must be a number from 1 to "+strconv.Itoa(maxFailovers))
			return
		}
		count = n
	}
	var open []journal.Report
	known := false
	name := r.arg(2)
	if !r.read(func(c Reader, _ monitor.Instant) { _, known = c.MasterAddr(name); open = r.server.cfg.Journal.Open() }) {
		return
	}
	if !known {
		r.noSuchMaster()
		return
	}
	reports := r.server.cfg.Journal.Reports(open, name, count)
	r.array(len(reports))
	if asJSON {
		for _, rep := range reports {
			text, _ := json.Marshal(rep) // "" for a time beyond the year 9999
			r.bulkBytes(text)
		}
		return
	}
	for k := range reports {
		r.pairs(reportPairs(r.resp3, &reports[k]))
	}
}

// reportPairs is a report as a map. Times are milliseconds since 1970, and durations
// milliseconds.
func reportPairs(resp3 bool, rep *journal.Report) *pairs {
	p := &pairs{reply: reply{resp3: resp3}}
	p.num("id", rep.ID)
	p.text("master", rep.Master)
	p.text("kind", rep.Kind.String())
	p.text("outcome", rep.Outcome.String())
	p.text("reason", rep.Reason)
	p.text("held", rep.Held)
	p.text("cause", rep.Cause.String())
	p.text("detail", rep.Detail)
	p.yes("led", rep.Led)
	p.text("leader-run-id", rep.Leader.ID)
	p.text("leader-addr", rep.Leader.Addr)
	p.num("epoch", rep.Epoch)
	p.text("from", rep.From)
	p.text("to", rep.To)
	p.when("begun", rep.Begun)
	p.when("ended", rep.Ended)
	p.took("duration", rep.Duration())
	p.num("quorum", uint64(rep.Quorum))
	p.list("down", len(rep.Down))
	for _, d := range rep.Down {
		p.maps(func(p *pairs) { p.text("run-id", d.By.ID); p.text("addr", d.By.Addr); p.when("at", d.At) })
	}
	p.list("votes", len(rep.Votes))
	for _, v := range rep.Votes {
		p.maps(func(p *pairs) {
			p.text("run-id", v.By.ID)
			p.text("addr", v.By.Addr)
			p.text("for", v.For)
			p.num("epoch", v.Epoch)
			p.yes("answered", !v.Silent)
		})
	}
	p.list("candidates", len(rep.Candidates))
	for _, c := range rep.Candidates {
		p.maps(func(p *pairs) { candidatePairs(p, c) })
	}
	p.list("phases", len(rep.Phases))
	for _, f := range rep.Phases {
		p.maps(func(p *pairs) { p.text("name", f.Name); p.when("begun", f.Begun); p.took("duration", f.Took) })
	}
	p.yes("loss-known", rep.Lost.Known)
	p.text("loss-reason", rep.Lost.Why)
	p.num("lost-bytes", rep.Lost.Bytes)
	p.num("master-offset", rep.Lost.MasterOffset)
	p.num("promoted-offset", rep.Lost.PromotedOffset)
	p.when("master-heard", rep.Lost.Heard)
	p.list("notes", len(rep.Notes))
	for _, n := range rep.Notes {
		p.maps(func(p *pairs) { p.when("at", n.At); p.text("text", n.Text) })
	}
	p.num("omitted", uint64(rep.Omitted))
	p.text("summary", rep.String())
	return p
}

func candidatePairs(p *pairs, c journal.Candidate) {
	p.text("addr", c.Addr)
	p.text("run-id", c.RunID)
	p.yes("chosen", c.Chosen)
	p.text("verdict", c.Verdict)
	p.num("priority", uint64(max(c.Priority, 0)))
	p.num("offset", c.Offset)
	p.text("data", c.Data)
	p.took("link-down", c.LinkDown)
	p.took("info-age", c.Heard)
}

// pairs is a map in the making, whose values may be of any kind.
type pairs struct {
	reply
	n int
}

func (r *reply) pairs(p *pairs) {
	r.mapping(p.n)
	r.buf = append(r.buf, p.buf...)
}

func (p *pairs) name(name string) {
	p.n++
	p.bulk(name)
}

func (p *pairs) text(name, value string) {
	p.name(name)
	p.bulk(value)
}

func (p *pairs) num(name string, n uint64) {
	p.name(name)
	p.integer(int64(n))
}

func (p *pairs) yes(name string, is bool) {
	p.text(name, yesOrNo(is))
}

func yesOrNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// when adds a time; 0 when there is none.
func (p *pairs) when(name string, t time.Time) {
	p.name(name)
	if t.IsZero() {
		p.integer(0)
	} else {
		p.integer(t.UnixMilli())
	}
}

// took adds a duration; -1 for one that is not known.
func (p *pairs) took(name string, d time.Duration) {
	p.name(name)
	if d < 0 {
		p.double(-1)
	} else {
		p.double(float64(d.Microseconds()) / 1000)
	}
}

// list begins a list of n values, which follow.
func (p *pairs) list(name string, n int) {
	p.name(name)
	p.array(n)
}

// maps adds a map to a list.
func (p *pairs) maps(fill func(*pairs)) {
	inner := &pairs{reply: reply{resp3: p.resp3}}
	fill(inner)
	p.reply.pairs(inner)
}
