package fakeredis

import (
	"maps"
	"slices"

	"github.com/gosentinel/sentinel/internal/glob"
	"github.com/tidwall/redcon"
)

// subscriptions maps channels and patterns to their subscribers.
type subscriptions struct {
	channels map[string]map[*client]struct{}
	patterns map[string]map[*client]struct{}
}

func (t *subscriptions) init() {
	t.channels = make(map[string]map[*client]struct{})
	t.patterns = make(map[string]map[*client]struct{})
}

// dropClient removes all subscriptions of a client without confirmations.
func (t *subscriptions) dropClient(c *client) {
	for name := range c.channels {
		unlink(t.channels, name, c)
	}
	for name := range c.patterns {
		unlink(t.patterns, name, c)
	}
	c.channels, c.patterns = nil, nil
}

func unlink(table map[string]map[*client]struct{}, name string, c *client) {
	delete(table[name], c)
	if len(table[name]) == 0 {
		delete(table, name)
	}
}

func pubsubCommands() []*command {
	const flags = flagPubSub | flagStale | flagNoMulti
	return []*command{
		{name: "publish", arity: 3, flags: flagFeeds | flagReplayed | flagStale, run: (*Server).cmdPublish},
		{name: "subscribe", arity: -2, flags: flags, run: func(s *Server, c *client, args [][]byte) { s.subscribe(c, args, false) }},
		{name: "psubscribe", arity: -2, flags: flags, run: func(s *Server, c *client, args [][]byte) { s.subscribe(c, args, true) }},
		{name: "unsubscribe", arity: -1, flags: flags, run: func(s *Server, c *client, args [][]byte) { s.unsubscribe(c, args, false) }},
		{name: "punsubscribe", arity: -1, flags: flags, run: func(s *Server, c *client, args [][]byte) { s.unsubscribe(c, args, true) }},
		container("pubsub",
			&command{name: "pubsub|channels", arity: -2, flags: flagStale, run: (*Server).cmdPubSubChannels},
			&command{name: "pubsub|numsub", arity: -2, flags: flagStale, run: (*Server).cmdPubSubNumSub},
			&command{name: "pubsub|numpat", arity: 2, flags: flagStale, run: func(s *Server, c *client, _ [][]byte) { c.integer(int64(len(s.subs.patterns))) }},
		),
	}
}

// cmdPublish delivers a message to subscribers here and, through the replication
// stream, to those of all replicas.
func (s *Server) cmdPublish(c *client, args [][]byte) {
	channel, message := string(args[1]), string(args[2])
	n := 0
	for _, sub := range inOrder(s.subs.channels[channel]) {
		frame := sub.appendPush(nil, 3)
		frame = redcon.AppendBulkString(frame, "message")
		s.send(sub, appendMessage(frame, channel, message))
		n++
	}
	for _, pattern := range slices.Sorted(maps.Keys(s.subs.patterns)) {
		if !glob.Match(pattern, channel) {
			continue
		}
		for _, sub := range inOrder(s.subs.patterns[pattern]) {
			frame := sub.appendPush(nil, 4)
			frame = redcon.AppendBulkString(frame, "pmessage")
			frame = redcon.AppendBulkString(frame, pattern)
			s.send(sub, appendMessage(frame, channel, message))
			n++
		}
	}
	s.propagate("PUBLISH", channel, message)
	c.integer(int64(n))
}

func appendMessage(dst []byte, channel, message string) []byte {
	return redcon.AppendBulkString(redcon.AppendBulkString(dst, channel), message)
}

// inOrder returns clients in the order in which they connected. It is a copy:
// sending may disconnect a client and thereby change the set.
func inOrder(set map[*client]struct{}) []*client {
	return slices.SortedFunc(maps.Keys(set), func(a, b *client) int { return int(a.id - b.id) })
}

func (s *Server) subscribe(c *client, args [][]byte, pattern bool) {
	own, table, word := &c.channels, s.subs.channels, "subscribe"
	if pattern {
		own, table, word = &c.patterns, s.subs.patterns, "psubscribe"
	}
	if c.subscriptions()+len(args)-1 > maxSubscriptions {
		c.failf("ERR too many subscriptions: a connection can have %d", maxSubscriptions)
		return
	}
	for _, a := range args[1:] {
		name := string(a)
		if *own == nil {
			*own = make(map[string]struct{})
		}
		(*own)[name] = struct{}{}
		if table[name] == nil {
			table[name] = make(map[*client]struct{})
		}
		table[name][c] = struct{}{}
		c.confirm(word, name)
	}
	c.out.setLimit(pubsubOutputLimit)
}

func (s *Server) unsubscribe(c *client, args [][]byte, pattern bool) {
	own, table, word := c.channels, s.subs.channels, "unsubscribe"
	if pattern {
		own, table, word = c.patterns, s.subs.patterns, "punsubscribe"
	}
	names := slices.Sorted(maps.Keys(own))
	if len(args) > 1 {
		names = names[:0]
		for _, a := range args[1:] {
			names = append(names, string(a))
		}
	}
	for _, name := range names {
		delete(own, name)
		unlink(table, name, c)
		c.confirm(word, name)
	}
	if len(names) == 0 {
		c.reply = c.appendPush(c.reply, 3)
		c.bulk(word)
		c.null()
		c.integer(int64(c.subscriptions()))
	}
	if c.subscriptions() == 0 {
		c.out.setLimit(normalOutputLimit)
	}
}

// confirm replies to one name of (P)SUBSCRIBE or (P)UNSUBSCRIBE.
func (c *client) confirm(word, name string) {
	c.reply = c.appendPush(c.reply, 3)
	c.bulk(word)
	c.bulk(name)
	c.integer(int64(c.subscriptions()))
}

func (s *Server) cmdPubSubChannels(c *client, args [][]byte) {
	var found []string
	for _, name := range slices.Sorted(maps.Keys(s.subs.channels)) {
		if len(args) == 2 || glob.Match(string(args[2]), name) {
			found = append(found, name)
		}
	}
	c.bulks(found)
}

func (s *Server) cmdPubSubNumSub(c *client, args [][]byte) {
	c.mapping(len(args) - 2)
	for _, a := range args[2:] {
		c.bulk(string(a))
		c.integer(int64(len(s.subs.channels[string(a)])))
	}
}
