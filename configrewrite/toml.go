package configrewrite

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/gosentinel/sentinel/internal/option"
	"github.com/gosentinel/sentinel/internal/words"
)

// parseTOML reads the operator's part of a sentinel.toml, then the overrides.
func (p *parser) parseTOML(text []byte) {
	at := position{file: p.doc.source.Name}
	top, ok := p.decodeTOML(at, text)
	if !ok {
		return
	}
	lines := newLineFinder(text)
	for _, key := range sortedKeys(top) {
		p.topLevel(lines.at(at, "", 0, key), key)
	}
	if table, ok := p.table(at, top, "server"); ok {
		p.serverTable(lines, at, table)
	}
	if table, ok := p.table(at, top, "sentinel"); ok {
		setTable(p, lines, at, tomlTableAt{name: "sentinel", key: sentinelKey}, table, globalOptions, &p.doc.State.Options)
	}
	p.parseOverrides()
	p.applyQueue(func() { p.masterTables(lines, at, top["master"]) })
}

// decodeTOML reports syntax errors with their line. Where there are any, what it
// returns serves to find further mistakes.
func (p *parser) decodeTOML(at position, text []byte) (map[string]any, bool) {
	top := map[string]any{}
	if i := bytes.IndexByte(text, 0); i >= 0 {
		at.line += 1 + bytes.Count(text[:i], []byte("\n"))
		p.problem(at, errNUL.Error(), damageHint(errNUL, ""))
		return nil, false
	}
	lines := bytes.Split(bytes.Clone(text), []byte("\n"))
	for last := -1; len(p.problems) < maxShown; {
		err := toml.Unmarshal(bytes.Join(lines, []byte("\n")), &top)
		if err == nil {
			return top, true
		}
		p.torn = true
		// The decoder stops at the first error. What follows is read without that
		// line, up to an error that may only be its consequence.
		n := p.syntaxError(at, lines, err, last)
		if n < 0 || last >= 0 && len(bytes.TrimSpace(bytes.Join(lines[min(last+1, n):n], nil))) == 0 {
			return nil, false
		}
		top, last = map[string]any{}, n
	}
	return nil, false
}

// syntaxError reports an error of the decoder, empties its line and returns the
// index of that, or -1 when the rest cannot be read without it.
func (p *parser) syntaxError(at position, lines [][]byte, err error, last int) int {
	var parse toml.ParseError
	if !errors.As(err, &parse) {
		p.problem(at, err.Error(), "")
		return -1
	}
	n := parse.Position.Line - 1
	if last >= 0 && n <= last {
		return -1
	}
	at.line += n + 1
	hint := tomlHint("")
	if 0 <= n && n < len(lines) {
		line := string(bytes.Trim(lines[n], " \t\r"))
		at.text, at.show, hint = maskedTOML(line), asItIs, withOddity(tomlHint(line), line)
		if at.text != line {
			parse.Message = withoutQuotes(parse.Message)
		}
	}
	p.problem(at, parse.Message, hint)
	if n < 0 || n >= len(lines) || bytes.HasPrefix(bytes.TrimSpace(lines[n]), []byte("[")) || len(bytes.TrimSpace(lines[n])) == 0 {
		return -1 // without a header, keys below it would seem misplaced
	}
	lines[n] = nil
	return n
}

func tomlHint(line string) string {
	if strings.HasPrefix(line, "sentinel ") {
		return "this looks like sentinel.conf; a file in that syntax must not have a name that ends in .toml"
	}
	return `TOML wants: key = "text" | 5 | true | ["a", "b"]`
}

func (p *parser) topLevel(at position, key string) {
	switch key {
	case "server", "sentinel", "master":
	case "state":
		p.problem(at, "a [state] table stands above the marker line of the state",
			"restore the line \""+stateMarker+"\" above [state], or remove what follows")
	default:
		p.problem(at, fmt.Sprintf("unknown key %q", key), tomlKeyHint(key, []string{"server", "sentinel", "master"}))
	}
}

// tomlKeyHint suggests the right spelling, or the table in which a key belongs.
func tomlKeyHint(key string, here []string) string {
	for _, table := range []struct {
		header string
		keys   []string
	}{
		{"[server]", tomlKeys(settingOptions)},
		{"[sentinel]", tomlKeys(globalOptions)},
		{"[[master]]", append(tomlKeys(masterOptions), masterKeys...)},
	} {
		if containsFold(table.keys, key) {
			return "it belongs below " + table.header
		}
		if n := words.Nearest(key, table.keys); n != "" && words.Nearest(key, here) == "" {
			return fmt.Sprintf("did you mean %q, below %s?", n, table.header)
		}
	}
	if n := words.Nearest(key, here); n != "" {
		return fmt.Sprintf("did you mean %q?", n)
	}
	return "the keys are: " + strings.Join(here, ", ")
}

func (p *parser) table(at position, top map[string]any, name string) (map[string]any, bool) {
	v, found := top[name]
	if !found {
		return nil, false
	}
	table, ok := v.(map[string]any)
	if !ok {
		p.problem(at, fmt.Sprintf("%q must be a table", name), "write ["+name+"] on a line of its own, and its keys below")
	}
	return table, ok
}

func (p *parser) serverTable(lines *lineFinder, at position, table map[string]any) {
	// dir comes first, as other paths are relative to it.
	if dir, ok := table["dir"].(string); ok && dir != "" {
		p.setDir(lines.at(at, "server", 0, "dir"), []string{dir}, inMain)
	}
	rest := map[string]any{}
	for k, v := range table {
		if _, isText := v.(string); k != "dir" || !isText {
			rest[k] = v
		}
	}
	setTable(p, lines, at, tomlTableAt{name: "server", key: serverKey}, rest, settingOptions, &p.doc.Settings)
	p.addUsers(lines.at(at, "server", 0, "user"))
}

