package archive

import (
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/internal/atomicfile"
	"github.com/gosentinel/sentinel/internal/atomicfile/memdisk"
	"github.com/gosentinel/sentinel/journal"
	"github.com/gosentinel/sentinel/monitor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const path = "/etc/sentinel.conf.failovers"

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text []string
}

func (l *lines) log(_ monitor.Level, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, text)
}

// count returns how many lines contain a text.
func (l *lines) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, t := range l.text {
		if strings.Contains(t, part) {
			n++
		}
	}
	return n
}

// report returns the k-th report about m, after it has ended or before.
func report(k int, over bool) journal.Report {
	r := journal.Report{
		ID: uint64(k), Master: "m", Led: true, Epoch: uint64(k), From: "10.0.0.1:6379", Begun: time.Unix(int64(k), 0).UTC(),
		Phases: []journal.Phase{{Name: journal.PhaseElection, Begun: time.Unix(int64(k), 0).UTC()}},
	}
	if over {
		r.Outcome, r.To, r.Ended = journal.Promoted, "10.0.0.2:6379", time.Unix(int64(k)+1, 0).UTC()
		r.Reason = strings.Repeat("x", 100)
	}
	return r
}

func ids(list []journal.Report) (ids []uint64) {
	for _, r := range list {
		ids = append(ids, r.ID)
	}
	return ids
}

func TestRestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "failovers")
	var log lines
	a := Open(Config{Path: file, Log: log.log})
	if got := a.LastID(); got != 0 {
		t.Errorf("a new archive has last id %d", got)
	}
	a.Add(report(1, false))
	a.Add(report(1, true))
	other := report(2, true)
	other.Master = "other"
	a.Add(other)
	a.Add(report(3, false))
	if got := ids(a.Reports("m", 0)); !slices.Equal(got, []uint64{3, 1}) {
		t.Errorf("reports of m: %v", got)
	}
	if got := ids(a.Reports("", 2)); !slices.Equal(got, []uint64{3, 2}) {
		t.Errorf("the newest two: %v", got)
	}
	a.Reports("m", 1)[0].Phases[0].Name = "mine"
	if got := a.Reports("m", 1)[0].Phases[0].Name; got != journal.PhaseElection {
		t.Errorf("a reader has changed the report: %s", got)
	}
	a.Close()
	a.Add(report(9, true)) // too late, and harmless
	a.Close()

	b := Open(Config{Path: file, Log: log.log})
	if b.LastID() != 3 {
		t.Errorf("last id is %d after a restart", b.LastID())
	}
	list := b.Reports("", 0)
	if !slices.Equal(ids(list), []uint64{3, 2, 1}) || list[0].Outcome != journal.Interrupted || list[2].Outcome != journal.Promoted {
		t.Errorf("after a restart: %v", list)
	}
	b.Close()
	if c, err := journal.Read(file); err != nil || c.Reports[2].Outcome != journal.Interrupted {
		t.Errorf("the file does not say that a report was interrupted: %v, %v", c, err)
	}
	if len(log.text) > 0 {
		t.Errorf("log: %q", log.text)
	}
}

func TestMemoryOnly(t *testing.T) {
	a := Open(Config{Log: func(monitor.Level, string) { t.Error("nothing is to be said") }})
	for k := range 500 {
		a.Add(report(k+1, true))
	}
	if got := len(a.Reports("m", 0)); got != 500 {
		t.Errorf("%d reports are kept", got)
	}
	a.Close()
}

// player adds reports to an archive on a disk in memory as its goroutine does, until
// the power goes, and remembers what is promised to be there afterwards.
type player struct {
	disk   *memdisk.Disk
	bytes  int
	a      *Archive
	safe   map[uint64]string // reports whose end was stored, as the log told them
	maybe  map[uint64]string // the one that is being stored
	opened map[uint64]bool
}

func (p *player) play(n int) (ended bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(memdisk.PowerCut); !ok {
				panic(r)
			}
			ended = false
		}
	}()
	p.safe, p.maybe, p.opened = map[uint64]string{}, map[uint64]string{}, map[uint64]bool{}
	p.a = open(Config{Path: path, FS: p.disk, Bytes: p.bytes, Log: func(monitor.Level, string) {}})
	for k := 1; k <= n; k++ {
		for _, over := range []bool{false, true} {
			r := report(k, over)
			p.opened[r.ID] = true
			if over {
				p.maybe[r.ID] = r.String()
			}
			p.a.keep(r)
			if p.a.store([]journal.Report{r}) == nil && over {
				p.safe[r.ID] = r.String()
			}
		}
	}
	return true
}

// check compares what a file holds with what was promised.
func (p *player) check(t *testing.T, what, text string) {
	t.Helper()
	if text == "<none>" {
		text = ""
	}
	c, err := journal.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	oldest := uint64(1 << 63)
	found := map[uint64]journal.Report{}
	for _, r := range c.Reports {
		found[r.ID] = r
		oldest = min(oldest, r.ID)
		if !p.opened[r.ID] || r.Over() && r.String() != p.maybe[r.ID] {
			t.Fatalf("%s: report %d is read, which was never written: %s", what, r.ID, r.String())
		}
	}
	for _, id := range slices.Sorted(maps.Keys(p.safe)) {
		if r, ok := found[id]; id >= oldest && (!ok || r.String() != p.safe[id]) || len(found) == 0 {
			t.Fatalf("%s: of report %d the log said\n%s\nand the file has\n%s", what, id, p.safe[id], r.String())
		}
	}
}

