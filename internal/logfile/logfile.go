package logfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

// DefaultQueueBytes is the default of Config.QueueBytes: room for about ten
// thousand lines.
const DefaultQueueBytes = 1 << 20

// Config says where and what to log. The zero value logs everything to
// standard output.
type Config struct {
	// Path is the file to append to. "" is standard output.
	Path string
	// Threshold is the lowest level that is written.
	Threshold Threshold
	// Format and Time are the form of a line and of the time in it.
	Format Format
	Time   TimeFormat

	// Stdout is written to when Path is "". Nil means os.Stdout. It need not be
	// safe for concurrent use.
	Stdout io.Writer
	// PID is the process id to show. 0 means that of this process.
	PID int
	// Now returns the time of a line, in the time zone to show. Nil means
	// time.Now. Calls do not overlap.
	Now func() time.Time
	// QueueBytes bounds the lines that wait to be written, in bytes. 0 means
	// DefaultQueueBytes.
	QueueBytes int
	// OnError is called when writing begins to fail, and not again until it has
	// worked in between. It runs on the writing goroutine and must not call
	// Close. Nil writes a line to standard error.
	OnError func(error)
}

// Writer is a log. Its methods are safe for concurrent use; none but Close
// blocks.
type Writer struct {
	threshold atomic.Uint32
	now       func() time.Time
	pid       int
	format    Format
	times     TimeFormat
	fields    *fields // used under mu; nil: lines have none
	limit     int
	wake      chan struct{} // holds one token when there may be something to write
	done      chan struct{} // closed when the goroutine has ended
	out       output        // owned by the goroutine, until done is closed
	missing   atomic.Uint64 // lines dropped or lost, ever

	mu      sync.Mutex
	queue   []byte // whole lines
	scratch []byte
	dropped int // lines dropped since the last take because the queue was full
	closed  bool
}

// New starts a log. If Path is given, the file is opened once (and created if
// missing), so that a wrong path is an error at the start instead of a silent
// failure later. The caller must Close the Writer.
func New(cfg Config) (*Writer, error) {
	w := &Writer{
		now:    cfg.Now,
		pid:    cfg.PID,
		format: cfg.Format,
		times:  cfg.Time,
		limit:  cfg.QueueBytes,
		wake:   make(chan struct{}, 1),
		done:   make(chan struct{}),
		out:    output{write: appendToFile(cfg.Path), onError: cfg.OnError},
	}
	w.out.missing = &w.missing
	w.threshold.Store(uint32(cfg.Threshold))
	if cfg.PID == 0 {
		w.pid = os.Getpid()
	}
	w.fields = newFields(cfg.Format, cfg.Time, w.pid)
	if w.now == nil {
		w.now = time.Now
	}
	if w.limit <= 0 {
		w.limit = DefaultQueueBytes
	}
	if w.out.onError == nil {
		w.out.onError = printLoss
	}
	switch {
	case cfg.Path == "" && cfg.Stdout == nil:
		w.out.write = os.Stdout.Write
	case cfg.Path == "":
		w.out.write = cfg.Stdout.Write
	default:
		if _, err := w.out.write(nil); err != nil {
			return nil, fmt.Errorf("can't open the log file: %w", err)
		}
	}
	go w.run()
	return w, nil
}

func printLoss(err error) {
	fmt.Fprintf(os.Stderr, "gosentinel: log lines are being lost: %v\n", err)
}

// Threshold returns the lowest level that is written.
func (w *Writer) Threshold() Threshold { return Threshold(w.threshold.Load()) }

// SetThreshold changes the lowest level that is written.
func (w *Writer) SetThreshold(t Threshold) { w.threshold.Store(uint32(t)) }

// Enabled reports whether lines of a level are written. It lets a caller avoid
// making a text that would be discarded.
func (w *Writer) Enabled(level monitor.Level) bool { return Threshold(level) >= w.Threshold() }

// Log queues one line. Unprintable characters in text are escaped. After Close it
// does nothing.
func (w *Writer) Log(level monitor.Level, text string) { w.Record(level, text) }

// Record queues one line with attributes, which [Logfmt] and [JSON] show behind the text.
func (w *Writer) Record(level monitor.Level, text string, attrs ...slog.Attr) {
	if !w.Enabled(level) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scratch = append(w.scratch[:0], text...)
	w.put(level, attrs)
}

