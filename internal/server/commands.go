package server

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gosentinel/sentinel/monitor"
)

// command is one row of the command table. A container such as SENTINEL has subs
// and no run of its own, except COMMAND, which also works alone.
type command struct {
	name  string // full name in lower case: "ping", "sentinel|masters"
	arity int    // number of words; -n means n or more
	max   int    // maximum number of words, checked after permissions; 0 = no limit
	flags commandFlags
	like  string // name of the command whose permission it needs; "" = its own
	run   func(*request)
	subs  []*command
	tips  []string // as COMMAND INFO shows them

	// For COMMAND DOCS.
	since, group, summary string
}

// commandFlags say how a command is treated. Those that COMMAND INFO shows, as in
// Redis, are listed in flagNames and categories.
type commandFlags uint32

const (
	flagAdmin      commandFlags = 1 << iota // changes or reveals how this Sentinel works
	flagFast                                // takes constant time
	flagNoAuth                              // allowed before AUTH
	flagPubSub                              // belongs to Pub/Sub
	flagConn                                // concerns its own connection
	flagDangerous                           // not for ordinary users
	flagAdminOnly                           // in the category admin, but without its flag
	flagAnytime                             // a data server allows it while loading or stale
	flagNoScript                            // a data server refuses it in scripts
	flagNoMulti                             // a data server refuses it in transactions
	flagAllowBusy                           // a data server allows it while a script runs
	flagSubscribe                           // allowed to a RESP2 subscriber
	flagPushes                              // its reply is a push, which CLIENT REPLY cannot silence
	flagWrite                               // held back by CLIENT PAUSE WRITE
	flagUnpausable                          // not held back by CLIENT PAUSE
	flagHidden                              // an extension that lists do not show
	flagImmediate                           // waits for nothing, but see client.immediate
	flagQuestion                            // waits for nothing if client.asksQuiet
)

// flagNames are in the order of COMMAND INFO.
var flagNames = []struct {
	flag  commandFlags
	names []string
}{
	{flagAdmin, []string{"admin"}}, {flagPubSub, []string{"pubsub"}}, {flagNoScript, []string{"noscript"}},
	{flagAnytime, []string{"loading", "stale"}}, {flagFast, []string{"fast"}}, {flagNoAuth, []string{"no_auth"}},
	{flagNoMulti, []string{"no_multi"}}, {flagAllowBusy, []string{"allow_busy"}},
}

// needs returns the name of the command that a user must be allowed to run.
func (cmd *command) needs() string { return cmp.Or(cmd.like, cmd.name) }

func (f commandFlags) has(g commandFlags) bool { return f&g == g }

func (f commandFlags) names() []string {
	var list []string
	for _, n := range flagNames {
		if f.has(n.flag) {
			list = append(list, n.names...)
		}
	}
	return list
}

// categories returns the ACL categories of the command, in the order of
// COMMAND INFO.
func (f commandFlags) categories() []string {
	var list []string
	add := func(cond bool, name string) {
		if cond {
			list = append(list, "@"+name)
		}
	}
	add(f.has(flagPubSub), "pubsub")
	add(f.has(flagAdmin) || f.has(flagAdminOnly), "admin")
	add(f.has(flagFast), "fast")
	add(!f.has(flagFast), "slow")
	add(f.has(flagDangerous), "dangerous")
	add(f.has(flagConn), "connection")
	return list
}

// Commands is a table of commands in the order of COMMAND LIST.
type Commands struct {
	list   []*command
	byName map[string]*command // subcommands are under "container|sub"
}

func newTable(list []*command) *Commands {
	t := &Commands{list: list, byName: make(map[string]*command)}
	for _, cmd := range list {
		t.byName[cmd.name] = cmd
		for _, sub := range cmd.subs {
			t.byName[sub.name] = sub
		}
	}
	return t
}

// lookup finds the command for the words of a request. For an unknown subcommand
// it returns the container and false, for an unknown command nil and false. It
// allocates nothing.
func (t *Commands) lookup(args [][]byte) (cmd *command, ok bool) {
	var buf [2*longestName + 1]byte
	if len(args[0]) > longestName {
		return nil, false
	}
	name := appendLower(buf[:0], args[0])
	cmd = t.byName[string(name)]
	if cmd == nil || bytes.IndexByte(name, '|') >= 0 {
		return nil, false
	}
	if len(cmd.subs) == 0 || len(args) == 1 {
		return cmd, true
	}
	if len(args[1]) > longestName {
		return cmd, false
	}
	full := append(append(buf[:0], cmd.name...), '|') // cmd.name may differ from name after a rename
	if found := t.byName[string(appendLower(full, args[1]))]; found != nil {
		return found, true
	}
	return cmd, false
}

