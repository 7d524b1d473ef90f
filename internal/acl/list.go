package acl

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Options configure a [List]. The zero value gives new users no channels and
// keeps no log.
type Options struct {
	AllChannels   bool // new users and selectors may use all channels: acl-pubsub-default allchannels
	LogMaxEntries int  // acllog-max-len
}

// A List holds the users of a Sentinel. It is safe for concurrent use. Create
// it with [New].
type List struct {
	table       *table
	allChannels bool

	mu       sync.RWMutex // guards users and declared; an edit holds it from reading rules to storing them
	users    map[string]*User
	declared map[string]bool
	open     *User // the default user, which is always in users too

	log auditLog
}

// A User is the handle that a connection keeps. It stays valid when the user
// changes or is deleted. It is safe for concurrent use.
type User struct {
	name    string
	rules   atomic.Pointer[rules]
	deleted atomic.Bool
}

// DefaultUser is the name of the user that a connection has before AUTH.
const DefaultUser = "default"

// New returns a list with only the default user, which may do everything and
// needs no password. It fails if the table has a duplicate command, a subcommand
// without its container, or a category that does not exist.
func New(commands []Command, opt Options) (*List, error) {
	t, err := newTable(commands)
	if err != nil {
		return nil, err
	}
	l := &List{table: t, allChannels: opt.AllChannels, users: map[string]*User{}, declared: map[string]bool{}}
	l.log.most = max(0, opt.LogMaxEntries)
	l.open = l.add(DefaultUser, openRules(t))
	return l, nil
}

// add adds a user. The caller holds mu.
func (l *List) add(name string, r *rules) *User {
	u := &User{name: name}
	u.rules.Store(r)
	l.users[name] = u
	return u
}

// Name returns the name of the user.
func (u *User) Name() string { return u.name }

// Deleted reports whether the user was removed. Its connections must end, or
// count as not authenticated. A user created later under the same name is a
// different User.
func (u *User) Deleted() bool { return u.deleted.Load() }

// Enabled reports whether it is possible to log in as the user. Connections that
// logged in before it was disabled remain.
func (u *User) Enabled() bool { return u.rules.Load().enabled }

// Unlimited reports whether the user may run every command with every channel.
// Then [List.Check] need not be called. It is much cheaper than Check.
func (u *User) Unlimited() bool {
	r := u.rules.Load().root
	return r.base == '+' && r.text.Len() == 0 && r.allChannels && !u.deleted.Load()
}

// NoPass reports whether any password is accepted for the user.
func (u *User) NoPass() bool { return u.rules.Load().noPass }

// Default returns the user named [DefaultUser]. It is the same User for the life
// of the list.
func (l *List) Default() *User { return l.open }

// Open reports whether a connection needs no AUTH, because the default user is
// enabled and has no password. Otherwise a connection that has not logged in may
// run only commands that need no authentication.
func (l *List) Open() bool {
	r := l.open.rules.Load()
	return r.enabled && r.noPass
}

// User returns the user of that name, or false if there is none.
func (l *List) User(name string) (*User, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	u, ok := l.users[name]
	return u, ok
}

// Users returns the names of all users, sorted by their bytes.
func (l *List) Users() []string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return slices.Sorted(maps.Keys(l.users))
}

// unknownUser stands in for users that do not exist, so that the duration of a
// login does not reveal which names exist. It is not enabled and accepts no
// password.
var unknownUser = &rules{passwords: setOf(hashPassword(""))}

// Authenticate returns the user for a name and password, or [ErrWrongPass].
func (l *List) Authenticate(name, password string) (*User, error) {
	u, known := l.User(name)
	r := unknownUser
	if known {
		r = u.rules.Load()
	}
	if !r.accepts(password) {
		return nil, ErrWrongPass
	}
	return u, nil
}

