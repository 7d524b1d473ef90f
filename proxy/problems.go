package proxy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
)

// problems collects what is wrong with a file.
type problems struct {
	path, text string
	list       []string
}

// add notes a problem. at is a key, or "table#n" for the n-th table of that name, or "".
func (p *problems) add(at, what, hint string) {
	text := p.path
	if n := p.line(at); n > 0 {
		text += fmt.Sprintf(":%d", n)
	}
	text += ": " + what
	if hint != "" {
		text += "\n  " + hint
	}
	p.list = append(p.list, text)
}

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	return errors.New(strings.Join(p.list, "\n"))
}

// line finds where a key or table stands; 0 if nowhere.
func (p *problems) line(at string) int {
	table, number, isTable := strings.Cut(at, "#")
	nth := 0
	if isTable {
		_, _ = fmt.Sscan(number, &nth) // it is a number: the caller has made it
	}
	if at == "" {
		return 0
	}
	for i, line := range strings.Split(p.text, "\n") {
		line = strings.TrimSpace(line)
		if isTable {
			if strings.HasPrefix(line, "[["+table+"]]") {
				if nth == 0 {
					return i + 1
				}
				nth--
			}
			continue
		}
		if key, _, is := strings.Cut(line, "="); is && strings.Trim(strings.TrimSpace(key), `"'`) == at {
			return i + 1
		}
		if strings.Trim(line, "[] ") == at {
			return i + 1
		}
	}
	return 0
}

// keys are those that each table may have.
var keys = map[string][]string{
	"":                {"workers", "sentinels", "hold", "limits", "master", "listener", "zones"},
	"hold":            {"timeout", "bytes", "inflight"},
	"limits":          {"clients", "request", "output"},
	"master":          {"name", "sentinels", "user", "password", "tls", "sentinel", "inflight", "ack-replicas", "ack-timeout"},
	"master.sentinel": {"user", "password", "tls"},
	"listener":        {"bind", "master", "mode", "user", "password", "tls", "balance", "zone", "max-lag", "read-your-writes", "announce"},
	"listener.tls":    {"cert-file", "key-file", "ca-file"},
	"master.tls":      {"enable", "ca-file", "cert-file", "key-file", "server-name"},
}

// unknown notes a key that means nothing.
func (p *problems) unknown(key toml.Key) {
	last := key[len(key)-1]
	table := strings.Join(key[:len(key)-1], ".")
	if table == "master.sentinel.tls" {
		table = "master.tls"
	}
	hint := "the keys here are: " + strings.Join(keys[table], ", ")
	if n := nearest(last, keys[table]); n != "" {
		hint = fmt.Sprintf("did you mean %q?", n)
	} else {
		for name, list := range keys {
			for _, k := range list {
				if k == last && name != "" {
					hint = "it belongs below [" + name + "]"
				}
			}
		}
	}
	if keys[table] == nil {
		return // its table is unknown, which is said already
	}
	p.add(last, fmt.Sprintf("unknown key %q", last), hint)
}

// nearest returns the word of a list that differs from s by a slip; "" if none does.
func nearest(s string, list []string) string {
	best, at := "", 3
	for _, w := range list {
		if d := distance(strings.ToLower(s), w); d < at && d < len(w) {
			best, at = w, d
		}
	}
	return best
}

// distance counts the letters to add, remove or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		left := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := left
			if a[i] != b[j] {
				cost = 1 + min(left, row[j], row[j+1])
			}
			left, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