// find returns the command with the given full name, such as "sentinel|masters",
// or nil.
func (t *Commands) find(name string) *command {
	container, sub, isSub := strings.Cut(lower(name), "|")
	cmd := t.byName[container]
	if isSub && cmd != nil {
		cmd = t.byName[cmd.name+"|"+sub]
	}
	return cmd
}

var (
	errNoSuchCommand = errors.New("there is no such command here, so nothing is renamed")
	errNameTaken     = errors.New("Target command name already exists")
)

// rename gives a command another name, or removes it if to is empty. ACL rules
// and replies continue to use its original name.
func (t *Commands) rename(from, to string) error {
	from, to = lower(from), lower(to)
	cmd := t.byName[from]
	switch {
	case cmd == nil || strings.Contains(from, "|"):
		return errNoSuchCommand
	case strings.Contains(to, "|") || len(to) > longestName:
		return fmt.Errorf("a command can have no name with a bar and none of more than %d bytes", longestName)
	case t.byName[to] != nil:
		return errNameTaken
	}
	delete(t.byName, from)
	if to != "" {
		t.byName[to] = cmd
		return nil
	}
	t.list = slices.DeleteFunc(slices.Clone(t.list), func(c *command) bool { return c == cmd })
	return nil
}

// NewCommands returns all commands under the names that renames (nil for none)
// asks for. A rename of a command that a Sentinel does not have causes only a
// warning, since such lines come from configurations of data servers.
func NewCommands(renames *monitor.RenameTable) (t *Commands, warnings []string, err error) {
	t = serverCommands()
	for _, r := range renames.Entries() {
		switch bad := t.rename(r.From, r.To); bad {
		case nil:
		case errNoSuchCommand:
			warnings = append(warnings, fmt.Sprintf("rename-command %s: %v", r.From, bad))
			continue
		default:
			err = errors.Join(err, fmt.Errorf("rename-command %s: %w", r.From, bad))
			continue
		}
		if harm := missed[strings.ToLower(r.From)]; harm != "" && !strings.EqualFold(r.From, r.To) {
			warnings = append(warnings, missedText(r, harm))
		}
	}
	return t, warnings, err
}

// missed says who fails when a command does not have its name any more.
var missed = map[string]string{
	"sentinel":   "other Sentinels cannot ask this one for its opinion and its vote, so there may be no failover, and clients cannot ask it for masters",
	"ping":       "other Sentinels take this one for down, and so do health checks",
	"publish":    "other Sentinels cannot deliver their hello messages to this one, so it may learn of a failover late",
	"auth":       "other Sentinels and clients cannot log in here",
	"subscribe":  "clients cannot subscribe to events, so they learn of a failover late",
	"psubscribe": "clients cannot subscribe to events by pattern, so they learn of a failover late",
}

// missedText does not show the new name: it protects as long as nobody knows it.
func missedText(r monitor.Renamed, harm string) string {
	name := strings.ToUpper(r.From)
	if r.To == "" {
		return fmt.Sprintf("rename-command %s \"\" removes a command that others need: %s. Remove this line", name, harm)
	}
	return fmt.Sprintf("rename-command %s: %s, except those that know the new name (other Sentinels: sentinel rename-command <master> %s <new name>)", name, harm, name)
}

// longestName bounds the work for names that cannot be in the table.
const longestName = 64

