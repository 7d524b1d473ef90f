package discovery

import (
	"fmt"
	"slices"
	"time"
)

const (
	// settle is how long Sentinels may take to follow one that is ahead. They tell
	// each other every 2 s.
	settle = 5 * time.Second
	// lately is how long the last word of a Sentinel that has become silent counts
	// for what servers belong to the group.
	lately = time.Minute
	// patience is how long a majority waits at the beginning for those who have not
	// said anything yet: one of them may be ahead.
	patience = 250 * time.Millisecond
	// maxServers bounds how many servers are checked at a time.
	maxServers = 8
)

// witness is a Sentinel as the judge sees it.
type witness struct {
	answer  answer
	heard   time.Time // when the answer came; zero: never
	present bool      // it is connected and has answered last time
	unknown bool      // it has answered last time, and knows no master of the name
	pending bool      // it has been named in the options, and is being asked for the first time
	odd     time.Time // since when it has named a higher epoch than most do
}

// judge decides which master to believe, from what Sentinels say and servers say
// of themselves. It does no input or output. The rules are in doc.go, "Whom it
// believes".
type judge struct {
	// believed is what was decided last, and stays when that cannot be used any
	// more; empty before the first decision.
	believed string
	epoch    uint64

	begun        time.Time // when the first answer had come
	lower, split time.Time // since when most name a lower epoch; since when there is no majority
}

// verdict is what follows from it.
type verdict struct {
	master string // empty: none can be used now
	epoch  uint64
	why    string        // there is none
	wanted []string      // servers that are to be checked, the most important first
	drop   bool          // what was believed before is no master any more
	again  time.Duration // decide again after that even if nothing happens; 0: no need
}

// state tells what a server says of itself at this moment, and if that is not that
// it is a master, since when.
type state func(addr string) (says claim, not time.Time)

// claim is what a server says of itself.
type claim int

const (
	isSilent claim = iota // it does not answer, or has not been asked
	isMaster
	isOther // it says that it is something else
)

// decide may change the odd of the witnesses.
func (j *judge) decide(now time.Time, witnesses []*witness, is state) verdict {
	c := count(now, witnesses)
	v := verdict{wanted: c.wanted(j.believed)}
	j.noteOdd(now, c)
	within := func(d time.Duration, since time.Time) bool {
		rest := d - now.Sub(since)
		if rest > 0 && (v.again == 0 || rest < v.again) {
			v.again = rest
		}
		return rest > 0
	}

	later := func(since time.Time) bool { return within(settle, since) }
	if j.begun.IsZero() && len(c.present) > 0 {
		j.begun = now
	}

	choice, epoch, rival := "", uint64(0), false
	switch {
	case c.pending > 0 && len(c.present) > 0 && j.believed == "" && within(patience, j.begun):
		v.why = "not all Sentinels have answered yet"
	case c.top != "":
		j.split = time.Time{}
		choice, epoch, rival = j.majority(now, c, is, later, &v.why)
	case len(c.present) > 0:
		if j.split.IsZero() {
			j.split = now
		}
		v.why = "the Sentinels name different masters"
		if !later(j.split) {
			choice, epoch = j.newer(c.highest(c.present, is))
		}
	default:
		v.why = noneNames(witnesses)
	}

	overruled := j.believed != "" && c.top != "" && c.top != j.believed && c.topEpoch > j.epoch && c.known(c.top)
	if choice == "" && j.believed != "" && !overruled && !rival {
		// Nothing speaks against the master of before, or not for long enough.
		if says, _ := is(j.believed); says == isMaster {
			choice, epoch = j.believed, j.epoch
		}
	}
	if choice != "" {
		v.master, v.epoch, v.why = choice, epoch, ""
		v.drop = j.believed != "" && j.believed != choice
		j.believed, j.epoch = choice, epoch
	} else {
		v.drop = overruled
	}
	return v
}

// noneNames says why no Sentinel names a master. A name that is misspelt is told from Sentinels
// that do not answer.
func noneNames(witnesses []*witness) string {
	n := 0
	for _, w := range witnesses {
		if w.unknown {
			n++
		}
	}
	if n == 0 {
		return "no Sentinel names a master"
	}
	return fmt.Sprintf("no Sentinel knows a master of that name (%d of %d were asked): compare it with what SENTINEL MASTERS says", n, len(witnesses))
}

