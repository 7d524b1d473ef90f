package server

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/internal/acl"
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/pubsub"
)

// mustLogin reports whether the client has to authenticate before anything else.
// As in redis-sentinel, a client that connected while no password was needed may
// stay, and one that connected while a password was needed may continue once none
// is.
func (c *client) mustLogin() bool {
	deleted := c.user.Load().Deleted()
	if c.authenticated && !deleted {
		return false
	}
	free := !deleted && c.server.cfg.Users.Open()
	c.conn.SetAuthenticated(free) // its limits follow
	return !free
}

// logIn logs the client in. If it returns false, it has already replied.
func (r *request) logIn(name, password string) bool {
	c, users := r.client, r.server.cfg.Users
	u, err := users.Authenticate(name, password)
	if err != nil {
		now := time.Now()
		users.LogAuthFailure(now, r.arg(0), name, string(c.appendInfo(nil, now)))
		r.failCoded(err)
		return false
	}
	c.user.Store(u)
	c.authenticated = true
	c.conn.SetAuthenticated(true)
	// If the user was deleted just before, its connections were searched for
	// before this one belonged to it.
	c.closing = c.closing || u.Deleted()
	return true
}

// permitted checks the client's permissions. If it returns false, it has already
// replied.
func (r *request) permitted() bool {
	c, users := r.client, r.server.cfg.Users
	u := c.user.Load()
	if u.Unlimited() || r.cmd.flags.has(flagNoAuth) {
		return true
	}
	denied := users.Check(u, r.cmd.needs(), r.args)
	if !denied.Denied() {
		return true
	}
	now := time.Now()
	users.LogDenial(now, denied, string(c.appendInfo(nil, now)))
	r.failCoded(denied)
	return false
}

// failCoded replies with an error whose text begins with its code.
func (r *request) failCoded(err error) {
	code, text, _ := strings.Cut(err.Error(), " ")
	r.fail(code, text)
}

// checkSubscriptions ends the client if it lost the permission for subscriptions
// while it was making them: the edit that took it away looked for subscriptions
// before these were in place.
func (r *request) checkSubscriptions() {
	c := r.client
	c.closing = c.closing || r.server.cfg.Users.Check(c.user.Load(), r.cmd.name, r.args).Denied()
}

// enforce ends the connections that a change of users leaves without permission.
// The client that made the change gets its reply first.
func (r *request) enforce(change acl.Change) {
	for _, c := range r.server.snapshot() {
		channels, patterns := c.subscribedTo()
		switch {
		case !change.Ends(c.user.Load(), channels, patterns):
		case c == r.client:
			c.closing = true
		default:
			c.kill()
		}
	}
}

// subscribedTo returns the names of the client's channels and patterns.
func (c *client) subscribedTo() (channels, patterns []string) {
	c.mu.Lock()
	sub := c.sub
	c.mu.Unlock()
	if sub == nil {
		return nil, nil
	}
	return sub.Names(pubsub.Channel), sub.Names(pubsub.Pattern)
}

func aclCommands() []*command {
	row := func(name string, arity int, flags commandFlags, run func(*request), since, summary string) *command {
		return &command{name: "acl|" + name, arity: arity, flags: flagNoScript | flagAnytime | flags, run: run, since: since, group: "server", summary: summary}
	}
	return []*command{
		row("cat", -2, 0, cmdACLCat, "6.0.0", "Lists the categories, or the commands in one."),
		row("deluser", -3, sentinelFlags, cmdACLDelUser, "6.0.0", "Deletes users and ends their connections."),
		row("dryrun", -4, sentinelFlags, cmdACLDryRun, "7.0.0", "Tells whether a user may run a command."),
		row("genpass", -2, 0, cmdACLGenPass, "6.0.0", "Returns a random password."),
		row("getuser", 3, sentinelFlags, cmdACLGetUser, "6.0.0", "Shows the rules of a user."),
		{name: "acl|help", arity: 2, flags: flagAnytime, run: func(r *request) { r.simples(aclHelp) }, since: "6.0.0", group: "server", summary: "Shows a description of the subcommands."},
		row("list", 2, sentinelFlags, func(r *request) { r.bulks(r.server.cfg.Users.Lines()) }, "6.0.0", "Lists the rules of the users."),
		row("load", 2, sentinelFlags, cmdACLLoad, "6.0.0", "Replaces the users by those of the ACL file."),
		row("log", -2, sentinelFlags, cmdACLLog, "6.0.0", "Shows what was refused."),
		row("save", 2, sentinelFlags, cmdACLSave, "6.0.0", "Writes the users into the ACL file."),
		row("setuser", -3, sentinelFlags, cmdACLSetUser, "6.0.0", "Creates or changes a user."),
		row("users", 2, sentinelFlags, func(r *request) { r.bulks(r.server.cfg.Users.Users()) }, "6.0.0", "Lists the users."),
		row("whoami", 2, 0, func(r *request) { r.bulk(r.client.user.Load().Name()) }, "6.0.0", "Returns the user of the connection."),
	}
}

