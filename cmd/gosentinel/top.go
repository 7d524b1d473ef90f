package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gosentinel/sentinel/internal/overview"
)

const topText = `Shows the same as gosentinel status, again and again, until q or Ctrl-C.

Keys: up and down (or k and j) scroll, t shows and hides the trees, q ends.
` + reachText

// Sequences of terminals.
const (
	otherScreen = "\x1b[?1049h\x1b[?25l" // and no cursor
	thisScreen  = "\x1b[?25h\x1b[?1049l"
	fromTheTop  = "\x1b[H"
	restOfLine  = "\x1b[K"
	restBelow   = "\x1b[J"
)

// top returns the command of that name.
func (p *program) top() *cobra.Command {
	r := &reach{}
	var every time.Duration
	c := &cobra.Command{
		Use: "top [FILE|ADDRESS...]", Short: "masters, replicas and Sentinels, live", Long: topText, Example: "  gosentinel top 10.0.0.5",
		RunE: func(_ *cobra.Command, args []string) error {
			if err := r.find(args); err != nil {
				return err
			}
			if every <= 0 {
				return errors.New("--every must be more than 0")
			}
			in, out := int(os.Stdin.Fd()), int(os.Stdout.Fd())
			if !term.IsTerminal(in) || !term.IsTerminal(out) {
				return errors.New("it needs a terminal; gosentinel status prints the same once")
			}
			before, err := term.MakeRaw(in)
			if err != nil {
				return err
			}
			defer term.Restore(in, before)
			fmt.Fprint(os.Stdout, otherScreen)
			defer fmt.Fprint(os.Stdout, thisScreen)
			return (&live{reach: r, every: every, size: func() (int, int) { w, h, _ := term.GetSize(out); return w, h }}).run()
		},
	}
	r.flags(c)
	c.Flags().Lookup("timeout").DefValue = "5s"
	r.timeout = 5 * time.Second
	c.Flags().StringVar(&r.master, "master", "", "show the master of this `NAME` only")
	c.Flags().DurationVar(&every, "every", time.Second, "ask again after this time")
	return c
}

// live is the screen of top.
type live struct {
	*reach
	every time.Duration
	size  func() (width, height int)

	now    *overview.Overview
	scroll int
	table  bool // without trees
}

// run shows and asks until a key ends it. What is asked meanwhile is not waited for.
func (l *live) run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop() // an end by a signal gives the terminal back, too
	keys := make(chan []byte)
	go readKeys(keys) // for as long as the program runs: reading a terminal cannot be interrupted
	type look struct {
		o   *overview.Overview
		err error
	}
	looks := make(chan look, 1)
	ask := func() {
		o, err := l.look()
		looks <- look{o, err}
	}
	go ask()
	again := time.NewTimer(time.Hour)
	defer again.Stop()
	redraw := time.NewTicker(time.Second) // the size may have changed
	defer redraw.Stop()
	for {
		l.draw()
		select {
		case k, open := <-keys:
			if !open || l.key(k) {
				return nil
			}
		case got := <-looks:
			if got.err != nil {
				return nil // a signal
			}
			l.now = got.o
			again.Reset(l.every)
		case <-again.C:
			go ask()
		case <-redraw.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func readKeys(keys chan<- []byte) {
	defer close(keys)
	buf := make([]byte, 64)
	for {
		n, err := os.Stdin.Read(buf)
		if err != nil {
			return
		}
		keys <- bytes.Clone(buf[:n])
	}
}

// key does what a key means, and reports whether it ends the program.
func (l *live) key(k []byte) (end bool) {
	switch string(k) {
	case "q", "Q", "\x03", "\x1b":
		return true
	case "j", "\x1b[B", "\x1bOB":
		l.scroll++
	case "k", "\x1b[A", "\x1bOA":
		l.scroll--
	case " ", "\x1b[6~":
		_, h := l.size()
		l.scroll += h / 2
	case "\x1b[5~":
		_, h := l.size()
		l.scroll -= h / 2
	case "t":
		l.table = !l.table
	}
	return false
}

func (l *live) draw() {
	width, height := l.size()
	os.Stdout.WriteString(l.screen(width, height))
}

// screen is what fits on a screen.
func (l *live) screen(width, height int) string {
	var text strings.Builder
	head := "gosentinel top: asking ..."
	if l.now != nil {
		head = fmt.Sprintf("gosentinel top  %s  every %v  q ends, t trees, up and down scroll", l.now.At.Format("15:04:05"), l.every)
		_ = show(&text, l.now, true, !l.table) // into memory
	}
	lines := strings.Split(strings.TrimRight(text.String(), "\n"), "\n")
	rows := max(1, height-1)
	l.scroll = max(0, min(l.scroll, len(lines)-rows))
	lines = append([]string{head}, lines[l.scroll:min(len(lines), l.scroll+rows)]...)
	var b strings.Builder
	b.WriteString(fromTheTop)
	for k, line := range lines {
		if k > 0 {
			b.WriteString("\r\n")
		}
		if r := []rune(line); width > 0 && len(r) > width {
			line = string(r[:width])
		}
		b.WriteString(line + restOfLine)
	}
	b.WriteString(restBelow)
	return b.String()
}
