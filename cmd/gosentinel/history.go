package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/internal/doctor"
	"github.com/gosentinel/sentinel/journal"
)

const historyUsage = `Usage: gosentinel history FILE|ADDRESS [MASTER] [--json] [-n COUNT]
                         [-user NAME] [-tls] [-cacert FILE]

Says why and how the last failovers happened, oldest first. FILE is the journal of a
Sentinel, whose name ends in .failovers, or the file beside which it is kept: a
sentinel.conf, or the state-file. ADDRESS is host:port of a Sentinel that is running.
With a MASTER, only its failovers are told. The password for ADDRESS is taken from
the environment variable REDISCLI_AUTH.

`

// Bounds of what is read from an address.
const (
	historyPatience = 10 * time.Second
	historyBulk     = 64 << 20
	historyValues   = 1 << 20
	historyMost     = 1000 // reports about one master that a Sentinel tells at once
)

// history is what the command of that name was told.
type history struct {
	place, master string
	count         int
	json          bool
	user          string
	tls           bool
	cacert        string
}

// history is the command of that name. It returns the exit status.
func (p *program) history(args []string) int {
	h, err := p.parseHistory(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return p.badUsage(&usageError{err.Error()})
	}
	c, err := h.read()
	if err == nil {
		err = h.print(p.stdout, c)
	}
	if err != nil {
		fmt.Fprintln(p.stderr, "gosentinel: "+oneLine(err.Error()))
		return 1
	}
	if c.Unreadable > 0 {
		fmt.Fprintf(p.stderr, "gosentinel: records that are damaged and left out: %d\n", c.Unreadable)
	}
	if c.Torn {
		fmt.Fprintln(p.stderr, "gosentinel: the last record is not whole and left out: the Sentinel ended, or is writing, in the middle of it")
	}
	return 0
}

func (h *history) flags() *flag.FlagSet {
	flags := flag.NewFlagSet("history", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&h.json, "json", false, "print JSON, one report to a line")
	flags.IntVar(&h.count, "n", 0, "tell the last `COUNT` only; 0: all")
	flags.StringVar(&h.user, "user", "", "log in as this user")
	flags.BoolVar(&h.tls, "tls", false, "connect with TLS")
	flags.StringVar(&h.cacert, "cacert", "", "with -tls: `FILE` with the authorities to trust, in place of those of the system")
	return flags
}

// parseHistory takes flags before and behind the words.
func (p *program) parseHistory(args []string) (*history, error) {
	h := &history{}
	flags := h.flags()
	var words []string
	for {
		err := flags.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(p.stderr, historyUsage)
			flags.SetOutput(p.stderr)
			flags.PrintDefaults()
		}
		if err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			break
		}
		words, args = append(words, flags.Arg(0)), flags.Args()[1:]
	}
	switch {
	case len(words) == 0 || len(words) > 2:
		return nil, errors.New("history takes a file or an address, and at most the name of a master")
	case h.count < 0:
		return nil, errors.New("-n must not be negative")
	}
	h.place = words[0]
	if len(words) == 2 {
		h.master = words[1]
	}
	return h, nil
}

// read returns the reports in order.
func (h *history) read() (c journal.Contents, err error) {
	_, err = os.Stat(h.place)
	_, port, notAddr := net.SplitHostPort(h.place)
	switch {
	case err == nil:
		c, err = readJournal(h.place)
	case notAddr == nil && port != "":
		c.Reports, err = h.ask()
	default:
		return c, fmt.Errorf("%s is no file, and no address either: write host:port of a Sentinel", h.place)
	}
	if err != nil {
		return c, err
	}
	c.Reports = slices.DeleteFunc(c.Reports, func(r journal.Report) bool { return h.master != "" && r.Master != h.master })
	slices.SortStableFunc(c.Reports, func(a, b journal.Report) int { return cmp.Compare(a.ID, b.ID) })
	if h.count > 0 && len(c.Reports) > h.count {
		c.Reports = c.Reports[len(c.Reports)-h.count:]
	}
	return c, nil
}

// readJournal reads a journal, or the one that is kept beside a file.
func readJournal(path string) (journal.Contents, error) {
	c, err := journal.Read(path)
	if !errors.Is(err, journal.ErrNoJournal) {
		return c, err
	}
	beside, second := journal.Read(path + ".failovers")
	if errors.Is(second, fs.ErrNotExist) {
		return c, fmt.Errorf("%w, and there is none beside it (%s.failovers): no failover has happened, or state-file names another place", err, path)
	}
	return beside, second
}

