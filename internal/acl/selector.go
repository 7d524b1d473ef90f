package acl

import (
	"maps"
	"slices"
	"strings"

	"github.com/gosentinel/sentinel/internal/glob"
)

// selector is a set of commands, channels and keys. A command is permitted when
// one of the user's selectors allows all of it. apply builds a selector; once it
// belongs to a user's rules it does not change.
type selector struct {
	allChannels bool
	channels    []string
	allKeys     bool
	keys        []keyPattern

	base      byte             // '+' or '-': the default for commands that no rule names
	text      []string         // the rules after base, in order: "+info", "-@admin"
	allowed   bitset           // the commands that base and text allow
	firstArgs map[int][]string // commands allowed only with these as the first argument
}

type keyPattern struct {
	pattern     string
	read, write bool
}

func newSelector(t *table, allChannels bool) *selector {
	return &selector{allChannels: allChannels, base: '-', allowed: newBitset(len(t.commands)), firstArgs: map[int][]string{}}
}

func (s *selector) clone() *selector {
	c := *s
	c.channels, c.keys = slices.Clone(s.channels), slices.Clone(s.keys)
	c.text, c.allowed = slices.Clone(s.text), slices.Clone(s.allowed)
	c.firstArgs = make(map[int][]string, len(s.firstArgs))
	for cmd, args := range maps.All(s.firstArgs) {
		c.firstArgs[cmd] = slices.Clone(args)
	}
	return &c
}

// apply applies one rule to s, or returns an error and leaves s unchanged.
func (s *selector) apply(t *table, rule string) error {
	switch lower(rule) {
	case "":
		return ErrSyntax
	case "allkeys", "~*":
		s.allKeys, s.keys = true, nil
	case "resetkeys":
		s.allKeys, s.keys = false, nil
	case "allchannels", "&*":
		s.allChannels, s.channels = true, nil
	case "resetchannels":
		s.allChannels, s.channels = false, nil
	case "allcommands", "+@all":
		s.setAll('+')
	case "nocommands", "-@all":
		s.setAll('-')
	default:
		switch rule[0] {
		case '~', '%':
			return s.addKeys(rule)
		case '&':
			return s.addChannel(rule[1:])
		case '+', '-':
			return s.setCommands(t, rule[0], rule[1:])
		}
		return ErrSyntax
	}
	return nil
}

func (s *selector) addKeys(rule string) error {
	if s.allKeys {
		return ErrAllKeys
	}
	k := keyPattern{read: true, write: true}
	kind, pattern, _ := strings.Cut(rule, "~")
	if rule[0] == '%' {
		switch lower(kind) {
		case "%r":
			k.write = false
		case "%w":
			k.read = false
		case "%rw", "%wr":
		default:
			return ErrSyntax
		}
	}
	if unwritable(pattern) {
		return ErrSyntax
	}
	k.pattern = pattern
	if i := slices.IndexFunc(s.keys, func(o keyPattern) bool { return o.pattern == pattern }); i >= 0 {
		s.keys[i].read = s.keys[i].read || k.read
		s.keys[i].write = s.keys[i].write || k.write
		return nil
	}
	s.keys = append(s.keys, k)
	return nil
}

func (s *selector) addChannel(pattern string) error {
	switch {
	case s.allChannels:
		return ErrAllChannels
	case unwritable(pattern):
		return ErrSyntax
	case !slices.Contains(s.channels, pattern):
		s.channels = append(s.channels, pattern)
	}
	return nil
}

func (s *selector) setAll(base byte) {
	s.base, s.text = base, nil
	s.allowed.fill(base == '+')
	clear(s.firstArgs)
}

func (s *selector) setCommands(t *table, sign byte, name string) error {
	allow := sign == '+'
	if strings.HasPrefix(name, "@") {
		list, ok := t.category[lower(name[1:])]
		if !ok {
			return ErrUnknownCommand
		}
		for _, cmd := range list {
			s.set(t, cmd, allow)
		}
		s.note(sign, name)
		return nil
	}
	if cmd, ok := t.lookup(name); ok {
		s.set(t, cmd, allow)
		s.note(sign, name)
		return nil
	}
	if !allow {
		return ErrUnknownCommand
	}
	return s.allowFirstArg(t, name)
}

