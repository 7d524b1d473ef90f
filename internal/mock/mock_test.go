package mock

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/resptest"
)

// expectReplies sends commands to a node and compares the replies. Ports of nodes stand
// as {a} in both.
func expectReplies(t *testing.T, m *Mock, node string, steps ...[2]string) {
	t.Helper()
	c := resptest.Dial(t, "tcp", m.at(node))
	var ports []string
	for _, n := range m.nodes {
		ports = append(ports, "{"+n.Name+"}", fmt.Sprint(n.port), "{#"+n.Name+"}", fmt.Sprint(len(fmt.Sprint(n.port))))
	}
	named := strings.NewReplacer(ports...)
	for _, s := range steps {
		if got, want := c.Do(named.Replace(s[0])), named.Replace(s[1]); got != want {
			t.Errorf("%s: %s\n got %q\nwant %q", node, s[0], got, want)
		}
	}
}

func TestSentinelAnswers(t *testing.T) {
	m := play(t, "sentinel s3 password x\n")
	expectReplies(t, m, "s1", [][2]string{
		{"PING", "+PONG\n"},
		{"PING a b", "-ERR wrong number of arguments for 'ping' command\n"},
		{"SENTINEL get-master-addr-by-name mymaster", "*2\n$9\n127.0.0.1\n${#a}\n{a}\n"},
		{"SENTINEL get-master-addr-by-name other", "*-1\n"},
		{"SENTINEL master other", "-ERR No such master with that name\n"},
		{"SENTINEL ckquorum mymaster", "+OK 3 usable Sentinels. Quorum and failover authorization can be reached\n"},
		{"SENTINEL myid", "$40\n000000000000000000000000000000005e4714e4\n"},
		{"SENTINEL is-master-down-by-addr 127.0.0.1 {a} 0 *", "*3\n:0\n$1\n*\n:0\n"},
		{"SENTINEL", "-ERR wrong number of arguments for 'sentinel' command\n"},
		{"SENTINEL masters", "*1\n" + flat("*40", "name", "mymaster", "ip", "127.0.0.1", "port", fmt.Sprint(m.named("a").port), "runid", "0000000000000000000000000000000000000001", "flags", "master",
			"link-pending-commands", "0", "link-refcount", "1", "last-ping-sent", "0", "last-ok-ping-reply", "100", "last-ping-reply", "100", "down-after-milliseconds", "30000",
			"info-refresh", "100", "role-reported", "master", "role-reported-time", "60000", "config-epoch", "1", "num-slaves", "2", "num-other-sentinels", "2", "quorum", "2", "failover-timeout", "180000", "parallel-syncs", "1")},
		{"SENTINEL nothing", "-ERR unknown subcommand 'nothing'. Try SENTINEL HELP.\n"},
		{"ROLE", "*2\n$8\nsentinel\n*1\n$8\nmymaster\n"},
		{"CLIENT SETNAME me", "+OK\n"}, {"CLIENT GETNAME", "$2\nme\n"}, {"CLIENT SETINFO lib-name x", "+OK\n"},
		{"GET k", "-ERR unknown command 'GET', with args beginning with: \n"},
		{"AUTH x", "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?\n"},
		{"HELLO 3 SETNAME you", "%6\n$6\nserver\n$5\nredis\n$7\nversion\n$6\n7.0.15\n$5\nproto\n:3\n$2\nid\n:1\n$4\nmode\n$8\nsentinel\n$7\nmodules\n*0\n"},
		{"SENTINEL get-master-addr-by-name other", "_\n"},
		{"SUBSCRIBE +switch-master", ">3\n$9\nsubscribe\n$14\n+switch-master\n:1\n"},
		{"PING", "+PONG\n"},
		{"UNSUBSCRIBE", ">3\n$11\nunsubscribe\n$14\n+switch-master\n:0\n"},
		{"UNSUBSCRIBE", ">3\n$11\nunsubscribe\n_\n:0\n"},
		{"QUIT", "+OK\n(closed)\n"},
	}...)
	expectReplies(t, m, "s2", [][2]string{
		{"PSUBSCRIBE + x", "*3\n$10\npsubscribe\n$1\n+\n:1\n*3\n$10\npsubscribe\n$1\nx\n:2\n"},
		{"PING", "*2\n$4\npong\n$0\n\n"},
	}...)
	expectReplies(t, m, "s3", [][2]string{
		{"PING", "-NOAUTH Authentication required.\n"},
		{"AUTH y", "-WRONGPASS invalid username-password pair or user is disabled.\n"},
		{"HELLO 3 AUTH default y", "-WRONGPASS invalid username-password pair or user is disabled.\n"},
		{"AUTH default x", "+OK\n"}, {"PING", "+PONG\n"},
	}...)
}

