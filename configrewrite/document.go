package configrewrite

import (
	"bytes"
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/internal/option"
	"github.com/gosentinel/sentinel/internal/valid"
	"github.com/gosentinel/sentinel/monitor"
)

// Format is the syntax of a configuration file.
type Format uint8

// The two formats. The zero value is [FormatConf].
const (
	FormatConf Format = iota // sentinel.conf
	FormatTOML               // sentinel.toml
)

// FormatOf returns the format that a file name stands for: TOML if it ends in
// ".toml", else sentinel.conf.
func FormatOf(path string) Format {
	if strings.EqualFold(filepath.Ext(path), ".toml") {
		return FormatTOML
	}
	return FormatConf
}

// Source is a configuration to be parsed: where it comes from, and what a
// parser may ask of the world. The functions make the parser pure by default:
// without them nothing is opened, resolved or looked up.
type Source struct {
	Name      string   // the file name, for messages
	Format    Format   // syntax of the text
	Dir       string   // absolute directory at which relative paths start
	Overrides []string // lines in sentinel.conf syntax that stand after the text, whatever its format

	// Include returns the files that an include line names. Nil: include lines
	// are kept and not followed.
	Include func(pattern string) ([]Included, error)
	// Resolve returns the IP of a host name that stands where resolve-hostnames
	// allows only an IP. Nil: such a name is an error.
	Resolve func(host string) (ip string, err error)
	// Executable checks a script. Nil: every path is accepted.
	Executable func(path string) error
	// CheckDir checks the argument of dir. Nil: every path is accepted.
	CheckDir func(path string) error
	// CheckUsers judges Settings.Users. Both results are as long: the users in the
	// form that [Live] has them in, joined to a line, and what is wrong with each.
	// Nil: all are accepted as they are.
	CheckUsers func(Settings) (normal []string, problems []error)

	keepNames bool // accept host names everywhere as they are, to verify a rendered text
}

// Included is one file that an include line names.
type Included struct {
	Name string
	Text []byte
}

// Document is a parsed configuration: what it means, and what is needed to
// write a later state back into it. A Document does not change.
type Document struct {
	Config

	// Warnings are about what was tolerated, one line of text each.
	Warnings []string

	source    Source
	asked     asked      // what the operator wrote, without the state
	overrides [][]string // generic directives of the command line, with arguments
	live      Live       // what changed in the process, see With

	// force has keys of options that a sentinel.conf gets a line for even at their
	// default.
	force map[string]bool

	// known has the names of all masters that this process has monitored. Nil: lines
	// about any other master are left from one that was removed.
	known map[string]bool
}

// asked is the configuration as the operator wrote it. State is recorded
// relative to it, so that a later edit can be told from a change at run time.
type asked struct {
	settings  Settings
	dir       string     // settings.Dir as it was asked for; "" = it is just where the start was
	users     []userLine // as in settings
	elsewhere []string   // names of users that an included file or the command line defines
	options   monitor.Options
	masters   []askedMaster
	index     map[string]int
	written   map[string]place // where each option has a line, by its key, see lineKey
	format    Format
}

// askedMaster is one master of the operator: Addr.Host is the text as written,
// loaded what that text meant when it was loaded.
type askedMaster struct {
	monitor.MasterConfig
	loaded monitor.Addr
}

func (a *asked) master(name string) *askedMaster {
	if i, ok := a.index[name]; ok {
		return &a.masters[i]
	}
	return nil
}

// state returns the state that follows from the operator's configuration alone.
func (a *asked) state() monitor.State {
	st := monitor.State{Options: a.options, Masters: make([]*monitor.MasterState, len(a.masters))}
	for i, m := range a.masters {
		st.Masters[i] = &monitor.MasterState{MasterConfig: m.MasterConfig}
		st.Masters[i].Addr = m.loaded
	}
	return st
}

