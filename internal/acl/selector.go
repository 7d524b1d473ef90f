package acl

import (
	"maps"
	"slices"
	"strings"

	"github.com/gosentinel/sentinel/internal/glob"
	"github.com/gosentinel/sentinel/internal/ordered"
)

// selector is a set of commands, channels and keys. A command is permitted when
// one of the user's selectors allows all of it. apply builds a selector; once it
// belongs to a user's rules it does not change.
type selector struct {
	allChannels bool
	channels    wordSet
	allKeys     bool
	keys        ordered.Map[access] // by pattern

	base      byte                // '+' or '-': the default for commands that no rule names
	text      ordered.Map[byte]   // the rules after base: the sign of each name
	below     map[string][]string // the names in text that start with this one and a bar
	allowed   bitset              // the commands that base and text allow
	firstArgs map[int]*wordSet    // commands allowed only with these as the first argument
}

// wordSet is a set of words in the order in which they were added.
type wordSet = ordered.Map[struct{}]

// access is what a key pattern permits.
type access struct{ read, write bool }

func newSelector(t *table, allChannels bool) *selector {
	return &selector{allChannels: allChannels, base: '-', allowed: newBitset(len(t.commands))}
}

func (s *selector) clone() *selector {
	c := *s
	c.channels, c.keys, c.text = s.channels.Clone(), s.keys.Clone(), s.text.Clone()
	c.allowed = slices.Clone(s.allowed)
	c.below = make(map[string][]string, len(s.below))
	for name, list := range maps.All(s.below) {
		c.below[name] = slices.Clone(list)
	}
	c.firstArgs = make(map[int]*wordSet, len(s.firstArgs))
	for cmd, args := range maps.All(s.firstArgs) {
		copied := args.Clone()
		c.firstArgs[cmd] = &copied
	}
	return &c
}

// apply applies one rule to s, or returns an error and leaves s unchanged.
func (s *selector) apply(t *table, rule string) error {
	switch lower(rule) {
	case "":
		return ErrSyntax
	case "allkeys", "~*":
		s.allKeys, s.keys = true, ordered.Map[access]{}
	case "resetkeys":
		s.allKeys, s.keys = false, ordered.Map[access]{}
	case "allchannels", "&*":
		s.allChannels, s.channels = true, wordSet{}
	case "resetchannels":
		s.allChannels, s.channels = false, wordSet{}
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
	k := access{read: true, write: true}
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
	have, _ := s.keys.Get(pattern)
	s.keys.Put(pattern, access{read: have.read || k.read, write: have.write || k.write})
	return nil
}

func (s *selector) addChannel(pattern string) error {
	switch {
	case s.allChannels:
		return ErrAllChannels
	case unwritable(pattern):
		return ErrSyntax
	}
	s.channels.Put(pattern, struct{}{})
	return nil
}

func (s *selector) setAll(base byte) {
	s.base, s.text, s.below = base, ordered.Map[byte]{}, nil
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
	}
	if s.firstArgs[cmd] == nil {
		if s.firstArgs == nil {
			s.firstArgs = map[int]*wordSet{}
		}
		s.firstArgs[cmd] = &wordSet{}
	}
	s.firstArgs[cmd].Put(arg, struct{}{})
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
	for _, longer := range s.below[name] {
		s.text.Remove(longer)
	}
	delete(s.below, name)
	if container, _, sub := strings.Cut(name, "|"); sub && !s.text.Has(name) {
		if s.below == nil {
			s.below = map[string][]string{}
		}
		s.below[container] = append(s.below[container], name)
	}
	s.text.Remove(name) // to be the last again
	s.text.Put(name, sign)
}

// allowsCommand decides on the command cmd. words are all words of the request,
// the name first.
func (s *selector) allowsCommand(cmd int, words [][]byte) bool {
	if s.allowed.has(cmd) {
		return true
	}
	args := s.firstArgs[cmd]
	if args == nil || len(words) < 2 {
		return false
	}
	// Only commands without subcommands have first arguments, so it is words[1].
	return args.Has(lower(string(words[1])))
}

// allowsChannel decides on one channel, or one pattern of PSUBSCRIBE. A pattern
// is allowed only if a rule has exactly the same text, because matching cannot
// tell whether one pattern covers another.
func (s *selector) allowsChannel(name string, pattern bool) bool {
	if s.allChannels {
		return true
	}
	if pattern {
		return s.channels.Has(name)
	}
	for rule := range s.channels.All() {
		if glob.Match(rule, name) {
			return true
		}
	}
	return false
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
	rules := []string{string(s.base) + "@all"}
	for name, sign := range s.text.All() {
		rules = append(rules, string(sign)+name)
	}
	return rules
}

func (s *selector) channelRules() []string {
	if s.allChannels {
		return []string{"&*"}
	}
	rules := s.channels.List()
	for i, c := range rules {
		rules[i] = "&" + c
	}
	return rules
}

func (s *selector) keyRules() []string {
	if s.allKeys {
		return []string{"~*"}
	}
	rules := make([]string, 0, s.keys.Len())
	for pattern, may := range s.keys.All() {
		kind := "~"
		switch {
		case !may.write:
			kind = "%R~"
		case !may.read:
			kind = "%W~"
		case pattern == "*":
			kind = "%RW~" // ~* would mean allkeys, and the next pattern would be an error
		}
		rules = append(rules, kind+pattern)
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
