package doctor_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel/internal/resp"
	"github.com/gosentinel/sentinel/internal/survey"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a set-up of Sentinels and servers, played by functions.
type world struct {
	nodes     map[string]*node
	sentinels []*node
	servers   []*node
	hellos    []string
	from      []string // where the doctor begins; none: at the first Sentinel
	login     survey.Access
	pass      string // for Sentinels
	ownLogin  bool
	command   func(master, name string) string
}

// node answers at an address.
type node struct {
	addr, id, runID string
	version         string // of redis; of gosentinel if own
	own             bool
	pass            string        // "" = none is asked for
	raw             string        // what it answers to anything, in place of RESP
	silent, refused bool          // it takes no connection, in two ways
	mute            bool          // it takes connections, and says nothing
	delay, skew     time.Duration // of each answer; of its clock
	denied          bool

	// Of a Sentinel.
	tilt    bool
	config  map[string]string
	masters []*view

	// Of a server.
	master    string // "" = it is one
	link      string
	settings  map[string]string // nil: CONFIG GET is refused
	forbidden []string
	renamed   map[string]string
	info      string // further lines
}

type view struct {
	fields   map[string]string
	quorum   string
	replicas []map[string]string
	peers    []map[string]string
}

// newWorld returns a sound set-up: three gosentinels, a master, two replicas.
func newWorld() *world { return layout("10.0.0.%d:26379", "10.0.1.%d:6379", 3, 2) }

// layout returns a sound set-up with addresses that are made from patterns.
func layout(sentinels, servers string, n, quorum int) *world {
	w := &world{nodes: map[string]*node{}}
	for k := range 3 {
		s := &node{addr: fmt.Sprintf(servers, k+1), runID: id('a', k), version: "7.0.15", link: "up", settings: map[string]string{
			"min-replicas-to-write": "1", "min-replicas-max-lag": "10", "replica-priority": "100", "protected-mode": "yes", "bind": "",
			"replica-announce-ip": "", "replica-announce-port": "0", "masterauth": "secret", "masteruser": "", "requirepass": "secret",
		}, pass: "secret"}
		if k > 0 {
			s.master = fmt.Sprintf(servers, 1)
		}
		w.servers = append(w.servers, s)
		w.nodes[s.addr] = s
	}
	for k := range n {
		s := &node{addr: fmt.Sprintf(sentinels, k+1), id: id('b', k), runID: id('c', k), version: "0.1.0", own: true, config: map[string]string{"announce-ip": "", "announce-port": "0"}}
		w.sentinels = append(w.sentinels, s)
		w.nodes[s.addr] = s
	}
	for k, s := range w.sentinels {
		host, port, _ := net.SplitHostPort(w.servers[0].addr)
		v := &view{quorum: fmt.Sprintf("OK %d usable Sentinels. Quorum and failover authorization can be reached", n), fields: map[string]string{
			"name": "m", "ip": host, "port": port, "flags": "master", "quorum": strconv.Itoa(quorum), "num-other-sentinels": strconv.Itoa(n - 1), "num-slaves": "2",
			"config-epoch": "3", "down-after-milliseconds": "5000", "failover-timeout": "60000", "parallel-syncs": "1", "link-error": "",
		}}
		for _, r := range w.servers[1:] {
			host, port, _ := net.SplitHostPort(r.addr)
			v.replicas = append(v.replicas, map[string]string{"name": r.addr, "ip": host, "port": port, "flags": "slave", "slave-priority": "100", "master-link-status": "ok", "link-error": ""})
		}
		for o, p := range w.sentinels {
			if o != k {
				host, port, _ := net.SplitHostPort(p.addr)
				v.peers = append(v.peers, map[string]string{"name": p.id, "ip": host, "port": port, "runid": p.id, "flags": "sentinel", "last-hello-message": "500", "link-error": ""})
			}
		}
		s.masters = []*view{v}
	}
	w.login = survey.Access{Password: "secret"}
	w.ownLogin = true
	return w
}

