package discovery

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	// shortestGap is the time between two questions to one machine when something
	// happens, longestGap when that does not end.
	shortestGap = 20 * time.Millisecond
	longestGap  = 500 * time.Millisecond
	// pingEvery is how often a subscription is tried.
	pingEvery = 10 * time.Second
	// maxMessages is how many events a Sentinel may publish in a second. It has one
	// for each of its masters when a machine with many of them dies.
	maxMessages = 10_000
)

// voice is a Sentinel that is asked. Its fields belong to Resolver.mu.
type voice struct {
	addr string
	seed bool // from the options
	ask  kick
	stop context.CancelFunc

	witness    witness
	err        error // why it does not answer, or cannot be used
	subscribed bool
	subErr     error // why not
}

func newVoice(addr string, seed bool) *voice {
	return &voice{addr: addr, seed: seed, ask: make(kick, 1), witness: witness{pending: seed}}
}

// start starts the goroutines of a voice.
func (r *Resolver) start(v *voice) {
	ctx, cancel := context.WithCancel(r.ctx)
	v.stop = cancel
	r.tasks.Go(func() { r.interrogate(ctx, v) })
	r.tasks.Go(func() { r.listen(ctx, v) })
}

// interrogate asks a Sentinel again and again.
func (r *Resolver) interrogate(ctx context.Context, v *voice) {
	again := backoff{first: 100 * time.Millisecond, most: 5 * time.Second}
	for {
		start := time.Now()
		err := r.interrogateOnce(ctx, v)
		if ctx.Err() != nil {
			return
		}
		r.heard(v, answer{}, err)
		if !sleep(ctx, again.pause(start)) {
			return
		}
	}
}

// interrogateOnce does so over one connection, until that ends.
func (r *Resolver) interrogateOnce(ctx context.Context, v *voice) error {
	l, err := r.open(ctx, v.addr, r.opt.SentinelAccess)
	if err != nil {
		return err
	}
	defer l.close()
	eager, gap := backoff{first: 100 * time.Millisecond, most: time.Second}, newGap()
	last, moving := time.Now(), 0
	for {
		replies, err := l.ask(ctx, questions(r.opt.Master)...)
		if err != nil {
			return err
		}
		a, err := parseAnswer(replies)
		if errors.Is(err, errMoving) {
			moving++
		} else {
			moving = 0
		}
		if moving == 0 || moving > 3 {
			r.heard(v, a, err)
		}
		if err := l.idle(ctx, gap.pause(last), nil); err != nil {
			return err
		}
		last = time.Now()
		if moving > 0 {
			continue
		}
		if err := l.idle(ctx, r.interval(&eager), v.ask); err != nil {
			return err
		}
	}
}

// newGap makes the gaps between questions: short ones that grow while questions come
// one after the other.
func newGap() backoff { return backoff{first: shortestGap, most: longestGap} }

// interval returns how long to wait before the next question: Poll, and less
// while there is no master.
func (r *Resolver) interval(eager *backoff) time.Duration {
	r.mu.Lock()
	settled := !r.view.Master.IsZero()
	r.mu.Unlock()
	if settled {
		eager.next = 0
		return r.opt.Poll - r.opt.Poll/10 + rand.N(r.opt.Poll/5+1)
	}
	return min(eager.pause(time.Now()), r.opt.Poll)
}

// heard notes what a Sentinel has said.
func (r *Resolver) heard(v *voice, a answer, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.complain("Sentinel", v.addr, v.err, err)
	v.err = err
	v.witness.pending, v.witness.present, v.witness.unknown = false, err == nil, errors.Is(err, errNoMaster)
	if err == nil {
		v.witness.answer, v.witness.heard = a, time.Now()
	}
	r.dirty.send()
}

// complain logs trouble with a machine when it is new.
func (r *Resolver) complain(what, addr string, before, now error) {
	switch {
	case now != nil && (before == nil || before.Error() != now.Error()):
		r.opt.Logger.Warn("discovery: trouble", "with", what, "addr", addr, "error", now)
	case now == nil && before != nil:
		r.opt.Logger.Info("discovery: no more trouble", "with", what, "addr", addr)
	}
}

