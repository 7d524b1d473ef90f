package configrewrite

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/internal/option"
	"github.com/gosentinel/sentinel/monitor"
)

// stateVersion is the version of the layout of the state part.
const stateVersion = 1

// stateMarker divides a sentinel.toml: above it stands what the operator wrote,
// below it what the daemon writes.
const stateMarker = "# --- state of gosentinel: everything below this line is rewritten by the daemon ---"

// stateEnd is the beginning of the last line of the state, whose end is the
// checksum of all lines from the marker to here.
const stateEnd = "# end of state, crc32 "

// cutState divides a text at the marker line. The state is nil when there is no
// such line.
func cutState(text []byte) (operator, state []byte) {
	for rest, start := text, 0; ; {
		i := bytes.Index(rest, []byte(stateMarker))
		if i < 0 {
			return text, nil
		}
		end := i + len(stateMarker)
		if (start+i == 0 || text[start+i-1] == '\n') && (end == len(rest) || rest[end] == '\n' || rest[end] == '\r') {
			return text[:start+i], text[start+i:]
		}
		rest, start = rest[end:], start+end
	}
}

// savedState is a decoded state part.
type savedState struct {
	currentEpoch monitor.Epoch
	change       change
	server       change
	users        []savedUser
	masters      []savedMaster
	removed      []savedMaster
}

// savedMaster is what the state part says of one master.
type savedMaster struct {
	name        string
	added       bool // at run time, with SENTINEL MONITOR
	configEpoch monitor.Epoch
	leaderEpoch monitor.Epoch
	voteKnown   bool
	lineage     monitor.Lineage
	pause       monitor.FailoverPause
	runID       monitor.RunID
	exMasters   []monitor.ExMaster
	tombstones  []monitor.Tombstone
	fenced      int
	replicas    []savedInstance
	sentinels   []savedInstance
	change      change
}

// change holds the options that differ from the operator's part: what they are
// now, and what the operator's part said when they were changed.
type change struct{ set, was map[string]any }

type savedInstance struct {
	host string
	port int64
	id   string
}

// checksum verifies the last line of a state part.
func checksum(state []byte) error {
	i := bytes.LastIndex(state, []byte("\n"+stateEnd))
	if i < 0 {
		return fmt.Errorf("the state has no end line: it is truncated")
	}
	body, last := state[:i+1], string(bytes.TrimSpace(state[i+1+len(stateEnd):]))
	if last == "none" || last == fmt.Sprintf("%08x", crc32.ChecksumIEEE(body)) {
		return nil
	}
	return fmt.Errorf("the checksum of the state is wrong: it is damaged or was edited")
}

const stateHint = "restore the file from a copy. If you edited the state on purpose, end it with the line \"" + stateEnd + "none\". " +
	"Deleting the state makes this Sentinel forget its id and its votes"

// parseState decodes a state part. The version is looked at before all else:
// a later version may have another checksum, and must be left as it is.
func (p *parser) parseState(at position, text []byte) *savedState {
	// An editor may have given every line the line ends of Windows.
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	damage := checksum(text)
	if v, ok := scanVersion(text); ok && v > stateVersion {
		p.problem(at, fmt.Sprintf("the state has the version %d, and this release knows only %d", v, stateVersion),
			"run the release that wrote it, or a later one. Nothing was changed")
		return nil
	}
	if damage != nil {
		p.problem(at, damage.Error(), stateHint)
		return nil
	}
	top, ok := p.decodeTOML(position{file: at.file, line: at.line - 1}, text)
	if !ok {
		return nil
	}
	state, ok := top["state"].(map[string]any)
	if !ok || len(top) != 1 {
		p.problem(at, "below the marker of the state there must be [state] and nothing else", stateHint)
		return nil
	}
	r := stateReader{p: p, at: at}
	return r.state(state)
}

// scanVersion finds the version without decoding the rest.
func scanVersion(text []byte) (int64, bool) {
	for line := range bytes.Lines(text) {
		if digits, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("version = ")); ok {
			v, err := strconv.ParseInt(string(digits), 10, 64)
			return v, err == nil
		}
	}
	return 0, false
}

// stateReader turns decoded TOML into a savedState and collects what is wrong.
type stateReader struct {
	p  *parser
	at position
}

func (r stateReader) bad(what string) {
	r.p.problem(r.at, "the state is damaged: "+what, stateHint)
}

