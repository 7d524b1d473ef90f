package server

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/acl"
	"github.com/gosentinel/sentinel/internal/resptest"
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/pubsub"
)

// usersWithPassword returns the users of a server with requirepass.
func usersWithPassword(password string) *acl.List {
	set := configrewrite.DefaultSettings()
	set.RequirePass = password
	return newUsers(set)
}

// newerACL converts our replies to the words of 7.0, where a later version
// changed them.
var newerACL = []struct {
	ours  *regexp.Regexp
	stock string
}{
	{regexp.MustCompile(`-NOPERM User \S+ has no permissions to run`), "-NOPERM this user has no permissions to run"},
	{regexp.MustCompile(`-NOPERM No permissions to access a channel`), "-NOPERM this user has no permissions to access one of the channels used as arguments"},
	{regexp.MustCompile(`\$\d+\nUser \S+ has no permissions to run`), "$$\nThis user has no permissions to run"},
	{regexp.MustCompile(`\$\d+\nUser \S+ has no permissions to access the '[^']*' channel`), "$$\nThis user has no permissions to access the 'x' channel"},
	{regexp.MustCompile(`\$8\nentry-id\n:\d+\n\$17\ntimestamp-created\n:\d+\n\$22\ntimestamp-last-updated\n:\d+\n`), ""},
	{regexp.MustCompile(`\*20\n(\$5\ncount)`), "*14\n$1"},
	{regexp.MustCompile(`%10\n(\$5\ncount)`), "%7\n$1"},
	{regexp.MustCompile(`[*~]2\n(\$\d\n(?:on|off)\n)\$16\nsanitize-payload\n`), "{1}\n$1"},
	{regexp.MustCompile(`[*~]3\n(\$\d\n(?:on|off)\n\$6\nnopass\n)\$16\nsanitize-payload\n`), "{2}\n$1"},
}

// alikeACL hides what differs between two runs of the same program.
var alikeACL = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`\$\d+\nThis user has no permissions to run`), "$$\nThis user has no permissions to run"},
	{regexp.MustCompile(`\$\d+\nThis user has no permissions to access the '[^']*' channel`), "$$\nThis user has no permissions to access the 'x' channel"},
	{regexp.MustCompile(`(age-seconds\n)(\$\d+\n|,)\d+(\.\d+)?\n`), "$1{age}\n"},
	{regexp.MustCompile(`(client-info\n)\$\d+\n.*\n`), "$1{client}\n"},
	{regexp.MustCompile(`\$64\n[0-9a-f]{64}\n`), "{256 bits}\n"},
	{regexp.MustCompile(`[*~]1\n(\$\d\n(?:on|off)\n)`), "{1}\n$1"},
	{regexp.MustCompile(`[*~]2\n(\$\d\n(?:on|off)\n\$6\nnopass\n)`), "{2}\n$1"},
}

