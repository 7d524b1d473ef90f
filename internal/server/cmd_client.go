package server

import (
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/internal/acl"
)

func clientCommands() []*command {
	conn := func(name string, arity int, flags commandFlags, run func(*request), since, summary string) *command {
		return &command{name: "client|" + name, arity: arity, flags: flagConn | flagNoScript | flagAnytime | flags, run: run, since: since, group: "connection", summary: summary}
	}
	varying := func(c *command) *command {
		c.tips = tipVarying
		return c
	}
	return []*command{
		conn("caching", 3, 0, cmdClientCaching, "6.0.0", "Accepted as the tracking mode allows; a Sentinel has no keys to cache."),
		conn("getname", 2, flagImmediate, cmdClientGetName, "2.6.9", "Returns the name of the connection."),
		conn("getredir", 2, 0, cmdClientGetRedir, "6.0.0", "Returns the client that invalidations of this one would go to."),
		{name: "client|help", arity: 2, flags: flagConn | flagAnytime, run: func(r *request) { r.simples(clientHelp) }, since: "5.0.0", group: "connection", summary: "Shows a description of the subcommands."},
		conn("id", 2, flagImmediate, func(r *request) { r.integer(int64(r.client.id)) }, "5.0.0", "Returns the id of the connection."),
		varying(conn("info", 2, 0, cmdClientInfo, "6.2.0", "Returns information about the connection.")),
		conn("kill", -3, flagAdmin|flagDangerous, cmdClientKill, "2.4.0", "Closes connections."),
		varying(conn("list", -2, flagAdmin|flagDangerous, cmdClientList, "2.4.0", "Lists the open connections.")),
		conn("no-evict", 3, flagAdmin|flagDangerous, cmdClientNoEvict, "7.0.0", "Accepted; a Sentinel evicts no client."),
		conn("pause", -3, flagAdmin|flagDangerous, cmdClientPause, "2.9.50", "Makes clients wait."),
		conn("reply", 3, 0, cmdClientReply, "3.2.0", "Switches the replies to this connection on or off."),
		conn("setinfo", 4, flagImmediate, cmdClientSetInfo, "7.2.0", "Sets the name or version of the client library."),
		conn("setname", 3, flagImmediate, cmdClientSetName, "2.6.9", "Sets the name of the connection."),
		conn("tracking", -3, 0, cmdClientTracking, "6.0.0", "Accepted; a Sentinel has no keys to track."),
		conn("trackinginfo", 2, 0, cmdClientTrackingInfo, "6.2.0", "Returns the tracking mode of the connection."),
		conn("unblock", -3, flagAdmin|flagDangerous, cmdClientUnblock, "5.0.0", "Returns 0: no command of a Sentinel blocks."),
		conn("unpause", 2, flagAdmin|flagDangerous|flagUnpausable, cmdClientUnpause, "6.2.0", "Ends CLIENT PAUSE."),
	}
}

var clientHelp = []string{
	"CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
	"CACHING (YES|NO)",
	"    Accepted in tracking mode OPTIN or OPTOUT, without effect.",
	"GETNAME",
	"    Show the name of this connection.",
	"GETREDIR",
	"    Show the client that invalidations go to: -1 without tracking, 0 for none.",
	"ID",
	"    Show the id of this connection.",
	"INFO",
	"    Show what is known about this connection.",
	"KILL <ip:port>",
	"    Close the connection from this address.",
	"KILL <option> <value> [<option> <value> [...]]",
	"    Close the connections that all options select:",
	"    * ADDR <ip:port>, LADDR <ip:port>: its far or near address",
	"    * ID <id>, USER <name>, TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
	"    * MAXAGE <seconds>: at least that old",
	"    * SKIPME (YES|NO): leave out this connection (default: yes)",
	"LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB)] [ID <id> [<id> ...]]",
	"    Show the open connections.",
	"NO-EVICT (ON|OFF)",
	"    Accepted without effect: no client is evicted here.",
	"PAUSE <milliseconds> [WRITE|ALL]",
	"    Make the commands of all clients wait, or those that publish only. To",
	"    other Sentinels this one looks down meanwhile.",
	"REPLY (ON|OFF|SKIP)",
	"    Choose whether this connection gets replies.",
	"SETINFO (LIB-NAME|LIB-VER) <value>",
	"    Tell which client library this is.",
	"SETNAME <name>",
	"    Give this connection a name.",
	"TRACKING (ON|OFF) [...]",
	"    Accepted without effect: there are no keys to track.",
	"TRACKINGINFO",
	"    Show the tracking mode of this connection.",
	"UNBLOCK <client-id> [TIMEOUT|ERROR]",
	"    Accepted; no command of a Sentinel blocks.",
	"UNPAUSE",
	"    End PAUSE.",
	"HELP",
	"    Print this help.",
}