// flat encodes strings below a header.
func flat(header string, list ...string) string {
	text := header + "\n"
	for _, s := range list {
		text += fmt.Sprintf("$%d\n%s\n", len(s), s)
	}
	return text
}

// value returns one field of the reply to SENTINEL MASTERS or REPLICAS.
func value(t *testing.T, m *Mock, sentinel, command, field string) string {
	t.Helper()
	lines := strings.Split(resptest.Dial(t, "tcp", m.at(sentinel)).Do("SENTINEL "+command), "\n")
	for i, l := range lines {
		if l == field && i+2 < len(lines) {
			return lines[i+2]
		}
	}
	return ""
}

func TestOpinions(t *testing.T) {
	m := play(t, "")
	const ask = "SENTINEL get-master-addr-by-name mymaster"
	do(t, m, "say s1 b", "say s2 10.1.2.3:4567", "epoch s1 9")
	expectReplies(t, m, "s1", [2]string{ask, "*2\n$9\n127.0.0.1\n${#b}\n{b}\n"})
	expectReplies(t, m, "s2", [2]string{ask, "*2\n$8\n10.1.2.3\n$4\n4567\n"})
	if got := value(t, m, "s1", "masters", "config-epoch"); got != "9" {
		t.Errorf("epoch %s", got)
	}
	do(t, m, "say sentinels nobody")
	expectReplies(t, m, "s1", [2]string{ask, "*-1\n"}, [2]string{"SENTINEL masters", "*0\n"}, [2]string{"SENTINEL replicas mymaster", "-ERR No such master with that name\n"})
	do(t, m, "say s1 a", "flag s1 a s_down o_down disconnected", "field s1 a quorum 77", "field s1 a new-field x",
		"hide s1 b", "flag s1 c promoted", "field s1 c master-link-status err")
	for field, want := range map[string]string{"flags": "o_down,s_down,master,disconnected", "quorum": "77", "new-field": "x", "num-slaves": "1", "s-down-time": "5000"} {
		if got := value(t, m, "s1", "masters", field); got != want {
			t.Errorf("%s is %s, want %s", field, got, want)
		}
	}
	for field, want := range map[string]string{"name": m.at("c"), "flags": "slave,promoted", "master-link-status": "err"} {
		if got := value(t, m, "s1", "replicas mymaster", field); got != want {
			t.Errorf("%s of c is %s, want %s", field, got, want)
		}
	}
	do(t, m, "show s1 b", "flag s1 c")
	if got := value(t, m, "s1", "slaves mymaster", "name"); got != m.at("b") {
		t.Errorf("first replica %s", got)
	}
}

// TestInfo: clients and checkers that read INFO see the same opinion as others.
func TestInfo(t *testing.T) {
	m := play(t, "")
	for _, step := range [][2]string{
		{"", "status=ok,address=127.0.0.1:{a},slaves=2,sentinels=2"},
		{"flag s1 a s_down", "status=sdown,address=127.0.0.1:{a},slaves=2,"},
		{"flag s1 a o_down s_down", "status=odown,address=127.0.0.1:{a},slaves=2,"},
		{"hide s1 c", "slaves=1,sentinels=2"},
		{"say s1 10.1.2.3:4567", "address=10.1.2.3:4567,"},
		{"say s1 nobody", "\nsentinel_masters:0\nsentinel_tilt:0\n"},
	} {
		if step[0] != "" {
			do(t, m, step[0])
		}
		got := resptest.Dial(t, "tcp", m.at("s1")).Do("INFO")
		if want := strings.ReplaceAll(step[1], "{a}", fmt.Sprint(m.named("a").port)); !strings.Contains(got, "redis_mode:sentinel\n") || !strings.Contains(got, want) {
			t.Errorf("%s: INFO is %q, without %q", step[0], got, want)
		}
	}
}

