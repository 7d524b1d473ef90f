package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// screen writes lines from several goroutines, in colour on a terminal.
type screen struct {
	mu     sync.Mutex
	w      io.Writer
	colour bool
}

func newScreen(w io.Writer) *screen {
	return &screen{w: w, colour: isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// isTerminal reports whether w is a character device. So is /dev/null, where
// colour does no harm.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

// style holds SGR parameters; plain has none.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "1;31"
	green  style = "1;32"
	yellow style = "33"
	cyan   style = "36"
)

// paint returns text in a style, or text itself when there is no colour.
func (s *screen) paint(st style, text string) string {
	if !s.colour || st == plain || text == "" {
		return text
	}
	return "\x1b[" + string(st) + "m" + text + "\x1b[0m"
}

// line writes one line. Errors, such as a closed pipe, are ignored: the processes
// must still be ended in order.
func (s *screen) line(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := strings.TrimRight(fmt.Sprintf(format, args...), " ")
	_, _ = fmt.Fprintln(s.w, text)
}

// chapter begins a new chapter.
func (s *screen) chapter(n int, title string) {
	s.line("")
	s.line("%s", s.paint(bold, fmt.Sprintf("%d  %s", n, title)))
}