// listen subscribes at a Sentinel.
func (r *Resolver) listen(ctx context.Context, v *voice) {
	again := backoff{first: 100 * time.Millisecond, most: 5 * time.Second}
	for {
		start := time.Now()
		err := r.listenOnce(ctx, v)
		if ctx.Err() != nil {
			return
		}
		r.mu.Lock()
		v.subscribed, v.subErr = false, err
		r.mu.Unlock()
		d := again.pause(start)
		if refused := refusal(""); errors.As(err, &refused) {
			d += 20 * time.Second // a right is missing: nobody gives it at once
		}
		if !sleep(ctx, d) {
			return
		}
	}
}

// listenOnce does so over one connection, until that ends. An event says only that
// it is time to ask: it has no epoch.
func (r *Resolver) listenOnce(ctx context.Context, v *voice) error {
	l, err := r.open(ctx, v.addr, r.opt.SentinelAccess)
	if err != nil {
		return err
	}
	defer l.close()
	replies, err := l.ask(ctx, command{"SUBSCRIBE", "+switch-master"})
	if err != nil {
		return err
	}
	if err := replies[0].err(); err != nil {
		return err
	}
	if len(replies[0].items) != 3 || replies[0].items[0].text != "subscribe" {
		return errors.New("the answer to SUBSCRIBE is not of a Sentinel")
	}
	r.mu.Lock()
	v.subscribed, v.subErr = true, nil
	r.mu.Unlock()
	v.ask.send() // what happened before this moment was not announced to us
	return r.messages(ctx, l)
}

// messages reads events.
func (r *Resolver) messages(ctx context.Context, l *line) error {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	second, n, silent := time.Now(), 0, false
	for {
		select {
		case m, ok := <-l.replies:
			if !ok {
				return l.err
			}
			silent = false
			if now := time.Now(); now.Sub(second) >= time.Second {
				second, n = now, 0
			}
			if n++; n > maxMessages {
				return fmt.Errorf("it publishes more than %d events a second", maxMessages)
			}
			if w, ok := m.texts(); ok && len(w) == 3 && w[0] == "message" && switched(w[2], r.opt.Master) {
				r.askAll()
			}
		case <-ping.C:
			if silent {
				return errors.New("the subscription is silent")
			}
			silent = true
			if err := l.send(command{"PING"}); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// askAll has every Sentinel and server asked at once.
func (r *Resolver) askAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range r.voices {
		v.ask.send()
	}
	for _, s := range r.servers {
		s.ask.send()
	}
}

// witnesses returns what the Sentinels said.
func (r *Resolver) witnesses() []*witness {
	list := make([]*witness, len(r.voices))
	for i, v := range r.voices {
		list[i] = &v.witness
	}
	return list
}

// learn starts to ask the Sentinels that others list, and stops it when they are
// not listed any more. Those of the options decide, if they have been heard lately:
// more than half of them must list it. One that lies could otherwise invent a
// crowd that outvotes the rest, or have the password sent to anyone.
func (r *Resolver) learn() {
	var electors []*voice
	ids := make(map[string]bool) // a Sentinel has one voice, by whatever address
	for _, v := range r.voices {
		if v.witness.pending {
			return
		}
		if v.seed && recent(v) {
			electors = append(electors, v)
			ids[v.witness.answer.id] = true
		}
	}
	if len(electors) == 0 {
		for _, v := range r.voices {
			if recent(v) {
				electors = append(electors, v)
			}
		}
	}
	if len(electors) == 0 {
		return
	}
	votes := make(map[string]int)
	for _, v := range electors {
		seen := map[string]bool{v.addr: true} // nobody lists itself
		votes[v.addr]++
		for _, p := range v.witness.answer.sentinels {
			if !seen[p.addr] && (p.id == "" || !ids[p.id]) {
				seen[p.addr] = true
				votes[p.addr]++
			}
		}
	}
	r.voices = slices.DeleteFunc(r.voices, func(v *voice) bool {
		n := votes[v.addr]
		delete(votes, v.addr)
		if v.seed || n*2 > len(electors) {
			return false
		}
		v.stop()
		return true
	})
	var added []string
	for addr, n := range votes {
		if n*2 > len(electors) {
			added = append(added, addr)
		}
	}
	slices.Sort(added)
	for _, addr := range added[:min(len(added), maxSentinels-len(r.voices))] {
		v := newVoice(addr, false)
		r.voices = append(r.voices, v)
		r.start(v)
	}
}

// recent reports whether a Sentinel has answered lately.
func recent(v *voice) bool {
	return v.witness.present || !v.witness.heard.IsZero() && time.Since(v.witness.heard) <= lately
}