// Parse reads a configuration. On failure the error is an [*Error] with every
// problem found, and the returned Document holds what could be understood: it
// serves to verify and to explain, not to run.
func Parse(text []byte, src Source) (*Document, error) {
	p := newParser(src)
	if src.Format == FormatConf {
		p.parseConf(text)
		p.finish()
		return p.result()
	}
	head, state := cutState(text)
	p.parseTOML(head)
	p.finish()
	if state == nil {
		return p.result()
	}
	at := position{file: src.Name, line: 1 + bytes.Count(head, []byte("\n"))}
	if len(p.problems) > 0 {
		p.parseState(at, state) // for its problems; what it changes cannot be said
		return p.result()
	}
	return p.doc.withState(at, state)
}

func (p *parser) result() (*Document, error) {
	return p.doc, sortedProblems(p.problems)
}

// sortedProblems makes an error of the problems, if there are any.
func sortedProblems(problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	// Lines are judged in passes, but read from top to bottom.
	rank := map[string]int{}
	for _, p := range problems {
		if _, seen := rank[p.File]; !seen {
			rank[p.File] = len(rank)
		}
	}
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(rank[a.File], rank[b.File]), cmp.Compare(a.Line, b.Line))
	})
	return &Error{Problems: problems}
}

// origin tells where a statement stands. When the same master is defined in
// several places, the main file wins: it holds the state, and the others only
// what that state started from.
type origin uint8

const (
	inMain origin = iota
	inInclude
	inOverride
)

func (o origin) String() string {
	return [...]string{"the configuration file", "an included file", "the command line"}[o]
}

// place is a line of a file.
type place struct {
	file string
	line int
}

// position says where a line stands.
type position struct {
	file string
	line int
	text string
	show showing
}

type parser struct {
	doc      *Document
	problems []Problem

	dir        string // where relative paths start now
	depth      int    // of include
	included   int    // bytes
	generated  bool   // below the marker of generated lines
	queue      []statement
	users      []userLine
	index      map[string]int  // master name to its place in the State
	extra      []masterExtra   // for each master
	idle       []string        // data-server directives without effect, for one warning
	epochFrom  []monitor.Epoch // epochs of masters that are not configured
	epochKnown bool            // there is a current epoch
	missing    map[string]bool // masters whose definition was reported as a mistake
	torn       bool            // the text is without lines that had errors of syntax
	cutSecret  bool            // the last line is about a secret, and lost its end
}

// masterExtra is what the parser remembers of a master beside its state.
type masterExtra struct {
	given     string // address as written
	origin    origin
	voteKnown bool
	replicas  map[string]bool
	sentinels map[monitor.RunID]bool
}

func newParser(src Source) *parser {
	doc := &Document{source: src, force: map[string]bool{}}
	doc.asked.written, doc.asked.format = map[string]place{}, src.Format
	doc.Settings = DefaultSettings()
	doc.Settings.Dir = src.Dir
	return &parser{doc: doc, dir: src.Dir, index: map[string]int{}, missing: map[string]bool{}}
}

func (p *parser) problem(at position, message, hint string) {
	p.problems = append(p.problems, Problem{at.file, at.line, at.shown(), message, at.hint(hint)})
}

func (p *parser) warn(at position, format string, args ...any) {
	where := at.file
	if at.line > 0 {
		where += ":" + strconv.Itoa(at.line)
	}
	p.doc.Warnings = append(p.doc.Warnings, where+": "+printable(fmt.Sprintf(format, args...)))
}

// report files the error of a statement: a warning if it can be tolerated.
func (p *parser) report(at position, err error, hint string) {
	if err == nil {
		return
	}
	if t, ok := err.(option.Tolerated); ok {
		p.warn(at, "%s: %s", at.shown(), string(t))
		return
	}
	p.problem(at, err.Error(), hint)
}

// wrote notes that an option was set, perhaps to its default. What an included
// file sets must be said in the main file even if it is the default, or the next
// start would take that of the included file.
func (p *parser) wrote(key string, at position, from origin) {
	p.doc.asked.written[key] = place{at.file, at.line}
	if from == inInclude {
		p.doc.force[key] = true
	}
}

// warnOfName warns of a master of which no other Sentinel can be told. Originals
// accept such a name, so it must not keep this one from starting.
func (p *parser) warnOfName(at position, name string) {
	if err := valid.ToldName(name); err != nil {
		p.warn(at, "master %q: %v. None learns of it or votes; rename it, on all of them", name, err)
	}
}

