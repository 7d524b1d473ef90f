package logfile

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/monitor"
)

// Slog returns the log of an embedded Sentinel: it goes to logger, whose own
// configuration decides which levels are written. A nil logger discards
// everything.
//
// The handler is called by one goroutine, which Close ends. One that hangs holds up
// nobody else: lines wait for it, up to DefaultQueueBytes, and then are dropped.
func Slog(logger *slog.Logger) Log {
	l := Log{Level: func() string { return "notice" }, SetLevel: func(string) {}, Missing: func() uint64 { return 0 }, Close: func() {}}
	if logger == nil {
		l.Sink = slogSink{handler: slog.DiscardHandler}
		return l
	}
	q := &slogQueue{handler: logger.Handler(), wake: make(chan struct{}, 1), done: make(chan struct{})}
	go q.run()
	l.Sink, l.Close = slogSink{q.handler, q}, q.close
	return l
}

type slogSink struct {
	handler slog.Handler
	queue   *slogQueue
}

func (s slogSink) Log(level monitor.Level, text string) { s.Record(level, text) }

func (s slogSink) Record(level monitor.Level, text string, attrs ...slog.Attr) {
	if l := slogLevel(level); s.handler.Enabled(context.Background(), l) {
		r := slog.NewRecord(time.Now(), l, text, 0)
		r.AddAttrs(attrs...)
		s.queue.put(r, len(text))
	}
}

func (s slogSink) Event(ev monitor.Event) {
	if s.handler.Enabled(context.Background(), slogLevel(ev.Level())) {
		s.Record(ev.Level(), string(appendEvent(nil, ev)), ev.LogValue().Group()...)
	}
}

func slogLevel(level monitor.Level) slog.Level {
	switch level {
	case monitor.LevelDebug, monitor.LevelVerbose:
		return slog.LevelDebug
	case monitor.LevelNotice:
		return slog.LevelInfo
	default:
		return slog.LevelWarn
	}
}

// slogQueue holds the records that the handler has not taken yet.
type slogQueue struct {
	handler slog.Handler
	wake    chan struct{} // holds one token when there may be something to hand on
	done    chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	records []slog.Record
	bytes   int
	dropped int // since the last take
	closed  bool
}

// recordBytes is about what a record takes besides its text.
const recordBytes = 600

func (q *slogQueue) put(r slog.Record, text int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return
	case q.dropped > 0 || q.bytes > 0 && q.bytes+text+recordBytes > DefaultQueueBytes:
		q.dropped++
		return
	}
	q.records, q.bytes = append(q.records, r), q.bytes+text+recordBytes
	select {
	case q.wake <- struct{}{}:
	default: // it is already awake or about to wake
	}
}

// run hands records on until the queue is closed and empty.
func (q *slogQueue) run() {
	defer close(q.done)
	for range q.wake {
		for {
			batch := q.take()
			if len(batch) == 0 {
				break
			}
			for _, r := range batch {
				_ = q.handler.Handle(context.Background(), r) // as [slog.Logger] does
			}
		}
	}
}

// take returns the records that wait, followed by one about those that were dropped
// after them.
func (q *slogQueue) take() []slog.Record {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch := q.records
	if q.dropped > 0 {
		batch = append(batch, slog.NewRecord(time.Now(), slog.LevelWarn, fmt.Sprintf("%d log lines were dropped here: they came faster than the handler took them", q.dropped), 0))
	}
	q.records, q.bytes, q.dropped = nil, 0, 0
	return batch
}

// close waits for the handler, which is left behind if it hangs.
func (q *slogQueue) close() {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.wake)
	}
	q.mu.Unlock()
	timer := time.NewTimer(logFlushTimeout)
	defer timer.Stop()
	select {
	case <-q.done:
	case <-timer.C:
	}
}