func cmdClientGetName(r *request) {
	c := r.client
	c.mu.Lock()
	name := c.name
	c.mu.Unlock()
	if name == "" {
		r.null()
	} else {
		r.bulk(name)
	}
}

func cmdClientSetName(r *request) {
	if !validName(r.arg(2)) {
		r.fail("ERR", badName)
		return
	}
	r.client.setName(r.arg(2))
	r.ok()
}

func cmdClientSetInfo(r *request) {
	c := r.client
	option := strings.ToLower(r.arg(2))
	if option != "lib-name" && option != "lib-ver" {
		r.fail("ERR", "Unrecognized option '"+r.arg(2)+"'")
		return
	}
	if !validName(r.arg(3)) {
		r.fail("ERR", option+" cannot contain spaces, newlines or special characters.")
		return
	}
	c.mu.Lock()
	if option == "lib-name" {
		c.libName = r.arg(3)
	} else {
		c.libVer = r.arg(3)
	}
	c.mu.Unlock()
	r.ok()
}

func cmdClientInfo(r *request) {
	r.verbatim(string(append(r.client.appendInfo(nil, time.Now()), '\n')))
}

func cmdClientNoEvict(r *request) {
	on := r.is(2, "on")
	if !on && !r.is(2, "off") {
		r.fail("ERR", "syntax error")
		return
	}
	r.client.mu.Lock()
	r.client.noEvict = on
	r.client.mu.Unlock()
	r.ok()
}

func cmdClientReply(r *request) {
	c := r.client
	switch {
	case r.is(2, "on"):
		c.muted, c.skip = false, 0
		r.ok()
	case r.is(2, "off"):
		c.muted = true
	case r.is(2, "skip"):
		if !c.muted {
			c.skip = 2
		}
	default:
		r.fail("ERR", "syntax error")
	}
}

// clientTypes are the values of TYPE. A Sentinel has no connections of the
// replication types, so those select nothing.
var clientTypes = map[string]string{
	"normal": "normal", "pubsub": "pubsub", "master": "master", "replica": "replica", "slave": "replica",
}

func (r *request) clientType(i int) (string, bool) {
	kind, ok := clientTypes[strings.ToLower(r.arg(i))]
	if !ok {
		r.fail("ERR", "Unknown client type '"+r.arg(i)+"'")
	}
	return kind, ok
}

func cmdClientList(r *request) {
	list := r.server.snapshot()
	switch {
	case len(r.args) == 2:
	case len(r.args) == 4 && r.is(2, "TYPE"):
		kind, ok := r.clientType(3)
		if !ok {
			return
		}
		list = slices.DeleteFunc(list, func(c *client) bool { return c.clientType() != kind })
	case len(r.args) > 3 && r.is(2, "ID"):
		var ok bool
		if list, ok = r.clientsByID(list); !ok {
			return
		}
	default:
		r.fail("ERR", "syntax error")
		return
	}
	now := time.Now()
	var text []byte
	for _, c := range list {
		text = append(c.appendInfo(text, now), '\n')
	}
	r.verbatim(string(text))
}

// clientsByID returns the clients whose ids are in the request, in the order of
// the request. Duplicate ids are ignored, or a short request could cause an
// arbitrarily long reply.
func (r *request) clientsByID(all []*client) (list []*client, ok bool) {
	left := make(map[uint64]*client, len(all))
	for _, c := range all {
		left[c.id] = c
	}
	for i := 3; i < len(r.args); i++ {
		n, isNumber := r.number(i)
		if !isNumber {
			r.fail("ERR", "Invalid client ID")
			return nil, false
		}
		if c := left[uint64(n)]; c != nil {
			list = append(list, c)
			delete(left, c.id)
		}
	}
	return list, true
}

