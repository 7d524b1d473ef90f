package mock

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gosentinel/sentinel/internal/words"
)

// defaultLimit is how long wait waits when it does not say.
const defaultLimit = 30 * time.Second

// maxTime bounds every duration in a script.
const maxTime = time.Hour

// Parse reads a script. name is what its mistakes are reported under. The error
// is an *Error.
func Parse(name string, text []byte) (*Script, error) {
	p := parser{s: &Script{Name: name, Master: "mymaster", Workload: Write}}
	switch {
	case len(text) > maxScriptBytes:
		p.problem(fmt.Sprintf("it is longer than %d KiB", maxScriptBytes>>10), "leave out what is not needed, or make several of it")
	case !utf8.Valid(text):
		p.problem("it is no text in UTF-8", "is it a script?")
	default:
		for i, line := range strings.Split(string(text), "\n") {
			p.line = i + 1
			p.parseLine(strings.TrimSpace(line))
		}
		p.finish()
	}
	if len(p.problems) > 0 {
		return nil, &Error{File: name, Problems: p.problems}
	}
	return p.s, nil
}

// parseAction reads one line that is to be done now.
func (s *Script) parseAction(text string) (instruction, error) {
	p := parser{s: s, live: true}
	p.parseLine(strings.TrimSpace(text))
	switch {
	case len(p.problems) > 0:
		problem := p.problems[0]
		if problem.Hint != "" {
			problem.Text += " (" + problem.Hint + ")"
		}
		return instruction{}, fmt.Errorf("%s", problem.Text)
	case len(p.out) == 0:
		return instruction{}, fmt.Errorf("it says nothing to do")
	}
	return p.out[0], nil
}

// parser reads line by line and collects mistakes.
type parser struct {
	s        *Script
	live     bool // one line from outside, while the script is played
	line     int
	text     string
	problems []Problem
	out      []instruction
	loops    []loop
	full     bool
}

// loop is a repeat whose end has not come yet.
type loop struct{ line, times, from int }

func (p *parser) problem(text, hint string) {
	if len(p.problems) < maxProblems {
		p.problems = append(p.problems, Problem{Line: p.line, Text: text, Hint: hint})
	}
}

func (p *parser) parseLine(line string) {
	if line == "" || line[0] == '#' {
		return
	}
	if p.text = line; len(line) > 4096 {
		p.problem("the line is longer than 4096 bytes", "make several of it")
		return
	}
	verb, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	if text := p.s.prose(verb); text != nil && !p.live { // quotes mean nothing in there
		if rest == "" {
			p.problem(verb+" needs a text", "write: "+verb+" TEXT")
		}
		*text = strings.TrimSpace(*text + " " + rest)
		return
	}
	if verb == "step" && !p.live { // a text for people too
		if rest == "" {
			p.problem("step needs a text", "write: step TEXT")
		}
		p.add(instruction{verb: verb, words: []string{rest}})
		return
	}
	w, ok := words.Split(withoutComment(line))
	if !ok {
		p.problem("a quote is not closed, or text follows it", `write "..." with a blank behind it`)
		return
	}
	statement, known := statements[w[0]]
	switch {
	case !known:
		names := statementNames()
		if p.live {
			names = liveNames()
		}
		p.problem(fmt.Sprintf("there is no statement %s", words.Quote(w[0])), meant(w[0], names))
	case p.live && !statement.live:
		p.problem(w[0]+" stands in a script only", "possible at run time: "+strings.Join(liveNames(), ", "))
	case statement.head && len(p.out) > 0:
		p.problem(w[0]+" comes too late", "it stands above everything that is done")
	default:
		if !statement.parse(p, w[1:]) {
			p.problem(fmt.Sprintf("%s is not understood", words.Quote(line)), "write: "+statement.usage)
		}
	}
}

// withoutComment cuts a line at a # that begins a word and stands in no quotes.
func withoutComment(line string) string {
	quote := byte(0)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && c == '#' && (i == 0 || words.IsSpace(line[i-1])):
			return line[:i]
		}
	}
	return line
}

// prose returns where the text of a line for people goes.
func (s *Script) prose(verb string) *string {
	switch verb {
	case "title":
		return &s.Title
	case "mistake":
		return &s.Mistake
	case "right":
		return &s.Right
	}
	return nil
}