func (r stateReader) state(t map[string]any) *savedState {
	if v, ok := t["version"].(int64); !ok || v != stateVersion {
		r.bad("it has no version")
		return nil
	}
	s := &savedState{currentEpoch: r.epoch(t, "current-epoch"), change: r.change(t)}
	if server, ok := t["server"].(map[string]any); ok {
		s.server = r.change(server)
	}
	s.users = r.users(t["user"])
	s.masters = r.masters(t["master"])
	s.removed = r.masters(t["removed"])
	return s
}

func (r stateReader) epoch(t map[string]any, key string) monitor.Epoch {
	switch v := t[key].(type) {
	case int64:
		if v >= 0 {
			return monitor.Epoch(v)
		}
	case string: // beyond what a TOML integer holds
		if n, err := strconv.ParseUint(v, 10, 64); err == nil {
			return monitor.Epoch(n)
		}
	case nil:
		r.p.problem(r.at, "the state has no "+key, epochHint)
		return 0
	}
	r.p.problem(r.at, fmt.Sprintf("the %s of the state is not a number", key), epochHint)
	return 0
}

func (r stateReader) change(t map[string]any) change {
	c := change{}
	c.set, _ = t["set"].(map[string]any)
	c.was, _ = t["was"].(map[string]any)
	return c
}

func (r stateReader) masters(v any) []savedMaster {
	list, ok := tables(v)
	if !ok {
		r.bad("master is not a list of tables")
	}
	masters := make([]savedMaster, 0, len(list))
	for _, t := range list {
		name, ok := t["name"].(string)
		name, err := decodeText(name)
		if !ok || err != nil || name == "" {
			r.bad("a master has no name")
			continue
		}
		masters = append(masters, r.master(name, t))
	}
	return masters
}

func (r stateReader) master(name string, t map[string]any) savedMaster {
	m := savedMaster{name: name, change: r.change(t)}
	m.added, _ = t["added"].(bool)
	if _, ok := t["config-epoch"]; ok {
		m.configEpoch = r.epoch(t, "config-epoch")
	}
	if _, ok := t["leader-epoch"]; ok {
		m.leaderEpoch, m.voteKnown = r.epoch(t, "leader-epoch"), true
	}
	m.runID, m.exMasters = savedFormer(t["run-id"], t["ex-masters"])
	m.tombstones = savedTombstones(t["forgotten"])
	m.lineage, m.pause, m.fenced = savedLineage(t["lineage"]), savedPause(t["pause"]), savedFenced(t["fenced"])
	m.replicas = r.known(name, t["replicas"])
	m.sentinels = r.known(name, t["sentinels"])
	return m
}

// known reads a list of replicas or Sentinels. A damaged entry is dropped
// with a warning: the network brings it back.
func (r stateReader) known(master string, v any) []savedInstance {
	list, ok := tables(v)
	if !ok {
		r.p.warn(r.at, "damaged list of helpers of master %s dropped", master)
	}
	var known []savedInstance
	for _, t := range list {
		host, ok1 := t["host"].(string)
		port, ok2 := t["port"].(int64)
		id, _ := t["id"].(string)
		host, err1 := decodeText(host)
		id, err2 := decodeText(id)
		if !ok1 || !ok2 || port < 0 || port > maxPort || err1 != nil || err2 != nil {
			r.p.warn(r.at, "damaged replica or Sentinel of master %s dropped", master)
			continue
		}
		known = append(known, savedInstance{host, port, id})
	}
	return known
}

// withState, of a document that holds the operator's part alone, returns it as
// it stands once a state part is applied. Rule by rule:
//
//   - an option changed at run time keeps that value as long as the operator's
//     part still says what it said then; a later edit of the operator wins;
//   - the address of a master follows the same rule, with host and port as one;
//   - a master removed at run time stays removed until the operator edits its
//     entry; a master that the operator deletes is gone;
//   - a master added at run time stays until SENTINEL REMOVE;
//   - epochs are never lowered.
func (d *Document) withState(at position, text []byte) (*Document, error) {
	p := newParser(d.source)
	p.doc.Settings, p.doc.asked, p.doc.overrides = d.asked.settings, d.asked, d.overrides
	p.doc.Warnings = append([]string(nil), d.Warnings...)
	p.doc.State = monitor.State{Options: d.asked.options, CurrentEpoch: d.State.CurrentEpoch}
	saved := p.parseState(at, text)
	if saved == nil {
		p.doc.State = d.State
		return p.result()
	}
	p.doc.State.CurrentEpoch = max(p.doc.State.CurrentEpoch, saved.currentEpoch)
	applyChange(p, at, "the Sentinel", globalOptions, saved.change, d.asked.options, &p.doc.State.Options)
	applyChange(p, at, "the Sentinel", liveOptions, saved.server, d.asked.settings, &p.doc.Settings)
	p.restoreUsers(at, d, saved.users)
	for i := range saved.masters {
		p.restoreMaster(at, d, &saved.masters[i])
	}
	p.restoreAsked(at, d, saved.removed)
	p.deriveEpochs()
	return p.result()
}

