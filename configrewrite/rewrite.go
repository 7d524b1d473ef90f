package configrewrite

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/internal/option"
	"github.com/gosentinel/sentinel/internal/valid"
	"github.com/gosentinel/sentinel/monitor"
)

// Render returns current, the present content of the file, with st as its
// state. It is a pure function, and Render of its own result changes nothing.
//
// In a sentinel.toml everything above the marker line stays as it is, byte for
// byte. In a sentinel.conf the lines that hold state are overwritten in place,
// appended or removed, and all other lines stay (wire.md §10, Config rewrite).
//
// Current need not be what was parsed: the operator may have edited the file
// while the daemon ran.
func (d *Document) Render(current []byte, st monitor.State) []byte {
	st = normalState(st)
	if d.source.Format == FormatTOML {
		return d.renderTOML(current, st)
	}
	return d.renderConf(current, st)
}

func (d *Document) renderTOML(current []byte, st monitor.State) []byte {
	head, state := cutState(current)
	var b bytes.Buffer
	b.Write(head)
	if len(head) > 0 && head[len(head)-1] != '\n' {
		b.WriteByte('\n')
	}
	if state == nil && len(head) > 0 {
		b.WriteByte('\n')
	}
	b.Write(d.renderState(st))
	return b.Bytes()
}

// confLine is one line of a sentinel.conf that is being rewritten.
type confLine struct {
	text string
	gone bool
}

// rewriter holds a sentinel.conf while it is rewritten.
type rewriter struct {
	lines  []confLine
	slots  map[string][]int // key of a statement to its lines, not yet used
	marker int              // index of the marker line, or -1
	before func(i int)      // is told before line i is changed; may be nil
}

// renderConf is the algorithm of wire.md §10.2. It differs from the originals
// where those lose something: lines are matched by directive and master, so
// that they never move to another master; blank lines are not merged; spellings
// of one directive are known as one; and values are quoted when they need it.
func (d *Document) renderConf(current []byte, st monitor.State) []byte {
	r := readLines(current)
	d.emitSettings(r)
	d.emitGlobals(r, st)
	for i := range st.Masters {
		d.emitMaster(r, st.Masters[i], st.Options.ResolveHostnames)
	}
	r.emit("sentinel current-epoch", "sentinel current-epoch "+formatEpoch(st.CurrentEpoch), true)
	d.emitTrailer(r, st.Options)
	d.removeUnused(r, masterNames(st), st.Options)
	return r.bytes()
}

// removeUnused removes the lines of the writer's own that were not written again.
func (d *Document) removeUnused(r *rewriter, monitored map[string]bool, o monitor.Options) {
	for key, slots := range r.slots {
		kept := keepsOwn(key, monitored) || r.countsAsUnset(key, o) || d.isStrange(key) && !r.defines(key)
		if handledKey(key) && !kept {
			r.remove(slots)
		}
	}
}

// readLines indexes the lines of the present file.
func readLines(current []byte) *rewriter {
	r := &rewriter{slots: map[string][]int{}, marker: -1}
	for part := range bytes.Lines(current) {
		raw := strings.TrimRight(string(part), " \t\r\n")
		r.addLine(raw, strings.TrimLeft(raw, " \t"))
	}
	return r
}

func (r *rewriter) addLine(raw, text string) {
	if rest, found := withoutMark(text); found {
		raw, text = rest, rest
	}
	if isBlank(text) {
		raw, text = "", ""
	}
	i := len(r.lines)
	r.lines = append(r.lines, confLine{text: raw})
	if text == "" || text[0] == '#' {
		if text == generatedMarker && r.marker < 0 {
			r.marker = i
		}
		if directive, args, ok := ownLine(text); ok {
			key := masterKey(directive, args[0])
			r.slots[key] = append(r.slots[key], i)
		}
		return
	}
	// What no key has is not understood, and stays: the next start must refuse it. As
	// a comment, as the originals make of it, a mistyped requirepass would be none.
	key := lineKey(text)
	if key != "" {
		r.slots[key] = append(r.slots[key], i)
	}
}

