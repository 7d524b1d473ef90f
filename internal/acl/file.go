package acl

import (
	"errors"
	"fmt"
	"strings"
)

// Load replaces all users by those of an ACL file. If anything is wrong with it,
// Load returns a [*FileError] and changes nothing. The error mentions name as the
// file's name. If the file does not declare the default user, that user is reset
// to what [New] makes. A user that remains keeps its [User]; which connections
// must end is reported by the Change.
//
// Each line is "user NAME RULE…", its words separated by blanks. Empty lines are
// allowed, quotes and comments are not.
func (l *List) Load(name string, text []byte) (Change, error) {
	p := fileParser{list: l, name: name, users: map[string]*rules{}}
	for line := range strings.SplitSeq(string(text), "\n") {
		p.number++
		if line = strings.Trim(line, " \t\r"); line != "" {
			p.line(line)
		}
	}
	if len(p.problems) > 0 {
		return Change{}, &FileError{Problems: p.problems}
	}
	return l.replaceAll(p.users), nil
}

func (l *List) replaceAll(users map[string]*rules) Change {
	if users[DefaultUser] == nil {
		users[DefaultUser] = openRules(l.table)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var c Change
	for name, u := range l.users {
		if users[name] == nil {
			l.remove(u)
		}
	}
	for name, r := range users {
		if u, ok := l.users[name]; ok {
			c.replace(u, r)
		} else {
			l.add(name, r)
		}
	}
	return c
}

// Render returns the text of an ACL file that [List.Load] reads back.
func (l *List) Render() []byte {
	return []byte(strings.Join(l.Lines(), "\n") + "\n")
}

type fileParser struct {
	list     *List
	name     string
	number   int // of the line
	users    map[string]*rules
	problems []Problem
}

func (p *fileParser) line(line string) {
	words := strings.Split(line, " ")
	if words[0] != "user" || len(words) < 2 {
		p.problem("should start with user keyword followed by the username", "%[1]s:%[2]d %[3]s. ")
		return
	}
	name := words[1]
	switch {
	case p.users[name] != nil:
		p.problem(fmt.Sprintf("Duplicate user '%s' found", name), "WARNING: %[3]s on line %[2]d. ")
		return
	case unwritable(name):
		p.problem(fmt.Sprintf("username '%s' contains invalid characters", name), "'%[1]s:%[2]d: %[3]s. ")
		return
	}
	e := p.list.editor()
	p.users[name] = e.rules // even after an error, so that a duplicate is found
	merged, _, ok := mergeSelectors(words[2:])
	if !ok {
		p.problem(ErrOpenParenthesis.Error(), "%[1]s:%[2]d: %[3]s. ")
		return
	}
	p.rules(e, merged)
}

// rules reports every unknown command, but only the first of the other errors,
// because later ones may only be consequences of it. The rules of those are not
// shown: they may be passwords.
func (p *fileParser) rules(e *editor, rules []string) {
	failed := false
	for _, rule := range rules {
		rule = strings.Trim(rule, "\t\r")
		err := e.apply(rule)
		if errors.Is(err, ErrUnknownCommand) {
			p.problem(fmt.Sprintf("Error in applying operation '%s': %v", masked(rule), err), "%[1]s:%[2]d: %[3]s. ")
		} else if err != nil && !failed {
			failed = true
			p.problem(err.Error(), "%[1]s:%[2]d: %[3]s. ")
		}
	}
}

// problem records what is wrong with the line, and how redis-sentinel words it.
func (p *fileParser) problem(text, format string) {
	p.problems = append(p.problems, Problem{Line: p.number, Text: text, stock: fmt.Sprintf(format, p.name, p.number, text)})
}

// Declare adds the user of a line "user NAME RULE…" of a configuration file. Each
// name may be declared once. For the default user, too, the rules start from
// those of a new user. The error's text is complete except for the line number.
func (l *List) Declare(name string, words ...string) error {
	if unwritable(name) {
		return wrong(ErrUserName, "Spaces not allowed in ACL usernames")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.declared[name] {
		return wrong(ErrDuplicateUser, "Error in user declaration '%s': %v", name, ErrDuplicateUser)
	}
	merged, open, ok := mergeSelectors(words)
	if !ok {
		return wrong(ErrOpenParenthesis, "Error in user declaration '%s': %v", masked(open), ErrOpenParenthesis)
	}
	e := l.editor()
	for _, rule := range merged {
		switch err := e.apply(rule); {
		case errors.Is(err, ErrUnknownCommand):
			return wrong(err, "Error loading ACL rule '%s' for the user named '%s': %v", masked(rule), name, err)
		case err != nil:
			return wrong(err, "Error in user declaration '%s': %v", masked(rule), err)
		}
	}
	l.declared[name] = true
	if u, ok := l.users[name]; ok {
		u.rules.Store(e.rules)
	} else {
		l.add(name, e.rules)
	}
	return nil
}

// masked hides a password in a rule, because the error is logged. A word without
// a sign in front may be a password whose sign was forgotten.
func masked(rule string) string {
	switch {
	case rule == "":
		return rule
	case strings.ContainsAny(rule, "<>#!"):
		return rule[:1] + "***"
	case !strings.ContainsAny(rule[:1], "+-~&%("):
		return "***"
	}
	return rule
}