// addMaster creates a master with the defaults of all options.
func (p *parser) addMaster(name, given string, addr monitor.Addr, quorum int, from origin) {
	p.index[name] = len(p.doc.State.Masters)
	p.doc.State.Masters = append(p.doc.State.Masters, &monitor.MasterState{MasterConfig: monitor.MasterConfig{
		Name: name, Addr: addr, Quorum: quorum,
	}.WithDefaults()})
	p.extra = append(p.extra, masterExtra{
		given: given, origin: from,
		replicas: map[string]bool{}, sentinels: map[monitor.RunID]bool{},
	})
}

// knownAddr reads the address of a replica or Sentinel.
func (p *parser) knownAddr(host string, port int) (monitor.Addr, error) {
	if err := valid.Host(host); err != nil {
		return monitor.Addr{}, option.Tolerated(err.Error())
	}
	if ip, ok := literalIP(host); ok {
		return monitor.Addr{Host: ip, IP: ip, Port: port}, nil
	}
	if !p.doc.State.Options.ResolveHostnames && !p.doc.source.keepNames {
		return monitor.Addr{}, option.Tolerated("Can't resolve instance hostname: resolve-hostnames is off")
	}
	return monitor.Addr{Host: host, Port: port}, nil
}

// masterAddr reads the address of a master. A name is resolved here, once, when
// resolve-hostnames is off: files of releases that had no such option hold
// names, and refusing them would refuse the documentation of those releases.
func (p *parser) masterAddr(at position, host string, port int) (monitor.Addr, bool) {
	if addr, err := p.knownAddr(host, port); err == nil {
		if valid.Announced(host) == valid.ErrUnusable {
			p.warn(at, "%s leads each machine to itself: clients and Sentinels that are told it do not find the master. "+
				"Write the address at which all reach it", host)
		}
		return addr, true
	}
	if err := valid.Host(host); err != nil {
		p.problem(at, err.Error(), "write: sentinel monitor <name> <host> <port> <quorum>")
		return monitor.Addr{}, false
	}
	option := "sentinel resolve-hostnames yes"
	if p.doc.source.Format == FormatTOML {
		option = "resolve-hostnames = true"
	}
	hint := fmt.Sprintf("write the IP address, or %q to resolve names while running", option)
	if p.doc.source.Resolve == nil {
		p.problem(at, "Can't resolve instance hostname.", hint)
		return monitor.Addr{}, false
	}
	ip, err := p.doc.source.Resolve(host)
	if err != nil {
		p.problem(at, fmt.Sprintf("Can't resolve instance hostname. (%v)", err), hint)
		return monitor.Addr{}, false
	}
	p.warn(at, "host name %s resolved once, to %s; write %q to follow the name", host, ip, option)
	return monitor.Addr{Host: ip, IP: ip, Port: port}, true
}

// addReplica and addSentinel take a replica or Sentinel that the file knows of.
// A mistake in such a line is only a warning, because INFO and hello messages
// bring the instance back.
func (p *parser) addReplica(at position, i int, addr monitor.Addr) {
	m := p.doc.State.Masters[i]
	key := addrKey(addr)
	switch {
	case valid.Announced(addr.Host) != nil:
		p.warn(at, "replica %s of master %s dropped: %v", addrHostPort(addr), m.Name, valid.Announced(addr.Host))
	case p.extra[i].replicas[key]:
		p.warn(at, "duplicate replica %s of master %s dropped", addrHostPort(addr), m.Name)
	case addr.Same(m.Addr):
		p.warn(at, "replica %s dropped: it is the master %s itself", addrHostPort(addr), m.Name)
	default:
		p.extra[i].replicas[key] = true
		m.Replicas = append(m.Replicas, addr)
	}
}

