package fakeredis

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/internal/glob"
)

const (
	notInteger = "ERR value is not an integer or out of range"
	wrongType  = "WRONGTYPE Operation against a key holding the wrong kind of value"
)

// keyCommands are the commands whose first argument is a key.
var keyCommands = map[string]bool{"set": true, "get": true, "del": true, "exists": true, "incr": true, "incrby": true, "rpush": true, "llen": true, "lrange": true}

func dataCommands() []*command {
	const write = flagWrite | flagReplayed
	return []*command{
		{name: "set", arity: -3, flags: write | flagGrows, run: (*Server).cmdSet},
		{name: "get", arity: 2, run: (*Server).cmdGet},
		{name: "del", arity: -2, flags: write, run: (*Server).cmdDel},
		{name: "exists", arity: -2, run: (*Server).cmdExists},
		{name: "incr", arity: 2, flags: write | flagGrows, run: func(s *Server, c *client, args [][]byte) { s.add(c, args, 1) }},
		{name: "incrby", arity: 3, flags: write | flagGrows, run: (*Server).cmdIncrBy},
		{name: "rpush", arity: -3, flags: write | flagGrows, run: (*Server).cmdRPush},
		{name: "llen", arity: 2, run: (*Server).cmdLLen},
		{name: "lrange", arity: 4, run: (*Server).cmdLRange},
		{name: "dbsize", arity: 1, run: func(s *Server, c *client, _ [][]byte) { c.integer(int64(len(s.db.keys))) }},
		{name: "flushall", arity: -1, flags: write, run: (*Server).cmdFlushAll},
		{name: "keys", arity: 2, run: (*Server).cmdKeys},
	}
}

// stringAt and listAt return the value under key, or nil if there is none. If it
// has the other type, they reply with an error and return false.
func (s *Server) stringAt(c *client, key []byte) (*value, bool) { return s.valueAt(c, key, false) }
func (s *Server) listAt(c *client, key []byte) (*value, bool)   { return s.valueAt(c, key, true) }

func (s *Server) valueAt(c *client, key []byte, list bool) (*value, bool) {
	v := s.db.keys[string(key)]
	if v != nil && v.isList != list {
		c.fail(wrongType)
		return nil, false
	}
	return v, true
}

// cmdSet is SET key value [NX|XX] [GET].
func (s *Server) cmdSet(c *client, args [][]byte) {
	var nx, xx, get bool
	for _, a := range args[3:] {
		switch opt := strings.ToUpper(string(a)); opt {
		case "NX":
			nx = true
		case "XX":
			xx = true
		case "GET":
			get = true
		case "EX", "PX", "EXAT", "PXAT", "KEEPTTL":
			c.fail("ERR " + opt + " is not supported: a mini-Redis has no expiry, use a real redis-server for that")
			return
		default:
			c.fail("ERR syntax error")
			return
		}
	}
	if nx && xx {
		c.fail("ERR syntax error")
		return
	}
	key := string(args[1])
	old, exists := s.db.keys[key]
	if get && exists && old.isList {
		c.fail(wrongType)
		return
	}
	set := !(nx && exists || xx && !exists)
	if set {
		s.db.set(key, &value{str: string(args[2])})
		s.propagate("SET", key, string(args[2]))
	}
	switch {
	case get && exists:
		c.bulk(old.str)
	case get || !set:
		c.null()
	default:
		c.ok()
	}
}

func (s *Server) cmdGet(c *client, args [][]byte) {
	switch v, ok := s.stringAt(c, args[1]); {
	case !ok:
	case v == nil:
		c.null()
	default:
		c.bulk(v.str)
	}
}

func (s *Server) cmdDel(c *client, args [][]byte) {
	gone := []string{"DEL"}
	for _, key := range args[1:] {
		if s.db.del(string(key)) {
			gone = append(gone, string(key))
		}
	}
	if len(gone) > 1 {
		s.propagate(gone...)
	}
	c.integer(int64(len(gone) - 1))
}

func (s *Server) cmdExists(c *client, args [][]byte) {
	n := int64(0)
	for _, key := range args[1:] {
		if s.db.keys[string(key)] != nil {
			n++
		}
	}
	c.integer(n)
}

func (s *Server) cmdIncrBy(c *client, args [][]byte) {
	by, ok := parseInt(args[2])
	if !ok {
		c.fail(notInteger)
		return
	}
	s.add(c, args, by)
}

func (s *Server) add(c *client, args [][]byte, by int64) {
	v, ok := s.stringAt(c, args[1])
	if !ok {
		return
	}
	n := int64(0)
	if v != nil {
		if n, ok = parseInt([]byte(v.str)); !ok {
			c.fail(notInteger)
			return
		}
	}
	sum := n + by
	if (sum > n) != (by > 0) && by != 0 {
		c.fail("ERR increment or decrement would overflow")
		return
	}
	key := string(args[1])
	s.db.set(key, &value{str: strconv.FormatInt(sum, 10)})
	s.propagate("INCRBY", key, strconv.FormatInt(by, 10))
	c.integer(sum)
}

func (s *Server) cmdRPush(c *client, args [][]byte) {
	if _, ok := s.listAt(c, args[1]); !ok {
		return
	}
	words := []string{"RPUSH", string(args[1])}
	for _, a := range args[2:] {
		words = append(words, string(a))
	}
	n := s.db.push(words[1], words[2:])
	s.propagate(words...)
	c.integer(int64(n))
}

func (s *Server) cmdLLen(c *client, args [][]byte) {
	switch v, ok := s.listAt(c, args[1]); {
	case !ok:
	case v == nil:
		c.integer(0)
	default:
		c.integer(int64(len(v.list)))
	}
}

func (s *Server) cmdLRange(c *client, args [][]byte) {
	from, ok1 := parseInt(args[2])
	to, ok2 := parseInt(args[3])
	if !ok1 || !ok2 {
		c.fail(notInteger)
		return
	}
	v, ok := s.listAt(c, args[1])
	if !ok {
		return
	}
	if v == nil {
		c.array(0)
		return
	}
	n := int64(len(v.list))
	if from < 0 {
		from = max(from+n, 0)
	}
	if to < 0 {
		to += n
	}
	to = min(to, n-1)
	if from > to {
		c.array(0)
		return
	}
	c.bulks(v.list[from : to+1])
}

func (s *Server) cmdFlushAll(c *client, args [][]byte) {
	if len(args) > 2 || len(args) == 2 && !strings.EqualFold(string(args[1]), "sync") && !strings.EqualFold(string(args[1]), "async") {
		c.fail("ERR syntax error")
		return
	}
	s.db = newKeyspace()
	s.propagate("FLUSHALL")
	c.ok()
}

func (s *Server) cmdKeys(c *client, args [][]byte) {
	pattern := string(args[1])
	var found []string
	for _, key := range slices.Sorted(maps.Keys(s.db.keys)) {
		if glob.Match(pattern, key) {
			found = append(found, key)
		}
	}
	c.bulks(found)
}
