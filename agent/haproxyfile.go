package agent

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/gosentinel/sentinel/internal/atomicfile"
)

// haproxyLine is a server line of a haproxy.cfg.
type haproxyLine struct {
	slot
	begin, end int // of the address in the text
	disabled   [2]int
	tail       int // where a word can be added
}

// names returns the names of servers in the file, which may be those of groups.
func (h *HAProxy) names() ([]string, error) {
	var names []string
	for _, b := range h.Backends {
		names = append(names, b.Group)
	}
	if h.File == "" || len(names) > 0 {
		return names, nil
	}
	text, err := atomicfile.ReadFile(h.File)
	if err != nil {
		return nil, err
	}
	for _, l := range haproxyServers(string(text)) {
		names = append(names, l.name)
	}
	return names, nil
}

// render puts the right addresses into the server lines.
func (h *HAProxy) render(current []byte, s Snapshot) ([]byte, []string, error) {
	if current == nil {
		return nil, nil, fmt.Errorf("%s does not exist: only its server lines are changed, so it has to be there", h.File)
	}
	text := string(current)
	lines := haproxyServers(text)
	var slots []slot
	for _, l := range lines {
		slots = append(slots, l.slot)
	}
	wanted, err := h.assign(slots, s)
	if err != nil {
		return nil, nil, err
	}
	var notes []string
	for _, l := range slices.Backward(lines) {
		i := slices.IndexFunc(wanted, func(one slot) bool { return one.backend == l.backend && one.name == l.name })
		if i < 0 {
			continue
		}
		w := wanted[i]
		switch { // the end of the line first
		case w.owned && w.wantOff && !l.off:
			text = text[:l.tail] + " disabled" + text[l.tail:]
		case w.owned && !w.wantOff && l.off:
			text = text[:l.disabled[0]] + text[l.disabled[1]:]
		}
		if w.want != (Server{}) && !sameAddr(l.at, w.want) {
			text = text[:l.begin] + w.want.String() + text[l.end:]
			notes = append(notes, fmt.Sprintf("Updating server %s/%s to %s", l.backend, l.name, w.want))
		}
	}
	slices.Reverse(notes)
	return []byte(text), notes, nil
}

// sections are the words that begin one in a haproxy.cfg.
var haproxySections = []string{
	"global", "defaults", "frontend", "backend", "listen", "peers", "resolvers", "userlist", "program", "mailers", "cache",
	"http-errors", "ring", "fcgi-app", "log-forward", "traces", "crt-store",
}

// haproxyServers finds the server lines of all backends. Lines within conditions are
// found too; nobody knows here which of them hold.
func haproxyServers(text string) (list []haproxyLine) {
	begin, backend := 0, ""
	for line := range strings.SplitAfterSeq(text, "\n") {
		words := wordsOf(line)
		switch {
		case len(words) == 0:
		case slices.Contains(haproxySections, words[0].text):
			backend = ""
			if (words[0].text == "backend" || words[0].text == "listen") && len(words) > 1 {
				backend = words[1].text
			}
		case words[0].text == "server" && len(words) > 2 && backend != "":
			l := haproxyLine{
				slot:  slot{backend: backend, name: words[1].text, at: words[2].text},
				begin: begin + words[2].begin, end: begin + words[2].begin + len(words[2].text),
			}
			last := words[len(words)-1]
			l.tail = begin + last.begin + len(last.text)
			for i, w := range words[3:] {
				if w.text == "disabled" {
					before := words[2+i]
					l.off, l.disabled = true, [2]int{begin + before.begin + len(before.text), begin + w.begin + len(w.text)}
				}
			}
			list = append(list, l)
		}
		begin += len(line)
	}
	return list
}

// word is a word of a line, and where it begins.
type word struct {
	text  string
	begin int
}

// wordsOf splits a line at blanks, up to a comment. A blank or # that is quoted or
// escaped is part of a word.
func wordsOf(line string) (list []word) {
	begin, quote, escaped := -1, byte(0), false
	end := func(i int) {
		if begin >= 0 {
			list = append(list, word{line[begin:i], begin})
			begin = -1
		}
	}
	for i := range len(line) {
		c := line[i]
		blank := quote == 0 && !escaped && (c == ' ' || c == '\t' || c == '\r' || c == '\n')
		switch {
		case blank:
			end(i)
			continue
		case quote == 0 && !escaped && c == '#':
			end(i)
			return list
		}
		if begin < 0 {
			begin = i
		}
		switch {
		case escaped:
			escaped = false
		case c == '\\' && quote != '\'':
			escaped = true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		}
	}
	end(len(line))
	return list
}

// sameAddr reports whether HAProxy's way to write an address means a server.
func sameAddr(at string, s Server) bool {
	at = strings.TrimPrefix(strings.TrimPrefix(at, "ipv4@"), "ipv6@")
	if at == s.String() {
		return true
	}
	i := strings.LastIndexByte(at, ':')
	if i < 0 || at[i+1:] != fmt.Sprint(s.Port) {
		return false
	}
	host := strings.Trim(at[:i], "[]")
	a, b := net.ParseIP(host), net.ParseIP(s.Host)
	return host == s.Host || a != nil && a.Equal(b)
}