// applyChange applies what was changed at run time.
func applyChange[T any](p *parser, at position, what string, options option.Table[T], c change, asked T, dst *T) {
	for i := range options {
		o := &options[i]
		v, changed := c.set[o.Key()]
		if !changed {
			continue
		}
		if w, ok := c.was[o.Key()]; ok && edited(o, w, asked) {
			p.warn(at, "%s of %s was edited: the value set at run time is dropped", o.Key(), what)
			continue
		}
		err := setTOML(o, dst, v)
		if t, ok := err.(option.Tolerated); ok { // set by an earlier release
			p.warn(at, "%s of %s: %s", o.Key(), what, string(t))
		} else if err != nil {
			p.problem(at, fmt.Sprintf("the state is damaged: %s of %s: %v", o.Key(), what, err), stateHint)
		}
	}
}

// edited reports whether the operator's value is not what it was when the
// option was changed at run time.
func edited[T any](o *option.Row[T], was any, asked T) bool {
	var then T
	err := setTOML(o, &then, was)
	return err != nil || tomlText(o, &then) != tomlText(o, &asked)
}

// restoreMaster adds one master of the state part.
func (p *parser) restoreMaster(at position, d *Document, s *savedMaster) {
	asked := d.asked.master(s.name)
	if _, dup := p.index[s.name]; dup {
		p.warn(at, "second entry of master %s dropped", s.name)
		return
	}
	if asked == nil && !s.added {
		p.epochFrom = append(p.epochFrom, s.configEpoch, s.leaderEpoch)
		p.warn(at, "master %s was deleted from the configuration: its state is dropped, its epochs count", s.name)
		return
	}
	base := askedMaster{MasterConfig: monitor.MasterConfig{Name: s.name}.WithDefaults()}
	if asked != nil {
		base = *asked
	}
	addr, ok := p.restoreAddr(at, s, asked)
	if !ok {
		return
	}
	p.addMaster(s.name, base.Addr.Host, addr, 1, inMain)
	i := len(p.doc.State.Masters) - 1
	m := p.doc.State.Masters[i]
	m.MasterConfig = base.MasterConfig
	m.Addr = addr
	if asked != nil && s.added && s.change.was == nil {
		p.warn(at, "master %s is now in the configuration, which decides its options", s.name)
	} else {
		applyChange(p, at, "master "+s.name, masterOptions, s.change, base.MasterConfig, &m.MasterConfig)
	}
	if m.Quorum < 1 {
		p.problem(at, fmt.Sprintf("the state is damaged: master %s has no quorum", s.name), stateHint)
	}
	p.restoreKnowledge(at, i, d, s)
}

// restoreAddr decides between the operator's address and that of the state.
func (p *parser) restoreAddr(at position, s *savedMaster, asked *askedMaster) (monitor.Addr, bool) {
	host, changed := s.change.set["host"].(string)
	port, _ := s.change.set["port"].(int64)
	if asked != nil {
		wasHost, _ := s.change.was["host"].(string)
		wasPort, _ := s.change.was["port"].(int64)
		if changed && (tomlString(asked.Addr.Host) != tomlString(decoded(wasHost)) || int64(asked.Addr.Port) != wasPort) {
			p.warn(at, "the address of master %s was edited: the address of the state is dropped", s.name)
			changed = false
		}
		if !changed {
			return asked.loaded, true
		}
	}
	host = decoded(host)
	if !changed || host == "" || port < 0 || port > maxPort {
		p.problem(at, fmt.Sprintf("the state is damaged: master %s has no address", s.name), stateHint)
		return monitor.Addr{}, false
	}
	return p.masterAddr(at, host, int(port))
}

