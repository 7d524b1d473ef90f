package logfile

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

// hanging is a handler that waits until it is released.
type hanging struct {
	release chan struct{}
	handled *[]string
}

func (h hanging) Enabled(_ context.Context, l slog.Level) bool { return l > slog.LevelDebug }
func (h hanging) WithAttrs([]slog.Attr) slog.Handler           { return h }
func (h hanging) WithGroup(string) slog.Handler                { return h }

func (h hanging) Handle(_ context.Context, r slog.Record) error {
	<-h.release
	*h.handled = append(*h.handled, r.Message)
	return nil
}

// TestSlogHandlerThatHangs: a handler of the embedding program holds up neither those who
// log nor the end, what waits for it has a bound, and what is dropped is told.
func TestSlogHandlerThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hanging{make(chan struct{}), new([]string)}
		log := Slog(slog.New(h))
		begun := time.Now()
		log.Log(monitor.LevelVerbose, "too detailed")
		log.Event(event.Tilt{Entered: true})
		synctest.Wait() // the handler has it, and hangs
		for range 3000 {
			log.Log(monitor.LevelNotice, strings.Repeat("x", 1000))
		}
		log.Close()
		log.Log(monitor.LevelNotice, "after the end")
		if took := time.Since(begun); took != logFlushTimeout {
			t.Errorf("it took %v", took)
		}
		close(h.release)
		synctest.Wait()
		log.Close()
		got := *h.handled
		if n := len(got); n < 500 || n > 1100 || got[0] != "+tilt #tilt mode entered" || !strings.HasSuffix(got[n-1], "they came faster than the handler took them") || got[1][0] != 'x' {
			t.Errorf("%d lines: %.20q ... %q", n, got[0], got[n-1])
		}
	})
}
