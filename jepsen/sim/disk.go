package sim

import (
	"fmt"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/monitor"
)

// modelDisk makes states durable, one after the other. What it holds survives a
// crash; of a write that is under way either nothing or everything does, because
// the file is replaced by a rename. With a codec the states pass through the
// real configuration file format, both ways.
type modelDisk struct {
	w       *world
	durable monitor.State
	codec   string // "", "conf" or "toml"
	doc     *configrewrite.Document
	file    []byte

	pending *monitor.Persist
	latency time.Duration
	broken  string // why writes fail; "" when they do not
	hung    bool   // writes do not end
	saves   int

	crashAt   int // the write, counted from now, around which the process dies; 0: none
	crashLate bool

	cut       Cut  // where the process dies in the write under way; CutBefore: nowhere
	releasing bool // effects that waited for the disk are being carried out
}

func (d *modelDisk) init(w *world, s monitor.State) {
	d.w, d.durable, d.codec, d.latency = w, s, w.opts.Codec, w.opts.DiskLatency
	if d.codec != "" {
		d.create()
	}
}

// create makes the file that the first process finds.
func (d *modelDisk) create() {
	src := configrewrite.Source{Name: "sentinel." + d.codec, Dir: "/", Format: configrewrite.FormatOf("sentinel." + d.codec)}
	doc, err := configrewrite.Parse(nil, src)
	if err != nil {
		panic(fmt.Sprintf("sim: an empty configuration does not parse: %v", err))
	}
	d.doc, d.file = doc, doc.Render(nil, d.durable)
}

// load reads the file, as a process that starts does.
func (d *modelDisk) load() (monitor.State, error) {
	if d.codec == "" {
		return d.durable, nil
	}
	doc, err := configrewrite.Parse(d.file, configrewrite.Source{
		Name: "sentinel." + d.codec, Dir: "/", Format: configrewrite.FormatOf("sentinel." + d.codec),
	})
	if err != nil {
		return monitor.State{}, fmt.Errorf("the saved state does not load: %w", err)
	}
	d.doc = doc
	return doc.State, nil
}

// put replaces what is durable.
func (d *modelDisk) put(s monitor.State) {
	if d.w.opts.Bug == BugLossyDisk {
		return
	}
	d.durable = s
	if d.codec == "" {
		return
	}
	d.w.check.looked[Codec]++
	text := d.doc.Render(d.file, s)
	if err := d.doc.Verify(text, s); err != nil {
		d.w.check.fail("disk", Codec, "%v", err)
		return
	}
	d.file = text
}

// save begins a write.
func (d *modelDisk) save(n *node, p *monitor.Persist) {
	d.pending = p
	d.saves++
	if t := d.w.tap; t != nil && t.writing(n, p) {
		return
	}
	if d.w.opts.ungated() {
		d.release(n, p)
	}
	life := n.life
	if d.crashAt > 0 {
		if d.crashAt--; d.crashAt == 0 && d.crashAround(n) {
			return
		}
	}
	if !d.hung {
		d.w.after(d.latency+d.w.between(0, d.latency/2), func() {
			if n.life == life && d.pending == p {
				d.saved(n, p)
			}
		})
	}
}

// crashAround ends the process in the middle of the write or, if it is to be late,
// right after its end, and reports whether it has.
func (d *modelDisk) crashAround(n *node) bool {
	if !d.crashLate {
		d.w.say(n.name, "CRASH during a write of epoch %d", d.pending.State.CurrentEpoch)
		n.crash(false)
		return true
	}
	life := n.life
	d.w.after(2*d.latency, func() {
		if n.life == life && !d.w.healed {
			d.w.say(n.name, "CRASH right after a write")
			n.crash(false)
		}
	})
	return false
}

func (d *modelDisk) saved(n *node, p *monitor.Persist) {
	if t := d.w.tap; t != nil && t.written(n) {
		return
	}
	d.pending = nil
	if d.broken != "" {
		n.input(monitor.Persisted{Seq: p.Seq, Err: d.broken})
		return
	}
	d.put(p.State)
	if !d.w.opts.ungated() {
		d.release(n, p)
	}
	n.input(monitor.Persisted{Seq: p.Seq})
}

func (d *modelDisk) release(n *node, p *monitor.Persist) {
	life := n.life
	d.releasing = true
	for _, e := range p.Then {
		if n.life == life {
			n.do(e)
		}
	}
	d.releasing = false
}

// crash decides what becomes of the write that is under way.
func (d *modelDisk) crash() {
	p := d.pending
	d.pending = nil
	if p != nil && d.broken == "" && d.survives() {
		d.put(p.State)
	}
}

// survives decides whether the file was replaced before the process died.
func (d *modelDisk) survives() bool {
	if t := d.w.tap; t != nil {
		return t.keep
	}
	return d.w.chance(2)
}

// mend ends all trouble. A write that hung goes on.
func (d *modelDisk) mend(n *node) {
	d.broken, d.latency, d.crashAt = "", d.w.opts.DiskLatency, 0
	if !d.hung {
		return
	}
	d.hung = false
	if p := d.pending; p != nil {
		life := n.life
		d.w.after(d.latency, func() {
			if n.life == life && d.pending == p {
				d.saved(n, p)
			}
		})
	}
}
