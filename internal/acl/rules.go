package acl

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/gosentinel/sentinel/internal/words"
)

// rules define a user, except for the name. A value that a [User] points to never
// changes; an edit works on a clone.
type rules struct {
	enabled, noPass, skipSanitize bool
	passwords                     wordSet // SHA-256 in hex
	root                          *selector
	more                          []*selector
}

func setOf(word string) (s wordSet) {
	s.Put(word, struct{}{})
	return s
}

func newRules(t *table, allChannels bool) *rules { return &rules{root: newSelector(t, allChannels)} }

// openRules returns the rules of a default user that was not configured.
func openRules(t *table) *rules {
	r := newRules(t, true)
	r.enabled, r.noPass, r.root.allKeys = true, true, true
	r.root.setAll('+')
	return r
}

func (r *rules) clone() *rules {
	c := *r
	c.passwords = r.passwords.Clone()
	c.root = r.root.clone()
	c.more = slices.Clone(r.more) // no rule changes an existing further selector
	return &c
}

// editor applies rules to its own copy. After an error that copy must be
// discarded.
type editor struct {
	*rules
	table       *table
	allChannels bool // whether a new user or selector starts with all channels
}

func (e *editor) apply(rule string) error {
	switch lower(rule) {
	case "": // ignored, as in Redis
	case "on":
		e.enabled = true
	case "off":
		e.enabled = false
	case "nopass":
		e.noPass, e.passwords = true, wordSet{}
	case "resetpass":
		e.noPass, e.passwords = false, wordSet{}
	case "sanitize-payload":
		e.skipSanitize = false
	case "skip-sanitize-payload":
		e.skipSanitize = true
	case "clearselectors":
		e.more = nil
	case "reset":
		*e.rules = *newRules(e.table, e.allChannels)
	default:
		return e.applyOther(rule)
	}
	return nil
}

func (e *editor) applyOther(rule string) error {
	switch rule[0] {
	case '>':
		return e.addPassword(hashPassword(rule[1:]))
	case '#':
		return e.addPassword(rule[1:])
	case '<':
		return e.removePassword(hashPassword(rule[1:]))
	case '!':
		return e.removePassword(rule[1:])
	case '(':
		if strings.HasSuffix(rule, ")") {
			return e.addSelector(rule[1 : len(rule)-1])
		}
	}
	return e.root.apply(e.table, rule)
}

func (e *editor) addPassword(hash string) error {
	if !isHash(hash) {
		return ErrBadHash
	}
	e.passwords.Put(hash, struct{}{})
	e.noPass = false
	return nil
}

func (e *editor) removePassword(hash string) error {
	if !isHash(hash) {
		return ErrBadHash
	}
	if !e.passwords.Remove(hash) {
		return ErrNoSuchPassword
	}
	return nil
}

func (e *editor) addSelector(inside string) error {
	list, ok := words.Split(inside)
	if !ok {
		return ErrSyntax
	}
	s := newSelector(e.table, e.allChannels)
	for _, rule := range list {
		if err := s.apply(e.table, rule); err != nil {
			return err
		}
	}
	e.more = append(e.more, s)
	return nil
}

func hashPassword(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

func isHash(s string) bool {
	return len(s) == 2*sha256.Size && strings.Trim(s, "0123456789abcdef") == ""
}

// accepts reports whether a login with password succeeds. Its duration does not
// depend on where the password differs, or on whether the user is enabled.
func (r *rules) accepts(password string) bool {
	hash, found := []byte(hashPassword(password)), 0
	for p := range r.passwords.All() {
		found |= subtle.ConstantTimeCompare(hash, []byte(p))
	}
	return r.enabled && (r.noPass || found == 1)
}

// selectors yields all selectors, the root first.
func (r *rules) selectors(yield func(*selector) bool) {
	if !yield(r.root) {
		return
	}
	for _, s := range r.more {
		if !yield(s) {
			return
		}
	}
}

func (r *rules) allowsChannel(name string, pattern bool) bool {
	for s := range r.selectors {
		if s.allowsChannel(name, pattern) {
			return true
		}
	}
	return false
}

// keepsChannelsOf reports whether r allows all channels or has every channel rule
// of old. If so, no subscription can have become forbidden.
func (r *rules) keepsChannelsOf(old *rules) bool {
	have := map[string]bool{}
	for s := range r.selectors {
		if s.allChannels {
			return true
		}
		for c := range s.channels.All() {
			have[c] = true
		}
	}
	for s := range old.selectors {
		if s.allChannels {
			return false
		}
		for c := range s.channels.All() {
			if !have[c] {
				return false
			}
		}
	}
	return true
}

// flags returns the flags in the order of ACL GETUSER.
func (r *rules) flags() []string {
	flags := []string{"off"}
	if r.enabled {
		flags[0] = "on"
	}
	if r.noPass {
		flags = append(flags, "nopass")
	}
	if r.skipSanitize {
		return append(flags, "skip-sanitize-payload")
	}
	return append(flags, "sanitize-payload")
}

// words returns the rules that turn a new user into r.
func (r *rules) words() []string {
	words := r.flags()
	for hash := range r.passwords.All() {
		words = append(words, "#"+hash)
	}
	words = append(words, r.root.rules()...)
	for _, s := range r.more {
		words = append(words, s.String())
	}
	return words
}