func id(letter rune, k int) string { return strings.Repeat(string(letter), 39) + strconv.Itoa(k) }

// each changes what every Sentinel says of the master.
func (w *world) each(f func(*view)) {
	for _, s := range w.sentinels {
		for _, v := range s.masters {
			f(v)
		}
	}
}

// peer changes what all others say of a Sentinel.
func (w *world) peer(id, field, value string) {
	w.each(func(v *view) {
		for _, p := range v.peers {
			if p["runid"] == id {
				p[field] = value
			}
		}
	})
}

// move changes the address of a node, and what others say of it.
func (w *world) move(n *node, addr string) {
	delete(w.nodes, n.addr)
	host, port, _ := net.SplitHostPort(addr)
	w.each(func(v *view) {
		for _, f := range append(append([]map[string]string{v.fields}, v.peers...), v.replicas...) {
			if net.JoinHostPort(f["ip"], f["port"]) == n.addr {
				f["ip"], f["port"] = host, port
			}
		}
	})
	n.addr = addr
	w.nodes[addr] = n
}

func (w *world) options() survey.Options {
	o := survey.Options{Addrs: w.from, Deep: true, Dial: w.dial, Sentinel: survey.Access{Password: w.pass}, Server: func(string) survey.Access { return w.login }, Command: w.command}
	if len(o.Addrs) == 0 {
		o.Addrs = []string{w.sentinels[0].addr}
	}
	return o
}

func (w *world) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	n := w.nodes[addr]
	switch {
	case n == nil && strings.HasPrefix(addr, "nowhere"):
		return nil, &net.DNSError{Err: "no such host", Name: addr, IsNotFound: true}
	case n == nil || n.refused:
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	case n.silent:
		<-ctx.Done()
		return nil, ctx.Err()
	}
	near, far := net.Pipe()
	go n.serve(far, w)
	return near, nil
}

// serve answers on one connection.
func (n *node) serve(c net.Conn, w *world) {
	defer c.Close()
	rd := bufio.NewReader(c)
	in, open := n.pass == "", false
	for {
		if n.mute || n.raw != "" {
			if _, err := rd.ReadByte(); err != nil {
				return
			}
			if n.raw != "" {
				rd.Discard(rd.Buffered())
				c.Write([]byte(n.raw))
				return
			}
			continue
		}
		v, err := resp.Read(rd, resp.Limits{Bytes: 1 << 20, Items: 1000})
		if err != nil {
			return
		}
		time.Sleep(n.delay)
		words := v.Words()
		reply := ""
		switch name := strings.ToUpper(words[0]); {
		case n.denied:
			c.Write([]byte("-DENIED Redis is running in protected mode because protected mode is enabled\r\n"))
			return
		case name == "AUTH":
			switch {
			case n.pass == "":
				reply = "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?\r\n"
			case words[len(words)-1] == n.pass:
				in, reply = true, "+OK\r\n"
			default:
				reply = "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
			}
		case !in:
			reply = "-NOAUTH Authentication required.\r\n"
		case n.id != "":
			reply = n.sentinel(words)
		default:
			reply = n.server(words, &open, w)
		}
		if _, err := c.Write([]byte(reply)); err != nil {
			return
		}
	}
}

func (n *node) sentinel(words []string) string {
	switch strings.ToUpper(words[0]) {
	case "PING":
		return "+PONG\r\n"
	case "INFO":
		text := fmt.Sprintf("redis_mode:sentinel\r\nrun_id:%s\r\ntcp_port:26379\r\nserver_time_usec:%d\r\nsentinel_tilt:%d\r\n", n.runID, time.Now().Add(n.skew).UnixMicro(), map[bool]int{true: 1}[n.tilt])
		if n.own {
			return bulk(text + "redis_version:7.0.15\r\ngosentinel_version:" + n.version + "\r\n")
		}
		return bulk(text + "redis_version:" + n.version + "\r\n")
	}
	if len(words) > 2 {
		for _, v := range n.masters {
			if v.fields["name"] != words[2] {
				continue
			}
			switch strings.ToUpper(words[1]) {
			case "CKQUORUM":
				if strings.HasPrefix(v.quorum, "OK") {
					return "+" + v.quorum + "\r\n"
				}
				return "-" + v.quorum + "\r\n"
			case "REPLICAS", "SLAVES":
				return list(v.replicas)
			case "SENTINELS":
				return list(v.peers)
			case "MASTER":
				return list([]map[string]string{v.fields})[4:] // without *1\r\n
			}
		}
	}
	switch strings.ToUpper(words[1]) {
	case "MYID":
		return bulk(n.id)
	case "CONFIG":
		return list([]map[string]string{n.config})[4:]
	case "MASTERS":
		var all []map[string]string
		for _, v := range n.masters {
			all = append(all, v.fields)
		}
		return list(all)
	}
	return "-ERR unknown command\r\n"
}

