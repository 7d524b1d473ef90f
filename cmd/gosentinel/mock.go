package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/gosentinel/sentinel/internal/mock"
)

const mockUsage = `Usage: gosentinel mock -script NAME|FILE [-host IP] [-v] [-keep]
                       [-tls-cert-file FILE -tls-key-file FILE] [-- CLIENT ARG...]
       gosentinel mock -list [-json]
       gosentinel mock -show NAME
       gosentinel mock -check FILE...

Plays Sentinels and servers that misbehave, for the tests of client libraries.
The first line of the output is JSON and says where they listen; the last one is
JSON too and has the verdict. With a CLIENT, that program is started with the
first line in MOCK and the addresses in MOCK_SENTINELS, and ended with the script.

While it runs, lines on standard input are carried out: next, or a line of a
script such as "failover b". Any connection to one of the Sentinels can do the
same with MOCK NEXT and MOCK DO.

Status: 0 the client passed, 1 it did not, 2 wrong usage or a wrong script.

`

// Status of the command mock.
const (
	mockPassed = 0
	mockFailed = 1
	mockWrong  = 2
)

// mockCommand is what the command of that name was told.
type mockCommand struct {
	script, host, cert, key, show string
	verbose, keep, list           bool
	json, check                   bool
}

func (c *mockCommand) flags() *flag.FlagSet {
	flags := flag.NewFlagSet("mock", flag.ContinueOnError)
	flags.StringVar(&c.script, "script", "", "play this script: a `NAME` of the collection, or a file")
	flags.StringVar(&c.host, "host", "127.0.0.1", "listen on this `IP` address, and tell it to clients")
	flags.StringVar(&c.cert, "tls-cert-file", "", "take connections with TLS only; `FILE` has the certificate of all nodes")
	flags.StringVar(&c.key, "tls-key-file", "", "`FILE` with its key")
	flags.BoolVar(&c.verbose, "v", false, "print each step, and each command of the client, to standard error")
	flags.BoolVar(&c.keep, "keep", false, "go on answering after the verdict, until a signal")
	flags.BoolVar(&c.list, "list", false, "list the collection")
	flags.BoolVar(&c.json, "json", false, "with -list: as JSON")
	flags.StringVar(&c.show, "show", "", "print the script of this `NAME`")
	flags.BoolVar(&c.check, "check", false, "look for mistakes in the files that follow, and play nothing")
	return flags
}

