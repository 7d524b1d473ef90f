package server

import (
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/respguard"
	"github.com/gosentinel/sentinel/pubsub"
)

// A shape is one kind of request that grows: words returns it with n as its
// measure. The first line of the request is what it is called in a failure.
type shape struct {
	name  string
	words func(n int) []string
	setup func(n int) [][]string // requests before it, which are not measured
	deny  bool                   // as a user with few rights
}

// numbered returns the words of head, then n words that format makes of the
// numbers from 0 on.
func numbered(head, format string, n int) []string {
	list := strings.Fields(head)
	for i := range n {
		list = append(list, strings.Fields(fmt.Sprintf(format, i))...)
	}
	return list
}

func grows(head, format string) shape {
	return shape{name: head + " " + format + " ...", words: func(n int) []string { return numbered(head, format, n) }}
}

func after(s shape, setup ...shape) shape {
	s.setup = func(n int) (list [][]string) {
		for _, before := range setup {
			list = append(list, before.words(n))
		}
		return list
	}
	return s
}

func denied(s shape) shape {
	s.name += " (without permission)"
	s.deny = true
	return s
}

func backwards(head, format string) shape {
	return shape{name: head + " " + format + " ..., last first", words: func(n int) []string {
		list := strings.Fields(head)
		for i := range n {
			list = append(list, strings.Fields(fmt.Sprintf(format, n-1-i))...)
		}
		return list
	}}
}

func nested(head, format, tail string) shape {
	return shape{name: head + " " + format + " ... " + tail, words: func(n int) []string {
		list := strings.Fields(head)
		return append(list, strings.Join(numbered("", format, n), " ")+tail)
	}}
}

