package server

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/acl"
	"github.com/gosentinel/sentinel/internal/words"
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/pubsub"
)

// holder is a Sentinel without sockets, clock and disk: commands, a core, users and
// a file. After each step what the core accepted must be in the file.
type holder struct {
	t       testing.TB
	format  configrewrite.Format
	now     monitor.Instant
	core    *monitor.Core
	server  *Server
	client  *client
	users   *acl.List
	level   string
	saved   [][]string // the users in the file
	doc     *configrewrite.Document
	text    []byte
	asked   []monitor.Send // for INFO, not answered yet
	results []monitor.CallResult
	line    string // what is being done
}

var holderFiles = map[configrewrite.Format]string{
	configrewrite.FormatConf: "sentinel resolve-hostnames yes\nsentinel announce-hostnames yes\nsentinel deny-scripts-reconfig no\nsentinel monitor m 10.0.0.1 6379 2\nuser alice on >pw +ping\n",
	configrewrite.FormatTOML: "[server]\nuser = [\"alice on >pw +ping\"]\n[sentinel]\nresolve-hostnames = true\nannounce-hostnames = true\ndeny-scripts-reconfig = false\n" +
		"[[master]]\nname = \"m\"\nhost = \"10.0.0.1\"\nport = 6379\nquorum = 2\n",
}

func newHolder(t testing.TB, format configrewrite.Format) *holder {
	h := &holder{t: t, format: format, now: monitor.Instant(time.Hour), text: []byte(holderFiles[format])}
	h.doc = h.load()
	st := h.doc.State
	st.Options.MyID = idA
	h.core = h.newCore(st)
	h.users = h.usersOf(h.doc)
	h.server = New(Config{
		Users:       h.users,
		LogLevel:    func() string { return "notice" },
		SetLogLevel: func(level string) { h.level = level },
		Resolve:     func(_ context.Context, host string) string { return strings.Join(resolveForHolder(host), "") },
	}, h, pubsub.NewBus(pubsub.Limits{}))
	h.client = &client{server: h.server}
	h.settle()
	return h
}

func (h *holder) Addrs() *Addrs { return &Addrs{} }

// resolveForHolder has one address for all names.
func resolveForHolder(host string) []string {
	if strings.Contains(host, "nowhere") {
		return nil
	}
	return []string{"10.9.9.9"}
}

func (h *holder) newCore(st monitor.State) *monitor.Core {
	core, err := monitor.New(h.now, monitor.Params{State: st, Port: 26379})
	if err != nil {
		h.fail("%v", err)
	}
	return core
}

// knownUsers remembers what CheckUsers says: rules take long to read.
var knownUsers = map[string]func() ([]string, []error){}

func checkUsersOnce(set configrewrite.Settings) ([]string, []error) {
	key := fmt.Sprintf("%q", append([]string{set.RequirePass, set.ACLFile, set.ACLPubSubDefault}, set.Users...))
	if knownUsers[key] == nil {
		if len(knownUsers) > 1000 {
			clear(knownUsers)
		}
		normal, problems := CheckUsers(set)
		knownUsers[key] = func() ([]string, []error) { return slices.Clone(normal), problems }
	}
	return knownUsers[key]()
}

func (h *holder) load() *configrewrite.Document {
	doc, err := configrewrite.Parse(h.text, configrewrite.Source{
		Name: "sentinel", Format: h.format, Dir: "/srv", CheckUsers: checkUsersOnce,
		Resolve: func(string) (string, error) { return "10.9.9.9", nil },
	})
	if err != nil {
		h.fail("the file does not load: %v", err)
	}
	return doc
}

func (h *holder) usersOf(doc *configrewrite.Document) *acl.List {
	users, _, _, err := OpenUsers(doc.Settings)
	if err != nil {
		h.fail("the users do not load: %v", err)
	}
	return users
}

func (h *holder) fail(format string, args ...any) {
	h.t.Helper()
	h.t.Fatalf("after %s\n%s\nin\n%s", h.line, fmt.Sprintf(format, args...), h.text)
}

// step gives the core one input.
func (h *holder) step(in monitor.Input) {
	h.now += monitor.Instant(time.Millisecond)
	h.core.Step(h.now, in)
	h.settle()
}

