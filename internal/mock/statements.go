package mock

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gosentinel/sentinel/internal/words"
)

// statement is a kind of line. parse returns false when the words do not have
// the form that usage shows; other mistakes it notes by itself.
type statement struct {
	usage string
	head  bool // stands above everything that is done
	live  bool // may come from outside while the script is played
	parse func(p *parser, w []string) bool
}

// statements is filled by init, because a hint lists its names.
var statements map[string]statement

func init() {
	statements = map[string]statement{
		"title":    {usage: "title TEXT"},
		"mistake":  {usage: "mistake TEXT"},
		"right":    {usage: "right TEXT"},
		"master":   {usage: "master NAME [password PASSWORD]", head: true, parse: (*parser).master},
		"workload": {usage: "workload write|read|subscribe", head: true, parse: (*parser).workload},
		"server":   {usage: "server NAME... [of SERVER] [port N]", head: true, parse: (*parser).server},
		"sentinel": {usage: "sentinel NAME... [port N] [password PASSWORD]", head: true, parse: (*parser).sentinel},

		"step":   {usage: "step TEXT"},
		"wait":   {usage: "wait TIME | wait next | wait N WHAT on NODES [within TIME]", parse: (*parser).wait},
		"expect": {usage: "expect N WHAT on NODES within TIME", parse: (*parser).expect},
		"forbid": {usage: "forbid [more than N] WHAT on NODES", live: true, parse: (*parser).forbid},
		"allow":  {usage: "allow WHAT on NODES", live: true, parse: (*parser).allow},
		"repeat": {usage: "repeat N ... end", parse: (*parser).repeat},
		"end":    {usage: "repeat N ... end", parse: (*parser).end},

		"failover": {usage: "failover SERVER", live: true, parse: oneServer("failover")},
		"promote":  {usage: "promote SERVER", live: true, parse: oneServer("promote")},
		"follow":   {usage: "follow SERVER SERVER", live: true, parse: (*parser).follow},
		"say":      {usage: "say SENTINELS SERVER|HOST:PORT|nobody", live: true, parse: (*parser).say},
		"epoch":    {usage: "epoch SENTINELS N", live: true, parse: (*parser).epoch},
		"flag":     {usage: "flag SENTINELS NODE [FLAG...]", live: true, parse: (*parser).flag},
		"field":    {usage: "field SENTINELS NODE NAME VALUE", live: true, parse: (*parser).field},
		"hide":     {usage: "hide SENTINELS NODE", live: true, parse: hiding("hide")},
		"show":     {usage: "show SENTINELS NODE", live: true, parse: hiding("show")},
		"publish":  {usage: "publish SENTINELS CHANNEL WORD...", live: true, parse: (*parser).publish},
		"kill":     {usage: "kill NODES", live: true, parse: someNodes("kill")},
		"start":    {usage: "start NODES", live: true, parse: someNodes("start")},
		"freeze":   {usage: "freeze NODES", live: true, parse: someNodes("freeze")},
		"thaw":     {usage: "thaw NODES", live: true, parse: someNodes("thaw")},
		"cut":      {usage: "cut NODES", live: true, parse: someNodes("cut")},
		"answer":   {usage: "answer NODES COMMAND normal|error TEXT|nil|raw BYTES|half|close|silence|slow TIME [once|N times]", live: true, parse: (*parser).answer},
	}
}

func statementNames() []string { return slices.Sorted(maps.Keys(statements)) }

func liveNames() (names []string) {
	for _, name := range statementNames() {
		if statements[name].live {
			names = append(names, name)
		}
	}
	return names
}

func (p *parser) master(w []string) bool {
	if len(w) != 1 && (len(w) != 3 || w[1] != "password") {
		return false
	}
	p.s.Master = w[0]
	if !plainWord(w[0], 256) {
		p.problem(fmt.Sprintf("%s cannot be the name of a master", words.Quote(w[0])), "letters, digits and .-_")
	}
	if len(w) == 3 {
		p.s.Password = w[2]
	}
	return true
}

// plainWord reports whether a word has only letters, digits and .-_, and at most n.
func plainWord(w string, n int) bool {
	return w != "" && len(w) <= n && strings.IndexFunc(w, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(".-_", r)
	}) < 0
}

func (p *parser) workload(w []string) bool {
	if len(w) != 1 {
		return false
	}
	p.s.Workload = Workload(w[0])
	return p.s.Workload == Write || p.s.Workload == Read || p.s.Workload == Subscribe
}

func (p *parser) server(w []string) bool   { return p.define(w, Node{}) }
func (p *parser) sentinel(w []string) bool { return p.define(w, Node{Sentinel: true}) }