// SetUser applies rules to a user, creating it if needed, or returns an error and
// changes nothing. The words of a selector may come as one string or several. The
// error reads as the reply to ACL SETUSER without its "ERR ".
func (l *List) SetUser(name string, words ...string) (Change, error) {
	if unwritable(name) {
		return Change{}, ErrUserName
	}
	merged, open, ok := mergeSelectors(words)
	if !ok {
		return Change{}, wrong(ErrOpenParenthesis, "Unmatched parenthesis in acl selector starting at '%s'.", open)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	u, known := l.users[name]
	e := l.editor()
	if known {
		e.rules = u.rules.Load().clone()
	}
	for _, rule := range merged {
		if err := e.apply(rule); err != nil {
			return Change{}, wrong(err, "Error in ACL SETUSER modifier '%s': %v", rule, err)
		}
	}
	if !known {
		l.add(name, e.rules)
		return Change{}, nil
	}
	var c Change
	c.replace(u, e.rules)
	return c, nil
}

// editor returns an editor that starts from a new user's rules.
func (l *List) editor() *editor {
	return &editor{rules: newRules(l.table, l.allChannels), table: l.table, allChannels: l.allChannels}
}

// SetDefaultPassword makes password the only one of the default user, as
// requirepass does. "" makes that user need none.
func (l *List) SetDefaultPassword(password string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.open.rules.Load().clone()
	r.noPass, r.passwords = password == "", wordSet{}
	if password != "" {
		r.passwords = setOf(hashPassword(password))
	}
	l.open.rules.Store(r)
}

// DelUsers removes the named users and returns how many of them existed. If the
// default user is among them, it removes none and returns [ErrRemoveDefault]. The
// connections of removed users must end; see [User.Deleted].
func (l *List) DelUsers(names ...string) (int, error) {
	if slices.Contains(names, DefaultUser) {
		return 0, ErrRemoveDefault
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, name := range names {
		if u, ok := l.users[name]; ok {
			l.remove(u)
			n++
		}
	}
	return n, nil
}

// remove removes a user. The caller holds mu.
func (l *List) remove(u *User) {
	u.deleted.Store(true)
	delete(l.users, u.name)
}

// Lines returns the users as ACL LIST does, "user bob on …", sorted by name.
func (l *List) Lines() []string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	lines := make([]string, 0, len(l.users))
	for _, name := range slices.Sorted(maps.Keys(l.users)) {
		words := append([]string{"user", name}, l.users[name].rules.Load().words()...)
		lines = append(lines, strings.Join(words, " "))
	}
	return lines
}

// Declarations returns, for each user, the words that follow "user" in a
// configuration file, the name first. The caller quotes words as needed: unlike
// in ACL LIST and ACL files, a quote in a configuration file has a meaning.
func (l *List) Declarations() [][]string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	list := make([][]string, 0, len(l.users))
	for _, name := range slices.Sorted(maps.Keys(l.users)) {
		list = append(list, append([]string{name}, l.users[name].rules.Load().words()...))
	}
	return list
}

// A SelectorView is a set of permissions as ACL GETUSER shows it. "" means that
// there are none of a kind. Commands is never "": it starts with +@all or -@all.
type SelectorView struct{ Commands, Keys, Channels string }

// A UserView is what ACL GETUSER shows.
type UserView struct {
	Flags     []string // on or off, nopass, how payloads are sanitized
	Passwords []string // SHA-256 in hex
	SelectorView
	Selectors []SelectorView // those in parentheses
}

// View returns the user of that name as ACL GETUSER shows it.
func (l *List) View(name string) (UserView, bool) {
	u, ok := l.User(name)
	if !ok {
		return UserView{}, false
	}
	r := u.rules.Load()
	v := UserView{Flags: r.flags(), Passwords: r.passwords.List(), SelectorView: r.root.view()}
	for _, s := range r.more {
		v.Selectors = append(v.Selectors, s.view())
	}
	return v, true
}

func (s *selector) view() SelectorView {
	join := func(rules []string) string { return strings.Join(rules, " ") }
	return SelectorView{Commands: join(s.commandRules()), Keys: join(s.keyRules()), Channels: join(s.channelRules())}
}

// DisabledUsers returns the sorted names of the users that are not enabled.
// redis-sentinel warns of them at the start.
func (l *List) DisabledUsers() []string {
	return slices.DeleteFunc(l.Users(), func(name string) bool {
		u, ok := l.User(name)
		return !ok || u.Enabled()
	})
}