func decoded(s string) string {
	text, err := decodeText(s)
	if err != nil {
		return s
	}
	return text
}

func (p *parser) restoreKnowledge(at position, i int, d *Document, s *savedMaster) {
	m := p.doc.State.Masters[i]
	m.ConfigEpoch, m.LeaderEpoch = s.configEpoch, s.leaderEpoch
	p.extra[i].voteKnown = s.voteKnown
	m.Lineage, m.Pause, m.Fenced, m.RunID, m.ExMasters, m.Tombstones = s.lineage, s.pause, s.fenced, s.runID, s.exMasters, s.tombstones
	if old, ok := d.asked.index[s.name]; ok { // a sentinel.conf beside a state file may hold epochs too
		m.ConfigEpoch = max(m.ConfigEpoch, d.State.Masters[old].ConfigEpoch)
		m.LeaderEpoch = max(m.LeaderEpoch, d.State.Masters[old].LeaderEpoch)
	}
	for _, h := range s.replicas {
		if addr, err := p.knownAddr(h.host, int(h.port)); err != nil {
			p.warn(at, "replica %s of master %s dropped: %v", h.host, s.name, err)
		} else {
			p.addReplica(at, i, addr)
		}
	}
	for _, h := range s.sentinels {
		if addr, err := p.knownAddr(h.host, int(h.port)); err != nil {
			p.warn(at, "Sentinel %s of master %s dropped: %v", h.host, s.name, err)
		} else {
			p.addSentinel(at, i, monitor.KnownSentinel{Addr: addr, ID: monitor.RunID(h.id)})
		}
	}
}

// restoreAsked adds the masters of the operator that the state does not hold:
// those added since, but not those removed at run time.
func (p *parser) restoreAsked(at position, d *Document, removed []savedMaster) {
	for i, asked := range d.State.Masters {
		m := *asked
		if _, done := p.index[m.Name]; done || p.missing[m.Name] {
			continue
		}
		if gone := removedUnedited(&d.asked.masters[i], removed); gone {
			p.warn(at, "master %s is not monitored: it was removed at run time. Edit its entry to monitor it again", m.Name)
			continue
		}
		p.addMaster(m.Name, d.asked.masters[i].Addr.Host, m.Addr, m.Quorum, inMain)
		last := len(p.doc.State.Masters) - 1
		p.doc.State.Masters[last] = &m
		p.extra[last].voteKnown = !m.VoteUnknown && (m.LeaderEpoch > 0 || d.State.CurrentEpoch > 0)
	}
}

// removedUnedited reports whether a master was removed at run time and its
// entry still says what it said then. An option that a newer release brought had
// its default then.
func removedUnedited(asked *askedMaster, removed []savedMaster) bool {
	defaults := masterOptions.Defaults()
	for _, r := range removed {
		if r.name != asked.Name {
			continue
		}
		for i := range masterOptions {
			o := &masterOptions[i]
			was, known := r.change.was[o.Key()]
			if known && edited(o, was, asked.MasterConfig) ||
				!known && tomlText(o, &defaults) != tomlText(o, &asked.MasterConfig) {
				return false
			}
		}
		host, _ := r.change.was["host"].(string)
		port, _ := r.change.was["port"].(int64)
		return decoded(host) == asked.Addr.Host && port == int64(asked.Addr.Port)
	}
	return false
}

// renderState writes the state part, from the marker to the end line.
func (d *Document) renderState(st monitor.State) []byte {
	var b strings.Builder
	d.renderTop(&b, st)
	for _, m := range st.Masters {
		d.renderMaster(&b, m, st.Options.ResolveHostnames)
	}
	d.renderRemoved(&b, masterNames(st))
	return endState([]byte(b.String()), 0)
}

// renderTop writes what stands above the masters.
func (d *Document) renderTop(b *strings.Builder, st monitor.State) {
	b.WriteString(stateMarker + "\n[state]\n")
	fmt.Fprintf(b, "version = %d\ncurrent-epoch = %s\n", stateVersion, tomlEpoch(st.CurrentEpoch))
	writeChange(b, "state", globalOptions, &d.asked.options, &st.Options, nil, nil)
	settings := d.liveSettings()
	writeChange(b, "state.server", liveOptions, &d.asked.settings, &settings, nil, nil)
	d.renderUsers(b)
}

