package configrewrite

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"reflect"
	"slices"
	"strings"

	"github.com/gosentinel/sentinel/monitor"
)

// changedPart renders and verifies what has changed since the last save, so that a save
// takes time for that and not for all masters. It is used only while the file holds,
// byte for byte, what was written last, and nothing but masters has changed. Then the
// text is the one that Render would make: what it would write for the other masters
// stands there already.
type changedPart struct {
	text  []byte        // what was saved last
	state monitor.State // that it holds
	live  Live
	conf  *confParts // of a sentinel.conf; nil: text is to be divided first
	toml  *tomlParts // of a state in TOML
}

// render returns text with st as its state, and whether it could. It is called with the
// document that Render would be called of.
func (c *changedPart) render(d *Document, st monitor.State) ([]byte, bool) {
	if st.Options != c.state.Options || st.EpochsUnknown != c.state.EpochsUnknown || !reflect.DeepEqual(d.live, c.live) {
		return nil, false
	}
	some, ok := changedMasters(c.state, st)
	if !ok {
		return nil, false
	}
	some = normalState(some)
	if d.source.Format == FormatTOML {
		if c.toml == nil {
			c.toml = d.divideTOML(c.text, c.state)
		}
		return c.toml.render(d, some)
	}
	if c.conf == nil {
		c.conf = divideConf(c.text)
	}
	return c.conf.render(d, some)
}

// revert forgets what the last render has changed.
func (c *changedPart) revert() {
	if c.conf != nil {
		c.conf.revert()
	}
	if c.toml != nil {
		c.toml.next = nil
	}
}

// saved notes that what the last render returned is in the file.
func (c *changedPart) saved(text []byte, st monitor.State) {
	c.text, c.state = text, st
	if c.conf != nil {
		c.conf.commit()
		if c.conf.gone > maxGone+len(c.conf.lines)/2 {
			c.conf = nil
		}
	}
	if c.toml != nil {
		c.toml.commit()
	}
}

// changedMasters returns is with only those masters that are not the same as in was. It
// reports false if there are other masters, or they stand in another order. The epoch is
// that of all masters.
func changedMasters(was, is monitor.State) (monitor.State, bool) {
	if len(was.Masters) != len(is.Masters) {
		return is, false
	}
	some := is
	some.Masters = nil
	for i, m := range is.Masters {
		if m.Name != was.Masters[i].Name {
			return is, false
		}
		some.CurrentEpoch = max(some.CurrentEpoch, m.ConfigEpoch, m.LeaderEpoch)
		// A vote that is not known is written as one in the current epoch.
		if m != was.Masters[i] || m.VoteUnknown {
			some.Masters = append(some.Masters, m)
		}
	}
	return some, true
}

// confParts are the lines of a sentinel.conf, and whose they are.
type confParts struct {
	lines    []confLine
	marker   int
	epoch    int              // the line of the current epoch, or -1
	globals  []int            // all other lines that have a key, but for those of masters
	byMaster map[string][]int // by the name of the master
	gone     int              // of lines

	// What render has changed, for revert and commit.
	undo  []undoLine
	size  int
	owned map[string][]int
}

// maxGone bounds, with half of the lines that there are, how many are kept that are not
// in the file any more.
const maxGone = 1000

type undoLine struct {
	at  int
	was confLine
}

func divideConf(text []byte) *confParts {
	p := &confParts{epoch: -1, byMaster: map[string][]int{}}
	r := readLines(text)
	p.lines, p.marker, p.size = r.lines, r.marker, len(r.lines)
	for key, slots := range r.slots {
		switch master, ok := keyMaster(key); {
		case ok:
			p.byMaster[master] = append(p.byMaster[master], slots...)
		case key == "sentinel current-epoch":
			p.epoch = slots[0]
		default:
			p.globals = append(p.globals, slots...)
		}
	}
	return p
}

// keyMaster returns the name of the master that a line of that key is about.
func keyMaster(key string) (string, bool) {
	words := strings.SplitN(key, " ", 3)
	if len(words) < 3 || words[0] != "sentinel" {
		return "", false
	}
	return words[2], true
}

// slotKey is the key of a line, also of one of our own.
func slotKey(line string) string {
	line = strings.TrimLeft(line, " \t")
	if directive, args, ok := ownLine(line); ok {
		return masterKey(directive, args[0])
	}
	return lineKey(line)
}

func (p *confParts) render(d *Document, some monitor.State) ([]byte, bool) {
	if p.epoch < 0 {
		return nil, false
	}
	p.owned = map[string][]int{}
	if text := "sentinel current-epoch " + formatEpoch(some.CurrentEpoch); strings.TrimLeft(p.lines[p.epoch].text, " \t") != text {
		p.remember(p.epoch)
		p.lines[p.epoch].text = text
	}
	verify := append(slices.Clone(p.globals), p.epoch)
	for _, m := range some.Masters {
		verify = append(verify, p.renderMaster(d, m, some.Options.ResolveHostnames)...)
	}
	if p.marker >= 0 {
		verify = append(verify, p.marker)
	}
	slices.Sort(verify)
	var part bytes.Buffer
	for _, i := range verify {
		part.WriteString(p.lines[i].text)
		part.WriteByte('\n')
	}
	if d.Verify(part.Bytes(), some) != nil {
		return nil, false
	}
	whole := rewriter{lines: p.lines}
	return whole.bytes(), true
}

