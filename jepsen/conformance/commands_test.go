package conformance

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// mode is a way to send the lines of a group.
type mode struct {
	name     string
	resp3    bool
	inline   bool // as text, not as multibulk
	pipeline bool // all lines at once
}

var modes = []mode{
	{name: "RESP2"},
	{name: "RESP3", resp3: true},
	{name: "inline", inline: true},
	{name: "pipeline", pipeline: true},
}

// testCommands sends every line to both sides in every mode.
func testCommands(t *testing.T, p pair) {
	p.each(t, func(s *side) error { return s.addScript() })
	for _, g := range groups() {
		t.Run(strings.ReplaceAll(g.name, " ", "-"), func(t *testing.T) {
			for _, m := range modes {
				if (g.raw && m.name != "RESP2") || (m.pipeline && (g.ends || g.controlled())) {
					continue
				}
				var got [2][]string
				p.each(t, func(s *side) (err error) {
					got[s.index()], err = s.play(t.Context(), g, m)
					return err
				})
				for i, line := range g.lines {
					if !strings.HasPrefix(line, "{") {
						compare(t, fmt.Sprintf("%s, %s: %.200q", g.name, m.name, line), line, got[0][i], got[1][i])
					}
				}
			}
		})
	}
}

// compare demands that ours is what stock has become by the differences on
// purpose.
func compare(t *testing.T, where, line, stock, ours string) {
	t.Helper()
	if want, got := expected(line, stock, ours); want != got {
		at := 0
		for at < len(want) && at < len(got) && want[at] == got[at] {
			at++
		}
		t.Errorf("%s\n stock %s\n want  %s\n ours  %s", where, clip(stock, 0), clip(want, at), clip(got, at))
	}
}

// clip shows the surroundings of a place in a long text.
func clip(text string, at int) string {
	const before, behind = 300, 1200
	head, tail := "", ""
	if at > before && at <= len(text) {
		head, text = "...", text[at-before:]
	}
	if len(text) > before+behind {
		text, tail = text[:before+behind], "..."
	}
	return head + text + tail
}

// index is the place of the side in a pair.
func (s *side) index() int {
	if s.name == "stock" {
		return 0
	}
	return 1
}

// controlled reports whether the test has to do something between the lines.
func (g group) controlled() bool {
	for _, line := range g.lines {
		if strings.HasPrefix(line, "{") || strings.Contains(line, "{client") {
			return true
		}
	}
	return false
}

func (s *side) target(g group) *cluster.Sentinel {
	switch g.on {
	case "locked":
		return s.locked
	case "users":
		return s.users
	case "renamed":
		return s.renamed
	}
	return s.subject
}

// play sends the lines of a group and returns what came back for each.
func (s *side) play(ctx context.Context, g group, m mode) ([]string, error) {
	if g.raw {
		return s.playRaw(g)
	}
	if m.pipeline {
		return s.playAtOnce(g, m)
	}
	var c *conn
	var got []string
	defer func() {
		if c != nil {
			c.nc.Close()
		}
	}()
	for _, line := range g.lines {
		if strings.HasPrefix(line, "{") {
			if err := s.control(ctx, line); err != nil {
				return nil, err
			}
			got = append(got, "")
			continue
		}
		if c == nil || c.closed {
			var err error
			if c, err = s.open(g, m); err != nil {
				return nil, err
			}
		}
		reply, err := c.exchange(s.encode(c, line, m))
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		got = append(got, s.show(line, reply))
	}
	return got, nil
}

// open dials and selects the protocol. A connection that has to log in first
// cannot say HELLO 3 without doing that, so those groups speak RESP2 until
// their lines change it.
func (s *side) open(g group, m mode) (*conn, error) {
	c, err := dial(s.target(g).Addr())
	if err == nil && m.resp3 && g.on != "locked" {
		_, err = c.exchange([]byte("HELLO 3\r\n"))
	}
	return c, err
}

// encode makes the bytes of a line, which may hold several commands.
func (s *side) encode(c *conn, line string, m mode) []byte {
	line = ask(line, s)
	local := c.nc.LocalAddr().String()
	line = strings.ReplaceAll(s.fill(line), "{client-addr}", local)
	if strings.Contains(line, "{client}") {
		line = strings.ReplaceAll(line, "{client}", c.id())
	}
	var b []byte
	for command := range strings.SplitSeq(line, "\n") {
		if m.inline {
			b = append(b, command+"\r\n"...)
		} else {
			b = append(b, multibulk(words(command))...)
		}
	}
	return b
}

// id asks for the id of the connection.
func (c *conn) id() string {
	reply, err := c.exchange([]byte("CLIENT ID\r\n"))
	if err != nil || len(reply) != 1 {
		return "unknown"
	}
	return reply[0].text
}

// show makes the replies to a line comparable.
func (s *side) show(line string, reply []value) string {
	commands := strings.Split(line, "\n")
	var parts []string
	for i, v := range reply {
		command := line
		if len(reply) == len(commands) {
			command = commands[i]
		}
		parts = append(parts, s.normal(command, v).String())
	}
	return strings.Join(parts, " ")
}

