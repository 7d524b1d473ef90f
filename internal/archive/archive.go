package archive

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/internal/atomicfile"
	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

// DefaultBytes is the bound of an archive that has no other: some hundred failovers.
const DefaultBytes = 1 << 20

// Bounds.
const (
	queued   = 64              // reports that wait for the disk
	minimum  = 16 << 10        // a bound below this is taken for it: one report may need that much
	patience = 5 * time.Second // for what waits for the disk at the end
)

// Config is what an [Archive] works with.
type Config struct {
	// Path is that of the file; "" keeps reports in memory only.
	Path string
	// FS is where the file is; nil: the file system of the machine.
	FS atomicfile.FileSystem
	// Bytes bounds the file, and the memory that the reports take; 0: [DefaultBytes].
	Bytes int
	// Log takes lines for the log. It must not block.
	Log func(monitor.Level, string)
}

// Archive keeps reports. Its methods are safe for concurrent use.
type Archive struct {
	cfg    Config
	writer atomicfile.Writer
	queue  chan journal.Report // nil: there is no file
	done   chan struct{}       // closed when the writer has ended

	mu      sync.Mutex
	kept    []entry // in the order of their ids
	bytes   int     // that they take
	lastID  uint64
	dropped int // reports that found the queue full since the last write that worked
	closed  bool

	// The rest belongs to the writer.
	size   int64  // of the file
	whole  bool   // the file is as the writer left it, and can be added to
	failed string // what went wrong with the last write; "" when nothing did
}

// entry is a report, and how many bytes its record takes.
type entry struct {
	report journal.Report
	bytes  int
}

// Open returns an archive with what its file holds. It does not fail: without a file
// that it can use it keeps reports in memory, and says why. A file that a newer release
// wrote, or that is no journal, is left as it is. Attempts that were open when the last
// process ended are marked as interrupted.
func Open(cfg Config) *Archive {
	if cfg.Bytes == 0 {
		cfg.Bytes = DefaultBytes
	}
	cfg.Bytes = max(cfg.Bytes, minimum)
	a := open(cfg)
	if a.queue == nil {
		close(a.done)
		return a
	}
	go a.write()
	for _, r := range a.interrupted() {
		a.Add(r)
	}
	return a
}

// open is Open without the writer, and with any bound.
func open(cfg Config) *Archive {
	if cfg.FS == nil {
		cfg.FS = atomicfile.Disk{}
	}
	a := &Archive{cfg: cfg, done: make(chan struct{})}
	if cfg.Path != "" && a.read() {
		a.writer = atomicfile.Writer{FS: cfg.FS, Path: cfg.Path, NewPerm: 0o644, Plain: true}
		a.queue = make(chan journal.Report, queued)
	}
	return a
}

// interrupted returns the attempts whose end the last process has not seen.
func (a *Archive) interrupted() []journal.Report {
	var list []journal.Report
	for _, e := range a.kept {
		if e.report.Outcome == journal.Open {
			r := e.report.Clone()
			r.Outcome = journal.Interrupted
			list = append(list, r)
		}
	}
	return list
}

// read takes what is in the file, and reports whether the file may be written.
func (a *Archive) read() bool {
	text, err := a.cfg.FS.ReadFile(a.cfg.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	var c journal.Contents
	if err == nil {
		c, err = journal.Parse(text)
	}
	if err != nil {
		a.cfg.Log(monitor.LevelWarning, fmt.Sprintf("The journal of failovers %s is left as it is, and reports are kept in memory only: %v",
			a.cfg.Path, atomicfile.Cause(err)))
		return false
	}
	for _, r := range c.Reports {
		a.keep(r)
	}
	a.size, a.whole = int64(len(text)), !c.Torn && len(text) > 0
	switch {
	case c.Unreadable > 0:
		a.cfg.Log(monitor.LevelWarning, fmt.Sprintf("In the journal of failovers %s, records are damaged and left out: %d; %d can be read",
			a.cfg.Path, c.Unreadable, len(c.Reports)))
	case c.Torn:
		a.cfg.Log(monitor.LevelNotice, "The last record in the journal of failovers "+a.cfg.Path+" is not whole, and is left out")
	}
	return true
}

// Add keeps a report, in place of an earlier one with its id. It never blocks.
func (a *Archive) Add(r journal.Report) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keep(r)
	if a.queue == nil || a.closed {
		return
	}
	select {
	case a.queue <- r:
	default:
		if a.dropped++; a.dropped == 1 {
			a.cfg.Log(monitor.LevelWarning, "The journal of failovers "+a.cfg.Path+
				" is not written in time: reports stay in memory, and are written when the disk answers")
		}
	}
}

// keep puts a report into memory, where the oldest make room.
func (a *Archive) keep(r journal.Report) {
	e := entry{r, len(journal.AppendRecord(nil, r))}
	at, known := slices.BinarySearchFunc(a.kept, r.ID, func(e entry, id uint64) int { return cmp.Compare(e.report.ID, id) })
	if known {
		a.bytes += e.bytes - a.kept[at].bytes
		a.kept[at] = e
	} else {
		a.bytes += e.bytes
		a.kept = slices.Insert(a.kept, at, e)
	}
	a.lastID = max(a.lastID, r.ID)
	for a.bytes > a.cfg.Bytes && len(a.kept) > 1 {
		a.bytes -= a.kept[0].bytes
		a.kept = slices.Delete(a.kept, 0, 1)
	}
}

// LastID returns the greatest id of a report, 0 without one.
func (a *Archive) LastID() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.lastID
}

// Reports returns the newest reports about a master, "" for all, newest first: at most
// n of them, or all if n is 0. They belong to the caller.
func (a *Archive) Reports(master string, n int) []journal.Report {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []journal.Report
	for k := len(a.kept) - 1; k >= 0 && (n <= 0 || len(list) < n); k-- {
		if r := a.kept[k].report; master == "" || r.Master == master {
			list = append(list, r.Clone())
		}
	}
	return list
}

// Close writes what waits, for up to five seconds, and ends the writer. A write that
// hangs in the operating system is left behind.
func (a *Archive) Close() {
	a.mu.Lock()
	if a.queue != nil && !a.closed {
		close(a.queue)
	}
	a.closed = true
	a.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-a.done:
	case <-timer.C:
	}
}