func (p *parser) finish() {
	for _, l := range p.loops {
		p.line = l.line
		p.problem("repeat without end", "write end below what is repeated")
	}
	s := p.s
	for _, n := range s.Nodes {
		if p.line = n.line; n.Of != "" {
			p.node(n.Of, servers)
		}
		if n.Of == n.Name {
			p.problem("a server cannot follow itself", "name its master, or leave out \"of\" with a master")
		}
	}
	p.line = 0
	if s.Title == "" {
		p.problem("it has no title", "write a line: title what happens")
	}
	if s.Right == "" {
		p.problem("it does not say what a right client does", "write a line: right what a right client does")
	}
	count := map[bool]int{}
	for _, n := range s.Nodes {
		count[n.Sentinel]++
	}
	if count[true] == 0 {
		p.problem("it has no Sentinel", "write a line: sentinel s1")
	}
	if count[false] == 0 {
		p.problem("it has no server", "write a line: server a")
	} else if s.first() < 0 {
		p.problem("no server is a master at first", "leave out \"of\" with one of them")
	}
	s.instructions = p.out
}

// first returns the master at first, or -1.
func (s *Script) first() int {
	for i, n := range s.Nodes {
		if !n.Sentinel && n.Of == "" {
			return i
		}
	}
	return -1
}

func (p *parser) add(in instruction) bool {
	in.line, in.text = p.line, p.text
	if p.out = append(p.out, in); len(p.out) > maxInstructions && !p.full {
		p.full = true
		p.problem(fmt.Sprintf("more than %d things to do", maxInstructions), "repeat less often")
	}
	if p.full {
		p.out = p.out[:maxInstructions]
	}
	return true
}

// node finds a node by its name. The problem is noted.
func (p *parser) node(name string, of kinds) (int, bool) {
	for i, n := range p.s.Nodes {
		if n.kind()&of != 0 && n.Name == name {
			return i, true
		}
	}
	what := map[kinds]string{servers: "server", sentinels: "Sentinel", both: "server or Sentinel"}[of]
	p.problem(fmt.Sprintf("there is no %s %s", what, words.Quote(name)), meant(name, p.names(of)))
	return -1, false
}

// names returns the names of the nodes of some kinds.
func (p *parser) names(of kinds) (list []string) {
	for _, n := range p.s.Nodes {
		if n.kind()&of != 0 {
			list = append(list, n.Name)
		}
	}
	return list
}

func (n *Node) kind() kinds {
	if n.Sentinel {
		return sentinels
	}
	return servers
}

// list finds nodes: names with commas between, or servers, sentinels, all.
func (p *parser) list(text string, of kinds) (found []int) {
	group := map[string]kinds{"servers": servers, "sentinels": sentinels, "all": both}[text]
	if group != 0 {
		for i, n := range p.s.Nodes {
			if n.kind()&group&of != 0 {
				found = append(found, i)
			}
		}
		if len(found) == 0 {
			p.problem(fmt.Sprintf("%s is nobody here", words.Quote(text)), meant("", p.names(of)))
		}
		return found
	}
	for name := range strings.SplitSeq(text, ",") {
		if i, ok := p.node(name, of); ok {
			found = append(found, i)
		}
	}
	return found
}

func (p *parser) number(text string, most int64) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > most {
		p.problem(fmt.Sprintf("%s is no number from 0 to %d", words.Quote(text), most), "write digits only")
		return 0, false
	}
	return n, true
}

func (p *parser) duration(text string) (time.Duration, bool) {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > maxTime {
		p.problem(fmt.Sprintf("%s is no time", words.Quote(text)), "write 200ms, 5s or 2m, up to 1h")
		return 0, false
	}
	return d, true
}

// amount reads: N WHAT on NODES. There are exactly four words.
func (p *parser) amount(w []string, c *condition) bool {
	if len(w) != 4 || w[2] != "on" {
		return false
	}
	ok := true
	if w[0] == "no" {
		c.count = 0
	} else if c.count, ok = p.number(w[0], 1_000_000_000); !ok {
		return true // the problem is noted
	}
	for i, name := range quantityNames {
		if name == w[1] {
			c.what = quantity(i)
			c.nodes = p.list(w[3], quantityKinds[i])
			return true
		}
	}
	p.problem(fmt.Sprintf("%s cannot be counted", words.Quote(w[1])), meant(w[1], quantityNames[:]))
	return true
}

// address reads "10.0.0.1:6379".
func address(text string) (host string, port int, ok bool) {
	host, portText, err := net.SplitHostPort(text)
	if err != nil || host == "" {
		return "", 0, false
	}
	n, err := strconv.ParseUint(portText, 10, 16)
	return host, int(n), err == nil
}