func TestUnusualAnswers(t *testing.T) {
	for _, node := range []string{"s1", "a"} { // both kinds of node have them
		m := play(t, "")
		do(t, m, fmt.Sprintf(`answer %s ping error "LOADING wait" 2 times`, node))
		expectReplies(t, m, node, [2]string{"PING", "-LOADING wait\n"}, [2]string{"ping", "-LOADING wait\n"}, [2]string{"PING", "+PONG\n"})
		do(t, m, fmt.Sprintf(`answer %s ping nil once`, node), fmt.Sprintf(`answer %s setname raw "+O\r\n" once`, node))
		expectReplies(t, m, node, [2]string{"PING", "$-1\n"}, [2]string{"CLIENT SETNAME x", "+O\n"})
		do(t, m, fmt.Sprintf(`answer %s ping silence`, node))
		expectReplies(t, m, node, [2]string{"PING", ""})
		do(t, m, fmt.Sprintf(`answer %s ping slow 1ms`, node))
		expectReplies(t, m, node, [2]string{"PING", "+PONG\n"})
		do(t, m, fmt.Sprintf(`answer %s ping half`, node))
		expectReplies(t, m, node, [2]string{"PING", "+PO(closed)\n"})
		do(t, m, fmt.Sprintf(`answer %s ping close`, node), fmt.Sprintf(`answer %s role nil`, node))
		expectReplies(t, m, node, [2]string{"PING", "(closed)\n"})
		do(t, m, fmt.Sprintf(`answer %s * normal`, node))
		expectReplies(t, m, node, [2]string{"PING", "+PONG\n"})
	}
	m := play(t, "")
	do(t, m, "answer s1 asks nil", `answer a writes error "MISCONF no"`)
	expectReplies(t, m, "s1", [2]string{"SENTINEL masters", "$-1\n"}, [2]string{"SENTINEL get-master-addr-by-name mymaster", "$-1\n"})
	expectReplies(t, m, "a", [2]string{"SET k v", "-MISCONF no\n"}, [2]string{"GET k", "$-1\n"})
}

func TestRolesAreReal(t *testing.T) {
	m := play(t, "")
	role := func(node string) string {
		return strings.Split(resptest.Dial(t, "tcp", m.at(node)).Do("ROLE"), "\n")[2]
	}
	expectReplies(t, m, "a", [2]string{"SET k v", "+OK\n"}, [2]string{"WAIT 2 0", ":2\n"})
	expectReplies(t, m, "b", [2]string{"SET k v", "-READONLY You can't write against a read only replica.\n"}, [2]string{"GET k", "$1\nv\n"})
	do(t, m, "failover b")
	expectReplies(t, m, "b", [2]string{"SET k w", "+OK\n"})
	for node, want := range map[string]string{"a": "slave", "b": "master", "c": "slave"} {
		if got := role(node); got != want {
			t.Errorf("%s is %s", node, got)
		}
	}
	do(t, m, "kill b", "failover c", "start b") // b comes back as what it was
	if role("b") != "master" || role("c") != "master" {
		t.Error("b is", role("b"), "c is", role("c"))
	}
	do(t, m, "freeze a", "follow b c", "follow a b", "cut a", "thaw a", "kill a", "kill a", "start a", "thaw a")
	expectReplies(t, m, "b", [2]string{"GET k", "$1\nw\n"})
	if role("a") != "slave" {
		t.Error("a is", role("a"))
	}
}