// growing has, for each command that takes any number of words, the requests that
// could cost more than their length. A command that is missing here fails the
// test: say which of its words it compares, stores or looks up.
var growing = map[string][]shape{
	"acl|cat":     {grows("acl cat", "w%d")},
	"acl|deluser": {grows("acl deluser", "u%d"), grows("acl deluser", "u")},
	"acl|dryrun": {
		grows("acl dryrun default subscribe", "c%d"), grows("acl dryrun limited subscribe", "allowed"),
		grows("acl dryrun limited psubscribe", "p%d"), grows("acl dryrun limited ping", "c%d"),
	},
	"acl|genpass": {grows("acl genpass", "%d")},
	"acl|log":     {grows("acl log", "%d")},
	"acl|setuser": {
		grows("acl setuser u", ">%d"), grows("acl setuser u", "#%064d"), after(grows("acl setuser u", "<%d"), grows("acl setuser u", ">%d")),
		after(backwards("acl setuser u", "<%d"), grows("acl setuser u", ">%d")), grows("acl setuser u", ">%d <%[1]d"),
		grows("acl setuser u resetkeys", "~%d"), grows("acl setuser u resetkeys", "%%R~%d"), grows("acl setuser u resetchannels", "&%d"),
		grows("acl setuser u -@all", "+ping|%d"), grows("acl setuser u", "+ping -ping"), grows("acl setuser u", "+ping|%d -ping"), grows("acl setuser u", "+@admin -@admin"),
		grows("acl setuser u -@all", "+ping|%d +ping|x"), grows("acl setuser u", "()"), grows("acl setuser u", "(~%d )"),
		grows("acl setuser u", "(~%d"), nested("acl setuser u", "(~0 ~%d", ")"), nested("acl setuser u", "(&0 +info|%d", ")"),
		grows("acl setuser u", "reset"), grows("acl setuser u", "bad%d"), after(grows("acl setuser u", "on"), grows("acl setuser u", ">%d"), grows("acl setuser u", "&%d")),
	},
	"auth":         {grows("auth", "w%d"), shape{name: "auth with a long password", words: func(n int) []string { return []string{"auth", strings.Repeat("x", 40*n)} }}},
	"client|kill":  {grows("client kill", "id 1%d"), grows("client kill", "addr h:%d"), grows("client kill type pubsub", "user default"), grows("client kill", "w%d")},
	"client|list":  {grows("client list id", "%d"), grows("client list id", "1"), grows("client list type", "w%d")},
	"client|pause": {grows("client pause", "%d")},
	"client|tracking": {
		grows("client tracking on bcast", "prefix %d:"), grows("client tracking on bcast", "prefix x"), grows("client tracking on", "prefix %d:"),
		backwards("client tracking on bcast", "prefix %d:"), grows("client tracking off bcast", "prefix %d:"), grows("client tracking on", "redirect %d"),
		after(grows("client tracking on bcast", "prefix b%d:"), grows("client tracking on bcast", "prefix a%d:")), grows("client tracking on", "noloop"),
		shape{name: "client tracking on bcast with prefixes of the limit", words: func(n int) []string { return numbered("client tracking on bcast", "prefix %d:", n/4) }},
		shape{name: "client tracking on bcast with prefixes that share a long start", words: func(n int) []string {
			return numbered("client tracking on bcast", "prefix "+strings.Repeat("x", 50)+"%d:", n/4)
		}},
	},
	"client|unblock":          {grows("client unblock", "%d")},
	"command":                 {},
	"command|docs":            {grows("command docs", "w%d"), grows("command docs", "sentinel"), grows("command docs", "client|list")},
	"command|getkeys":         {grows("command getkeys", "w%d"), grows("command getkeys ping", "w%d")},
	"command|getkeysandflags": {grows("command getkeysandflags", "w%d"), grows("command getkeysandflags ping", "w%d")},
	"command|info":            {grows("command info", "w%d"), grows("command info", "sentinel"), grows("command info", "client|list")},
	"command|list":            {grows("command list filterby", "w%d"), pattern("command list filterby pattern")},
	"hello":                   {grows("hello 3", "setname n%d"), grows("hello 2", "auth default %d"), grows("hello 3", "w%d")},
	"info":                    {grows("info", "w%d"), grows("info", "sentinel"), grows("info", "all server")},
	"ping":                    {grows("ping", "w%d")},
	"psubscribe":              {grows("psubscribe", "p%d"), grows("psubscribe", "p"), grows("psubscribe", "*a*%d*b*"), denied(grows("psubscribe", "p%d"))},
	"punsubscribe":            unsubscribing("psubscribe", "punsubscribe"),
	"quit":                    {grows("quit", "w%d")},
	"sentinel|config": {
		grows("sentinel config get", "w%d"), grows("sentinel config get", "*"), pattern("sentinel config get"), grows("sentinel config set", "w%d 1"),
		grows("sentinel config set", "loglevel notice"), grows("sentinel config set", "announce-port %d"), grows("sentinel config", "w%d"),
	},
	"sentinel|debug":                   {grows("sentinel debug", "info-period %d1"), grows("sentinel debug", "w%d 1"), grows("sentinel debug", "ping-period 1000")},
	"sentinel|failovers":               {grows("sentinel failovers mymaster", "%d")},
	"sentinel|failover":                {grows("sentinel failover mymaster to", "h%d"), grows("sentinel failover mymaster", "force")},
	"sentinel|info-cache":              {grows("sentinel info-cache", "w%d"), grows("sentinel info-cache", "mymaster"), grows("sentinel info-cache mymaster", "other w%d")},
	"sentinel|is-master-down-by-addr":  {grows("sentinel is-master-down-by-addr 10.0.0.1 6379 0 *", "lease %d1")},
	"sentinel|is-primary-down-by-addr": {grows("sentinel is-primary-down-by-addr 10.0.0.1 6379 0 *", "lease %d1")},
	"sentinel|forget":                  {grows("sentinel forget mymaster", "%d1")},
	"sentinel|pause-failover":          {grows("sentinel pause-failover mymaster", "%d1")},
	"sentinel|resume-failover":         {grows("sentinel resume-failover mymaster", "%d1")},
	"sentinel|sentinels":               {grows("sentinel sentinels mymaster", "extended")},
	"sentinel|master":                  {grows("sentinel master mymaster", "extended")},
	"sentinel|primary":                 {grows("sentinel primary mymaster", "extended")},
	"sentinel|replicas":                {grows("sentinel replicas mymaster", "extended")},
	"sentinel|slaves":                  {grows("sentinel slaves mymaster", "extended")},
	"sentinel|set":                     {grows("sentinel set mymaster", "quorum %d1"), grows("sentinel set mymaster", "rename-command c%d d%[1]d"), grows("sentinel set mymaster", "w%d 1"), grows("sentinel set mymaster", "auth-pass x")},
	"sentinel|simulate-failure":        {grows("sentinel simulate-failure", "crash-after-election"), grows("sentinel simulate-failure", "w%d")},
	"shutdown":                         {grows("shutdown abort", "now"), grows("shutdown abort", "w%d")},
	"subscribe":                        {grows("subscribe", "c%d"), grows("subscribe", "c"), denied(grows("subscribe", "c%d")), denied(grows("subscribe", "allowed"))},
	"unsubscribe":                      unsubscribing("subscribe", "unsubscribe"),
}