func (p *parser) addSentinel(at position, i int, peer monitor.KnownSentinel) {
	m := p.doc.State.Masters[i]
	switch {
	case valid.Announced(peer.Addr.Host) != nil:
		p.warn(at, "Sentinel %s of master %s dropped: %v", addrHostPort(peer.Addr), m.Name, valid.Announced(peer.Addr.Host))
	case !peer.ID.Valid():
		p.warn(at, "Sentinel %s of master %s dropped: %v", addrHostPort(peer.Addr), m.Name, valid.ID(string(peer.ID)))
	case peer.ID == p.doc.State.Options.MyID:
		p.warn(at, "Sentinel %s of master %s dropped: it has this Sentinel's own id", addrHostPort(peer.Addr), m.Name)
	case p.extra[i].sentinels[peer.ID]:
		p.warn(at, "duplicate Sentinel %s of master %s dropped", peer.ID, m.Name)
	default:
		p.extra[i].sentinels[peer.ID] = true
		m.Sentinels = append(m.Sentinels, peer)
	}
}

func addrKey(a monitor.Addr) string {
	return strings.ToLower(a.Host) + " " + strconv.Itoa(a.Port)
}

func addrHostPort(a monitor.Addr) monitor.HostPort {
	return monitor.HostPort{Host: a.Host, Port: a.Port}
}

// checkScript looks for a script of a master: one that cannot run is found at the
// start, and not when the first failover needs it.
func (p *parser) checkScript(at position, what, path string) {
	if p.doc.source.Executable == nil || path == "" {
		return
	}
	err := p.doc.source.Executable(path)
	if _, ok := err.(option.Tolerated); ok && p.doc.source.Format == FormatConf {
		p.report(at, err, "")
		return
	}
	if err != nil {
		p.problem(at, fmt.Sprintf("%s script seems non existing or non executable. (%v)", what, err),
			"the path is relative to dir; give the file and chmod +x it, or remove the line")
	}
}

// finish derives what follows from the whole.
func (p *parser) finish() {
	p.deriveEpochs()
	p.doc.State.EpochsUnknown = !p.epochKnown && p.doc.State.Options.MyID != ""
	p.finishUsers()
	p.checkAnnounced()
	p.doc.recordAsked(p.extra)
	if len(p.idle) > 0 {
		p.warn(position{file: p.doc.source.Name}, "without effect on a Sentinel: %s", strings.Join(p.idle, ", "))
	}
}

// checkAnnounced warns of a name that is announced where names are not resolved:
// the other Sentinels are most likely set up like this one.
func (p *parser) checkAnnounced() {
	o := &p.doc.State.Options
	if _, literal := literalIP(o.AnnounceIP); o.AnnounceIP != "" && !literal && !o.ResolveHostnames {
		p.warn(position{file: p.doc.source.Name}, "announce-ip is the host name %s. A Sentinel with resolve-hostnames off, like this one, "+
			"cannot connect to it; write an IP address", o.AnnounceIP)
	}
}

// deriveEpochs raises the current epoch to every epoch that was ever used, so
// that none is used again, and finds the masters whose vote is not recorded.
func (p *parser) deriveEpochs() {
	st := &p.doc.State
	for _, e := range p.epochFrom {
		st.CurrentEpoch = max(st.CurrentEpoch, e)
	}
	for i := range st.Masters {
		st.CurrentEpoch = max(st.CurrentEpoch, st.Masters[i].ConfigEpoch, st.Masters[i].LeaderEpoch)
	}
	for i := range st.Masters {
		// A vote may have been forgotten only by a Sentinel that has lived before.
		st.Masters[i].VoteUnknown = !p.extra[i].voteKnown && (st.CurrentEpoch > 0 || st.Options.MyID != "")
	}
}

// recordAsked makes the present state the operator's.
func (d *Document) recordAsked(extra []masterExtra) {
	d.asked.settings, d.asked.options = d.Settings, d.State.Options
	d.asked.masters = make([]askedMaster, len(d.State.Masters))
	d.asked.index = make(map[string]int, len(d.State.Masters))
	for i, m := range d.State.Masters {
		d.asked.index[m.Name] = i
		a := askedMaster{MasterConfig: m.MasterConfig, loaded: m.Addr}
		a.Addr.Host = extra[i].given
		d.asked.masters[i] = a
	}
}