var aclHelp = []string{
	"ACL <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
	"CAT [<category>]",
	"    List the commands of a category, or all categories.",
	"DELUSER <username> [<username> ...]",
	"    Delete users and end their connections.",
	"DRYRUN <username> <command> [<arg> ...]",
	"    Tell whether a user may run a command, without running it.",
	"GENPASS [<bits>]",
	"    Return a random password of 256 or of <bits> bits.",
	"GETUSER <username>",
	"    Show the rules of a user.",
	"LIST",
	"    Show all users with their rules, as an ACL file has them.",
	"LOAD",
	"    Replace all users by those of the ACL file.",
	"LOG [<count>|RESET]",
	"    Show the latest refusals and failed logins, or forget them.",
	"SAVE",
	"    Write all users into the ACL file. Without one, SENTINEL FLUSHCONFIG and",
	"    every other save of the configuration keeps them.",
	"SETUSER <username> [<rule> ...]",
	"    Create a user or change its rules.",
	"USERS",
	"    Show the names of the users.",
	"WHOAMI",
	"    Show the user of this connection.",
	"HELP",
	"    Print this help.",
}

// tooMany replies and returns true if a subcommand of ACL has more words than it
// takes.
func (r *request) tooMany(most int) bool {
	if len(r.args) <= most {
		return false
	}
	r.fail("ERR", "unknown subcommand or wrong number of arguments for '"+clip(r.args[1], 128)+"'. Try ACL HELP.")
	return true
}

func cmdACLCat(r *request) {
	if r.tooMany(3) {
		return
	}
	if len(r.args) == 2 {
		r.bulks(acl.Categories())
		return
	}
	names, ok := r.server.cfg.Users.CommandsIn(r.arg(2))
	if !ok {
		r.fail("ERR", "Unknown category '"+clip(r.args[2], 128)+"'")
		return
	}
	r.bulks(names)
}

func cmdACLSetUser(r *request) {
	change, err := r.server.cfg.Users.SetUser(r.arg(2), r.texts(3)...)
	if err != nil {
		r.fail("ERR", err.Error())
		return
	}
	r.enforce(change)
	r.ok()
}

// texts returns the words from index first on as strings.
func (r *request) texts(first int) []string {
	var list []string
	for i := first; i < len(r.args); i++ {
		list = append(list, r.arg(i))
	}
	return list
}

func cmdACLDelUser(r *request) {
	n, err := r.server.cfg.Users.DelUsers(r.texts(2)...)
	if err != nil {
		r.fail("ERR", err.Error())
		return
	}
	r.enforce(acl.Change{})
	r.integer(int64(n))
}

func cmdACLGetUser(r *request) {
	u, ok := r.server.cfg.Users.View(r.arg(2))
	if !ok {
		r.null()
		return
	}
	r.mapping(6)
	r.bulk("flags")
	r.set(len(u.Flags))
	for _, flag := range u.Flags {
		r.bulk(flag)
	}
	r.bulk("passwords")
	r.bulks(u.Passwords)
	r.selector(u.SelectorView)
	r.bulk("selectors")
	r.array(len(u.Selectors))
	for _, s := range u.Selectors {
		r.mapping(3)
		r.selector(s)
	}
}