// Event queues the line of an event: its name and its payload, and its fields as
// attributes.
func (w *Writer) Event(e monitor.Event) {
	level := e.Level()
	if !w.Enabled(level) {
		return
	}
	var attrs []slog.Attr
	if w.fields != nil {
		attrs = e.LogValue().Group()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scratch = appendEvent(w.scratch[:0], e)
	w.put(level, attrs)
}

// appendEvent appends the text of an event. It is cut like the message that subscribers
// get, so that both are the same.
func appendEvent(dst []byte, e monitor.Event) []byte {
	dst = append(append(dst, e.Name()...), ' ')
	payload := len(dst)
	dst = e.AppendText(dst)
	return dst[:min(len(dst), payload+event.MaxText)]
}

// put queues scratch as a line. The caller holds mu.
func (w *Writer) put(level monitor.Level, attrs []slog.Attr) {
	if w.closed {
		return
	}
	// Once a line was dropped, so are all others until the queue is taken.
	// Otherwise a short line might still fit, and the gap would no longer be in
	// one place.
	if w.dropped > 0 {
		w.dropped++
		w.missing.Add(1)
		return
	}
	before := len(w.queue)
	w.queue = w.appendLine(w.queue, level, w.scratch, attrs)
	if before > 0 && len(w.queue) > w.limit {
		w.queue = w.queue[:before]
		w.dropped = 1
		w.missing.Add(1)
	}
	select {
	case w.wake <- struct{}{}:
	default: // it is already awake or about to wake
	}
}

func (w *Writer) appendLine(dst []byte, level monitor.Level, text []byte, attrs []slog.Attr) []byte {
	if w.fields != nil {
		return w.appendFields(dst, level, text, attrs)
	}
	dst = strconv.AppendInt(dst, int64(w.pid), 10)
	dst = append(dst, ":X "...)
	dst = w.times.append(dst, w.now())
	dst = append(dst, ' ', levelChar(level), ' ')
	dst = appendText(dst, text)
	return append(dst, '\n')
}

// Close writes what is queued and ends the goroutine. It returns an error if
// lines were lost at the end, or if ctx ends before everything is written. In the
// latter case the goroutine is stuck in a write that nothing can interrupt; it
// ends with that write. Close may be called again to continue waiting.
func (w *Writer) Close(ctx context.Context) error {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.wake)
	}
	w.mu.Unlock()
	select {
	case <-w.done:
	case <-ctx.Done():
		return fmt.Errorf("the end of the log is not written: %w", context.Cause(ctx))
	}
	if w.out.lost > 0 {
		return fmt.Errorf("the last %d log lines are lost: %w", w.out.lost, w.out.err)
	}
	return nil
}

// run writes until the queue is closed and empty.
func (w *Writer) run() {
	defer close(w.done)
	var batch []byte
	for range w.wake {
		for {
			if batch = w.take(batch[:0]); len(batch) == 0 {
				break
			}
			w.out.put(batch, w.report)
		}
	}
}

// take returns the queued lines, followed by a line about those that were dropped
// after them. The queue continues in the memory of free.
func (w *Writer) take(free []byte) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	batch := w.queue
	w.queue = free
	if w.dropped > 0 {
		text := fmt.Sprintf("%d log lines were dropped here: they came faster than they could be written", w.dropped)
		batch = w.appendLine(batch, monitor.LevelWarning, []byte(text), nil)
		w.dropped = 0
	}
	return batch
}

// report makes a line about the log itself.
func (w *Writer) report(text string) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.appendLine(nil, monitor.LevelWarning, []byte(text), nil)
}

// output is where lines are written to. It remembers what went wrong.
type output struct {
	write   func([]byte) (int, error)
	onError func(error)
	missing *atomic.Uint64 // counts lost lines; nil: nobody does

	lost int   // lines not written since writing last worked
	err  error // the cause
	torn bool  // the last write ended in the middle of a line
}

// put writes a batch of lines. report makes the line that reports a loss.
func (o *output) put(batch []byte, report func(string) []byte) {
	var head []byte
	if o.torn {
		// Complete the torn line, or the first one of the batch would be appended
		// to it and read as a part of it.
		head = append(head, '\n')
	}
	if o.lost > 0 {
		text := fmt.Sprintf("%d log lines were lost here: %v", o.lost, o.err)
		head = append(head, report(text)...)
	}
	data := batch
	if len(head) > 0 {
		data = append(head, batch...)
	}
	n, err := o.write(data)
	if err == nil && n < len(data) {
		err = io.ErrShortWrite
	}
	if n > 0 {
		o.torn = data[n-1] != '\n'
	}
	if n >= len(head) {
		o.lost = 0 // the report was written
	}
	if err == nil {
		o.err = nil
		return
	}
	lost := bytes.Count(data[max(n, len(head)):], []byte{'\n'})
	o.lost += lost
	if o.missing != nil {
		o.missing.Add(uint64(lost))
	}
	if o.err == nil {
		o.onError(err)
	}
	o.err = err
}

// appendToFile returns a function that opens the file, appends and closes it.
// Each call writes to the file that has the name at that moment, which makes
// rotation by renaming work.
func appendToFile(path string) func([]byte) (int, error) {
	// Without O_NONBLOCK, opening a named pipe without a reader would hang.
	const flags = os.O_APPEND | os.O_CREATE | os.O_WRONLY | syscall.O_NONBLOCK
	return func(data []byte) (n int, err error) {
		f, err := os.OpenFile(path, flags, 0o644)
		if err != nil {
			return 0, err
		}
		if len(data) > 0 {
			n, err = f.Write(data)
		}
		// Some file systems report a failed write only on close.
		return n, errors.Join(err, f.Close())
	}
}