// lineKey returns the key under which a line is found again, or "" for one that is
// not understood. Lines about a master are told apart by its name.
func lineKey(text string) (key string) {
	args, err := splitArgs(text)
	switch {
	case err != nil && isKnownLine(text):
		return "sentinel damaged" // loading drops it, and so does saving
	case err != nil || len(args) == 0:
		return ""
	}
	name := strings.ToLower(args[0])
	switch {
	case name == "user" && len(args) > 1:
		return userKey(args[1])
	case name != "sentinel" && knownDirective(name):
		return name
	case name != "sentinel" || len(args) == 1:
		return ""
	}
	name = canonical(strings.ToLower(args[1]))
	switch {
	case globalOptions.Find(option.InConf, name) != nil || name == "current-epoch":
		return "sentinel " + name
	case !containsFold(sentinelDirectives, name) || len(args) == 2:
		return ""
	}
	return masterKey(name, args[2])
}

func masterKey(directive, master string) string {
	return "sentinel " + directive + " " + master
}

// handledKey reports whether lines of that key are the writer's own, so that
// those not written again are removed. The originals never write save in a
// Sentinel's file.
func handledKey(key string) bool { return strings.HasPrefix(key, "sentinel ") || key == "save" }

// keepsOwn reports whether an unused line is the operator's all the same:
// can-failover, which no current release writes or reads, stays with its
// master. Dropping it would let a Sentinel lead that must not.
func keepsOwn(key string, monitored map[string]bool) bool {
	name, found := strings.CutPrefix(key, masterKey("can-failover", ""))
	return found && monitored[name]
}

// countsAsUnset reports whether lines of announce-ip stay that say 0.0.0.0 or the
// like. They count as not set, with a warning at each start, and are the operator's.
func (r *rewriter) countsAsUnset(key string, o monitor.Options) bool {
	if key != "sentinel announce-ip" || o.AnnounceIP != "" {
		return false
	}
	for _, i := range r.slots[key] {
		args, err := splitArgs(strings.TrimLeft(r.lines[i].text, " \t"))
		if err != nil || len(args) != 3 || valid.Announced(strings.TrimSpace(args[2])) != valid.ErrUnusable {
			return false
		}
	}
	return true
}

// isStrange reports whether a line sets an option of a master that this process has
// never known. Its name may be mistyped, and the next start must refuse it.
func (d *Document) isStrange(key string) bool {
	words := strings.SplitN(key, " ", 3)
	return d.known != nil && len(words) == 3 && words[0] == "sentinel" && !d.known[words[2]] &&
		masterOptions.Find(option.InConf, words[1]) != nil
}

// emit writes one line: over the first line of that key that is left, else at
// the end if it is forced.
func (r *rewriter) emit(key, text string, forced bool) {
	if slots := r.slots[key]; len(slots) > 0 {
		i := slots[0]
		if r.slots[key] = slots[1:]; len(slots) == 1 {
			delete(r.slots, key)
		}
		if strings.TrimLeft(r.lines[i].text, " \t") != text {
			r.change(i)
			r.lines[i].text = text
		}
		return
	}
	if !forced {
		return
	}
	if r.marker < 0 {
		if n := len(r.lines); n > 0 && r.lines[n-1].text != "" {
			r.lines = append(r.lines, confLine{})
		}
		r.marker = len(r.lines)
		r.lines = append(r.lines, confLine{text: generatedMarker})
	}
	r.lines = append(r.lines, confLine{text: text})
}

// defines reports whether the file defines the master that a line is about.
func (r *rewriter) defines(key string) bool {
	_, rest, _ := strings.Cut(key, " ")
	_, name, _ := strings.Cut(rest, " ")
	return r.has(masterKey("monitor", name))
}

func (r *rewriter) has(key string) bool { return len(r.slots[key]) > 0 }

func (r *rewriter) remove(slots []int) {
	for _, i := range slots {
		r.change(i)
		r.lines[i].gone = true
	}
}

func (r *rewriter) change(i int) {
	if r.before != nil {
		r.before(i)
	}
}

