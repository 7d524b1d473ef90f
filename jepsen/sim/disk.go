package sim

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/atomicfile"
	"github.com/gosentinel/sentinel/internal/atomicfile/memdisk"
	"github.com/gosentinel/sentinel/monitor"
)

// modelDisk makes states durable, one after the other. What it holds survives a
// crash; of a write that is under way either nothing or everything does, because
// the file is replaced by a rename. With a codec the states pass through the
// real configuration file, on a file system in memory. There the file may also be
// mounted on its own, so that it is written in place and a crash leaves half of it,
// and other programs may cut it.
type modelDisk struct {
	w       *world
	durable monitor.State
	codec   string // "", "conf" or "toml"
	fs      *memdisk.Disk
	file    *configrewrite.File // as the process loaded it; nil before
	mounted bool                // the file cannot be replaced
	whole   []byte              // the file before somebody cut it; nil: nobody has

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

func (d *modelDisk) path() string { return "/sentinel." + d.codec }

// parse reads a text without the rest of a file system.
func (d *modelDisk) parse(text []byte) (*configrewrite.Document, error) {
	return configrewrite.Parse(text, configrewrite.Source{Name: d.path(), Dir: "/", Format: configrewrite.FormatOf(d.path())})
}

// create makes the file that the first process finds.
func (d *modelDisk) create() {
	doc, err := d.parse(nil)
	if err != nil {
		panic(fmt.Sprintf("sim: an empty configuration does not parse: %v", err))
	}
	d.install(doc.Render(nil, d.durable))
}

// useFile puts states through a real file from now on, if they were not yet.
func (d *modelDisk) useFile(n int) {
	if d.codec == "" {
		d.codec = []string{"conf", "toml"}[n%2]
		d.create()
	}
	if d.file == nil && d.whole == nil {
		d.check(d.open())
	}
}

func (d *modelDisk) check(err error) {
	if err != nil {
		d.w.check.fail("disk", Codec, "%v", err)
	}
}

// install makes a disk on which the file holds text.
func (d *modelDisk) install(text []byte) {
	d.fs = memdisk.New(map[string]string{d.path(): string(text)})
	d.fs.Refuse = func(op string) error {
		if op == "rename" && d.mounted {
			return syscall.EBUSY
		}
		return nil
	}
	d.file, d.whole = nil, nil
}

// load reads the file, as a process that starts does. One that was cut and not saved
// since is restored by people: most such files are refused, but not all can be told
// from that of a new Sentinel.
func (d *modelDisk) load() (monitor.State, error) {
	if d.codec == "" {
		return d.durable, nil
	}
	if d.whole != nil {
		d.install(d.whole)
	}
	if err := d.open(); err != nil {
		return monitor.State{}, fmt.Errorf("the saved state does not load: %w", err)
	}
	return d.file.State(), nil
}

func (d *modelDisk) open() (err error) {
	d.file, err = configrewrite.Loader{FS: d.fs, StartDir: "/"}.Load(d.path(), nil)
	if err == nil {
		d.file.Listen(func(string) {})
	}
	return err
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
	if d.file == nil {
		if err := d.open(); err != nil {
			d.check(err)
			return
		}
	}
	d.check(d.file.Save(s))
	d.whole = nil
}

// tear loses power within a write in place: the file holds a part of it, from which
// the state before or that of the write must come back.
func (d *modelDisk) tear(s monitor.State) {
	d.w.check.looked[Codec]++
	rng := rand.New(rand.NewPCG(uint64(d.w.now), uint64(d.saves)))
	d.fs.Steps, d.fs.FailAt, d.fs.Crash = 0, 1+rng.IntN(20), true
	func() {
		defer func() {
			if r := recover(); r != nil && r != (memdisk.PowerCut{}) {
				panic(r)
			}
		}()
		d.check(d.file.Save(s))
	}()
	left, whole := d.fs.AfterPowerCut(d.path()), d.whole
	text := []byte(left[rng.IntN(len(left))])
	d.install(text)
	content, _ := atomicfile.Recover(text)
	doc, err := d.parse(content)
	switch {
	case err == nil && doc.Verify(content, s) == nil:
		d.durable = s
	case whole != nil:
		d.whole = whole // it was cut before, and the write came to nothing
	case err != nil || doc.Verify(content, d.durable) != nil:
		d.w.check.fail("disk", Codec, "a write in place that was interrupted left neither state: %v", err)
	}
}

// damage cuts the file while the process runs.
func (d *modelDisk) damage(n int) {
	f := d.fs.Entries[d.path()]
	if d.file == nil || len(f.Data) == 0 {
		return
	}
	if d.whole == nil {
		d.whole = f.Data
	}
	f.Data = f.Data[:n%len(f.Data)]
	f.Synced = f.Data
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
	if p == nil || d.broken != "" {
		return
	}
	survives := d.survives()
	switch {
	case d.mounted && d.file != nil && d.w.tap == nil && d.w.opts.Bug != BugLossyDisk:
		d.tear(p.State)
	case survives:
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
	d.broken, d.latency, d.crashAt, d.mounted = "", d.w.opts.DiskLatency, 0, false
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