// define adds nodes: names, and then pairs of a word and a value.
func (p *parser) define(w []string, n Node) bool {
	isOption := func(word string) bool { return word == "of" || word == "port" || word == "password" }
	names := len(w)
	if i := slices.IndexFunc(w, isOption); i >= 0 {
		names = i
	}
	options := w[names:]
	if names == 0 || len(options)%2 != 0 {
		return false
	}
	for i := 0; i < len(options); i += 2 {
		value := options[i+1]
		switch {
		case options[i] == "port":
			port, _ := p.number(value, 65535) // one that is none is a problem of its own
			n.Port = int(port)
			if names > 1 && port != 0 {
				p.problem("several nodes cannot have one port", "a line for each")
			}
		case options[i] == "of" && !n.Sentinel:
			n.Of = value
		case options[i] == "password" && n.Sentinel:
			n.Password = value
		default:
			return false
		}
	}
	for _, name := range w[:names] {
		p.defineOne(name, n)
	}
	return true
}

// reserved are words that mean something else where a node may stand.
var reserved = []string{"all", "any", "servers", "sentinels", "nobody", "next", "no"}

func (p *parser) defineOne(name string, n Node) {
	n.Name, n.line = name, p.line
	taken := slices.ContainsFunc(p.s.Nodes, func(o Node) bool { return o.Name == name })
	switch {
	case !plainWord(name, 32) || slices.Contains(reserved, name):
		p.problem(fmt.Sprintf("%s cannot be the name of a node", words.Quote(name)), "letters, digits and .-_, but not "+strings.Join(reserved, ", "))
	case taken:
		p.problem(fmt.Sprintf("there are two nodes %s", words.Quote(name)), "give one of them another name")
	case len(p.s.Nodes) >= maxNodes:
		p.problem(fmt.Sprintf("more than %d nodes", maxNodes), "leave some out")
	default:
		p.s.Nodes = append(p.s.Nodes, n)
	}
}

func (p *parser) wait(w []string) bool {
	c := condition{within: defaultLimit}
	switch {
	case len(w) == 1 && w[0] == "next":
		c.next = true
	case len(w) == 1:
		var ok bool
		if c.pause, ok = p.duration(w[0]); !ok {
			return true
		}
	default:
		return p.patient("wait", w, c)
	}
	return p.add(instruction{verb: "wait", cond: c})
}

func (p *parser) expect(w []string) bool {
	return len(w) == 6 && p.patient("expect", w, condition{})
}

// patient reads: N WHAT on NODES [within TIME].
func (p *parser) patient(verb string, w []string, c condition) bool {
	if len(w) == 6 && w[4] == "within" {
		var ok bool
		if c.within, ok = p.duration(w[5]); !ok {
			return true
		}
		w = w[:4]
	}
	before := len(p.problems)
	if !p.amount(w, &c) {
		return false
	}
	if c.count == 0 && c.what != connections && len(p.problems) == before {
		p.problem("it would be true at once: "+quantityNames[c.what]+" only become more", "to say that none may come, write: forbid "+quantityNames[c.what]+" on "+w[3])
	}
	return p.add(instruction{verb: verb, cond: c})
}

func (p *parser) forbid(w []string) bool {
	count := "0"
	if len(w) > 3 && w[0] == "more" && w[1] == "than" {
		count, w = w[2], w[3:]
	}
	var c condition
	return p.amount(append([]string{count}, w...), &c) && p.add(instruction{verb: "forbid", cond: c})
}

func (p *parser) allow(w []string) bool {
	var c condition
	return p.amount(append([]string{"0"}, w...), &c) && p.add(instruction{verb: "allow", cond: c})
}

func (p *parser) repeat(w []string) bool {
	if len(w) != 1 {
		return false
	}
	n, ok := p.number(w[0], maxInstructions)
	if ok && n == 0 {
		p.problem("repeat 0 does nothing", "leave it out")
	}
	p.loops = append(p.loops, loop{line: p.line, times: int(n), from: len(p.out)})
	return true
}

// end copies what has been written since repeat.
func (p *parser) end(w []string) bool {
	if len(w) != 0 {
		return false
	}
	if len(p.loops) == 0 {
		p.problem("end without repeat", "write repeat N above what is repeated")
		return true
	}
	l := p.loops[len(p.loops)-1]
	p.loops = p.loops[:len(p.loops)-1]
	body := slices.Clone(p.out[l.from:])
	line, text := p.line, p.text
	for range l.times - 1 {
		for _, in := range body {
			if p.line, p.text = in.line, in.text; p.full {
				break
			}
			p.add(in)
		}
	}
	p.line, p.text = line, text
	return true
}

func oneServer(verb string) func(*parser, []string) bool {
	return func(p *parser, w []string) bool {
		if len(w) != 1 {
			return false
		}
		i, ok := p.node(w[0], servers)
		return !ok || p.add(instruction{verb: verb, other: i})
	}
}

func someNodes(verb string) func(*parser, []string) bool {
	return func(p *parser, w []string) bool {
		return len(w) == 1 && p.add(instruction{verb: verb, nodes: p.list(w[0], both)})
	}
}