// enough reports make the file pass its bound twice.
const enough = 9

// TestPowerCut lets the power go at each step of the writer, and reads every content
// that the file may have then.
func TestPowerCut(t *testing.T) {
	whole := player{disk: memdisk.New(nil), bytes: 2600}
	whole.play(enough)
	steps, contents, rewritten := whole.disk.Steps, 0, 0
	if c, _ := journal.Parse(whole.disk.Entries[path].Data); len(c.Reports) < 3 || len(c.Reports) == enough {
		t.Fatalf("%d of %d reports are in the file, so it was not written anew, or nearly nothing is left", len(c.Reports), enough)
	}
	for k := 1; k <= steps; k++ {
		p := player{disk: memdisk.New(nil), bytes: whole.bytes}
		p.disk.FailAt, p.disk.Crash = k, true
		if p.play(enough) {
			t.Fatalf("step %d of %d did not happen", k, steps)
		}
		if f := p.disk.Entries[path]; f != nil && len(p.disk.Entries) > 1 {
			rewritten++
		}
		for i, text := range p.disk.AfterPowerCut(path) {
			contents++
			p.check(t, fmt.Sprintf("power cut at step %d, content %d", k, i), text)
		}
	}
	if contents < 2*steps || rewritten < 3 {
		t.Errorf("%d contents after %d cuts, %d of them while the file was written anew: the test looks at too little", contents, steps, rewritten)
	}
}

// TestKillAtEachByte ends the process in the middle of a write, at each byte of it, and
// goes on with the next process.
func TestKillAtEachByte(t *testing.T) {
	p := player{disk: memdisk.New(nil), bytes: minimum}
	p.play(3)
	text := string(p.disk.Entries[path].Data)
	last := len(text) - len(journal.AppendRecord(nil, report(3, true)))
	delete(p.safe, 3) // it is being written
	for cut := last; cut <= len(text); cut++ {
		p.check(t, fmt.Sprintf("killed at byte %d", cut), text[:cut])
		next := memdisk.New(map[string]string{path: text[:cut]})
		a := open(Config{Path: path, FS: next, Bytes: minimum, Log: func(monitor.Level, string) {}})
		r := report(4, true)
		a.keep(r)
		if err := a.store([]journal.Report{r}); err != nil {
			t.Fatal(err)
		}
		c, err := journal.Parse(next.Entries[path].Data)
		if err != nil || c.Torn || c.Unreadable > 0 || !slices.Equal(ids(c.Reports), []uint64{1, 2, 3, 4}) {
			t.Fatalf("after a kill at byte %d the next process leaves %v, %d unreadable, torn %v, %v", cut, ids(c.Reports), c.Unreadable, c.Torn, err)
		}
	}
}

// TestEachStepFails lets each step of the writer fail once: the report is written with
// the next one, and nothing else is lost.
func TestEachStepFails(t *testing.T) {
	const n = 6
	for k := 1; k < 200; k++ {
		for _, short := range []bool{false, true} {
			p := player{disk: memdisk.New(nil), bytes: minimum}
			p.disk.FailAt, p.disk.Err, p.disk.Short = k, syscall.ENOSPC, short
			p.play(n)
			if p.disk.Steps < k {
				return
			}
			r := report(n+1, true)
			p.a.keep(r)
			if err := p.a.store([]journal.Report{r}); err != nil {
				t.Fatalf("step %d: %v", k, err)
			}
			c, err := journal.Parse(p.disk.Entries[path].Data)
			if err != nil || c.Torn || c.Unreadable > 0 || len(c.Reports) != n+1 {
				t.Fatalf("step %d failed, and then the file has %v, %d unreadable, torn %v, %v", k, ids(c.Reports), c.Unreadable, c.Torn, err)
			}
		}
	}
}

func TestDamagedFile(t *testing.T) {
	text := []byte{}
	for k := range 3 {
		text = journal.AppendRecord(text, report(k+1, true))
	}
	text = append(journal.Render(nil), text...)
	text[len(text)/2] ^= 4
	disk, log := memdisk.New(map[string]string{path: string(text)}), &lines{}
	a := Open(Config{Path: path, FS: disk, Log: log.log})
	if got := ids(a.Reports("", 0)); !slices.Equal(got, []uint64{3, 1}) {
		t.Errorf("reports: %v", got)
	}
	a.Add(report(4, true))
	a.Close()
	if log.count("records are damaged and left out: 1; 2 can be read") != 1 {
		t.Errorf("log: %q", log.text)
	}
	if c, err := journal.Parse(disk.Entries[path].Data); err != nil || !slices.Equal(ids(c.Reports), []uint64{1, 3, 4}) {
		t.Errorf("the file has %v, %v", ids(c.Reports), err)
	}
}

