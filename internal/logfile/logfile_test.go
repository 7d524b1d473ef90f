package logfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixed is a clock that stands still, in a time zone that is not the machine's.
func fixed() time.Time {
	return time.Date(2026, time.November, 1, 8, 5, 3, 7_999_999, time.FixedZone("", 5400))
}

const stamp = "42:X 01 Nov 2026 08:05:03.007 "

// start returns a Writer that shows pid 42 and a fixed time. It fails the test on
// a write error, unless cfg handles errors itself.
func start(t *testing.T, cfg Config) *Writer {
	t.Helper()
	cfg.PID = 42
	cfg.Now = fixed
	if cfg.OnError == nil {
		cfg.OnError = func(err error) { t.Errorf("OnError: %v", err) }
	}
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func stop(t *testing.T, w *Writer) {
	t.Helper()
	if err := w.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("log is\n%s\nwant\n%s", got, want)
	}
}

func TestLineFormat(t *testing.T) {
	var out bytes.Buffer
	w := start(t, Config{Stdout: &out})
	w.Log(monitor.LevelDebug, "debug")
	w.Log(monitor.LevelVerbose, "verbose")
	w.Log(monitor.LevelNotice, "notice")
	w.Log(monitor.LevelWarning, "warning")
	w.Log(monitor.LevelNotice, "")
	w.Event(event.SDown{Instance: monitor.Instance{Name: "m", Addr: monitor.HostPort{Host: "10.0.0.1", Port: 6379}}})
	w.Event(event.Tilt{Entered: true})
	stop(t, w)
	expect(t, out.String(), ""+
		stamp+". debug\n"+
		stamp+"- verbose\n"+
		stamp+"* notice\n"+
		stamp+"# warning\n"+
		stamp+"* \n"+
		stamp+"# +sdown master m 10.0.0.1 6379\n"+
		stamp+"# +tilt #tilt mode entered\n")
}

func TestPIDAndClockByDefault(t *testing.T) {
	var out bytes.Buffer
	w, err := New(Config{Stdout: &out})
	if err != nil {
		t.Fatal(err)
	}
	w.Log(monitor.LevelNotice, "hello")
	stop(t, w)
	pid, rest, _ := strings.Cut(out.String(), ":X ")
	if pid != fmt.Sprint(os.Getpid()) {
		t.Errorf("pid is shown as %q", pid)
	}
	if _, err := time.ParseInLocation("02 Jan 2006 15:04:05.000 * hello\n", rest, time.Local); err != nil {
		t.Error(err)
	}
}

func TestThreshold(t *testing.T) {
	lines := map[Threshold]int{Debug: 4, Verbose: 3, Notice: 2, Warning: 1, Nothing: 0}
	for threshold, want := range lines {
		var out bytes.Buffer
		w := start(t, Config{Stdout: &out, Threshold: threshold})
		for level := monitor.LevelDebug; level <= monitor.LevelWarning; level++ {
			w.Log(level, "text")
		}
		stop(t, w)
		if got := strings.Count(out.String(), "\n"); got != want {
			t.Errorf("threshold %v lets %d levels through, want %d", threshold, got, want)
		}
	}
}

func TestThresholdChangesWhileRunning(t *testing.T) {
	var out bytes.Buffer
	w := start(t, Config{Stdout: &out, Threshold: Nothing})
	w.Event(event.Tilt{})
	w.SetThreshold(Warning)
	if w.Enabled(monitor.LevelNotice) || !w.Enabled(monitor.LevelWarning) || w.Threshold() != Warning {
		t.Error("the new threshold is not in force")
	}
	w.Event(event.Tilt{Entered: true})
	stop(t, w)
	expect(t, out.String(), stamp+"# +tilt #tilt mode entered\n")
}

func TestThresholdNames(t *testing.T) {
	for _, name := range []string{"debug", "verbose", "notice", "warning", "nothing"} {
		for _, typed := range []string{name, strings.ToUpper(name)} {
			got, err := ParseThreshold(typed)
			if err != nil || got.String() != name {
				t.Errorf("ParseThreshold(%q) = %v, %v", typed, got, err)
			}
		}
	}
	_, err := ParseThreshold("info")
	const want = `unknown log level "info": use one of debug, verbose, notice, warning, nothing`
	if err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
	if got := Threshold(99).String(); got != "Threshold(99)" {
		t.Errorf("a value that is no threshold is shown as %q", got)
	}
}

func TestFileIsAppendedTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := start(t, Config{Path: path})
	w.Log(monitor.LevelNotice, "now")
	stop(t, w)
	expect(t, content(t, path), "before\n"+stamp+"* now\n")
}

func TestRotationByRename(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	w := start(t, Config{Path: path})
	w.Log(monitor.LevelNotice, "first")
	waitFor(t, func() bool { return content(t, path) != "" })
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	w.Log(monitor.LevelNotice, "second")
	stop(t, w)
	expect(t, content(t, path+".1"), stamp+"* first\n")
	expect(t, content(t, path), stamp+"* second\n")
}

// waitFor waits for what another goroutine does to the file system.
func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(30 * time.Second)
	for !cond() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("waited in vain")
		}
	}
}

func TestUnusablePath(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path string
		want error
	}{
		{filepath.Join(dir, "missing", "log"), fs.ErrNotExist},
		{dir, syscall.EISDIR},
		{pipe, syscall.ENXIO}, // it has no reader: an error and not a hang
	} {
		w, err := New(Config{Path: c.path})
		if w != nil || !errors.Is(err, c.want) || !strings.HasPrefix(err.Error(), "can't open the log file: ") {
			t.Errorf("New with path %s: %v", c.path, err)
		}
	}
}

func TestLossIsReportedWhenTheFileIsBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 10)
	w := start(t, Config{Path: filepath.Join(dir, "log"), OnError: func(err error) { failed <- err }})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	w.Log(monitor.LevelNotice, "lost")
	if err := <-failed; !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("OnError got %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	w.Log(monitor.LevelNotice, "saved")
	stop(t, w)
	path := filepath.Join(dir, "log")
	expect(t, content(t, path), ""+
		stamp+"# 1 log lines were lost here: open "+path+": no such file or directory\n"+
		stamp+"* saved\n")
}

// gate is an output that blocks until it is opened.
type gate struct {
	opened chan struct{}
	mu     sync.Mutex
	out    bytes.Buffer
}

func newGate() *gate { return &gate{opened: make(chan struct{})} }

func (g *gate) Write(p []byte) (int, error) {
	<-g.opened
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.out.Write(p)
}

func TestStuckOutputDropsAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		line := stamp + "* 0\n"
		w := start(t, Config{Stdout: g, QueueBytes: 3 * len(line)})
		w.Log(monitor.LevelNotice, "0")
		synctest.Wait() // the goroutine has taken the line and is stuck writing it
		for i := 1; i <= 8; i++ {
			w.Log(monitor.LevelNotice, fmt.Sprint(i))
		}
		close(g.opened)
		synctest.Wait()
		w.Log(monitor.LevelNotice, "9")
		stop(t, w)
		expect(t, g.out.String(), ""+
			stamp+"* 0\n"+
			stamp+"* 1\n"+
			stamp+"* 2\n"+
			stamp+"* 3\n"+
			stamp+"# 5 log lines were dropped here: they came faster than they could be written\n"+
			stamp+"* 9\n")
	})
}

// After a long line was dropped, a short one that would fit is dropped too.
func TestGapIsInOnePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		w := start(t, Config{Stdout: g, QueueBytes: 100})
		w.Log(monitor.LevelNotice, "taken")
		synctest.Wait()
		w.Log(monitor.LevelNotice, "queued")
		w.Log(monitor.LevelNotice, strings.Repeat("long", 30))
		w.Log(monitor.LevelNotice, "short")
		close(g.opened)
		stop(t, w)
		expect(t, g.out.String(), ""+
			stamp+"* taken\n"+
			stamp+"* queued\n"+
			stamp+"# 2 log lines were dropped here: they came faster than they could be written\n")
	})
}

// A line that is longer than the whole queue is still written.
func TestQueueOfOne(t *testing.T) {
	var out bytes.Buffer
	w := start(t, Config{Stdout: &out, QueueBytes: 1})
	w.Log(monitor.LevelNotice, "text")
	stop(t, w)
	expect(t, out.String(), stamp+"* text\n")
}

func TestCloseWritesWhatIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		w := start(t, Config{Stdout: g})
		for range 1000 {
			w.Log(monitor.LevelNotice, "text")
		}
		time.AfterFunc(time.Second, func() { close(g.opened) })
		stop(t, w)
		if got := strings.Count(g.out.String(), "\n"); got != 1000 {
			t.Errorf("%d lines were written, want 1000", got)
		}
		w.Log(monitor.LevelNotice, "too late")
		w.Event(event.Tilt{})
		stop(t, w)
		if strings.Contains(g.out.String(), "too late") {
			t.Error("a line was written after Close")
		}
	})
}

func TestCloseDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		w := start(t, Config{Stdout: g})
		w.Log(monitor.LevelNotice, "text")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close of a stuck log returned %v", err)
		}
		close(g.opened)
		stop(t, w)
		expect(t, g.out.String(), stamp+"* text\n")
	})
}

// script is an output whose next writes end as given: so many bytes are written,
// and then the error is returned. Writes beyond the script succeed.
type script struct {
	ends []end
	out  bytes.Buffer
}

type end struct {
	n   int
	err error
}

func (s *script) Write(p []byte) (int, error) {
	if len(s.ends) == 0 {
		return s.out.Write(p)
	}
	e := s.ends[0]
	s.ends = s.ends[1:]
	n, _ := s.out.Write(p[:min(e.n, len(p))])
	return n, e.err
}

// logOneByOne logs so that each text is a write of its own.
func logOneByOne(w *Writer, texts ...string) {
	for _, text := range texts {
		w.Log(monitor.LevelNotice, text)
		synctest.Wait()
	}
}

func TestFailingWrites(t *testing.T) {
	full := syscall.ENOSPC
	fullText := full.Error()
	for _, c := range []struct {
		name   string
		ends   []end
		want   string
		errors int
	}{
		{"one line", []end{{0, full}},
			stamp + "# 1 log lines were lost here: " + fullText + "\n" + stamp + "* b\n" + stamp + "* c\n", 1},
		{"two lines", []end{{0, full}, {0, full}},
			stamp + "# 2 log lines were lost here: " + fullText + "\n" + stamp + "* c\n", 1},
		{"torn line", []end{{9, full}},
			stamp[:9] + "\n" + stamp + "# 1 log lines were lost here: " + fullText + "\n" + stamp + "* b\n" + stamp + "* c\n", 1},
		{"short write without an error", []end{{9, nil}},
			stamp[:9] + "\n" + stamp + "# 1 log lines were lost here: short write\n" + stamp + "* b\n" + stamp + "* c\n", 1},
		{"the report itself is torn", []end{{0, full}, {7, full}},
			stamp[:7] + "\n" + stamp + "# 2 log lines were lost here: " + fullText + "\n" + stamp + "* c\n", 1},
		{"again after a success", []end{{0, full}, {999, nil}, {0, full}},
			stamp + "# 1 log lines were lost here: " + fullText + "\n" + stamp + "* b\n" +
				stamp + "# 1 log lines were lost here: " + fullText + "\n" + stamp + "* d\n", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out, told := &script{ends: c.ends}, 0
				w := start(t, Config{Stdout: out, OnError: func(error) { told++ }})
				logOneByOne(w, "a", "b", "c")
				if c.errors == 2 {
					logOneByOne(w, "d")
				}
				stop(t, w)
				expect(t, out.out.String(), c.want)
				if told != c.errors {
					t.Errorf("OnError was called %d times, want %d", told, c.errors)
				}
			})
		})
	}
}

func TestCloseReportsLossAtTheEnd(t *testing.T) {
	w := start(t, Config{Stdout: &script{ends: []end{{0, io.ErrClosedPipe}}}, OnError: func(error) {}})
	w.Log(monitor.LevelNotice, "lost")
	if err := w.Close(t.Context()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Close returned %v", err)
	}
}

func TestConcurrentUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	w := start(t, Config{Path: path})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				w.Log(monitor.LevelNotice, "text")
				w.SetThreshold(Debug)
			}
		})
	}
	wg.Wait()
	stop(t, w)
	expect(t, content(t, path), strings.Repeat(stamp+"* text\n", 1600))
}

func BenchmarkEvent(b *testing.B) {
	w, err := New(Config{Stdout: io.Discard})
	if err != nil {
		b.Fatal(err)
	}
	e := event.SDown{Instance: monitor.Instance{Name: "m", Addr: monitor.HostPort{Host: "10.0.0.1", Port: 6379}}}
	b.ReportAllocs()
	for b.Loop() {
		w.Event(e)
	}
	if err := w.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}
