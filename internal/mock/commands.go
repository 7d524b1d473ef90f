package mock

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// redisVersion is the release that the mock claims to be.
const redisVersion = "7.0.15"

// reply answers a command as a Sentinel of this opinion would. name is the
// subcommand where there is one. more is false when the connection is to be
// closed.
func (c *conn) reply(name string, args [][]byte) (reply []byte, more bool) {
	a := &answer{proto: c.proto, push: c.proto == 3}
	w := make([]string, len(args))
	for i := range args {
		w[i] = string(args[i])
	}
	first := strings.ToLower(w[0])
	handler := connectionCommands[first]
	switch {
	case handler == nil && first != "sentinel" && first != "quit":
		a.fail("ERR unknown command '" + plain(w[0]) + "', with args beginning with: ")
	case first == "quit":
		a.ok()
		return a.b, false
	case !c.authed && first != "auth" && first != "hello":
		a.fail("NOAUTH Authentication required.")
	case c.proto == 2 && c.subscriptions() > 0 && !slices.Contains([]string{"ping", "subscribe", "psubscribe", "unsubscribe", "punsubscribe", "reset"}, first):
		a.fail("ERR Can't execute '" + plain(first) + "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context")
	case first == "sentinel":
		c.sentinel(a, name, w)
	default:
		handler(c, a, w)
	}
	return a.b, true
}

// plain makes a client's word fit for an error line.
func plain(w string) string {
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(w[:min(len(w), 128)])
}

const wrongArity = "ERR wrong number of arguments for '%s' command"

// connectionCommands are all but SENTINEL. It is filled by init, because MOCK
// reaches the code that reads it.
var connectionCommands map[string]func(c *conn, a *answer, w []string)

func init() {
	connectionCommands = map[string]func(c *conn, a *answer, w []string){
		"ping": (*conn).ping, "hello": (*conn).hello, "auth": (*conn).auth, "client": (*conn).client,
		"info": (*conn).info, "role": (*conn).role, "command": func(_ *conn, a *answer, _ []string) { a.array(0) },
		"subscribe":    func(c *conn, a *answer, w []string) { c.subscribe(a, w, &c.channels) },
		"psubscribe":   func(c *conn, a *answer, w []string) { c.subscribe(a, w, &c.patterns) },
		"unsubscribe":  func(c *conn, a *answer, w []string) { c.unsubscribe(a, w, &c.channels) },
		"punsubscribe": func(c *conn, a *answer, w []string) { c.unsubscribe(a, w, &c.patterns) },
		"reset":        func(_ *conn, a *answer, _ []string) { a.status("RESET") },
		"mock":         (*conn).mock,
	}
}

func (c *conn) ping(a *answer, w []string) {
	switch {
	case len(w) > 2:
		a.fail(fmt.Sprintf(wrongArity, "ping"))
	case c.proto == 2 && c.subscriptions() > 0:
		a.array(2)
		a.bulks("pong", strings.Join(w[1:], ""))
	case len(w) == 2:
		a.bulk(w[1])
	default:
		a.status("PONG")
	}
}