func (n *node) server(words []string, open *bool, w *world) string {
	name := strings.ToUpper(words[0])
	original := name
	for from, to := range n.renamed {
		switch name {
		case from:
			return fmt.Sprintf("-ERR unknown command '%s', with args beginning with: \r\n", words[0])
		case to:
			original = from
		}
	}
	full := original
	if len(words) > 1 {
		full += " " + strings.ToUpper(words[1])
	}
	switch {
	case slices.Contains(n.forbidden, original) || slices.Contains(n.forbidden, full):
		return fmt.Sprintf("-NOPERM this user has no permissions to run the '%s' command\r\n", strings.ToLower(original))
	case original == "EXEC":
		*open = false
		return "*0\r\n"
	case *open:
		return "+QUEUED\r\n"
	}
	switch original {
	case "PING":
		return "+PONG\r\n"
	case "MULTI":
		*open = true
		return "+OK\r\n"
	case "TIME":
		return fmt.Sprintf("*2\r\n$10\r\n%010d\r\n$1\r\n0\r\n", time.Now().Add(n.skew).Unix())
	case "INFO":
		return bulk(n.infoText(w))
	case "CONFIG":
		if n.settings == nil {
			return "-NOPERM this user has no permissions to run the 'config|get' command\r\n"
		}
		if v, ok := n.settings[words[2]]; ok {
			return fmt.Sprintf("*2\r\n%s%s", bulk(words[2]), bulk(v))
		}
		return "*0\r\n"
	case "SUBSCRIBE":
		text := "*3\r\n" + bulk("subscribe") + bulk(words[1]) + ":1\r\n"
		for _, h := range w.hellos {
			text += "*3\r\n" + bulk("message") + bulk(words[1]) + bulk(h)
		}
		return text
	}
	panic("the doctor sent " + strings.Join(words, " "))
}

func (n *node) infoText(w *world) string {
	text := fmt.Sprintf("redis_version:%s\r\nredis_mode:standalone\r\nrun_id:%s\r\nconfig_file:/etc/redis/redis.conf\r\nserver_time_usec:%d\r\n", n.version, n.runID, time.Now().Add(n.skew).UnixMicro())
	if n.master != "" {
		host, port, _ := net.SplitHostPort(n.master)
		return text + fmt.Sprintf("role:slave\r\nmaster_host:%s\r\nmaster_port:%s\r\nmaster_link_status:%s\r\nmaster_link_down_since_seconds:77\r\n%s", host, port, n.link, n.info)
	}
	text += "role:master\r\n" + n.info
	k := 0
	for _, s := range w.servers {
		if s.master == n.addr && !s.silent && !s.refused {
			host, port, _ := net.SplitHostPort(s.addr)
			text += fmt.Sprintf("slave%d:ip=%s,port=%s,state=online,offset=1,lag=0\r\n", k, host, port)
			k++
		}
	}
	return text
}

func bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

func list(all []map[string]string) string {
	text := fmt.Sprintf("*%d\r\n", len(all))
	for _, f := range all {
		text += fmt.Sprintf("*%d\r\n", 2*len(f))
		for k, v := range f {
			text += bulk(k) + bulk(v)
		}
	}
	return text
}