// settle carries out effects until there are none.
func (h *holder) settle() {
	for out := new(monitor.Effects); ; {
		h.core.Drain(out)
		if len(out.Free) == 0 && out.Persist == nil {
			return
		}
		free := append([]monitor.Effect(nil), out.Free...)
		if p := out.Persist; p != nil {
			h.save(p.State)
			free = append(free, p.Then...)
			h.core.Step(h.now, monitor.Persisted{Seq: p.Seq})
		}
		for _, e := range free {
			h.do(e)
		}
	}
}

func (h *holder) do(e monitor.Effect) {
	switch e := e.(type) {
	case monitor.Dial:
		h.core.Step(h.now, monitor.LinkUp{Conn: e.Conn, LocalIP: "10.0.9.1"})
	case monitor.Resolve:
		h.core.Step(h.now, monitor.Resolved{Host: e.Host, IPs: resolveForHolder(e.Host)})
	case monitor.Send:
		if _, ok := e.Cmd.(monitor.InfoRequest); ok && len(h.asked) < 100 {
			h.asked = append(h.asked, e)
		}
	case monitor.CallResult:
		h.results = append(h.results, e)
	}
}

// save does what File.Save does, and then what the next start does.
func (h *holder) save(st monitor.State) {
	live := configrewrite.Live{LogLevel: h.level, Users: h.users.Declarations()}
	writer := h.doc.With(live)
	text := writer.Render(h.text, st)
	if err := writer.Verify(text, st); err != nil {
		h.text = text
		h.fail("the state cannot be saved: %v", err)
	}
	if bytes.Equal(text, h.text) {
		return // checked already
	}
	h.text = text
	again := h.load()
	core := h.newCore(again.State)
	if second := again.With(live).Render(text, core.State()); !bytes.Equal(second, text) {
		h.fail("the next start has another state:\n%s", second)
	}
	if reflect.DeepEqual(live.Users, h.saved) {
		return // checked already
	}
	if got := h.usersOf(again).Declarations(); !reflect.DeepEqual(got, live.Users) {
		h.fail("the next start has the users %q", got)
	}
	h.saved = live.Users
}

func (h *holder) View(f func(Reader, monitor.Instant)) bool { f(h.core, h.now); return true }

func (h *holder) Call(op monitor.Op) Pending[monitor.CallResult] {
	h.results = nil
	h.step(monitor.Call{From: 1, Op: op})
	if len(h.results) != 1 {
		h.fail("%d results", len(h.results))
	}
	return answered(h.results[0], true)
}

func (h *holder) Ask(q monitor.Ask) Pending[monitor.Reply] { return answered(monitor.Reply{}, true) }

func (h *holder) Hello(hello monitor.Hello) { h.step(monitor.HelloReceived{Hello: hello}) }

// play does what one line says.
func (h *holder) play(line string) {
	h.line = line
	list, ok := words.Split(line)
	if !ok || len(list) == 0 {
		return
	}
	rest := strings.Join(list[1:], " ")
	switch list[0] {
	case "hello":
		if hello, err := monitor.ParseHello([]byte(rest)); err == nil {
			h.Hello(hello)
		}
	case "info":
		if len(h.asked) > 0 {
			s := h.asked[0]
			h.asked = h.asked[1:]
			h.step(monitor.InfoReply{Conn: s.Conn, Token: s.Token, Info: monitor.ParseInfo([]byte(rest))})
		}
	case "wait":
		h.now += monitor.Instant(11 * time.Second)
		h.step(monitor.Tick{})
	default:
		h.command(list)
	}
}

// command executes a command of those that change something.
func (h *holder) command(list []string) {
	switch strings.ToUpper(list[0]) {
	case "SENTINEL", "ACL", "PUBLISH":
	default:
		return
	}
	args := make([][]byte, len(list))
	for i, w := range list {
		args[i] = []byte(w)
	}
	h.client.user.Store(unlimited) // access to the commands is not what this is about
	h.client.authenticated = true
	h.server.execute(h.client, args)
	h.client.out.buf = h.client.out.buf[:0]
	if list[0] = strings.ToUpper(list[0]); list[0] == "ACL" {
		h.Call(monitor.FlushOp{})
	}
}

var unlimited = func() *acl.User {
	all, err := acl.New(nil, acl.Options{})
	if err != nil {
		panic(err)
	}
	return all.Default()
}()