// TestForeignFiles leaves a file as it is that a newer release wrote, or that is
// something else.
func TestForeignFiles(t *testing.T) {
	newer := "gosentinel failovers 2 "
	for name, text := range map[string]string{
		"newer": newer + fmt.Sprintf("%08x\n", crc32.Checksum([]byte("gosentinel failovers 2"), crc32.MakeTable(crc32.Castagnoli))) + "3 whatever\n",
		"other": "sentinel monitor m 10.0.0.1 6379 2\n",
	} {
		disk, log := memdisk.New(map[string]string{path: text}), &lines{}
		a := Open(Config{Path: path, FS: disk, Log: log.log})
		a.Add(report(1, true))
		if len(a.Reports("m", 0)) != 1 {
			t.Errorf("%s: reports are not kept in memory", name)
		}
		a.Close()
		if got := string(disk.Entries[path].Data); got != text {
			t.Errorf("%s: the file was changed to %q", name, got)
		}
		if log.count("is left as it is, and reports are kept in memory only: ") != 1 {
			t.Errorf("%s: log: %q", name, log.text)
		}
	}
}

// TestFullDisk fills the disk for a while.
func TestFullDisk(t *testing.T) {
	disk, log := memdisk.New(nil), &lines{}
	full := false
	disk.Refuse = func(string) error {
		if full {
			return syscall.ENOSPC
		}
		return nil
	}
	a := open(Config{Path: path, FS: disk, Bytes: minimum, Log: log.log})
	store := func(k int) {
		r := report(k, true)
		a.keep(r)
		a.result(a.store([]journal.Report{r}))
	}
	store(1)
	full = true
	for k := range 5 {
		store(k + 2)
	}
	full = false
	store(7)
	store(8)
	if log.count("cannot be written, so reports are kept in memory only: no space left on device") != 1 || log.count("can be written again") != 1 || len(log.text) != 2 {
		t.Errorf("log: %q", log.text)
	}
	if c, err := journal.Parse(disk.Entries[path].Data); err != nil || len(c.Reports) != 8 {
		t.Errorf("the file has %v, %v", ids(c.Reports), err)
	}
}

// deadDisk hangs at the first write until it is let go.
type deadDisk struct {
	*memdisk.Disk
	asleep chan struct{}
}

func (d *deadDisk) OpenDir(dir string) (atomicfile.Dir, error) {
	<-d.asleep
	return d.Disk.OpenDir(dir)
}

// TestDeadDisk has a disk that does not answer: whoever adds reports does not wait, what
// does not fit into the queue is told once, and the file is complete in the end.
func TestDeadDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, log := &deadDisk{memdisk.New(nil), make(chan struct{})}, &lines{}
		a := Open(Config{Path: path, FS: disk, Log: log.log})
		a.Add(report(1, true))
		synctest.Wait() // the writer hangs
		const n = queued + 20
		for k := 2; k <= n; k++ {
			a.Add(report(k, true))
		}
		if got := len(a.Reports("m", 0)); got != n {
			t.Errorf("%d reports can be read, of %d", got, n)
		}
		if log.count("is not written in time") != 1 {
			t.Errorf("log: %q", log.text)
		}
		close(disk.asleep)
		synctest.Wait()
		a.Add(report(n+1, true))
		a.Close()
		if c, err := journal.Parse(disk.Entries[path].Data); err != nil || len(c.Reports) != n+1 {
			t.Errorf("the file has %d reports, %v", len(c.Reports), err)
		}
		if log.count("19 reports had to wait") != 1 {
			t.Errorf("log: %q", log.text)
		}
	})
}

// TestCloseDoesNotWaitForEver closes an archive whose disk hangs.
func TestCloseDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &deadDisk{memdisk.New(nil), make(chan struct{})}
		a := Open(Config{Path: path, FS: disk, Log: func(monitor.Level, string) {}})
		a.Add(report(1, true))
		synctest.Wait()
		began := time.Now()
		a.Close()
		if waited := time.Since(began); waited != patience {
			t.Errorf("closing took %v", waited)
		}
		close(disk.asleep)
	})
}

// TestRemovedFile has the file removed by somebody else.
func TestRemovedFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "failovers")
	a := open(Config{Path: file, Bytes: minimum, Log: func(monitor.Level, string) {}})
	for k := 1; k <= 3; k++ {
		r := report(k, true)
		a.keep(r)
		if err := a.store([]journal.Report{r}); err != nil {
			t.Fatal(err)
		}
		if c, err := journal.Read(file); err != nil || len(c.Reports) != k {
			t.Errorf("after report %d the file has %v, %v", k, ids(c.Reports), err)
		}
		if k == 2 {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestDirectoryIsMissing(t *testing.T) {
	log := &lines{}
	a := Open(Config{Path: filepath.Join(t.TempDir(), "none", "failovers"), Log: log.log})
	a.Add(report(1, true))
	a.Add(report(2, true))
	a.Close()
	if log.count("cannot be written") != 1 {
		t.Errorf("log: %q", log.text)
	}
}
