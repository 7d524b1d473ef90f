package agent

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/gosentinel/sentinel/internal/atomicfile"
)

// Twemproxy changes the server lines of a nutcracker.yml in place. A line whose server
// name is that of a group gets the address of its master; its weight, its name, all
// comments and all other lines stay as they are.
type Twemproxy struct {
	Common
	FileSettings
	// Names maps server names to groups, where they differ.
	Names map[string]string `toml:"names"`
}

func (t *Twemproxy) check(wrong problems, dir string) {
	t.Type = "twemproxy"
	t.FileSettings.check(wrong, dir)
	t.Validate = t.Validate.or(Program("nutcracker", "-t", "-c", "{file}"))
	t.needFile(wrong)
	t.describe(t.File)
}

func (t *Twemproxy) open(e *environment) []*job {
	e.log.Info("Loading TwemProxy config", "file", t.File)
	r := &twemproxyRenderer{t, e.log, map[string]bool{}}
	return fileJob(&t.Common, t.FileSettings, r.render, fileWords{"Saving TwemProxy config", "TwemProxy restarted with output: "}, e)
}

// names returns the groups that the file has servers of.
func (t *Twemproxy) names() ([]string, error) {
	text, err := atomicfile.ReadFile(t.File)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, e := range twemproxyServers(string(text)) {
		if e.name != "" {
			names[t.groupOf(e.name)] = true
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s has no server with a name, such as \"- 10.0.0.1:6379:1 cache\"", t.File)
	}
	return slices.Sorted(maps.Keys(names)), nil
}

func (t *Twemproxy) groupOf(server string) string {
	if g, mapped := t.Names[server]; mapped {
		return g
	}
	return server
}

type twemproxyRenderer struct {
	*Twemproxy
	log  *slog.Logger
	said map[string]bool
}

// render replaces addresses from the end to the beginning, so that the places of those
// before stay right.
func (t *twemproxyRenderer) render(current []byte, s Snapshot) ([]byte, []string, error) {
	if current == nil {
		return nil, nil, fmt.Errorf("%s does not exist: only its server lines are changed, so it has to be there", t.File)
	}
	text := string(current)
	servers := twemproxyServers(text)
	if len(servers) == 0 {
		return nil, nil, fmt.Errorf("%s has no servers: a pool has \"servers:\" and below it lines like \"- 10.0.0.1:6379:1 cache\"", t.File)
	}
	var notes []string
	matched := false
	for _, e := range slices.Backward(servers) {
		if e.name == "" {
			t.sayOnce(e.addr, "A server without a name belongs to no group: its address would be its place in the hash", "server", e.addr)
			continue
		}
		g := s.Group(t.groupOf(e.name))
		matched = matched || slices.ContainsFunc(s, func(o Group) bool { return o.Name == g.Name })
		// nutcracker reads the address up to the last colon but one, and no brackets.
		if addr := fmt.Sprintf("%s:%d", g.Master.Host, g.Master.Port); g.Known() && addr != e.addr {
			text = text[:e.begin] + addr + text[e.begin+len(e.addr):]
			notes = append(notes, fmt.Sprintf("Updating Master %s to %s", e.name, addr))
		}
	}
	if !matched {
		return nil, nil, fmt.Errorf("no server of %s has the name of a group", t.File)
	}
	slices.Reverse(notes)
	return []byte(text), notes, nil
}

func (t *twemproxyRenderer) sayOnce(what, text string, args ...any) {
	if !t.said[what] {
		t.said[what] = true
		t.log.Warn(text, append(args, "file", t.File)...)
	}
}

// twemproxyServer is a server in a nutcracker.yml.
type twemproxyServer struct {
	begin int    // of the address in the text
	addr  string // host:port
	name  string // "" if it has none
}

// twemproxyServers finds the servers of all pools, in both forms that YAML has for
// lists: lines that begin with a hyphen, and brackets. What looks different is
// left alone.
func twemproxyServers(text string) (list []twemproxyServer) {
	begin, inside := 0, false
	for line := range strings.SplitAfterSeq(text, "\n") {
		bare := strings.TrimSpace(stripComment(line))
		switch value, is := strings.CutPrefix(bare, "servers:"); {
		case is && strings.HasPrefix(strings.TrimSpace(value), "["):
			list = append(list, flowServers(text, begin+strings.IndexByte(line, '[')+1)...)
			inside = false
		case is:
			inside = strings.TrimSpace(value) == ""
		case bare == "":
		case inside && strings.HasPrefix(bare, "-"):
			item := strings.IndexByte(line, '-') + 1
			if e, ok := parseServer(stripComment(line)[item:], begin+item); ok {
				list = append(list, e)
			}
		default:
			inside = false
		}
		begin += len(line)
	}
	return list
}

// flowServers reads a list in brackets, which may go over several lines.
func flowServers(text string, begin int) (list []twemproxyServer) {
	for begin < len(text) {
		rest := text[begin:]
		end := strings.IndexAny(rest, ",]#")
		if end < 0 {
			return list
		}
		if e, ok := parseServer(rest[:end], begin); ok {
			list = append(list, e)
		}
		switch rest[end] {
		case ']':
			return list
		case '#':
			if end = strings.IndexByte(rest, '\n'); end < 0 {
				return list
			}
		}
		begin += end + 1
	}
	return list
}

// parseServer reads "host:port:weight name", in quotes or not. at is where the item
// begins in the text.
func parseServer(item string, at int) (e twemproxyServer, ok bool) {
	trimmed := strings.TrimLeft(item, " \t")
	at += len(item) - len(trimmed)
	trimmed = strings.TrimRight(trimmed, " \t\r\n")
	if len(trimmed) > 1 && (trimmed[0] == '"' || trimmed[0] == '\'') && trimmed[len(trimmed)-1] == trimmed[0] {
		trimmed, at = trimmed[1:len(trimmed)-1], at+1
	}
	words := strings.Fields(trimmed)
	if len(words) == 0 || len(words) > 2 || !strings.HasPrefix(trimmed, words[0]) {
		return e, false
	}
	weight := strings.LastIndexByte(words[0], ':')
	if weight < 0 || !digits(words[0][weight+1:]) {
		return e, false
	}
	addr := words[0][:weight]
	port := strings.LastIndexByte(addr, ':')
	if port <= 0 || !digits(addr[port+1:]) {
		return e, false
	}
	e = twemproxyServer{begin: at, addr: addr}
	if len(words) == 2 {
		e.name = words[1]
	}
	return e, true
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// stripComment cuts a comment of YAML off: a # at the beginning or behind a blank, not
// within quotes.
func stripComment(line string) string {
	quote := byte(0)
	for i := range len(line) {
		switch c := line[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			return line[:i]
		}
	}
	return line
}