// playAtOnce writes all lines of a group in one piece before it reads.
func (s *side) playAtOnce(g group, m mode) ([]string, error) {
	c, err := s.open(g, m)
	if err != nil {
		return nil, err
	}
	defer c.nc.Close()
	var all []byte
	for i, line := range g.lines {
		all = append(all, s.encode(c, line, m)...)
		all = append(all, "mark-line-"+strconv.Itoa(i)+"\r\n"...)
	}
	if err := c.send(all); err != nil {
		return nil, err
	}
	var got []string
	for i, line := range g.lines {
		var reply []value
		mark := "ERR unknown command 'mark-line-" + strconv.Itoa(i) + "'"
		for !c.closed {
			v, err := c.read()
			if isClosed(err) {
				c.closed = true
				reply = append(reply, value{kind: '+', text: "(closed)"})
				break
			}
			if err != nil {
				return nil, fmt.Errorf("%q: %w", line, err)
			}
			if v.kind == '-' && strings.HasPrefix(v.text, mark) {
				break
			}
			reply = append(reply, v)
		}
		got = append(got, s.show(line, reply))
	}
	return got, nil
}

// playRaw sends each line over a connection of its own and takes what comes
// until the other side hangs up, which it must.
func (s *side) playRaw(g group) ([]string, error) {
	var got []string
	for _, line := range g.lines {
		c, err := dial(s.target(g).Addr())
		if err != nil {
			return nil, err
		}
		bytes, ends := strings.CutSuffix(line, "{eof}")
		if err = c.send([]byte(bytes)); err == nil && ends {
			err = c.nc.(*net.TCPConn).CloseWrite()
		}
		var text string
		for err == nil {
			var v value
			if v, err = c.read(); err == nil {
				text += v.String() + " "
			}
		}
		c.nc.Close()
		if !isClosed(err) {
			return nil, fmt.Errorf("%.60q: got %s and then %w", line, text, err)
		}
		got = append(got, text)
	}
	return got, nil
}

// addScript makes a notification script that runs until it is released.
func (s *side) addScript() error {
	fifo, script := filepath.Join(s.subject.Dir(), "fifo"), filepath.Join(s.subject.Dir(), "script.sh")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		return err
	}
	s.name1("script", script)
	return os.WriteFile(script, []byte("#!/bin/sh\nexec cat "+fifo+" >&2\n"), 0o755)
}

// control does what a line in braces says.
func (s *side) control(ctx context.Context, line string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if line == "{release}" {
		return cluster.WaitFor(ctx, "the scripts to end", func(ctx context.Context) (string, bool) {
			// A script may not have opened the pipe yet; then there is no script to release.
			fifo, err := os.OpenFile(filepath.Join(s.subject.Dir(), "fifo"), os.O_WRONLY|syscall.O_NONBLOCK, 0)
			if err == nil {
				fifo.Close()
			}
			return s.infoHas(ctx, "sentinel_scripts_queue_length:0")
		})
	}
	want := strings.TrimSuffix(strings.TrimPrefix(line, "{wait:"), "}")
	return cluster.WaitFor(ctx, want, func(ctx context.Context) (string, bool) { return s.infoHas(ctx, want) })
}

func (s *side) infoHas(ctx context.Context, line string) (string, bool) {
	text, err := s.subject.Client().Info(ctx, "sentinel").Result()
	if err != nil {
		return err.Error(), false
	}
	return text, strings.Contains(text, line+"\r\n")
}

// testShutdown ends a Sentinel with SHUTDOWN and looks at its exit status.
func testShutdown(t *testing.T, p pair) {
	const line = "SHUTDOWN"
	var got [2]string
	p.each(t, func(s *side) error {
		c, err := dial(s.locked.Addr())
		if err != nil {
			return err
		}
		defer c.nc.Close()
		if _, err := c.exchange([]byte("AUTH secret\r\n")); err != nil {
			return err
		}
		reply, err := c.exchange(s.encode(c, line, mode{}))
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		status, err := s.locked.WaitExit(ctx)
		got[s.index()] = fmt.Sprintf("%s, exit status %d", s.show(line, reply), status)
		return err
	})
	compare(t, "SHUTDOWN", line, got[0], got[1])
}

// eventsTopic begins the topics of the scenarios.
const eventsTopic = "events, log and scripts: "

// malformed is the topic of the raw lines.
const malformed = "malformed requests"

// containers are the commands with subcommands.
var containers = []string{"acl", "client", "command", "sentinel"}

// commandOf names what a line is about: the command, in lower case, or the
// scenario.
func commandOf(line string) string {
	if what, rest, ok := strings.Cut(line, ", "); ok && (what == "event" || what == "log" || what == "call") {
		scenario, _, _ := strings.Cut(rest, ", ")
		return eventsTopic + scenario
	}
	if strings.HasPrefix(line, "file, ") {
		return "files"
	}
	if strings.Contains(line, "\r") { // only raw lines hold such bytes
		return malformed
	}
	list := strings.Fields(strings.ToLower(strings.Split(line, "\n")[0]))
	switch {
	case len(list) == 0:
		return "?"
	case len(list) > 1 && slices.Contains(containers, list[0]):
		return list[0] + " " + list[1]
	}
	return list[0]
}
