package fakeredis

import (
	"strings"
	"time"
)

const badName = "ERR Client names cannot contain spaces, newlines or special characters."

func clientCommands() []*command {
	const base = flagStale
	return []*command{container("client",
		&command{name: "client|setname", arity: 3, flags: base, run: func(_ *Server, c *client, args [][]byte) {
			if name := string(args[2]); validName(name) {
				c.name = name
				c.ok()
				return
			}
			c.fail(badName)
		}},
		&command{name: "client|getname", arity: 2, flags: base, run: func(_ *Server, c *client, _ [][]byte) {
			if c.name == "" {
				c.null()
				return
			}
			c.bulk(c.name)
		}},
		&command{name: "client|setinfo", arity: 4, flags: base, run: (*Server).cmdClientSetInfo},
		&command{name: "client|id", arity: 2, flags: base, run: func(_ *Server, c *client, _ [][]byte) { c.integer(c.id) }},
		&command{name: "client|info", arity: 2, flags: base, since: version62, run: func(_ *Server, c *client, _ [][]byte) { c.text(c.describe(time.Now()) + "\n") }},
		&command{name: "client|list", arity: -2, flags: base, run: (*Server).cmdClientList},
		&command{name: "client|kill", arity: -3, flags: base, run: (*Server).cmdClientKill},
		&command{name: "client|pause", arity: -3, flags: base, run: (*Server).cmdClientPause},
		&command{name: "client|unpause", arity: 2, flags: base, since: version62, run: (*Server).cmdClientUnpause},
	)}
}

// validName reports whether a name can be shown in CLIENT LIST.
func validName(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool { return r < '!' || r > '~' })
}

func (s *Server) cmdClientSetInfo(c *client, args [][]byte) {
	val := string(args[3])
	if !validName(val) {
		c.failf("ERR %s cannot contain spaces, newlines or special characters.", clip(args[2], 64))
		return
	}
	switch strings.ToLower(string(args[2])) {
	case "lib-name":
		c.lib = val
	case "lib-ver":
		c.ver = val
	default:
		c.failf("ERR Unrecognized option '%s'", clip(args[2], 64))
		return
	}
	c.ok()
}

// parseKind parses a client type, in either spelling of replica.
func parseKind(b []byte) (clientKind, bool) {
	switch name := strings.ToLower(string(b)); name {
	case "slave":
		return kindReplica, true
	case "normal", "pubsub", "replica", "master":
		return clientKind(name), true
	}
	return "", false
}

func (s *Server) cmdClientList(c *client, args [][]byte) {
	want := clientKind("")
	if len(args) > 2 {
		if len(args) != 4 || !strings.EqualFold(string(args[2]), "type") {
			c.fail("ERR syntax error")
			return
		}
		var ok bool
		if want, ok = parseKind(args[3]); !ok {
			c.failf("ERR Unknown client type '%s'", clip(args[3], 64))
			return
		}
	}
	var b strings.Builder
	now := time.Now()
	list := s.sortedClients()
	if s.link != nil && s.link.client != nil {
		list = append(list, s.link.client)
	}
	for _, other := range list {
		if want == "" || other.kind() == want {
			b.WriteString(other.describe(now) + "\n")
		}
	}
	c.text(b.String())
}

// killFilter selects clients for CLIENT KILL; an empty field matches all.
type killFilter struct {
	id              int64
	kind            clientKind
	addr, localAddr string
	skipMe          bool
}

func (f *killFilter) selects(c *client) bool {
	return (f.id == 0 || c.id == f.id) && (f.kind == "" || c.kind() == f.kind) &&
		(f.addr == "" || c.addr == f.addr) && (f.localAddr == "" || c.localAddr == f.localAddr)
}

// cmdClientKill is CLIENT KILL addr, or CLIENT KILL filter value.... The latter
// form spares its caller by default. A Sentinel relies on that: it disconnects
// all other clients within a transaction that it still has to finish.
func (s *Server) cmdClientKill(c *client, args [][]byte) {
	old := len(args) == 3
	f := killFilter{skipMe: !old}
	if old {
		f.addr = string(args[2])
	} else if refusal := f.parse(args[2:]); refusal != "" {
		c.fail(refusal)
		return
	}
	killed := int64(0)
	if link := s.link; link != nil && link.client != nil && f.selects(link.client) {
		link.interrupt()
		killed++
	}
	for _, victim := range s.sortedClients() {
		if !f.selects(victim) || victim == c && f.skipMe {
			continue
		}
		killed++
		if victim == c {
			c.closing = true // after the reply
			continue
		}
		s.drop(victim)
	}
	switch {
	case !old:
		c.integer(killed)
	case killed == 0:
		c.fail("ERR No such client")
	default:
		c.ok()
	}
}

func (f *killFilter) parse(args [][]byte) (refusal string) {
	if len(args)%2 != 0 {
		return "ERR syntax error"
	}
	for i := 0; i < len(args); i += 2 {
		val := args[i+1]
		switch strings.ToLower(string(args[i])) {
		case "id":
			id, ok := parseInt(val)
			if !ok || id <= 0 {
				return "ERR client-id should be greater than 0"
			}
			f.id = id
		case "type":
			kind, ok := parseKind(val)
			if !ok {
				return "ERR Unknown client type '" + clip(val, 64) + "'"
			}
			f.kind = kind
		case "addr":
			f.addr = string(val)
		case "laddr":
			f.localAddr = string(val)
		case "user":
			if string(val) != "default" {
				return "ERR No such user '" + clip(val, 64) + "'"
			}
		case "skipme":
			switch strings.ToLower(string(val)) {
			case "yes":
				f.skipMe = true
			case "no":
				f.skipMe = false
			default:
				return "ERR syntax error"
			}
		default:
			return "ERR syntax error"
		}
	}
	return ""
}
