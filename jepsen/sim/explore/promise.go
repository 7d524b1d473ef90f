package explore

import (
	"fmt"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/monitor"
)

// outline is what the promises are about in the state of one Sentinel.
type outline struct {
	node    int8
	pending bool // a write is under way
	disk    saved
	writing saved // what the disk will hold after it
	epoch   monitor.Epoch
	voting  [maxMasters]monitor.Epoch // epoch of the running election, 0 when none
	vote    [maxMasters]monitor.Epoch
	voteFor [maxMasters]int
	waiting facts // its own votes that wait for the disk
	heard   facts // the last vote that each peer has told
}

func (r *rig) outline() outline {
	o := outline{node: int8(r.node), disk: r.disk, epoch: r.core.CurrentEpoch()}
	if p := r.core.InFlight(); p != nil {
		o.pending, o.writing = true, savedOf(p.State)
	}
	var room [maxMasters]monitor.MasterProbe
	for m, p := range r.core.AppendProbes(room[:0])[:r.w.cfg.Masters] {
		o.vote[m], o.voteFor[m] = p.VoteEpoch, indexOf(p.VoteFor)
		if p.Phase == election.WaitStart {
			o.voting[m] = p.AttemptEpoch
		}
		note := func(set *facts, node int, e monitor.Epoch, who monitor.RunID) {
			if bit, ok := r.w.book.of(fact{kind: vote, master: m, node: node, who: indexOf(who), epoch: e}); ok {
				set.add(bit)
			}
		}
		r.core.Votes(masterName(m), func(e monitor.Epoch, who monitor.RunID) {
			note(&o.waiting, r.node, e, who)
		}, func(peer monitor.RunID, e monitor.Epoch, who monitor.RunID) {
			if who != "" { // one that is forgotten, or has expired, is never counted
				note(&o.heard, indexOf(peer), e, who)
			}
		})
	}
	return o
}

// checkStep looks for a promise that a Sentinel breaks by a step of its own:
// epochs never fall, votes are given at the current epoch only and once in it,
// and nothing is said before it is durable (S1, S2, S3).
func (w *world) checkStep(was, is *outline, in input, sent facts) (why string) {
	name := nodeName(int(is.node))
	crashed := in == w.in.crash || in == w.in.crashDone
	if is.disk.epoch < was.disk.epoch || !crashed && is.epoch < was.epoch {
		return fmt.Sprintf("S1: the current epoch of %s fell from %d to %d", name, was.epoch, is.epoch)
	}
	for m := range w.cfg.Masters {
		switch {
		case is.voting[m] != 0 && is.voting[m] != was.voting[m] && (is.voting[m] <= max(was.vote[m], is.disk.leader[m]) || is.voting[m] < was.epoch):
			// It could win with votes for an election of before, and make a second
			// configuration of one epoch (S7).
			return fmt.Sprintf("S4: %s begins an election at epoch %d, which is not new", name, is.voting[m])
		case is.vote[m] > is.epoch:
			return fmt.Sprintf("S2: %s has voted at epoch %d, and its current epoch is %d", name, is.vote[m], is.epoch)
		case is.disk.leader[m] < was.disk.leader[m] || !crashed && is.vote[m] < was.vote[m]:
			return fmt.Sprintf("S2: the vote epoch of %s fell from %d to %d", name, was.vote[m], is.vote[m])
		case is.vote[m] < is.disk.leader[m]:
			return fmt.Sprintf("S3: %s has forgotten that it voted at epoch %d", name, is.disk.leader[m])
		case !crashed && is.vote[m] != was.vote[m] && is.vote[m] != is.epoch:
			return fmt.Sprintf("S2: %s voted at epoch %d when its current epoch was %d", name, is.vote[m], is.epoch)
		case !crashed && is.vote[m] == was.vote[m] && is.voteFor[m] != was.voteFor[m]:
			return fmt.Sprintf("S3: the vote of %s at epoch %d moved from %d to %d", name, is.vote[m], was.voteFor[m], is.voteFor[m])
		}
	}
	if w.cfg.MixedEpochs && !w.cfg.Alone {
		return "" // let the search find what that leads to
	}
	sent.each(func(bit int) { why = first(why, first(w.durable(is, w.book.list[bit]), w.meant(was, is, bit))) })
	if w.cfg.Alone {
		why = first(why, w.countedWell(was, is, in, sent))
	}
	is.waiting.minus(was.waiting).each(func(bit int) {
		if f := w.book.list[bit]; !is.votesFor(f.master, f.epoch, f.who) {
			why = first(why, fmt.Sprintf("S3: %s promises that %v, which is not its vote", name, f))
		}
	})
	return why
}