// tomlTableAt says which table is read.
type tomlTableAt struct {
	name    string
	n       int                   // of several tables of that name, from 0
	key     func(o string) string // of the line that a sentinel.conf has for an option
	special []string              // keys that are read elsewhere
}

func serverKey(o string) string   { return o }
func sentinelKey(o string) string { return "sentinel " + o }

// setTable sets the fields of dst from the keys of a table.
func setTable[T any](p *parser, lines *lineFinder, at position, where tomlTableAt, table map[string]any, options option.Table[T], dst *T) {
	for _, key := range sortedKeys(table) {
		if containsFold(where.special, key) {
			continue
		}
		at := lines.at(at, where.name, where.n, key)
		o := options.FindKey(key)
		if o == nil {
			p.problem(at, fmt.Sprintf("unknown key %q in [%s]", key, where.name), tomlKeyHint(key, append(tomlKeys(options), where.special...)))
			continue
		}
		p.wrote(where.key(o.Name), at, inMain)
		if err := setTOML(o, dst, table[key]); err != nil {
			if t, ok := err.(option.Tolerated); ok {
				p.warn(at, "%s: %s", key, string(t))
				continue
			}
			p.problem(at, fmt.Sprintf("%s: %v", key, err), "")
		}
	}
}

func tomlKeys[T any](options option.Table[T]) []string {
	keys := make([]string, len(options))
	for i, o := range options {
		keys[i] = o.Key()
	}
	return keys
}

// tables returns an array of tables, in either of its notations.
func tables(v any) ([]map[string]any, bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case []map[string]any:
		return v, true
	case []any:
		list := make([]map[string]any, len(v))
		for i := range v {
			t, ok := v[i].(map[string]any)
			if !ok {
				return nil, false
			}
			list[i] = t
		}
		return list, true
	}
	return nil, false
}

var masterKeys = []string{"name", "host", "port"}

func (p *parser) masterTables(lines *lineFinder, at position, v any) {
	list, ok := tables(v)
	if !ok {
		p.problem(at, `"master" must be a list of tables`, "write [[master]] on a line of its own, and its keys below")
		return
	}
	for n, table := range list {
		p.masterTable(lines, at, n, table)
	}
}

func (p *parser) masterTable(lines *lineFinder, at position, n int, table map[string]any) {
	here := lines.at(at, "master", n, "")
	name, ok1 := table["name"].(string)
	host, ok2 := table["host"].(string)
	port, ok3 := table["port"].(int64)
	_, ok4 := table["quorum"]
	if !ok1 || !ok2 || !ok3 || !ok4 || name == "" {
		if p.torn {
			return // that line is reported already
		}
		p.problem(here, "a [[master]] needs name and host (text in quotes), port and quorum (numbers)", "")
		return
	}
	if port < 0 || port > maxPort {
		p.problem(lines.at(at, "master", n, "port"), "Invalid port number.", "a port is a number from 0 to 65535")
		return
	}
	if _, dup := p.index[name]; dup {
		p.problem(lines.at(at, "master", n, "name"), fmt.Sprintf("Duplicate master name. (%q)", name), "each master has one [[master]] table")
		return
	}
	addr, ok := p.masterAddr(lines.at(at, "master", n, "host"), host, int(port))
	if !ok {
		p.missing[name] = true
		return
	}
	p.warnOfName(lines.at(at, "master", n, "name"), name)
	p.addMaster(name, host, addr, 1, inMain)
	m := &p.doc.State.Masters[len(p.doc.State.Masters)-1].MasterConfig
	key := func(o string) string { return masterKey(o, name) }
	setTable(p, lines, at, tomlTableAt{"master", n, key, masterKeys}, table, masterOptions, m)
	for i := range masterOptions {
		if o := &masterOptions[i]; o.Script != "" {
			p.checkScript(lines.at(at, "master", n, o.Key()), o.Script, p.scriptPath(o.Text(m)))
		}
	}
}

// lineFinder finds the line on which a key was set. The decoder reports lines
// for errors of syntax only, and an operator wants one for every mistake. It
// knows the usual layout, a header and a key to a line; else the line is 0.
type lineFinder struct {
	lines []string
	index map[tomlPlace]int // of the first line for each place
}

// tomlPlace is where a key stands.
type tomlPlace struct {
	table string // "": the top level
	n     int    // of several tables of that name, from 0
	key   string // "": the header itself
}

func newLineFinder(text []byte) *lineFinder {
	l := &lineFinder{strings.Split(strings.TrimPrefix(string(text), byteOrderMark), "\n"), map[tomlPlace]int{}}
	note := func(line int, p tomlPlace) {
		if _, found := l.index[p]; !found {
			l.index[p] = line
		}
	}
	table, seen := "", map[string]int{}
	for i, line := range l.lines {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			header, _, _ := strings.Cut(strings.Trim(line, "[ \t"), "]")
			table = strings.TrimSpace(header)
			note(i, tomlPlace{table: table, n: seen[table]})
			note(i, tomlPlace{key: table})
			seen[table]++
			continue
		}
		if word, _, found := strings.Cut(line, "="); found {
			note(i, tomlPlace{table, max(0, seen[table]-1), strings.Trim(word, " \t\"'")})
		}
	}
	return l
}

// at returns the position of key in the n-th table of that name, of the header
// itself if key is empty, or of a key of the top level if table is empty.
func (l *lineFinder) at(base position, table string, n int, key string) position {
	i, found := l.index[tomlPlace{table, n, key}]
	if !found {
		return position{file: base.file}
	}
	return position{base.file, base.line + i + 1, maskedTOML(strings.TrimSpace(l.lines[i])), asItIs}
}
