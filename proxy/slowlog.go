package proxy

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/internal/resp"
)

// slowRequest is a request that took long.
type slowRequest struct {
	id     int64
	at     time.Time // when it was answered
	took   time.Duration
	words  []string // how it begins; nil: only its name is known
	name   string
	addr   string // of the client
	client string // its name
}

// slowlog keeps the last slow requests.
type slowlog struct {
	mu    sync.Mutex
	next  int64
	list  []slowRequest // a ring
	first int
}

// add keeps a request, and forgets the oldest when there are as many as may be.
func (s *slowlog) add(most int, r slowRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.id = s.next
	s.next++
	if len(s.list) > most || s.first > 0 && len(s.list) != most { // the limit has changed
		s.list, s.first = s.last(most), 0
	}
	switch {
	case most == 0:
	case len(s.list) < most:
		s.list = append(s.list, r)
	default:
		s.list[s.first] = r
		s.first = (s.first + 1) % most
	}
}

// last returns the last n, the oldest first. s.mu is held.
func (s *slowlog) last(n int) []slowRequest {
	all := append(append([]slowRequest(nil), s.list[s.first:]...), s.list[:s.first]...)
	return all[max(0, len(all)-n):]
}

func (s *slowlog) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.list)
}

func (s *slowlog) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list, s.first = nil, 0
}

// reply is the answer to SLOWLOG GET in the form of Redis, the latest first.
func (s *slowlog) reply(n int) []byte {
	s.mu.Lock()
	list := s.last(n)
	s.mu.Unlock()
	b := fmt.Appendf(nil, "*%d\r\n", len(list))
	for i := len(list) - 1; i >= 0; i-- {
		r := list[i]
		words := r.words
		if words == nil {
			words = []string{r.name}
		}
		b = fmt.Appendf(b, "*6\r\n:%d\r\n:%d\r\n:%d\r\n*%d\r\n", r.id, r.at.Unix(), r.took.Microseconds(), len(words))
		for _, w := range words {
			b = resp.AppendBulk(b, []byte(w))
		}
		b = resp.AppendBulk(resp.AppendBulk(b, []byte(r.addr)), []byte(r.client))
	}
	return b
}

// What is kept of a slow request. The first argument is mostly a key. Those behind it may
// be secrets.
const (
	sampleWords = 2
	sampleBytes = 64
)

// sample returns how a request begins.
func sample(raw []byte) (words []string) {
	args, _, err := lineNumber(raw, 1, maxArgs)
	if err != nil {
		return nil
	}
	var q request
	if n, err := q.next(raw, bounds{}); err != nil || n == 0 {
		return nil
	}
	for _, w := range [][]byte{q.name(raw), q.sub(raw)}[:min(args, sampleWords)] {
		text := string(w[:min(len(w), sampleBytes)])
		if more := len(w) - sampleBytes; more > 0 {
			text += fmt.Sprintf("... (%d more bytes)", more)
		}
		words = append(words, text)
	}
	if more := args - sampleWords; more > 0 {
		words = append(words, fmt.Sprintf("... (%d more arguments)", more))
	}
	return words
}

// slowlogCommand is PROXY SLOWLOG GET [count], LEN and RESET.
func (c *client) slowlogCommand(args [][]byte) {
	s, sub := &c.w.p.slow, ""
	if len(args) > 2 {
		sub = strings.ToUpper(string(args[2]))
	}
	switch {
	case sub == "GET" && len(args) == 3:
		c.reply(s.reply(10))
	case sub == "GET" && len(args) == 4:
		n, err := strconv.Atoi(string(args[3]))
		if err != nil || n < -1 {
			c.error("ERR count should be greater than or equal to -1")
			return
		}
		if n == -1 {
			n = maxSlowlog
		}
		c.reply(s.reply(n))
	case sub == "LEN" && len(args) == 3:
		c.reply(fmt.Appendf(nil, ":%d\r\n", s.len()))
	case sub == "RESET" && len(args) == 3:
		s.reset()
		c.reply(bytes.Clone(okReply))
	default:
		c.error("ERR unknown subcommand or wrong number of arguments for 'PROXY SLOWLOG'. Try PROXY HELP.")
	}
}