// mock is the command of that name.
func (p *program) mock(args []string) int {
	c := &mockCommand{}
	flags := c.flags()
	flags.SetOutput(p.stderr)
	flags.Usage = func() {
		fmt.Fprint(p.stderr, mockUsage)
		flags.PrintDefaults()
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return mockPassed
	case err != nil:
		return mockWrong
	}
	switch {
	case c.list && flags.NArg() == 0:
		return p.listMocks(c.json)
	case c.show != "":
		text, err := mock.Source(c.show)
		if err != nil {
			return p.mockError(err)
		}
		_, err = p.stdout.Write(text)
		return p.mockError(err)
	case c.check && flags.NArg() > 0:
		return p.checkMocks(flags.Args())
	case c.script == "":
		flags.Usage()
		return mockWrong
	}
	o := mock.Options{Host: c.host, Trace: c.verbose}
	if c.cert != "" || c.key != "" {
		pair, err := tls.LoadX509KeyPair(c.cert, c.key)
		if err != nil {
			return p.mockError(fmt.Errorf("mock: TLS needs -tls-cert-file and -tls-key-file: %w", err))
		}
		o.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	return p.playMock(c.script, o, c.verbose, c.keep, flags.Args())
}

// mockError reports an error, if there is one, and returns the status.
func (p *program) mockError(err error) int {
	if err == nil {
		return mockPassed
	}
	fmt.Fprintln(p.stderr, err)
	return mockWrong
}

func (p *program) listMocks(asJSON bool) int {
	type entry struct {
		Name     string        `json:"name"`
		Title    string        `json:"title"`
		Workload mock.Workload `json:"workload"`
		Mistake  string        `json:"mistake,omitempty"`
		Right    string        `json:"right"`
	}
	var all []entry
	for _, name := range mock.Names() {
		s, err := mock.Load(name)
		if err != nil {
			return p.mockError(err)
		}
		all = append(all, entry{name, s.Title, s.Workload, s.Mistake, s.Right})
	}
	if asJSON {
		e := json.NewEncoder(p.stdout)
		e.SetIndent("", "  ")
		return p.mockError(e.Encode(all))
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, mistakes := range []bool{true, false} {
		fmt.Fprintln(w, map[bool]string{true: "The mistakes that clients make:", false: "\nWhat else they have to bear:"}[mistakes])
		for _, e := range all {
			if (e.Mistake != "") == mistakes {
				fmt.Fprintf(w, "  %s\t%s\n", e.Name, e.Title)
			}
		}
	}
	return p.mockError(w.Flush())
}

func (p *program) checkMocks(files []string) int {
	status := mockPassed
	for _, file := range files {
		if _, err := mock.Load(file); err != nil {
			status = p.mockError(err)
			continue
		}
		fmt.Fprintf(p.stdout, "%s: OK\n", file)
	}
	return status
}

// playMock plays a script until there is a verdict or a signal.
func (p *program) playMock(name string, o mock.Options, verbose, keep bool, client []string) int {
	s, err := mock.Load(name)
	if err != nil {
		return p.mockError(err)
	}
	p.stderr = &serialWriter{to: p.stderr}
	if verbose {
		o.Log = func(line string) { fmt.Fprintln(p.stderr, line) }
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	m, err := mock.Start(s, o)
	if err != nil {
		return p.mockError(err)
	}
	defer m.Close()
	first, err := json.Marshal(m.Announcement())
	if err == nil {
		_, err = fmt.Fprintf(p.stdout, "%s\n", first)
	}
	if err != nil {
		return p.mockError(err)
	}
	if len(client) > 0 {
		end, err := p.startClient(m, client, string(first))
		if err != nil {
			return p.mockError(err)
		}
		defer end()
	} else {
		go p.steer(m) // for as long as the program runs: reading cannot be interrupted
	}
	select {
	case <-m.Done():
	case <-ctx.Done():
		m.Close()
	}
	v := m.Verdict()
	if err := p.sayVerdict(v); err != nil {
		return p.mockError(err)
	}
	if keep {
		<-ctx.Done()
	}
	if v.Result == mock.Pass || v.Result == mock.Unfinished && !s.Judges() {
		return mockPassed
	}
	return mockFailed
}

// sayVerdict prints the verdict for programs, and a failure for people too.
func (p *program) sayVerdict(v mock.Verdict) error {
	if v.Result == mock.Fail {
		at := v.Script
		if v.Line > 0 {
			at += fmt.Sprintf(":%d", v.Line)
		}
		fmt.Fprintf(p.stderr, "%s: %s\n", at, v.Reason)
		if v.Mistake != "" {
			fmt.Fprintf(p.stderr, "The mistake: %s\n", v.Mistake)
		}
		fmt.Fprintf(p.stderr, "A right client: %s\n", v.Right)
	}
	last, err := json.Marshal(v)
	if err == nil {
		_, err = fmt.Fprintf(p.stdout, "%s\n", last)
	}
	return err
}

// serialWriter lets the script, who steers it, and the client write to one place.
type serialWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *serialWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(b)
}

// steer does what lines on standard input say.
func (p *program) steer(m *mock.Mock) {
	lines := bufio.NewScanner(p.stdin)
	for lines.Scan() {
		switch line := strings.TrimSpace(lines.Text()); line {
		case "":
		case "next":
			m.Next()
		default:
			if err := m.Do(line); err != nil {
				fmt.Fprintln(p.stderr, err)
			}
		}
	}
}

// clientGrace is how long a client may take to end when it is asked to.
const clientGrace = 2 * time.Second

// startClient starts the program under test. end ends it.
func (p *program) startClient(m *mock.Mock, command []string, announcement string) (end func(), err error) {
	var sentinels []string
	a := m.Announcement()
	for _, s := range a.Sentinels {
		sentinels = append(sentinels, s.Addr)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	// Standard output has the two lines for programs and nothing else.
	c.Stdout, c.Stderr = p.stderr, p.stderr
	c.Env = append(os.Environ(), "MOCK="+announcement, "MOCK_SENTINELS="+strings.Join(sentinels, ","), "MOCK_MASTER="+a.Master)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) } // where that is not possible, WaitDelay kills it
	c.WaitDelay = clientGrace
	if err := c.Start(); err != nil {
		cancel()
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Wait() // how it ended is in ProcessState
		m.ClientEnded(c.ProcessState.String())
	}()
	return func() {
		cancel()
		<-ended
	}, nil
}