// majority decides where more than half name the same master. rival tells that
// another server is a master too, by the word of a Sentinel that may be ahead.
func (j *judge) majority(now time.Time, c *tally, is state, later func(time.Time) bool, why *string) (choice string, epoch uint64, rival bool) {
	if !c.known(c.top) {
		*why = fmt.Sprintf("%s is named by those who answer, but most of those heard in the last minute do not know it", c.top)
		return "", 0, false
	}
	wait := false
	for _, w := range c.present {
		if w.odd.IsZero() || !later(w.odd) {
			continue
		}
		says, _ := is(w.answer.master)
		if says == isOther {
			continue
		}
		other := says == isMaster && w.answer.master != c.top && c.known(w.answer.master)
		if other || c.top != j.believed {
			wait, rival = true, rival || other
			*why = fmt.Sprintf("most Sentinels name %s, but one names %s with a higher epoch: waiting for the others to follow", c.top, w.answer.master)
		}
	}
	epoch = c.topEpoch
	if j.believed == "" || epoch > j.epoch || epoch == j.epoch && c.top == j.believed {
		j.lower = time.Time{}
	} else {
		if j.lower.IsZero() {
			j.lower = now
		}
		if later(j.lower) {
			if epoch = j.epoch; c.top != j.believed {
				wait = true
				*why = fmt.Sprintf("%s is named with a lower epoch than %s before: waiting", c.top, j.believed)
			}
		}
	}
	if wait {
		return "", 0, rival
	}
	says, not := is(c.top)
	if says == isMaster {
		return c.top, epoch, false
	}
	*why = fmt.Sprintf("%s does not say that it is a master", c.top)
	var ahead []*witness
	for _, w := range c.present {
		if !w.odd.IsZero() {
			ahead = append(ahead, w)
		}
	}
	if len(ahead) > 0 && !later(not) {
		choice, epoch = j.newer(c.highest(ahead, is))
	}
	return choice, epoch, false
}

// newer returns a server only if its epoch is its own: two servers with one epoch
// would make it worthless as a token.
func (j *judge) newer(addr string, epoch uint64) (string, uint64) {
	if j.believed != "" && addr != j.believed && epoch <= j.epoch {
		return "", 0
	}
	return addr, max(epoch, j.epoch)
}

// noteOdd notes since when a Sentinel has been alone with a higher epoch. Who
// has been for longer than settle is overruled, until it agrees once.
func (j *judge) noteOdd(now time.Time, c *tally) {
	for _, w := range c.present {
		switch {
		case c.top == "":
		case w.answer.epoch <= c.topEpoch:
			w.odd = time.Time{}
		case w.odd.IsZero():
			w.odd = now
		}
	}
}

// tally is what Sentinels said, counted.
type tally struct {
	pending  int        // who has not been asked yet
	present  []*witness // who answers now
	heard    []*witness // who has answered lately
	top      string     // what more than half of those present name, all with topEpoch; empty: there is no majority
	topEpoch uint64
}

func count(now time.Time, witnesses []*witness) *tally {
	c := &tally{}
	for _, w := range witnesses {
		switch {
		case w.pending:
			c.pending++
			continue
		case !w.present && (w.heard.IsZero() || now.Sub(w.heard) > lately):
			continue
		}
		c.heard = append(c.heard, w)
		if w.present {
			c.present = append(c.present, w)
		}
	}
	for _, w := range c.present {
		if c.backers(w)*2 > len(c.present) {
			c.top, c.topEpoch = w.answer.master, w.answer.epoch
		}
	}
	return c
}

// known reports whether more than half of the Sentinels heard lately name a
// server as the master or list it as a replica. Those not asked yet might not.
func (c *tally) known(addr string) bool {
	n := 0
	for _, w := range c.heard {
		if w.answer.master == addr || slices.ContainsFunc(w.answer.replicas, func(m member) bool { return m.addr == addr }) {
			n++
		}
	}
	return n*2 > len(c.heard)+c.pending
}

// highest returns the server with the highest epoch of those that some witnesses
// name, that are known, and that are masters. Of three or more who answer, two must
// stand for it: one that lies is never enough.
func (c *tally) highest(of []*witness, is state) (addr string, epoch uint64) {
	need := 1
	if len(c.present) > 2 {
		need = 2
	}
	for _, w := range of {
		if says, _ := is(w.answer.master); says != isMaster || !c.known(w.answer.master) || c.backers(w) < need {
			continue
		}
		if addr == "" || w.answer.epoch > epoch {
			addr, epoch = w.answer.master, w.answer.epoch
		}
	}
	return addr, epoch
}

// backers returns how many say exactly what this one says. An epoch has one master:
// who names the same one with another epoch means another time.
func (c *tally) backers(w *witness) (n int) {
	for _, o := range c.present {
		if o.answer.master == w.answer.master && o.answer.epoch == w.answer.epoch {
			n++
		}
	}
	return n
}

// wanted returns the servers whose role matters: those that are named and known.
// To others nothing is sent, and no password above all.
func (c *tally) wanted(believed string) (list []string) {
	add := func(addr string) {
		if addr != "" && len(list) < maxServers && !slices.Contains(list, addr) {
			list = append(list, addr)
		}
	}
	if c.top != "" && c.known(c.top) {
		add(c.top)
	}
	add(believed)
	for _, w := range c.present {
		if c.known(w.answer.master) {
			add(w.answer.master)
		}
	}
	return list
}