// unsubscribing ends as many subscriptions as one client can have, in every
// order.
func unsubscribing(subscribe, unsubscribe string) []shape {
	few := func(s shape) shape {
		all := s.words
		s.words = func(n int) []string { return all(n * 9 / 10) }
		return s
	}
	before := few(grows(subscribe, "%d"))
	return []shape{
		grows(unsubscribe, "%d"), after(few(grows(unsubscribe, "%d")), before), after(few(backwards(unsubscribe, "%d")), before),
		after(shape{name: unsubscribe + " from all", words: func(int) []string { return []string{unsubscribe} }}, before),
	}
}

// pattern is a pattern in which a class is looked at again for every place in the
// text.
func pattern(head string) shape {
	return shape{name: head + " *[aaa...]b", words: func(n int) []string {
		return append(strings.Fields(head), "*["+strings.Repeat("a", 400*n)+"]b")
	}}
}

// The sizes of a request, and how much more the larger may cost. What grows with
// the square costs 16 times as much, and what grows with the length 4 times, or a
// little more where memory runs short. Below least the clock is too coarse.
const (
	costSmall = 1000
	costLarge = 4 * costSmall
	costRatio = 9
	costLeast = 5 * time.Millisecond
)

// meter runs requests and measures the processor time of this process.
type meter struct {
	s *testServer
}

func newMeter(t *testing.T) *meter {
	ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
	users := ts.Server.cfg.Users
	if _, err := users.SetUser("limited", "on", "nopass", "+@all", "resetchannels", "&allowed", "&x*"); err != nil {
		t.Fatal(err)
	}
	return &meter{s: ts}
}

// cost returns the processor time of a request in a fresh connection.
func (m *meter) cost(sh shape, n int) time.Duration {
	c := m.connect(sh.deny)
	defer m.s.Server.cfg.Users.DelUsers("u")
	defer c.end()
	if sh.setup != nil {
		for _, words := range sh.setup(n) {
			m.s.Server.execute(c, asBytes(words))
			c.out.buf = c.out.buf[:0]
		}
	}
	request := asBytes(sh.words(n))
	before := processorTime()
	m.s.Server.execute(c, request)
	return processorTime() - before
}

func (m *meter) connect(limited bool) *client {
	c := newClient(m.s.Server, &respguard.Conn{Conn: sink{}})
	if limited {
		u, _ := m.s.Server.cfg.Users.User("limited")
		c.user.Store(u)
	}
	return c
}

func processorTime() time.Duration {
	system, user := cpuTime()
	return system + user
}

func asBytes(words []string) [][]byte {
	list := make([][]byte, len(words))
	for i, w := range words {
		list[i] = []byte(w)
	}
	return list
}

// excessive measures sh and says what is wrong with it, or "". The least of
// many measurements counts, since a busy machine, or its host, may disturb most.
func (m *meter) excessive(sh shape) string {
	small, large := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	for range 60 {
		if large = min(large, m.cost(sh, costLarge)); large < costLeast {
			return ""
		}
		if small = min(small, m.cost(sh, costSmall)); large < costRatio*small {
			return ""
		}
		runtime.GC()
	}
	return fmt.Sprintf("%s: 4 times as many words cost %.0f times as much (%v, %v)", sh.name, float64(large)/float64(small), small, large)
}

