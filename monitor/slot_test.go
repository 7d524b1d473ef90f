package monitor

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// soundWorld answers a core as servers do that are well and a third of a millisecond
// away. Its timers are late by a tenth of one.
type soundWorld struct {
	t     *testing.T
	c     *Core
	now   Instant
	dials int
	sends map[ConnID][]Send   // since take
	pings map[ConnID]Instant  // the last
	gaps  []time.Duration     // between two PINGs of one connection
	up    map[ConnID]Instant  // when they came up, or will
	to    map[ConnID]HostPort // where connections lead
	ticks int
	wait  []arrival // in order of time
}

type arrival struct {
	at Instant
	in Input
}

const (
	roundTrip = 300 * time.Microsecond
	lateness  = 100 * time.Microsecond
)

func newSoundWorld(t *testing.T, st State) *soundWorld {
	w := &soundWorld{t: t, c: newCore(t, st), now: 1, sends: map[ConnID][]Send{}, pings: map[ConnID]Instant{}, up: map[ConnID]Instant{}, to: map[ConnID]HostPort{}}
	w.c.opts.AnnounceIP, w.c.opts.AnnouncePort = "10.9.9.9", 26379
	w.carryOut()
	return w
}

func (w *soundWorld) answer(after time.Duration, in Input) {
	a := arrival{w.now.Add(after), in}
	k, _ := slices.BinarySearchFunc(w.wait, a, func(x, y arrival) int {
		if x.at <= y.at {
			return -1
		}
		return 1
	})
	w.wait = slices.Insert(w.wait, k, a)
}

func (w *soundWorld) carryOut() {
	var out Effects
	w.c.Drain(&out)
	if p := out.Persist; p != nil {
		w.answer(roundTrip, Persisted{Seq: p.Seq})
	}
	for _, e := range out.Free {
		switch e := e.(type) {
		case Dial:
			w.dials++
			w.to[e.Conn] = e.Addr
			took := time.Duration(w.dials*7919%97) * time.Millisecond
			w.answer(took, LinkUp{Conn: e.Conn})
			w.up[e.Conn] = w.now.Add(took)
		case Send:
			w.send(e)
		case Emit:
			if e.Event.Level() == LevelWarning && e.Event.Name() != "+monitor" {
				w.t.Errorf("%s: %s", e.Event.Name(), e.Event.AppendText(nil))
			}
		}
	}
}

func (w *soundWorld) send(e Send) {
	w.sends[e.Conn] = append(w.sends[e.Conn], e)
	switch e.Cmd.(type) {
	case Ping:
		if last := w.pings[e.Conn]; last != 0 {
			w.gaps = append(w.gaps, w.now.Sub(last))
		}
		w.pings[e.Conn] = w.now
		w.answer(roundTrip+max(0, w.up[e.Conn].Sub(w.now)), Pong{Conn: e.Conn, Reply: PingPong})
	case PublishHello:
		w.answer(roundTrip, PublishReply{Conn: e.Conn, Token: e.Token, OK: true})
	case InfoRequest:
		text := "role:master\r\nslave0:ip=" + strings.Replace(w.to[e.Conn].Host, "10.0.", "10.1.", 1) + ",port=6379,state=online\r\n"
		if host, ok := strings.CutPrefix(w.to[e.Conn].Host, "10.1."); ok {
			text = "role:slave\r\nmaster_host:10.0." + host + "\r\nmaster_port:6379\r\nmaster_link_status:up\r\n"
		}
		w.answer(roundTrip, InfoReply{Conn: e.Conn, Token: e.Token, Info: ParseInfo([]byte(text + "master_replid:" + replidA + "\r\n"))})
	}
}

// run lets time pass and returns how many connections were written to, each counted once
// for all that was sent at one instant, and how much was sent of what.
func (w *soundWorld) run(d time.Duration) (writes, pings, hellos, infos int) {
	for end := w.now.Add(d); ; {
		w.sends = map[ConnID][]Send{}
		due := w.c.NextDeadline().Add(lateness)
		if len(w.wait) > 0 && w.wait[0].at < due {
			a := w.wait[0]
			w.wait = w.wait[1:]
			w.now = a.at
			w.c.Step(w.now, a.in)
		} else {
			if due > end {
				w.now = end
				return writes, pings, hellos, infos
			}
			w.now = max(w.now, due)
			w.ticks++
			w.c.Step(w.now, Tick{})
		}
		w.carryOut()
		for _, sent := range w.sends {
			writes++
			for _, s := range sent {
				switch s.Cmd.(type) {
				case Ping:
					pings++
				case PublishHello:
					hellos++
				case InfoRequest:
					infos++
				}
			}
		}
	}
}

// TestSlots: however the links came up, soon no hello and no INFO needs a write of its
// own, a wake-up serves many links, and no PING is later than it would be without slots.
func TestSlots(t *testing.T) {
	for _, downAfter := range []time.Duration{30 * time.Second, 1234 * time.Millisecond, time.Second} {
		t.Run(downAfter.String(), func(t *testing.T) {
			const masters, span = 60, 20
			st := manyMasters(masters)
			for k, m := range st.Masters {
				m.DownAfter = downAfter
				if k%2 == 1 {
					m.Replicas = nil // they are learned from INFO
				}
			}
			w := newSoundWorld(t, st)
			w.run(15 * time.Second)
			w.ticks, w.gaps = 0, nil
			writes, pings, hellos, infos := w.run(span * time.Second)
			if writes != pings {
				t.Errorf("%d writes for %d PINGs, %d hellos and %d INFOs", writes, pings, hellos, infos)
			}
			if want := 2 * masters * span / 2; hellos < want || hellos > want*21/20 {
				t.Errorf("%d hellos, want %d", hellos, want)
			}
			if want := 2 * masters * span / 10; infos < want || infos > want*11/10 {
				t.Errorf("%d INFOs, want %d", infos, want)
			}
			if most := span * (int(time.Second/slot) + 2); w.ticks > most {
				t.Errorf("%d wake-ups, want at most %d", w.ticks, most)
			}
			period := min(downAfter/10, time.Second)
			if longest := slices.Max(w.gaps); longest > max(period, time.Second)+lateness {
				t.Errorf("a PING was sent %s after the one before", longest)
			}
			masterGaps := 0
			for _, gap := range w.gaps {
				if gap <= period+lateness {
					masterGaps++
				}
			}
			if masterGaps < masters*int(span*time.Second/period)-masters {
				t.Errorf("only %d PINGs came within %s", masterGaps, period)
			}
			if w.c.clamped != 0 {
				t.Errorf("%d timers asked for the past", w.c.clamped)
			}
		})
	}
}

// TestSlotted: the beginning of a slot, and nothing for what comes every few slots.
func TestSlotted(t *testing.T) {
	for _, tc := range []struct{ due, period, want time.Duration }{
		{1019 * time.Millisecond, time.Second, 1000 * time.Millisecond},
		{1020 * time.Millisecond, time.Second, 1020 * time.Millisecond},
		{1039 * time.Millisecond, 100 * time.Millisecond, 1020 * time.Millisecond},
		{1039 * time.Millisecond, 99 * time.Millisecond, 1039 * time.Millisecond},
	} {
		if got := slotted(Instant(tc.due), tc.period); got != Instant(tc.want) {
			t.Errorf("slotted(%s, %s) = %s", tc.due, tc.period, time.Duration(got))
		}
	}
}
