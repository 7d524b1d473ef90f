package configrewrite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosentinel/sentinel/internal/atomicfile"
	"github.com/gosentinel/sentinel/internal/option"
	"github.com/gosentinel/sentinel/monitor"
)

// File is a loaded configuration together with the place its state is saved in.
// It is safe for concurrent use; saves happen one after the other, in the order
// in which Save is entered.
type File struct {
	path      string // of the configuration; "" when there is none
	statePath string // where state goes; may be path
	doc       *Document
	writer    *Document // doc, in the format of statePath
	fsys      FileSystem
	current   func() Live // nil: nothing but the state changes
	closed    atomic.Bool // nothing is saved any more

	mu     sync.Mutex // one save at a time; also guards what is below
	out    atomicfile.Writer
	next   prepared
	put    func([]byte) error // saves in a Place; nil: in the file
	last   *changedPart       // what was saved last, if a save need not begin anew; else nil
	good   []byte             // what the file held when it was read or written last; nil: nothing
	broken *brokenText        // nil: none was seen
	judged []byte             // the edited text about which everything was said
	known  map[string]bool    // names of all masters since the start
	said   []string           // warnings that no one has heard yet
	warn   func(string)       // nil: they are kept in said
	left   map[learned]bool   // what was left out, and said to be
}

// Loader loads configurations. The zero value is ready for use.
type Loader struct {
	// Resolve returns the IP address of a host name. Nil: the resolver of the
	// system, whose first address is taken.
	Resolve func(ctx context.Context, host string) (ip string, err error)
	// ResolveTimeout bounds the time for all host names of a configuration
	// together; 0 means 10 seconds.
	ResolveTimeout time.Duration
	// CheckUsers is that of [Source].
	CheckUsers func(Settings) (normal []string, problems []error)
	// StartDir is the directory at which relative paths start; "" means the
	// working directory.
	StartDir string

	// FS is where files are; nil is the machine.
	FS FileSystem
}

// Load reads a configuration with the zero [Loader].
func Load(path string, overrides []string) (*File, error) {
	return Loader{}.Load(path, overrides)
}

// Load reads the configuration at path: as TOML if the name ends in ".toml",
// else as sentinel.conf. Overrides are lines in sentinel.conf syntax, as made
// from a command line; they stand after the file and so win over it.
//
// A configuration with mistakes is refused with an [*Error] that lists all of
// them. A file without masters is legal; an empty file, or one that lost its end,
// is not. Temporary files that a crash left beside the file are removed; nothing
// else is changed.
func (l Loader) Load(path string, overrides []string) (*File, error) {
	if path == "" {
		return nil, loadError("configuration", errors.New("Sentinel needs config file on disk to save state"),
			"name a file that this process may write")
	}
	start, err := l.start()
	if err != nil {
		return nil, loadError(path, err, "")
	}
	path = InDir(start, path)
	fsys := l.fileSystem()
	text, _, interrupted, err := atomicfile.Read(fsys, path)
	if err != nil {
		return nil, loadError(path, fmt.Errorf("Fatal error, can't open config file '%s': %w", path, atomicfile.Cause(err)), "")
	}
	if err := checkWhole(path, text); err != nil {
		return nil, err
	}
	ctx, cancel := l.resolveContext()
	defer cancel()
	src := l.source(ctx, path, start)
	src.Format, src.Overrides = FormatOf(path), overrides
	doc, err := Parse(text, src)
	if err != nil {
		return nil, err
	}
	f := &File{path: path, statePath: path, doc: doc, writer: doc, good: text, fsys: fsys}
	f.sayInterrupted(path, interrupted)
	if doc.Settings.StateFile != "" {
		if err := f.useStateFile(doc.Settings.StateFile); err != nil {
			return nil, err
		}
	}
	f.ready()
	return f, nil
}