func (r *rewriter) bytes() []byte {
	size := 0
	for i := range r.lines {
		if !r.lines[i].gone {
			size += len(r.lines[i].text) + 1
		}
	}
	text := make([]byte, 0, size)
	for i := range r.lines {
		if !r.lines[i].gone {
			text = append(append(text, r.lines[i].text...), '\n')
		}
	}
	return text
}

// emitSettings writes the generic directives that a rewrite owns: those of the
// command line, which count as settings from then on, and those that the
// originals always write. latency-tracking-info-percentiles is left out: it
// means nothing to a Sentinel, and releases before 7.0 refuse it.
func (d *Document) emitSettings(r *rewriter) {
	s := &d.Settings
	d.emitOverrides(r)
	if !r.has("protected-mode") && !s.ProtectedMode {
		r.emit("protected-mode", "protected-mode no", true)
	}
	if !r.has("port") && s.Port != 6379 {
		r.emit("port", "port "+strconv.Itoa(s.Port), true)
	}
	if dir := r.slots["dir"]; len(dir) > 0 {
		r.slots["dir"] = dir[len(dir)-1:] // the last one counts, and others may be for an include
	}
	if s.Dir != "" {
		r.emit("dir", "dir "+quote(s.Dir), true)
	}
	if d.live.LogLevel != "" {
		if slots := r.slots["loglevel"]; len(slots) > 0 {
			r.slots["loglevel"] = slots[len(slots)-1:] // the last one counts
		}
		r.emit("loglevel", "loglevel "+d.live.LogLevel, true)
	}
	d.emitUsers(r)
}

// emitOverrides writes the directives of the command line. Of several lines of
// one directive the last one counts, so that is the one to overwrite.
func (d *Document) emitOverrides(r *rewriter) {
	last := map[string]int{}
	for i, o := range d.overrides {
		last[o[0]] = i
	}
	for i, o := range d.overrides {
		switch opt := settingOptions.Find(option.InConf, o[0]); {
		case o[0] == "dir", o[0] == "user" && d.live.Users != nil, o[0] == "loglevel" && d.live.LogLevel != "":
			// written below
		case opt.Kind() == option.Lines || opt.Kind() == option.Pairs || opt.Kind() == option.Classes:
			text := joinArgs(o...)
			if !r.hasLine(text) {
				r.emit("+"+text, text, true)
			}
		case last[o[0]] == i:
			if slots := r.slots[o[0]]; len(slots) > 1 {
				r.slots[o[0]] = slots[len(slots)-1:]
			}
			r.emit(o[0], overrideText(opt.Quoted, o), true)
			r.slots[o[0]] = append(r.slots[o[0]], len(r.lines)-1) // seen, for has
		}
	}
}

func overrideText(quoted bool, words []string) string {
	if quoted && len(words) == 2 {
		return words[0] + " " + quote(words[1])
	}
	return joinArgs(words...)
}

func (r *rewriter) hasLine(text string) bool {
	for _, l := range r.lines {
		if args, err := splitArgs(strings.TrimLeft(l.text, " \t")); err == nil && joinArgs(args...) == text {
			return true
		}
	}
	return false
}

// emitGlobals writes the options that stand before the masters: the identity, and
// the switches. A switch at its default is written only over a line that is there.
func (d *Document) emitGlobals(r *rewriter, st monitor.State) {
	o, defaults := &st.Options, globalOptions.Defaults()
	if o.MyID != "" {
		r.emit("sentinel myid", "sentinel myid "+quoteIfNeeded(string(o.MyID)), true)
	}
	for i := range globalOptions {
		if opt := &globalOptions[i]; opt.Kind() == option.YesNo {
			key, value := "sentinel "+opt.Name, opt.Text(o)
			r.emit(key, key+" "+value, value != opt.Text(&defaults) || d.force[key])
		}
	}
}

// emitTrailer writes the options that stand after the masters, if they are set or
// the operator wrote them.
func (d *Document) emitTrailer(r *rewriter, o monitor.Options) {
	defaults := globalOptions.Defaults()
	for i := range globalOptions {
		opt := &globalOptions[i]
		if opt.Kind() == option.ID || opt.Kind() == option.YesNo {
			continue
		}
		key, value := "sentinel "+opt.Name, opt.Text(&o)
		isDefault := value == opt.Text(&defaults)
		if isDefault && opt.Kind() == option.Text {
			r.keepEmpty(key, 2)
			continue
		}
		text := quoteIfNeeded(value)
		if opt.Quoted {
			text = quote(value)
		}
		r.emit(key, key+" "+text, !isDefault || d.force[key])
	}
}

