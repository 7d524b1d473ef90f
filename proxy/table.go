package proxy

import (
	"errors"
	"strings"

	"github.com/gosentinel/sentinel/internal/resp"
)

// kind says how the proxy treats a command.
type kind uint8

const (
	plain     kind = iota // to a server, on a connection that clients share
	unknown               // to the master, on a connection of the client's own
	local                 // answered here
	container             // the subcommand decides
	own                   // on a connection of the client's own, from now on
	blocking              // on a connection of the client's own, while it waits
	aside                 // on a connection of the client's own: it is about what others are busy with
	mayBlock              // so if it has the word BLOCK
	waiting               // WAIT, WAITAOF
	watch
	multi
	exec
	discard
	subscribe
	unsubscribe
	monitor
	refused // it makes a replica of the connection
)

// command is a row of the command table.
type command struct {
	name   string
	kind   kind
	read   bool // it changes nothing, and a replica can answer it
	write  bool // it may change data
	safe   bool // executed twice it does no harm: it reads, or is about its connection
	master bool // though it reads: its answer is about the server, or makes sense there only
	cursor bool // it goes on where a reply before has ended
	once   bool // it is meant for one server, and is never sent to another one
	subs   map[string]*command
}

// table has the commands of one server, by their names in upper case.
type table map[string]*command

var unknownCommand = &command{name: "", kind: unknown, write: true}

// find returns the row of a command.
func (t table) find(name, sub []byte) *command {
	var up [32]byte
	if len(name) > len(up) {
		return unknownCommand
	}
	c := t[string(upper(up[:], name))]
	if c == nil {
		return unknownCommand
	}
	if c.subs != nil && len(sub) > 0 && len(sub) <= len(up) {
		if s := c.subs[string(upper(up[:], sub))]; s != nil {
			return s
		}
	}
	return c
}

func upper(to, from []byte) []byte {
	to = to[:len(from)]
	for i, c := range from {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		to[i] = c
	}
	return to
}

// kinds are the commands that the proxy must know, whatever a server says of them:
// they change the connection that they come by.
var kinds = map[string]kind{
	"AUTH": local, "HELLO": local, "QUIT": local, "RESET": local, "SELECT": local, "PROXY": local,
	"CLIENT": local, "CLIENT|SETNAME": local, "CLIENT|GETNAME": local, "CLIENT|SETINFO": local, "CLIENT|REPLY": local,
	"CLIENT|ID": own, "CLIENT|INFO": own, "CLIENT|TRACKING": own, "CLIENT|CACHING": own, "CLIENT|TRACKINGINFO": own,
	"CLIENT|GETREDIR": own, "CLIENT|NO-EVICT": own, "CLIENT|NO-TOUCH": own, "CLIENT|CAPA": own, "CLIENT|IMPORT-SOURCE": own,
	"READONLY": own, "READWRITE": own, "ASKING": own, "SHUTDOWN": own, "SCRIPT|DEBUG": own,
	"WATCH": watch, "MULTI": multi, "EXEC": exec, "DISCARD": discard, "UNWATCH": plain,
	"SUBSCRIBE": subscribe, "PSUBSCRIBE": subscribe, "SSUBSCRIBE": subscribe,
	"UNSUBSCRIBE": unsubscribe, "PUNSUBSCRIBE": unsubscribe, "SUNSUBSCRIBE": unsubscribe,
	"MONITOR": monitor, "SYNC": refused, "PSYNC": refused, "REPLCONF": refused,
	"WAIT": waiting, "WAITAOF": waiting, "XREAD": mayBlock, "XREADGROUP": mayBlock,
	"BLPOP": blocking, "BRPOP": blocking, "BRPOPLPUSH": blocking, "BLMOVE": blocking, "BLMPOP": blocking,
	"BZPOPMIN": blocking, "BZPOPMAX": blocking, "BZMPOP": blocking,
	"SCRIPT|KILL": aside, "FUNCTION|KILL": aside,
	"FAILOVER": own, "DEBUG": own, "MIGRATE": own, "CLIENT|PAUSE": own, "CLIENT|UNPAUSE": own,
}

// aboutServer are commands whose answer is about the server that gives it.
// Their place is the master, although they change nothing.
var aboutServer = map[string]bool{
	"INFO": true, "ROLE": true, "LASTSAVE": true, "TIME": true, "COMMAND": true, "CONFIG|GET": true, "PING": true, "ECHO": true,
	"PUBSUB": true, "CLIENT|LIST": true, "COMMAND|COUNT": true, "COMMAND|DOCS": true, "COMMAND|INFO": true, "COMMAND|LIST": true,
	// These change nothing but their connection.
	"HELLO": true, "SELECT": true, "WATCH": true, "UNWATCH": true, "MULTI": true, "DISCARD": true, "CLIENT|ID": true,
	"CLIENT|INFO": true, "CLIENT|TRACKING": true, "CLIENT|CACHING": true, "CLIENT|TRACKINGINFO": true, "CLIENT|GETREDIR": true,
	"CLIENT|NO-EVICT": true, "CLIENT|NO-TOUCH": true,
}

// cursors are commands whose replies say where the next one begins. Only the server that
// has said it knows where that is.
var cursors = map[string]bool{"SCAN": true, "SSCAN": true, "HSCAN": true, "ZSCAN": true}