// TestACLSameAsStock gives redis-sentinel and our server the same users, sends
// lines as each of the users, and expects the same bytes in both protocols,
// except for words that later versions changed.
func TestACLSameAsStock(t *testing.T) {
	users := []string{
		"reader on >pw +@fast -role +subscribe|+sdown &+sdown",
		"ops on >pw allchannels +@all -@dangerous +sentinel|masters +info",
		"news on nopass +@pubsub +acl|whoami (+ping &a) (+psubscribe &x*)",
		"nobody on >pw",
		"gone off >pw +@all",
		"helper on >pw +sentinel|help +acl +command -command|count +ping|hello +client +@connection -client|kill",
	}
	lines := []string{
		"ACL WHOAMI", "PING", "PING hello", "PING a b", "ROLE", "INFO nosuch", "SENTINEL MYID x", "SENTINEL master nosuch", "SENTINEL masters x", "SENTINEL nosuch",
		"SENTINEL reset nosuch", "SENTINEL help x", "nosuch", "CLIENT ID x", "CLIENT GETNAME", "CLIENT KILL id 0", "CLIENT NO-EVICT maybe", "COMMAND COUNT", "COMMAND nosuch", "COMMAND DOCS nosuch",
		"ACL USERS", "ACL CAT nope", "ACL GETUSER nosuch", "ACL nosuch", "ACL", "PUBLISH a b", "PUBLISH +sdown b", "PUBLISH __sentinel__:hello x", "AUTH", "AUTH wrong", "AUTH a b c", "SHUTDOWN abort",
		"ACL DRYRUN news ping", "ACL DRYRUN news subscribe a", "ACL DRYRUN news psubscribe x*", "ACL DRYRUN news psubscribe xy a", "ACL DRYRUN nobody auth x", "ACL DRYRUN gone ping",
		"ACL DRYRUN reader sentinel masters", "ACL DRYRUN helper command count", "ACL DRYRUN helper ping hello", "ACL DRYRUN helper ping other", "ACL DRYRUN x ping", "ACL DRYRUN reader nosuch",
		"SUBSCRIBE a", "SUBSCRIBE a +sdown", "PSUBSCRIBE x*", "PSUBSCRIBE xy", "PSUBSCRIBE *", "PING", "ROLE", "SUBSCRIBE +sdown", "UNSUBSCRIBE a +sdown", "UNSUBSCRIBE", "PUNSUBSCRIBE x* xy *", "PUNSUBSCRIBE",
	}
	stock := stockSentinel(t)
	b := newFakeEngine()
	b.masters = b.masters[:1]
	ours := startServer(t, Config{}, b, pubsub.Limits{})
	admin, ownAdmin := stock.dial(t), ours.dial(t)
	both := func(a, b *resptest.Conn, who, line string) {
		t.Helper()
		want, got := a.Do(line), b.Do(line)
		for _, n := range newerACL {
			got = n.ours.ReplaceAllString(got, n.stock)
		}
		for _, n := range alikeACL {
			want, got = n.re.ReplaceAllString(want, n.to), n.re.ReplaceAllString(got, n.to)
		}
		if got != want {
			t.Errorf("%s: %s\n got %q\nwant %q", who, line, got, want)
		}
	}
	for _, user := range users {
		both(admin, ownAdmin, "admin", "ACL SETUSER "+user)
	}
	for _, proto := range []string{"2", "3"} {
		both(admin, ownAdmin, "admin", "ACL LOG reset")
		for _, user := range users {
			name, _, _ := strings.Cut(user, " ")
			a, b := stock.dial(t), ours.dial(t)
			who := name + ", RESP" + proto
			for _, line := range []string{"AUTH " + name + " wrong", "AUTH " + name + " pw"} {
				both(a, b, who, line)
			}
			if proto == "3" {
				a.Do("HELLO 3 AUTH " + name + " pw")
				b.Do("HELLO 3 AUTH " + name + " pw")
			}
			for _, line := range lines {
				both(a, b, who, line)
			}
		}
		a, b := stock.dial(t), ours.dial(t)
		a.Do("HELLO " + proto)
		b.Do("HELLO " + proto)
		for _, line := range []string{
			"ACL LOG 100", "ACL LOG", "ACL LOG 1", "ACL GETUSER news", "ACL GETUSER nobody", "ACL GETUSER gone", "ACL GETUSER x", "ACL USERS", "ACL GENPASS", "ACL CAT",
			"ACL SETUSER x +nosuch", "ACL SETUSER x (+ping", "ACL SETUSER x +ping|", "ACL SETUSER x <y", "ACL SETUSER x #y", "ACL DELUSER default", "ACL DELUSER nosuch", "ACL SAVE", "ACL LOAD", "ACL DRYRUN x",
		} {
			both(a, b, "default, RESP"+proto, line)
		}
	}
}