// New returns a File for a program that configures Sentinel itself: base is
// what the program asks for, and state is kept in the file at path, in TOML,
// which the first Save creates. If the file exists, its state is applied to
// base by the rules in the package comment.
func New(path string, base Config) (*File, error) {
	return Loader{}.New(path, base)
}

// New is [New] with the resolver and directory of l.
func (l Loader) New(path string, base Config) (*File, error) {
	f, start, err := l.ofProgram(base)
	if err != nil {
		return nil, err
	}
	path = InDir(start, path)
	if err := f.useStateFile(path); err != nil {
		return nil, err
	}
	f.ready()
	return f, nil
}

// Place keeps a state that is in no file.
type Place struct {
	Name string             // for messages
	Text []byte             // what it holds; nil: nothing has been saved yet
	Save func([]byte) error // makes a text durable, and keeps the last one if it fails
}

// NewIn is New for a state that is kept elsewhere than in a file. What the place holds
// must be what was saved there: nobody edits it.
func (l Loader) NewIn(place Place, base Config) (*File, error) {
	f, _, err := l.ofProgram(base)
	if err != nil {
		return nil, err
	}
	f.statePath, f.put = place.Name, place.Save
	f.writer = f.doc.inTOML(place.Name)
	if place.Text != nil {
		if err := f.useState(place.Text, "restore what was saved there last. If it is empty on purpose, this Sentinel forgets its id and its votes"); err != nil {
			return nil, err
		}
	}
	f.known = masterNames(f.doc.State)
	return f, nil
}

// ofProgram returns a File without a place yet, and the directory at which relative
// paths start.
func (l Loader) ofProgram(base Config) (f *File, start string, err error) {
	if start, err = l.start(); err != nil {
		return nil, "", loadError("configuration", err, "")
	}
	ctx, cancel := l.resolveContext()
	defer cancel()
	doc, err := documentOf(base, l.source(ctx, "configuration", start))
	if err != nil {
		return nil, "", err
	}
	return &File{doc: doc, writer: doc, fsys: l.fileSystem()}, start, nil
}

// ready prepares f for its first save.
func (f *File) ready() {
	f.known = masterNames(f.doc.State)
	atomicfile.RemoveStrays(f.fsys, f.statePath, time.Now())
	f.out = atomicfile.Writer{FS: f.fsys, Path: f.statePath, NewPerm: 0o644, Warn: f.say}
	if f.statePath != f.path {
		f.out.NewPerm = 0o600 // a new state file holds passwords, and no other user reads it
	}
}

// say passes a warning on, or keeps it until somebody listens.
func (f *File) say(text string) {
	if f.warn != nil {
		f.warn(text)
		return
	}
	f.said = append(f.said, text)
}

func (f *File) sayInterrupted(path string, interrupted bool) {
	if interrupted {
		f.say(path + ": a write in place had been interrupted, by a crash or a power cut; its state was recovered from the copy at the end of the file")
	}
}

// Listen makes f pass on what it has to say while it saves, one line of text each,
// on the goroutine of Save. It must be called before the first Save, and after the
// last call of Warnings.
func (f *File) Listen(warn func(text string)) { f.warn = warn }

func loadError(file string, err error, hint string) error {
	return &Error{Problems: []Problem{{File: file, Message: err.Error(), Hint: hint}}}
}

func (l Loader) start() (string, error) {
	if l.StartDir != "" {
		return filepath.Abs(l.StartDir)
	}
	return os.Getwd()
}

func (l Loader) fileSystem() FileSystem {
	if l.FS != nil {
		return l.FS
	}
	return disk{}
}

func (l Loader) resolveContext() (context.Context, context.CancelFunc) {
	timeout := l.ResolveTimeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	return context.WithTimeout(context.Background(), timeout)
}