// appendLower appends b in lower case. As in Redis, only ASCII has any.
func appendLower(dst, b []byte) []byte {
	for _, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

func lower(s string) string { return string(appendLower(nil, []byte(s))) }

// arityOK reports whether a request of n words has the right number of them.
func (cmd *command) arityOK(n int) bool {
	switch {
	case cmd.arity >= 0:
		return n == cmd.arity
	default:
		return n >= -cmd.arity
	}
}

// shown returns the commands that lists show, which excludes hidden ones.
func (t *Commands) shown() []*command {
	return slices.DeleteFunc(slices.Clone(t.list), func(c *command) bool { return c.flags.has(flagHidden) })
}

// Sets of flags that many commands share.
const (
	sentinelFlags  = flagAdmin | flagDangerous
	subscribeFlags = flagPubSub | flagSubscribe | flagPushes | flagNoScript | flagAnytime
	loginFlags     = flagFast | flagConn | flagNoAuth | flagNoScript | flagAnytime | flagAllowBusy
)

// Tips that several commands share.
var (
	tipUnordered = []string{"nondeterministic_output_order"}
	tipVarying   = []string{"nondeterministic_output"}
)

// serverCommands returns all commands: the 15 of redis-sentinel; QUIT, which
// Sentinels before 7.0 had and old clients still send; and ECHO, with which
// monitoring agents probe any server (wire.md §2, Non-SENTINEL commands).
func serverCommands() *Commands {
	return newTable([]*command{
		{name: "acl", arity: -2, subs: aclCommands(), since: "6.0.0", group: "server", summary: "A container for Access List Control commands."},
		{name: "auth", arity: -2, flags: loginFlags, run: cmdAuth, since: "1.0.0", group: "connection", summary: "Authenticates the connection."},
		{name: "client", arity: -2, subs: clientCommands(), since: "2.4.0", group: "connection", summary: "A container for client connection commands."},
		{name: "command", arity: -1, flags: flagConn | flagAnytime, run: cmdCommand, subs: commandCommands(), tips: tipUnordered, since: "2.8.13", group: "server", summary: "Returns detailed information about all commands."},
		{name: "echo", arity: 2, like: "ping", flags: flagFast | flagConn | flagAnytime | flagHidden | flagImmediate, run: func(r *request) { r.bulkBytes(r.args[1]) }, since: "1.0.0", group: "connection", summary: "Returns its argument."},
		{name: "hello", arity: -1, flags: loginFlags, run: cmdHello, since: "6.0.0", group: "connection", summary: "Handshakes with the server and selects the protocol."},
		{name: "info", arity: -1, flags: flagDangerous | flagAnytime, run: cmdInfo, tips: []string{tipVarying[0], "request_policy:all_shards", "response_policy:special"}, since: "1.0.0", group: "server", summary: "Returns information about this Sentinel."},
		{name: "ping", arity: -1, max: 2, flags: flagFast | flagConn | flagSubscribe | flagImmediate, run: cmdPing, tips: []string{"request_policy:all_shards", "response_policy:all_succeeded"}, since: "1.0.0", group: "connection", summary: "Tests whether this Sentinel answers."},
		{name: "psubscribe", arity: -2, flags: subscribeFlags, run: cmdPSubscribe, since: "2.0.0", group: "pubsub", summary: "Subscribes to the events that match patterns."},
		{name: "publish", arity: 3, flags: flagPubSub | flagFast | flagAnytime | flagWrite, run: cmdPublish, since: "2.0.0", group: "pubsub", summary: "Delivers a hello message of another Sentinel."},
		{name: "punsubscribe", arity: -1, flags: subscribeFlags, run: cmdPUnsubscribe, since: "2.0.0", group: "pubsub", summary: "Ends subscriptions to patterns."},
		{name: "quit", arity: -1, flags: flagFast | flagConn | flagNoAuth | flagSubscribe | flagHidden | flagImmediate, run: cmdQuit, since: "1.0.0", group: "connection", summary: "Closes the connection."},
		{name: "role", arity: 1, flags: flagAdminOnly | flagFast | flagDangerous | flagNoScript | flagAnytime, run: cmdRole, since: "2.8.12", group: "server", summary: "Returns the role and the names of the monitored masters."},
		{name: "sentinel", arity: -2, flags: sentinelFlags, subs: sentinelCommands(), since: "2.8.4", group: "sentinel", summary: "A container for Sentinel commands."},
		{name: "shutdown", arity: -1, flags: sentinelFlags | flagNoScript | flagAnytime | flagNoMulti | flagAllowBusy, run: cmdShutdown, since: "1.0.0", group: "server", summary: "Ends this Sentinel."},
		{name: "subscribe", arity: -2, flags: subscribeFlags, run: cmdSubscribe, since: "2.0.0", group: "pubsub", summary: "Subscribes to events by name."},
		{name: "unsubscribe", arity: -1, flags: subscribeFlags, run: cmdUnsubscribe, since: "2.0.0", group: "pubsub", summary: "Ends subscriptions to events."},
	})
}
