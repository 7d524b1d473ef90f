package server

import (
	"errors"
	"fmt"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/acl"
	"github.com/gosentinel/sentinel/internal/words"
)

// newUsers returns a list with only the default user, configured by requirepass
// and the ACL options.
func newUsers(set configrewrite.Settings) *acl.List {
	list, err := acl.New(aclTable(serverCommands()), acl.Options{
		AllChannels:   set.ACLPubSubDefault == "allchannels",
		LogMaxEntries: set.ACLLogMaxLen,
	})
	if err != nil {
		panic(err) // the command table is inconsistent, which tests rule out
	}
	list.SetDefaultPassword(set.RequirePass)
	return list
}

// aclTable converts the command table for ACL rules. Hidden commands that need no
// permission of their own are left out: rules must not name a command that
// redis-sentinel lacks.
func aclTable(t *Commands) []acl.Command {
	var list []acl.Command
	add := func(cmd *command) {
		if cmd.flags.has(flagHidden|flagNoAuth) || cmd.like != "" {
			return
		}
		list = append(list, acl.Command{
			Name: cmd.name, Categories: cmd.flags.categories(), NoAuth: cmd.flags.has(flagNoAuth), Channels: channelUse[cmd.name],
		})
	}
	for _, cmd := range t.list {
		add(cmd)
		for _, sub := range cmd.subs {
			add(sub)
		}
	}
	return list
}

// channelUse says which commands name channels. Unsubscribing needs no
// permission.
var channelUse = map[string]acl.ChannelUse{
	"publish": acl.OneChannel, "subscribe": acl.AllChannels, "psubscribe": acl.ChannelPatterns,
}

var errUsersAndFile = errors.New("Users are declared here although aclfile names a file for them: it would be unclear who may do what. " +
	"Move the users into that file, or remove aclfile")

// CheckUsers checks the users of a configuration for configrewrite. It returns
// their normalized declarations and, for each, a problem or nil.
func CheckUsers(set configrewrite.Settings) (normal []string, problems []error) {
	normal, problems = append(normal, set.Users...), make([]error, len(set.Users))
	list := newUsers(set)
	for i, text := range set.Users {
		problems[i] = declare(list, text)
	}
	if set.ACLFile != "" && len(set.Users) > 0 {
		problems[0] = errUsersAndFile
	}
	byName := map[string]string{}
	for _, user := range list.Declarations() {
		byName[user[0]] = words.Join(user...)
	}
	for i, text := range set.Users {
		if name, ok := words.Split(text); ok && problems[i] == nil {
			normal[i] = byName[name[0]]
		}
	}
	return normal, problems
}

// declare adds a user in the form that configurations use, "name rule…".
func declare(list *acl.List, text string) error {
	user, ok := words.Split(text)
	if !ok || len(user) == 0 {
		return fmt.Errorf("Error in user declaration '%s': it must be a name and rules", text)
	}
	return list.Declare(user[0], user[1:]...)
}

// OpenUsers returns the users that set asks for, and the ACL file, or nil without
// one. The warnings are about a requirepass that has no effect.
func OpenUsers(set configrewrite.Settings) (list *acl.List, file *ACLFile, warnings []string, err error) {
	list = newUsers(set)
	if name := set.ACLFile; name != "" {
		file = NewACLFile(name, configrewrite.InDir(set.Dir, name), list)
		if _, err := file.load(); err != nil {
			return nil, nil, nil, linesOfACL(name, err)
		}
	}
	for _, text := range set.Users {
		if err := declare(list, text); err != nil {
			return nil, nil, nil, err // checked before by CheckUsers
		}
	}
	return list, file, passwordWarnings(set, list), nil
}

func passwordWarnings(set configrewrite.Settings, list *acl.List) []string {
	switch pass := set.RequirePass; {
	case pass == "":
		return nil
	case list.Default().NoPass():
		return []string{"requirepass has no effect for clients: the user default is declared otherwise (user, aclfile) and needs no password"}
	default:
		if _, err := list.Authenticate(acl.DefaultUser, pass); err != nil {
			return []string{"requirepass has no effect for clients: the user default is declared otherwise (user, aclfile) and has other passwords"}
		}
		return nil
	}
}

// linesOfACL returns one error for each problem in an ACL file, up to a limit.
func linesOfACL(name string, err error) error {
	var bad *acl.FileError
	if !errors.As(err, &bad) {
		return err
	}
	const most = 20
	var all []error
	for i, p := range bad.Problems {
		if i == most {
			all = append(all, fmt.Errorf("%s: and %d more problems", name, len(bad.Problems)-most))
			break
		}
		all = append(all, fmt.Errorf("%s:%d: %s", name, p.Line, p.Text))
	}
	return errors.Join(all...)
}

// DisabledUsers returns a log line for each user of list that is not enabled,
// which includes every user without the rule "on".
func DisabledUsers(list *acl.List) (lines []string) {
	for _, name := range list.DisabledUsers() {
		lines = append(lines, fmt.Sprintf("The user '%s' is disabled (there is no 'on' modifier in the user description). "+
			"Make sure this is not a configuration error.", name))
	}
	return lines
}