// source returns a Source that may look at the machine.
func (l Loader) source(ctx context.Context, name, start string) Source {
	fsys := l.fileSystem()
	resolve := l.Resolve
	if resolve == nil {
		resolve = systemResolve
	}
	return Source{
		Name: name, Dir: start,
		Include: func(pattern string) ([]Included, error) { return readIncluded(fsys, pattern) },
		Resolve: func(host string) (string, error) {
			ip, err := resolve(ctx, host)
			if err != nil {
				return "", err
			}
			text, ok := literalIP(ip)
			if !ok {
				return "", fmt.Errorf("the resolver returned %q, which is not an address", ip)
			}
			return text, nil
		},
		Executable: CheckExecutable,
		CheckDir:   func(path string) error { return checkDir(fsys, path) },
		CheckUsers: l.CheckUsers,
	}
}

func systemResolve(ctx context.Context, host string) (string, error) {
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return "", err
	}
	return ips[0].Unmap().String(), nil
}

// readIncluded returns the files of an include line. A pattern may match
// nothing; a plain name must exist.
func readIncluded(fsys FileSystem, pattern string) ([]Included, error) {
	names := []string{pattern}
	if strings.ContainsAny(pattern, "*?[") {
		var err error
		if names, err = fsys.Glob(pattern); err != nil {
			return nil, fmt.Errorf("the pattern %s is malformed", pattern)
		}
	}
	var files []Included
	for _, name := range names {
		text, err := fsys.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("Fatal error, can't open config file '%s': %w", name, atomicfile.Cause(err))
		}
		if remedy, err := encodingError(text); err != nil {
			return nil, fmt.Errorf("%s: %w; %s", name, err, remedy)
		}
		files = append(files, Included{name, text})
	}
	return files, nil
}

// CheckExecutable says why this process cannot execute the file at path, which is
// absolute, or returns nil.
func CheckExecutable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", path, atomicfile.Cause(err))
	case info.IsDir():
		return option.Tolerated(path + " is a directory, which cannot be executed") // access(2) is content with it
	case info.Mode().Perm()&0o111 == 0:
		return fmt.Errorf("%s may not be executed", path)
	}
	if _, err := exec.LookPath(path); err != nil { // asks whether this user may
		return fmt.Errorf("%s: %w", path, errors.Unwrap(err))
	}
	return nil
}

func checkDir(fsys FileSystem, path string) error {
	info, err := fsys.Stat(path)
	if err != nil {
		return atomicfile.Cause(err)
	}
	if !info.IsDir() {
		return errors.New("it is not a directory")
	}
	return nil
}

// stateFileHead stands at the top of a state file.
const stateFileHead = "# This file belongs to gosentinel, which rewrites it. Its configuration is elsewhere.\n"

// useStateFile sends all state to a file of its own, and applies what it holds.
func (f *File) useStateFile(path string) error {
	path = InDir(f.doc.Settings.Dir, path)
	f.statePath, f.good = path, nil
	f.writer = f.doc.inTOML(path)
	text, _, interrupted, err := atomicfile.Read(f.fsys, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return loadError(path, fmt.Errorf("the state file cannot be read: %w", atomicfile.Cause(err)), "")
	}
	f.sayInterrupted(path, interrupted)
	if len(strings.TrimSpace(string(text))) == 0 {
		return loadError(path, errors.New("the state file is empty: a crash or a full disk emptied it, or it was made by hand"),
			"restore it from a copy, or remove it; this Sentinel then forgets its id and its votes")
	}
	option := "state-file"
	if f.path == "" {
		option = "StateFile"
	}
	return f.useState(text, "name another file with "+option+", or remove this one")
}

// useState applies what a state file or [Place] holds. hint is for one that is
// none.
func (f *File) useState(text []byte, hint string) error {
	head, state := cutState(text)
	if state == nil {
		return loadError(f.statePath, errors.New("this is not a state file of gosentinel"), hint)
	}
	doc, err := f.writer.withState(position{file: f.statePath, line: 1 + strings.Count(string(head), "\n")}, state)
	if err != nil {
		return err
	}
	f.doc, f.writer, f.good = doc, doc, text
	f.judgeStart(head)
	return nil
}