// onlyOnce are commands that would end, or change the role of, one server after the other.
var onlyOnce = map[string]bool{"SHUTDOWN": true, "DEBUG": true, "FAILOVER": true, "REPLICAOF": true, "SLAVEOF": true, "CLIENT|KILL": true, "SCRIPT|KILL": true, "FUNCTION|KILL": true}

// alwaysReads is what a table consists of when a server does not tell its own. Any other
// command counts as a write.
const alwaysReads = `bitcount bitpos dbsize dump exists expiretime geodist geohash geopos get getbit getrange hexists
	hget hgetall hkeys hlen hmget hrandfield hscan hstrlen hvals keys lcs lindex llen lpos lrange mget object pexpiretime
	pfcount pttl randomkey scan scard sdiff sinter sintercard sismember smembers smismember srandmember sscan strlen
	substr sunion touch ttl type xinfo xlen xpending xrange xrevrange zcard zcount zdiff zinter zintercard zlexcount
	zmscore zrandmember zrange zrangebylex zrangebyscore zrank zrevrange zrevrangebylex zrevrangebyscore zrevrank
	zscan zscore zunion`

const alwaysKnown = `append copy decr decrby del eval evalsha echo expire expireat flushall flushdb geoadd getdel getex getset
	hdel hincrby hincrbyfloat hmset hset hsetnx incr incrby incrbyfloat info linsert lmove lpop lpush lpushx lrem lset ltrim
	memory move mset msetnx persist pexpire pexpireat pfadd pfmerge ping psetex publish rename renamenx restore role
	rpop rpoplpush rpush rpushx sadd save script set setbit setex setnx setrange slowlog smove sort spop srem spublish
	time unlink xack xadd xautoclaim xclaim xdel xgroup xsetid xtrim zadd zincrby zpopmax zpopmin zrem
	zremrangebylex zremrangebyrank zremrangebyscore config command acl bgsave bgrewriteaof lastsave latency module
	client cluster dbsize function fcall fcall_ro pubsub replicaof slaveof swapdb zrangestore zunionstore zinterstore
	zdiffstore sunionstore sinterstore sdiffstore bitop bitfield`

// builtin is the table of a server that does not tell its own.
func builtin() table {
	t := table{}
	for name := range strings.FieldsSeq(alwaysKnown) {
		t.add(strings.ToUpper(name), nil, nil)
	}
	for name := range strings.FieldsSeq(alwaysReads) {
		t.add(strings.ToUpper(name), []string{"readonly"}, nil)
	}
	t.complete()
	return t
}

// complete adds what the proxy must know though no server has told it.
func (t table) complete() {
	t.add("PROXY", nil, nil)
	for name := range kinds {
		if base, sub, is := strings.Cut(name, "|"); is {
			if t[base] == nil {
				t.add(base, nil, nil)
			}
			t[base].addSub(sub, nil)
		} else if t[name] == nil {
			t.add(name, nil, nil)
		}
	}
}

// add adds a row. subs are the names and flags of subcommands.
func (t table) add(name string, flags []string, subs map[string][]string) {
	c := &command{name: name}
	c.classify(flags)
	t[name] = c
	for sub, flags := range subs {
		c.addSub(sub, flags)
	}
}

func (c *command) addSub(name string, flags []string) {
	if c.subs == nil {
		c.subs = make(map[string]*command)
	}
	if c.subs[name] == nil {
		s := &command{name: c.name + "|" + name}
		s.classify(flags)
		if _, is := kinds[s.name]; !is && c.kind != local {
			s.kind = c.kind // such as DEBUG
		}
		s.once = s.once || c.once
		c.subs[name] = s
	}
}

// classify fills in a row whose name is set.
func (c *command) classify(flags []string) {
	c.kind = kinds[c.name]
	has := func(word string) bool {
		for _, f := range flags {
			if f == word {
				return true
			}
		}
		return false
	}
	if has("blocking") && c.kind == plain {
		c.kind = blocking
	}
	c.read = has("readonly") && !has("write")
	c.cursor = cursors[c.name]
	c.master = aboutServer[c.name] || c.cursor
	c.once = onlyOnce[c.name]
	// Scripts and functions have no flag, and may write. So may what nobody knows.
	c.write = has("write") || !c.read && (len(flags) == 0 || has("movablekeys") || has("may_replicate"))
	_, harmless := aboutServer[c.name]
	c.safe = c.read || harmless
	switch c.kind {
	case local, aside, waiting, watch, multi, discard, subscribe, unsubscribe, monitor, refused:
		harmless = true
	}
	c.write = c.write && !harmless
}

var errTable = errors.New("its reply to COMMAND cannot be understood")

// readTable makes a table of a server's reply to COMMAND.
func readTable(v resp.Value) (table, error) {
	if v.Kind != '*' || len(v.Items) == 0 {
		return nil, errTable
	}
	t := table{}
	for _, row := range v.Items {
		if len(row.Items) < 3 || row.Items[0].Text == "" {
			return nil, errTable
		}
		var subs map[string][]string
		if len(row.Items) > 9 {
			for _, sub := range row.Items[9].Items {
				if len(sub.Items) < 3 {
					return nil, errTable
				}
				if _, name, is := strings.Cut(strings.ToUpper(sub.Items[0].Text), "|"); is {
					if subs == nil {
						subs = make(map[string][]string)
					}
					subs[name] = sub.Items[2].Words()
				}
			}
		}
		t.add(strings.ToUpper(row.Items[0].Text), row.Items[2].Words(), subs)
	}
	t.complete()
	return t, nil
}
