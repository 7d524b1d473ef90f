package sim

import (
	"fmt"
	"strings"
	"time"
)

// zoneFaults happen to many masters at one moment. Their elections share the current
// epoch and the disks of the Sentinels.
var zoneFaults = []kind{
	{"crash-masters", "zone", func(w *world, f Fault) (string, func()) {
		return w.together(f, "crashes", func(s *server) func() {
			s.crash(false)
			return func() { s.start(dataLoss(f.B % 2)) }
		})
	}},
	{"hang-masters", "zone", func(w *world, f Fault) (string, func()) {
		return w.together(f, "hangs", func(s *server) func() { s.hang(); return s.resume })
	}},
	{"isolate-masters", "zone", func(w *world, f Fault) (string, func()) {
		return w.together(f, "is cut off", func(s *server) func() { return w.isolate(s.id, true, true) })
	}},
	{"kill-zone", "zone", func(w *world, f Fault) (string, func()) {
		n := w.node(f.B)
		n.crash(f.B%4 == 0)
		text, undo := w.together(f, "crashes", func(s *server) func() {
			s.crash(true)
			return func() { s.start(loseTail) }
		})
		return text + ", and so does " + n.base().name, func() { undo(); w.boot(n) }
	}},
	{"crash-while-saving", "zone", func(w *world, f Fault) (string, func()) {
		text, undo := w.together(f, "crashes", func(s *server) func() {
			s.crash(false)
			return func() { s.start(loseNothing) }
		})
		for k, n := range w.nodes {
			if n, ok := n.(*node); ok && f.side(hostID(k)) == 0 {
				n.disk.crashAt, n.disk.crashLate = 1+(f.B+k)%3, (f.B+k)%5 < 2
				w.after(w.between(0, 3*time.Second), func() { w.boot(n) })
				text += ", and " + n.name + " when it saves"
			}
		}
		return text, undo
	}},
}

// together does something to the masters of about half the groups or, once in four
// times, of all.
func (w *world) together(f Fault, does string, do func(*server) (undo func())) (text string, undo func()) {
	var names []string
	var undos []func()
	for k, g := range w.groups {
		if f.B%4 == 3 || f.side(hostID(k)) == 1 {
			names, undos = append(names, g.master().name), append(undos, do(g.master()))
		}
	}
	return fmt.Sprintf("each of %d masters (%s) %s", len(names), strings.Join(names, " "), does), func() {
		for _, u := range undos {
			u()
		}
	}
}