// inTOML returns the document with state in the TOML format.
func (d *Document) inTOML(name string) *Document {
	c := *d
	c.source.Format, c.source.Name = FormatTOML, name
	return &c
}

// documentOf makes a document of a configuration that a program made.
func documentOf(base Config, src Source) (*Document, error) {
	p := newParser(src)
	p.doc.Settings = base.Settings
	p.doc.State.Options = base.State.Options
	p.doc.State.CurrentEpoch = base.State.CurrentEpoch
	at := position{file: src.Name}
	for _, asked := range base.State.Masters {
		m := *asked
		at.text = "master " + m.Name
		_, dup := p.index[m.Name]
		switch {
		case m.Name == "":
			p.problem(at, "the name of a master cannot be empty", "")
			continue
		case m.Quorum < 1:
			p.problem(at, "Quorum must be 1 or greater.", "")
			continue
		case m.Addr.Port < 0 || m.Addr.Port > maxPort:
			p.problem(at, "Invalid port number.", "")
			continue
		case dup:
			p.problem(at, "Duplicate master name.", "")
			continue
		}
		addr, ok := p.masterAddr(at, m.Addr.Host, m.Addr.Port)
		if !ok {
			continue
		}
		p.addMaster(m.Name, m.Addr.Host, addr, m.Quorum, inMain)
		last := len(p.doc.State.Masters) - 1
		m.MasterConfig, m.Addr = m.MasterConfig.WithDefaults(), addr
		p.doc.State.Masters[last] = &m
		p.extra[last].voteKnown = !m.VoteUnknown
	}
	p.addUsers(position{file: src.Name})
	p.finish()
	return p.result()
}

// Unchanged reports whether the file of the state is still what it was when f was
// loaded. It must be called before the first Save.
func (f *File) Unchanged() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	text, _, _, err := atomicfile.Read(f.fsys, f.statePath)
	if errors.Is(err, fs.ErrNotExist) {
		return f.good == nil
	}
	return err == nil && f.good != nil && bytes.Equal(text, f.good)
}

// Close calls then once no Save is under way, which may be after Close has returned: a
// write can hang. Every later Save fails.
func (f *File) Close(then func()) {
	f.closed.Store(true)
	if f.mu.TryLock() {
		defer f.mu.Unlock()
		then()
		return
	}
	go func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		then()
	}()
}

// Path returns the absolute path of the configuration file, or "" for a File
// made by [New].
func (f *File) Path() string { return f.path }

// StatePath returns the absolute path of the file that Save writes.
func (f *File) StatePath() string { return f.statePath }

// Settings returns the process settings.
func (f *File) Settings() Settings { return f.doc.Settings }

// State returns the state as loaded: what the core starts with. MyID is empty
// when this Sentinel has none yet; the caller then makes one and saves it.
// Later saves do not change it.
func (f *File) State() monitor.State { return f.doc.State }

// Warnings returns one line of text for everything that was tolerated while
// loading: obsolete lines, damaged lines about replicas and Sentinels, host
// names resolved once, values of the state that an edit has overruled; and for what
// CheckWritable has found out.
func (f *File) Warnings() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append(append([]string(nil), f.doc.Warnings...), f.said...)
}

// CheckWritable finds out whether and how Save can work, by replacing the file with
// one that is the same. It returns nil or a [*NotWritableError]. A file that can be
// written only in place adds to the Warnings.
func (f *File) CheckWritable() error {
	if f.put != nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.out.Check()
}

