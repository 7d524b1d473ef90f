package sim

import (
	"slices"
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/internal/reporter"
	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

// diary is the journal of a Sentinel, in all its lives. What it says is compared with
// what has happened in the world (Journal).
type diary struct {
	rep    *reporter.Reporter
	lastID uint64
	latest map[string]journal.Report // the last word about each master
	over   *journal.Report           // the attempt that the present effect has ended
}

// opened begins a diary for a process that starts.
func (k *checker) opened(n *node) {
	d := &n.diary
	if d.latest == nil {
		d.latest = map[string]journal.Report{}
	}
	d.rep = reporter.New(reporter.Config{
		ID: n.id, LastID: d.lastID, Wall: func(at monitor.Instant) time.Time { return time.Unix(0, int64(at)) },
		Report: func(r journal.Report) { k.wrote(n, r) },
	})
}

// wrote takes a report, and checks what it says by itself.
func (k *checker) wrote(n *node, r journal.Report) {
	d := &n.diary
	k.looked[Journal]++
	last, known := d.latest[r.Master]
	switch {
	case r.ID > d.lastID:
		d.lastID = r.ID
	case !known || r.ID != last.ID:
		k.fail(n.name, Journal, "a report about %s has the id %d after %d", r.Master, r.ID, d.lastID)
	case last.Over():
		k.fail(n.name, Journal, "the attempt %d about %s has ended twice: %s; %s", r.ID, r.Master, last.String(), r.String())
	}
	d.latest[r.Master] = r
	if r.Over() {
		d.over = &r
	}
	lost := r.Outcome == journal.Overtaken || r.Outcome == journal.Abandoned // by another one, after its promotion
	if r.Over() && r.Promoted() != (r.To != "") && !lost || r.Ended.IsZero() == r.Over() {
		k.fail(n.name, Journal, "the report contradicts itself: %+v", r)
	}
	for j, p := range r.Phases {
		if p.Took < 0 || j > 0 && p.Begun.Before(r.Phases[j-1].Begun) {
			k.fail(n.name, Journal, "the phases are out of order: %v", r.Phases)
		}
	}
	if r.Led && r.Lost.Known && (!known || last.ID != r.ID || !last.Lost.Known) { // before the new master is started anew
		k.lossOf(n, &r)
	}
}

// noted has the diary take an effect, and compares what it has made of it.
func (k *checker) noted(n *node, e monitor.Effect) {
	d := &n.diary
	d.over = nil
	d.rep.Effect(k.w.now, e)
	if note, ok := e.(monitor.Note); ok {
		switch f := note.Fact.(type) {
		case monitor.HeldFact:
			k.heldBack(n, note.Master, f.Reason)
		case monitor.DownFact:
			k.downFor(n, note.Master, f)
		}
		if f, down := note.Fact.(monitor.DownFact); down && f.Cause == monitor.DownGone {
			k.gone(n, note.Master, note.Addr)
		}
	}
	emit, ok := e.(monitor.Emit)
	if !ok {
		return
	}
	switch ev := emit.Event.(type) {
	case event.FailoverHeld:
		k.heldBack(n, ev.MasterName(), ev.Reason)
	case event.SwitchMaster:
		k.movedBy(n, ev)
	case event.ElectedLeader:
		r := d.latest[ev.MasterName()]
		if !r.Led || r.Over() || r.Epoch == 0 || r.Leader.ID != string(n.id) {
			k.fail(n.name, Journal, "it is elected, and the journal says: %s", r.String())
		}
	case event.FailoverAbortNotElected, event.FailoverAbortNoGoodReplica, event.FailoverAbortReplicaTimeout:
		if r := d.over; r == nil || !r.Led || r.Promoted() {
			k.fail(n.name, Journal, "%s, and the journal does not say that the attempt has ended", text(ev))
		}
	}
}

// downFor takes why a master counts as down. Silence is measured.
func (k *checker) downFor(n *node, master string, f monitor.DownFact) {
	n.seen.master(master).downBy = f.Cause
	silent := f.Cause == monitor.DownSilent || f.Cause == monitor.DownRefused
	if m, ok := n.core.Master(k.w.now, master); ok && silent && k.w.now < f.Since.Add(m.DownAfter) {
		k.fail(n.name, Causes, "%s counts as down after it was silent for %v", master, k.w.now.Sub(f.Since))
	}
}

// heldBack checks that an attempt which does not begin, although it could, is in the
// journal from then on.
func (k *checker) heldBack(n *node, master, why string) {
	if r := n.diary.latest[master]; r.ID == 0 || r.Over() {
		k.fail(n.name, Journal, "a failover of %s is held back (%s), and the journal says: %s", master, why, r.String())
	}
}

// movedBy checks that an address switch is in the journal, with the address, the epoch
// and the leader that it had.
func (k *checker) movedBy(n *node, ev event.SwitchMaster) {
	r := n.diary.latest[ev.Master]
	later := r.Led && uint64(ev.Epoch) > r.Epoch // another has announced the same address since
	if r.To != ev.To.String() || r.From != ev.From.String() || r.Epoch != uint64(ev.Epoch) && !later {
		k.fail(n.name, Journal, "%s, and the journal says: %s", text(ev), r.String())
		return
	}
	key := epochKey{ev.Master, monitor.Epoch(r.Epoch)}
	l, elected := k.leaders[key]
	if !elected || k.tainted != "" || k.excused[key] || r.Leader.ID == "" {
		return
	}
	if !r.Led && k.stood(r.Leader.ID, key) {
		return // it had this one's vote and lost to another, whose configuration it passed on
	}
	if who := k.nameOf(r.Leader.ID); who != "" && who != l.node {
		k.fail(n.name, Journal, "%s was led by %s, and the journal says by %s", text(ev), l.node, who)
	}
}

// stood reports whether a Sentinel has voted for itself at an epoch.
func (k *checker) stood(id string, key epochKey) bool {
	for _, s := range k.w.nodes {
		if n, ok := s.(*node); ok && string(n.id) == id {
			return n.voter().votes[key] == n.id
		}
	}
	return false
}

// nameOf returns the name of the Sentinel that has an id now, or "".
func (k *checker) nameOf(id string) string {
	for _, s := range k.w.nodes {
		if p := s.base(); string(p.id) == id {
			return p.name
		}
	}
	return ""
}

// lossOf compares what an attempt may have lost with what the servers hold: where the
// old master is in the history that the new one has left, each of its writes up to the
// offset that it told, which the new one lacks, is counted.
func (k *checker) lossOf(n *node, r *journal.Report) {
	to, from := k.serverAt(r.To), k.serverAt(r.From)
	if to == nil || from == nil || to == from || from.replID != to.oldID || to.role != monitor.RoleMaster {
		return // or it was made a replica since, and drops what it had
	}
	for _, c := range r.Candidates {
		if c.Chosen && c.RunID != string(to.runID) {
			return // it has been restarted since, perhaps after it said that it was promoted
		}
	}
	if at := uint64(to.oldUntil) * entryBytes; r.Lost.PromotedOffset != at {
		k.fail(n.name, Journal, "%s was promoted at offset %d, and the journal says at %d", to.addr, at, r.Lost.PromotedOffset)
	}
	missing := uint64(0)
	for j, write := range from.log {
		if at := uint64(from.ahead+j+1) * entryBytes; at > r.Lost.MasterOffset {
			break
		}
		if write != 0 && !slices.Contains(to.log, write) {
			missing++
		}
	}
	if r.Lost.Bytes < missing*entryBytes || r.Kind == journal.Switchover && r.Lost.Bytes > 0 {
		k.fail(n.name, Journal, "%d writes that %s has told of are not at %s, and the journal says: %s", missing, r.From, r.To, r.String())
	}
}

func (k *checker) serverAt(addr string) *server {
	for _, s := range k.w.servers {
		if s.addr.String() == addr {
			return s
		}
	}
	return nil
}

// diaryAgrees checks that the attempts which the journal takes for running are those
// that the core is at.
func (k *checker) diaryAgrees(n *node) {
	running := map[string]bool{}
	for _, r := range n.diary.rep.Open() {
		if r.Led {
			running[r.Master] = true
		}
	}
	for _, p := range n.seen.probes {
		k.looked[Journal]++
		v, ok := n.core.Master(k.w.now, p.Name)
		if ok && v.Flags.Has(monitor.FlagFailoverInProgress) != running[p.Name] {
			k.fail(n.name, Journal, "the attempt about %s is in state %s, and the journal has it running: %v", p.Name, p.Phase, running[p.Name])
		}
	}
}
