package ecosystem

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// Debian's Python sees Debian's python3-redis; another one in PATH does not.
const python = "/usr/bin/python3"

// pyAddr is an address as redis-py gives it, a pair of name and port.
type pyAddr struct {
	host string
	port int
}

func (a *pyAddr) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&a.host, &a.port})
}

// look is what the client sees.
type look struct {
	Ping   bool
	Value  string
	Master pyAddr
	Slaves []pyAddr
}

func (z *zato) python(args ...string) *exec.Cmd {
	script := filepath.Join("testdata", "zato", "client.py")
	return exec.CommandContext(z.ctx, python, append([]string{script}, args...)...)
}

// look lets the client connect anew and, if value is not empty, set it.
func (z *zato) look(value string) look {
	z.Helper()
	var said, complained bytes.Buffer
	cmd := z.python("check", z.sentinelList(), "zato:value", value)
	cmd.Stdout, cmd.Stderr = &said, &complained
	if err := cmd.Run(); err != nil {
		z.Fatalf("the Python client (does it have python3-redis? `make deps` installs it): %v\n%s", err, complained.Bytes())
	}
	var l look
	z.must(json.Unmarshal(said.Bytes(), &l))
	return l
}

// writer is the client that writes 20 times a second.
type writer struct {
	key   string
	cmd   *exec.Cmd
	stdin io.Closer
	// Read only after the end.
	said, complained bytes.Buffer
}

// call is one write. At is in seconds since 1970, Took in seconds.
type call struct {
	Number   int
	At, Took float64
	Error    string // class of the exception, "" for success
	Text     string
}

func (c call) begin() time.Time {
	sec, frac := math.Modf(c.At)
	return time.Unix(int64(sec), int64(frac*1e9))
}

// startWriter returns when master has so many writes.
func (z *zato) startWriter(key string, master *cluster.Server) *writer {
	z.Helper()
	w := &writer{key: key, cmd: z.python("write", z.sentinelList(), key)}
	w.cmd.Stdout, w.cmd.Stderr = &w.said, &w.complained
	var err error
	w.stdin, err = w.cmd.StdinPipe()
	z.must(err)
	z.must(w.cmd.Start())
	// A second Wait, after finish, returns an error and does nothing.
	z.Cleanup(func() { _ = w.stdin.Close(); _ = w.cmd.Wait() })
	z.waitWrites(w, master, 20)
	return w
}

// waitWrites returns when so many more writes have arrived at the master.
func (z *zato) waitWrites(w *writer, master *cluster.Server, more int64) {
	z.Helper()
	first := int64(-1)
	z.until(fmt.Sprintf("%d more writes on %s", more, master.Name()), func(ctx context.Context) (string, bool) {
		n, err := master.Client().LLen(ctx, w.key).Result()
		if err == nil && first < 0 {
			first = n
		}
		return fmt.Sprint(n, err), err == nil && n >= first+more
	})
}

// finish ends the writer and returns its calls.
func (z *zato) finish(w *writer) (calls []call) {
	z.Helper()
	z.must(w.stdin.Close())
	if err := w.cmd.Wait(); err != nil {
		z.Fatalf("the writer: %v\n%s", err, w.complained.Bytes())
	}
	for in := json.NewDecoder(&w.said); ; {
		var c call
		err := in.Decode(&c)
		if err == io.EOF {
			return calls
		}
		z.must(err)
		calls = append(calls, c)
	}
}

// outcome is what became of a writer's calls.
type outcome struct {
	accepted int
	rejected []call
	lost     int // accepted, and not on the master in the end
}

func (z *zato) outcome(w *writer, master *cluster.Server) outcome {
	z.Helper()
	calls := z.finish(w)
	kept := map[string]bool{}
	list, err := master.Client().LRange(z.ctx, w.key, 0, -1).Result()
	z.must(err)
	for _, number := range list {
		kept[number] = true
	}
	var o outcome
	for _, c := range calls {
		switch {
		case c.Error != "":
			o.rejected = append(o.rejected, c)
		case !kept[strconv.Itoa(c.Number)]:
			o.lost++
			fallthrough
		default:
			o.accepted++
		}
		if !slices.Contains([]string{"", "ConnectionError", "TimeoutError", notFound}, c.Error) {
			z.Errorf("write %d: %s: %s", c.Number, c.Error, c.Text)
		}
	}
	return o
}

// notFound is raised when no Sentinel names a master that is up.
const notFound = "MasterNotFoundError"

// String tells how many calls were rejected, for how long and why.
func (o outcome) String() string {
	if len(o.rejected) == 0 {
		return fmt.Sprintf("0 of %d", o.accepted)
	}
	first, last := o.rejected[0], o.rejected[len(o.rejected)-1]
	reasons := map[string]int{}
	var order []string
	for _, c := range o.rejected {
		why := c.Error
		switch {
		case strings.Contains(c.Text, "Error 111"):
			why = "Error 111"
		case strings.Contains(c.Text, "closed"), strings.Contains(c.Text, "Error 104"):
			why = "closed"
		}
		if reasons[why] == 0 {
			order = append(order, why)
		}
		reasons[why]++
	}
	for i, why := range order {
		order[i] = fmt.Sprintf("%d %s", reasons[why], why)
	}
	return fmt.Sprintf("%d of %d over %.2f s (%s)", len(o.rejected), len(o.rejected)+o.accepted,
		last.At+last.Took-first.At, strings.Join(order, ", "))
}