// TestCostGrowsWithTheRequest: no command does more work than its length is
// worth. Limits come before the work that they limit, and what is compared with
// all that is there already is found by an index.
func TestCostGrowsWithTheRequest(t *testing.T) {
	if processorTime() == 0 {
		t.Skip("the processor time of a process is known on Unix only")
	}
	if withPlainShadow(t) {
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // collections are measured too, and come by chance
	m := newMeter(t)
	for _, cmd := range leaves(serverCommands()) {
		shapes, listed := growing[cmd.name]
		if cmd.arity < 0 && !listed {
			t.Errorf("%s takes any number of words: list in this file how it is sent many", cmd.name)
		}
		for _, sh := range append(shapes, longWords(cmd)...) {
			if problem := m.excessive(sh); problem != "" {
				t.Error(problem)
			}
		}
	}
}

// withPlainShadow runs the test that calls it in a process of its own, and
// returns true in the process that has asked for it. From 64 KiB on, the race
// detector maps the memory that describes an allocation anew, and every page of
// it costs a fault: twice the words then cost four times as much. In the other
// process it never does.
func withPlainShadow(t *testing.T) bool {
	const option = "clear_shadow_mmap_threshold=1000000000"
	if strings.Contains(os.Getenv("GORACE"), option) {
		return false
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), strings.TrimSpace("GORACE="+os.Getenv("GORACE")+" "+option))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return true
}

// leaves returns the commands and subcommands that can be run.
func leaves(table *Commands) (list []*command) {
	for _, cmd := range table.list {
		if cmd.run != nil {
			list = append(list, cmd)
		}
		list = append(list, cmd.subs...)
	}
	return list
}

// longWords are requests with one long word in each place.
func longWords(cmd *command) (list []shape) {
	head := strings.Split(cmd.name, "|")
	most := max(cmd.arity, -cmd.arity+2)
	for at := len(head); at < most; at++ {
		for _, b := range []string{"a", "*a", "1", "."} {
			list = append(list, shape{name: fmt.Sprintf("%s with a long word %d of %q", cmd.name, at, b), words: func(n int) []string {
				words := append([]string(nil), head...)
				for len(words) < most {
					words = append(words, "1")
				}
				words[at] = strings.Repeat(b, 32*n/len(b))
				return words
			}})
		}
	}
	return list
}

// TestRepliesAreBounded: a request makes this Sentinel hold only so much for its
// reply, whether it keeps within the limits on its words or not.
func TestRepliesAreBounded(t *testing.T) {
	const most = 16 << 20
	m := newMeter(t)
	for _, cmd := range leaves(serverCommands()) {
		for _, sh := range growing[cmd.name] {
			for _, n := range []int{maxNames, 8 * maxNames} {
				c := m.connect(sh.deny)
				m.s.Server.execute(c, asBytes(sh.words(n)))
				if size := len(c.out.buf); size > most {
					t.Errorf("%s, %d times: the reply has %d bytes", sh.name, n, size)
				}
				c.end()
				m.s.Server.cfg.Users.DelUsers("u")
			}
		}
	}
}

// TestMeter: TestCostGrowsWithTheRequest would notice a command that compares each of its
// words with each, even if a limit refuses them afterwards.
func TestMeter(t *testing.T) {
	if processorTime() == 0 {
		t.Skip("the processor time of a process is known on Unix only")
	}
	m := newMeter(t)
	m.s.Server.commands.byName["role"].run = func(r *request) {
		for i := range r.args {
			for j := range i {
				if string(r.args[i]) == string(r.args[j]) {
					r.ok()
				}
			}
		}
		r.fail("ERR", "too many words")
	}
	m.s.Server.commands.byName["role"].arity = -1
	if m.excessive(grows("role", "w%d")) == "" {
		t.Error("a command of quadratic cost was not noticed")
	}
}

// sink is the far end of a connection that reads everything and says nothing.
type sink struct{ net.Conn }

func (sink) Write(p []byte) (int, error)      { return len(p), nil }
func (sink) Close() error                     { return nil }
func (sink) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 26379} }
func (sink) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5} }
func (sink) SetWriteDeadline(time.Time) error { return nil }