// renderMaster does for one master what renderConf does for all, and returns its lines.
func (p *confParts) renderMaster(d *Document, m *monitor.MasterState, resolve bool) (lines []int) {
	r := rewriter{lines: p.lines, slots: map[string][]int{}, marker: p.marker, before: p.remember}
	old := p.byMaster[m.Name]
	slices.Sort(old)
	for _, i := range old {
		key := slotKey(r.lines[i].text)
		r.slots[key] = append(r.slots[key], i)
	}
	size := len(r.lines)
	d.emitMaster(&r, m, resolve)
	d.removeUnused(&r, map[string]bool{m.Name: true}, monitor.Options{})
	p.lines, p.marker = r.lines, r.marker
	for _, i := range old {
		if !r.lines[i].gone {
			lines = append(lines, i)
		}
	}
	for i := size; i < len(r.lines); i++ {
		if i != r.marker && r.lines[i].text != "" {
			lines = append(lines, i)
		}
	}
	p.owned[m.Name] = lines
	return lines
}

func (p *confParts) remember(i int) { p.undo = append(p.undo, undoLine{i, p.lines[i]}) }

func (p *confParts) revert() {
	for _, u := range slices.Backward(p.undo) {
		p.lines[u.at] = u.was
	}
	p.lines = p.lines[:p.size]
	if p.marker >= p.size {
		p.marker = -1
	}
	p.undo, p.owned = nil, nil
}

func (p *confParts) commit() {
	for name, lines := range p.owned {
		p.byMaster[name] = lines
	}
	for _, u := range p.undo {
		if p.lines[u.at].gone && !u.was.gone {
			p.gone++
		}
	}
	p.undo, p.owned, p.size = nil, nil, len(p.lines)
}

// tomlParts are the parts of a text with a state in TOML.
type tomlParts struct {
	head    []byte // above the marker line
	masters [][]byte
	index   map[string]int // of masters
	tail    []byte         // the masters that were removed
	next    map[int][]byte // what render has changed of masters
}

// divideTOML divides a text that is Render's of a state.
func (d *Document) divideTOML(text []byte, st monitor.State) *tomlParts {
	st = normalState(st)
	p := &tomlParts{masters: make([][]byte, len(st.Masters)), index: make(map[string]int, len(st.Masters))}
	p.head, _ = cutState(text)
	for i, m := range st.Masters {
		var b strings.Builder
		d.renderMaster(&b, m, st.Options.ResolveHostnames)
		p.masters[i], p.index[m.Name] = []byte(b.String()), i
	}
	var b strings.Builder
	d.renderRemoved(&b, masterNames(st))
	p.tail = []byte(b.String())
	return p
}

func (p *tomlParts) render(d *Document, some monitor.State) ([]byte, bool) {
	var top, part strings.Builder
	d.renderTop(&top, some)
	part.WriteString(top.String())
	p.next = map[int][]byte{}
	for _, m := range some.Masters {
		var b strings.Builder
		d.renderMaster(&b, m, some.Options.ResolveHostnames)
		part.WriteString(b.String())
		p.next[p.index[m.Name]] = []byte(b.String())
	}
	if d.only(some.Masters).Verify(endState([]byte(part.String()), 0), some) != nil {
		return nil, false
	}
	size := len(p.head) + top.Len() + len(p.tail) + len(stateEnd) + 16
	for _, m := range p.masters {
		size += len(m)
	}
	for _, m := range p.next {
		size += len(m)
	}
	text := append(append(make([]byte, 0, size), p.head...), top.String()...)
	for i, m := range p.masters {
		if changed, ok := p.next[i]; ok {
			m = changed
		}
		text = append(text, m...)
	}
	return endState(append(text, p.tail...), len(p.head)), true
}

func (p *tomlParts) commit() {
	for i, m := range p.next {
		p.masters[i] = m
	}
	p.next = nil
}

// endState appends the end line of the state that begins at start.
func endState(text []byte, start int) []byte {
	return fmt.Appendf(text, "%s%08x\n", stateEnd, crc32.ChecksumIEEE(text[start:]))
}

// only returns d as if the operator had asked for no other masters.
func (d *Document) only(masters []*monitor.MasterState) *Document {
	c := *d
	c.asked.masters, c.asked.index = nil, make(map[string]int, len(masters))
	for _, m := range masters {
		if a := d.asked.master(m.Name); a != nil {
			c.asked.index[m.Name] = len(c.asked.masters)
			c.asked.masters = append(c.asked.masters, *a)
		}
	}
	return &c
}

// partCheck is nil but in tests, which compare what was rendered of the changed masters
// with the whole.
var partCheck func(d *Document, r rendered, st monitor.State)

func (f *File) checkPart(d *Document, r rendered, st monitor.State) {
	if partCheck != nil {
		partCheck(d, r, st)
	}
}