func hiding(verb string) func(*parser, []string) bool {
	return func(p *parser, w []string) bool {
		if len(w) != 2 {
			return false
		}
		return p.about(instruction{verb: verb}, w)
	}
}

// about reads whose opinion it is and about whom, and adds the instruction.
func (p *parser) about(in instruction, w []string) bool {
	in.nodes = p.list(w[0], sentinels)
	i, ok := p.node(w[1], both)
	in.other = i
	return !ok || p.add(in)
}

func (p *parser) follow(w []string) bool {
	if len(w) != 2 {
		return false
	}
	who, ok := p.node(w[0], servers)
	whom, ok2 := p.node(w[1], servers)
	switch {
	case !ok || !ok2:
	case who == whom:
		p.problem("a server cannot follow itself", "write: follow SERVER SERVER")
	default:
		p.add(instruction{verb: "follow", nodes: []int{who}, other: whom})
	}
	return true
}

func (p *parser) say(w []string) bool {
	if len(w) != 2 {
		return false
	}
	in := instruction{verb: "say", nodes: p.list(w[0], sentinels), other: -1}
	if _, _, isAddress := address(w[1]); isAddress {
		in.words = w[1:]
	} else if w[1] != "nobody" {
		i, ok := p.node(w[1], servers)
		if in.other = i; !ok {
			return true
		}
	}
	return p.add(in)
}

func (p *parser) epoch(w []string) bool {
	if len(w) != 2 {
		return false
	}
	n, ok := p.number(w[1], 1<<53)
	return !ok || p.add(instruction{verb: "epoch", nodes: p.list(w[0], sentinels), cond: condition{count: n}})
}

// knownFlags are what stands in the field "flags" (wire.md §4, Instance maps).
var knownFlags = []string{
	"s_down", "o_down", "master", "slave", "sentinel", "disconnected", "master_down", "failover_in_progress",
	"promoted", "reconf_sent", "reconf_inprog", "reconf_done", "force_failover", "script_kill_sent", "master_reboot",
}

func (p *parser) flag(w []string) bool {
	if len(w) < 2 {
		return false
	}
	for _, f := range w[2:] {
		if !slices.Contains(knownFlags, f) {
			p.problem(fmt.Sprintf("there is no flag %s", words.Quote(f)), meant(f, knownFlags))
		}
	}
	return p.about(instruction{verb: "flag", words: w[2:]}, w)
}

func (p *parser) field(w []string) bool {
	return len(w) == 4 && p.about(instruction{verb: "field", words: w[2:]}, w)
}

// mention reports whether a word stands for the address of a node. A lone @ does
// not: it stands in the payloads of events.
func mention(word string) (name string, ok bool) {
	name, ok = strings.CutPrefix(word, "@")
	return name, ok && name != ""
}

func (p *parser) publish(w []string) bool {
	if len(w) < 3 {
		return false
	}
	for _, word := range w[2:] {
		if name, ok := mention(word); ok {
			p.node(strings.TrimSuffix(name, ":"), both)
		}
	}
	return p.add(instruction{verb: "publish", nodes: p.list(w[0], sentinels), words: w[1:]})
}

// answers are the words of answer, with whether they take a value.
var answers = map[string]struct {
	how   how
	value bool
}{
	"normal": {asUsual, false}, "error": {anError, true}, "nil": {null, false}, "raw": {raw, true},
	"half": {half, false}, "close": {closing, false}, "silence": {silent, false}, "slow": {slow, true},
}

func (p *parser) answer(w []string) bool {
	if len(w) < 3 {
		return false
	}
	kind, known := answers[w[2]]
	if !known {
		p.problem(fmt.Sprintf("no answer is called %s", words.Quote(w[2])), meant(w[2], slices.Sorted(maps.Keys(answers))))
		return true
	}
	in := instruction{verb: "answer", nodes: p.list(w[0], both), rule: rule{command: strings.ToLower(w[1]), how: kind.how, left: -1}}
	rest := w[3:]
	if kind.value {
		if len(rest) == 0 {
			return false
		}
		if in.rule.text, rest = rest[0], rest[1:]; kind.how == slow {
			var ok bool
			if in.rule.delay, ok = p.duration(in.rule.text); !ok {
				return true
			}
		}
		if kind.how == anError && strings.ContainsAny(in.rule.text, "\r\n") {
			p.problem("an error has one line", "raw sends any bytes")
		}
	}
	switch {
	case len(rest) == 0:
	case len(rest) == 1 && rest[0] == "once":
		in.rule.left = 1
	case len(rest) == 2 && rest[1] == "times":
		n, ok := p.number(rest[0], 1_000_000)
		if in.rule.left = int(n); ok && n == 0 {
			p.problem("0 times does nothing", "leave it out")
		}
	default:
		return false
	}
	return p.add(in)
}
