package acl

import (
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stockCommands is the command table of redis-sentinel 7.0.15, as TestOracleTable
// proves.
func stockCommands() []Command {
	var list []Command
	row := func(name, categories string) {
		c := Command{Name: name, NoAuth: name == "auth" || name == "hello"}
		for _, cat := range strings.Fields(categories) {
			c.Categories = append(c.Categories, "@"+cat)
		}
		switch name {
		case "publish":
			c.Channels = OneChannel
		case "subscribe":
			c.Channels = AllChannels
		case "psubscribe":
			c.Channels = ChannelPatterns
		}
		list = append(list, c)
	}
	rows := func(container, categories, subs string) {
		for _, sub := range strings.Fields(subs) {
			row(container+"|"+sub, categories)
		}
	}
	const admin = "admin slow dangerous"
	row("acl", "slow")
	rows("acl", admin, "deluser dryrun getuser list load log save setuser users")
	rows("acl", "slow", "cat genpass help whoami")
	row("auth", "fast connection")
	row("client", "slow")
	rows("client", admin+" connection", "kill list no-evict pause unblock unpause")
	rows("client", "slow connection", "caching getname getredir help id info reply setname tracking trackinginfo")
	row("command", "slow connection")
	rows("command", "slow connection", "count docs getkeys getkeysandflags help info list")
	row("hello", "fast connection")
	row("info", "slow dangerous")
	row("ping", "fast connection")
	row("psubscribe", "pubsub slow")
	row("publish", "pubsub fast")
	row("punsubscribe", "pubsub slow")
	row("role", "admin fast dangerous")
	row("sentinel", admin)
	rows("sentinel", admin, "ckquorum config debug failover flushconfig get-master-addr-by-name info-cache "+
		"is-master-down-by-addr master masters monitor myid pending-scripts remove replicas reset sentinels set "+
		"simulate-failure slaves")
	row("sentinel|help", "slow")
	row("shutdown", admin)
	row("subscribe", "pubsub slow")
	row("unsubscribe", "pubsub slow")
	return list
}

func newList(t testing.TB, opt Options) *List {
	t.Helper()
	l, err := New(stockCommands(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// set applies rules that must be valid.
func set(t testing.TB, l *List, name string, rules ...string) Change {
	t.Helper()
	c, err := l.SetUser(name, rules...)
	if err != nil {
		t.Fatalf("SetUser(%q, %q): %v", name, rules, err)
	}
	return c
}

// line returns the rules of a user as ACL LIST shows them.
func line(t testing.TB, l *List, name string) string {
	t.Helper()
	for _, line := range l.Lines() {
		if rest, ok := strings.CutPrefix(line, "user "+name+" "); ok {
			return rest
		}
	}
	t.Fatalf("there is no user %q", name)
	return ""
}

// check calls Check for a request given as one string.
func check(t testing.TB, l *List, name, request string) Denial {
	t.Helper()
	u, ok := l.User(name)
	if !ok {
		t.Fatalf("there is no user %q", name)
	}
	words := strings.Fields(request)
	command := lower(words[0])
	if cmd, known := l.table.lookup(command); known && l.table.subs[cmd] != nil && len(words) > 1 {
		command += "|" + lower(words[1])
	}
	args := make([][]byte, len(words))
	for i, w := range words {
		args[i] = []byte(w)
	}
	return l.Check(u, command, args)
}