func (r *request) selector(s acl.SelectorView) {
	for _, text := range []string{"commands", s.Commands, "keys", s.Keys, "channels", s.Channels} {
		r.bulk(text)
	}
}

func cmdACLDryRun(r *request) {
	users := r.server.cfg.Users
	u, ok := users.User(r.arg(2))
	if !ok {
		r.fail("ERR", "User '"+r.arg(2)+"' not found")
		return
	}
	words := r.args[3:]
	cmd, known := r.server.commands.lookup(words)
	switch {
	case !known:
		r.fail("ERR", "Command '"+r.arg(3)+"' not found")
		return
	case !cmd.arityOK(len(words)):
		r.fail("ERR", "wrong number of arguments for '"+cmd.name+"' command")
		return
	case cmd.flags.has(flagNoAuth):
		r.ok()
		return
	}
	if denied := users.Check(u, cmd.needs(), words); denied.Denied() {
		r.bulk(denied.DryRun())
		return
	}
	r.ok()
}

func cmdACLGenPass(r *request) {
	if r.tooMany(3) {
		return
	}
	bits := int64(acl.DefaultPasswordBits)
	if len(r.args) == 3 {
		var ok bool
		if bits, ok = r.number(2); !ok {
			r.fail("ERR", notAnInteger)
			return
		}
	}
	password, err := acl.GeneratePassword(int(min(max(bits, 0), math.MaxInt32)))
	if err != nil {
		r.fail("ERR", err.Error())
		return
	}
	r.bulk(password)
}

// defaultLogEntries is the number of entries that ACL LOG shows by default.
const defaultLogEntries = 10

func cmdACLLog(r *request) {
	users := r.server.cfg.Users
	count := int64(defaultLogEntries)
	switch {
	case r.tooMany(3):
		return
	case len(r.args) == 3 && r.is(2, "RESET"):
		users.ResetLog()
		r.ok()
		return
	case len(r.args) == 3:
		var ok bool
		if count, ok = r.number(2); !ok {
			r.fail("ERR", notAnInteger)
			return
		}
	}
	now := time.Now()
	entries := users.Log(int(min(max(count, 0), math.MaxInt32)))
	r.array(len(entries))
	for _, e := range entries {
		r.logEntry(e, now)
	}
}

func (r *request) logEntry(e acl.LogEntry, now time.Time) {
	r.mapping(10)
	r.bulk("count")
	r.integer(int64(e.Count))
	for _, text := range []string{"reason", e.Reason.String(), "context", "toplevel", "object", e.Object, "username", e.User, "age-seconds"} {
		r.bulk(text)
	}
	r.double(float64(max(e.Age(now), 0).Milliseconds()) / 1000)
	r.bulk("client-info")
	r.bulk(e.ClientInfo)
	r.bulk("entry-id")
	r.integer(int64(e.ID))
	r.bulk("timestamp-created")
	r.integer(e.Created.UnixMilli())
	r.bulk("timestamp-last-updated")
	r.integer(e.Updated.UnixMilli())
}

const noACLFile = "This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then " +
	"issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration."

func cmdACLLoad(r *request) {
	file := r.server.cfg.ACLFile
	if file == nil {
		r.fail("ERR", noACLFile)
		return
	}
	change, err := file.load()
	if err != nil {
		var bad *acl.FileError
		if !errors.As(err, &bad) { // errors in the file concern the client that asked; an unreadable file concerns the operator
			r.server.cfg.Log(monitor.LevelWarning, err.Error())
		}
		r.fail("ERR", err.Error())
		return
	}
	r.enforce(change)
	r.ok()
}

func cmdACLSave(r *request) {
	file := r.server.cfg.ACLFile
	if file == nil {
		r.fail("ERR", noACLFile)
		return
	}
	if err := file.save(); err != nil {
		r.server.cfg.Log(monitor.LevelWarning, fmt.Sprintf("The ACL file %s cannot be saved: %v", file.name, err))
		r.fail("ERR", "There was an error trying to save the ACLs. Please check the server logs for more information")
		return
	}
	r.ok()
}