// renderRemoved writes the masters of the operator that are not monitored.
func (d *Document) renderRemoved(b *strings.Builder, monitored map[string]bool) {
	for i := range d.asked.masters {
		a := &d.asked.masters[i]
		if !monitored[a.Name] {
			fmt.Fprintf(b, "\n[[state.removed]]\nname = %s\n[state.removed.was]\n", tomlString(a.Name))
			for i := range masterOptions {
				o := &masterOptions[i]
				fmt.Fprintf(b, "%s = %s\n", o.Key(), tomlText(o, &a.MasterConfig))
			}
			b.WriteString(tomlAddr(a.Addr.Host, a.Addr.Port))
		}
	}
}

func masterNames(st monitor.State) map[string]bool {
	names := make(map[string]bool, len(st.Masters))
	for i := range st.Masters {
		names[st.Masters[i].Name] = true
	}
	return names
}

func (d *Document) renderMaster(b *strings.Builder, m *monitor.MasterState, resolve bool) {
	fmt.Fprintf(b, "\n[[state.master]]\nname = %s\n", tomlString(m.Name))
	asked := d.asked.master(m.Name)
	if asked == nil {
		b.WriteString("added = true\n")
	}
	fmt.Fprintf(b, "config-epoch = %s\n", tomlEpoch(m.ConfigEpoch))
	if !m.VoteUnknown {
		fmt.Fprintf(b, "leader-epoch = %s\n", tomlEpoch(m.LeaderEpoch))
	}
	renderLineage(b, m)
	renderPause(b, m)
	renderFormer(b, m)
	renderTombstones(b, m)
	renderFenced(b, m)
	b.WriteString("replicas = [")
	for _, r := range m.Replicas {
		fmt.Fprintf(b, "\n  { host = %s, port = %d },", tomlString(addrText(r, resolve)), r.Port)
	}
	b.WriteString(endOfList(len(m.Replicas)) + "sentinels = [")
	for _, s := range m.Sentinels {
		fmt.Fprintf(b, "\n  { host = %s, port = %d, id = %s },", tomlString(addrText(s.Addr, resolve)), s.Addr.Port, tomlString(string(s.ID)))
	}
	b.WriteString(endOfList(len(m.Sentinels)))
	host := addrText(m.Addr, resolve)
	if asked == nil {
		writeChange(b, "state.master", masterOptions, nil, &m.MasterConfig, []string{tomlAddr(host, m.Addr.Port)}, nil)
		return
	}
	var set, was []string
	if host != addrText(asked.loaded, resolve) || m.Addr.Port != asked.loaded.Port {
		set = append(set, tomlAddr(host, m.Addr.Port))
		was = append(was, tomlAddr(asked.Addr.Host, asked.Addr.Port))
	}
	writeChange(b, "state.master", masterOptions, &asked.MasterConfig, &m.MasterConfig, set, was)
}

func endOfList(n int) string {
	if n == 0 {
		return "]\n"
	}
	return "\n]\n"
}

func tomlAddr(host string, port int) string {
	return fmt.Sprintf("host = %s\nport = %d\n", tomlString(host), port)
}

func tomlEpoch(e monitor.Epoch) string { return tomlNumber(uint64(e)) }

// tomlNumber writes a number as a string where it exceeds a TOML integer.
func tomlNumber(n uint64) string {
	text := strconv.FormatUint(n, 10)
	if n > math.MaxInt64 {
		return `"` + text + `"`
	}
	return text
}

// writeChange writes the options in which now differs from asked, after the
// lines already collected; without asked, all options.
func writeChange[T any](b *strings.Builder, table string, options option.Table[T], asked, now *T, set, was []string) {
	for i := range options {
		o := &options[i]
		value := tomlText(o, now)
		if asked != nil {
			old := tomlText(o, asked)
			if old == value {
				continue
			}
			was = append(was, o.Key()+" = "+old+"\n")
		}
		set = append(set, o.Key()+" = "+value+"\n")
	}
	if len(set) == 0 {
		return
	}
	fmt.Fprintf(b, "[%s.set]\n%s", table, strings.Join(set, ""))
	if len(was) > 0 {
		fmt.Fprintf(b, "[%s.was]\n%s", table, strings.Join(was, ""))
	}
}