// killFilter selects the connections for CLIENT KILL. A zero field matches all.
type killFilter struct {
	id          uint64
	addr, laddr string
	kind        string
	user        *acl.User
	maxAge      time.Duration
	skipMe      bool
}

func (f killFilter) matches(c, me *client, now time.Time) bool {
	return (f.id == 0 || c.id == f.id) &&
		(f.addr == "" || c.addr == f.addr) &&
		(f.laddr == "" || c.laddr == f.laddr) &&
		(f.kind == "" || c.clientType() == f.kind) &&
		(f.user == nil || c.user.Load() == f.user) &&
		now.Sub(c.since) >= f.maxAge &&
		!(f.skipMe && c == me)
}

func cmdClientKill(r *request) {
	old := len(r.args) == 3
	filter := killFilter{skipMe: true}
	if old {
		filter = killFilter{addr: r.arg(2)}
	} else if !r.parseKill(&filter) {
		return
	}
	killed := 0
	now := time.Now()
	for _, c := range r.server.snapshot() {
		if !filter.matches(c, r.client, now) || c.killed.Load() {
			continue
		}
		killed++
		if c == r.client {
			c.closing = true // after the reply
		} else {
			c.kill()
		}
	}
	switch {
	case !old:
		r.integer(int64(killed))
	case killed == 0:
		r.fail("ERR", "No such client")
	default:
		r.ok()
	}
}

// parseKill parses the filter. If it returns false, it has already replied.
func (r *request) parseKill(f *killFilter) bool {
	for i := 2; i < len(r.args); i += 2 {
		if i+1 == len(r.args) {
			r.fail("ERR", "syntax error")
			return false
		}
		if !r.killOption(f, i) {
			return false
		}
	}
	return true
}

func (r *request) killOption(f *killFilter, i int) (ok bool) {
	value := r.arg(i + 1)
	switch {
	case r.is(i, "ID"):
		id, isNumber := r.number(i + 1)
		if !isNumber || id < 1 {
			r.fail("ERR", "client-id should be greater than 0")
			return false
		}
		f.id = uint64(id)
	case r.is(i, "MAXAGE"):
		age, isNumber := r.number(i + 1)
		if !isNumber || age < 1 || age > int64(time.Duration(1<<63-1)/time.Second) {
			r.fail("ERR", "maxage should be greater than 0")
			return false
		}
		f.maxAge = time.Duration(age) * time.Second
	case r.is(i, "TYPE"):
		f.kind, ok = r.clientType(i + 1)
		return ok
	case r.is(i, "ADDR"):
		f.addr = value
	case r.is(i, "LADDR"):
		f.laddr = value
	case r.is(i, "USER"):
		if f.user, ok = r.server.cfg.Users.User(value); !ok {
			r.fail("ERR", "No such user '"+value+"'")
			return false
		}
	case r.is(i, "SKIPME") && strings.EqualFold(value, "yes"):
		f.skipMe = true
	case r.is(i, "SKIPME") && strings.EqualFold(value, "no"):
		f.skipMe = false
	default:
		r.fail("ERR", "syntax error")
		return false
	}
	return true
}

// cmdClientUnblock never unblocks a client: no command of a Sentinel blocks, and
// a paused client cannot be unblocked.
func cmdClientUnblock(r *request) {
	switch {
	case len(r.args) > 4:
		r.subcommandSyntax()
		return
	case len(r.args) == 4 && !r.is(3, "timeout") && !r.is(3, "error"):
		r.fail("ERR", "CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
		return
	}
	if _, ok := r.number(2); !ok {
		r.fail("ERR", notAnInteger)
		return
	}
	r.integer(0)
}

// subcommandSyntax replies with the error for too many words in a subcommand of
// CLIENT.
func (r *request) subcommandSyntax() {
	r.fail("ERR", "unknown subcommand or wrong number of arguments for '"+clip(r.args[1], 128)+"'. Try CLIENT HELP.")
}