func TestACLGenPass(t *testing.T) {
	c := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{}).dial(t)
	for bits, digits := range map[string]int{"": 64, " 1": 1, " 4": 1, " 5": 2, " 4096": 1024} {
		first, second := c.Do("ACL GENPASS"+bits), c.Do("ACL GENPASS"+bits)
		for _, got := range []string{first, second} {
			if !regexp.MustCompile(fmt.Sprintf(`^\$%d\n[0-9a-f]+\n$`, digits)).MatchString(got) {
				t.Errorf("GENPASS%s: %q", bits, got)
			}
		}
		if digits > 10 && first == second {
			t.Errorf("GENPASS%s twice: %q", bits, first)
		}
	}
}

// TestACLCategoriesSameAsStock: rules by category mean at least what they mean in
// redis-sentinel, and beyond that only commands that 7.0 does not have.
func TestACLCategoriesSameAsStock(t *testing.T) {
	stock := stockSentinel(t).dial(t)
	ours := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{}).dial(t)
	newer := regexp.MustCompile(`^(client\|setinfo|sentinel\|(gossip|failovers|forget|(pause|resume)-failover|(get-|is-)?prima.*))$`)
	compared := 0
	for _, category := range acl.Categories() {
		want, got := names(stock.Do("ACL CAT "+category)), names(ours.Do("ACL CAT "+category))
		got = slices.DeleteFunc(got, newer.MatchString)
		if !slices.Equal(got, want) {
			t.Errorf("@%s\n got %q\nwant %q", category, got, want)
		}
		compared += len(want)
	}
	if compared < 100 {
		t.Errorf("only %d commands compared", compared)
	}
}

// names returns the sorted bulk strings of a flat reply.
func names(reply string) []string {
	lines := strings.Split(strings.TrimSpace(reply), "\n")
	var list []string
	for i := 2; i < len(lines); i += 2 {
		list = append(list, lines[i])
	}
	slices.Sort(list)
	return list
}

// TestSubscriberIsCut: a client that loses the permission for a subscription
// loses its connection; others do not.
func TestSubscriberIsCut(t *testing.T) {
	ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
	admin := ts.dial(t)
	admin.Do("ACL SETUSER bob on nopass +@all &news &x*")
	admin.Do("ACL SETUSER eve on nopass +@all &news")
	as := func(user string, cmds ...string) *resptest.Conn {
		c := ts.dial(t)
		for _, cmd := range append([]string{"AUTH " + user + ` ""`}, cmds...) {
			if got := c.Do(cmd); strings.HasPrefix(got, "-") {
				t.Fatalf("%s as %s: %s", cmd, user, got)
			}
		}
		return c
	}
	lost, pattern := as("bob", "SUBSCRIBE news"), as("bob", "PSUBSCRIBE x*")
	other, kept, idle := as("eve", "SUBSCRIBE news"), as("bob", "SUBSCRIBE xyz"), as("bob")
	if got := admin.Do("ACL SETUSER bob resetchannels &xy*"); got != "+OK\n" {
		t.Fatal(got)
	}
	for name, c := range map[string]*resptest.Conn{"channel": lost, "pattern": pattern} {
		if v, err := c.Value(); !resptest.Closed(err) {
			t.Errorf("the subscriber to a %s got %q, %v", name, v, err)
		}
	}
	for name, c := range map[string]*resptest.Conn{"another user": other, "an allowed channel": kept, "nothing": idle} {
		if got := c.Do("PING"); got != "+PONG\n" && !strings.Contains(got, "pong") {
			t.Errorf("the subscriber to %s got %q", name, got)
		}
	}
	self := as("eve", "HELLO 3", "SUBSCRIBE news")
	if got := self.Do("ACL SETUSER eve resetchannels"); got != "+OK\n(closed)\n" {
		t.Errorf("who takes his own right away got %q", got)
	}
	if v, err := other.Value(); !resptest.Closed(err) {
		t.Errorf("the other connection of that user got %q, %v", v, err)
	}
}