// Words that some gate might let through and some other not.
var (
	oddHosts = []string{
		"10.0.0.1", "10.0.0.2", "010.0.0.2", "8.0.0.2", "127.1", "0x7f.1", "0.0.0.0", "0", "::", "::1", "0:0::1", "fe80::a%eth0", "FE80::A%eth0", "fe80::a%a,b",
		"::ffff:10.0.0.2", "224.0.0.1", "255.255.255.255", "redis-1", "REDIS-1", "redis-1.", "redis_1", "nowhere", "bücher", "\u212aelvin", "kelvin", "\u017fs", "a b",
		" 10.0.0.2", "10.0.0.2,x", `a"b`, `a\b`, "a'b", "*", "#h", "", "\xff", "a\u0085", "hex:00", "[x]",
		strings.Repeat("h", 255), strings.Repeat("h", 256), strings.Repeat("é", 127), strings.Repeat("é", 128),
	}
	oddWords = []string{
		"", "x", "X", "a b", `"`, `'`, `\`, "#", "yes", "no", "0", "1", "-1", "007", "99999999999999999999", "\n", "\x00", "\x7f", "é", "\u212aill", "kill", "KILL", "\xff",
		"hex:00", "hex:zz", "[state]", "'''", `"""`, "/bin/sh", "/tmp", "\u2028", "# --- state of gosentinel", strings.Repeat("w", 300),
	}
	oddNames   = []string{"m", "m", "M", "m2", "my,master", "my master", "é", "#m", "", "\xff", "hex:00", "*", strings.Repeat("n", 255), strings.Repeat("n", 256)}
	oddIDs     = []string{idA, idB, strings.Repeat("c", 40), strings.Repeat(",", 40), strings.Repeat("é", 20), " " + idA[1:], `"` + idA[1:], "short", ""}
	oddOptions = []string{
		"quorum", "down-after-milliseconds", "failover-timeout", "parallel-syncs", "auth-pass", "auth-user", "notification-script", "client-reconfig-script",
		"master-reboot-down-after-period", "rename-command", "rename-command", "can-failover", "Quorum",
	}
	oddGlobals = []string{"announce-ip", "announce-port", "resolve-hostnames", "announce-hostnames", "sentinel-user", "sentinel-pass", "loglevel", "myid"}
	oddRules   = []string{
		"on", "off", ">pw", ">a b", "#" + strings.Repeat("a", 64), "nopass", "resetpass", "+ping", "-@all", "+@all", "&*", "&a b", "~\"", "reset", "+sentinel|masters",
		"(+info &x)", "allchannels", "resetchannels", "sanitize-payload", "+ping|x", "\x01",
	}
)

// randomStream returns lines for a holder.
func randomStream(r *rand.Rand) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	port := func() string { return pick("6379", "26379", "0", "65535", "65536", "-1") }
	number := func() string { return fmt.Sprint(r.IntN(30)) }
	var lines []string
	for range 1 + r.IntN(25) {
		var line []string
		switch r.IntN(8) {
		case 0, 1:
			hello := []string{pick(oddHosts...), port(), pick(oddIDs...), number(), pick(oddNames...), pick(oddHosts...), port(), number()}
			line = []string{"hello", strings.Join(hello, ",")}
		case 2:
			text := pick("role:master\n", "role:slave\nmaster_host:"+pick(oddHosts...)+"\nmaster_port:"+port()+"\n")
			for i := range r.IntN(5) {
				text += fmt.Sprintf("slave%d:ip=%s,port=%s,state=online\r\n", i, pick(oddHosts...), port())
			}
			line = []string{"info", text}
		case 3:
			line = []string{"SENTINEL", "SET", pick(oddNames...), pick(oddOptions...), pick(oddWords...), pick(append(oddOptions, oddWords...)...), pick(oddWords...)}
			line = line[:5+r.IntN(3)]
		case 4:
			line = []string{"SENTINEL", "CONFIG", "SET", pick(oddGlobals...), pick(append(oddHosts, oddWords...)...)}
		case 5:
			line = []string{"ACL", pick("SETUSER", "SETUSER", "DELUSER"), pick("alice", "default", "bob", "a b", "é", "\xff"), pick(oddRules...), pick(oddRules...)}
		case 6:
			line = []string{"SENTINEL", "MONITOR", pick(oddNames...), pick(oddHosts...), port(), pick("1", "2", "0", "x")}
		case 7:
			line = [][]string{{"wait"}, {"SENTINEL", "REMOVE", pick(oddNames...)}, {"SENTINEL", "RESET", "*"}, {"SENTINEL", "FLUSHCONFIG"}}[r.IntN(4)]
		}
		for i, w := range line {
			line[i] = words.Quote(w)
		}
		lines = append(lines, strings.Join(line, " "))
	}
	return strings.Join(lines, "\n")
}

// FuzzWhatIsAcceptedIsHeld: whatever hellos, replies to INFO and commands a Sentinel
// gets, its state can be saved, and the next start reads the same state. Otherwise
// it could give no vote any more.
func FuzzWhatIsAcceptedIsHeld(f *testing.F) {
	hello := func(ip, master string) string {
		return "hello " + words.Quote(ip+",26379,"+idB+",1,m,"+master+",6379,1")
	}
	long := strings.Repeat("h", 300)
	for _, lines := range [][]string{
		{hello("10.0.0.5", long)},
		{hello(long, "10.0.0.2")},
		{hello("10.0.0.5", "010.0.0.1"), hello("127.1", "fe80::1%a")},
		{hello("FE80::A", "::ffff:1.2.3.4"), hello("0.0.0.0", "0.0.0.0")},
		{hello("bücher", "\u212aelvin."), "wait", "SENTINEL CONFIG SET resolve-hostnames no", "wait"},
		{"SENTINEL SET m rename-command KILL x rename-command \u212aILL y", "SENTINEL SET m rename-command SLAVEOF slaveof rename-command \u017flaveof y"},
		{"SENTINEL SET m rename-command A b rename-command a A rename-command \"x y\" \"\\\"'\""},
		{`info "role:master\nslave0:ip=` + long + `,port=1,\nslave1:ip=010.1,port=2,\nslave2:ip=8.0.0.1,port=2\nslave3:ip=0.0.0.0,port=3\nslave4:ip=nowhere,port=0\n"`, "wait",
			`info "role:slave\nmaster_host:0.0.0.0\nmaster_port:6379\n"`},
		{"SENTINEL MONITOR my,master 10.0.0.7 6379 1", "SENTINEL MONITOR é nowhere 6379 1", "SENTINEL MONITOR é redis_1. 6379 1", "SENTINEL MONITOR n 0.0.0.0 1 1", "SENTINEL MONITOR n fe80::1%a,b 1 1"},
		{"SENTINEL CONFIG SET announce-ip 0.0.0.0", "SENTINEL CONFIG SET announce-ip ' 1.2.3.4'", "SENTINEL CONFIG SET announce-ip ::1 sentinel-user 'a b' sentinel-pass \"\\\"\\\\\"", "SENTINEL CONFIG SET loglevel debug announce-port 0"},
		{"ACL SETUSER bob on '>a b' '~\"' +ping|x", "ACL SETUSER default >x", "ACL SETUSER 'b\\x01' &* '(+info)'", "ACL DELUSER alice", "ACL SETUSER default reset on nopass +@all",
			"ACL SETUSER '' on", "ACL DELUSER ''"},
		{"SENTINEL SET m auth-pass '' auth-user \"\\xff\" notification-script /bin/sh quorum 3", "SENTINEL RESET *", "SENTINEL REMOVE m", "SENTINEL MONITOR m localhost 1 1", "SENTINEL FLUSHCONFIG"},
		{"PUBLISH __sentinel__:hello " + words.Quote("10.0.0.5,26379,"+idB+",9,m,redis-2,6379,8"), "SENTINEL DEBUG info-period 1", "SENTINEL CONFIG SET announce-hostnames no"},
	} {
		f.Add(strings.Join(lines, "\n"), uint64(0))
	}
	for seed := range uint64(60) {
		f.Add("", seed+1)
	}
	f.Fuzz(func(t *testing.T, stream string, seed uint64) {
		if seed != 0 {
			stream += "\n" + randomStream(rand.New(rand.NewPCG(seed, 21)))
		}
		for _, format := range []configrewrite.Format{configrewrite.FormatConf, configrewrite.FormatTOML} {
			h := newHolder(t, format)
			for _, line := range strings.SplitN(stream, "\n", 60) {
				if len(line) < 4096 {
					h.play(line)
				}
			}
			h.line = "FLUSHCONFIG"
			h.Call(monitor.FlushOp{})
		}
	})
}