func (c *conn) hello(a *answer, w []string) {
	proto, authed, name := c.proto, c.authed, c.name
	if len(w) > 1 {
		n, err := strconv.Atoi(w[1])
		if err != nil {
			a.fail("ERR Protocol version is not an integer or out of range")
			return
		}
		if proto = n; n != 2 && n != 3 {
			a.fail("NOPROTO unsupported protocol version")
			return
		}
	}
	for i := 2; i < len(w); {
		switch left := len(w) - i; {
		case strings.EqualFold(w[i], "auth") && left >= 3:
			if !c.admits(w[i+1], w[i+2]) {
				a.fail(wrongPass)
				return
			}
			authed, i = true, i+3
		case strings.EqualFold(w[i], "setname") && left >= 2:
			name, i = w[i+1], i+2
		default:
			a.fail("ERR Syntax error in HELLO option '" + plain(w[i]) + "'")
			return
		}
	}
	if !authed {
		a.fail("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
		return
	}
	c.proto, c.authed = proto, authed
	c.setName(name)
	c.v.n.m.mu.Lock()
	c.push = proto == 3
	c.v.n.m.mu.Unlock()
	a.proto = proto
	a.mapping(6)
	a.bulks("server", "redis", "version", redisVersion, "proto")
	a.integer(int64(proto))
	a.bulk("id")
	a.integer(c.id)
	a.bulks("mode", "sentinel", "modules")
	a.array(0)
}

const wrongPass = "WRONGPASS invalid username-password pair or user is disabled."

func (c *conn) admits(user, password string) bool {
	return user == "default" && (c.v.n.Password == "" || password == c.v.n.Password)
}

func (c *conn) auth(a *answer, w []string) {
	user, password := "default", ""
	switch len(w) {
	case 2:
		password = w[1]
	case 3:
		user, password = w[1], w[2]
	default:
		a.fail("ERR syntax error")
		return
	}
	switch {
	case len(w) == 2 && c.v.n.Password == "":
		a.fail("ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")
	case !c.admits(user, password):
		a.fail(wrongPass)
	default:
		c.authed = true
		a.ok()
	}
}

func (c *conn) client(a *answer, w []string) {
	if len(w) < 2 {
		a.fail(fmt.Sprintf(wrongArity, "client"))
		return
	}
	switch strings.ToLower(w[1]) {
	case "setname":
		if len(w) == 3 {
			c.setName(w[2])
		}
		a.ok()
	case "setinfo", "no-evict", "no-touch", "reply", "tracking":
		a.ok()
	case "getname":
		a.bulk(c.name)
	case "id":
		a.integer(c.id)
	default:
		a.fail("ERR unknown subcommand '" + plain(w[1]) + "'. Try CLIENT HELP.")
	}
}

func (c *conn) setName(name string) { c.name = name[:min(len(name), maxName)] }

func (c *conn) role(a *answer, _ []string) {
	a.array(2)
	a.bulk("sentinel")
	a.array(1)
	a.bulk(c.v.n.m.script.Master)
}

func (c *conn) info(a *answer, _ []string) {
	v := &c.v.n.voice
	v.n.m.mu.Lock()
	defer v.n.m.mu.Unlock()
	text := "# Server\r\nredis_version:" + redisVersion + "\r\nredis_mode:sentinel\r\nrun_id:" + v.runID + "\r\ntcp_port:" + strconv.Itoa(v.n.port) + "\r\n\r\n# Sentinel\r\n"
	host, port, ok := v.address()
	if !ok {
		a.bulk(text + "sentinel_masters:0\r\nsentinel_tilt:0\r\n")
		return
	}
	status := "ok"
	switch flags := v.flags[v.master]; {
	case slices.Contains(flags, "o_down"):
		status = "odown"
	case slices.Contains(flags, "s_down"):
		status = "sdown"
	}
	a.bulk(text + fmt.Sprintf("sentinel_masters:1\r\nsentinel_tilt:0\r\nsentinel_running_scripts:0\r\nsentinel_scripts_queue_length:0\r\nsentinel_simulate_failure_flags:0\r\nmaster0:name=%s,status=%s,address=%s:%d,slaves=%d,sentinels=%d\r\n",
		v.n.m.script.Master, status, host, port, len(v.others(false)), len(v.others(true))+1))
}

func (c *conn) subscriptions() int {
	c.v.n.m.mu.Lock()
	defer c.v.n.m.mu.Unlock()
	return len(c.channels) + len(c.patterns)
}

func (c *conn) subscribe(a *answer, w []string, list *[]string) {
	word := strings.ToLower(w[0])
	if len(w) < 2 {
		a.fail(fmt.Sprintf(wrongArity, word))
		return
	}
	c.v.n.m.mu.Lock()
	defer c.v.n.m.mu.Unlock()
	for _, name := range w[1:] {
		if len(c.channels)+len(c.patterns) >= maxSubscriptions || len(name) > maxName {
			a.fail("ERR too many subscriptions, or too long a name, for a mock")
			return
		}
		if !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
		a.event(3)
		a.bulks(word, name)
		a.integer(int64(len(c.channels) + len(c.patterns)))
	}
}

func (c *conn) unsubscribe(a *answer, w []string, list *[]string) {
	c.v.n.m.mu.Lock()
	defer c.v.n.m.mu.Unlock()
	word, names := strings.ToLower(w[0]), w[1:]
	if len(names) == 0 {
		names = slices.Clone(*list)
	}
	for _, name := range names {
		*list = slices.DeleteFunc(*list, func(o string) bool { return o == name })
		a.event(3)
		a.bulks(word, name)
		a.integer(int64(len(c.channels) + len(c.patterns)))
	}
	if len(names) == 0 {
		a.event(3)
		a.bulk(word)
		a.null()
		a.integer(int64(len(c.channels) + len(c.patterns)))
	}
}

// sentinel answers SENTINEL.
func (c *conn) sentinel(a *answer, sub string, w []string) {
	if len(w) < 2 {
		a.fail(fmt.Sprintf(wrongArity, "sentinel"))
		return
	}
	v, m := c.v, c.v.n.m
	m.mu.Lock()
	defer m.mu.Unlock()
	host, port, known := v.address()
	switch sub {
	case "masters":
		if !known {
			a.array(0)
			return
		}
		a.array(1)
		a.pairs(v.pairs(v.master, "master"))
		return
	case "myid":
		a.bulk(v.runID)
		return
	case "is-master-down-by-addr":
		a.array(3)
		a.integer(0)
		a.bulk("*")
		a.integer(0)
		return
	case "get-master-addr-by-name", "master", "replicas", "slaves", "sentinels", "ckquorum", "failover":
	default:
		a.fail("ERR unknown subcommand '" + plain(w[1]) + "'. Try SENTINEL HELP.")
		return
	}
	if len(w) < 3 {
		a.fail(fmt.Sprintf(wrongArity, "sentinel|"+sub))
		return
	}
	known = known && w[2] == m.script.Master
	switch {
	case sub == "get-master-addr-by-name" && !known:
		a.nullArray()
	case !known:
		a.fail("ERR No such master with that name")
	case sub == "get-master-addr-by-name":
		a.array(2)
		a.bulks(host, strconv.Itoa(port))
	case sub == "master":
		a.pairs(v.pairs(v.master, "master"))
	case sub == "replicas" || sub == "slaves":
		c.members(a, v.others(false), "slave")
	case sub == "sentinels":
		c.members(a, v.others(true), "sentinel")
	case sub == "ckquorum":
		a.status(fmt.Sprintf("OK %d usable Sentinels. Quorum and failover authorization can be reached", len(v.others(true))+1))
	case sub == "failover":
		c.failover(a)
	}
}

func (c *conn) members(a *answer, list []*node, role string) {
	a.array(len(list))
	for _, n := range list {
		a.pairs(c.v.pairs(n, role))
	}
}

// failover is SENTINEL FAILOVER: to the next server that is up, in the order of
// the script. The lock is held.
func (c *conn) failover(a *answer) {
	m := c.v.n.m
	to := -1
	for _, n := range m.nodes {
		after := c.v.master != nil && n.index > c.v.master.index
		if !n.Sentinel && n.up && n != c.v.master && (to < 0 || after && to < c.v.master.index) {
			to = n.index
		}
	}
	if to < 0 || !m.spawn(func() {
		_ = m.act(&instruction{verb: "failover", other: to}) // fails at the end of the mock only
	}) {
		a.fail("NOGOODSLAVE No suitable replica to promote")
		return
	}
	a.ok()
}

// do does what a line says, beside this connection, which it may end.
func (c *conn) do(line string) error {
	m, result := c.v.n.m, make(chan error, 1)
	m.mu.Lock()
	spawned := m.spawn(func() { result <- m.Do(line) })
	m.mu.Unlock()
	if !spawned {
		return errEnded
	}
	select {
	case err := <-result:
		return err
	case <-c.gone:
		return net.ErrClosed
	}
}

// mock is the command by which tests in other languages steer the script.
func (c *conn) mock(a *answer, w []string) {
	m := c.v.n.m
	switch sub := strings.ToLower(strings.Join(w[1:min(len(w), 2)], "")); {
	case sub == "next" && len(w) == 2:
		m.Next()
		a.ok()
	case sub == "do" && len(w) > 2:
		if err := c.do(strings.Join(w[2:], " ")); err != nil {
			a.fail("ERR " + strings.ReplaceAll(err.Error(), "\n", " "))
			return
		}
		a.ok()
	case sub == "state" && len(w) == 2:
		text, err := json.Marshal(m.State())
		if err != nil {
			a.fail("ERR " + plain(err.Error()))
			return
		}
		a.bulk(string(text))
	default:
		a.fail("ERR write MOCK NEXT, MOCK STATE, or MOCK DO and a line of a script, such as MOCK DO failover b")
	}
}