// TestSubscribeWhileRightIsTaken: when a subscription coincides with the loss of
// its permission, no subscriber without permission remains.
func TestSubscribeWhileRightIsTaken(t *testing.T) {
	ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
	admin := ts.dial(t)
	outcomes := map[string]int{}
	for i := range 200 {
		admin.Do("ACL SETUSER bob on nopass +@all &x")
		c := ts.dial(t)
		c.Do(`AUTH bob ""`)
		take := "ACL SETUSER bob resetchannels"
		if i%2 == 0 {
			take = "ACL DELUSER bob"
		}
		var work sync.WaitGroup
		var got string
		work.Go(func() { got, _ = firstValue(c, "SUBSCRIBE x\r\n") })
		admin.Do(take)
		work.Wait()
		switch {
		case strings.HasPrefix(got, "-NOPERM"), strings.HasPrefix(got, "-NOAUTH"):
			outcomes["refused"]++
		case got == "" || strings.HasPrefix(got, "*3\n$9\nsubscribe"):
			outcomes["cut"]++
			if v, err := c.Value(); !resptest.Closed(err) {
				t.Fatalf("still subscribed: %q, %v", v, err)
			}
		default:
			t.Fatalf("got %q", got)
		}
		c.Close()
	}
	t.Log(outcomes)
	if channels, patterns := ts.bus.Counts(); channels+patterns > 0 {
		resptest.Eventually(t, "no subscription is left", func() bool { n, m := ts.bus.Counts(); return n+m == 0 })
	}
}

// firstValue sends bytes and returns the first value received.
func firstValue(c *resptest.Conn, text string) (string, error) {
	if _, err := c.Write([]byte(text)); err != nil {
		return "", err
	}
	return c.Value()
}

// TestStrangersAreLimited: the limits for unauthenticated clients apply to every
// client that has to log in, even if the password was set at run time or the
// client's user was deleted.
func TestStrangersAreLimited(t *testing.T) {
	long := "*11\r\n" + strings.Repeat("$1\r\na\r\n", 11)
	big := "*2\r\n$4\r\nPING\r\n$20000\r\n" + strings.Repeat("x", 20000) + "\r\n"
	ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
	admin := ts.dial(t)
	early := ts.dial(t)
	for _, in := range []string{long, big} {
		if v, err := firstValue(early, in); err != nil || strings.Contains(v, "unauthenticated") {
			t.Errorf("without a password: %.60q, %v", v, err)
		}
	}
	admin.Do("ACL SETUSER default >secret")
	for in, want := range map[string]string{
		long: "-ERR Protocol error: unauthenticated multibulk length\n", big: "-ERR Protocol error: unauthenticated bulk length\n",
	} {
		if v, err := firstValue(ts.dial(t), in); err != nil || v != want {
			t.Errorf("a stranger got %q, %v; want %q", v, err, want)
		}
		c := ts.dial(t)
		c.Do("AUTH secret")
		if v, err := firstValue(c, in); err != nil || strings.Contains(v, "unauthenticated") {
			t.Errorf("after AUTH: %.60q, %v", v, err)
		}
		if v, err := firstValue(early, in); err != nil || strings.Contains(v, "unauthenticated") {
			t.Errorf("who was there before: %.60q, %v", v, err)
		}
	}
}