// votesFor reports whether a Sentinel remembers a vote as its last.
func (o *outline) votesFor(m int, e monitor.Epoch, who int) bool {
	return o.vote[m] == e && o.voteFor[m] == who
}

// meant checks that a vote which is told, or for which others are asked, is the
// one that the Sentinel has given. It may have given a later one since, while the
// vote waited for the disk; that one it remembers was promised then.
func (w *world) meant(was, is *outline, bit int) string {
	switch f := w.book.list[bit]; {
	case f.kind == vote && !was.waiting.has(bit) && !was.votesFor(f.master, f.epoch, f.who) && !is.votesFor(f.master, f.epoch, f.who):
		return fmt.Sprintf("S3: %v, which it did not", f)
	case f.kind == request && !is.votesFor(f.master, f.epoch, f.node):
		return fmt.Sprintf("S3: %v, and votes for another", f)
	}
	return ""
}

// countedWell checks that an election is won only by the votes of a majority that
// were told, each for the winner and at the epoch that it leads.
func (w *world) countedWell(was, is *outline, in input, sent facts) (why string) {
	fresh := is.heard.minus(was.heard)
	if in < w.in.expire {
		fresh.remove(int(in))
	}
	fresh.each(func(bit int) {
		why = fmt.Sprintf("S4: %s has heard that %v, which nobody said", nodeName(int(is.node)), w.book.list[bit])
	})
	sent.each(func(bit int) {
		f := w.book.list[bit]
		if f.kind != leader {
			return
		}
		votes := 0
		if is.votesFor(f.master, f.epoch, f.node) {
			votes++
		}
		for p := range w.cfg.Sentinels {
			if p != f.node && is.heard.has(w.book.index[fact{kind: vote, master: f.master, node: p, who: f.node, epoch: f.epoch}]) {
				votes++
			}
		}
		if 2*votes <= w.cfg.Sentinels {
			why = fmt.Sprintf("S4: %v, with %d votes of %d", f, votes, w.cfg.Sentinels)
		}
	})
	return why
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// durable checks that what a Sentinel says is on its disk.
func (w *world) durable(o *outline, f fact) string {
	switch {
	case f.epoch > o.disk.epoch:
		return fmt.Sprintf("S1: %v, which is not durable: on disk is epoch %d", f, o.disk.epoch)
	case (f.kind == vote || f.kind == request || f.kind == leader) && f.epoch > o.disk.leader[f.master]:
		return fmt.Sprintf("S3: %v, which is not durable: on disk is a vote at epoch %d", f, o.disk.leader[f.master])
	}
	return ""
}

// contradiction checks a new fact against all others: one vote for each Sentinel,
// master and epoch (S3), one leader for each master and epoch (S4).
func (w *world) contradiction(f fact, s *state) string {
	switch f.kind {
	case leader:
		for n := range w.cfg.Sentinels {
			other := fact{kind: leader, master: f.master, node: n, epoch: f.epoch}
			if n != f.node && s.net.has(w.book.index[other]) {
				return fmt.Sprintf("S4: %v, and so does %s", f, nodeName(n))
			}
		}
	case vote, request:
		who := f.who
		if f.kind == request {
			who = f.node // it has voted for itself
		}
		if who == nobody || w.cfg.MixedEpochs && f.kind == request {
			return ""
		}
		for n := range w.cfg.Sentinels {
			other := fact{kind: vote, master: f.master, node: f.node, who: n, epoch: f.epoch}
			if n != who && s.net.has(w.book.index[other]) {
				return fmt.Sprintf("S3: %v, after %v", f, other)
			}
		}
		asks := fact{kind: request, master: f.master, node: f.node, epoch: f.epoch}
		if who != f.node && s.net.has(w.book.index[asks]) && !w.cfg.MixedEpochs {
			return fmt.Sprintf("S3: %v, after %v", f, asks)
		}
	}
	return ""
}
