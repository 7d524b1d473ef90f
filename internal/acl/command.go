package acl

import (
	"fmt"
	"slices"
	"strings"
)

// A Command is one row of the command table that the caller provides.
type Command struct {
	Name       string     // full name in lower case: "ping", "sentinel|masters"
	Categories []string   // as COMMAND INFO shows them: "@fast"
	NoAuth     bool       // may be run before authentication, like AUTH
	Channels   ChannelUse // which of its words are channels
}

// ChannelUse says which words of a command are channels for which a user needs
// permission. The zero value means none.
type ChannelUse uint8

const (
	NoChannels      ChannelUse = iota
	OneChannel                 // the word after the name, as in PUBLISH
	AllChannels                // all words after the name, as in SUBSCRIBE
	ChannelPatterns            // the same, but they are patterns, as in PSUBSCRIBE
)

// categories are in the order of ACL CAT. Most of them are empty in a Sentinel,
// but rules may name them.
var categories = []string{
	"keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo",
	"stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting",
}

// table is the command table, indexed for the evaluation of rules. It never
// changes. Commands are identified by their index.
type table struct {
	commands []Command
	index    map[string]int
	subs     [][]int          // subcommands, by the index of their container
	category map[string][]int // by name without @
}

func newTable(commands []Command) (*table, error) {
	t := &table{
		commands: slices.Clone(commands),
		index:    make(map[string]int, len(commands)),
		subs:     make([][]int, len(commands)),
		category: make(map[string][]int, len(categories)),
	}
	for _, name := range categories {
		t.category[name] = nil
	}
	for i, c := range t.commands {
		if _, twice := t.index[c.Name]; twice || c.Name == "" || lower(c.Name) != c.Name {
			return nil, fmt.Errorf("acl: command %q: give each command once, with its name in lower case", c.Name)
		}
		t.index[c.Name] = i
		for _, name := range c.Categories {
			list, known := t.category[strings.TrimPrefix(name, "@")]
			if !known {
				return nil, fmt.Errorf("acl: command %q: there is no category %q", c.Name, name)
			}
			t.category[strings.TrimPrefix(name, "@")] = append(list, i)
		}
	}
	return t, t.link()
}

// link finds the subcommands of each container.
func (t *table) link() error {
	for i, c := range t.commands {
		container, _, sub := strings.Cut(c.Name, "|")
		if !sub {
			continue
		}
		parent, ok := t.index[container]
		if !ok {
			return fmt.Errorf("acl: command %q: its container is missing", c.Name)
		}
		t.subs[parent] = append(t.subs[parent], i)
	}
	return nil
}

func (t *table) lookup(name string) (int, bool) {
	i, ok := t.index[lower(name)]
	return i, ok
}

// Categories returns the names of all command categories, without the @, in
// the order of ACL CAT.
func Categories() []string { return slices.Clone(categories) }

// CommandsIn returns the full names of the commands in a category, in the order
// of the command table. The category is given without @, in any case. It reports
// false when there is no such category.
func (l *List) CommandsIn(category string) ([]string, bool) {
	list, ok := l.table.category[lower(category)]
	if !ok {
		return nil, false
	}
	names := make([]string, len(list))
	for i, cmd := range list {
		names[i] = l.table.commands[cmd].Name
	}
	return names, true
}

// lower maps ASCII letters only. Unicode has more characters whose lower case
// is an ASCII letter, and invalid bytes must stay as they are.
func lower(s string) string {
	has := func(r byte) bool { return 'A' <= r && r <= 'Z' }
	for i := range len(s) {
		if has(s[i]) {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				if has(b[j]) {
					b[j] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// bitset is a set of commands.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

func (b bitset) put(i int, in bool) {
	if in {
		b[i/64] |= 1 << (i % 64)
	} else {
		b[i/64] &^= 1 << (i % 64)
	}
}

func (b bitset) fill(in bool) {
	for i := range b {
		b[i] = 0
		if in {
			b[i] = ^uint64(0)
		}
	}
}