// TestProtectedModeFollowsUsers: protected mode depends on whether the default
// user currently needs a password.
func TestProtectedModeFollowsUsers(t *testing.T) {
	ts := startServer(t, Config{ProtectedMode: true}, newFakeEngine(), pubsub.Limits{})
	ln := newPipeListener("192.0.2.1:5")
	served := make(chan error, 1)
	go func() { served <- ts.Serve(ln) }()
	ask := func() string {
		nc := ln.dial()
		defer nc.Close()
		stranger := resptest.New(t, nc)
		go nc.Write([]byte("PING\r\n"))
		v, err := stranger.Value()
		if err != nil {
			t.Error(err)
		}
		return v
	}
	if got := ask(); !strings.HasPrefix(got, "-DENIED ") {
		t.Errorf("without a password a stranger got %q", got)
	}
	admin := ts.dial(t)
	admin.Do("ACL SETUSER default >secret")
	if got := ask(); !strings.HasPrefix(got, "-NOAUTH ") {
		t.Errorf("with a password a stranger got %q", got)
	}
	admin.Do("ACL SETUSER default nopass")
	if got := ask(); !strings.HasPrefix(got, "-DENIED ") {
		t.Errorf("without a password again a stranger got %q", got)
	}
	ts.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestACLLogTellsWho: the log has the command, the user and the connection.
func TestACLLogTellsWho(t *testing.T) {
	ts := startServer(t, Config{}, newFakeEngine(), pubsub.Limits{})
	admin, c := ts.dial(t), ts.dial(t)
	admin.Do("ACL SETUSER bob on >pw +subscribe +client|setname")
	c.Do("AUTH bob wrong")
	c.Do("HELLO 3 AUTH bob pw SETNAME me")
	c.Do("ROLE")
	c.Do("ROLE")
	c.Do("SUBSCRIBE secrets")
	got := admin.Do("ACL LOG")
	for _, want := range []string{
		"*3\n*20\n$5\ncount\n:1\n$6\nreason\n$7\nchannel\n$7\ncontext\n$8\ntoplevel\n$6\nobject\n$7\nsecrets\n$8\nusername\n$3\nbob\n$11\nage-seconds\n",
		"$5\ncount\n:2\n$6\nreason\n$7\ncommand\n", "$6\nobject\n$4\nrole\n", "$6\nreason\n$4\nauth\n", "$6\nobject\n$4\nAUTH\n", " name=me ", " user=bob ", " user=default ", "addr=" + c.LocalAddr().String(),
		"$8\nentry-id\n:0\n", "$8\nentry-id\n:2\n", "$17\ntimestamp-created\n:", "$22\ntimestamp-last-updated\n:",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("ACL LOG lacks %q:\n%s", want, got)
		}
	}
	if got := admin.Do("CLIENT LIST ID 2"); !strings.Contains(got, " user=bob ") {
		t.Errorf("CLIENT LIST: %s", got)
	}
}

// TestFailoverClientWithUser lets go-redis find the master as a user with no more
// permissions than that needs.
func TestFailoverClientWithUser(t *testing.T) {
	logging.Disable()
	defer logging.Enable()
	b := newFakeEngine()
	data, err := net.Listen("tcp", "127.0.0.1:0") // stands in for the master
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	b.sentinels["mymaster"] = nil // go-redis would try to connect to them
	b.masters[0].Current = monitor.HostPort{Host: "127.0.0.1", Port: data.Addr().(*net.TCPAddr).Port}
	users := usersWithPassword("for somebody else")
	if _, err := users.SetUser("app", "on", ">pw", "+client|setinfo", "+ping", "+sentinel|get-master-addr-by-name", "+sentinel|sentinels", "+subscribe", "&+switch-master", "&+replica-reconf-done"); err != nil {
		t.Fatal(err)
	}
	ts := startServer(t, Config{Users: users}, b, pubsub.Limits{})
	c := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: "mymaster", SentinelAddrs: []string{ts.addr}, SentinelUsername: "app", SentinelPassword: "pw", MaxRetries: -1,
	})
	defer c.Close()
	arrived := make(chan struct{})
	go func() {
		defer close(arrived)
		if nc, err := data.Accept(); err == nil {
			nc.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c.Ping(ctx) // fails because the master hangs up, but it was found
	<-arrived
	resptest.Eventually(t, "it listens to events", func() bool { n, _ := ts.bus.Counts(); return n > 0 })
	if refused := users.Log(10); len(refused) > 0 {
		t.Errorf("refused: %+v", refused)
	}
}