func TestFailoverTellsEverything(t *testing.T) {
	m := play(t, "")
	c := resptest.Dial(t, "tcp", m.at("s2"))
	c.Send("PSUBSCRIBE *\r\n")
	if _, err := c.Value(); err != nil {
		t.Fatal(err)
	}
	do(t, m, "kill a")
	if got := resptest.Dial(t, "tcp", m.at("s1")).Do("SENTINEL failover mymaster"); got != "+OK\n" {
		t.Fatal(got)
	}
	var channels []string
	for {
		v, err := c.Value()
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(v, "\n")
		channels = append(channels, lines[6])
		if lines[6] == "+switch-master" {
			if want := fmt.Sprintf("mymaster 127.0.0.1 %d 127.0.0.1 %d", m.named("a").port, m.named("b").port); lines[8] != want {
				t.Errorf("%s, want %s", lines[8], want)
			}
			break
		}
	}
	const want = "+sdown +odown +new-epoch +try-failover +elected-leader +failover-state-select-slave +selected-slave +failover-state-send-slaveof-noone " +
		"+failover-state-wait-promotion +promoted-slave +failover-state-reconf-slaves +slave-reconf-sent +slave-reconf-inprog +slave-reconf-done +failover-end +switch-master"
	if got := strings.Join(channels, " "); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestKilledAndFrozen(t *testing.T) {
	m := play(t, "kill s1\nkill a\n")
	for _, node := range []string{"s1", "a"} {
		if c, err := net.Dial("tcp", m.at(node)); err == nil {
			c.Close()
			t.Errorf("%s accepts a connection", node)
		}
		do(t, m, "start "+node, "start "+node)
		expectReplies(t, m, node, [2]string{"PING", "+PONG\n"})
		c := resptest.Dial(t, "tcp", m.at(node))
		do(t, m, "freeze "+node, "freeze "+node)
		c.Send("PING\r\n")
		must(t, c.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		if _, err := c.Value(); err == nil || resptest.Closed(err) {
			t.Errorf("frozen: %v", err)
		}
		must(t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
		do(t, m, "thaw "+node)
		if got, err := c.Value(); got != "+PONG\n" {
			t.Errorf("thawed: %q, %v", got, err)
		}
		do(t, m, "cut "+node)
		if got, err := c.Value(); !resptest.Closed(err) {
			t.Errorf("cut: %q, %v", got, err)
		}
		do(t, m, "freeze "+node, "kill "+node, "start "+node)
		expectReplies(t, m, node, [2]string{"PING", "+PONG\n"})
	}
}

func TestSteering(t *testing.T) {
	m := play(t, "step one\nwait next\nstep two\nwait next\n")
	c := resptest.Dial(t, "tcp", m.at("s1"))
	for _, s := range [][2]string{
		{"MOCK", "-ERR write MOCK NEXT, MOCK STATE, or MOCK DO and a line of a script, such as MOCK DO failover b\n"},
		{"MOCK DO nonsense", "-ERR there is no statement \"nonsense\" (possible: " + strings.Join(liveNames(), ", ") + ")\n"},
		{"MOCK DO step x", "-ERR step stands in a script only (possible at run time: " + strings.Join(liveNames(), ", ") + ")\n"},
		{"MOCK DO say s1 b", "+OK\n"}, {"MOCK NEXT", "+OK\n"}, {"mock next", "+OK\n"},
	} {
		if got := c.Do(s[0]); got != s[1] {
			t.Errorf("%s: %q, want %q", s[0], got, s[1])
		}
	}
	<-m.Done()
	if v := m.Verdict(); v.Result != Pass {
		t.Errorf("%+v", v)
	}
	_, text, _ := strings.Cut(c.Do("MOCK STATE"), "\n")
	var s State
	must(t, json.Unmarshal([]byte(text), &s))
	if s.Step != "two" || s.Verdict != Pass || s.Counts["s1"]["connects"] != 1 || s.Counts["s1"]["connections"] != 1 {
		t.Errorf("%+v", s)
	}
	// A connection can end the Sentinel that it talks to.
	if got := c.Do("MOCK DO kill s1"); got != "(closed)\n" {
		t.Errorf("%q", got)
	}
	m.Close()
	if err := m.Do("start s1"); err != errEnded {
		t.Errorf("Do after Close: %v", err)
	}
}

// rightClient asks, writes, and asks again when anything fails.
func rightClient(ctx context.Context, m *Mock) {
	var d net.Dialer
	for i := 0; ctx.Err() == nil; i++ {
		name := []string{"s1", "s2"}[i%2]
		tell := func(addr, text string) string {
			c, err := d.DialContext(ctx, "tcp", addr)
			if err != nil {
				return ""
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(time.Second))
			buffer := make([]byte, 1000)
			_, _ = c.Write([]byte(text + "\r\n"))
			n, _ := c.Read(buffer)
			return string(buffer[:n])
		}
		if w := strings.Fields(tell(m.at(name), "SENTINEL get-master-addr-by-name mymaster")); len(w) == 5 {
			tell(net.JoinHostPort(w[2], w[4]), "INCR k")
		}
	}
}

func TestVerdicts(t *testing.T) {
	for _, test := range []struct {
		body   string
		result Result
		line   int
		reason string
	}{
		{"step x\nwait 2 writes on a\nfailover b\nexpect 2 writes on b within 20s", Pass, 0, ""},
		{"step x\nexpect no connections on c within 20s\nexpect 1 asks on s1 within 20s", Pass, 0, ""},
		{"forbid writes on c\nstep x\nforbid writes on b\nallow writes on b\nwait 1 writes on a\nsay sentinels b\nfailover b\nwait 2 writes on b", Pass, 0, ""},
		{"step x\nwait 1 writes on b within 10ms", Fail, 7, "x: 0 writes on b after 10ms (wait 1 writes on b within 10ms)"},
		{"step x y\nexpect 1 subscribes on sentinels within 10ms", Fail, 7, "x y: 0 subscribes on s1,s2 after 10ms (expect 1 subscribes on sentinels within 10ms)"},
		{"step x\nforbid more than 1 writes on a\nwait next", Fail, 7, "x: 2 writes on a (forbid more than 1 writes on a)"},
		{"step x\nwait 1 writes on a\nanswer s1 * silence\nwait 1 connections on s1\nforbid connections on s1\nwait next", Fail, 10, "x: 1 connections on s1 (forbid connections on s1)"},
		{"step x\npromote b\nfollow a b\nforbid refusals on a\nwait next", Fail, 9, "x: 1 refusals on a (forbid refusals on a)"},
	} {
		m := play(t, test.body)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); rightClient(ctx, m) }()
		<-m.Done()
		cancel()
		<-ended
		if v := m.Verdict(); v.Result != test.result || v.Line != test.line || v.Reason != test.reason {
			t.Errorf("%q:\n got %+v\nwant %v %d %s", test.body, v, test.result, test.line, test.reason)
		}
	}
}

func TestUnfinished(t *testing.T) {
	m := play(t, "step x\nwait next\n")
	if v := m.Verdict(); v != (Verdict{}) {
		t.Errorf("a verdict before the end: %+v", v)
	}
	m.Close()
	if v := m.Verdict(); v.Result != Unfinished || v.Right != "r" {
		t.Errorf("%+v", v)
	}
	m = play(t, "step x\nwait next\n")
	resptest.Eventually(t, "the step", func() bool { return m.stepNow() == "x" })
	m.ClientEnded("exit status 3")
	if v := m.Verdict(); v.Result != Fail || v.Reason != `the client ended (exit status 3) in the step "x", before the script did` {
		t.Errorf("%+v", v)
	}
}

func TestWhatCannotBeStarted(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer ln.Close()
	_, err = Start(parse(t, ""), Options{Host: "localhost"})
	if err == nil || err.Error() != `mock: "localhost" is no IP address to listen on` {
		t.Error(err)
	}
	_, err = Start(parse(t, ""), Options{Host: "192.0.2.1"})
	if err == nil || !strings.HasPrefix(err.Error(), "mock: a cannot listen on 192.0.2.1 (give an address of this machine): ") {
		t.Error(err)
	}
	for _, kind := range []string{"sentinel", "server"} {
		_, err = Start(parse(t, fmt.Sprintf("%s x port %d", kind, ln.Addr().(*net.TCPAddr).Port)), Options{})
		if err == nil || !strings.HasPrefix(err.Error(), "mock: x cannot be started: ") {
			t.Error(err)
		}
	}
}

func TestTraceHidesPasswords(t *testing.T) {
	lines := make(chan string, 100)
	m, err := Start(parse(t, ""), Options{Trace: true, Log: func(l string) { lines <- l }})
	must(t, err)
	defer m.Close()
	c := resptest.Dial(t, "tcp", m.at("s1"))
	for _, s := range [][2]string{
		{"AUTH secret", "s1 <- AUTH ***"},
		{"HELLO 3 AUTH default secret", "s1 <- HELLO 3 AUTH *** ***"},
		{`PING "a\x00\nb"`, "s1 <- PING a??b"},
	} {
		c.Send(s[0] + "\r\n")
		if got := <-lines; got != s[1] {
			t.Errorf("%q, want %q", got, s[1])
		}
	}
}
