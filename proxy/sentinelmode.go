package proxy

import (
	"bytes"
	"fmt"
	"net"
	"sort"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/discovery"
	"github.com/gosentinel/sentinel/internal/resp"
)

// asSentinel answers what clients ask a Sentinel, with the address of the proxy in the
// place of the master's: so clients that know Sentinels are moved behind the proxy without
// a change. It never changes, so there are no events.
func (c *client) asSentinel(cmd *command, raw []byte) bool {
	args := arguments(raw)
	name := strings.ToUpper(string(args[0]))
	sub := ""
	if len(args) > 1 {
		sub = strings.ToUpper(string(args[1]))
	}
	switch name {
	case "AUTH", "QUIT", "RESET", "PROXY":
		return c.local(cmd, raw)
	case "HELLO":
		return c.sentinelHello(args)
	case "PING":
		switch {
		case c.heard > 0 && c.proto == 2:
			c.reply(resp.AppendCommand(nil, []byte("pong"), bytes.Join(args[1:], nil)))
		case len(args) == 2:
			c.reply(resp.AppendBulk(nil, args[1]))
		default:
			c.reply([]byte("+PONG\r\n"))
		}
	case "ROLE":
		b := []byte("*2\r\n$8\r\nsentinel\r\n")
		b = fmt.Appendf(b, "*%d\r\n", len(c.w.p.site.Load().groups))
		for _, g := range c.w.p.sortedGroups() {
			b = resp.AppendBulk(b, []byte(g.cfg.Name))
		}
		c.reply(b)
	case "INFO":
		c.reply(resp.AppendBulk(nil, []byte(c.sentinelInfo())))
	case "CLIENT":
		if sub == "GETNAME" || sub == "SETNAME" || sub == "SETINFO" || sub == "REPLY" {
			return c.clientCommand(cmd, args, raw)
		}
		c.reply(okReply)
	case "COMMAND":
		c.reply([]byte("*0\r\n"))
	case "SUBSCRIBE", "PSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE":
		c.sentinelSubscribe(strings.ToLower(name), args[1:])
	case "SENTINEL":
		c.sentinelCommand(sub, args)
	default:
		c.error("ERR unknown command '" + oneLine(string(args[0])) + "': this port of the proxy answers as a Sentinel")
	}
	return true
}

// sentinelSubscribe confirms subscriptions to events that never come.
func (c *client) sentinelSubscribe(kind string, channels [][]byte) {
	if len(channels) == 0 {
		channels = [][]byte{nil}
	}
	var b []byte
	for _, ch := range channels {
		if strings.HasPrefix(kind, "un") || strings.HasPrefix(kind, "pun") {
			c.heard = max(0, c.heard-1)
		} else {
			c.heard++
		}
		if b = append(b, "*3\r\n"...); c.proto == 3 {
			b[len(b)-4] = '>'
		}
		b = resp.AppendBulk(resp.AppendBulk(b, []byte(kind)), ch)
		b = fmt.Appendf(b, ":%d\r\n", c.heard)
	}
	c.reply(b)
}

func (c *client) sentinelHello(args [][]byte) bool {
	proto := int(c.proto)
	if len(args) > 1 {
		if proto = number(args[1]); proto != 2 && proto != 3 {
			c.error("NOPROTO unsupported protocol version")
			return true
		}
	}
	for i := 2; i+2 < len(args); i++ {
		if strings.EqualFold(string(args[i]), "AUTH") && c.l.cfg.Password != "" && !c.login(args[i+1:i+3]) {
			c.error(wrongPass)
			return true
		}
	}
	if !c.authed {
		c.error("NOAUTH Authentication required.")
		return true
	}
	c.proto = uint8(proto)
	fields := []string{"server", "redis", "version", "7.0.15", "proto", "", "id", "", "mode", "sentinel", "modules", ""}
	head := fmt.Sprintf("*%d\r\n", len(fields))
	if proto == 3 {
		head = fmt.Sprintf("%%%d\r\n", len(fields)/2)
	}
	b := []byte(head)
	for i := 0; i < len(fields); i += 2 {
		b = resp.AppendBulk(b, []byte(fields[i]))
		switch fields[i] {
		case "proto":
			b = fmt.Appendf(b, ":%d\r\n", proto)
		case "id":
			b = fmt.Appendf(b, ":%d\r\n", c.id)
		case "modules":
			b = append(b, "*0\r\n"...)
		default:
			b = resp.AppendBulk(b, []byte(fields[i+1]))
		}
	}
	c.reply(b)
	return true
}

// sentinelCommand answers SENTINEL.
func (c *client) sentinelCommand(sub string, args [][]byte) {
	p := c.w.p
	if sub == "MASTERS" {
		list := p.sortedGroups()
		b := fmt.Appendf(nil, "*%d\r\n", len(list))
		for _, g := range list {
			b = c.fields(b, c.masterFields(g))
		}
		c.reply(b)
		return
	}
	if sub == "MYID" {
		c.reply(resp.AppendBulk(nil, []byte(strings.Repeat("0", 40))))
		return
	}
	if len(args) != 3 {
		c.error("ERR unknown subcommand or wrong number of arguments for '" + oneLine(sub) + "': this port of the proxy answers as a Sentinel, and changes nothing")
		return
	}
	g := p.site.Load().groups[string(args[2])]
	host, port := "", ""
	if g != nil {
		host, port = c.ownAddr(g, ModeMaster)
	}
	if port == "" && sub == "GET-MASTER-ADDR-BY-NAME" { // or no listener leads there
		if c.proto == 3 {
			c.reply(null3)
		} else {
			c.reply(nullArray)
		}
		return
	}
	if g == nil {
		c.error("ERR No such master with that name")
		return
	}
	switch sub {
	case "GET-MASTER-ADDR-BY-NAME":
		c.reply(resp.AppendBulk(resp.AppendBulk([]byte("*2\r\n"), []byte(host)), []byte(port)))
	case "MASTER":
		c.reply(c.fields(nil, c.masterFields(g)))
	case "REPLICAS", "SLAVES":
		c.reply(c.replicaList(g))
	case "SENTINELS":
		c.reply([]byte("*0\r\n"))
	case "CKQUORUM":
		c.reply([]byte("+OK the proxy answers for this master\r\n"))
	default:
		c.error("ERR unknown subcommand '" + oneLine(sub) + "': this port of the proxy answers as a Sentinel, and changes nothing")
	}
}

