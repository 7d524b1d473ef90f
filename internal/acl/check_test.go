package acl

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	const (
		noCommand = "NOPERM User u has no permissions to run the '"
		noChannel = "NOPERM No permissions to access a channel"
	)
	for _, c := range []struct{ rules, request, wire, dry string }{
		{"", "ping", noCommand + "ping' command", "User u has no permissions to run the 'ping' command"},
		{"", "SENTINEL Masters", noCommand + "sentinel|masters' command", "User u has no permissions to run the 'sentinel|masters' command"},
		{"", "auth x", "", "OK"},
		{"", "hello", "", "OK"},
		{"+ping", "ping", "", "OK"},
		{"+ping|a", "ping", noCommand + "ping' command", "User u has no permissions to run the 'ping' command"},
		{"+ping|a", "ping A", "", "OK"},
		{"+ping|a", "ping b", noCommand + "ping' command", "User u has no permissions to run the 'ping' command"},
		{"+sentinel -sentinel|set", "sentinel masters", "", "OK"},
		{"+sentinel -sentinel|set", "sentinel set a b c", noCommand + "sentinel|set' command", "User u has no permissions to run the 'sentinel|set' command"},
		{"+@all -@dangerous", "sentinel help", noCommand + "sentinel|help' command", "User u has no permissions to run the 'sentinel|help' command"},
		{"+subscribe &a*", "subscribe ab a", "", "OK"},
		{"+subscribe &a*", "subscribe ab b", noChannel, "User u has no permissions to access the 'b' channel"},
		{"+subscribe", "subscribe a", noChannel, "User u has no permissions to access the 'a' channel"},
		{"+unsubscribe", "unsubscribe a", "", "OK"},
		{"+psubscribe &a*", "psubscribe a*", "", "OK"},
		{"+psubscribe &a*", "psubscribe ab", noChannel, "User u has no permissions to access the 'ab' channel"},
		{"+psubscribe &*", "psubscribe ab", "", "OK"},
		{"+publish &a", "publish a b", "", "OK"},
		{"+publish &a", "publish b a", noChannel, "User u has no permissions to access the 'b' channel"},
		{"+subscribe &a (+subscribe &b)", "subscribe b", "", "OK"},
		{"+subscribe &a (+subscribe &b)", "subscribe a b", noChannel, "User u has no permissions to access the 'b' channel"},
		{"+subscribe &a (+subscribe &b)", "subscribe b a", noChannel, "User u has no permissions to access the 'a' channel"},
		{"+subscribe (&a)", "subscribe a", noChannel, "User u has no permissions to access the 'a' channel"},
		{"&* (+subscribe &b)", "subscribe a", noChannel, "User u has no permissions to access the 'a' channel"},
	} {
		l := newList(t, Options{})
		set(t, l, "u", splitWords(c.rules)...)
		d := check(t, l, "u", c.request)
		if d.Denied() != (c.wire != "") || d.Denied() && d.Error() != c.wire || d.DryRun() != c.dry {
			t.Errorf("%s: %s: %q, %q", c.rules, c.request, d.Error(), d.DryRun())
		}
	}
}

func TestCheckFailsClosed(t *testing.T) {
	l := newList(t, Options{})
	if d := l.Check(l.Default(), "get", [][]byte{[]byte("get")}); d.Reason != DeniedCommand {
		t.Errorf("a command that is not in the table: %v", d)
	}
	if d := l.Check(l.Default(), "ping", nil); d.Denied() {
		t.Errorf("a request without words: %v", d)
	}
	set(t, l, "u", "+ping|a", "+subscribe")
	u, _ := l.User("u")
	if d := l.Check(u, "ping", nil); d.Reason != DeniedCommand {
		t.Errorf("a request without words: %v", d)
	}
}

// TestUnlimited: Unlimited is true for users to whom nothing is refused, and
// false for all others.
func TestUnlimited(t *testing.T) {
	for rules, want := range map[string]bool{
		"+@all &*": true, "allcommands allchannels": true, "on nopass ~* &* +@all (+ping)": true, "-@all +@all &a &*": true,
		"+@all": false, "+@all &* -info": false, "+@all &* -info +info": false, "&* +@admin": false, "&*": false, "+@all &* resetchannels": false, "(+@all &*)": false,
	} {
		l := newList(t, Options{})
		set(t, l, "u", strings.Fields(rules)...)
		u, _ := l.User("u")
		if got := u.Unlimited(); got != want {
			t.Errorf("%q: unlimited is %v", rules, got)
		}
		for _, request := range []string{"ping", "info", "sentinel myid", "subscribe x", "psubscribe x*", "publish x y", "acl list"} {
			if d := check(t, l, "u", request); u.Unlimited() && d.Denied() {
				t.Errorf("%q: %s: %v", rules, request, d)
			}
		}
		if _, err := l.DelUsers("u"); err != nil || u.Unlimited() {
			t.Errorf("%q: unlimited although deleted, %v", rules, err)
		}
	}
}

// The cost of a check, which every command pays, for a user who may do everything
// and for one who may not.
func BenchmarkCheck(b *testing.B) {
	l := newList(b, Options{})
	set(b, l, "limited", "+@all", "-@dangerous", "+sentinel|get-master-addr-by-name")
	words := [][]byte{[]byte("SENTINEL"), []byte("get-master-addr-by-name"), []byte("mymaster")}
	for _, name := range []string{DefaultUser, "limited"} {
		u, _ := l.User(name)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if !u.Unlimited() && l.Check(u, "sentinel|get-master-addr-by-name", words).Denied() {
					b.Fatal("refused")
				}
			}
		})
	}
}