// allowFirstArg allows a command with one first argument only, such as
// +ping|hello. It is called for names that are not in the table, so a container
// with a word that is none of its subcommands is an error.
func (s *selector) allowFirstArg(t *table, name string) error {
	cut := strings.LastIndexByte(name, '|')
	if cut < 0 {
		return ErrUnknownCommand
	}
	cmd, ok := t.lookup(name[:cut])
	arg := lower(name[cut+1:])
	switch {
	case !ok:
		return ErrUnknownCommand
	case strings.Contains(t.commands[cmd].Name, "|"):
		return ErrFirstArgOfSub
	case arg == "":
		return ErrSyntax
	case t.subs[cmd] != nil:
		return ErrUnknownCommand
	case unwritable(arg):
		return ErrSyntax
	case !slices.Contains(s.firstArgs[cmd], arg):
		s.firstArgs[cmd] = append(s.firstArgs[cmd], arg)
	}
	s.note('+', name)
	return nil
}

// set allows or forbids a command with its subcommands.
func (s *selector) set(t *table, cmd int, allow bool) {
	s.allowed.put(cmd, allow)
	delete(s.firstArgs, cmd)
	for _, sub := range t.subs[cmd] {
		s.allowed.put(sub, allow)
	}
}

// note adds a rule to the text and removes the rules that it makes pointless: an
// earlier rule of the same name, and for a command also those of its subcommands
// and first arguments. Without that, a script that toggles a rule would make the
// text grow without limit.
func (s *selector) note(sign byte, name string) {
	name = lower(name)
	s.text = slices.DeleteFunc(s.text, func(rule string) bool {
		rest, same := strings.CutPrefix(rule[1:], name)
		return same && (rest == "" || rest[0] == '|')
	})
	s.text = append(s.text, string(sign)+name)
}

// allowsCommand decides on the command cmd. words are all words of the request,
// the name first.
func (s *selector) allowsCommand(cmd int, words [][]byte) bool {
	if s.allowed.has(cmd) {
		return true
	}
	args := s.firstArgs[cmd]
	if len(args) == 0 || len(words) < 2 {
		return false
	}
	// Only commands without subcommands have first arguments, so it is words[1].
	return slices.Contains(args, lower(string(words[1])))
}

// allowsChannel decides on one channel, or one pattern of PSUBSCRIBE. A pattern
// is allowed only if a rule has exactly the same text, because matching cannot
// tell whether one pattern covers another.
func (s *selector) allowsChannel(name string, pattern bool) bool {
	if s.allChannels {
		return true
	}
	return slices.ContainsFunc(s.channels, func(rule string) bool {
		if pattern {
			return rule == name
		}
		return glob.Match(rule, name)
	})
}

// rules returns the rules that turn a new selector into s, for either value of
// Options.AllChannels.
func (s *selector) rules() []string {
	rules := slices.Concat(s.keyRules(), []string{"&*"})
	if !s.allChannels {
		rules[len(rules)-1] = "resetchannels"
		rules = append(rules, s.channelRules()...)
	}
	return append(rules, s.commandRules()...)
}

func (s *selector) commandRules() []string {
	return append([]string{string(s.base) + "@all"}, s.text...)
}

func (s *selector) channelRules() []string {
	if s.allChannels {
		return []string{"&*"}
	}
	rules := make([]string, len(s.channels))
	for i, c := range s.channels {
		rules[i] = "&" + c
	}
	return rules
}

func (s *selector) keyRules() []string {
	if s.allKeys {
		return []string{"~*"}
	}
	rules := make([]string, len(s.keys))
	for i, k := range s.keys {
		switch {
		case !k.write:
			rules[i] = "%R~" + k.pattern
		case !k.read:
			rules[i] = "%W~" + k.pattern
		case k.pattern == "*":
			rules[i] = "%RW~*" // ~* would mean allkeys, and the next pattern would be an error
		default:
			rules[i] = "~" + k.pattern
		}
	}
	return rules
}

// String returns the selector in parentheses, as a rule.
func (s *selector) String() string {
	rules := s.rules()
	for i, rule := range rules {
		rules[i] = selectorWord(rule)
	}
	return "(" + strings.Join(rules, " ") + ")"
}
