package sentinel

import (
	"slices"
	"strings"
)

// command is one row of the command table. A container such as SENTINEL has
// subs and no run of its own, except COMMAND, which works alone too.
type command struct {
	name  string // in full and in lower case: "ping", "sentinel|masters"
	arity int    // words in all; -n means n or more
	max   int    // words at most; 0 = no limit beyond arity
	flags commandFlags
	run   func(*request)
	subs  []*command

	// What COMMAND DOCS tells.
	since, group, summary string
}

// commandFlags say how a command is treated. Those that stock Redis shows in
// COMMAND INFO too are listed in flagNames and categories.
type commandFlags uint32

const (
	flagAdmin     commandFlags = 1 << iota // changes or reveals how this Sentinel works
	flagFast                               // takes constant time
	flagNoAuth                             // allowed before AUTH
	flagPubSub                             // belongs to Pub/Sub
	flagConn                               // concerns the own connection
	flagDangerous                          // not for ordinary users
	flagSubscribe                          // allowed for a RESP2 subscriber
	flagPushes                             // its reply is a push, which CLIENT REPLY cannot silence
	flagHidden                             // an extension that lists do not show
)

// flagNames and categories are in the order of COMMAND INFO.
var flagNames = []struct {
	flag commandFlags
	name string
}{{flagAdmin, "admin"}, {flagPubSub, "pubsub"}, {flagFast, "fast"}, {flagNoAuth, "no_auth"}}

func (f commandFlags) has(g commandFlags) bool { return f&g == g }

func (f commandFlags) names() []string {
	var list []string
	for _, n := range flagNames {
		if f.has(n.flag) {
			list = append(list, n.name)
		}
	}
	return list
}

// categories returns the ACL categories of the command.
func (f commandFlags) categories() []string {
	var list []string
	add := func(cond bool, name string) {
		if cond {
			list = append(list, "@"+name)
		}
	}
	add(f.has(flagAdmin), "admin")
	add(f.has(flagPubSub), "pubsub")
	add(f.has(flagFast), "fast")
	add(!f.has(flagFast), "slow")
	add(f.has(flagDangerous), "dangerous")
	add(f.has(flagConn), "connection")
	return list
}

// commandTable holds the commands in the order of COMMAND LIST.
type commandTable struct {
	list   []*command
	byName map[string]*command // containers' subcommands under "container|sub"
}

func newCommandTable(list []*command) *commandTable {
	t := &commandTable{list: list, byName: make(map[string]*command)}
	for _, cmd := range list {
		t.byName[cmd.name] = cmd
		for _, sub := range cmd.subs {
			t.byName[sub.name] = sub
		}
	}
	return t
}

// lookup finds the command for the words of a request. For an unknown
// subcommand it returns its container and false, for an unknown command nil.
func (t *commandTable) lookup(args [][]byte) (cmd *command, ok bool) {
	name, known := lowerName(args[0])
	if !known {
		return nil, false
	}
	cmd = t.byName[name]
	if cmd == nil || strings.Contains(name, "|") {
		return nil, false
	}
	if len(cmd.subs) == 0 || len(args) == 1 {
		return cmd, true
	}
	sub, known := lowerName(args[1])
	if found := t.byName[name+"|"+sub]; known && found != nil {
		return found, true
	}
	return cmd, false
}

// longestName bounds the work for a name that cannot be one of ours.
const longestName = 64

func lowerName(b []byte) (string, bool) {
	if len(b) > longestName {
		return "", false
	}
	return strings.ToLower(string(b)), true
}

// arityOK reports whether a request of n words has the right number of them.
func (cmd *command) arityOK(n int) bool {
	switch {
	case cmd.arity >= 0:
		return n == cmd.arity
	case cmd.max > 0 && n > cmd.max:
		return false
	default:
		return n >= -cmd.arity
	}
}

// shown returns the commands that lists show.
func (t *commandTable) shown() []*command {
	return slices.DeleteFunc(slices.Clone(t.list), func(c *command) bool { return c.flags.has(flagHidden) })
}

// The flag sets that many commands share.
const (
	sentinelFlags = flagAdmin | flagDangerous
	connFlags     = flagFast | flagConn
)

// serverCommands is the whole surface: the 15 commands of a stock Sentinel and
// QUIT, which Sentinels before 7.0 had and old clients still send (wire.md §2).
func serverCommands() *commandTable {
	return newCommandTable([]*command{
		{name: "acl", arity: -2, subs: aclCommands(), since: "6.0.0", group: "server", summary: "A container for Access List Control commands."},
		{name: "auth", arity: -2, flags: connFlags | flagNoAuth, run: cmdAuth, since: "1.0.0", group: "connection", summary: "Authenticates the connection."},
		{name: "client", arity: -2, subs: clientCommands(), since: "2.4.0", group: "connection", summary: "A container for client connection commands."},
		{name: "command", arity: -1, flags: flagConn, run: cmdCommand, subs: commandCommands(), since: "2.8.13", group: "server", summary: "Returns detailed information about all commands."},
		{name: "hello", arity: -1, flags: connFlags | flagNoAuth, run: cmdHello, since: "6.0.0", group: "connection", summary: "Handshakes with the server and selects the protocol."},
		{name: "info", arity: -1, flags: flagDangerous, run: cmdInfo, since: "1.0.0", group: "server", summary: "Returns information about this Sentinel."},
		{name: "ping", arity: -1, max: 2, flags: connFlags | flagSubscribe, run: cmdPing, since: "1.0.0", group: "connection", summary: "Tests whether this Sentinel answers."},
		{name: "psubscribe", arity: -2, flags: flagPubSub | flagSubscribe | flagPushes, run: cmdPSubscribe, since: "2.0.0", group: "pubsub", summary: "Subscribes to the events that match patterns."},
		{name: "publish", arity: 3, flags: flagPubSub | flagFast, run: cmdPublish, since: "2.0.0", group: "pubsub", summary: "Delivers a hello message of another Sentinel."},
		{name: "punsubscribe", arity: -1, flags: flagPubSub | flagSubscribe | flagPushes, run: cmdPUnsubscribe, since: "2.0.0", group: "pubsub", summary: "Ends subscriptions to patterns."},
		{name: "quit", arity: -1, flags: connFlags | flagNoAuth | flagSubscribe | flagHidden, run: cmdQuit, since: "1.0.0", group: "connection", summary: "Closes the connection."},
		{name: "role", arity: 1, flags: flagAdmin | flagFast | flagDangerous, run: cmdRole, since: "2.8.12", group: "server", summary: "Returns the role and the names of the monitored masters."},
		{name: "sentinel", arity: -2, flags: sentinelFlags, subs: sentinelCommands(), since: "2.8.4", group: "sentinel", summary: "A container for Sentinel commands."},
		{name: "shutdown", arity: -1, flags: flagAdmin | flagDangerous, run: cmdShutdown, since: "1.0.0", group: "server", summary: "Ends this Sentinel."},
		{name: "subscribe", arity: -2, flags: flagPubSub | flagSubscribe | flagPushes, run: cmdSubscribe, since: "2.0.0", group: "pubsub", summary: "Subscribes to events by name."},
		{name: "unsubscribe", arity: -1, flags: flagPubSub | flagSubscribe | flagPushes, run: cmdUnsubscribe, since: "2.0.0", group: "pubsub", summary: "Ends subscriptions to events."},
	})
}