// print writes the reports.
func (h *history) print(w io.Writer, c journal.Contents) error {
	out := bufio.NewWriter(w)
	if h.json {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		for _, r := range c.Reports {
			if err := enc.Encode(r); err != nil {
				return err
			}
		}
		return out.Flush()
	}
	if len(c.Reports) == 0 {
		fmt.Fprintln(out, "No failover is in the journal.")
	}
	for _, r := range c.Reports {
		fmt.Fprintln(out, r.Begun.Local().Format("2006-01-02 15:04:05.000 MST")+"  "+oneLine(r.String()))
		for _, n := range r.Notes {
			fmt.Fprintln(out, "    "+n.At.Local().Format("15:04:05.000")+"  "+oneLine(n.Text))
		}
	}
	return out.Flush()
}

// oneLine keeps what a server has said from writing to the terminal as it likes.
func oneLine(text string) string {
	return strings.ReplaceAll(doctor.Printable(text), "\n", " ")
}

// ask gets the reports from a Sentinel that is running.
func (h *history) ask() ([]journal.Report, error) {
	ctx, cancel := context.WithTimeout(context.Background(), historyPatience)
	defer cancel()
	conn, err := h.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	q := &questions{conn: conn, in: bufio.NewReader(conn), left: historyValues}
	if pass := os.Getenv("REDISCLI_AUTH"); pass != "" {
		login := []string{"AUTH", pass}
		if h.user != "" {
			login = []string{"AUTH", h.user, pass}
		}
		if _, err := q.do(login...); err != nil {
			return nil, fmt.Errorf("%s: %w", h.place, err)
		}
	}
	masters := []string{h.master}
	if h.master == "" {
		role, err := q.do("ROLE")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", h.place, err)
		}
		if len(role) < 1 || role[0] != "sentinel" {
			return nil, fmt.Errorf("%s is no Sentinel", h.place)
		}
		masters = role[1:]
	}
	var reports []journal.Report
	for _, m := range masters {
		list, err := q.do("SENTINEL", "FAILOVERS", m, strconv.Itoa(historyMost), "JSON")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", h.place, err)
		}
		for _, text := range list {
			var r journal.Report
			if err := json.Unmarshal([]byte(text), &r); err != nil {
				return nil, fmt.Errorf("%s: %w", h.place, err)
			}
			reports = append(reports, r)
		}
	}
	return reports, nil
}

func (h *history) dial(ctx context.Context) (net.Conn, error) {
	if !h.tls {
		return new(net.Dialer).DialContext(ctx, "tcp", h.place)
	}
	cfg := &tls.Config{}
	if h.cacert != "" {
		text, err := os.ReadFile(h.cacert)
		if err != nil {
			return nil, err
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s has no certificate", h.cacert)
		}
	}
	d := tls.Dialer{Config: cfg}
	return d.DialContext(ctx, "tcp", h.place)
}

// questions asks a server and reads its answers, flat: lists in lists become one.
type questions struct {
	conn net.Conn
	in   *bufio.Reader
	left int // values that may still come
}

func (q *questions) do(words ...string) ([]string, error) {
	text := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, w := range words {
		text = fmt.Appendf(text, "$%d\r\n%s\r\n", len(w), w)
	}
	if _, err := q.conn.Write(text); err != nil {
		return nil, err
	}
	return q.value(nil, 0)
}

var errNoRESP = errors.New("the answer is none of a Redis server or Sentinel")

func (q *questions) value(list []string, depth int) ([]string, error) {
	line, err := q.in.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	if q.left--; q.left < 0 || len(line) < 3 || depth > 4 {
		return nil, errNoRESP
	}
	head, rest := line[0], string(line[1:len(line)-2])
	n, notNumber := strconv.Atoi(rest)
	switch {
	case head == '-':
		return nil, errors.New(rest)
	case head == '+' || head == ':':
		return append(list, rest), nil
	case notNumber != nil:
		return nil, errNoRESP
	case head == '$' && n >= 0 && n <= historyBulk:
		text := make([]byte, n+2)
		if _, err := io.ReadFull(q.in, text); err != nil {
			return nil, err
		}
		return append(list, string(text[:n])), nil
	case head == '*' && n <= q.left:
		for range n {
			if list, err = q.value(list, depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	case n < 0:
		return append(list, ""), nil
	}
	return nil, errNoRESP
}