// emitMaster writes all lines about one master.
func (d *Document) emitMaster(r *rewriter, m *monitor.MasterState, resolve bool) {
	name := quoteIfNeeded(m.Name)
	emit := func(directive, rest string) {
		r.emit(masterKey(directive, m.Name), "sentinel "+directive+" "+name+" "+rest, true)
	}
	emit("monitor", fmt.Sprintf("%s %d %d", quoteIfNeeded(addrText(m.Addr, resolve)), m.Addr.Port, m.Quorum))
	d.emitOptions(r, m)
	emit("config-epoch", formatEpoch(m.ConfigEpoch))
	if !m.VoteUnknown {
		emit("leader-epoch", formatEpoch(m.LeaderEpoch))
	}
	for _, a := range m.Replicas {
		emit("known-replica", fmt.Sprintf("%s %d", quoteIfNeeded(addrText(a, resolve)), a.Port))
	}
	for _, s := range m.Sentinels {
		emit("known-sentinel", fmt.Sprintf("%s %d %s", quoteIfNeeded(addrText(s.Addr, resolve)), s.Addr.Port, quoteIfNeeded(string(s.ID))))
	}
	if line := lineageLine(m); line != "" {
		r.emit(masterKey("lineage", m.Name), line, true)
	}
	if line := pauseLine(m); line != "" {
		r.emit(masterKey("pause", m.Name), line, true)
	}
	runID, former := formerLines(m)
	if runID != "" {
		r.emit(masterKey("run-id", m.Name), runID, true)
	}
	for _, line := range former {
		r.emit(masterKey("ex-master", m.Name), line, true)
	}
	for _, t := range normalTombstones(m.Tombstones) {
		r.emit(masterKey("forgotten", m.Name), forgottenLine(m, t), true)
	}
	if line := fencedLine(m); line != "" {
		r.emit(masterKey("fenced", m.Name), line, true)
	}
	for _, words := range renames.Lines(&m.MasterConfig) { // which take a line each stand last
		emit(renames.Name, joinArgs(words...))
	}
}

var renames = masterOptions.Find(option.InConf, "rename-command")

// emitOptions writes the options of a master that take one line: all that differ
// from their default, and over a line that is there those that do not. Someone
// wrote that line, and the next reader is to see what it says. It never writes
// can-failover, which current originals refuse: that line stands in a file only if
// the operator wrote it there.
func (d *Document) emitOptions(r *rewriter, m *monitor.MasterState) {
	defaults := monitor.MasterConfig{}.WithDefaults()
	for i := range masterOptions {
		o := &masterOptions[i]
		if !o.Where.Has(option.InConf) || o.Name == "can-failover" || o.Kind() == option.Pairs {
			continue
		}
		key := masterKey(o.Name, m.Name)
		isDefault := tomlText(o, &m.MasterConfig) == tomlText(o, &defaults)
		if isDefault && o.Kind() == option.Text {
			r.keepEmpty(key, 3)
			continue
		}
		words := append([]string{"sentinel", o.Name, m.Name}, o.Lines(&m.MasterConfig)[0]...)
		r.emit(key, joinArgs(words...), !isDefault || d.force[key])
	}
}

// keepEmpty keeps those lines of an option that is not set which say just that.
// Others go: an empty word is nothing that a writer should leave to originals,
// which do not quote it.
func (r *rewriter) keepEmpty(key string, value int) {
	var gone []int
	for _, i := range r.slots[key] {
		if args, err := splitArgs(r.lines[i].text); err != nil || len(args) != value+1 || args[value] != "" {
			gone = append(gone, i)
		}
	}
	r.slots[key] = gone
}

func formatEpoch(e monitor.Epoch) string { return strconv.FormatUint(uint64(e), 10) }
