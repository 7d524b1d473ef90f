package tomlfile

import (
	"fmt"
	"strings"
)

// lines finds the line on which a key or a header stands, by its path, such as
// "target[1].file". The TOML library tells lines for errors of syntax only. The
// usual layout is known, a header or a key to a line; of what stands within a line,
// the line is that of the key around it.
type lines struct {
	index  map[string]int
	counts map[string]int // of [[tables]], by path
}

func findLines(text string) *lines {
	l := &lines{map[string]int{}, map[string]int{}}
	table, until := "", ""
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if until != "" { // within a text of several lines
			if strings.Contains(line, until) {
				until = ""
			}
			continue
		}
		if strings.HasPrefix(line, "[") {
			header, _, _ := strings.Cut(strings.TrimLeft(line, "["), "]")
			table = l.resolve("", parts(header), strings.HasPrefix(line, "[["))
			l.note(table, i+1)
			continue
		}
		key, value, found := strings.Cut(line, "=")
		if !found || strings.HasPrefix(line, "#") {
			continue
		}
		l.note(l.resolve(table, parts(key), false), i+1)
		for _, quotes := range []string{`"""`, "'''"} {
			if begin, _, _ := strings.Cut(value, "#"); strings.Count(begin, quotes) > 0 && strings.Count(value, quotes) == 1 {
				until = quotes
			}
		}
	}
	return l
}

func (l *lines) note(path string, line int) {
	if _, found := l.index[path]; !found {
		l.index[path] = line
	}
}

// resolve makes a path of the parts of a key or header.
func (l *lines) resolve(path string, parts []string, array bool) string {
	for i, part := range parts {
		path = join(path, part)
		if array && i == len(parts)-1 {
			l.counts[path]++
		}
		if n := l.counts[path]; n > 0 {
			path = element(path, n-1)
		}
	}
	return path
}

// at returns the line of a path, or that of the nearest table around it. Of a list of
// tables it is that of the first.
func (l *lines) at(path string) int {
	for path != "" {
		if line, found := l.index[path]; found {
			return line
		}
		if line, found := l.index[element(path, 0)]; found {
			return line
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 0
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func element(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// parts splits a key at its dots.
func parts(key string) []string {
	list := strings.Split(key, ".")
	for i := range list {
		list[i] = strings.Trim(list[i], " \t\"'")
	}
	return list
}
