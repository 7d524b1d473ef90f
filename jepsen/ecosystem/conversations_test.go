package ecosystem

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/internal/resp"
	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// conversations are those of libraries that cannot run here, as they are written down in
// testdata/conversations. A line of a file is one of
//
//	NAME = sentinel N          connects to a Sentinel
//	NAME = told                connects to the address that was told last
//	NAME > WORDS               sends a command
//	NAME < KIND                reads a reply, which has to be of that kind
//	NAME close
//	strike                     something happens to the master
//	loop ... end               what fails in between is tried again from its beginning
//
// "password" or "plain" before it keeps a line for groups with or without passwords.
type conversations struct {
	players []*player
	ready   chan struct{}
	struck  chan struct{} // closed when the master has been struck
	ended   chan error
}

// converse starts the conversations, and returns when each waits for the strike.
func (e *env) converse(c *counters) *conversations {
	e.Helper()
	all := &conversations{ready: make(chan struct{}), struck: make(chan struct{}), ended: make(chan error, len(clientLibraries))}
	for _, l := range clientLibraries {
		if l.conversation == "" {
			continue
		}
		text, err := os.ReadFile(filepath.Join("testdata", "conversations", l.conversation))
		e.must(err)
		p := &player{ctx: e.ctx, library: l, counters: c, conversations: all, conns: map[string]*talk{}}
		all.players = append(all.players, p)
		go func() {
			defer p.close()
			err := p.play(strings.Split(string(text), "\n"))
			if err != nil {
				err = fmt.Errorf("%s: %w", l.conversation, err)
			}
			p.ended = time.Now()
			all.ended <- err
		}()
	}
	for range all.players {
		select {
		case <-all.ready:
		case err := <-all.ended:
			e.Fatal("before anything has happened: ", err)
		}
	}
	return all
}

// wait returns when all have been played.
func (all *conversations) wait(e *env) {
	e.Helper()
	for range all.players {
		e.must(<-all.ended)
	}
}

// player plays a conversation.
type player struct {
	*conversations
	ctx      context.Context
	library  library
	counters *counters
	conns    map[string]*talk
	told     string // the address that a Sentinel said last
	ended    time.Time
}

type talk struct {
	net.Conn
	rd *bufio.Reader
}

func (p *player) close() {
	for _, c := range p.conns {
		c.Close()
	}
}

func (p *player) play(lines []string) error {
	for i := 0; i < len(lines); i++ {
		var err error
		if lines[i] == "loop" {
			end := i + slices.Index(lines[i:], "end")
			err = cluster.WaitFor(p.ctx, "the loop to succeed", func(context.Context) (string, bool) {
				err := p.play(lines[i+1 : end])
				return fmt.Sprint(err), err == nil
			})
			i = end
		} else {
			err = p.line(strings.Fields(lines[i]))
		}
		if err != nil {
			return fmt.Errorf("line %d, %q: %w", i+1, lines[i], err)
		}
	}
	return nil
}

var errConversation = errors.New("no statement of a conversation")

func (p *player) line(words []string) error {
	if len(words) > 0 && (words[0] == "password" || words[0] == "plain") {
		if (words[0] == "password") != p.counters.setup.password {
			return nil
		}
		words = words[1:]
	}
	switch {
	case len(words) == 0 || strings.HasPrefix(words[0], "#"):
		return nil
	case len(words) == 1 && words[0] == "strike":
		p.ready <- struct{}{}
		<-p.struck
		return nil
	case len(words) == 2 && words[1] == "close":
		return p.conns[words[0]].Close()
	case len(words) > 2 && words[1] == "=":
		return p.connect(words[0], words[2:])
	case len(words) > 2 && words[1] == ">":
		return p.conns[words[0]].send(words[2:])
	case len(words) > 2 && words[1] == "<":
		return p.expect(p.conns[words[0]], words[2:])
	}
	return errConversation
}

func (p *player) connect(name string, where []string) error {
	addr := p.told
	if where[0] == "sentinel" {
		n, err := strconv.Atoi(where[1])
		if err != nil {
			return err
		}
		addr = p.counters.group.Sentinels[n-1].Addr()
	}
	if old := p.conns[name]; old != nil {
		old.Close()
	}
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	if config := p.counters.tls; config != nil {
		c = tls.Client(c, config)
	}
	p.conns[name] = &talk{c, bufio.NewReader(c)}
	return c.SetDeadline(time.Now().Add(stepLimit))
}

func (c *talk) send(words []string) error {
	for i, w := range words {
		switch w {
		case "server-secret":
			words[i] = serverPassword
		case "sentinel-secret":
			words[i] = sentinelPassword
		}
	}
	_, err := c.Write(resp.AppendCommand(nil, words...))
	return err
}

var errUnexpected = errors.New("unexpected")

// expect reads a reply of a kind. Of messages it reads on until the right one comes.
func (p *player) expect(c *talk, kind []string) error {
	for {
		v, err := resp.Read(c.rd, resp.Limits{Bytes: 1 << 20, Items: 10000})
		if err != nil {
			return err
		}
		words, ok := v.Words(), false
		switch kind[0] {
		case "anything":
			ok = true
		case "OK", "PONG":
			ok = v.Text == kind[0]
		case "number":
			ok = v.Kind == ':'
		case "text":
			ok = v.Kind == '$' || v.Kind == '='
		case "list":
			ok = v.Kind == '*' && len(words) > 0
		case "map":
			ok = v.Kind == '*' && len(words) > 0 && len(words)%2 == 0
		case "master":
			ok = len(words) > 0 && words[0] == "master"
		case "subscribed":
			ok = len(words) == 3 && strings.HasSuffix(words[0], "subscribe") && words[1] == kind[1]
		case "address":
			if ok = len(words) == 2; ok {
				p.told = net.JoinHostPort(words[0], words[1])
			}
		case "switch":
			if n := len(words); n < 3 || words[n-2] != "+switch-master" {
				continue
			}
			text := strings.Fields(words[len(words)-1])
			if ok = len(text) == 5 && text[0] == counted; ok {
				p.told = net.JoinHostPort(text[3], text[4])
			}
		}
		if !ok {
			return fmt.Errorf("%w: %q %q", errUnexpected, v.Text, words)
		}
		return nil
	}
}
