package ecosystem

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// counter is a program that increments a key again and again with a client library.
//
// It is told by its environment: SENTINELS (a list of addresses), MASTER (a name), KEY,
// EVERY (seconds between two calls), and where there are such PASSWORD, SENTINEL_PASSWORD
// and CA (a file; it means TLS). It says "version" and the release, and after each call
// "ok" and the reply, or "error" and why. The time of a line is when it is read.
type counter struct {
	name       string
	cmd        *exec.Cmd
	complained bytes.Buffer  // read only after read is closed
	read       chan struct{} // closed when all it said was read

	mu      sync.Mutex
	version string
	calls   []attempt
}

// attempt is a call that a counter has made.
type attempt struct {
	at  time.Time
	n   int64  // what INCR said
	err string // or why not
}

func startCounter(t *testing.T, name string, argv, environ []string) *counter {
	t.Helper()
	c := &counter{name: name, cmd: exec.Command(argv[0], argv[1:]...), read: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), environ...)
	c.cmd.Stderr = &c.complained
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatalf("%s: %v (make ecosystem installs what is needed)", name, err)
	}
	go c.listen(out)
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill() // it may have ended
		<-c.read
		if t.Failed() && c.complained.Len() > 0 {
			t.Logf("%s complained:\n%.2000s", name, c.complained.Bytes())
		}
	})
	return c
}

func (c *counter) listen(out io.Reader) {
	defer close(c.read)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		now := time.Now()
		word, rest, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		c.mu.Lock()
		switch n, err := strconv.ParseInt(rest, 10, 64); {
		case word == "version":
			c.version = rest
		case word == "ok" && err == nil:
			c.calls = append(c.calls, attempt{at: now, n: n})
		default:
			// redis-cli over TLS says nothing when a server closes the connection.
			c.calls = append(c.calls, attempt{at: now, err: cmp.Or(rest, "an error without words")})
		}
		c.mu.Unlock()
	}
	_ = c.cmd.Wait() // it is killed in the end
}

func (c *counter) release() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.version
}

// since returns its calls from a moment on.
func (c *counter) since(t time.Time) []attempt {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, _ := slices.BinarySearchFunc(c.calls, t, func(a attempt, t time.Time) int { return a.at.Compare(t) })
	return slices.Clone(c.calls[i:])
}

// counts reports whether it has counted up to so many since a moment, and what it did.
func (c *counter) counts(since time.Time, times int) (state string, ok bool) {
	n, last := 0, ""
	for _, a := range c.since(since) {
		if last = a.err; a.err == "" {
			n++
		}
	}
	return fmt.Sprintf("%s: %d, %s", c.name, n, last), n >= times
}

// outage is what a counter met when something happened to the master.
type outage struct {
	gap    time.Duration // between two acknowledged writes
	failed int           // calls
	lost   int64         // acknowledged writes that the new master does not have, at the least
	fell   string        // the replies by which that is known
	errors []string      // each once
}

// outage looks at the calls around a moment. The last call before it and all that came
// later belong to it.
func (c *counter) outage(at time.Time) (o outage) {
	var last attempt
	highest := int64(0)
	for _, a := range c.since(time.Time{}) {
		switch {
		case a.err != "":
			if a.at.After(at) {
				o.failed++
				if !slices.Contains(o.errors, a.err) {
					o.errors = append(o.errors, a.err)
				}
			}
			continue
		case a.at.After(at):
			o.gap = max(o.gap, a.at.Sub(last.at))
			if missing := highest - a.n + 1; a.n <= last.n && missing > o.lost {
				o.lost, o.fell = missing, fmt.Sprintf("%d at %s after %d at %s and %d", a.n, clock(a.at), last.n, clock(last.at), highest)
			}
		}
		last, highest = a, max(highest, a.n)
	}
	return o
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05.000") }