// ownAddr is where the clients of a group find a listener of a mode; "" if there is none.
func (c *client) ownAddr(g *group, modes ...Mode) (host, port string) {
	if c.l.cfg.Announce != "" && modes[0] == ModeMaster {
		host, port, _ = net.SplitHostPort(c.l.cfg.Announce)
		return host, port
	}
	host, _, _ = net.SplitHostPort(c.wire.localAddr().String())
	for _, mode := range append(modes, ModeSplit, ModeTCP) {
		for _, l := range c.w.p.site.Load().listeners {
			if l.cfg.Mode == mode && l.g == g {
				_, port, _ = net.SplitHostPort(l.door.ln.Addr().String())
				return host, port
			}
		}
		if modes[0] == ModeReplicas {
			break
		}
	}
	return "", ""
}

// masterFields are those of SENTINEL MASTER, in the order that some clients count on.
func (c *client) masterFields(g *group) []string {
	host, port := c.ownAddr(g, ModeMaster)
	flags := "master"
	if g.current().master == "" {
		flags = "s_down,master"
	}
	status := g.source.Status()
	return []string{
		"name", g.cfg.Name, "ip", host, "port", port, "runid", strings.Repeat("0", 40), "flags", flags,
		"link-pending-commands", "0", "link-refcount", "1", "last-ping-sent", "0", "last-ok-ping-reply", "0", "last-ping-reply", "0",
		"down-after-milliseconds", "30000", "info-refresh", "0", "role-reported", "master", "role-reported-time", "0",
		"config-epoch", strconv.FormatUint(g.current().epoch, 10), "num-slaves", strconv.Itoa(c.readers(g)),
		"num-other-sentinels", strconv.Itoa(usable(status.Sentinels) - 1), "quorum", "1", "failover-timeout", "180000", "parallel-syncs", "1",
	}
}

// usable counts the Sentinels that answer; the proxy itself is one at least.
func usable(list []discovery.SentinelStatus) (n int) {
	for _, s := range list {
		if s.Error == "" {
			n++
		}
	}
	return max(1, n)
}

// readers is how many listeners for replicas of a group there are that clients are told of.
func (c *client) readers(g *group) int {
	if _, port := c.ownAddr(g, ModeReplicas); port != "" {
		return 1
	}
	return 0
}

func (c *client) replicaList(g *group) []byte {
	host, port := c.ownAddr(g, ModeReplicas)
	if port == "" {
		return []byte("*0\r\n")
	}
	mhost, mport := c.ownAddr(g, ModeMaster)
	return c.fields([]byte("*1\r\n"), []string{
		"name", net.JoinHostPort(host, port), "ip", host, "port", port, "runid", strings.Repeat("0", 40), "flags", "slave",
		"link-pending-commands", "0", "link-refcount", "1", "last-ping-sent", "0", "last-ok-ping-reply", "0", "last-ping-reply", "0",
		"down-after-milliseconds", "30000", "info-refresh", "0", "role-reported", "slave", "role-reported-time", "0",
		"master-link-down-time", "0", "master-link-status", "ok", "master-host", mhost, "master-port", mport,
		"slave-priority", "100", "slave-repl-offset", "0", "replica-announced", "1",
	})
}

// fields appends names and values, as a map if the client knows maps.
func (c *client) fields(b []byte, list []string) []byte {
	if c.proto == 3 {
		b = fmt.Appendf(b, "%%%d\r\n", len(list)/2)
	} else {
		b = fmt.Appendf(b, "*%d\r\n", len(list))
	}
	for _, f := range list {
		b = resp.AppendBulk(b, []byte(f))
	}
	return b
}

func (c *client) sentinelInfo() string {
	var b strings.Builder
	list := c.w.p.sortedGroups()
	fmt.Fprintf(&b, "# Server\r\nredis_version:7.0.15\r\nredis_mode:sentinel\r\n\r\n# Sentinel\r\nsentinel_masters:%d\r\nsentinel_tilt:0\r\n", len(list))
	for i, g := range list {
		host, port := c.ownAddr(g, ModeMaster)
		status := "ok"
		if g.current().master == "" {
			status = "sdown"
		}
		fmt.Fprintf(&b, "master%d:name=%s,status=%s,address=%s:%s,slaves=%d,sentinels=%d\r\n", i, g.cfg.Name, status, host, port, c.readers(g), usable(g.source.Status().Sentinels))
	}
	return b.String()
}

// sortedGroups returns the groups in order of their names.
func (p *Proxy) sortedGroups() (list []*group) {
	for _, g := range p.site.Load().groups {
		list = append(list, g)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].cfg.Name < list[j].cfg.Name })
	return list
}