// Save makes st durable: when it returns nil, st survives a power cut; when it
// returns an error, the state saved before does. It renders st into the present
// content of the file, so that lines which the operator changed meanwhile are
// kept, and writes only what it could read back as st.
func (f *File) Save(st monitor.State) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed.Load() {
		return &SaveError{Step: "Could not save config file", Path: f.statePath, Err: fs.ErrClosed}
	}
	if f.saveReady(st) {
		return nil
	}
	f.discard()
	for try := 1; ; try++ {
		err := f.save(st)
		if !atomicfile.Changed(err) {
			return err
		}
		if try == maxTries {
			return &SaveError{Step: "Could not save config file", Path: f.statePath, Err: err}
		}
	}
}

// maxTries bounds how often a state is rendered anew because somebody else has
// changed the file since it was read.
const maxTries = 5

// rendered is a state in the present content of the file.
type rendered struct {
	current, text []byte
	live          Live
	seen          *atomicfile.Seen
	leftOut       []learned
	part          bool // only what has changed was rendered
}

func (f *File) save(st monitor.State) error {
	r, err := f.render(st)
	if err != nil {
		return err
	}
	f.judge(r)
	if f.put != nil {
		err = f.put(r.text)
	} else {
		err = f.out.Write(r.text, r.seen)
	}
	if err != nil {
		return err
	}
	f.wrote(r, st)
	return nil
}

// wrote notes what the file holds now.
func (f *File) wrote(r rendered, st monitor.State) {
	f.good = r.text
	switch {
	case r.part:
		f.last.saved(r.text, st)
	case len(r.leftOut) == 0:
		f.last = &changedPart{text: r.text, state: st, live: r.live}
	}
}

// render returns st in the present content of the file.
func (f *File) render(st monitor.State) (r rendered, err error) {
	if r.current, r.seen, err = f.content(); err != nil {
		return r, err
	}
	r.live = f.live()
	writer := f.writer.With(r.live).knowing(f.known)
	if f.last != nil {
		f.last.revert()
		if bytes.Equal(r.current, f.last.text) {
			if r.text, r.part = f.last.render(writer, st); r.part {
				f.checkPart(writer, r, st)
				return r, nil
			}
		}
		f.last = nil
	}
	for i := range st.Masters {
		f.known[st.Masters[i].Name] = true
	}
	r.text, r.leftOut, err = writer.held(r.current, st)
	if err != nil {
		return r, &SaveError{Step: "Could not save config file", Path: f.statePath, Err: err}
	}
	return r, nil
}

// live returns what is saved along with the state.
func (f *File) live() Live {
	if f.current == nil {
		return Live{}
	}
	return f.current()
}

// judge tells what is wrong with what others have written into the file.
func (f *File) judge(r rendered) {
	f.sayLeftOut(r.leftOut)
	f.judgeEdit(r.current, r.text)
}

// content returns the present content of the file to be written, and what the file
// is like.
func (f *File) content() ([]byte, *atomicfile.Seen, error) {
	switch {
	case f.put != nil && f.good == nil:
		return f.stateHead(), nil, nil
	case f.put != nil:
		return f.good, nil, nil
	}
	if f.last == nil {
		return f.read()
	}
	text, seen, _, err := atomicfile.ReadAgain(f.fsys, f.statePath, f.last.text)
	if err != nil || !bytes.Equal(text, f.last.text) {
		return f.read()
	}
	return text, seen, nil
}

// read returns the content of the file, repaired if it was damaged.
func (f *File) read() ([]byte, *atomicfile.Seen, error) {
	text, seen, _, err := atomicfile.Read(f.fsys, f.statePath)
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.statePath != f.path:
		return f.stateHead(), seen, nil
	case errors.Is(err, fs.ErrNotExist):
		// Deleted while running. Starting from nothing would silently lose settings
		// that are not state, such as requirepass.
		return f.good, seen, nil
	case err != nil:
		return nil, nil, &SaveError{Step: "Could not read config file", Path: f.statePath, Err: err}
	}
	text = f.repaired(text)
	if _, state := cutState(text); f.statePath != f.path && state != nil {
		text = append(append(f.stateHead(), '\n'), state...) // as Render does it the first time
	}
	return text, seen, nil
}
